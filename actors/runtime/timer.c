/*
 * timer.c — an actor's timers, one per function, its wakers, and its leaving when idle.
 */
#include "actors/runtime/runtime.h"

/* Ticks round up: a timer is never early. */
uint64_t tick_at(const struct node *n, uint64_t at_us)
{
	return (at_us - n->started_us + US_PER_TICK - 1) / US_PER_TICK;
}

static struct tick *tick_new(struct actor *a, actor_tick_fn *fn, enum timer_is is)
{
	struct tick *t = slab_take(&a->node->slab, sizeof *t);
	if (t) {
		*t = (struct tick){ .actor = a, .fn = fn, .next = a->ticks };
		t->event.is = EVENT_TICK;
		t->timer.is = (uint8_t)is;
		a->ticks = t;
	}
	return t;
}

void actor_after(struct actor *self, uint32_t ms, actor_tick_fn *fn)
{
	struct node *n = self->node;
	struct tick *t = self->ticks;
	while (t && t->fn != fn)
		t = t->next;
	if (self->life == LIFE_ENDS)
		return;
	if (!t && ms && !(t = tick_new(self, fn, TIMER_TICK))) {
		actor_fault(self,
		            "no_memory_for_a_timer"); /* it would never run: better to begin anew */
		return;
	}
	if (!t)
		return;
	t->due = false;
	if (ms)
		wheel_arm(&n->wheel, &t->timer, tick_at(n, n->now_us + ms * 1000ull));
	else
		wheel_disarm(&n->wheel, &t->timer);
}

void tick_due(struct tick *t)
{
	t->due = true;
	if (!t->event.queued)
		control_put(t->actor, &t->event);
}

void ticks_drop(struct actor *a)
{
	struct tick *next;
	for (struct tick *t = a->ticks; t; t = next) {
		next = t->next;
		assert(!t->event.queued);
		wheel_disarm(&a->node->wheel, &t->timer);
		slab_give(&a->node->slab, t, sizeof *t);
	}
	a->ticks = a->idle = NULL;
}

/* ---- leaving when idle
 * --------------------------------------------------------------------------- */

enum err idle_new(struct actor *a)
{
	a->idle = tick_new(a, NULL, TIMER_IDLE);
	if (!a->idle)
		return ERR_MEMORY;
	uint64_t at = a->node->now_us + a->hosted->kind->idle_ms * 1000ull;
	wheel_arm(&a->node->wheel, &a->idle->timer, tick_at(a->node, at));
	return OK;
}

/* Not when it was last busy but when it may be due: so that a message costs no moving of timers. */
void idle_due(struct actor *a)
{
	struct node *n = a->node;
	uint64_t idle_us = a->hosted->kind->idle_ms * 1000ull, at = a->last_us + idle_us;
	bool waits = a->ready || a->asks || a->holds || a->mailbox.depth ||
	             (a->family && a->family->first);
	if (at <= n->now_us && !waits) {
		end_request(a, END_IDLE);
		return;
	}
	at = at > n->now_us ? at : n->now_us + idle_us;
	wheel_arm(&n->wheel, &a->idle->timer, tick_at(n, at));
}

/* ---- wakers
 * -------------------------------------------------------------------------------------- */

enum err actor_waker_new(struct actor *self, actor_tick_fn *fn, struct actor_waker **ret)
{
	struct actor_waker *w = slab_take(&self->node->slab, sizeof *w);
	if (!w)
		return ERR_MEMORY;
	*w = (struct actor_waker){
		.actor = self, .node = self->node, .fn = fn, .next = self->wakers
	};
	w->event.is = EVENT_WAKE;
	self->wakers = w;
	*ret = w;
	return OK;
}

void actor_wake(struct actor_waker *w)
{
	if (w->actor && w->actor->life == LIFE_RUNS && !w->event.queued)
		control_put(w->actor, &w->event);
}

void actor_waker_free(struct actor_waker **ret)
{
	struct actor_waker *w = *ret;
	*ret = NULL;
	if (!w)
		return;
	if (w->actor) {
		struct actor_waker **at = &w->actor->wakers;
		while (*at != w)
			at = &(*at)->next;
		*at = w->next;
		w->actor = NULL;
	}
	if (!w->event.queued) /* else who finds it in the queue frees it */
		slab_give(&w->node->slab, w, sizeof *w);
}

void wakers_leave(struct actor *a)
{
	while (a->wakers) {
		struct actor_waker *w = a->wakers;
		a->wakers = w->next;
		w->actor = NULL;
	}
}
