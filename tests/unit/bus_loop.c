/*
 * The loop: stages in order, no sleep while work is left, timers never early, watches that may be
 * freed from within, names resolved off the loop.
 */
#include "bus/loop.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
	struct loop *loop;
	struct loop_stage *stage;
	struct loop_fd *fd;
	struct loop_timer *timer;
	int order[64], n, events, ticks, left;
	enum err resolved;
	uint64_t at_us;
};

static int setup(void **state)
{
	struct seen *s = test_calloc(1, sizeof *s);
	assert_int_equal(loop_new(&s->loop), OK);
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct seen *s = *state;
	loop_free(&s->loop);
	assert_null(s->loop);
	test_free(s);
	return 0;
}

static void note(struct seen *s, int what)
{
	if (s->n < 64)
		s->order[s->n++] = what;
}

static bool first(void *ctx)
{
	note(ctx, 1);
	return false;
}

static bool second(void *ctx)
{
	struct seen *s = ctx;
	note(s, 2);
	if (s->left)
		s->left--;
	return s->left > 0;
}

static bool third(void *ctx)
{
	struct seen *s = ctx;
	note(s, 3);
	if (!s->left)
		loop_stop(s->loop);
	return false;
}

/* Registered out of order; three turns follow each other without one sleep, and no event. */
static void stages_run_in_order_and_keep_awake(void **state)
{
	struct seen *s = *state;
	struct loop_stage *a, *b, *c;
	s->left = 3;
	assert_int_equal(loop_on_turn(s->loop, LOOP_FLUSH, third, s, &c), OK);
	assert_int_equal(loop_on_turn(s->loop, LOOP_DRAIN, first, s, &a), OK);
	assert_int_equal(loop_on_turn(s->loop, LOOP_RUN, second, s, &b), OK);
	loop_run(s->loop);
	int want[] = { 1, 2, 3, 1, 2, 3, 1, 2, 3 };
	assert_int_equal(s->n, 9);
	assert_memory_equal(s->order, want, sizeof want);
	assert_int_equal(loop_stats(s->loop).turns, 3);
	assert_int_equal(loop_stats(s->loop).slept, 1);
}

static bool frees_itself(void *ctx)
{
	struct seen *s = ctx;
	note(s, 7);
	loop_stage_free(&s->stage);
	return true;
}

static void a_stage_may_free_itself(void **state)
{
	struct seen *s = *state;
	struct loop_stage *c;
	s->left = 2;
	assert_int_equal(loop_on_turn(s->loop, LOOP_DRAIN, frees_itself, s, &s->stage), OK);
	assert_int_equal(loop_on_turn(s->loop, LOOP_RUN, second, s, &c), OK);
	assert_int_equal(loop_on_turn(s->loop, LOOP_FLUSH, third, s, &c), OK);
	loop_run(s->loop);
	int want[] = { 7, 2, 3, 2, 3 };
	assert_int_equal(s->n, 5);
	assert_memory_equal(s->order, want, sizeof want);
}

static void tick(void *ctx)
{
	struct seen *s = ctx;
	s->ticks++;
	s->at_us = loop_now_us(s->loop);
	loop_stop(s->loop);
}

/* Set after 5 ms of busy turn: the loop's cached time is old then, and must not make it early. */
static void timers_are_never_early(void **state)
{
	struct seen *s = *state;
	assert_int_equal(loop_timer_new(s->loop, tick, s, &s->timer), OK);
	for (int i = 0; i < 20; i++) {
		uint64_t until = loop_now_us(s->loop) + 5000;
		while (loop_now_us(s->loop) < until)
			;
		uint64_t set_us = loop_now_us(s->loop), in_us = 1 + (uint64_t)i * 137;
		loop_timer_set(s->timer, in_us);
		loop_run(s->loop);
		assert_true(s->at_us >= set_us + in_us);
	}
	assert_int_equal(s->ticks, 20);
	loop_timer_free(&s->timer);
	assert_null(s->timer);
}

static void a_cleared_timer_stays_silent(void **state)
{
	struct seen *s = *state;
	struct loop_timer *end;
	assert_int_equal(loop_timer_new(s->loop, tick, s, &s->timer), OK);
	assert_int_equal(loop_timer_new(s->loop, tick, s, &end), OK);
	loop_timer_set(s->timer, 1000);
	loop_timer_clear(s->timer);
	loop_timer_set(end, 20000);
	loop_run(s->loop);
	assert_int_equal(s->ticks, 1);
}

static void on_fd(void *ctx, int events)
{
	struct seen *s = ctx;
	s->events |= events;
	loop_watch_free(&s->fd);
	loop_stop(s->loop);
}

static void a_watch_may_be_freed_from_within(void **state)
{
	struct seen *s = *state;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(loop_watch(s->loop, pair[0], LOOP_READ, on_fd, s, &s->fd), OK);
	assert_int_equal(write(pair[1], "x", 1), 1);
	loop_run(s->loop);
	assert_int_equal(s->events, LOOP_READ);
	assert_null(s->fd);
	/* the same descriptor again, in the same iteration even */
	assert_int_equal(loop_watch(s->loop, pair[0], LOOP_WRITE, on_fd, s, &s->fd), OK);
	loop_run(s->loop);
	assert_int_equal(s->events, LOOP_READ | LOOP_WRITE);
	close(pair[0]);
	close(pair[1]);
}

static void what_cannot_be_watched_is_refused(void **state)
{
	struct seen *s = *state;
	assert_int_equal(loop_watch(s->loop, 9999, LOOP_READ, on_fd, s, &s->fd), ERR_INVALID);
	assert_null(s->fd);
}

static void signals_arrive(void **state)
{
	struct seen *s = *state;
	struct loop_signal *sig;
	assert_int_equal(loop_on_signal(s->loop, SIGUSR1, tick, s, &sig), OK);
	kill(getpid(), SIGUSR1);
	loop_run(s->loop);
	assert_int_equal(s->ticks, 1);
}

static void on_name(void *ctx, enum err e, const struct sockaddr *addr, uint32_t len)
{
	struct seen *s = ctx;
	s->resolved = e;
	assert_true(e || (addr && len >= sizeof(struct sockaddr)));
	s->ticks++;
	loop_stop(s->loop);
}

static void names_are_resolved_once(void **state)
{
	struct seen *s = *state;
	assert_int_equal(loop_resolve(s->loop, "127.0.0.1", "80", on_name, s), OK);
	loop_run(s->loop);
	assert_int_equal(s->resolved, OK);
	assert_int_equal(loop_resolve(s->loop, "256.0.0.1", "80", on_name, s), OK);
	loop_run(s->loop);
	assert_int_equal(s->resolved, ERR_NOT_FOUND);
	assert_int_equal(s->ticks, 2);
}

/* Everything still registered when the loop is freed: no call, no leak. */
static void free_takes_all_down(void **state)
{
	struct seen *s = *state;
	struct loop_stage *stage;
	struct loop_signal *sig;
	int pair[2];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(loop_on_turn(s->loop, LOOP_RUN, second, s, &stage), OK);
	assert_int_equal(loop_timer_new(s->loop, tick, s, &s->timer), OK);
	assert_int_equal(loop_watch(s->loop, pair[0], LOOP_READ, on_fd, s, &s->fd), OK);
	assert_int_equal(loop_on_signal(s->loop, SIGUSR2, tick, s, &sig), OK);
	assert_int_equal(loop_resolve(s->loop, "127.0.0.1", "80", on_name, s), OK);
	loop_timer_set(s->timer, 0);
	loop_free(&s->loop);
	assert_int_equal(s->ticks + s->n + s->events, 0);
	close(pair[0]);
	close(pair[1]);
	assert_int_equal(loop_new(&s->loop), OK);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(stages_run_in_order_and_keep_awake),
		T(a_stage_may_free_itself),
		T(timers_are_never_early),
		T(a_cleared_timer_stays_silent),
		T(a_watch_may_be_freed_from_within),
		T(what_cannot_be_watched_is_refused),
		T(signals_arrive),
		T(names_are_resolved_once),
		T(free_takes_all_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
