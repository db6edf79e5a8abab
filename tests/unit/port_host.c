/*
 * port_host.c — actors behind a port, played by real child processes: one that behaves, and one for
 * each way in which a child goes wrong. Whatever it does, every ask gets exactly one answer, the
 * node lives on, and what was asked of a child that ended is answered with an error.
 */
#include "actors/host.h"
#include "actors/port/port.h"
#include "proto/test.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char villain[64]; /* the program, in a folder that another uid may enter */

struct lab {
	struct loop *loop;
	struct node *node;
	struct host *host;
	struct loop_timer *limit;
	struct port_spec *spec;
	struct port_kinds kinds;
	char last_fault[256];
	uint32_t faults, answers, wanted, by_err[64];
	uint64_t n;
	bool late;
};

static void on_limit(void *ctx)
{
	struct lab *l = ctx;
	l->late = true;
	loop_stop(l->loop);
}

static void on_log(void *ctx, enum actor_level level, struct str line)
{
	struct lab *l = ctx;
	if (getenv("PORT_PRINT"))
		(void)fprintf(stderr, "%.*s\n", STR(line));
	if (level == LOG_ERROR) {
		l->faults++;
		str_keep(l->last_fault, sizeof l->last_fault, line);
		if (!l->wanted)
			loop_stop(l->loop);
	}
}

static void on_answer(void *ctx, const struct msg *m)
{
	struct lab *l = ctx;
	l->by_err[m->err < 64 ? m->err : 63]++;
	if (!m->err)
		l->n = test_pong_of(m)->n;
	if (++l->answers == l->wanted)
		loop_stop(l->loop);
}

static void open_lab(struct lab *l, const char *mode, const char *options)
{
	char text[256], why[160];
	*l = (struct lab){ 0 };
	(void)snprintf(text, sizeof text, "player=%s %s;hello=400;ping=100;processes=4000%s",
	               villain, mode, options);
	assert_int_equal(port_spec_parse(text, &l->spec, why), OK);
	port_kinds_of(l->spec, &l->kinds);
	assert_int_equal(loop_new(&l->loop), OK);
	const struct actor_kind *kinds[] = { &l->kinds.owner, &l->kinds.proxy, NULL };
	struct node_config c = {
		.name = "lab",
		.epoch = 1,
		.seed = 1,
		.kinds = kinds,
		.loop = l->loop,
		.log = on_log,
		.now_us = loop_now_us(l->loop),
		.wall_us = loop_wall_us(l->loop),
		.ctx = l,
	};
	assert_int_equal(node_new(&c, &l->node), OK);
	assert_int_equal(host_new(l->loop, l->node, NULL, &l->host), OK);
	assert_int_equal(loop_timer_new(l->loop, on_limit, l, &l->limit), OK);
}

static void close_lab(struct lab *l)
{
	host_free(&l->host);
	node_free(&l->node);
	loop_timer_free(&l->limit);
	loop_free(&l->loop);
	port_spec_free(&l->spec);
	assert_int_equal(msg_stats().blocks, 0);
}

static void ask(struct lab *l, const char *who, uint64_t n)
{
	l->wanted++;
	if (node_ask(l->node, who, 1500, on_answer, l, MSG(test_ping, .n = n))) {
		l->answers++; /* refused at once is an answer, too */
		l->by_err[ERR_BUSY]++;
	}
}

static void run(struct lab *l)
{
	loop_timer_set(l->limit, 20000000);
	if (!l->wanted || l->answers < l->wanted)
		loop_run(l->loop);
	assert_false(l->late);
}

static void a_good_child_answers(void **state)
{
	(void)state;
	struct lab l;
	open_lab(&l, "well", "");
	ask(&l, "player/a", 41);
	run(&l);
	assert_int_equal(l.n, 42);
	for (int i = 0; i < 60; i++) {
		char who[32];
		(void)snprintf(who, sizeof who, "player/%d", i % 7);
		ask(&l, who, 1);
	}
	run(&l);
	assert_int_equal(l.by_err[OK], 61);
	assert_int_equal(l.faults, 0);
	close_lab(&l);
}

/* The child goes wrong in the way `mode` says: the ask is answered with one of two errors, the
 * owner says why, and it is begun anew. */
static void goes_wrong(const char *mode, enum err one, enum err other, const char *why)
{
	struct lab l;
	open_lab(&l, mode, "");
	ask(&l, "player/a", 1);
	run(&l);
	if (!l.by_err[one] && !l.by_err[other])
		fail_msg("%s: answered OK or otherwise (%s)", mode, l.last_fault);
	if (why && !l.faults) { /* the fault comes after the answer */
		l.wanted = 0;
		run(&l);
	}
	if (why && !strstr(l.last_fault, why))
		fail_msg("%s: '%s' does not say '%s'", mode, l.last_fault, why);
	close_lab(&l);
}

static void what_goes_wrong_is_told(void **state)
{
	(void)state;
	goes_wrong("mute", ERR_GONE, ERR_TIMEOUT, "hello in time");
	goes_wrong("wrong-kind", ERR_GONE, ERR_TIMEOUT, "does not play player");
	goes_wrong("no-packet", ERR_GONE, ERR_TIMEOUT, "no packet");
	goes_wrong("endless", ERR_GONE, ERR_TIMEOUT, "a frame over");
	goes_wrong("early", ERR_GONE, ERR_TIMEOUT, "did not say hello first");
	goes_wrong("version", ERR_GONE, ERR_TIMEOUT, "version 7");
	goes_wrong("crash", ERR_GONE, ERR_GONE, "has ended");
	goes_wrong("impostor", ERR_GONE, ERR_GONE, "spoke as store");
	goes_wrong("other-tenant", ERR_GONE, ERR_GONE, "spoke for business 99");
	goes_wrong("wrong-type", ERR_TYPE, ERR_TYPE, NULL);
	goes_wrong("garbage", ERR_TYPE, ERR_MISSING, NULL);
	goes_wrong("deaf", ERR_TIMEOUT, ERR_TIMEOUT, NULL);
	goes_wrong("silent", OK, OK, "silent"); /* it answers what it is asked, but no ping */
}

static void nonsense_is_borne_for_a_while(void **state)
{
	(void)state;
	goes_wrong("unasked", ERR_GONE, ERR_GONE, "nonsense");
}

/* It never reads: what waits for it stays within the bound, and the asker hears so at once. */
static void a_blocked_child_costs_a_bounded_queue(void **state)
{
	(void)state;
	struct lab l;
	open_lab(&l, "blocked", ";queue=1");
	for (int i = 0; i < 300; i++) {
		char who[32];
		(void)snprintf(who, sizeof who, "player/%d", i);
		ask(&l, who, 1);
	}
	run(&l);
	assert_int_equal(l.by_err[OK], 0);
	assert_int_equal(l.answers, 300);
	assert_true(l.by_err[ERR_BUSY] >
	            100); /* 1 KiB of queue holds a few, the socket buffer some */
	close_lab(&l);
}

/* 100,000 words at once: the node answers others meanwhile, and each word is answered or refused.
 */
static void a_flood_does_not_drown_the_node(void **state)
{
	(void)state;
	struct lab l;
	open_lab(&l, "chatter", "");
	ask(&l, "player/a", 1);
	run(&l);
	assert_int_equal(l.answers, 1);
	close_lab(&l);
	open_lab(&l, "printer", "");
	ask(&l, "player/a", 1);
	run(&l);
	assert_int_equal(l.by_err[OK], 1);
	close_lab(&l);
}

static void descriptions_are_checked(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
		{ "player", "kind=COMMAND" },
		{ "Play er=x", "no name of a kind" },
		{ "player=", "no command" },
		{ "player=x;memory=lots", "wants a number" },
		{ "player=x;memory=", "wants a number" },
		{ "player=x;cpu=99999999999", "wants a number" },
		{ "player=x;sandbox=off", "unknown option 'sandbox'" },
		{ "player=x;write=relative", "unknown option 'write'" },
	};
	struct port_spec *s;
	char why[160];
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_not_equal(port_spec_parse(rows[i].text, &s, why), OK);
		if (!strstr(why, rows[i].why))
			fail_msg("'%s': %s", rows[i].text, why);
	}
	assert_int_equal(
		port_spec_parse("a=b c d;memory=64;network;place=hashed;write=/tmp", &s, why), OK);
	assert_string_equal(s->kind, "a");
	assert_string_equal(s->child.argv[2], "d");
	assert_int_equal(s->child.memory_bytes, 64 << 20);
	assert_true(s->child.network && s->place == PLACE_HASHED);
	port_spec_free(&s);
}

/* The tree may lie where another uid may not look: the program is run from a place open to all. */
static bool install(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
	ssize_t n = 1;
	while (in >= 0 && out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, 1 << 20, 0);
	return !close(in) && !close(out) && !n && !chmod(to, 0755);
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/port-host-XXXXXX";
	if (argc != 2 || !mkdtemp(folder) || chmod(folder, 0755))
		return 1;
	(void)snprintf(villain, sizeof villain, "%s/villain", folder);
	if (!install(argv[1], villain))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_child_answers),
		cmocka_unit_test(what_goes_wrong_is_told),
		cmocka_unit_test(nonsense_is_borne_for_a_while),
		cmocka_unit_test(a_blocked_child_costs_a_bounded_queue),
		cmocka_unit_test(a_flood_does_not_drown_the_node),
		cmocka_unit_test(descriptions_are_checked),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(villain);
	rmdir(folder);
	return failed;
}
