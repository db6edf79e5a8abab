/*
 * bare.c — the practical ceiling of one core: a loop with a run queue, an intrusive mailbox per
 * actor and pooled messages; no names, no bounds beyond fan-in's, no counters, no types, no faults.
 */
#include "tools/bench/runs.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL = 64, CARRYING = 64 + 200, PER_VISIT = 32, BOUND = 1000, BATCH = 100, SENDERS = 8 };

struct bare_msg {
	struct bare_msg *next;
	struct bare_actor *from;
	uint64_t n;
	char body[];
};

struct bare_actor {
	struct bare_msg *head, *tail;
	struct bare_actor *ready_next;
	void (*run)(struct bare_actor *self, struct bare_msg *m);
	uint32_t depth, id;
	uint64_t waits; /* big: answers still to come */
	bool ready;
};

static struct {
	struct bare_actor *ready, *ready_last, *actors, *spare_actors[1];
	struct bare_msg *pool;
	uint32_t n, bytes;
	uint64_t done, count;
	char text[200];
} bare;

static struct bare_msg *take(void)
{
	struct bare_msg *m = bare.pool;
	if (m) {
		bare.pool = m->next;
		return m;
	}
	return malloc(bare.bytes ? CARRYING : SMALL);
}

static void give(struct bare_msg *m)
{
	m->next = bare.pool;
	bare.pool = m;
}

static void bare_send(struct bare_actor *to, struct bare_actor *from, uint64_t n)
{
	struct bare_msg *m = take();
	m->next = NULL;
	m->from = from;
	m->n = n;
	if (bare.bytes)
		memcpy(m->body, bare.text, 200);
	if (to->tail)
		to->tail->next = m;
	else
		to->head = m;
	to->tail = m;
	to->depth++;
	if (to->ready)
		return;
	to->ready = true;
	to->ready_next = NULL;
	if (bare.ready)
		bare.ready_last->ready_next = to;
	else
		bare.ready = to;
	bare.ready_last = to;
}

static void requeue(struct bare_actor *a)
{
	a->ready = true;
	a->ready_next = NULL;
	if (bare.ready)
		bare.ready_last->ready_next = a;
	else
		bare.ready = a;
	bare.ready_last = a;
}

static void loop(void)
{
	while (bare.ready && bare.done < bare.count) {
		struct bare_actor *a = bare.ready;
		bare.ready = a->ready_next;
		a->ready = false;
		for (uint32_t i = 0; i < PER_VISIT && a->head; i++) {
			struct bare_msg *m = a->head;
			a->head = m->next;
			if (!a->head)
				a->tail = NULL;
			a->depth--;
			a->run(a, m);
			give(m);
		}
		if (a->head && !a->ready)
			requeue(a);
	}
}

static void on_ping(struct bare_actor *self, struct bare_msg *m)
{
	bare.done++;
	bare_send(m->from, self, m->n + 1);
}

static void on_ring(struct bare_actor *self, struct bare_msg *m)
{
	bare.done++;
	bare_send(&bare.actors[self->id + 1 < bare.n ? self->id + 1 : 0], self, m->n + 1);
}

/* Each sender has a batch under way and says the next when the sink has had it: the mailbox holds
 * at most SENDERS * BATCH, under its bound. */
static void on_sink(struct bare_actor *self, struct bare_msg *m)
{
	bare.done++;
	if (m->n == BATCH - 1)
		bare_send(m->from, self, 0);
}

static void on_source(struct bare_actor *self, struct bare_msg *m)
{
	struct bare_actor *sink = &bare.actors[0];
	(void)m;
	for (uint64_t i = 0; i < BATCH && sink->depth < BOUND; i++)
		bare_send(sink, self, i);
}

static void on_big(struct bare_actor *self, struct bare_msg *m)
{
	bare.done++;
	if (m->n == 0) { /* a ping: answer it */
		bare_send(m->from, self, 1);
	} else if (--self->waits == 0) {
		self->waits = bare.n - 1;
		for (uint32_t i = 0; i < bare.n; i++)
			if (i != self->id)
				bare_send(&bare.actors[i], self, 0);
	}
}

static void on_once(struct bare_actor *self, struct bare_msg *m)
{
	(void)m;
	bare.done++;
	self->ready_next = bare.spare_actors[0];
	bare.spare_actors[0] = self;
}

/* One is made, hears one message, and ends: a batch at a time. */
static void spawn_all(void)
{
	while (bare.done < bare.count) {
		for (uint32_t i = 0; i < BATCH; i++) {
			struct bare_actor *a = bare.spare_actors[0];
			if (a)
				bare.spare_actors[0] = a->ready_next;
			else
				a = malloc(sizeof *a);
			memset(a, 0, sizeof *a);
			a->run = on_once;
			bare_send(a, NULL, 0);
		}
		loop();
	}
}

static void begin(enum bench_shape shape)
{
	static void (*const runs[])(struct bare_actor *, struct bare_msg *) = {
		[PING_PONG] = on_ping, [RING] = on_ring, [FAN_IN] = on_source, [BIG] = on_big
	};
	for (uint32_t i = 0; i < bare.n; i++) {
		bare.actors[i].id = i;
		bare.actors[i].run = runs[shape];
		bare.actors[i].waits = 1;
	}
	if (shape == FAN_IN)
		bare.actors[0].run = on_sink;
	for (uint32_t i = 0; i < bare.n; i++)
		if (shape == BIG || (shape == FAN_IN && i))
			bare_send(&bare.actors[i], &bare.actors[i], 1);
	if (shape == PING_PONG || shape == RING)
		bare_send(&bare.actors[0], &bare.actors[1], 1);
}

static void end(void)
{
	for (uint32_t i = 0; i < bare.n; i++) {
		for (struct bare_msg *m = bare.actors[i].head, *next; m; m = next) {
			next = m->next;
			free(m);
		}
	}
	for (struct bare_msg *next; bare.pool; bare.pool = next) {
		next = bare.pool->next;
		free(bare.pool);
	}
	for (struct bare_actor *next; bare.spare_actors[0]; bare.spare_actors[0] = next) {
		next = bare.spare_actors[0]->ready_next;
		free(bare.spare_actors[0]);
	}
	free(bare.actors);
}

struct bench_result bench_bare(const struct bench_source *s, uint64_t count)
{
	enum bench_shape shape = s->a;
	memset(&bare, 0, sizeof bare);
	bare.n = shape == PING_PONG ? 2 : shape == FAN_IN ? SENDERS + 1 : s->b;
	bare.bytes = s->c;
	bare.count = count;
	bare.actors = calloc(bare.n ? bare.n : 1, sizeof *bare.actors);
	if (!bare.actors)
		return (struct bench_result){ .figure = NAN };
	double from = bench_cpu_seconds();
	if (shape == SPAWN) {
		spawn_all();
	} else {
		begin(shape);
		loop();
	}
	struct bench_result r = bench_rate(bare.done, bench_cpu_seconds() - from);
	end();
	return r;
}
