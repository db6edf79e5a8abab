/*
 * loop_sim.c — loop_sim.h: two lists and no descriptor.
 */
#include "tests/sim/loop_sim.h"
#include <stdlib.h>

struct loop {
	struct alone *w;
	struct loop_timer *timers;
	struct loop_stage *stages; /* in rising order */
};

struct loop_timer {
	struct loop_timer *next;
	struct loop *loop;
	loop_tick_fn *fn;
	void *ctx;
	uint64_t due_us; /* UINT64_MAX: not set */
};

struct loop_stage {
	struct loop_stage *next;
	struct loop *loop;
	enum loop_order order;
	loop_stage_fn *run;
	void *ctx;
};

static void *must(void *at)
{
	if (!at)
		abort();
	return at;
}

struct loop *loop_sim_new(void)
{
	return must(calloc(1, sizeof(struct loop)));
}

void loop_sim_free(struct loop **l)
{
	CHECK(!(*l)->timers && !(*l)->stages);
	free(*l);
	*l = NULL;
}

void loop_sim_bind(struct loop *l, struct alone *w)
{
	l->w = w;
}

uint64_t loop_now_us(const struct loop *l)
{
	return l->w->now_us;
}

uint64_t loop_wall_us(const struct loop *l)
{
	return l->w->wall_us + l->w->now_us;
}

enum err loop_on_turn(struct loop *l, enum loop_order order, loop_stage_fn *run, void *ctx,
                      struct loop_stage **ret)
{
	struct loop_stage **at = &l->stages, *s = must(malloc(sizeof *s));
	while (*at && (*at)->order <= order)
		at = &(*at)->next;
	*s = (struct loop_stage){ *at, l, order, run, ctx };
	*ret = *at = s;
	return OK;
}

void loop_stage_free(struct loop_stage **ret)
{
	struct loop_stage *s = *ret, **at = s ? &s->loop->stages : NULL;
	while (s && *at != s)
		at = &(*at)->next;
	if (s)
		*at = s->next;
	free(s);
	*ret = NULL;
}

enum err loop_timer_new(struct loop *l, loop_tick_fn *fn, void *ctx, struct loop_timer **ret)
{
	struct loop_timer *t = must(malloc(sizeof *t));
	*t = (struct loop_timer){ l->timers, l, fn, ctx, UINT64_MAX };
	*ret = l->timers = t;
	return OK;
}

void loop_timer_set(struct loop_timer *t, uint64_t in_us)
{
	t->due_us = t->loop->w ? t->loop->w->now_us + (in_us + 999) / 1000 * 1000 : 0;
}

void loop_timer_clear(struct loop_timer *t)
{
	t->due_us = UINT64_MAX;
}

void loop_timer_free(struct loop_timer **ret)
{
	struct loop_timer *t = *ret, **at = t ? &t->loop->timers : NULL;
	while (t && *at != t)
		at = &(*at)->next;
	if (t)
		*at = t->next;
	free(t);
	*ret = NULL;
}

static struct loop_timer *first_timer(const struct loop *l)
{
	struct loop_timer *first = NULL;
	for (struct loop_timer *t = l->timers; t; t = t->next)
		if (t->due_us != UINT64_MAX && (!first || t->due_us < first->due_us))
			first = t;
	return first;
}

void loop_sim_settle(struct loop *l)
{
	for (uint32_t turns = 0;; turns++) {
		struct loop_timer *t = first_timer(l);
		bool more = t && t->due_us <= l->w->now_us;
		CHECK(turns < 100000);
		if (more) {
			t->due_us = UINT64_MAX;
			t->fn(t->ctx); /* one at a time: it may free any other */
		}
		alone_settle(l->w);
		for (struct loop_stage *s = l->stages, *next; s; s = next) {
			next = s->next;
			more |= s->run(s->ctx);
		}
		if (!more && !node_busy(l->w->node))
			return;
	}
}

void loop_sim_run(struct loop *l, uint32_t ms)
{
	uint64_t until = l->w->now_us + ms * 1000ull;
	loop_sim_settle(l);
	for (;;) {
		const struct loop_timer *t = first_timer(l);
		uint64_t next = node_next_us(l->w->node);
		if (t && t->due_us < next)
			next = t->due_us;
		if (next > until)
			break;
		if (next > l->w->now_us)
			l->w->now_us = next;
		loop_sim_settle(l);
	}
	l->w->now_us = until;
	loop_sim_settle(l);
}
