/*
 * tools_child — one supervised process, told by hand what happens, under a clock that is a
 * variable.
 */
#include "tools/supervise/child.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct child_rule rule = {
	.ready_ms = 1000,
	.drain_ms = 2000,
	.times = 4,
	.within_ms = 60000,
	.pause_ms = 100,
	.pause_most_ms = 400,
};

static struct child c;
static uint64_t now;

static int begin(void **state)
{
	(void)state;
	now = 1000000;
	child_init(&c, &rule, now);
	child_want(&c, true);
	return 0;
}

static enum child_act after(uint32_t wait_ms)
{
	now += wait_ms * 1000ULL;
	return child_step(&c, now);
}

static void up(void)
{
	assert_int_equal(after(0), CHILD_SPAWN);
	child_ready(&c, now);
	assert_int_equal(c.state, CHILD_UP);
}

static void a_wanted_one_is_started_once(void **state)
{
	(void)state;
	assert_int_equal(after(0), CHILD_SPAWN);
	assert_int_equal(after(0), CHILD_NOTHING);
	assert_int_equal(c.state, CHILD_STARTING);
	child_ready(&c, now);
	assert_int_equal(after(100000), CHILD_NOTHING);
	assert_int_equal(c.restarts, 0);
}

static void a_dead_one_comes_back_after_the_pause(void **state)
{
	(void)state;
	up();
	child_died(&c, now);
	assert_int_equal(c.state, CHILD_PAUSING);
	assert_int_equal(after(99), CHILD_NOTHING);
	assert_int_equal(child_next_us(&c), now + 1000);
	assert_int_equal(after(1), CHILD_SPAWN);
	assert_int_equal(c.restarts, 1);
}

/* 100, 200, then 400 at the most; a life that was ready starts over at 100. */
static void the_pause_grows_while_it_is_born_dead(void **state)
{
	(void)state;
	assert_int_equal(after(0), CHILD_SPAWN);
	child_died(&c, now);
	assert_int_equal(after(99), CHILD_NOTHING);
	assert_int_equal(after(1), CHILD_SPAWN);
	child_died(&c, now);
	assert_int_equal(after(199), CHILD_NOTHING);
	assert_int_equal(after(1), CHILD_SPAWN);
	child_died(&c, now);
	assert_int_equal(after(399), CHILD_NOTHING);
	assert_int_equal(after(1), CHILD_SPAWN);
	child_ready(&c, now);
	now += 61000000; /* out of the tally */
	child_died(&c, now);
	assert_int_equal(after(100), CHILD_SPAWN);
}

static void too_many_deaths_give_it_up(void **state)
{
	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_int_equal(after(1000), CHILD_SPAWN);
		child_died(&c, now);
	}
	assert_int_equal(c.state, CHILD_GIVEN_UP);
	assert_int_equal(child_deaths(&c, now), 4);
	assert_int_equal(after(1000000), CHILD_NOTHING);
	child_restart(&c);
	assert_int_equal(after(0), CHILD_SPAWN);
	assert_int_equal(child_deaths(&c, now), 0);
}

static void rare_deaths_do_not_add_up(void **state)
{
	(void)state;
	up();
	for (int i = 0; i < 100; i++) {
		now += 21000000;
		child_died(&c, now);
		assert_int_equal(after(100), CHILD_SPAWN);
		child_ready(&c, now);
	}
	assert_int_equal(c.state, CHILD_UP);
	assert_int_equal(c.restarts, 100);
}

static void who_is_not_ready_in_time_is_killed_and_counted(void **state)
{
	(void)state;
	assert_int_equal(after(0), CHILD_SPAWN);
	assert_int_equal(after(999), CHILD_NOTHING);
	assert_int_equal(after(1), CHILD_KILL);
	assert_int_equal(after(5000), CHILD_NOTHING);
	child_died(&c, now);
	assert_int_equal(c.state, CHILD_PAUSING);
	assert_int_equal(child_deaths(&c, now), 1);
}

static void the_unwanted_drain_and_are_killed_late(void **state)
{
	(void)state;
	up();
	child_want(&c, false);
	assert_int_equal(after(0), CHILD_TERM);
	assert_int_equal(after(2000), CHILD_NOTHING);
	assert_int_equal(after(1), CHILD_KILL);
	child_died(&c, now);
	assert_int_equal(c.state, CHILD_DOWN);
	assert_int_equal(child_deaths(&c, now), 0);
	assert_int_equal(after(1000), CHILD_NOTHING);
}

static void haste_kills_who_drains(void **state)
{
	(void)state;
	up();
	child_want(&c, false);
	assert_int_equal(after(0), CHILD_TERM);
	child_hurry(&c);
	assert_int_equal(after(0), CHILD_KILL);
}

static void a_restart_is_no_death(void **state)
{
	(void)state;
	up();
	child_restart(&c);
	assert_int_equal(after(0), CHILD_TERM);
	child_died(&c, now);
	assert_int_equal(after(0), CHILD_SPAWN);
	assert_int_equal(child_deaths(&c, now), 0);
	assert_int_equal(c.restarts, 1);
}

static void wanted_again_while_draining_comes_back(void **state)
{
	(void)state;
	up();
	child_want(&c, false);
	assert_int_equal(after(0), CHILD_TERM);
	child_want(&c, true);
	assert_int_equal(after(0), CHILD_NOTHING);
	child_died(&c, now);
	assert_int_equal(after(0), CHILD_SPAWN);
}

static void late_news_of_the_dead_changes_nothing(void **state)
{
	(void)state;
	up();
	child_died(&c, now);
	child_died(&c, now);
	child_ready(&c, now);
	assert_int_equal(c.state, CHILD_PAUSING);
	assert_int_equal(child_deaths(&c, now), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_wanted_one_is_started_once, begin),
		cmocka_unit_test_setup(a_dead_one_comes_back_after_the_pause, begin),
		cmocka_unit_test_setup(the_pause_grows_while_it_is_born_dead, begin),
		cmocka_unit_test_setup(too_many_deaths_give_it_up, begin),
		cmocka_unit_test_setup(rare_deaths_do_not_add_up, begin),
		cmocka_unit_test_setup(who_is_not_ready_in_time_is_killed_and_counted, begin),
		cmocka_unit_test_setup(the_unwanted_drain_and_are_killed_late, begin),
		cmocka_unit_test_setup(haste_kills_who_drains, begin),
		cmocka_unit_test_setup(a_restart_is_no_death, begin),
		cmocka_unit_test_setup(wanted_again_while_draining_comes_back, begin),
		cmocka_unit_test_setup(late_news_of_the_dead_changes_nothing, begin),
	};
	return cmocka_run_group_tests_name("child", tests, NULL, NULL);
}
