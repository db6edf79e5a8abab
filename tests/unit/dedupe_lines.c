/*
 * dedupe_lines — 120 POSTs of real-world shapes through parser and dedupe, over a store in memory:
 * one by one, grouped, and with every window cold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/sim/alone.h"
#include "tests/sim/wa_door.h"
#include "tests/sim/wa_store.h"
#include "tests/unit/wa_lines.h"

extern const struct actor_kind dedupe_actor;

static const char *path;

struct lab {
	struct alone *alone;
	struct wa_done done;
	enum err err;
	bool answered;
	enum tenant_dedupe policy;
};

static const struct actor_kind *const kinds[] = { &dedupe_actor, &wa_door_actor, &wa_store_actor,
	                                          NULL };

static void on_answer(void *ctx, const struct msg *m)
{
	struct lab *l = ctx;
	l->answered = true;
	l->err = msg_err(m);
	if (!l->err)
		l->done = *wa_done_of(m);
}

static void ingest(void *ctx, const struct wa_row *rows, uint32_t n, struct wa_counts *ret)
{
	struct lab *l = ctx;
	l->answered = false;
	assert_int_equal(
		node_ask(l->alone->node, "door", 20000, on_answer, l,
	                 MSG(wa_batch, .rows = { rows, n }, .connector = 1, .policy = l->policy)),
		OK);
	alone_run(l->alone, 100);
	assert_true(l->answered);
	assert_int_equal(l->err, OK);
	ret->accepted = l->done.accepted;
	ret->duplicates = l->done.duplicates;
}

/* A new owner, which knows nothing but the table. */
static void restart(void *ctx)
{
	struct lab *l = ctx;
	alone_free(&l->alone);
	l->alone = alone_new(kinds, 1);
	memset(wa_store.leases, 0, sizeof wa_store.leases);
}

static void run(uint32_t together, wa_between_fn *between)
{
	struct lab l = { 0 };
	wa_store_reset();
	l.alone = alone_new(kinds, 1);
	wa_lines(path, together, ingest, between, &l);
	alone_free(&l.alone);
}

static void one_by_one(void **state)
{
	(void)state;
	run(1, NULL);
}

static void grouped(void **state)
{
	(void)state;
	for (uint32_t together = 2; together < 200; together += together / 2)
		run(together, NULL);
}

static void cold(void **state)
{
	(void)state;
	run(1, restart);
	run(3, restart);
}

/* ---- the other policies
 * -------------------------------------------------------------------------- */

struct post {
	int64_t t_s;
	const char *jid, *text, *id;
	bool own, event;
	char literal, off; /* the verdict under each policy */
};

/* What the old system lost, and what it did not. */
static const struct post posts[] = {
	{ 100, "c1", "hi", "1", .literal = 'a', .off = 'a' },
	{ 100, "c1", "are you open?", "2", .literal = 'd', .off = 'a' },   /* layer 2: any text */
	{ 101, "c1", "hello", "3", .literal = 'd', .off = 'a' },           /* inclusive */
	{ 102, "c1", "hi", "4", .literal = 'd', .off = 'a' },              /* layer 3 */
	{ 103, "c1", "well", "5", .literal = 'a', .off = 'a' },            /* no chain */
	{ 103, "c1@x", "other address", "6", .literal = 'a', .off = 'a' }, /* raw, not canonical */
	{ 105, "c1", "hi", "7", .own = true, .literal = 'a', .off = 'a' }, /* ours: not layer 3 */
	{ 105, "c1", "ours too", "8", .own = true, .literal = 'd', .off = 'a' }, /* but layer 2 */
	{ 107, "c1", "", "9", .literal = 'a', .off = 'a' }, /* empty: not layer 3 */
	{ 109, "c1", "", "10", .literal = 'a', .off = 'a' },
	{ 110, "c1", "hi", "11", .literal = 'd', .off = 'a' }, /* ours between changes nothing */
	{ 111, "c1", "hi", "12", .literal = 'a', .off = 'a' }, /* 11 s after the accepted one */
	{ 111, "c1", "+", "13", .event = true, .literal = 'd',
	  .off = 'a' },                                       /* an event is a message */
	{ 100, "c1", "hi", "1", .literal = 'd', .off = 'd' }, /* layer 1 */
};

static struct wa_counts one_post(struct lab *l, const struct post *p)
{
	uint8_t print[32] = { (uint8_t)p->text[0], (uint8_t)strlen(p->text) };
	struct wa_row row = { .provider_id = str_of(p->id),
		              .chat = str_of("c1"),
		              .sender = str_of(p->own ? "me" : "c1"),
		              .remote_jid = str_of(p->jid),
		              .from_me = p->own,
		              .kind = p->event ? WA_KIND_REACTION : WA_KIND_TEXT,
		              .class = p->event ? WA_CLASS_EVENT : WA_CLASS_CONTENT,
		              .t_us = (1700000000 + p->t_s) * 1000000,
		              .raw = str_of("{}") };
	if (p->text[0] && !p->event) {
		row.fingerprint = str_n((const char *)print, 32);
		row.body_print = str_n((const char *)print, 16);
	}
	struct wa_counts got = { 0 };
	ingest(l, &row, 1, &got);
	return got;
}

static void policy(enum tenant_dedupe which, bool restarts)
{
	struct lab l = { .policy = which };
	uint32_t accepted = 0;
	wa_store_reset();
	l.alone = alone_new(kinds, 1);
	for (size_t i = 0; i < sizeof posts / sizeof *posts; i++) {
		char want = which == TENANT_DEDUPE_LITERAL ? posts[i].literal : posts[i].off;
		struct wa_counts got = one_post(&l, &posts[i]);
		if (got.accepted != (want == 'a') || got.duplicates != (want == 'd'))
			fail_msg("post %zu, \"%s\": want %c", i, posts[i].text, want);
		accepted += got.accepted;
		if (restarts)
			restart(&l);
	}
	assert_int_equal(wa_store.n, accepted); /* copies are discarded, not hidden */
	alone_free(&l.alone);
}

static void literal(void **state)
{
	(void)state;
	policy(TENANT_DEDUPE_LITERAL, false);
	policy(TENANT_DEDUPE_LITERAL, true);
}

static void off(void **state)
{
	(void)state;
	policy(TENANT_DEDUPE_OFF, false);
	policy(TENANT_DEDUPE_OFF, true);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one), cmocka_unit_test(grouped), cmocka_unit_test(cold),
		cmocka_unit_test(literal),    cmocka_unit_test(off),
	};
	path = argc > 1 ? argv[1] : "tests/golden/whatsapp.jsonl";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
