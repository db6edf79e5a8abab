/*
 * asks.c — the asker's side: each ask gets exactly one answer, whatever happens to the other side.
 *
 *                 ┌── answer from the asked one, or its refusal ──┐
 *     asked ──────┼── deadline ───────────────────────────────────┼──▶ in the control lane ──▶
 * handled └── the asked one's node is gone ───────────────┘
 *
 * The first of them takes the ask out of the index by its id; all later ones find nothing, and are
 * counted as late.
 */
#include "actors/runtime/runtime.h"
#include "proto/sys.h"

enum { RETRY_US = 10000 }; /* an error that memory did not suffice to deliver */

static enum err within_bounds(struct node *n, struct actor *owner, enum ask_is is)
{
	if (!owner)
		return n->ownerless < RELAYS_MOST ? OK : ERR_BUSY;
	if (is == ASK_WATCH)
		return owner->watches < WATCHES_MOST ? OK : ERR_BUSY;
	return owner->asks < owner->hosted->asks ? OK : ERR_BUSY;
}

static void own(struct node *n, struct ask *a, struct actor *owner)
{
	if (!owner) {
		n->ownerless++;
		return;
	}
	a->owner = owner;
	a->next = owner->asked;
	if (a->next)
		a->next->prev = a;
	owner->asked = a;
	n->watches += a->is == ASK_WATCH;
	if (a->is == ASK_WATCH)
		owner->watches++;
	else
		owner->asks++;
}

static void disown(struct node *n, struct ask *a)
{
	struct actor *owner = a->owner;
	if (!owner) {
		n->ownerless--;
		return;
	}
	if (a->prev)
		a->prev->next = a->next;
	else
		owner->asked = a->next;
	if (a->next)
		a->next->prev = a->prev;
	n->watches -= a->is == ASK_WATCH;
	if (a->is == ASK_WATCH)
		owner->watches--;
	else
		owner->asks--;
}

enum err ask_new(struct node *n, struct actor *owner, enum ask_is is, struct ask **ret)
{
	enum err e = within_bounds(n, owner, is);
	if (e)
		return e;
	struct ask *a = slab_take(&n->slab, sizeof *a);
	if (!a)
		return ERR_MEMORY;
	*a = (struct ask){ .id = n->last_id + 1, .is = (uint8_t)is };
	a->event.is = EVENT_ANSWER;
	a->timer.is = TIMER_ASK;
	e = index_put(&n->asks, a->id, a);
	if (e) {
		slab_give(&n->slab, a, sizeof *a);
		return e;
	}
	n->last_id++;
	n->stats.asks++;
	own(n, a, owner);
	*ret = a;
	return OK;
}

void ask_deadline(struct node *n, struct ask *a, uint64_t due_us)
{
	wheel_arm(&n->wheel, &a->timer, tick_at(n, due_us));
}

void ask_free(struct node *n, struct ask *a)
{
	assert(!a->event.queued);
	if (index_take(&n->asks, a->id)) /* else it was answered */
		n->stats.abandoned++;
	wheel_disarm(&n->wheel, &a->timer);
	disown(n, a);
	if (a->debt)
		debt_free(n, a->debt);
	msg_unref(a->answer);
	msg_unref(a->relayed);
	slab_give(&n->slab, a, sizeof *a);
}

/* An ask that turned out impossible before it was sent: as if it had never been. */
void ask_undo(struct node *n, struct ask *a)
{
	index_take(&n->asks, a->id);
	n->stats.asks--;
	ask_free(n, a);
}

void asks_drop(struct actor *owner)
{
	while (owner->asked) {
		struct ask *a = owner->asked;
		if (a->is == ASK_WATCH)
			watch_withdraw(owner->node, a);
		ask_free(owner->node, a);
	}
}

static void relay_back(struct node *n, struct ask *a, struct msg *m)
{
	struct msg *back;
	if (m->err || answer_new(n, NULL, a->relayed, m->type, msg_body(m), &back) != OK) {
		answer_err(n, NULL, a->relayed, m->err ? (enum err)m->err : ERR_MEMORY);
	} else {
		back->blob = blob_ref(m->blob);
		answer_give(n, a->relayed, back);
	}
	ask_free(n, a);
}

static void host_put(struct node *n, struct event *e)
{
	e->next = n->host_answers ? n->host_answers->next : e;
	if (n->host_answers)
		n->host_answers->next = e;
	n->host_answers = e;
}

void host_answers(struct node *n)
{
	struct event *last = n->host_answers, *e = last ? last->next : NULL;
	n->host_answers = NULL; /* those that come meanwhile wait for the next turn */
	for (bool more = e != NULL; more;) {
		struct ask *a = (struct ask *)e;
		struct msg *m = a->answer;
		node_answer_fn *fn = a->host;
		void *ctx = a->host_ctx;
		more = e != last;
		e = e->next;
		a->answer = NULL;
		ask_free(n, a);
		fn(ctx, m);
		msg_unref(m);
	}
}

/* The answer is there: it goes where the ask came from. */
static void close_ask(struct node *n, struct ask *a, struct msg *m)
{
	wheel_disarm(&n->wheel, &a->timer);
	if (a->debt)
		debt_free(n, a->debt);
	switch ((enum ask_is)a->is) {
	case ASK_ACTOR:
	case ASK_WATCH:
		a->answer = m;
		control_put(a->owner, &a->event);
		break;
	case ASK_RELAY:
		relay_back(n, a, m);
		msg_unref(m);
		break;
	case ASK_HOST:
		a->answer = m;
		host_put(n, &a->event);
		break;
	}
}

void ask_answer(struct node *n, uint64_t id, struct msg *m)
{
	struct ask *a = index_get(&n->asks, id);
	if (!a || a->peer != m->from.node) { /* who was not asked cannot answer */
		n->stats.late++;
		dead(n, m, NULL, ERR_TIMEOUT);
		msg_unref(m);
		return;
	}
	index_take(&n->asks, id);
	n->stats.answered++;
	close_ask(n, a, m);
}

static struct msg *error_answer(struct node *n, const struct ask *a, enum err why)
{
	struct msg *m;
	const struct proto_field *field;
	if (a->is == ASK_WATCH)
		return watch_gone_msg(n, a->whom, (struct str){ 0 }, why);
	if (msg_new(a->type->reply ? a->type->reply : a->type, NULL, &m, &field) != OK)
		return NULL;
	m->err = (uint16_t)why;
	return m;
}

void ask_fail(struct node *n, uint64_t id, enum err why, const struct actor *by, uint64_t *count)
{
	struct ask *a = index_get(&n->asks, id);
	if (!a) {
		n->stats.late++;
		return;
	}
	struct msg *m = error_answer(n, a, why);
	if (!m) {
		a->why = (uint8_t)why;
		ask_deadline(n, a, n->now_us + RETRY_US);
		return;
	}
	index_take(&n->asks, id);
	++*count;
	m->id = ++n->last_id;
	m->re = id;
	m->flags = MSG_ANSWER | MSG_CONTROL;
	m->from = by ? ref_of(by) : (struct ref){ .node = a->peer };
	if (a->is == ASK_WATCH)
		m->from = a->whom;
	if (a->owner)
		m->to = ref_of(a->owner);
	m->business = a->about.business;
	m->principal = a->about.principal;
	m->trace = a->about.trace;
	close_ask(n, a, m);
}

void ask_timer(struct node *n, struct ask *a)
{
	if (a->why)
		ask_fail(n, a->id, (enum err)a->why, NULL, &n->stats.failed);
	else
		ask_fail(n, a->id, ERR_TIMEOUT, NULL, &n->stats.timeouts);
}

void asks_of_peer_fail(struct node *n, uint32_t peer)
{
	for (uint32_t i = 0; i < index_rows(&n->asks);) {
		struct ask *a = index_at(&n->asks, i);
		if (a && a->peer == peer)
			ask_fail(n, a->id, ERR_GONE, NULL, &n->stats.failed);
		if (!a || a == index_at(&n->asks, i)) /* else another one has moved here */
			i++;
	}
}
