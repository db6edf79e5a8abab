/*
 * answer.c — the asked one's side: replies, refusals, and what is owed past a handler.
 *
 * A held ask is a debt of its actor, found by its block, paid by an answer or by the actor's end.
 */
#include "actors/runtime/runtime.h"

enum err answer_new(struct node *n, struct actor *from, const struct msg *asked,
                    const struct proto_desc *type, const void *body, struct msg **ret)
{
	const struct proto_field *field;
	struct msg *m;
	enum err e = msg_new(type, body, &m, &field);
	if (e)
		return e;
	m->flags = MSG_ANSWER | MSG_CONTROL;
	m->id = ++n->last_id;
	m->re = asked->id;
	m->from = from ? ref_of(from) : (struct ref){ 0 };
	m->to = asked->from;
	m->business = asked->business;
	m->principal = asked->principal;
	m->trace = asked->trace;
	if (asked->trace.span)
		m->trace.span = rng_next(&n->rng);
	*ret = m;
	return OK;
}

void answer_give(struct node *n, const struct msg *asked, struct msg *answer)
{
	if (asked->from.node == 0) {
		struct ask *a = index_get(&n->asks, asked->id);
		if (a)
			a->peer = 0; /* whoever it was forwarded to last */
		ask_answer(n, asked->id, answer);
	} else {
		struct actor *from = slot_find(n, answer->from);
		far_answer(n, asked->from.node, answer, from ? name_of(from) : (struct str){ 0 });
	}
}

void answer_err(struct node *n, struct actor *from, const struct msg *asked, enum err why)
{
	if (asked->from.node == 0) {
		ask_fail(n, asked->id, why, from, &n->stats.answered);
		return;
	}
	struct msg *m;
	const struct proto_desc *type = asked->type->reply ? asked->type->reply : asked->type;
	if (answer_new(n, from, asked, type, NULL, &m) != OK)
		return; /* no memory for one line: the asker's deadline tells it */
	m->err = (uint16_t)why;
	answer_give(n, asked, m);
}

/* ---- debts ---------------------------------------------------------------------------------- */

enum err debt_new(struct actor *a, struct debt **ret)
{
	struct debt *d = slab_take(&a->node->slab, sizeof *d);
	if (!d)
		return ERR_MEMORY;
	*d = (struct debt){ .actor = a, .next = a->owes };
	if (d->next)
		d->next->prev = d;
	a->owes = d;
	*ret = d;
	return OK;
}

void debt_free(struct node *n, struct debt *d)
{
	if (d->prev)
		d->prev->next = d->next;
	else
		d->actor->owes = d->next;
	if (d->next)
		d->next->prev = d->prev;
	if (d->m && d->watched)
		index_take(&n->watched, watch_key(d->m));
	else if (d->m && index_take(&n->owed, (uint64_t)(uintptr_t)d->m))
		d->actor->holds--;
	if (d->watch)
		d->watch->debt = NULL;
	msg_unref(d->m);
	slab_give(&n->slab, d, sizeof *d);
}

/* The actor ends: each debt is paid, the oldest first. */
void debts_pay(struct actor *a, enum err why)
{
	struct debt *oldest = a->owes;
	while (oldest && oldest->next)
		oldest = oldest->next;
	for (struct debt *d = oldest, *younger; d; d = younger) {
		younger = d->prev;
		if (d->watched)
			watch_pay(a, d, a->end == END_FAULT ? ERR_FAULT : OK);
		else if (!d->answered)
			answer_err(a->node, a, d->m, why);
		debt_free(a->node, d);
	}
}

const struct msg *msg_hold(struct actor *self, const struct msg *m)
{
	struct node *n = self->node;
	struct hand *hand = hand_of(self);
	struct debt *d;
	if (index_get(&n->owed, (uint64_t)(uintptr_t)m))
		return m;
	if (!hand || hand->m != m || !(m->flags & MSG_ASK) || hand->answered) {
		actor_fault(self, "holds_no_ask type=%s", m->type->full);
		return NULL;
	}
	if (debt_new(self, &d) != OK)
		return NULL;
	if (index_put(&n->owed, (uint64_t)(uintptr_t)m, d) != OK) {
		debt_free(n, d);
		return NULL;
	}
	d->m = msg_ref(m);
	self->holds++;
	hand->held = true;
	return m;
}

/* ---- answering ------------------------------------------------------------------------------- */

/* Whether self may answer `asked` now; then it is answered. *ret_debt: to be freed afterwards. */
enum err debt_settle(struct actor *self, const struct msg *asked, struct debt **ret_debt,
                     bool *ret_void)
{
	struct hand *hand = hand_of(self);
	bool in_hand = hand && hand->m == asked && !hand->held;
	*ret_debt = NULL;
	*ret_void = false;
	if (self->end == END_FAULT && self->life != LIFE_ENDS)
		return ERR_FAULT;
	if (in_hand) {
		if (!(asked->flags & MSG_ASK))
			return actor_fault(self, "answers_no_ask type=%s", asked->type->full);
		if (hand->answered)
			return actor_fault(self, "answers_twice type=%s", asked->type->full);
		hand->answered = true;
		return OK;
	}
	struct debt *d = asked ? index_get(&self->node->owed, (uint64_t)(uintptr_t)asked) : NULL;
	if (!d || d->actor != self)
		return actor_fault(self, "answers_what_it_does_not_hold");
	*ret_debt = d;
	*ret_void = d->answered;
	if (hand && hand->m == asked) /* held and answered in one handler */
		hand->answered = true;
	return OK;
}

enum err actor_reply(struct actor *self, const struct msg *asked, const struct proto_desc *type,
                     const void *body)
{
	return actor_reply_move(self, asked, NULL, type, body);
}

static enum err make(struct actor *self, const struct msg *asked, struct blob *blob,
                     const struct proto_desc *type, const void *body, struct msg **ret)
{
	enum err e = blob && blob->len > type->blob ? ERR_TOO_LARGE : OK;
	if (asked->type->reply && asked->type->reply != type)
		e = actor_fault(self, "wrong_reply to=%s type=%s", asked->type->full, type->full);
	if (!e)
		e = answer_new(self->node, self, asked, type, body, ret);
	if (!e)
		(*ret)->blob = blob_ref(blob);
	return e;
}

enum err actor_reply_move(struct actor *self, const struct msg *asked, struct blob **b,
                          const struct proto_desc *type, const void *body)
{
	struct blob *blob = b ? *b : NULL;
	struct debt *d = NULL;
	bool no_effect;
	struct msg *m;
	if (b)
		*b = NULL;
	enum err e = may_send(self, type);
	if (!e)
		e = debt_settle(self, asked, &d, &no_effect);
	if (!e && !no_effect) {
		e = make(self, asked, blob, type, body, &m);
		if (e)
			answer_err(self->node, self, asked, e);
		else
			answer_give(self->node, asked, m);
	}
	if (d)
		debt_free(self->node, d);
	blob_unref(blob);
	return e;
}

enum err actor_refuse(struct actor *self, const struct msg *asked, enum err why)
{
	struct debt *d;
	bool no_effect;
	if (!why)
		return actor_fault(self, "refuses_with_ok");
	enum err e = debt_settle(self, asked, &d, &no_effect);
	if (e)
		return e;
	if (!no_effect)
		answer_err(self->node, self, asked, why);
	if (d)
		debt_free(self->node, d);
	return OK;
}
