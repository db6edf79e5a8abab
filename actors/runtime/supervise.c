/*
 * supervise.c — who lives again after an end: the actor, its siblings, or, after too many restarts,
 * its parent in its place; at the top the node's host is told.
 *
 *     fault ─▶ within `times`?  ── yes ─▶ pause (growing) ─▶ born again: same name, new generation
 *                    │                    one_for_all: with all its siblings; rest_for_one: with
 *                    no                   those born after it
 *                    ├─ has a parent: it is buried, and the parent faults
 *                    └─ has none: barred for `within_ms`, the host is told
 *
 * Erlang's model (OTP Design Principles, "Supervisor Behaviour"), with a pause, as systemd has.
 */
#include "actors/runtime/runtime.h"

static bool wants_restart(const struct actor *a, bool failed)
{
	if (a->node->stopping || a->end == END_STOPPED || a->end == END_IDLE)
		return false;
	switch (a->hosted->kind->restart.when) {
	case RESTART_ALWAYS:
		return true;
	case RESTART_ON_FAULT:
		return failed;
	case RESTART_NEVER:
		break;
	}
	return false;
}

/* Notes a restart now. False: there were `times` within `within_ms` before. */
static bool may_restart(struct actor *a)
{
	struct hosted *h = a->hosted;
	struct family *f = a->family;
	uint64_t since = a->node->now_us - (uint64_t)h->within_ms * 1000;
	uint32_t old = 0;
	if (a->node->now_us < (uint64_t)h->within_ms * 1000)
		since = 0;
	while (old < f->n_restarts && f->restarts_us[old] < since)
		old++;
	memmove(f->restarts_us, f->restarts_us + old,
	        (f->n_restarts - old) * sizeof *f->restarts_us);
	f->n_restarts -= old;
	if (f->n_restarts >= h->times)
		return false;
	f->restarts_us[f->n_restarts++] = a->node->now_us;
	return true;
}

/* Twice the last pause for each restart in the window. */
static uint32_t pause_ms(const struct actor *a)
{
	uint64_t ms = a->hosted->kind->restart.pause_ms;
	for (uint32_t i = 1; i < a->family->n_restarts && ms < PAUSE_MOST_MS; i++)
		ms *= 2;
	return (uint32_t)(ms < PAUSE_MOST_MS ? ms : PAUSE_MOST_MS);
}

/* The same name in the same slot, and nothing else of what it was. */
static void be_reborn(struct actor *a, uint32_t in_ms)
{
	struct node *n = a->node;
	struct slot *s = &n->slots[a->ref.slot];
	s->gen = s->gen + 1 ? s->gen + 1 : 1;
	a->ref.gen = s->gen;
	a->end = END_NOT;
	a->began = false;
	a->most = a->hosted->depth;
	a->restarts++;
	a->hosted->stats.restarts++;
	a->hosted->stats.born++;
	memset(a->state, 0, a->hosted->kind->state);
	if (in_ms) {
		a->life = LIFE_PAUSED;
		wheel_arm(&n->wheel, &a->family->restart, tick_at(n, n->now_us + in_ms * 1000ull));
	} else {
		a->life = LIFE_BORN;
		ready(a);
	}
}

void restart_due(struct actor *a)
{
	if (a->life == LIFE_BARRED && !a->hosted->kind->at_start) {
		actor_bury(a);
		return;
	}
	if (a->life == LIFE_BARRED)
		be_reborn(a, 0);
	a->life = LIFE_BORN;
	ready(a);
}

static void give_up(struct actor *a)
{
	struct node *n = a->node;
	struct actor *parent = a->family ? a->family->parent : NULL;
	node_log(n, a, LOG_ERROR, "gave_up restarts=%u within_ms=%u escalated_to=%.*s",
	         a->hosted->times, a->hosted->within_ms, parent ? (int)parent->name_len : 4,
	         parent ? name_of(parent).at : "node");
	if (parent) {
		actor_bury(a);
		end_request(parent, END_FAULT);
		return;
	}
	a->life = LIFE_BARRED;
	wheel_arm(&n->wheel, &a->family->restart,
	          tick_at(n, n->now_us + a->hosted->within_ms * 1000ull));
	if (n->config.failed)
		n->config.failed(n->config.ctx, a->hosted->kind, name_of(a), ERR_FAULT);
}

/* Ends those that restart together with `a`, the youngest first, and lets all live again, the
 * eldest first. Those that are never restarted are buried. */
static void restart_family(struct actor *a, uint32_t in_ms)
{
	struct actor *parent = a->family->parent;
	enum actor_family how = parent ? parent->hosted->kind->family : ONE_FOR_ONE;
	if (how == ONE_FOR_ONE) {
		be_reborn(a, in_ms);
		return;
	}
	struct actor *first = how == ONE_FOR_ALL ? parent->family->first : a, *next;
	for (struct actor *c = parent->family->last; c; c = c == first ? NULL : c->family->prev) {
		if (c == a)
			continue;
		wheel_disarm(&a->node->wheel, &c->family->restart);
		if (!c->end)
			c->end = END_STOPPED;
		actor_halt(c);
	}
	for (struct actor *c = first; c; c = next) {
		next = c->family->next;
		if (c == a || c->hosted->kind->restart.when != RESTART_NEVER)
			be_reborn(c, in_ms);
		else
			actor_bury(c);
	}
}

void supervise(struct actor *a, bool failed)
{
	struct node *n = a->node;
	struct family *f;
	bool wanted = wants_restart(a, failed);
	if (wanted && family_of(a, &f) != OK)
		wanted = false; /* no memory to remember it by */
	if (!wanted) {
		if (failed && a->hosted->kind->at_start && n->config.failed)
			n->config.failed(n->config.ctx, a->hosted->kind, name_of(a), ERR_FAULT);
		actor_bury(a);
	} else if (!may_restart(a)) {
		give_up(a);
	} else {
		restart_family(a, pause_ms(a));
	}
}
