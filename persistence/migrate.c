/*
 * migrate.c — one connection, one list of stages, each begun when the one before has ended.
 *
 *     CONNECT ─ LOCK ─ LOOK ─ PREPARE ─ COMPARE ─┬─ FILE ─ NOTE ─┬─ DONE
 *                     rights   roles,   checksums └───◀──────────┘
 *                              schema
 *
 * Each file commits with the row that notes it. A dry run is the same inside one transaction that
 * is never committed.
 */
#include "persistence/migrate.h"
#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum stage { CONNECT, LOCK, LOOK, PREPARE, COMPARE, FILE_BEGIN, FILE_RUN, NOTE, FILE_END, DONE };

enum { WITHIN_MS = 60000, TEXT_MAX = 1024 };

struct migrate {
	const struct migrate_config *config;
	struct loop *loop;
	struct loop_timer *timer;
	struct pg *pg;
	enum stage stage;
	enum err e;
	char text[TEXT_MAX], down[TEXT_MAX];
	uint16_t next;    /* file */
	uint16_t applied; /* files the database has, of ours */
	uint16_t changed; /* the first whose checksum differs, when e is ERR_CONFLICT */
	int64_t newest;   /* the database's highest number */
	char newest_name[128], login[128], database[128];
	bool is_super, may_roles, may_create, has_roles, is_member, has_schema;
};

static void stage_begin(struct migrate *m, enum stage stage);

static void end(struct migrate *m, enum err e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void end(struct migrate *m, enum err e, const char *fmt, ...)
{
	va_list ap;
	m->e = e;
	va_start(ap, fmt);
	vsnprintf(m->text, sizeof m->text, fmt, ap);
	va_end(ap);
	m->stage = DONE;
	loop_stop(m->loop);
}

static void say(struct migrate *m, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void say(struct migrate *m, const char *fmt, ...)
{
	char line[TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof line, fmt, ap);
	va_end(ap);
	if (m->config->say)
		m->config->say(m->config->ctx, line);
}

static uint32_t within_ms(const struct migrate *m)
{
	return m->config->within_ms ? m->config->within_ms : WITHIN_MS;
}

/* ---- statements
 * ---------------------------------------------------------------------------------- */

enum { INT4 = 23, TEXT = 25 };

/* The number is "switchbd" in ASCII: another program's lock is unlikely to be the same. */
static const struct pg_statement lock = { .name = "migrate.lock",
	                                  .sql = "select pg_advisory_lock(8319119878197830244)",
	                                  .number = 0 };

static const struct pg_statement look = {
	.name = "migrate.look",
	.sql = "select current_user::text, current_database()::text, r.rolsuper, r.rolcreaterole,"
	       " has_database_privilege(current_database(), 'create'),"
	       " (select count(*) = 3 from pg_roles o where o.rolname in"
	       "  ('switchboard_owner', 'switchboard_app', 'switchboard_system')),"
	       " (select count(*) = 3 from pg_roles o where o.rolname in"
	       "  ('switchboard_owner', 'switchboard_app', 'switchboard_system')"
	       "  and pg_has_role(o.oid, 'member')),"
	       " to_regnamespace('switchboard') is not null"
	       " from pg_roles r where r.rolname = current_user",
	.number = 1
};

static const struct pg_statement newest = {
	.name = "migrate.newest",
	.sql = "select number, name from switchboard.migration order by number desc limit 1",
	.number = 2
};

static const struct pg_statement compare = {
	.name = "migrate.compare",
	.sql = "select name = $2 and sha256 = sha256(convert_to($3, 'UTF8'))"
	       " from switchboard.migration where number = $1",
	.types = (const uint32_t[]){ INT4, TEXT, TEXT },
	.n_types = 3,
	.number = 3
};

static const struct pg_statement note = {
	.name = "migrate.note",
	.sql = "insert into switchboard.migration (number, name, sha256)"
	       " values ($1, $2, sha256(convert_to($3, 'UTF8')))",
	.types = (const uint32_t[]){ INT4, TEXT, TEXT },
	.n_types = 3,
	.number = 4
};

/* Another database of the same server may be creating the roles this moment. Who migrates without
 * being superuser is a member of all three, and `switchboard`, the private cluster's login, of two.
 */
#define PREPARE_SQL                                                                                \
	"begin;"                                                                                   \
	"do $$ declare r text; begin"                                                              \
	" foreach r in array array['switchboard_owner', 'switchboard_app', 'switchboard_system']"  \
	" loop"                                                                                    \
	"  begin"                                                                                  \
	"   if not exists (select from pg_roles where rolname = r) then"                           \
	"    execute format('create role %I nologin', r);"                                         \
	"   end if;"                                                                               \
	"  exception when duplicate_object or unique_violation then null;"                         \
	"  end;"                                                                                   \
	"  if not pg_has_role(r, 'member') then"                                                   \
	"   execute format('grant %I to current_user', r);"                                        \
	"  end if;"                                                                                \
	"  if r <> 'switchboard_owner'"                                                            \
	"     and exists (select from pg_roles where rolname = 'switchboard')"                     \
	"     and not pg_has_role('switchboard', r, 'member') then"                                \
	"   execute format('grant %I to switchboard', r);"                                         \
	"  end if;"                                                                                \
	" end loop;"                                                                               \
	" if to_regnamespace('switchboard') is null then"                                          \
	"  create schema switchboard authorization switchboard_owner;"                             \
	" end if;"                                                                                 \
	"end $$;"                                                                                  \
	"set local role switchboard_owner;"                                                        \
	"grant usage on schema switchboard to switchboard_app, switchboard_system;"                \
	"create table if not exists switchboard.migration ("                                       \
	" number int primary key, name text not null, sha256 bytea not null,"                      \
	" at timestamptz not null default clock_timestamp());"                                     \
	"grant select on switchboard.migration to switchboard_app, switchboard_system;"            \
	"set local role none;"

/* ---- reading
 * -------------------------------------------------------------------------------------- */

static bool cell_bool(const struct pg_result *r, uint32_t column)
{
	struct pg_value v = pg_cell(r, 0, column);
	return v.len == 1 && v.at[0];
}

static void cell_text(const struct pg_result *r, uint32_t column, char *ret, size_t cap)
{
	struct pg_value v = pg_cell(r, 0, column);
	str_keep(ret, cap, str_n(v.at, v.len));
}

static void read_rights(struct migrate *m, const struct pg_result *r)
{
	cell_text(r, 0, m->login, sizeof m->login);
	cell_text(r, 1, m->database, sizeof m->database);
	m->is_super = cell_bool(r, 2);
	m->may_roles = cell_bool(r, 3) || m->is_super;
	m->may_create = cell_bool(r, 4);
	m->has_roles = cell_bool(r, 5);
	m->is_member = cell_bool(r, 6) || m->is_super;
	m->has_schema = cell_bool(r, 7);
}

static void read_newest(struct migrate *m, const struct pg_result *r)
{
	uint32_t be;
	struct pg_value v = pg_rows(r) ? pg_cell(r, 0, 0) : (struct pg_value){ 0 };
	if (v.len != sizeof be)
		return;
	memcpy(&be, v.at, sizeof be);
	m->newest = ntohl(be);
	cell_text(r, 1, m->newest_name, sizeof m->newest_name);
}

static void on_result(void *ctx, uint32_t tag, struct pg_result *r)
{
	struct migrate *m = ctx;
	const struct statement_set *set = m->config->set;
	if (m->stage == LOOK) {
		read_rights(m, r);
	} else if (m->stage == COMPARE && tag == set->n_migrations) {
		read_newest(m, r);
	} else if (m->stage == COMPARE && pg_rows(r)) {
		if (!cell_bool(r, 0) && !m->e) {
			m->e = ERR_CONFLICT;
			m->changed = (uint16_t)tag;
		}
		m->applied++;
	}
	pg_result_free(&r);
}

/* ---- what follows from it
 * ------------------------------------------------------------------------- */

static bool lacks_rights(struct migrate *m)
{
	static const char roles[] = "switchboard_owner, switchboard_app and switchboard_system";
	if (!m->has_roles && !m->may_roles)
		end(m, ERR_DENIED,
		    "the roles %s are not all there and %s may not create roles: create them and "
		    "grant them to %s, or give it CREATEROLE",
		    roles, m->login, m->login);
	else if (m->has_roles && !m->is_member && !m->may_roles)
		end(m, ERR_DENIED, "%s is not a member of %s: grant them to it", m->login, roles);
	else if (!m->has_schema && !m->may_create)
		end(m, ERR_DENIED, "%s may not create a schema: grant create on database %s to %s",
		    m->login, m->database, m->login);
	return m->stage == DONE;
}

/* The order of what was applied is the order of the files: no hole, nothing unknown. */
static void after_compare(struct migrate *m)
{
	const struct statement_set *set = m->config->set;
	if (m->e)
		end(m, m->e,
		    "%s was changed after it was applied: put it back, and write the change as "
		    "a new file",
		    m->config->set->migrations[m->changed].name);
	else if (m->newest > set->n_migrations)
		end(m, ERR_VERSION,
		    "the database is at %s, newer than this program, which knows %u files: use the "
		    "newer program",
		    m->newest_name, set->n_migrations);
	else if (m->newest != m->applied)
		end(m, ERR_CONFLICT, "the database has %u of the files up to %s: one is missing",
		    m->applied, m->newest_name);
	else
		stage_begin(m, FILE_BEGIN);
}

static const char *file_name(const struct migrate *m)
{
	return m->config->set->migrations[m->next].name;
}

static void failed(struct migrate *m, const struct pg_done *how)
{
	bool in_file = m->stage == FILE_RUN || m->stage == NOTE || m->stage == FILE_END;
	if (m->stage == LOCK && how->e != ERR_UNAVAILABLE)
		end(m, ERR_TIMEOUT, "somebody else is migrating this database and does not finish");
	else if (in_file)
		end(m, how->e, "%s: %s", file_name(m), how->text);
	else
		end(m, how->e, "%s", how->text);
}

static void on_done(void *ctx, const struct pg_done *how)
{
	struct migrate *m = ctx;
	if (how->e) {
		failed(m, how);
		return;
	}
	switch (m->stage) {
	case LOOK:
		if (!lacks_rights(m))
			stage_begin(m, PREPARE);
		break;
	case COMPARE:
		after_compare(m);
		break;
	case FILE_END:
		say(m, "%s %s", m->config->dry ? "would apply" : "applied", file_name(m));
		m->next++;
		stage_begin(m, FILE_BEGIN);
		break;
	default:
		stage_begin(m, m->stage + 1);
	}
}

/* ---- the stages
 * ------------------------------------------------------------------------------------ */

static enum err script(struct migrate *m, const char *sql)
{
	return pg_script(m->pg, sql, within_ms(m), on_done, m);
}

static enum err step_file(struct migrate *m, const struct pg_statement *s, uint16_t i)
{
	const struct migration *file = &m->config->set->migrations[i];
	uint32_t be = htonl(file->number);
	struct pg_value values[] = { { (char *)&be, sizeof be },
		                     { file->name, (uint32_t)strlen(file->name) },
		                     { file->sql, (uint32_t)strlen(file->sql) } };
	return pg_step(m->pg, s, values, i);
}

static enum err go(struct migrate *m, enum err e)
{
	/* The server's own limit is to come first: it says what it waited for. */
	return e ? e : pg_go(m->pg, within_ms(m) + 2000, on_result, on_done, m);
}

static enum err step_compare(struct migrate *m)
{
	enum err e = OK;
	for (uint16_t i = 0; !e && i < m->config->set->n_migrations; i++)
		e = step_file(m, &compare, i);
	return e ? e : pg_step(m->pg, &newest, NULL, m->config->set->n_migrations);
}

static enum err stage_send(struct migrate *m)
{
	bool dry = m->config->dry;
	switch (m->stage) {
	case LOCK:
		return go(m, pg_step(m->pg, &lock, NULL, 0));
	case LOOK:
		return go(m, pg_step(m->pg, &look, NULL, 0));
	case PREPARE:
		return script(m, dry ? PREPARE_SQL : PREPARE_SQL "commit");
	case COMPARE:
		return go(m, step_compare(m));
	case FILE_BEGIN:
		return script(m, dry ? "set local role switchboard_owner"
		                     : "begin; set local role switchboard_owner");
	case FILE_RUN:
		return script(m, m->config->set->migrations[m->next].sql);
	case NOTE:
		return go(m, step_file(m, &note, m->next));
	case FILE_END:
		return script(m, dry ? "set local role none" : "commit");
	default:
		return ERR_FAULT;
	}
}

static void stage_begin(struct migrate *m, enum stage stage)
{
	m->stage = stage;
	if (stage == FILE_BEGIN && m->next < m->applied)
		m->next = m->applied;
	if (stage == FILE_BEGIN && m->next == m->config->set->n_migrations) {
		say(m, "schema is at %04u", m->next);
		end(m, OK, "%s", "");
		return;
	}
	enum err e = stage_send(m);
	if (e)
		end(m, e, "the connection went away: %s", m->down);
}

static void on_event(void *ctx, enum pg_event event, const char *text)
{
	struct migrate *m = ctx;
	if (event == PG_DOWN)
		snprintf(m->down, sizeof m->down, "%s", text);
	else if (m->stage == CONNECT)
		stage_begin(m, LOCK);
}

static void on_late(void *ctx)
{
	struct migrate *m = ctx;
	if (m->stage == CONNECT)
		end(m, ERR_UNAVAILABLE, "no connection: %s", m->down);
}

enum err migrate_run(const struct migrate_config *config, char *ret_text, size_t cap)
{
	struct migrate m = { .config = config };
	struct pg_config pg = { .url = config->url,
		                .name = "switchboard migrate",
		                .statement_ms = within_ms(&m),
		                .on = on_event,
		                .ctx = &m };
	enum err e = loop_new(&m.loop);
	if (e)
		return e;
	if (!(e = loop_timer_new(m.loop, on_late, &m, &m.timer)) &&
	    !(e = pg_new(m.loop, &pg, &m.pg))) {
		loop_timer_set(m.timer, (uint64_t)within_ms(&m) * 1000);
		loop_run(m.loop);
		e = m.e;
	} else if (e == ERR_INVALID) {
		snprintf(m.text, sizeof m.text, "the database's url cannot be read");
	}
	pg_free(&m.pg); /* ends the transaction of a dry run, and gives the lock back */
	loop_timer_free(&m.timer);
	loop_free(&m.loop);
	snprintf(ret_text, cap, "%s", m.text);
	return e;
}
