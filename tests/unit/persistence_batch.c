/*
 * The planner: what goes down together, in which order, within which bounds.
 */
#include "persistence/batch.h"
#include "proto/stock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct statement bulk = { .request = &stock_put_desc, .bulk = 2, .write = true };
static const struct statement other = { .request = &stock_put_desc, .bulk = 2, .write = true };
static const struct statement single = { .request = &stock_add_desc, .bulk = -1, .write = true };

enum { MOST = 4000 };
static struct batch_ask asks[MOST];
static struct msg msgs[MOST];
static uint32_t n;

static struct batch_ask *ask(struct batch_queue *q, const struct statement *s, uint64_t business,
                             uint32_t rows)
{
	msgs[n] = (struct msg){ .type = s->request, .business = business, .size = 100 };
	asks[n] = (struct batch_ask){ .m = &msgs[n], .s = s, .seq = n + 1, .rows = rows };
	batch_push(q, &asks[n]);
	return &asks[n++];
}

static const struct batch_limits wide = { 1024, 1000, 1 << 20 };

static int fresh(void **state)
{
	(void)state;
	n = 0;
	return 0;
}

static void merges_by_statement_and_business(void **state)
{
	(void)state;
	static struct batch b;
	struct batch_queue q = { 0 };
	struct batch_ask *a = ask(&q, &bulk, 8, 10), *c = ask(&q, &single, 7, 0);
	struct batch_ask *d = ask(&q, &bulk, 7, 5), *e = ask(&q, &bulk, 8, 20);
	struct batch_ask *f = ask(&q, &other, 8, 1), *g = ask(&q, &single, 7, 0);
	batch_plan(&b, &q, &wide);
	assert_int_equal(q.n, 0);
	assert_int_equal(b.n, 5);
	assert_int_equal(b.asks, 6);
	assert_int_equal(b.rows, 10 + 1 + 5 + 20 + 1 + 1);
	/* Business 7 first, there in order of arrival; then 8, its two bulk asks as one. */
	assert_ptr_equal(b.steps[0].asks.first, c);
	assert_ptr_equal(b.steps[1].asks.first, d);
	assert_ptr_equal(b.steps[2].asks.first, g);
	assert_ptr_equal(b.steps[3].asks.first, a);
	assert_ptr_equal(b.steps[3].asks.last, e);
	assert_int_equal(b.steps[3].rows, 30);
	assert_ptr_equal(b.steps[4].asks.first, f);
	/* All of them come back in the order they came. */
	struct batch_queue back;
	batch_release(&b, &back);
	assert_int_equal(back.n, 6);
	assert_int_equal(back.bytes, 600);
	for (uint64_t seq = 1; seq <= 6; seq++)
		assert_int_equal(batch_pop(&back)->seq, seq);
	assert_null(batch_pop(&back));
}

static void bounds_hold(void **state)
{
	(void)state;
	static struct batch b;
	struct batch_queue q = { 0 };
	for (int i = 0; i < 30; i++)
		ask(&q, &bulk, 1, 99);
	batch_plan(&b, &q, &wide); /* 1,000 rows: ten asks */
	assert_int_equal(b.asks, 10);
	assert_int_equal(b.n, 1);
	assert_int_equal(q.n, 20);
	batch_plan(&b, &q, &(struct batch_limits){ 7, 1000, 1 << 20 });
	assert_int_equal(b.asks, 7);
	batch_plan(&b, &q, &(struct batch_limits){ 1024, 1000, 350 });
	assert_int_equal(b.asks, 3);
	assert_int_equal(q.n, 10);
	/* One that is over every bound goes by itself: it must not stay for ever. */
	struct batch_queue large = { 0 };
	ask(&large, &bulk, 1, 5000);
	ask(&large, &bulk, 1, 1);
	batch_plan(&b, &large, &(struct batch_limits){ 1024, 1000, 50 });
	assert_int_equal(b.asks, 1);
	assert_int_equal(b.rows, 5000);
	/* More steps than fit stay in the queue. */
	struct batch_queue many = { 0 };
	for (int i = 0; i < BATCH_STEPS + 10; i++)
		ask(&many, &single, (uint64_t)(i % 5) + 1, 0);
	batch_plan(&b, &many, &wide);
	assert_int_equal(b.n, BATCH_STEPS);
	assert_int_equal(many.n, 10);
}

static void who_runs_alone(void **state)
{
	(void)state;
	static struct batch b;
	struct batch_queue q = { 0 };
	ask(&q, &single, 1, 0);
	ask(&q, &bulk, 1, 1)->alone = true;
	ask(&q, &bulk, 1, 1);
	batch_plan(&b, &q, &wide);
	assert_int_equal(b.asks, 1);
	batch_plan(&b, &q, &wide);
	assert_int_equal(b.asks, 1);
	assert_true(b.steps[0].asks.first->alone);
	batch_plan(&b, &q, &wide);
	assert_int_equal(b.asks, 1);
	batch_plan(&b, &q, &wide);
	assert_int_equal(b.asks, 0);
	assert_int_equal(b.n, 0);
}

/* Whatever comes, in whatever sizes: each ask is in exactly one batch, within the bounds, once. */
static void nothing_is_lost_or_doubled(void **state)
{
	(void)state;
	static struct batch b;
	static uint8_t seen[MOST + 1];
	struct batch_queue q = { 0 }, back;
	srandom(7);
	memset(seen, 0, sizeof seen);
	for (uint32_t i = 0; i < 3000; i++) {
		const struct statement *kinds[] = { &bulk, &other, &single };
		const struct statement *s = kinds[random() % 3];
		uint32_t rows = s->bulk >= 0 ? (uint32_t)random() % 200 : 0;
		ask(&q, s, 1 + (uint64_t)random() % 9, rows)->alone = random() % 50 == 0;
	}
	for (uint32_t left = 3000; left;) {
		batch_plan(&b, &q, &wide);
		assert_true(b.asks > 0);
		assert_true(b.asks == 1 || b.rows <= 1000);
		left -= b.asks;
		for (uint32_t i = 1; i < b.n; i++)
			assert_true(b.steps[i - 1].business <= b.steps[i].business);
		uint32_t asked = b.asks;
		batch_release(&b, &back);
		assert_int_equal(back.n, asked);
		for (struct batch_ask *a; (a = batch_pop(&back));)
			seen[a->seq]++;
	}
	assert_int_equal(q.n, 0);
	assert_int_equal(q.bytes, 0);
	for (uint32_t i = 1; i <= 3000; i++)
		assert_int_equal(seen[i], 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(merges_by_statement_and_business, fresh),
		cmocka_unit_test_setup(bounds_hold, fresh),
		cmocka_unit_test_setup(who_runs_alone, fresh),
		cmocka_unit_test_setup(nothing_is_lost_or_doubled, fresh),
	};
	return cmocka_run_group_tests_name("persistence batch", tests, NULL, NULL);
}
