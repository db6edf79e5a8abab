/*
 * turn.c — one turn of a node: time first, then whoever is ready, each a bounded visit.
 *
 *     node_turn ─▶ timers due ─▶ answers to the host ─▶ visit ─▶ visit ─▶ … until TURN_MESSAGES
 *                                                         │
 *                             control lane first, then the mailbox, at most VISIT_MESSAGES, then
 *                             back to the end of the queue: so nobody starves anybody
 */
#include "actors/runtime/runtime.h"

const struct context context_none;

/* The tag of the answer being handled; a node is one thread. */
static _Thread_local uint64_t tag_in_hand;

uint64_t msg_tag(const struct msg *answer)
{
	return answer->flags & MSG_ANSWER ? tag_in_hand : 0;
}

static struct str name_at(const struct node *n, struct ref r, struct str given)
{
	struct actor *a = given.len || r.node ? NULL : slot_find(n, r);
	return a ? name_of(a) : given;
}

static __attribute__((noinline)) void show(struct node *n, const struct actor *to,
                                           const struct msg *m)
{
	n->tap_pass = n->tap(n->tap_ctx, m, name_at(n, m->from, m->from_name), name_of(to));
}

static inline void tapped(struct node *n, const struct actor *to, const struct msg *m)
{
	if (likely(n->tap == NULL))
		return;
	if (n->tap_pass)
		n->tap_pass--;
	else
		show(n, to, m);
}

void run_tick(struct actor *a, actor_tick_fn *fn, const char *what)
{
	struct node *n = a->node;
	struct hand outer;
	hand_begin(&outer, n, a);
	enum err e = fn(a);
	hand_end(&outer, n);
	n->stats.ticks++;
	if (e && a->end != END_FAULT)
		node_log(n, a, LOG_DEBUG, "tick_refused what=%s err=%s", what, err_info(e)->name);
}

/* What an ask still needs after its handler: the one answer. */
static void settle_ask(struct actor *a, struct msg *m, enum err e)
{
	struct node *n = a->node;
	const struct hand *hand = &n->hand;
	if (hand->answered)
		return;
	if (hand->held) {
		struct debt *d = e ? index_get(&n->owed, (uint64_t)(uintptr_t)m) : NULL;
		if (!d || d->answered)
			return;
		d->answered =
			true; /* refused after it was held: the block stays till it is let go */
	} else if (!e) {
		e = a->end == END_FAULT ? ERR_FAULT : ERR_NO_ANSWER;
	}
	answer_err(n, a, m, e);
}

/* Out of date asks are not worth the work: the asker has been told already. */
static bool expired(struct actor *a, const struct msg *m)
{
	if (!m->deadline_us || m->deadline_us > a->node->now_us)
		return false;
	a->hosted->stats.dead++;
	dead(a->node, m, a, ERR_TIMEOUT);
	answer_err(a->node, a, m, ERR_TIMEOUT);
	return true;
}

static void refused(struct actor *a, const struct msg *m, enum err e)
{
	a->hosted->stats.refused++;
	if (a->end != END_FAULT)
		node_log(a->node, a, LOG_DEBUG, "refused type=%s err=%s", m->type->full,
		         err_info(e)->name);
}

static inline enum err run_handler(struct actor *a, const struct hosted *h, const struct msg *m)
{
	const struct row *row = rows_find(&h->takes, m->type);
	if (unlikely(!row && !h->kind->any))
		return ERR_TYPE;
	if (unlikely(h->needs_tenant && !m->business))
		return ERR_NO_TENANT;
	return likely(row != NULL) ? row->run(a, m) : h->kind->any(a, m);
}

static inline void handle(struct node *n, struct actor *a, struct msg *m)
{
	struct hosted *h = a->hosted;
	tapped(n, a, m);
	if (unlikely(m->flags & MSG_ASK) && expired(a, m))
		return;
	hand_take(n, a, m, context_of(m));
	enum err e = run_handler(a, h, m);
	hand_drop(n);
	a->handled++;
	if (unlikely(e))
		refused(a, m, e);
	else
		h->stats.handled++;
	if (unlikely(m->flags & MSG_ASK))
		settle_ask(a, m, e);
}

void ask_run(struct actor *self, struct ask *ask)
{
	struct node *n = self->node;
	struct msg *m = ask->answer;
	actor_fn *fn = ask->fn;
	uint64_t tag = ask->tag;
	struct context about = ask->about;
	ask->answer = NULL;
	ask_free(n, ask); /* first: the handler may ask again within its bound */
	if (!fn) {        /* unwatched meanwhile */
		msg_unref(m);
		return;
	}
	tapped(n, self, m);
	uint64_t outer_tag = tag_in_hand;
	tag_in_hand = tag;
	hand_take(n, self, m, &about);
	enum err e = fn(self, m);
	hand_drop(n);
	tag_in_hand = outer_tag;
	self->handled++;
	if (e && self->end != END_FAULT)
		node_log(n, self, LOG_DEBUG, "answer_refused type=%s err=%s", m->type->full,
		         err_info(e)->name);
	msg_unref(m);
}

static void run_event(struct actor *a, struct event *e)
{
	switch ((enum event_is)e->is) {
	case EVENT_ANSWER:
		ask_run(a, (struct ask *)e);
		break;
	case EVENT_TICK: {
		struct tick *t = (struct tick *)e;
		if (t->due) {
			t->due = false;
			run_tick(a, t->fn, "timer");
		}
		break;
	}
	case EVENT_WAKE: {
		struct actor_waker *w = (struct actor_waker *)e;
		if (w->actor)
			run_tick(a, w->fn, "wake");
		else
			slab_give(&a->node->slab, w, sizeof *w);
		break;
	}
	}
}

/* Of one that does not run. true: it has begun, or was ended before, and is to be visited. */
static bool begins(struct actor *a)
{
	if (a->life == LIFE_DEAD) {
		actor_bury(a);
		return false;
	}
	if (a->life != LIFE_BORN)
		return false;
	if (!a->end)
		actor_begin(a);
	return true;
}

/* Returns how much was done, at least 1. */
static inline uint32_t visit(struct node *n, struct actor *a)
{
	uint32_t done = 0;
	if (unlikely(a->life != LIFE_RUNS) && !begins(a))
		return 1;
	a->last_us = n->now_us;
	if (likely(!a->end)) {
		do {
			if (unlikely(a->control != NULL)) {
				run_event(a, control_take(a));
			} else if (likely(a->mailbox.first != NULL)) {
				struct msg *m = mailbox_take(n, a);
				handle(n, a, m);
				msg_let_go(m);
			}
			done++;
			if (unlikely(a->end))
				break;
			if (!a->mailbox.first && likely(!a->control))
				return done;
		} while (done < VISIT_MESSAGES);
	}
	if (unlikely(a->end))
		actor_end(a);
	else
		ready_in(n, a);
	return done;
}

static void timers(struct node *n)
{
	struct wheel_timer *t;
	while ((t = wheel_expire(&n->wheel, (n->now_us - n->started_us) / US_PER_TICK))) {
		switch ((enum timer_is)t->is) {
		case TIMER_ASK:
			ask_timer(n, (struct ask *)((char *)t - offsetof(struct ask, timer)));
			break;
		case TIMER_TICK:
			tick_due((struct tick *)((char *)t - offsetof(struct tick, timer)));
			break;
		case TIMER_IDLE:
			idle_due(
				((struct tick *)((char *)t - offsetof(struct tick, timer)))->actor);
			break;
		case TIMER_RESTART:
			restart_due(
				((struct family *)((char *)t - offsetof(struct family, restart)))
					->self);
			break;
		}
	}
}

bool node_busy(const struct node *n)
{
	return n->ready || n->host_answers;
}

bool node_turn(struct node *n, uint64_t now_us, uint64_t wall_us)
{
	if (now_us > n->now_us) /* a clock that stands still or goes back is as if it stood */
		n->now_us = now_us;
	n->wall_us = wall_us;
	if (unlikely(!n->stats.turns++) && !n->bus)
		node_bus_calls.roster(n); /* alone: what lives once in the system lives here */
	if ((n->now_us - n->started_us) / US_PER_TICK > n->wheel.now)
		timers(n);
	if (n->outboxes)
		far_flush(n);
	for (uint32_t done = 0; n->ready && done < TURN_MESSAGES;) {
		struct actor *a = n->ready;
		n->ready = a->ready_next;
		a->ready = false;
		done += visit(n, a);
	}
	if (n->host_answers)
		host_answers(n);
	if (unlikely(n->now_us >= n->log.next_us))
		log_turn(n);
	return node_busy(n);
}

uint64_t node_next_us(const struct node *n)
{
	uint64_t tick = wheel_next(&n->wheel), log = n->log.next_us;
	uint64_t at = tick == UINT64_MAX ? tick : n->started_us + tick * US_PER_TICK;
	return at < log ? at : log;
}
