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
	assert_int_equal(node_ask(l->alone->node, "door", 20000, on_answer, l,
	                          MSG(wa_batch, .rows = { rows, n }, .connector = 1,
	                              .policy = TENANT_DEDUPE_SUPPRESS)),
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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(grouped),
		cmocka_unit_test(cold),
	};
	path = argc > 1 ? argv[1] : "tests/golden/whatsapp.jsonl";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
