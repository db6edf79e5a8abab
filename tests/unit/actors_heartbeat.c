/*
 * actors_heartbeat.c — silence is noticed once, at the right moment; the list stays in order and
 * bounded.
 */
#include "actors/heartbeat/watch.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdio.h>

static const uint64_t S = 1000000; /* us */

static struct watched *hear(struct watch *w, const char *name, uint64_t now_us, uint64_t *silent)
{
	struct watched *e;
	assert_int_equal(watch_heard(w, str_of(name), 1000, now_us, (int64_t)now_us, &e, silent),
	                 OK);
	return e;
}

static void silence_is_told_once(void **state)
{
	(void)state;
	struct watch w = { 0 };
	uint64_t silent;
	hear(&w, "a", 10 * S, &silent);
	assert_int_equal(silent, 0);
	assert_int_equal(watch_next_us(&w), 13 * S);
	assert_null(watch_silent(&w, 13 * S - 1));
	struct watched *e = watch_silent(&w, 13 * S);
	assert_non_null(e);
	assert_string_equal(e->name, "a");
	assert_null(watch_silent(&w, 20 * S)); /* once */
	assert_int_equal(watch_next_us(&w), UINT64_MAX);
	hear(&w, "a", 25 * S, &silent);
	assert_int_equal(silent, 15 * S);
	assert_int_equal(e->silences, 1);
	assert_int_equal(watch_next_us(&w), 28 * S);
	watch_ended(&w, str_of("a"));
	assert_null(watch_silent(&w, 100 * S));
	assert_int_equal(e->state, BEAT_STATE_ENDED);
	watch_done(&w);
}

static void the_list_is_in_order(void **state)
{
	(void)state;
	static const char *const names[] = { "m", "a", "z", "ab", "b", "aa" };
	static const char *const sorted[] = { "a", "aa", "ab", "b", "m", "z" };
	struct watch w = { 0 };
	uint64_t silent;
	for (int i = 0; i < 6; i++)
		hear(&w, names[i], S, &silent);
	for (uint32_t i = 0; i < 6; i++)
		assert_string_equal(w.all[i]->name, sorted[i]);
	assert_int_equal(watch_after(&w, str_of("aa")), 2);
	assert_int_equal(watch_after(&w, str_of("aaa")), 2);
	assert_int_equal(watch_after(&w, str_of("")), 0);
	assert_int_equal(watch_after(&w, str_of("z")), 6);
	watch_done(&w);
}

static void the_living_never_make_room(void **state)
{
	(void)state;
	struct watch w = { 0 };
	uint64_t silent;
	char name[16];
	for (uint32_t i = 0; i < WATCH_MOST; i++) {
		(void)snprintf(name, sizeof name, "n%05u", i);
		hear(&w, name, S + i, &silent);
	}
	struct watched *e;
	assert_int_equal(watch_heard(&w, str_of("one more"), 1000, 2 * S, 0, &e, &silent),
	                 ERR_FULL);
	watch_ended(&w, str_of("n00100"));
	watch_ended(&w, str_of("n00050"));
	hear(&w, "one more", 2 * S, &silent);
	assert_int_equal(w.n, WATCH_MOST);
	assert_int_equal(watch_after(&w, str_of("n00049")), 50); /* n00050, the older, made room */
	assert_string_equal(w.all[50]->name, "n00051");
	watch_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_told_once),
		cmocka_unit_test(the_list_is_in_order),
		cmocka_unit_test(the_living_never_make_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
