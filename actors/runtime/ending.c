/*
 * ending.c — how an actor ends, in this order: its children, its stop handler, what it asked, what
 * it owes (each ask one answer, each watcher one word), its mailbox, its timers and topics. Then
 * supervise.c decides whether it lives again.
 */
#include "actors/runtime/runtime.h"

void end_request(struct actor *a, enum actor_end why)
{
	if (!a->end)
		a->end = (uint8_t)why;
	ready(a);
}

void actor_exit(struct actor *self)
{
	end_request(self, END_EXIT);
}

static enum err why_gone(const struct actor *a)
{
	return a->end == END_FAULT ? ERR_FAULT : ERR_GONE;
}

static void empty_mailbox(struct actor *a)
{
	struct msg *m;
	while ((m = mailbox_take(a->node, a))) {
		a->hosted->stats.dead++;
		dead(a->node, m, a, ERR_GONE);
		if (m->flags & MSG_ASK)
			answer_err(a->node, a, m, ERR_GONE);
		msg_unref(m);
	}
}

static void empty_control(struct actor *a)
{
	struct event *e;
	while ((e = control_take(a))) {
		struct actor_waker *w = (struct actor_waker *)e;
		if (e->is == EVENT_WAKE && !w->actor)
			slab_give(&a->node->slab, w, sizeof *w); /* freed while it was queued */
	} /* ticks and answered asks lie in the actor's lists as well */
}

void actor_strip(struct actor *a)
{
	empty_control(a);
	asks_drop(a);
	debts_pay(a, why_gone(a));
	empty_mailbox(a);
	ticks_drop(a);
	wakers_leave(a);
	subs_drop(a);
}

/* Everything but the burial. */
static void halt(struct actor *a)
{
	if (a->life != LIFE_BARRED) /* that one has been counted */
		a->hosted->stats.ended++;
	a->life = LIFE_ENDS;
	a->most = 0;
	while (a->family && a->family->last) {
		struct actor *child = a->family->last;
		if (!child->end)
			child->end = END_STOPPED;
		halt(child);
		actor_bury(child);
	}
	if (a->began && a->hosted->kind->stop)
		run_tick(a, a->hosted->kind->stop, "stop");
	actor_strip(a);
	if (a->end == END_FAULT)
		a->hosted->stats.faults++;
}

void actor_halt(struct actor *a)
{
	if (a->life != LIFE_ENDS && a->life != LIFE_DEAD)
		halt(a);
}

void actor_end(struct actor *a)
{
	bool failed = a->end == END_FAULT;
	halt(a);
	supervise(a, failed);
}

void actor_bury(struct actor *a)
{
	struct node *n = a->node;
	if (a->life != LIFE_DEAD) {
		family_leave(a);
		name_take(n, a);
		slot_give(n, a);
		a->hosted->stats.actors--;
		a->life = LIFE_DEAD;
	}
	if (!a->ready) /* else the turn that meets it in its queue calls again */
		slab_give(&n->slab, a, a->hosted->name_at + a->name_len);
}
