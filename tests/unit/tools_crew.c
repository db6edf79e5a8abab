/*
 * tools_crew — a crew of real processes (small shell programs) on a real loop: order of start and
 * stop, death and return, limits, and what is left when the supervisor itself is killed.
 */
#include "tools/supervise/crew.h"
#include "tools/supervise/process.h"
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* Ready, then lives until it is told to end. */
#define LIVES "echo ready >&3; read line <&3"

static const struct child_rule rule = { .ready_ms = 2000,
	                                .drain_ms = 5000,
	                                .times = 3,
	                                .within_ms = 60000,
	                                .pause_ms = 5,
	                                .pause_most_ms = 20 };

struct owner {
	struct process *process;
	struct member *member;
	const char *script;
	struct process_limits limits;
	int fd;
	uint32_t spawns;
};

static struct world {
	struct loop *loop;
	struct loop_timer *limit;
	struct crew *crew;
	struct owner owners[4];
	uint32_t n;
	char log[512]; /* "a:up b:up ready …" */
	char said[64];
} w;

static void note(const char *fmt, ...)
{
	size_t len = strlen(w.log);
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(w.log + len, sizeof w.log - len, fmt, args);
	va_end(args);
}

static void on_said(void *ctx, struct str line)
{
	struct owner *o = ctx;
	if (str_is(line, "ready"))
		crew_ready(o->member);
	else
		str_keep(w.said, sizeof w.said, line);
}

static void on_ended(void *ctx, const char *how)
{
	struct owner *o = ctx;
	process_free(&o->process);
	if (o->member->once && !strcmp(how, "exit 0"))
		crew_done(o->member);
	else
		crew_died(o->member, how);
}

static const struct process_calls process_calls = { on_said, on_ended };

static enum err spawn(void *owner)
{
	struct owner *o = owner;
	char *argv[] = { (char *)"sh", (char *)"-c", (char *)(uintptr_t)o->script, NULL };
	char *env[] = { NULL };
	struct process_plan plan = { .program = "/bin/sh",
		                     .argv = argv,
		                     .env = env,
		                     .fds = &o->fd,
		                     .n_fds = o->fd > 0,
		                     .limits = o->limits };
	o->spawns++;
	return process_start(w.loop, &plan, &process_calls, o, &o->process);
}

static void term(void *owner)
{
	process_signal(((struct owner *)owner)->process, SIGTERM);
}

static void kill_it(void *owner)
{
	process_signal(((struct owner *)owner)->process, SIGKILL);
}

static uint32_t pid(void *owner)
{
	const struct owner *o = owner;
	return o->process ? (uint32_t)process_pid(o->process) : 0;
}

static const struct member_ops ops = { spawn, term, kill_it, pid };

static void on_changed(void *ctx, const struct member *m)
{
	(void)ctx;
	if (m->child.state != CHILD_STARTING)
		note("%s:%s ", m->name, child_state_name(m->child.state));
}

static void on_ready(void *ctx)
{
	(void)ctx;
	note("READY ");
	loop_stop(w.loop);
}

static void on_gave_up(void *ctx, const struct member *m)
{
	(void)ctx;
	(void)m;
	loop_stop(w.loop);
}

static void on_down(void *ctx)
{
	(void)ctx;
	note("DOWN");
	loop_stop(w.loop);
}

static void on_settle(void *ctx, struct member *m)
{
	(void)ctx;
	note("%s:settles ", m->name);
	loop_stop(w.loop);
}

static const struct crew_calls calls = { on_changed, on_ready, on_gave_up, on_down, on_settle };

static void on_limit(void *ctx)
{
	(void)ctx;
	print_error("nothing more happened: %s\n", w.log);
	abort();
}

static int begin(void **state)
{
	(void)state;
	memset(&w, 0, sizeof w);
	if (loop_new(&w.loop) || crew_new(w.loop, &rule, &calls, NULL, &w.crew) ||
	    loop_timer_new(w.loop, on_limit, NULL, &w.limit))
		return -1;
	loop_timer_set(w.limit, 20000000);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < w.n; i++)
		process_free(&w.owners[i].process);
	crew_free(&w.crew);
	loop_timer_free(&w.limit);
	loop_free(&w.loop);
	return 0;
}

static struct owner *add(const char *name, uint32_t layer, const char *script)
{
	struct owner *o = &w.owners[w.n++];
	o->script = script;
	o->member = crew_add(w.crew, name, "group", layer, &ops, o);
	assert_non_null(o->member);
	return o;
}

/* ---- tests ------------------------------------------------------------------------------- */

static void layers_start_upwards_and_stop_downwards(void **state)
{
	(void)state;
	add("top", 2, LIVES);
	add("bottom", 0, LIVES);
	add("middle", 1, LIVES);
	crew_run(w.crew);
	loop_run(w.loop);
	assert_string_equal(w.log, "bottom:up middle:up top:up READY ");
	w.log[0] = '\0';
	crew_stop(w.crew);
	loop_run(w.loop);
	assert_string_equal(w.log,
	                    "top:draining top:down middle:draining middle:down bottom:draining "
	                    "bottom:down DOWN");
}

static void the_killed_one_returns_and_nobody_else_is_touched(void **state)
{
	(void)state;
	struct owner *a = add("a", 0, LIVES);
	struct owner *b = add("b", 1, LIVES);
	crew_run(w.crew);
	loop_run(w.loop);
	kill_it(a);
	loop_run(w.loop); /* until READY once more */
	assert_int_equal(a->spawns, 2);
	assert_int_equal(b->spawns, 1);
	assert_string_equal(a->member->how, "killed by SIGKILL");
	assert_int_equal(a->member->child.restarts, 1);
	crew_stop(w.crew);
	loop_run(w.loop);
}

static void the_broken_one_is_given_up_and_can_be_pardoned(void **state)
{
	(void)state;
	struct owner *a = add("a", 0, "exit 3");
	crew_run(w.crew);
	loop_run(w.loop);
	assert_string_equal(w.log, "a:pausing a:pausing a:given up ");
	assert_string_equal(a->member->how, "exit 3");
	assert_int_equal(a->spawns, 3);
	a->script = LIVES;
	assert_int_equal(crew_restart(w.crew, str_of("a"), false), 1);
	loop_run(w.loop);
	assert_int_equal(a->member->child.state, CHILD_UP);
	crew_stop(w.crew);
	loop_run(w.loop);
}

static void work_done_once_opens_the_next_layer(void **state)
{
	(void)state;
	struct owner *a = add("a", 0, "exit 0");
	a->member->once = true;
	add("b", 1, LIVES);
	crew_run(w.crew);
	loop_run(w.loop);
	assert_int_equal(a->spawns, 1);
	assert_string_equal(w.log, "a:down b:up READY ");
	crew_stop(w.crew);
	loop_run(w.loop);
	assert_int_equal(a->spawns, 1);
}

static void a_restart_goes_from_one_to_the_next(void **state)
{
	(void)state;
	add("n.1", 0, LIVES);
	add("n.2", 0, LIVES);
	add("other", 0, LIVES);
	crew_run(w.crew);
	loop_run(w.loop);
	w.log[0] = '\0';
	assert_int_equal(crew_restart(w.crew, str_of("n.*"), false), 2);
	while (!strstr(w.log, "n.2:up"))
		loop_run(w.loop);
	assert_non_null(strstr(w.log, "n.1:draining n.1:down n.1:up"));
	assert_true(strstr(w.log, "n.2:draining") > strstr(w.log, "n.1:up"));
	assert_int_equal(w.owners[2].spawns, 1);
	crew_stop(w.crew);
	loop_run(w.loop);
}

/* Each has its time before it is told to end, and the next waits for both. */
static void who_may_settle_is_waited_for(void **state)
{
	(void)state;
	add("n.1", 0, LIVES);
	add("n.2", 0, LIVES);
	crew_run(w.crew);
	loop_run(w.loop);
	w.log[0] = '\0';
	assert_int_equal(crew_restart(w.crew, str_of("n#*"), true), 2);
	assert_string_equal(w.log, "n.1:settles ");
	assert_true(crew_awaited(w.owners[0].member) && crew_awaited(w.owners[1].member));
	assert_int_equal(w.owners[0].spawns, 1);
	crew_settled(w.owners[0].member);
	while (!strstr(w.log, "n.2:settles"))
		loop_run(w.loop);
	assert_string_equal(w.log, "n.1:settles n.1:draining n.1:down n.1:up n.2:settles READY ");
	assert_int_equal(crew_restart(w.crew, str_of("n.2"), false), 1); /* no patience any more */
	while (!strstr(w.log, "n.2:up"))
		loop_run(w.loop);
	assert_false(crew_awaited(w.owners[0].member));
	crew_stop(w.crew);
	loop_run(w.loop);
}

static void haste_ends_the_deaf(void **state)
{
	(void)state;
	struct owner *a =
		add("a", 0, "trap '' TERM; echo ready >&3; while :; do read line <&3; done");
	crew_run(w.crew);
	loop_run(w.loop);
	crew_stop(w.crew);
	assert_int_equal(a->member->child.state, CHILD_DRAINING);
	crew_stop(w.crew);
	loop_run(w.loop);
	assert_string_equal(a->member->how, "killed by SIGKILL");
}

static void unwished_ones_go_and_do_not_hold_up_readiness(void **state)
{
	(void)state;
	add("a", 0, LIVES);
	struct owner *b = add("b", 0, LIVES);
	crew_run(w.crew);
	loop_run(w.loop);
	crew_wish(b->member, false);
	assert_int_equal(b->member->child.state, CHILD_DRAINING);
	crew_stop(w.crew);
	loop_run(w.loop);
}

static void limits_and_descriptors_arrive(void **state)
{
	(void)state;
	int fds[2];
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	/* Nothing but 0..4 may be open: fd 3 is the leash, 4 was handed over. */
	struct owner *a = add(
		"a", 0,
		"echo \"$(ulimit -n) $(ulimit -v) $(nice) $(echo /proc/$$/fd/*)\" | tr -d '\\n' "
		"| sed \"s,/proc/$$/fd/,,g\" >&3; echo >&3; echo handed >&4; " LIVES);
	a->limits = (struct process_limits){ .files = 99, .memory_bytes = 512 << 20, .nice = 3 };
	a->fd = fds[1];
	crew_run(w.crew);
	loop_run(w.loop);
	assert_non_null(strstr(w.said, "99 524288 3 0 1 2 3 4"));
	char text[16] = "";
	assert_int_equal(read(fds[0], text, sizeof text), 7);
	assert_string_equal(text, "handed\n");
	(void)close(fds[0]);
	(void)close(fds[1]);
	crew_stop(w.crew);
	loop_run(w.loop);
}

static void what_cannot_be_run_is_said(void **state)
{
	(void)state;
	char *argv[] = { (char *)"nowhere", NULL };
	static struct owner o;
	o.member = crew_add(w.crew, "a", "group", 0, &ops, &o);
	struct process_plan plan = { .program = "/nowhere", .argv = argv, .env = argv + 1 };
	assert_int_equal(process_start(w.loop, &plan, &process_calls, &o, &o.process), OK);
	o.member->child.state = CHILD_STARTING; /* as if the crew had started it */
	o.member->rule.times = 1;
	loop_run(w.loop);
	assert_string_equal(o.member->how, "could not be executed");
}

/* A supervisor of our own is killed; the write end of the pipe that its child holds must close. */
static void no_child_outlives_its_supervisor(void **state)
{
	(void)state;
	int fds[2], up[2];
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(pipe(up), 0);
	pid_t supervisor = fork();
	assert_true(supervisor >= 0);
	if (!supervisor) {
		(void)begin(state);
		struct owner *a =
			add("a", 0,
		            "trap '' TERM HUP; echo ready >&3; while :; do read line <&3; done");
		a->fd = fds[1];
		crew_run(w.crew);
		loop_run(w.loop);
		(void)!write(up[1], "u", 1);
		pause();
		_exit(1);
	}
	char c;
	(void)close(fds[1]);
	assert_int_equal(read(up[0], &c, 1), 1);
	assert_int_equal(kill(supervisor, SIGKILL), 0);
	assert_int_equal(waitpid(supervisor, NULL, 0), supervisor);
	struct pollfd p = { .fd = fds[0], .events = POLLIN };
	assert_int_equal(poll(&p, 1, 5000), 1);
	assert_true(p.revents & POLLHUP);
	(void)close(fds[0]);
	(void)close(up[0]);
	(void)close(up[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(layers_start_upwards_and_stop_downwards),
		TEST(the_killed_one_returns_and_nobody_else_is_touched),
		TEST(the_broken_one_is_given_up_and_can_be_pardoned),
		TEST(work_done_once_opens_the_next_layer),
		TEST(a_restart_goes_from_one_to_the_next),
		TEST(who_may_settle_is_waited_for),
		TEST(haste_ends_the_deaf),
		TEST(unwished_ones_go_and_do_not_hold_up_readiness),
		TEST(limits_and_descriptors_arrive),
		TEST(what_cannot_be_run_is_said),
		TEST(no_child_outlives_its_supervisor),
	};
	return cmocka_run_group_tests_name("crew", tests, NULL, NULL);
}
