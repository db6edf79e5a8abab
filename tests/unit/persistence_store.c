/*
 * The store actor on a real PostgreSQL: every type both ways, tenants kept apart, bulk dealt back,
 * one bad ask alone in its failure, bounds, time limits, and no acknowledged row lost to a power
 * cut.
 */
#include "persistence/store_state.h"
#include "proto/stock.h"
#include "tests/unit/store_lab.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(lit)                   str_of(lit)
#define CALL(business, ret, ...) store_lab_call(lab, business, ret, __VA_ARGS__)

static struct store_lab *lab;

static int open_default(void **state)
{
	lab = *state;
	assert_int_equal(pg_query_script(lab->q, "truncate switchboard.thing", NULL), OK);
	store_lab_open(lab, NULL);
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	store_lab_close(lab);
	return 0;
}

/* ---- values -------------------------------------------------------------------------------------
 */

static void every_type_both_ways(void **state)
{
	(void)state;
	struct msg *m;
	static const char bytes[] = { 0, 1, (char)0xff, 0 };
	struct stock_every in = { .b = true,
		                  .u8 = 255,
		                  .u16 = 65535,
		                  .u32 = UINT32_MAX,
		                  .u64 = INT64_MAX,
		                  .i32 = INT32_MIN,
		                  .i64 = INT64_MIN,
		                  .f64 = -0.1,
		                  .str = S("\xd7\xa9 'quoted'; drop table x; --"),
		                  .bin = str_n(bytes, sizeof bytes),
		                  .json = S("{\"a\": [1, 2.5, null]}"),
		                  .colour = STOCK_COLOUR_BLUE,
		                  .shade = STOCK_COLOUR_GREEN,
		                  .at_us = 1700000000123456,
		                  .t_us = -1,
		                  .text = S("[1,2]"),
		                  .pair = { .key = S("k"), .n = -7 } };
	assert_int_equal(CALL(1, &m, &stock_every_desc, &in), OK);
	const struct stock_everyed *out = stock_everyed_of(m);
	assert_true(out->b);
	assert_int_equal(out->u8, 255);
	assert_int_equal(out->u16, 65535);
	assert_int_equal(out->u32, UINT32_MAX);
	assert_int_equal(out->u64, INT64_MAX);
	assert_int_equal(out->i32, INT32_MIN);
	assert_true(out->i64 == INT64_MIN);
	assert_true(out->f64 == -0.1);
	assert_true(str_eq(out->str, in.str));
	assert_true(str_eq(out->bin, in.bin));
	assert_true(str_eq(out->json, in.json));
	assert_int_equal(out->colour, STOCK_COLOUR_BLUE);
	assert_int_equal(out->shade, STOCK_COLOUR_GREEN);
	assert_int_equal(out->at_us, 1700000000123456);
	assert_int_equal(out->t_us, -1);
	assert_true(str_eq(out->text, in.text));
	assert_true(str_is(out->key, "k"));
	assert_int_equal(out->n, -7);
	assert_true(str_is(out->types, "boolean integer bigint double precision text bytea jsonb "
	                               "integer timestamp with time zone "
	                               "2023-11-14T22:13:20.123456 :str 2"));
	msg_unref(m);
}

static void zero_is_zero_and_absent_is_null(void **state)
{
	(void)state;
	struct msg *m;
	struct stock_every zero = { .json = S("0"), .text = S("0") };
	assert_int_equal(CALL(1, &m, &stock_every_desc, &zero), OK);
	const struct stock_everyed *z = stock_everyed_of(m);
	assert_false(z->b);
	assert_int_equal(z->u64, 0);
	assert_int_equal(z->str.len, 0);
	assert_int_equal(z->at_us, 0);
	assert_int_equal(z->n, 0);
	msg_unref(m);

	assert_int_equal(CALL(1, &m, MSG(stock_maybe, .b = false)), OK);
	assert_int_equal(stock_maybeed_of(m)->nulls, 11);
	assert_int_equal(stock_maybeed_of(m)->str.len, 0);
	msg_unref(m);
	struct str two[] = { S("x"), S("") };
	struct stock_maybe there = { .b = true,
		                     .u8 = 1,
		                     .u64 = 2,
		                     .i32 = -3,
		                     .f64 = 4.5,
		                     .str = S("s"),
		                     .bin = S("b"),
		                     .json = S("true"),
		                     .colour = STOCK_COLOUR_GREEN,
		                     .at_us = 5,
		                     .list = { two, 2 } };
	assert_int_equal(CALL(1, &m, &stock_maybe_desc, &there), OK);
	const struct stock_maybeed *t = stock_maybeed_of(m);
	assert_int_equal(t->nulls, 0);
	assert_int_equal(t->i32, -3);
	assert_int_equal(t->colour, STOCK_COLOUR_GREEN);
	assert_int_equal(t->at_us, 5);
	assert_int_equal(t->list.n, 2);
	assert_true(str_is(t->list.at[0], "x"));
	assert_int_equal(t->list.at[1].len, 0);
	msg_unref(m);
}

static void lists_both_ways(void **state)
{
	(void)state;
	struct msg *m;
	bool b[] = { true, false };
	uint16_t u16[] = { 0, 7 };
	uint64_t u64[] = { 0, INT64_MAX }, at[] = { 0, 1700000000000001 };
	int64_t i64[] = { -1 };
	double f64[] = { 0.5, -2 };
	struct str str[] = { S("a,b"), S(""), S("{\"}") }, bin[] = { S("\x01") },
		   json[] = { S("1") };
	enum stock_colour colour[] = { STOCK_COLOUR_RED, STOCK_COLOUR_BLUE };
	struct stock_pair pairs[] = { { S("k1"), 5 }, { S("k2"), 0 }, { S("k3"), 6 } };
	struct stock_lists in = { { b, 2 },      { u16, 2 }, { u64, 2 },  { i64, 1 },
		                  { f64, 2 },    { str, 3 }, { bin, 1 },  { json, 1 },
		                  { colour, 2 }, { at, 2 },  { pairs, 3 } };
	assert_int_equal(CALL(1, &m, &stock_lists_desc, &in), OK);
	const struct stock_listed *out = stock_listed_of(m);
	assert_int_equal(out->b.n, 2);
	assert_true(out->b.at[0]);
	assert_int_equal(out->u16.at[1], 7);
	assert_int_equal(out->u64.at[1], INT64_MAX);
	assert_int_equal(out->i64.at[0], -1);
	assert_true(out->f64.at[1] == -2);
	assert_int_equal(out->str.n, 3);
	assert_true(str_is(out->str.at[0], "a,b"));
	assert_true(str_is(out->str.at[2], "{\"}"));
	assert_int_equal(out->colour.at[1], STOCK_COLOUR_BLUE);
	assert_int_equal(out->at_us.at[1], at[1]);
	assert_true(str_is(out->keys.at[2], "k3"));
	assert_int_equal(out->sum, 11); /* the middle one is absent: NULL */
	msg_unref(m);
	assert_int_equal(CALL(1, &m, MSG(stock_lists, .b = { NULL, 0 })), ERR_STORAGE);
}

static void values_that_do_not_fit(void **state)
{
	(void)state;
	struct stock_every in = { .u64 = UINT64_MAX, .json = S("0"), .text = S("0") };
	assert_int_equal(CALL(1, NULL, &stock_every_desc, &in), ERR_RANGE);
	in.u64 = 0;
	in.json = S("{");
	assert_int_equal(CALL(1, NULL, &stock_every_desc, &in), ERR_MALFORMED);
	in.json = S("0");
	in.str = str_n("a\0b", 3);
	assert_int_equal(CALL(1, NULL, &stock_every_desc, &in), ERR_MALFORMED);
	in.str = S("\xff");
	assert_int_equal(CALL(1, NULL, &stock_every_desc, &in), ERR_MALFORMED);
	/* A row that the reply's field cannot hold: the bound of 100, a column that is none. */
	assert_int_equal(CALL(1, NULL, MSG(stock_add, .key = S("big"), .n = 101)), OK);
	assert_int_equal(CALL(1, NULL, MSG(stock_find, .key = S("big"))), ERR_STORAGE);
	assert_int_equal(CALL(1, NULL, MSG(stock_wrong, .unused = 0)), ERR_STORAGE);
	assert_int_equal(CALL(1, NULL, MSG(stock_find, .key = S("none"))), ERR_NOT_FOUND);
}

/* ---- tenants
 * -------------------------------------------------------------------------------------- */

static void needs_a_business(void **state)
{
	(void)state;
	assert_int_equal(CALL(0, NULL, MSG(stock_add, .key = S("a"))), ERR_NO_TENANT);
	/* A system statement runs without, but a tenant's table is none of its business. */
	assert_int_equal(CALL(0, NULL, MSG(stock_total, .unused = 0)), ERR_DENIED);
}

static struct {
	int wrong, good, refused;
} tally;

static void on_mine(void *ctx, enum err e, const struct msg *m)
{
	uint64_t business = (uint64_t)(uintptr_t)ctx;
	if (e) {
		tally.refused++;
		return;
	}
	const struct stock_some *some = stock_some_of(m);
	bool mine =
		some->rows.n == 1 && some->rows.at[0].n == (int64_t)business && some->total == 1;
	tally.good += mine;
	tally.wrong += !mine;
}

/* Two tenants alternate 10,000 times on one connection; now and then it is killed in the middle. */
static void tenants_never_mix(void **state)
{
	lab = *state;
	assert_int_equal(pg_query_script(lab->q, "truncate switchboard.thing", NULL), OK);
	store_lab_open(lab, (const char *const[]){ "readers", "1", "connections", "1", NULL });
	for (uint64_t b = 1; b <= 2; b++)
		assert_int_equal(CALL(b, NULL, MSG(stock_add, .key = S("mine"), .n = (int64_t)b)),
		                 OK);
	memset(&tally, 0, sizeof tally);
	for (int i = 0; i < 10000; i++) {
		uint64_t b = 1 + (uint64_t)i % 2;
		store_lab_ask(lab, b, on_mine, (void *)(uintptr_t)b, MSG(stock_all, .limit = 10));
		if (i % 50 == 49) /* batches of 50, and some that fail on the way */
			store_lab_ask(lab, b, on_mine, (void *)(uintptr_t)b,
			              MSG(stock_wrong, .unused = 0));
		if (i % 100 == 99)
			assert_true(store_lab_settle(lab));
		if (i % 2500 == 1250)
			pg_query_text(lab->q, "select count(pg_terminate_backend(pid))::text from "
			                      "pg_stat_activity where application_name = "
			                      "'switchboard read'");
	}
	assert_true(store_lab_settle(lab));
	assert_int_equal(tally.wrong, 0);
	assert_int_equal(tally.good, 10000);
	assert_int_equal(tally.refused, 200);
	store_lab_close(lab);
}

static void absent_setting_sees_nothing(void **state)
{
	(void)state;
	assert_int_equal(CALL(1, NULL, MSG(stock_add, .key = S("a"))), OK);
	assert_string_equal(pg_query_text(lab->q, "select count(*)::text from switchboard.thing"),
	                    "1");
	struct pg_query *app = pg_query_new(lab->f, cluster_url(lab->f->cluster));
	assert_int_equal(pg_query_script(app, "set role switchboard_app", NULL), OK);
	assert_string_equal(pg_query_text(app, "select count(*)::text from thing"), "0");
	/* Set once and reset reads as '': still nothing, and no error. */
	assert_int_equal(pg_query_script(app, "begin; set local app.business = '1'; commit", NULL),
	                 OK);
	assert_string_equal(pg_query_text(app, "select count(*)::text from thing"), "0");
	assert_int_equal(
		pg_query_script(app, "insert into thing (business_id, key, n) values (1, 'x', 1)",
	                        NULL),
		ERR_DENIED);
	assert_int_equal(pg_query_script(app,
	                                 "begin; set local app.business = '2'; insert into thing "
	                                 "(business_id, key, n) values (1, 'x', 1); commit",
	                                 NULL),
	                 ERR_DENIED);
	pg_query_free(&app);
	assert_int_equal(CALL(2, NULL, MSG(stock_find, .key = S("a"))), ERR_NOT_FOUND);
}

/* ---- batches
 * ---------------------------------------------------------------------------------------- */

struct put {
	uint32_t n, fresh, wrong;
	enum err e;
	bool done;
};

static void on_put(void *ctx, enum err e, const struct msg *m)
{
	struct put *p = ctx;
	p->e = e;
	p->done = true;
	if (e)
		return;
	const struct stock_putted *out = stock_putted_of(m);
	p->wrong += out->rows.n != p->n;
	for (uint32_t i = 0; i < out->rows.n; i++) {
		p->fresh += out->rows.at[i].fresh;
		p->wrong +=
			out->rows.at[i].ord != i || (out->rows.at[i].fresh && !out->rows.at[i].id);
	}
}

static void put(struct put *p, uint64_t business, const char *lease, uint64_t epoch, uint32_t from,
                uint32_t n)
{
	char keys[200][24];
	struct stock_thing rows[200];
	for (uint32_t i = 0; i < n; i++) {
		snprintf(keys[i], sizeof keys[i], "key-%07u", from + i);
		rows[i] = (struct stock_thing){ .key = S(keys[i]), .n = (int64_t)(from + i) };
		if (i % 3 == 0)
			rows[i].note = S("a note");
	}
	*p = (struct put){ .n = n };
	store_lab_ask(lab, business, on_put, p,
	              MSG(stock_put, .lease = S(lease), .epoch = epoch, .rows = { rows, n }));
}

static void bulk_is_dealt_back(void **state)
{
	(void)state;
	struct put p[40];
	/* 40 asks of two businesses in one turn; the last five of each repeat rows of the first. */
	for (uint32_t i = 0; i < 40; i++)
		put(&p[i], 1 + i % 2, "", 0, i < 30 ? i * 1000 : (i - 30) * 1000, 1 + i * 2);
	assert_true(store_lab_settle(lab));
	for (uint32_t i = 0; i < 40; i++) {
		assert_int_equal(p[i].e, OK);
		assert_int_equal(p[i].wrong, 0);
	}
	uint64_t fresh = 0, rows = 0;
	for (uint32_t i = 0; i < 40; i++)
		fresh += p[i].fresh;
	for (uint32_t i = 0; i < 30; i++) /* the later twin of a key is longer */
		rows += i < 10 ? 1 + (i + 30) * 2 : 1 + i * 2;
	assert_int_equal(fresh, rows);
	char want[24];
	snprintf(want, sizeof want, "%d", (int)rows);
	assert_string_equal(pg_query_text(lab->q, "select count(*)::text from switchboard.thing"),
	                    want);
	struct put none;
	put(&none, 1, "", 0, 0, 0); /* an ask without rows is answered too */
	assert_true(store_lab_settle(lab));
	assert_int_equal(none.e, OK);
	assert_int_equal(none.wrong, 0);
}

static void stale_lease_is_refused(void **state)
{
	(void)state;
	struct put p[3];
	assert_int_equal(
		pg_query_script(lab->q,
	                        "insert into switchboard.lease (name, owner, epoch, until) "
	                        "values ('a', 'me', 5, 'infinity'), ('b', 'me', 2, 'infinity')",
	                        NULL),
		OK);
	put(&p[0], 1, "a", 5, 0, 3);
	put(&p[1], 1, "b", 1, 10, 3); /* in the same statement, under an old epoch */
	put(&p[2], 1, "b", 2, 20, 3);
	assert_true(store_lab_settle(lab));
	assert_int_equal(p[0].e, OK);
	assert_int_equal(p[0].fresh, 3);
	assert_int_equal(p[1].e, ERR_STALE);
	assert_int_equal(p[2].fresh, 3);
	assert_string_equal(pg_query_text(lab->q, "select count(*)::text from switchboard.thing"),
	                    "6");
}

static void on_err(void *ctx, enum err e, const struct msg *m)
{
	(void)m;
	*(enum err *)ctx = e;
}

/* One turn: good asks, asks that fail in every way, and bulk asks of which one is bad. */
static void bad_asks_fail_alone(void **state)
{
	(void)state;
	static const struct {
		const char *state;
		enum err e;
	} bads[] = { { "23505", ERR_CONFLICT }, { "53100", ERR_NO_SPACE },
		     { "22023", ERR_INVALID },  { "XX000", ERR_STORAGE },
		     { "40P01", ERR_BUSY },     { "40001", ERR_BUSY },
		     { "53200", ERR_MEMORY },   { "57014", ERR_TIMEOUT },
		     { "42501", ERR_DENIED },   { "23503", ERR_NOT_FOUND },
		     { "58030", ERR_IO },       { "P0001", ERR_STORAGE } };
	enum { BADS = sizeof bads / sizeof *bads, GOODS = 50 };
	enum err good[GOODS], bad[BADS];
	char keys[GOODS + BADS][16];
	struct put p[3];
	for (uint32_t i = 0; i < GOODS + BADS; i++)
		snprintf(keys[i], sizeof keys[i], "k%u", i);
	for (uint32_t i = 0; i < GOODS; i++) {
		good[i] = ERR_FAULT;
		store_lab_ask(lab, 1 + i % 3, on_err, &good[i], MSG(stock_add, .key = S(keys[i])));
		if (i % 4 == 0 && i / 4 < BADS)
			store_lab_ask(lab, 1 + i % 3, on_err, &bad[i / 4],
			              MSG(stock_fail, .state = S(bads[i / 4].state),
			                  .key = S(keys[GOODS + i / 4])));
	}
	put(&p[0], 9, "", 0, 0, 100);
	struct stock_thing nul = { .key = str_n("a\0b", 3) };
	p[1] = (struct put){ .n = 1 };
	store_lab_ask(lab, 9, on_put, &p[1], MSG(stock_put, .rows = { &nul, 1 }));
	put(&p[2], 9, "", 0, 1000, 100);
	assert_true(store_lab_settle(lab));
	for (uint32_t i = 0; i < GOODS; i++)
		assert_int_equal(good[i], OK);
	for (uint32_t i = 0; i < BADS; i++)
		assert_int_equal(bad[i], bads[i].e);
	assert_int_equal(p[0].fresh + p[2].fresh, 200);
	assert_int_equal(p[1].e, ERR_MALFORMED);
	assert_string_equal(pg_query_text(lab->q, "select count(*)::text from switchboard.thing"),
	                    "250");
}

/* In one bulk statement: JSON that jsonb would refuse is mended, or refused alone. */
static void json_of_others(void **state)
{
	(void)state;
	static char deep[100], digits[20000];
	static const struct {
		const char *more;
		enum err e;
		const char *note; /* as it is stored */
	} all[] = {
		{ "{\"note\": \"plain \\\\u0000 \\ud83d\\ude00\"}", OK,
		  "plain \\u0000 \xf0\x9f\x98\x80" },
		{ "{\"note\": \"cut \\ud83d\"}", OK, "cut \xef\xbf\xbd" },
		{ "{\"note\": \"\\uDE00 low, \\uD83D\\uD83D\\uDE00\"}", OK,
		  "\xef\xbf\xbd low, \xef\xbf\xbd\xf0\x9f\x98\x80" },
		{ "{\"note\": \"nul \\u0000.\"}", OK, "nul \xef\xbf\xbd." },
		{ "{\"note\": 1e8000}", OK, NULL },
		{ "{\"note\": 1e8001}", ERR_RANGE, NULL },
		{ "{\"note\": -0.1E-999999999999}", ERR_RANGE, NULL },
		{ digits, ERR_RANGE, NULL },
		{ "{\"note\": \"1e99999\"}", OK, "1e99999" },
		{ "{\"note\": \"\\ud83", ERR_MALFORMED, NULL },
		{ "{\"note\": \"\xff\"}", ERR_MALFORMED, NULL },
		{ deep, ERR_MALFORMED, NULL },
	};
	enum { ALL = sizeof all / sizeof *all };
	struct put p[ALL];
	char key[16];
	memset(deep, '[', sizeof deep - 1);
	memset(digits, '7', sizeof digits - 1);
	for (uint32_t i = 0; i < ALL; i++) {
		snprintf(key, sizeof key, "json%u", i);
		struct stock_thing row = { .key = S(key), .more = S(all[i].more) };
		p[i] = (struct put){ .n = 1 };
		store_lab_ask(lab, 9, on_put, &p[i], MSG(stock_put, .rows = { &row, 1 }));
	}
	assert_true(store_lab_settle(lab));
	for (uint32_t i = 0; i < ALL; i++) {
		char sql[120];
		snprintf(sql, sizeof sql, "select note from switchboard.thing where key = 'json%u'",
		         i);
		assert_int_equal(p[i].e, all[i].e);
		assert_int_equal(p[i].fresh, all[i].e == OK);
		if (all[i].note)
			assert_string_equal(pg_query_text(lab->q, sql), all[i].note);
	}
}

static void twins_in_one_turn(void **state)
{
	(void)state;
	enum err e[2];
	store_lab_ask(lab, 1, on_err, &e[0], MSG(stock_add, .key = S("twin")));
	store_lab_ask(lab, 1, on_err, &e[1], MSG(stock_add, .key = S("twin")));
	assert_true(store_lab_settle(lab));
	assert_int_equal(e[0], OK);
	assert_int_equal(e[1], ERR_CONFLICT);
}

static void slow_statement_is_ended(void **state)
{
	(void)state;
	enum err slow, quick;
	struct msg *m;
	assert_int_equal(CALL(1, NULL, MSG(stock_nap, .ms = 1)), OK);
	store_lab_ask(lab, 1, on_err, &quick, MSG(stock_add, .key = S("a")));
	store_lab_ask(lab, 1, on_err, &slow, MSG(stock_nap, .ms = 30000));
	assert_true(store_lab_settle(lab));
	assert_int_equal(quick, OK);
	assert_int_equal(slow, ERR_TIMEOUT);
	/* The limit was the statement's own: others keep theirs. */
	assert_int_equal(CALL(1, &m, MSG(stock_find, .key = S("a"))), OK);
	msg_unref(m);
}

/* A server that hangs, as on a dead disk: its process is stopped in the middle. The connection is
 * given up, the asker told, and the next ask finds another connection. */
static void hanging_server_is_left(void **state)
{
	(void)state;
	assert_int_equal(CALL(1, NULL, MSG(stock_nap, .ms = 1)), OK);
	const char *pids = pg_query_text(lab->q, "select string_agg(pid::text, ' ') from "
	                                         "pg_stat_activity where application_name = "
	                                         "'switchboard write'");
	char first[32], second[32];
	assert_int_equal(sscanf(pids, "%31s %31s", first, second), 2);
	kill(atoi(first), SIGSTOP);
	kill(atoi(second), SIGSTOP);
	/* One ask for each: only by its silence can a connection be known. */
	enum err e[2] = { OK, OK };
	e[0] = CALL(1, NULL, MSG(stock_nap, .ms = 1));
	e[1] = CALL(1, NULL, MSG(stock_nap, .ms = 1));
	enum err after = CALL(1, NULL, MSG(stock_nap, .ms = 1));
	kill(atoi(first), SIGCONT); /* they wake, find nobody, and end */
	kill(atoi(second), SIGCONT);
	assert_int_equal(e[0], ERR_UNAVAILABLE);
	assert_int_equal(after, OK);
	assert_true(e[1] == OK || e[1] == ERR_UNAVAILABLE);
}

/* ---- bounds and the server's comings and goings
 * ------------------------------------------------------ */

static void full_queue_is_busy(void **state)
{
	lab = *state;
	store_lab_open(lab, (const char *const[]){ "queue", "16", "connections", "1", NULL });
	assert_int_equal(CALL(1, NULL, MSG(stock_nap, .ms = 1)), OK); /* connected */
	enum err e[30];
	int busy = 0;
	for (int i = 0; i < 30; i++)
		store_lab_ask(lab, 1, on_err, &e[i], MSG(stock_nap, .ms = 10));
	assert_true(store_lab_settle(lab));
	for (int i = 0; i < 30; i++)
		busy += e[i] == ERR_BUSY;
	assert_int_equal(busy, 14);
	store_lab_close(lab);
}

/* Nothing but the setting bounds it: a kind holds 1024 asks when it does not say how many. */
static void default_queue_takes_thousands_at_once(void **state)
{
	enum { ASKS = 4096 };
	static enum err e[ASKS];
	extern const struct actor_kind store_actor;
	lab = *state;
	store_lab_open(lab, NULL);
	for (int i = 0; i < ASKS; i++)
		store_lab_ask(lab, 1, on_err, &e[i], MSG(stock_nap, .ms = 0));
	assert_true(store_lab_settle(lab));
	for (int i = 0; i < ASKS; i++)
		assert_int_equal(e[i], OK);
	assert_int_equal(store_actor.holds, STORE_QUEUE_MOST); /* as the lab's kind */
	store_lab_close(lab);
}

static void absent_server_is_waited_for(void **state)
{
	lab = *state;
	enum err e;
	store_lab_open(lab, (const char *const[]){ "wait_ms", "300", NULL });
	assert_int_equal(CALL(1, NULL, MSG(stock_nap, .ms = 1)), OK);
	pg_fixture_stop(lab->f, CLUSTER_FAST);
	assert_int_equal(CALL(1, NULL, MSG(stock_nap, .ms = 1)), ERR_UNAVAILABLE);
	store_lab_close(lab);
	store_lab_open(lab, (const char *const[]){ "wait_ms", "10000", NULL });
	store_lab_ask(lab, 1, on_err, &e, MSG(stock_nap, .ms = 1)); /* before the server is there */
	pg_fixture_start(lab->f);
	assert_true(store_lab_settle(lab));
	assert_int_equal(e, OK);
	store_lab_close(lab);
}

struct flood {
	uint32_t next, answered, unknown, in_flight;
	uint8_t *acknowledged; /* by row */
	uint32_t cut_at;
	bool done, cut;
};

enum { FLOOD_ROWS = 20000, FLOOD_ASK = 20 };

struct flood_ask {
	struct flood *f;
	uint32_t from;
};

static void flood_more(struct flood *f, uint32_t from);

static void on_flood(void *ctx, enum err e, const struct msg *m)
{
	struct flood_ask *a = ctx;
	struct flood *f = a->f;
	(void)m;
	if (e) {
		f->unknown++;
		flood_more(f, a->from); /* whoever was not answered asks again */
	} else {
		memset(f->acknowledged + a->from, 1, FLOOD_ASK);
		f->answered += FLOOD_ASK;
		if (f->next < FLOOD_ROWS) {
			f->next += FLOOD_ASK;
			flood_more(f, f->next - FLOOD_ASK);
		}
	}
	f->cut |= f->answered >= f->cut_at;
	f->done = f->answered == FLOOD_ROWS;
	free(a);
}

static void flood_more(struct flood *f, uint32_t from)
{
	char keys[FLOOD_ASK][24];
	struct stock_thing rows[FLOOD_ASK];
	struct flood_ask *a = malloc(sizeof *a);
	*a = (struct flood_ask){ f, from };
	for (uint32_t i = 0; i < FLOOD_ASK; i++) {
		snprintf(keys[i], sizeof keys[i], "key-%07u", from + i);
		rows[i] = (struct stock_thing){ .key = S(keys[i]), .n = (int64_t)(from + i) };
	}
	store_lab_ask(lab, 1, on_flood, a, MSG(stock_put, .rows = { rows, FLOOD_ASK }));
}

/* The power is cut three times in a flood. Whoever hears nothing asks again; in the end every row
 * is there once, and none that was acknowledged was ever missing. */
static void flood_survives_power_cuts(void **state)
{
	lab = *state;
	struct flood f = { .acknowledged = calloc(1, FLOOD_ROWS) };
	assert_int_equal(pg_query_script(lab->q, "truncate switchboard.thing", NULL), OK);
	store_lab_open(lab, (const char *const[]){ "rows", "200", NULL });
	for (int i = 0; i < 40; i++) {
		f.next += FLOOD_ASK;
		flood_more(&f, f.next - FLOOD_ASK);
	}
	for (int cut = 1; cut <= 3; cut++) {
		f.cut_at = (uint32_t)cut * FLOOD_ROWS / 4;
		f.cut = false;
		assert_true(pg_fixture_until(lab->f, &f.cut));
		pg_fixture_stop(lab->f, CLUSTER_IMMEDIATE);
		pg_fixture_start(lab->f);
		uint32_t acknowledged = f.answered;
		int rows =
			atoi(pg_query_text(lab->q, "select count(*)::text from switchboard.thing"));
		assert_true(rows >= (int)acknowledged);
	}
	assert_true(pg_fixture_until(lab->f, &f.done));
	print_message("unanswered and asked again: %u asks\n", f.unknown);
	assert_true(f.unknown > 0);
	assert_string_equal(pg_query_text(lab->q,
	                                  "select count(*) || ' ' || count(distinct n) || ' ' || "
	                                  "sum(n) from switchboard.thing"),
	                    "20000 20000 199990000");
	free(f.acknowledged);
	store_lab_close(lab);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_default, close_lab)
	const struct CMUnitTest tests[] = {
		TEST(every_type_both_ways),
		TEST(zero_is_zero_and_absent_is_null),
		TEST(lists_both_ways),
		TEST(values_that_do_not_fit),
		TEST(needs_a_business),
		cmocka_unit_test(tenants_never_mix),
		TEST(absent_setting_sees_nothing),
		TEST(bulk_is_dealt_back),
		TEST(stale_lease_is_refused),
		TEST(bad_asks_fail_alone),
		TEST(json_of_others),
		TEST(twins_in_one_turn),
		TEST(slow_statement_is_ended),
		TEST(hanging_server_is_left),
		cmocka_unit_test(full_queue_is_busy),
		cmocka_unit_test(default_queue_takes_thousands_at_once),
		cmocka_unit_test(absent_server_is_waited_for),
		cmocka_unit_test(flood_survives_power_cuts),
	};
	return cmocka_run_group_tests_name("persistence store", tests, store_lab_up,
	                                   store_lab_down);
}
