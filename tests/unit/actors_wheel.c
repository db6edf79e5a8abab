/*
 * The timer wheel against a plain list: same timers, same order, whatever the jumps of time.
 */
#include "actors/runtime/random.h"
#include "actors/runtime/wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum { TIMERS = 300 };

struct model {
	struct wheel_timer timer;
	uint64_t due;
	bool armed;
};

static struct model timers[TIMERS];

/* The one that a plain list would expire next. */
static struct model *next_of(uint64_t now)
{
	struct model *best = NULL;
	for (int i = 0; i < TIMERS; i++) {
		struct model *t = &timers[i];
		if (t->armed && t->due <= now && (!best || t->due < best->due))
			best = t;
	}
	return best;
}

static void arm(struct wheel *w, struct model *t, uint64_t due)
{
	wheel_arm(w, &t->timer, due);
	t->due = due > w->now ? due : w->now + 1;
	t->armed = true;
}

static uint64_t earliest(void)
{
	uint64_t at = UINT64_MAX;
	for (int i = 0; i < TIMERS; i++)
		if (timers[i].armed && timers[i].due < at)
			at = timers[i].due;
	return at;
}

static void expire_all(struct wheel *w, uint64_t now)
{
	struct wheel_timer *t;
	while ((t = wheel_expire(w, now))) {
		struct model *got = (struct model *)t, *want = next_of(now);
		assert_true(got->armed && want);
		assert_int_equal(got->due, want->due);
		assert_false(wheel_armed(t));
		got->armed = false;
	}
	assert_null(next_of(now));
	assert_int_equal(w->now, now);
}

static void is_a_plain_list(void **state)
{
	(void)state;
	struct wheel w;
	struct rng r;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		rng_init(&r, seed);
		uint64_t now = rng_next(&r) >> (rng_below(&r, 60) + 4);
		memset(timers, 0, sizeof timers);
		wheel_init(&w, now);
		for (int i = 0; i < 2000; i++) {
			struct model *t = &timers[rng_below(&r, TIMERS)];
			if (rng_below(&r, 4)) {
				arm(&w, t, now + (rng_next(&r) >> (64 - rng_below(&r, 32) - 1)));
			} else {
				wheel_disarm(&w, &t->timer);
				t->armed = false;
			}
			assert_true(wheel_next(&w) <= earliest());
			if (rng_below(&r, 3))
				continue;
			now = rng_below(&r, 8)               ? now + rng_below(&r, 200)
			      : wheel_next(&w) == UINT64_MAX ? now
			                                     : wheel_next(&w);
			expire_all(&w, now);
		}
		expire_all(&w, now + (1ull << 33));
		assert_int_equal(wheel_next(&w), UINT64_MAX);
	}
}

static void equal_times_come_in_order_of_arming(void **state)
{
	(void)state;
	struct wheel w;
	wheel_init(&w, 1000);
	memset(timers, 0, sizeof timers);
	for (int i = 0; i < 10; i++)
		arm(&w, &timers[i], 9000); /* crosses two levels on its way down */
	assert_null(wheel_expire(&w, 8999));
	for (int i = 0; i < 10; i++)
		assert_ptr_equal(wheel_expire(&w, 9000), &timers[i].timer);
}

static void the_past_is_the_next_tick(void **state)
{
	(void)state;
	struct wheel w;
	struct wheel_timer t = { 0 };
	wheel_init(&w, 500);
	wheel_arm(&w, &t, 3);
	assert_null(wheel_expire(&w, 500));
	assert_ptr_equal(wheel_expire(&w, 501), &t);
	wheel_disarm(&w, &t); /* also when it is not armed */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_a_plain_list),
		cmocka_unit_test(equal_times_come_in_order_of_arming),
		cmocka_unit_test(the_past_is_the_next_tick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
