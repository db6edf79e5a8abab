/*
 * port_node.c — an actor in Node.js behind a port: it answers, asks, publishes, logs, refuses, ends
 * and breaks like any other. Its program is named by the first argument, as `switchboard node
 * --port` is.
 */
#include "actors/host.h"
#include "actors/port/port.h"
#include "proto/test.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

static const char *description;

static struct lab {
	struct loop *loop;
	struct node *node;
	struct host *host;
	struct loop_timer *limit;
	struct port_spec *spec;
	struct port_kinds kinds;
	enum err err;
	uint64_t n;
	uint32_t heard;
	char warned[512];
	bool answered;
} lab;

/* ---- an actor in C that the one in Node.js asks, and that hears what it publishes ---------------
 */

static enum err on_ping(struct actor *self, const struct msg *m)
{
	return actor_reply(self, m, MSG(test_pong, .n = test_ping_of(m)->n * 2));
}

static enum err on_usual(struct actor *self, const struct msg *m)
{
	(void)self;
	lab.heard += str_is(test_usual_of(m)->call, "player/ann");
	return OK;
}

static const struct actor_on takes[] = {
	{ &test_ping_desc, on_ping },
	{ &test_usual_desc, on_usual },
	{ 0 },
};
static const struct proto_desc *const sends[] = { &test_pong_desc, NULL };
static const struct proto_desc *const hears[] = { &test_usual_desc, NULL };
static const struct actor_kind echo_actor = {
	.name = "echo",
	.doc = "doubles",
	.takes = takes,
	.sends = sends,
	.hears = hears,
	.at_start = true,
};

/* ---- the node -----------------------------------------------------------------------------------
 */

static void on_limit(void *ctx)
{
	(void)ctx;
	(void)fprintf(stderr, "no answer within 30 s\n");
	exit(1);
}

static void on_log(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	if (getenv("PORT_PRINT"))
		(void)fprintf(stderr, "%.*s\n", STR(line));
	if (level == LOG_WARN)
		str_keep(lab.warned, sizeof lab.warned, line);
}

static void on_answer(void *ctx, const struct msg *m)
{
	(void)ctx;
	lab.err = msg_err(m);
	lab.n = lab.err ? 0 : test_pong_of(m)->n;
	lab.answered = true;
	loop_stop(lab.loop);
}

static enum err ask(const char *who, uint64_t n)
{
	lab.answered = false;
	loop_timer_set(lab.limit, 30000000);
	assert_int_equal(node_ask(lab.node, who, 10000, on_answer, NULL, MSG(test_ping, .n = n)),
	                 OK);
	while (!lab.answered)
		loop_run(lab.loop);
	return lab.err;
}

static int open_lab(void **state)
{
	(void)state;
	char why[160];
	if (port_spec_parse(description, &lab.spec, why)) {
		(void)fprintf(stderr, "%s\n", why);
		return -1;
	}
	port_kinds_of(lab.spec, &lab.kinds);
	const struct actor_kind *kinds[] = { &lab.kinds.owner, &lab.kinds.proxy, &echo_actor,
		                             NULL };
	if (loop_new(&lab.loop))
		return -1;
	struct node_config c = {
		.name = "lab",
		.epoch = 1,
		.seed = 1,
		.kinds = kinds,
		.loop = lab.loop,
		.log = on_log,
		.now_us = loop_now_us(lab.loop),
		.wall_us = loop_wall_us(lab.loop),
	};
	return node_new(&c, &lab.node) || host_new(lab.loop, lab.node, NULL, &lab.host) ||
	                       loop_timer_new(lab.loop, on_limit, NULL, &lab.limit)
	               ? -1
	               : 0;
}

static int close_lab(void **state)
{
	(void)state;
	host_free(&lab.host);
	node_free(&lab.node);
	loop_timer_free(&lab.limit);
	loop_free(&lab.loop);
	port_spec_free(&lab.spec);
	return msg_stats().blocks ? -1 : 0;
}

static void it_answers_for_each_of_its_actors(void **state)
{
	(void)state;
	assert_int_equal(ask("player/ann", 1), OK);
	assert_int_equal(lab.n, 1);
	assert_int_equal(ask("player/ann", 1), OK);
	assert_int_equal(lab.n, 2); /* the same actor */
	assert_int_equal(ask("player/bob", 1), OK);
	assert_int_equal(lab.n, 1); /* another one */
}

static void it_refuses_and_asks(void **state)
{
	(void)state;
	assert_int_equal(ask("player/ann", 100), ERR_CONFLICT);
	assert_int_equal(ask("player/ann", 102), OK);
	assert_int_equal(lab.n, 1014); /* echo doubled its 7 */
	assert_int_equal(ask("player/ann", 103), OK);
	assert_int_equal(lab.n, strlen("NO_ROUTE"));
}

static void it_logs_and_publishes(void **state)
{
	(void)state;
	assert_int_equal(ask("player/ann", 104), OK);
	assert_non_null(strstr(lab.warned, "told"));
	assert_non_null(strstr(lab.warned, "player/ann"));
	assert_int_equal(lab.heard, 1);
}

static void an_ended_one_begins_anew(void **state)
{
	(void)state;
	assert_int_equal(ask("player/cid", 1), OK);
	assert_int_equal(ask("player/cid", 105), ERR_GONE); /* it left before it answered */
	assert_int_equal(ask("player/cid", 1), OK);
	assert_int_equal(lab.n, 1);
}

static void a_broken_one_is_begun_anew(void **state)
{
	(void)state;
	assert_int_equal(ask("player/ann", 101), ERR_GONE);
	enum err e;
	do
		e = ask("player/ann", 1); /* while it ends it may still refuse */
	while (e == ERR_GONE || e == ERR_BUSY || e == ERR_FAULT);
	assert_int_equal(e, OK);
	assert_int_equal(lab.n, 1); /* all its state is new */
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	description = argv[1];
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_answers_for_each_of_its_actors),
		cmocka_unit_test(it_refuses_and_asks),
		cmocka_unit_test(it_logs_and_publishes),
		cmocka_unit_test(an_ended_one_begins_anew),
		cmocka_unit_test(a_broken_one_is_begun_anew),
	};
	return cmocka_run_group_tests(tests, open_lab, close_lab);
}
