/*
 * node_bench.c — the same tests on a node as users run it: every bound, counter, check and hook on.
 */
#include "actors/node.h"
#include "proto/bench.h"
#include "proto/codec.h"
#include "tools/bench/runs.h"
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

enum { BATCH = 100, SENDERS = 8 };

static struct {
	struct ref *at;
	uint32_t n;
	enum bench_shape shape;
	bool usual, traced, asks;
	uint64_t done;
	struct ref whom; /* of asks */
} test;

struct player {
	uint32_t id, waits;
};

static const char text64[65] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
static const char text72[73] =
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef01234567";

static inline enum err say(struct actor *self, struct ref to, uint64_t n, bool usual)
{
	if (!usual)
		return actor_send(self, to, MSG(bench_token, .n = n));
	return actor_send(self, to,
	                  MSG(bench_usual, .call = { text64, 64 }, .seq = (uint32_t)n, .at = n,
	                      .kind = 1, .from = { text72, 72 }));
}

static inline uint64_t number_of(const struct msg *m, bool usual)
{
	return usual ? bench_usual_of(m)->at : bench_token_of(m)->n;
}

/* A handler of each type from one text, as a program would have the one it needs. */
#define HANDLERS(name)                                                                             \
	static enum err on_##name(struct actor *self, const struct msg *m)                         \
	{                                                                                          \
		return name(self, m, false);                                                       \
	}                                                                                          \
	static enum err on_usual_##name(struct actor *self, const struct msg *m)                   \
	{                                                                                          \
		return name(self, m, true);                                                        \
	}

/* Players find their number by their key, once. */
static enum err on_start(struct actor *self)
{
	struct player *p = actor_state(self);
	struct str key = actor_key(self);
	for (uint32_t i = 0; i < key.len; i++)
		p->id = p->id * 10 + (uint32_t)(key.at[i] - '0');
	p->waits = 1;
	return OK;
}

static inline enum err ping(struct actor *self, const struct msg *m, bool usual)
{
	test.done++;
	return say(self, msg_from(m), number_of(m, usual) + 1, usual);
}
HANDLERS(ping)

static enum err on_serve(struct actor *self, const struct msg *m)
{
	(void)m;
	return say(self, test.at[1], 1, test.usual);
}

static inline enum err ring(struct actor *self, const struct msg *m, bool usual)
{
	struct player *p = actor_state(self);
	test.done++;
	return say(self, test.at[p->id + 1 < test.n ? p->id + 1 : 0], number_of(m, usual) + 1,
	           usual);
}
HANDLERS(ring)

static inline enum err swallow(struct actor *self, const struct msg *m, bool usual)
{
	test.done++;
	return number_of(m, usual) == BATCH - 1 ? actor_send(self, msg_from(m), MSG(bench_go)) : OK;
}
HANDLERS(swallow)

static enum err on_source(struct actor *self, const struct msg *m)
{
	enum err e = OK;
	(void)m;
	for (uint64_t i = 0; i < BATCH && !e; i++)
		e = say(self, test.at[0], i, test.usual);
	return e;
}

static inline enum err big(struct actor *self, const struct msg *m, bool usual)
{
	struct player *p = actor_state(self);
	test.done++;
	if (number_of(m, usual) == 0)
		return say(self, msg_from(m), 1, usual);
	if (--p->waits)
		return OK;
	p->waits = test.n - 1;
	enum err e = OK;
	for (uint32_t i = 0; i < test.n && !e; i++)
		if (i != p->id)
			e = say(self, test.at[i], 0, usual);
	return e;
}
HANDLERS(big)

static enum err on_once(struct actor *self, const struct msg *m)
{
	(void)m;
	test.done++;
	actor_exit(self);
	return OK;
}

static const struct proto_desc *const sends[] = { &bench_token_desc, &bench_usual_desc,
	                                          &bench_go_desc, NULL };
#define PLAYER(kind, handler, handler_usual, most)                                                 \
	static const struct actor_on kind##_takes[] = { { &bench_token_desc, handler },            \
		                                        { &bench_usual_desc, handler_usual },      \
		                                        { &bench_go_desc, handler },               \
		                                        { 0 } };                                   \
	static const struct actor_kind kind = {                                                    \
		.name = #kind,                                                                     \
		.doc = "plays in a benchmark",                                                     \
		.state = sizeof(struct player),                                                    \
		.start = on_start,                                                                 \
		.takes = kind##_takes,                                                             \
		.sends = sends,                                                                    \
		.mailbox = { .depth = most },                                                      \
	}
static const struct actor_on pinger_takes[] = { { &bench_token_desc, on_ping },
	                                        { &bench_usual_desc, on_usual_ping },
	                                        { &bench_go_desc, on_serve },
	                                        { 0 } };
static const struct actor_kind pinger = {
	.name = "pinger", .doc = "plays in a benchmark", .takes = pinger_takes, .sends = sends
};
PLAYER(ringer, on_ring, on_usual_ring, 1000);
PLAYER(sink, on_swallow, on_usual_swallow, 1000);
PLAYER(source, on_source, on_source, 1000);
PLAYER(bigger, on_big, on_usual_big, 1000);
PLAYER(once, on_once, on_once, 1000);

static enum err on_asked(struct actor *self, const struct msg *m)
{
	return actor_reply(self, m, MSG(bench_token, .n = bench_token_of(m)->n + 1));
}

static enum err on_asker(struct actor *self, const struct msg *m)
{
	test.done++;
	return msg_err(m) ? msg_err(m)
	                  : actor_ask(self, test.whom, 1000, on_asker,
	                              MSG(bench_token, .n = test.done));
}
PLAYER(asked, on_asked, on_asked, 1000);
PLAYER(asker, on_asker, on_asker, 1000);

static enum err on_idle(struct actor *self, const struct msg *m)
{
	(void)self, (void)m;
	return OK;
}
static const struct actor_on idle_takes[] = { { &bench_go_desc, on_idle }, { 0 } };
static const struct actor_kind idle = {
	.name = "idle", .doc = "lives", .takes = idle_takes, .state = 24
};
static enum err on_parent(struct actor *self, const struct msg *m);
PLAYER(parent, on_parent, on_parent, 1000);
static const struct actor_kind child = { .name = "child",
	                                 .doc = "is begun and stopped",
	                                 .state = 24,
	                                 .restart = { .when = RESTART_ON_FAULT } };

static enum err on_parent(struct actor *self, const struct msg *m)
{
	struct ref ref;
	(void)m;
	for (uint32_t i = 0; i < BATCH; i++) {
		enum err e = actor_spawn(self, &child, str_n("key", 3), &ref);
		e = e ? e : actor_stop_child(self, ref);
		if (e)
			return e;
		test.done++;
	}
	return actor_send(self, actor_ref(self), MSG(bench_go));
}

/* ---- the stage: makes the players and kicks them off
 * ---------------------------------------------- */

static enum err fill(struct actor *self, const struct actor_kind *kind, uint32_t from)
{
	enum err e = OK;
	for (uint32_t i = from; i < test.n && !e; i++) {
		char key[16];
		int len = snprintf(key, sizeof key, "%u", i);
		e = actor_spawn(self, kind, str_n(key, (size_t)len), &test.at[i]);
	}
	return e;
}

static enum err kick(struct actor *self, uint32_t from)
{
	enum err e = OK;
	for (uint32_t i = from; i < test.n && !e; i++)
		e = say(self, test.at[i], 1, test.usual);
	return e;
}

static enum err on_stage(struct actor *self, const struct msg *m)
{
	static const struct trace trace = { .id = { 1 }, .span = 1, .sampled = true };
	static const struct actor_kind *const cast[] = {
		[PING_PONG] = &pinger, [RING] = &ringer, [FAN_IN] = &source, [BIG] = &bigger
	};
	(void)m;
	if (test.traced)
		actor_act_for(self, 7, 8, &trace);
	test.done = 0;
	enum err e = OK;
	if (test.shape == FAN_IN)
		e = actor_spawn(self, &sink, str_n("0", 1), &test.at[0]);
	e = e ? e : fill(self, test.asks ? &asker : cast[test.shape], test.shape == FAN_IN);
	if (test.asks && !e)
		e = actor_spawn(self, &asked, (struct str){ 0 }, &test.whom);
	if (test.shape == PING_PONG && !e)
		return actor_send(self, test.at[0], MSG(bench_go));
	if (test.shape == RING)
		return e ? e : say(self, test.at[0], 1, test.usual);
	return e ? e : kick(self, test.shape == FAN_IN);
}
static const struct actor_on stage_takes[] = { { &bench_go_desc, on_stage }, { 0 } };
static const struct actor_kind stage = { .name = "stage",
	                                 .doc = "makes players",
	                                 .takes = stage_takes,
	                                 .sends = sends,
	                                 .sets_tenant = true };

static const struct actor_kind *const kinds[] = { &pinger, &ringer, &sink,  &source, &bigger,
	                                          &once,   &asked,  &asker, &parent, &child,
	                                          &stage,  &idle,   NULL };

static struct node *begin(uint64_t actors)
{
	struct node *n;
	memset(&test, 0, sizeof test);
	test.at = calloc(actors, sizeof *test.at);
	test.n = (uint32_t)actors;
	enum err e = node_new(
		&(struct node_config){ .name = "bench", .seed = 1, .kinds = kinds, .now_us = 1 },
		&n);
	if (e || !test.at)
		abort();
	return n;
}

static void end(struct node *n)
{
	node_free(&n);
	free(test.at);
}

/* Time passes as in a process, so that idle and ask timers turn. */
static void turn(struct node *n)
{
	uint64_t now_us = (uint64_t)(bench_seconds() * 1e6);
	node_turn(n, now_us, now_us);
}

static void must(enum err e)
{
	if (e) {
		fprintf(stderr, "bench: %s\n", err_info(e)->text);
		abort();
	}
}

static void spawn_all(struct node *n, uint64_t count)
{
	char name[32] = "once/";
	for (uint64_t made = 0; test.done < count;) {
		for (uint32_t i = 0; i < BATCH; i++) {
			uint32_t len = 5;
			for (uint64_t k = made++; len < 21; k >>= 4)
				name[len++] = "0123456789abcdef"[k & 15];
			must(node_send(n, str_n(name, len), MSG(bench_go)));
		}
		turn(n);
	}
}

static struct bench_result drive(struct node *n, uint64_t count)
{
	double from = bench_cpu_seconds();
	while (test.done < count)
		turn(n);
	struct bench_result r = bench_rate(test.done, bench_cpu_seconds() - from);
	end(n);
	return r;
}

struct bench_result bench_node(const struct bench_source *s, uint64_t count)
{
	enum bench_shape shape = s->a;
	struct node *n = begin(shape == PING_PONG ? 2 : shape == FAN_IN ? SENDERS + 1 : s->b);
	test.shape = shape;
	test.usual = s->c == BODY_USUAL;
	if (shape == SPAWN) {
		double from = bench_cpu_seconds();
		spawn_all(n, count);
		struct bench_result r = bench_rate(test.done, bench_cpu_seconds() - from);
		end(n);
		return r;
	}
	must(node_send(n, "stage", MSG(bench_go)));
	return drive(n, count);
}

struct bench_result bench_traced(const struct bench_source *s, uint64_t count)
{
	(void)s;
	struct node *n = begin(2);
	test.shape = PING_PONG;
	test.traced = true;
	must(node_send(n, "stage", MSG(bench_go)));
	return drive(n, count);
}

/* One of `every` is encoded, as for somebody who watches; 0: each is looked at, none is wanted. */
struct tap {
	uint32_t every;
	char at[512];
};

static uint32_t on_tap(void *ctx, const struct msg *m, struct str from, struct str to)
{
	struct tap *t = ctx;
	size_t len;
	(void)from, (void)to;
	if (!t->every)
		return 0;
	must(proto_encode(m->type, msg_body(m), t->at, sizeof t->at, &len, NULL));
	return t->every - 1;
}

struct bench_result bench_tapped(const struct bench_source *s, uint64_t count)
{
	struct tap tap = { .every = s->a };
	struct node *n = begin(2);
	test.shape = PING_PONG;
	node_tap(n, on_tap, &tap);
	if (s->a == BENCH_TAP_OFF)
		node_tap(n, NULL, NULL); /* as it is left when nobody watches any more */
	must(node_send(n, "stage", MSG(bench_go)));
	return drive(n, count);
}

struct bench_result bench_asks(const struct bench_source *s, uint64_t count)
{
	(void)s;
	struct node *n = begin(1);
	test.shape = RING;
	test.asks = true;
	must(node_send(n, "stage", MSG(bench_go)));
	return drive(n, count);
}

struct bench_result bench_supervised_spawn(const struct bench_source *s, uint64_t count)
{
	(void)s;
	struct node *n = begin(1);
	must(node_send(n, "parent", MSG(bench_go)));
	return drive(n, count);
}

/* What the system says, not what the slabs count: pages of this process. */
static double resident_bytes(void)
{
	long pages = 0, all;
	FILE *f = fopen("/proc/self/statm", "r");
	/* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers that fit */
	if (!f || fscanf(f, "%ld %ld", &all, &pages) != 2)
		pages = 0;
	if (f)
		(void)fclose(f);
	return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

struct bench_result bench_actor_bytes(const struct bench_source *s, uint64_t count)
{
	char key[24];
	(void)count;
	malloc_trim(0);
	struct node *n = begin(1);
	double before = resident_bytes();
	for (uint32_t i = 0; i < s->a; i++) {
		int len = snprintf(key, sizeof key, "idle/%016x", i);
		must(node_send(n, str_n(key, (size_t)len), MSG(bench_go)));
		if (i % 256 == 0)
			turn(n);
	}
	while (node_busy(n))
		turn(n);
	double bytes = (resident_bytes() - before) / s->a;
	end(n);
	return (struct bench_result){ .figure = bytes };
}
