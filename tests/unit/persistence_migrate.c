/*
 * Migrations: in order, once, under a lock, by checksum, tried dry; refused with a sentence. And
 * what they leave behind: the catalogue of every table.
 */
#include "persistence/migrate.h"
#include "tests/unit/pg_query.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static struct migration files[] = {
	{ 1, "0001_one", "create table one (a int); insert into one values (1);" },
	{ 2, "0002_two", "create table two (b int references nothing)" },
	{ 3, "0003_three", "alter table one add c int" },
};

static struct {
	char said[1024], text[1024];
} told;

static void say(void *ctx, const char *line)
{
	(void)ctx;
	size_t n = strlen(told.said);
	snprintf(told.said + n, sizeof told.said - n, "%s\n", line);
}

static enum err migrate(const char *url, uint16_t n, bool dry, uint32_t within_ms)
{
	struct statement_set set = { .migrations = files, .n_migrations = n };
	struct migrate_config config = {
		.url = url, .set = &set, .dry = dry, .within_ms = within_ms, .say = say
	};
	told.said[0] = '\0';
	return migrate_run(&config, told.text, sizeof told.text);
}

/* The admin's url, for another database. */
static const char *url_of(struct pg_fixture *f, const char *login, const char *database,
                          const char *more)
{
	static char url[512];
	snprintf(url, sizeof url, "postgresql://%s@/%s?host=%s/run%s", login, database, f->folder,
	         more);
	return url;
}

static const char *fresh(struct pg_fixture *f, struct pg_query *q, const char *name)
{
	char sql[128];
	snprintf(sql, sizeof sql, "create database %s", name);
	assert_int_equal(pg_query_script(q, sql, NULL), OK);
	return url_of(f, "postgres", name, "");
}

static void dry_run_leaves_nothing(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	assert_int_equal(migrate(cluster_admin_url(f->cluster), 1, true, 0), OK);
	assert_string_equal(told.said, "would apply 0001_one\nschema is at 0001\n");
	assert_string_equal(told.text, "");
	assert_string_equal(pg_query_text(q,
	                                  "select count(*)::text from pg_roles where rolname like "
	                                  "'switchboard\\__%'"),
	                    "0");
	assert_null(pg_query_text(q, "select to_regnamespace('switchboard')::text"));
	/* A file that cannot be applied is found dry. */
	assert_int_equal(migrate(cluster_admin_url(f->cluster), 2, true, 0), ERR_STORAGE);
	assert_string_equal(told.text, "0002_two: relation \"nothing\" does not exist");
	pg_query_free(&q);
}

static void files_are_applied_once(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	const char *url = fresh(f, q, "once");
	assert_int_equal(migrate(url, 1, false, 0), OK);
	assert_string_equal(told.said, "applied 0001_one\nschema is at 0001\n");
	assert_int_equal(migrate(url, 1, false, 0), OK);
	assert_string_equal(told.said, "schema is at 0001\n");
	/* The second fails: the first stays, nothing of the second does. */
	assert_int_equal(migrate(url, 2, false, 0), ERR_STORAGE);
	assert_string_equal(told.text, "0002_two: relation \"nothing\" does not exist");
	files[1].sql = "create table two (b int)";
	assert_int_equal(migrate(url, 3, false, 0), OK);
	assert_string_equal(told.said, "applied 0002_two\napplied 0003_three\nschema is at 0003\n");
	struct pg_query *there = pg_query_new(f, url);
	assert_string_equal(pg_query_text(there, "select count(*)::text from switchboard.one"),
	                    "1");
	assert_string_equal(pg_query_text(there, "select tableowner::text from pg_tables where "
	                                         "tablename = 'two'"),
	                    "switchboard_owner");
	pg_query_free(&there);
	pg_query_free(&q);
}

static void changes_are_refused(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	char url[512];
	snprintf(url, sizeof url, "%s", fresh(f, q, "changed"));
	assert_int_equal(migrate(url, 3, false, 0), OK);
	const char *was = files[1].sql;
	files[1].sql = "create table two (b bigint)";
	assert_int_equal(migrate(url, 3, false, 0), ERR_CONFLICT);
	assert_string_equal(told.text,
	                    "0002_two was changed after it was applied: put it back, and "
	                    "write the change as a new file");
	files[1].sql = was;
	assert_int_equal(migrate(url, 2, false, 0), ERR_VERSION);
	assert_string_equal(told.text,
	                    "the database is at 0003_three, newer than this program, which "
	                    "knows 2 files: use the newer program");
	struct pg_query *there = pg_query_new(f, url);
	assert_int_equal(
		pg_query_script(there, "delete from switchboard.migration where number = 2", NULL),
		OK);
	assert_int_equal(migrate(url, 3, false, 0), ERR_CONFLICT);
	assert_string_equal(told.text,
	                    "the database has 2 of the files up to 0003_three: one is missing");
	pg_query_free(&there);
	pg_query_free(&q);
}

static void lock_makes_them_take_turns(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	char url[512];
	snprintf(url, sizeof url, "%s", fresh(f, q, "turns"));
	pid_t children[3];
	for (int i = 0; i < 3; i++) {
		children[i] = fork();
		if (!children[i])
			_exit(migrate(url, 3, false, 0) ? 1 : 0);
	}
	for (int i = 0; i < 3; i++) {
		int status;
		assert_int_equal(waitpid(children[i], &status, 0), children[i]);
		assert_int_equal(status, 0);
	}
	struct pg_query *there = pg_query_new(f, url);
	assert_string_equal(pg_query_text(there, "select count(*)::text from switchboard.one"),
	                    "1");
	assert_int_equal(
		pg_query_script(there, "select pg_advisory_lock(8319119878197830244)", NULL), OK);
	assert_int_equal(migrate(url, 3, false, 1000), ERR_TIMEOUT);
	assert_string_equal(told.text,
	                    "somebody else is migrating this database and does not finish");
	pg_query_free(&there);
	pg_query_free(&q);
}

static void missing_rights_are_named(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	char path[128];
	fresh(f, q, "outside");
	snprintf(path, sizeof path, "%s/pg_hba.conf", f->folder);
	FILE *hba = fopen(path, "w");
	fputs("local all all trust\n", hba);
	fclose(hba);
	assert_int_equal(
		pg_query_script(q,
	                        "create role weak login; create role maker login createrole;"
	                        "create role lent login; select pg_reload_conf()",
	                        NULL),
		OK);
	struct pg_query *there = pg_query_new(f, url_of(f, "postgres", "outside", ""));

	assert_int_equal(migrate(url_of(f, "weak", "outside", ""), 1, false, 0), ERR_DENIED);
	assert_string_equal(told.text,
	                    "weak is not a member of switchboard_owner, switchboard_app and "
	                    "switchboard_system: grant them to it");
	assert_int_equal(migrate(url_of(f, "maker", "outside", ""), 1, false, 0), ERR_DENIED);
	assert_string_equal(told.text, "maker may not create a schema: grant create on database "
	                               "outside to maker");
	assert_int_equal(pg_query_script(there, "grant create on database outside to maker", NULL),
	                 OK);
	assert_int_equal(migrate(url_of(f, "maker", "outside", ""), 1, false, 0), OK);
	assert_int_equal(migrate(url_of(f, "maker", "outside", ""), 1, false, 0), OK);

	/* Roles and schema made by somebody else: nothing but membership is needed. */
	assert_int_equal(
		pg_query_script(
			there,
			"grant switchboard_owner, switchboard_app, switchboard_system to lent",
			NULL),
		OK);
	assert_int_equal(migrate(url_of(f, "lent", "outside", ""), 3, false, 0), OK);
	assert_int_equal(migrate(url_of(f, "nobody", "outside", ""), 3, false, 1000),
	                 ERR_UNAVAILABLE);
	assert_non_null(strstr(told.text, "role \"nobody\" does not exist"));
	assert_int_equal(migrate("postgresql://[", 3, false, 300), ERR_INVALID);
	pg_query_free(&there);
	pg_query_free(&q);
}

/* ---- the catalogue of the real schema
 * ------------------------------------------------------------- */

#define OURS                                                                                       \
	" from pg_class c where c.relnamespace = 'switchboard'::regnamespace and relkind in "      \
	"('r','p')"
#define HAS_BUSINESS                                                                               \
	" and exists (select from pg_attribute a where a.attrelid = c.oid"                         \
	" and a.attname = 'business_id' and not a.attisdropped)"

static void every_tenant_table_is_guarded(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	char url[512];
	snprintf(url, sizeof url, "%s", fresh(f, q, "catalogue"));
	struct migrate_config config = { .url = url, .set = &store_statements };
	enum err e = migrate_run(&config, told.text, sizeof told.text);
	if (e)
		fail_msg("%s", told.text);
	struct pg_query *there = pg_query_new(f, url);
#define NONE(sql)                                                                                  \
	assert_string_equal(pg_query_text(there,                                                   \
	                                  "select coalesce(string_agg(x, ', '), '') from (" sql    \
	                                  ") t (x)"),                                              \
	                    "")
	/* Row level security enabled and forced. */
	NONE("select relname" OURS HAS_BUSINESS
	     " and not (relrowsecurity and relforcerowsecurity)");
	/* The app role has one policy there, and it is the business'. */
	NONE("select relname" OURS HAS_BUSINESS
	     " and (select count(*) from pg_policy p where p.polrelid = c.oid"
	     " and p.polroles = array['switchboard_app'::regrole::oid] and p.polcmd = '*'"
	     " and pg_get_expr(p.polqual, c.oid) = '(business_id = current_business())'"
	     " and pg_get_expr(p.polwithcheck, c.oid) = '(business_id = current_business())') <> "
	     "1");
	/* No policy for others than app and system; no policy for everybody. */
	NONE("select c.relname" OURS " and exists (select from pg_policy p where p.polrelid = c.oid"
	     " and not p.polroles <@ array['switchboard_app'::regrole::oid,"
	     " 'switchboard_system'::regrole::oid])");
	/* The system role sees the directory alone. */
	NONE("select c.relname" OURS
	     " and has_any_column_privilege('switchboard_system', c.oid, 'select,insert,update')"
	     " and relname not in ('business', 'connector', 'api_key', 'lease', 'audit', "
	     "'audit_head', 'migration', 'call')");
	/* Where the trails end is the trigger's alone to write, and the app's not even to see. */
	NONE("select grantee || privilege_type from information_schema.role_table_grants"
	     " where table_name = 'audit_head' and grantee <> 'switchboard_owner'"
	     " and (grantee, privilege_type) <> ('switchboard_system', 'SELECT')");
	/* Of calls, what it needs to end those whose desk is gone: nothing of who spoke. */
	NONE("select attname from pg_attribute where attrelid = 'call'::regclass and attnum > 0"
	     " and has_column_privilege('switchboard_system', attrelid, attnum, 'select,update')"
	     " and attname not in ('business_id', 'id', 'state', 'desk', 'start_us', 'cause',"
	     " 'end_us')");
	/* What has no business_id is known to have none. */
	NONE("select relname" OURS
	     " and relname not in ('business', 'lease', 'migration', 'audit_head')"
	     " except select relname" OURS HAS_BUSINESS);
	/* Every key starts with the business, or is an id of the system's own. */
	NONE("select relname" OURS
	     " and not relrowsecurity and relname not in ('lease', 'migration', 'audit_head')");
	/* Nobody owns but the owner; nobody bypasses; the app is a member of nothing. */
	NONE("select relname" OURS " and pg_get_userbyid(relowner) <> 'switchboard_owner'");
	NONE("select rolname from pg_roles where rolname like 'switchboard%'"
	     " and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb)");
	NONE("select member::regrole::text from pg_auth_members"
	     " where member in ('switchboard_app'::regrole, 'switchboard_system'::regrole)");
	/* The trail is append-only, secrets are not the app's. */
	NONE("select grantee || privilege_type from information_schema.role_table_grants"
	     " where table_name = 'audit' and grantee <> 'switchboard_owner'"
	     " and privilege_type not in ('SELECT', 'INSERT')");
	NONE("select 'secret' where has_column_privilege('switchboard_app',"
	     " 'switchboard.connector', 'secret', 'select')");
	NONE("select 'hash' where has_column_privilege('switchboard_app',"
	     " 'switchboard.api_key', 'hash', 'select')");
	/* The test can see: a table that forgot is named. */
	assert_int_equal(
		pg_query_script(there, "create table switchboard.bare (business_id bigint)", NULL),
		OK);
	assert_string_equal(pg_query_text(there,
	                                  "select string_agg(relname, ', ')" OURS HAS_BUSINESS
	                                  " and not (relrowsecurity and relforcerowsecurity)"),
	                    "bare");
	pg_query_free(&there);
	pg_query_free(&q);
}

static void audit_cannot_be_changed(void **state)
{
	struct pg_fixture *f = *state;
	const char *text;
	struct pg_query *q = pg_query_new(f, url_of(f, "postgres", "catalogue", ""));
	assert_int_equal(
		pg_query_script(q, "insert into switchboard.audit (action) values ('a.b')", NULL),
		OK);
	assert_int_equal(pg_query_script(q, "update switchboard.audit set action = 'c'", &text),
	                 ERR_DENIED);
	assert_string_equal(text, "the audit trail is append-only");
	assert_int_equal(pg_query_script(q, "delete from switchboard.audit", NULL), ERR_DENIED);
	assert_int_equal(pg_query_script(q, "truncate switchboard.audit", NULL), ERR_DENIED);
	pg_query_free(&q);
}

/* Rows from before there was a chain are in it, as they stand. */
static void old_rows_are_chained(void **state)
{
	struct pg_fixture *f = *state;
	struct pg_query *q = pg_query_new(f, cluster_admin_url(f->cluster));
	char url[512];
	snprintf(url, sizeof url, "%s", fresh(f, q, "unchained"));
	struct statement_set before = { .migrations = store_statements.migrations,
		                        .n_migrations = 7 };
	assert_int_equal(migrate_run(&(struct migrate_config){ .url = url, .set = &before },
	                             told.text, sizeof told.text),
	                 OK);
	struct pg_query *there = pg_query_new(f, url);
	assert_int_equal(
		pg_query_script(there,
	                        "insert into switchboard.business (name) values ('one');"
	                        "insert into switchboard.audit (business_id, action, detail) values"
	                        " (1, 'a.b', null), (null, 'c.d', '{}'), (1, 'e.f', null)",
	                        NULL),
		OK);
	enum err e = migrate_run(&(struct migrate_config){ .url = url, .set = &store_statements },
	                         told.text, sizeof told.text);
	if (e)
		fail_msg("%s", told.text);
	assert_string_equal(pg_query_text(there,
	                                  "select string_agg(action || seq, ' ' order by id)"
	                                  " from switchboard.audit a where hash ="
	                                  " switchboard.audit_hash_of((select hash from"
	                                  " switchboard.audit b where b.seq = a.seq - 1 and"
	                                  " b.business_id is not distinct from a.business_id), a)"),
	                    "a.b1 c.d1 e.f2");
	assert_string_equal(pg_query_text(there, "select string_agg(chain || ':' || seq, ' ' order"
	                                         " by chain) from switchboard.audit_head"),
	                    "0:1 1:2");
	pg_query_free(&there);
	pg_query_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dry_run_leaves_nothing),
		cmocka_unit_test(files_are_applied_once),
		cmocka_unit_test(changes_are_refused),
		cmocka_unit_test(lock_makes_them_take_turns),
		cmocka_unit_test(missing_rights_are_named),
		cmocka_unit_test(every_tenant_table_is_guarded),
		cmocka_unit_test(audit_cannot_be_changed),
		cmocka_unit_test(old_rows_are_chained),
	};
	return cmocka_run_group_tests_name("persistence migrate", tests, pg_fixture_up,
	                                   pg_fixture_down);
}
