/*
 * mailbox.c — what waits for an actor: a bounded lane of messages, and a lane of answers and ticks
 * that is never dropped because each of its events was reserved by who waits for it.
 */
#include "actors/runtime/runtime.h"

static void drop(struct actor *a, struct msg *m)
{
	a->hosted->stats.dropped++;
	dead(a->node, m, a, ERR_FULL);
	if (m->flags & MSG_ASK)
		answer_err(a->node, a, m, ERR_BUSY);
	msg_unref(m);
}

/* Room, by the kind's policy. *ret_drop: it is the new one that goes. */
static enum err make_room(struct actor *a, const struct msg *m, bool *ret_drop)
{
	switch (a->hosted->kind->mailbox.full) {
	case FULL_DROP_OLDEST:
		drop(a, mailbox_take(a->node, a));
		return OK;
	case FULL_DROP_NEWEST:
		*ret_drop = !(m->flags & MSG_ASK); /* an asker is told */
		return *ret_drop ? OK : ERR_BUSY;
	case FULL_REFUSE:
		break;
	}
	return m->flags & MSG_ASK ? ERR_BUSY : ERR_FULL;
}

static enum err reject(struct actor *a, struct msg *m, enum err why)
{
	a->node->stats.rejected++;
	a->hosted->stats.rejected++;
	msg_unref(m);
	return why;
}

static enum err why_closed(const struct actor *a)
{
	return a->life == LIFE_BARRED ? ERR_UNAVAILABLE : ERR_GONE;
}

enum err mailbox_put(struct actor *a, struct msg *m)
{
	if (!a->most)
		return reject(a, m, why_closed(a));
	if ((m->flags & MSG_ASK) && a->holds >= a->hosted->holds)
		return reject(a, m, ERR_BUSY);
	if (mailbox_full(a)) {
		bool drop_it = false;
		enum err e = make_room(a, m, &drop_it);
		if (e)
			return reject(a, m, e);
		if (drop_it) {
			a->hosted->stats.accepted++;
			drop(a, m);
			return OK;
		}
	}
	return mailbox_push(a->node, a, m);
}

/* The first of a page: there is none, or the last one is full. */
enum err mailbox_push_page(struct node *n, struct actor *a, struct msg *m)
{
	struct mailbox *box = &a->mailbox;
	struct page *p = slab_take(&n->slab, sizeof *p);
	if (!p)
		return reject(a, m, ERR_MEMORY);
	p->next = NULL;
	p->at[PAGE_HOLDS - 1] = m;
	if (box->depth > 1) {
		box->tail->next = p;
	} else {
		box->head = p;
		box->left = PAGE_HOLDS;
	}
	box->tail = p;
	box->room = PAGE_HOLDS - 1;
	mailbox_count(n, a);
	return OK;
}

/* The last of a page was taken, or the last of all. */
void mailbox_page_done(struct node *n, struct mailbox *box)
{
	struct page *p = box->head;
	if (p == box->tail)
		box->room = 0;
	box->head = p->next;
	box->left = PAGE_HOLDS;
	slab_give(&n->slab, p, sizeof *p);
}

void control_put(struct actor *a, struct event *e)
{
	e->queued = true;
	if (a->control) {
		e->next = a->control->next;
		a->control->next = e;
	} else {
		e->next = e;
	}
	a->control = e;
	ready(a);
}

struct event *control_take(struct actor *a)
{
	if (!a->control)
		return NULL;
	struct event *e = a->control->next;
	if (e == a->control)
		a->control = NULL;
	else
		a->control->next = e->next;
	e->queued = false;
	return e;
}
