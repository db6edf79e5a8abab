/*
 * dedupe_store — dedupe and the statements on a real PostgreSQL: the lines of whatsapp.jsonl,
 * copies at the same moment, an exclusion constraint as an oracle, a database that is stopped at
 * once in the middle, and what the list shows of edits, revokes, reactions, copies and their
 * release.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/lease.h"
#include "tests/unit/wa_lab.h"
#include "tests/unit/wa_lines.h"

static const char *path;
static struct wa_lab *lab;

static int open_empty(void **state)
{
	lab = *state;
	wa_lab_empty(lab);
	wa_lab_open(lab);
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	wa_lab_close(lab);
	return 0;
}

static uint64_t number(const char *sql)
{
	char text[512];
	snprintf(text, sizeof text, "select (%s)::text", sql);
	return strtoull(pg_query_text(lab->q, text), NULL, 10);
}

/* ---- the lines
 * -------------------------------------------------------------------------------------------- */

static void ingest(void *ctx, const struct wa_row *rows, uint32_t n, struct wa_counts *ret)
{
	struct msg *m;
	(void)ctx;
	/* All chats in one partition, dedupe/1: which one does not matter. */
	assert_int_equal(wa_lab_call(lab, 1, &m,
	                             MSG(wa_batch, .rows = { rows, n }, .connector = 1,
	                                 .policy = TENANT_DEDUPE_SUPPRESS)),
	                 OK);
	ret->accepted = wa_done_of(m)->accepted;
	ret->duplicates = wa_done_of(m)->duplicates;
	msg_unref(m);
}

static void reopen(void *ctx)
{
	(void)ctx;
	wa_lab_close(lab);
	wa_lab_open(lab);
}

static void lines_one_by_one(void **state)
{
	(void)state;
	wa_lines(path, 1, ingest, NULL, NULL);
}

static void lines_grouped_and_cold(void **state)
{
	(void)state;
	wa_lines(path, 7, ingest, reopen, NULL);
}

/* ---- floods
 * ---------------------------------------------------------------------------------------------------
 */

enum { FLOOD = 1500, FLOOD_BATCH = 15, AT_ONCE = 12 };

struct flood_row {
	char id[16], chat[24];
	uint8_t print[32];
	int64_t t_us;
};

static struct flood_row flood[FLOOD];
static uint64_t seed = 7;

static uint32_t draw(uint32_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % below;
}

static struct wa_row row_of(const struct flood_row *f)
{
	return (struct wa_row){ .provider_id = str_of(f->id),
		                .chat = str_of(f->chat),
		                .sender = str_of(f->chat),
		                .remote_jid = str_of(f->chat),
		                .kind = WA_KIND_TEXT,
		                .t_us = f->t_us,
		                .fingerprint = str_n((const char *)f->print, 32),
		                .raw = str_of("{}") };
}

/* Texts that come back within their window under other ids, and ids that come twice. */
static void make_flood(void)
{
	for (uint32_t i = 0; i < FLOOD; i++) {
		struct flood_row *f = &flood[i];
		if (i && draw(5) == 0) {
			*f = flood[draw(i)];
			continue;
		}
		snprintf(f->id, sizeof f->id, "F%u", i);
		snprintf(f->chat, sizeof f->chat, "c%u@s.whatsapp.net", draw(8));
		memset(f->print, (int)draw(6) + 1, 32);
		f->t_us = (1700000000LL + draw(200)) * 1000000;
	}
}

struct flow {
	uint32_t at, pending, failed;
	uint64_t accepted, duplicates;
	bool over;
	struct slot {
		struct flow *flow;
		struct wa_row rows[FLOOD_BATCH];
		uint32_t n;
	} slots[AT_ONCE];
};

static void flow_more(struct flow *f, struct slot *s);

static uint64_t partition(const struct slot *s)
{
	return (uint64_t)(s->rows[0].chat.at[1] % 4);
}

static void on_flow(void *ctx, const struct msg *m)
{
	struct slot *s = ctx;
	struct flow *f = s->flow;
	f->pending--;
	if (msg_err(m)) { /* the sender repeats what was not answered */
		f->failed++;
		f->pending++;
		wa_lab_ask(lab, 1, on_flow, s,
		           MSG(wa_batch, .rows = { s->rows, s->n }, .connector = partition(s)));
		return;
	}
	f->accepted += wa_done_of(m)->accepted;
	f->duplicates += wa_done_of(m)->duplicates;
	flow_more(f, s);
}

/* The next rows of one chat each: a POST is parted by conversation before it comes here. */
static void flow_more(struct flow *f, struct slot *s)
{
	s->n = 0;
	while (f->at < FLOOD && s->n < FLOOD_BATCH) {
		s->rows[s->n] = row_of(&flood[f->at]);
		if (s->n && !str_eq(s->rows[s->n].chat, s->rows[0].chat))
			break;
		s->n++;
		f->at++;
	}
	if (!s->n) {
		f->over = !f->pending;
		return;
	}
	f->pending++;
	wa_lab_ask(lab, 1, on_flow, s,
	           MSG(wa_batch, .rows = { s->rows, s->n }, .connector = partition(s)));
}

static void flow_start(struct flow *f, uint32_t at_once)
{
	*f = (struct flow){ 0 };
	for (uint32_t i = 0; i < at_once; i++) {
		f->slots[i].flow = f;
		flow_more(f, &f->slots[i]);
	}
}

static const char within_10_s[] =
	"select count(*) from switchboard.wa_message a join switchboard.wa_message b"
	" using (business_id, chat, sender, fingerprint)"
	" where a.id < b.id and a.layer = 0 and b.layer = 0 and abs(a.t_us - b.t_us) <= 10000000";
static const char copies_of_nothing[] =
	"select count(*) from switchboard.wa_message a where a.layer > 0 and not exists"
	" (select from switchboard.wa_message b where b.id = a.dup_of and b.layer = 0"
	" and b.fingerprint = a.fingerprint and b.sender = a.sender and b.chat = a.chat"
	" and abs(a.t_us - b.t_us) <= 10000000)";

static uint64_t unique_ids(void)
{
	uint64_t n = 0;
	for (uint32_t i = 0; i < FLOOD; i++) {
		uint32_t k = 0;
		while (strcmp(flood[k].id, flood[i].id) != 0)
			k++;
		n += k == i;
	}
	return n;
}

static void at_the_same_moment(void **state)
{
	struct flow f;
	(void)state;
	make_flood();
	flow_start(&f, AT_ONCE);
	assert_true(pg_fixture_until(lab->f, &f.over));
	assert_int_equal(f.failed, 0);
	assert_int_equal(f.accepted + f.duplicates, FLOOD);
	assert_int_equal(number("select count(*) from switchboard.wa_message"), unique_ids());
	assert_int_equal(number("select count(*) from switchboard.wa_message where layer = 0"),
	                 f.accepted);
	assert_true(f.accepted > 100 && f.duplicates > 300);
	assert_int_equal(number(within_10_s), 0);
	assert_int_equal(number(copies_of_nothing), 0);
}

/* Closed ranges [t, t + 10 s] overlap if and only if the times are 10 s apart at the most. */
static const char oracle_sql[] =
	"create extension if not exists btree_gist;"
	"drop table if exists oracle;"
	"create table oracle (n int, id text unique, chat text, print bytea, span int8range,"
	" exclude using gist (chat with =, print with =, span with &&));";

static void exclusion_constraint_agrees(void **state)
{
	struct flow f;
	static char sql[1024];
	char hex[65];
	(void)state;
	make_flood();
	flow_start(&f, 1); /* one fixed order */
	assert_true(pg_fixture_until(lab->f, &f.over));
	assert_int_equal(pg_query_script(lab->q, oracle_sql, NULL), OK);
	for (uint32_t i = 0; i < FLOOD; i++) {
		for (int k = 0; k < 32; k++)
			snprintf(hex + 2 * k, 3, "%02x", flood[i].print[k]);
		snprintf(sql, sizeof sql,
		         "insert into oracle values (%u, '%.16s', '%.24s', '\\x%s', '[%lld,%lld]') "
		         "on conflict do nothing",
		         i, flood[i].id, flood[i].chat, hex, (long long)flood[i].t_us,
		         (long long)flood[i].t_us + 10000000);
		assert_int_equal(pg_query_script(lab->q, sql, NULL), OK);
	}
	assert_int_equal(number("select count(*) from oracle"), f.accepted);
	assert_int_equal(number("select count(*) from oracle full join (select provider_id from "
	                        "switchboard.wa_message where layer = 0) m on m.provider_id = id "
	                        "where id is null or m.provider_id is null"),
	                 0);
}

/* Stopped at once, twice; what was answered is there, what was not is sent again. */
static void database_stopped_in_the_middle(void **state)
{
	struct flow f;
	(void)state;
	make_flood();
	flow_start(&f, AT_ONCE);
	for (int i = 0; i < 2; i++) {
		uint32_t until = FLOOD * (uint32_t)(i + 1) / 4;
		while (f.at < until && !f.over)
			(void)!pg_query_script(lab->q, "select", NULL); /* turns of the loop */
		pg_query_free(&lab->q);
		pg_fixture_stop(lab->f, CLUSTER_IMMEDIATE);
		pg_fixture_start(lab->f);
		lab->q = pg_query_new(lab->f, cluster_admin_url(lab->f->cluster));
	}
	assert_true(pg_fixture_until(lab->f, &f.over));
	assert_int_equal(f.accepted + f.duplicates, FLOOD);
	assert_int_equal(number("select count(*) from switchboard.wa_message"), unique_ids());
	assert_true(number("select count(*) from switchboard.wa_message where layer = 0") >=
	            f.accepted);
	assert_int_equal(number(within_10_s), 0);
	assert_int_equal(number(copies_of_nothing), 0);
}

/* ---- what is shown
 * ------------------------------------------------------------------------------------------------
 */

static void put(const char *id, enum wa_kind kind, enum wa_class class, const char *body,
                const char *target, int64_t t_s, const char *sender)
{
	struct wa_row row = { .provider_id = str_of(id),
		              .chat = str_of("c@g.us"),
		              .sender = str_of(sender),
		              .remote_jid = str_of("c@g.us"),
		              .kind = kind,
		              .class = class,
		              .body = str_of(body),
		              .target = str_of(target),
		              .t_us = t_s * 1000000,
		              .raw = str_of("{}") };
	struct msg *m;
	if (class == WA_CLASS_CONTENT)
		row.fingerprint = str_n("01234567890123456789012345678901", 32);
	assert_int_equal(
		wa_lab_call(lab, 1, &m, MSG(wa_batch, .rows = { &row, 1 }, .connector = 1)), OK);
	msg_unref(m);
}

static const struct wa_page *list(struct msg **ret, uint64_t business, bool duplicates,
                                  uint32_t limit, const struct wa_item *after)
{
	assert_int_equal(wa_lab_call(lab, business, ret,
	                             MSG(wa_list, .duplicates = duplicates, .limit = limit,
	                                 .before_us = after ? after->t_us : 0,
	                                 .before_id = after ? after->id : 0)),
	                 OK);
	return wa_page_of(*ret);
}

static void acts_come_before_and_after(void **state)
{
	struct msg *m;
	(void)state;
	put("e1", WA_KIND_EDIT, WA_CLASS_EVENT, "too early", "t", 11, "p");
	put("t", WA_KIND_TEXT, WA_CLASS_CONTENT, "first", "", 10, "p");
	put("e3", WA_KIND_EDIT, WA_CLASS_EVENT, "last", "t", 13, "p");
	put("e2", WA_KIND_EDIT, WA_CLASS_EVENT, "between", "t", 12, "p");
	put("x", WA_KIND_EDIT, WA_CLASS_EVENT, "not his", "t", 20, "q");
	put("r1", WA_KIND_REACTION, WA_CLASS_EVENT, "+", "t", 14, "q");
	put("r2", WA_KIND_REACTION, WA_CLASS_EVENT, "-", "t", 14, "p");
	put("r3", WA_KIND_REACTION, WA_CLASS_EVENT, "", "t", 15, "p");
	put("", WA_KIND_STATUS, WA_CLASS_UPDATE, "", "t", 16, "p");
	const struct wa_page *page = list(&m, 1, false, 100, NULL);
	assert_int_equal(page->rows.n, 8);
	const struct wa_item *t = &page->rows.at[7];
	assert_true(str_is(t->provider_id, "t"));
	assert_true(str_is(t->body, "last"));
	assert_true(t->edited && !t->revoked);
	assert_true(str_is(t->reactions, "{\"q\": \"+\"}"));
	msg_unref(m);
	put("v", WA_KIND_REVOKE, WA_CLASS_EVENT, "", "t", 17, "p");
	page = list(&m, 1, false, 100, NULL);
	assert_true(page->rows.at[8].revoked);
	msg_unref(m);
	page = list(&m, 2, true, 100, NULL); /* another business sees nothing */
	assert_int_equal(page->rows.n, 0);
	msg_unref(m);
}

static void copies_are_hidden_and_released(void **state)
{
	struct msg *m;
	(void)state;
	put("a", WA_KIND_TEXT, WA_CLASS_CONTENT, "x", "", 100, "p");
	put("b", WA_KIND_TEXT, WA_CLASS_CONTENT, "x", "", 101, "p");
	assert_int_equal(list(&m, 1, false, 100, NULL)->rows.n, 1);
	msg_unref(m);
	const struct wa_page *page = list(&m, 1, true, 100, NULL);
	assert_int_equal(page->rows.n, 2);
	assert_int_equal(page->rows.at[0].dup_layer, 2);
	assert_true(page->rows.at[0].dup_of == page->rows.at[1].id);
	uint64_t id = page->rows.at[0].id;
	msg_unref(m);
	assert_int_equal(wa_lab_call(lab, 2, NULL, MSG(wa_release, .id = id)), ERR_NOT_FOUND);
	assert_int_equal(wa_lab_call(lab, 1, NULL, MSG(wa_release, .id = id + 99)), ERR_NOT_FOUND);
	for (int i = 0; i < 2; i++) { /* twice is the same as once */
		assert_int_equal(wa_lab_call(lab, 1, &m, MSG(wa_release, .id = id)), OK);
		assert_int_equal(wa_released_of(m)->fresh, !i);
		msg_unref(m);
	}
	assert_string_equal(pg_query_text(lab->q,
	                                  "select count(*)::text from switchboard.audit"
	                                  " where business_id = 1 and action = 'message.release'"
	                                  " and asker like '%@lab'"),
	                    "1");
	page = list(&m, 1, false, 100, NULL);
	assert_int_equal(page->rows.n, 2);
	assert_true(page->rows.at[0].released);
	msg_unref(m);
}

static void pages_meet(void **state)
{
	struct msg *m, *was = NULL;
	char id[16];
	uint32_t seen = 0;
	const struct wa_item *last = NULL;
	(void)state;
	for (int i = 0; i < 25; i++) { /* several of one second */
		snprintf(id, sizeof id, "n%d", i);
		put(id, WA_KIND_REACTION, WA_CLASS_EVENT, "x", id, 100 + i / 4, "p");
	}
	for (;;) {
		const struct wa_page *page = list(&m, 1, false, 7, last);
		for (uint32_t i = 0; i < page->rows.n; i++) {
			const struct wa_item *r = &page->rows.at[i];
			assert_true(!last || r->t_us < last->t_us ||
			            (r->t_us == last->t_us && r->id < last->id));
			last = r;
			seen++;
		}
		msg_unref(was);
		was = m;
		if (!page->rows.n)
			break;
	}
	msg_unref(was);
	assert_int_equal(seen, 25);
}

static void quarantined_once(void **state)
{
	struct str reasons[] = { str_of("no chat"), str_of("no chat") };
	struct str raws[] = { str_n("\0x", 2), str_of("y") };
	struct str prints[] = { str_of("11111111111111111111111111111111"),
		                str_of("22222222222222222222222222222222") };
	struct msg *m;
	(void)state;
	for (uint64_t i = 0; i < 2; i++) {
		assert_int_equal(
			wa_lab_call(lab, 1, &m,
		                    MSG(wa_quarantine, .connector = 1, .reasons = { reasons, 2 },
		                        .raws = { raws, 2 }, .prints = { prints, 2 })),
			OK);
		assert_int_equal(wa_quarantined_of(m)->rows, i ? 0 : 2);
		msg_unref(m);
	}
}

/* An owner that was replaced may have decided from a window that is no longer true. */
static void an_old_epoch_stores_nothing(void **state)
{
	struct wa_row row = { .chat = str_of("1@s.whatsapp.net"),
		              .sender = str_of("1@s.whatsapp.net"),
		              .provider_id = str_of("STALE1"),
		              .remote_jid = str_of("1@s.whatsapp.net"),
		              .raw = str_of("{}"),
		              .class = WA_CLASS_CONTENT,
		              .t_us = 1700000000000000 };
	struct msg *m;
	(void)state;
	assert_int_equal(wa_lab_call(lab, 1, &m,
	                             MSG(lease_take, .name = str_of("dedupe/63"),
	                                 .owner = str_of("now#1"), .ttl_ms = 60000)),
	                 OK);
	uint64_t epoch = lease_taken_of(m)->epoch;
	msg_unref(m);
	for (uint64_t e = epoch - 1; e <= epoch; e++) {
		enum err got = wa_lab_call(lab, 1, NULL,
		                           MSG(wa_insert, .lease = str_of("dedupe/63"), .epoch = e,
		                               .number = 1, .connector = 1, .rows = { &row, 1 }));
		assert_int_equal(got, e == epoch ? OK : ERR_STALE);
		assert_int_equal(number("select count(*) from switchboard.wa_message where "
		                        "provider_id = 'STALE1'"),
		                 e == epoch);
	}
}

int main(int argc, char **argv)
{
#define LAB_TEST(t) cmocka_unit_test_setup_teardown(t, open_empty, close_lab)
	const struct CMUnitTest tests[] = {
		LAB_TEST(acts_come_before_and_after),
		LAB_TEST(copies_are_hidden_and_released),
		LAB_TEST(pages_meet),
		LAB_TEST(quarantined_once),
		LAB_TEST(an_old_epoch_stores_nothing),
		LAB_TEST(lines_one_by_one),
		LAB_TEST(lines_grouped_and_cold),
		LAB_TEST(at_the_same_moment),
		LAB_TEST(exclusion_constraint_agrees),
		LAB_TEST(database_stopped_in_the_middle),
	};
	path = argc > 1 ? argv[1] : "tests/golden/whatsapp.jsonl";
	return cmocka_run_group_tests(tests, wa_lab_up, wa_lab_down);
}
