/*
 * The audit trail on a real PostgreSQL: each change leaves one row with it or does not happen; the
 * trails are computed anew by chain.h, which finds whatever was done behind their back.
 */
#include "proto/call.h"
#include "tests/unit/wa_lab.h"
#include "tools/audit/chain.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(lit) str_of(lit)

static struct wa_lab *lab;
static struct msg *answer;

/* The answer lives until the next. */
static enum err ask(uint64_t business, const struct proto_desc *type, const void *body)
{
	msg_unref(answer);
	answer = NULL;
	return wa_lab_call(lab, business, &answer, type, body);
}

static enum err sql(const char *text)
{
	return pg_query_script(lab->q, text, NULL);
}

static const char *cell(const char *text)
{
	return pg_query_text(lab->q, text);
}

/* ---- what is found -------------------------------------------------------------------------- */

static struct chain computed(const struct tenant_audit_head *end)
{
	struct chain c = { 0 };
	bool more = true;
	while (more && !c.why) {
		assert_int_equal(ask(0, MSG(tenant_audit_chain, .chain = end->id, .after = c.seq,
		                            .until = end->seq, .limit = 7)),
		                 OK);
		const struct tenant_audit_rows *page = tenant_audit_rows_of(answer);
		for (uint32_t i = 0; i < page->rows.n && chain_row(&c, end->id, &page->rows.at[i]);)
			i++;
		more = page->rows.n == 7;
	}
	(void)chain_end(&c, end);
	return c;
}

/* The first fault of all trails; .why is NULL when there is none. */
static struct chain verify(void)
{
	struct tenant_audit_head ends[16];
	char hashes[16][65];
	assert_int_equal(ask(0, MSG(tenant_audit_heads, .limit = 16)), OK);
	const struct tenant_audit_ends *all = tenant_audit_ends_of(answer);
	uint32_t n = all->rows.n;
	for (uint32_t i = 0; i < n; i++) {
		ends[i] = all->rows.at[i];
		str_keep(hashes[i], sizeof hashes[i], ends[i].hash);
		ends[i].hash = str_of(hashes[i]);
	}
	for (uint32_t i = 0; i < n; i++) {
		struct chain c = computed(&ends[i]);
		if (c.why)
			return c;
	}
	return (struct chain){ 0 };
}

static void stands(void)
{
	struct chain c = verify();
	if (c.why)
		fail_msg("row %llu %s", (unsigned long long)c.wrong, c.why);
}

/* The newest row, as "business action subject detail". */
static const char *newest(void)
{
	return cell("select concat_ws(' ', coalesce(business_id, 0), action, subject, detail)"
	            " from switchboard.audit order by id desc limit 1");
}

static int rows(void)
{
	return atoi(cell("select count(*)::text from switchboard.audit"));
}

/* ---- each change leaves its row ---------------------------------------------------------------
 */

/* One more row since the last call, which says this. */
static void left(const char *what)
{
	static int before;
	int now = rows();
	assert_string_equal(newest(), what);
	assert_int_equal(now, before + 1);
	before = now;
}

static void left_nothing(int before)
{
	assert_int_equal(rows(), before);
}

#define SEALED "v1:01234567:c2VhbGVkIGVsc2V3aGVyZSwgc3RvcmVkIGFzIGl0IGlz"
#define ANEW   "v1:89abcdef:c2VhbGVkIHVuZGVyIHRoZSBrZXkgb2YgdG9kYXk="
#define HASH   "this would be a SHA-256 of a key"

static void the_directory_leaves_rows(void **state)
{
	char hash[] = HASH;
	struct str scopes[] = { S("messages.read") };
	(void)state;
	assert_int_equal(ask(0, MSG(tenant_business_add, .name = S("Acme"))), OK);
	left("3 business.add business 3 "
	     "{\"name\": \"Acme\", \"dedupe\": \"suppress\", \"timezone\": \"UTC\"}");
	assert_string_equal(cell("select asker from switchboard.audit"), "street@lab");
	assert_int_equal(ask(0, MSG(tenant_business_add, .name = S("Acme"))), OK);
	left_nothing(1); /* it was there */
	assert_int_equal(ask(0, MSG(tenant_connector_add, .name = S("Acme"), .label = S("shop"),
	                            .secret = S(SEALED))),
	                 OK);
	left("3 connector.add connector 1 {\"kind\": \"baileys\", \"label\": \"shop\"}");
	assert_int_equal(
		ask(0, MSG(tenant_connector_reseal, .id = 1, .old = S(SEALED), .new = S(ANEW))),
		OK);
	left("3 connector.reseal connector 1");
	assert_int_equal(ask(0, MSG(tenant_connector_reseal, .id = 1, .old = S(ANEW),
	                            .new = S(SEALED), .rotated = true)),
	                 OK);
	left("3 connector.rotate connector 1");
	assert_int_equal(
		ask(0, MSG(tenant_connector_reseal, .id = 1, .old = S(ANEW), .new = S(SEALED))),
		ERR_CONFLICT);
	left_nothing(4); /* somebody was quicker */
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(ask(0, MSG(tenant_connector_close, .id = 1)), OK);
	left("3 connector.remove connector 1 {\"kind\": \"baileys\"}");
	assert_int_equal(ask(0, MSG(tenant_connector_find, .id = 1)), ERR_NOT_FOUND);
	assert_int_equal(ask(0, MSG(tenant_key_add, .name = S("Acme"), .prefix = S("sb_12345678"),
	                            .hash = str_n(hash, 32), .scopes = { scopes, 1 })),
	                 OK);
	left("3 key.add key 1 {\"prefix\": \"sb_12345678\", \"scopes\": [\"messages.read\"]}");
	assert_int_equal(ask(0, MSG(tenant_key_add, .name = S("Acme"), .prefix = S("sb_12345678"),
	                            .hash = str_n(hash, 32), .scopes = { scopes, 1 })),
	                 ERR_CONFLICT);
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(ask(0, MSG(tenant_key_revoke, .id = 1)), OK);
	left("3 key.revoke key 1 {\"prefix\": \"sb_12345678\"}");
	assert_string_equal(cell("select count(*)::text from switchboard.audit a"
	                         " where a::text like '%" SEALED "%' or a::text like '%" ANEW
	                         "%' or a::text like '%' || encode('" HASH "', 'hex') || '%'"),
	                    "0");
	stands();
}

static void a_line_leaves_rows(void **state)
{
	struct call_settle settle = { .connector = 2,
		                      .voice = S("cedar"),
		                      .tools = S("[{\"url\":\"https://x/?token=CANARY\"}]") };
	(void)state;
	assert_int_equal(
		sql("insert into switchboard.connector (business_id, kind, secret, account)"
	            " values (1, 'twilio', repeat('s', 32), 'AC1')"),
		OK);
	int before = rows();
	for (int twice = 0; twice < 2; twice++) /* the same again changes nothing */
		assert_int_equal(ask(1, &call_settle_desc, &settle), OK);
	left("1 call.settings connector 2 {\"changed\": [\"tools\", \"voice\"]}");
	settle.voice = S("marin");
	assert_int_equal(ask(1, &call_settle_desc, &settle), OK);
	left("1 call.settings connector 2 {\"changed\": [\"voice\"]}");
	settle.connector = 99;
	assert_int_equal(ask(1, &call_settle_desc, &settle), ERR_NOT_FOUND);
	left_nothing(before + 2);
	assert_int_equal(
		ask(1, MSG(call_begin, .call = S("CA1"), .account = S("AC1"), .connector = 2,
	                   .stream = S("MZ1"), .node = S("n"), .desk = S(""), .start_us = 1)),
		OK);
	uint64_t id = call_begun_of(answer)->id;
	assert_int_equal(ask(2, MSG(call_end_order, .id = id)), ERR_NOT_FOUND);
	assert_int_equal(ask(1, MSG(call_end_order, .id = id)), OK);
	assert_true(str_is(call_end_ordered_of(answer)->call, "CA1"));
	left("1 call.hangup call 1 {\"call\": \"CA1\"}");
	assert_int_equal(ask(1, MSG(call_finish, .call = S("CA1"), .epoch = 1,
	                            .cause = CALL_CAUSE_CALLER, .end_us = 2)),
	                 OK);
	assert_int_equal(ask(1, MSG(call_end_order, .id = id)), OK);
	assert_int_equal(call_end_ordered_of(answer)->state, CALL_STATE_ENDED);
	left_nothing(before + 3);
	assert_string_equal(cell("select count(*)::text from switchboard.audit a"
	                         " where a::text like '%CANARY%'"),
	                    "0");
	stands();
}

/* The row cannot be written: then nothing happens. */
static void no_row_no_change(void **state)
{
	char hash[] = "another, which is 32 bytes long.";
	struct str scopes[] = { S("messages.read") };
	(void)state;
	assert_int_equal(sql("create function refuse() returns trigger language plpgsql as"
	                     " $$ begin raise check_violation; end $$;"
	                     "create trigger zz before insert on switchboard.audit for each row"
	                     " when (new.action like 'key.%') execute function refuse()"),
	                 OK);
	int before = rows();
	assert_int_not_equal(ask(0, MSG(tenant_key_add, .name = S("Acme"), .prefix = S("sb_1"),
	                                .hash = str_n(hash, 32), .scopes = { scopes, 1 })),
	                     OK);
	assert_int_equal(ask(0, MSG(tenant_key_find, .hash = str_n(hash, 32))),
	                 ERR_UNAUTHENTICATED);
	assert_int_equal(sql("drop trigger zz on switchboard.audit"), OK);
	left_nothing(before);
	stands();
}

static void once_is_once(void **state)
{
	char once[] = "sixteen bytes...";
	(void)state;
	int before = rows();
	for (int twice = 0; twice < 2; twice++)
		assert_int_equal(ask(0, MSG(tenant_audit_add, .action = S("system.scale"),
		                            .once = str_n(once, 16), .detail = S("{\"n\":1}"))),
		                 OK);
	assert_int_equal(rows(), before + 1);
	stands();
}

/* ---- who writes at the same time --------------------------------------------------------------
 */

enum { WRITERS = 200 };

static uint32_t written, failed;
static bool all_written;

static void on_written(void *ctx, const struct msg *m)
{
	(void)ctx;
	failed += msg_err(m) != OK;
	all_written = ++written == WRITERS;
}

static void writers_keep_one_chain(void **state)
{
	(void)state;
	int before = rows();
	for (uint64_t business = 0; business < 3; business++) {
		written = 0;
		all_written = false;
		for (uint32_t i = 0; i < WRITERS; i++) /* enough for both connections */
			wa_lab_ask(lab, business, on_written, NULL,
			           MSG(tenant_audit_add, .action = S("test.write"),
			               .detail = S("{\"a\":\"b\\u00fc\",\"n\":1.50}")));
		assert_true(pg_fixture_until(lab->f, &all_written));
	}
	assert_int_equal(failed, 0);
	assert_int_equal(rows(), before + 3 * WRITERS);
	stands();
}

/* ---- behind its back --------------------------------------------------------------------------
 */

#define BEHIND "alter table switchboard.audit disable trigger user;"
#define AFTER  ";alter table switchboard.audit enable trigger user"
#define OF_ONE "where business_id = 1 and seq = "

/* Done to the trail of business 1, found, and undone. */
static void finds(const char *what, uint64_t seq, bool there)
{
	char text[1024];
	assert_int_equal(sql("create table kept as select * from switchboard.audit;"
	                     "create table kept_head as select * from switchboard.audit_head"),
	                 OK);
	snprintf(text, sizeof text, BEHIND "%s" AFTER, what);
	const char *why = "";
	if (pg_query_script(lab->q, text, &why))
		fail_msg("%s: %s", what, why);
	struct chain c = verify();
	if (!c.why)
		fail_msg("not found: %s", what);
	assert_int_equal(c.wrong, seq);
	assert_int_equal(c.row_id != 0, there);
	assert_int_equal(sql(BEHIND "delete from switchboard.audit;"
	                            "insert into switchboard.audit overriding system value"
	                            " select * from kept;"
	                            "delete from switchboard.audit_head;"
	                            "insert into switchboard.audit_head select * from kept_head;"
	                            "drop table kept, kept_head" AFTER),
	                 OK);
	stands();
}

static void what_was_done_behind_is_found(void **state)
{
	(void)state;
	uint64_t last = strtoull(cell("select max(seq)::text from switchboard.audit"
	                              " where business_id = 1"),
	                         NULL, 10);
	assert_true(last > 100);
	const char *columns[] = { "action = 'x'",
		                  "subject = subject || ' '",
		                  "detail = '{\"n\": 2}'",
		                  "asker = 'nobody@lab'",
		                  "principal = 7",
		                  "at = at + interval '1 us'",
		                  "trace = decode(repeat('ab', 16), 'hex')",
		                  "hash = sha256('')",
		                  "detail = null" };
	for (uint32_t i = 0; i < sizeof columns / sizeof *columns; i++) {
		char text[256];
		snprintf(text, sizeof text, "update switchboard.audit set %s " OF_ONE "9",
		         columns[i]);
		finds(text, 9, true);
	}
	finds("delete from switchboard.audit " OF_ONE "20", 20, false);
	finds("delete from switchboard.audit " OF_ONE "1", 1, false);
	char text[256];
	snprintf(text, sizeof text, "delete from switchboard.audit " OF_ONE "%llu",
	         (unsigned long long)last);
	finds(text, last, false);
	finds("delete from switchboard.audit where business_id = 1", 1, false);
	finds("delete from switchboard.audit_head where chain = 1", 1, false);
	/* One more, with a hash that fits, and the numbers of those behind it moved. */
	finds("insert into switchboard.audit (business_id, action, seq, hash)"
	      " values (1, 'planted', -1, sha256(''))",
	      last + 1, false);
	/* Changed, and its own hash made anew: then the next does not fit. */
	finds("update switchboard.audit set action = 'x' " OF_ONE "9;"
	      "update switchboard.audit a set hash = switchboard.audit_hash_of((select b.hash from"
	      " switchboard.audit b where b.business_id = 1 and b.seq = 8), a) " OF_ONE "9",
	      10, true);
	/* Given to another business. */
	finds("update switchboard.audit set business_id = 3, seq = 100000 " OF_ONE "30", 30, false);
}

/* ---- who may ----------------------------------------------------------------------------------
 */

static void nobody_may_change_it(void **state)
{
	(void)state;
	static const char *const roles[] = { "switchboard_app", "switchboard_system",
		                             "switchboard_owner" };
	static const char *const deeds[] = { "update audit set action = 'x'",
		                             "delete from audit",
		                             "truncate audit",
		                             "update audit_head set seq = 1",
		                             "delete from audit_head",
		                             "alter table audit disable trigger user",
		                             "select audit_chain()" };
	for (uint32_t r = 0; r < 2; r++)
		for (uint32_t d = 0; d < sizeof deeds / sizeof *deeds; d++) {
			char text[256];
			snprintf(text, sizeof text,
			         "begin; set local search_path = switchboard; set local role %s;"
			         "set local app.business = '1'; %s",
			         roles[r], deeds[d]);
			assert_int_equal(sql(text), ERR_DENIED);
			assert_int_equal(sql("rollback"), OK);
		}
	/* The owner could, but for the trigger. */
	assert_int_equal(sql("begin; set local role switchboard_owner;"
	                     "update switchboard.audit set action = 'x'"),
	                 ERR_DENIED);
	assert_int_equal(sql("rollback"), OK);
	stands();
}

static const char *as_app(const char *business, const char *text)
{
	char set[256];
	static char kept[64];
	snprintf(set, sizeof set,
	         "begin; set local search_path = switchboard; set local role switchboard_app;"
	         "set local app.business = '%s'",
	         business);
	assert_int_equal(sql(set), OK);
	snprintf(kept, sizeof kept, "%s", cell(text));
	assert_int_equal(sql("rollback"), OK);
	return kept;
}

static void businesses_are_apart(void **state)
{
	(void)state;
	assert_string_equal(as_app("1", "select count(distinct business_id)::text from audit"),
	                    "1");
	assert_string_equal(as_app("1", "select min(business_id)::text from audit"), "1");
	assert_string_equal(as_app("", "select count(*)::text from audit"), "0");
	assert_int_equal(sql("begin; set local role switchboard_app; set local app.business = '1';"
	                     "insert into switchboard.audit (business_id, action) values (2, 'x')"),
	                 ERR_DENIED);
	assert_int_equal(sql("rollback"), OK);
	/* Its own number, time and hash count, whatever it says. */
	assert_int_equal(sql("begin; set local role switchboard_app; set local app.business = '1';"
	                     "insert into switchboard.audit (action, at, seq, hash)"
	                     " values ('forged', '2001-01-01', 3, sha256('')); commit"),
	                 OK);
	assert_string_equal(cell("select (at > now() - interval '1 h' and seq > 3)::text"
	                         " from switchboard.audit where action = 'forged'"),
	                    "true");
	assert_int_equal(ask(0, MSG(tenant_audit_list, .business_id = 2, .limit = 500)), OK);
	const struct tenant_audit_rows *two = tenant_audit_rows_of(answer);
	assert_true(two->rows.n > 100);
	for (uint32_t i = 0; i < two->rows.n; i++)
		assert_int_equal(two->rows.at[i].business, 2);
	stands();
}

static int up(void **state)
{
	int rc = wa_lab_up(state);
	lab = *state;
	wa_lab_open(lab);
	return rc;
}

static int down(void **state)
{
	msg_unref(answer);
	answer = NULL;
	wa_lab_close(lab);
	return wa_lab_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_directory_leaves_rows),
		cmocka_unit_test(a_line_leaves_rows),
		cmocka_unit_test(no_row_no_change),
		cmocka_unit_test(once_is_once),
		cmocka_unit_test(writers_keep_one_chain),
		cmocka_unit_test(what_was_done_behind_is_found),
		cmocka_unit_test(nobody_may_change_it),
		cmocka_unit_test(businesses_are_apart),
	};
	return cmocka_run_group_tests_name("persistence audit", tests, up, down);
}
