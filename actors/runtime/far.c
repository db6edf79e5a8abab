/*
 * far.c — between this node and the bus.
 *
 *     far_send ───▶ bus_send            ERR_FULL goes back to who sends
 *     far_send_body ─▶ bus_send_body    the same from the sender's stack: no block, no copy
 *     far_answer ─▶ bus_send, or, while the peer's window is closed, its outbox, in order
 *     node_bus_calls ─▶ mailboxes, asks, watches
 *
 * Names ride along as views that stand in the message only while bus_send() encodes it.
 */
#include "actors/runtime/runtime.h"
#include "proto/sys.h"

static enum err encode(struct node *n, uint32_t peer, struct msg *m, struct str from, struct str to)
{
	bool arrived = m->flags & MSG_FAR;
	struct str was_from = m->from_name, was_to = m->to_name;
	m->from_name = from;
	m->to_name = to;
	m->flags &= (uint8_t)~MSG_FAR;
	enum err e = bus_send(n->bus, peer, m);
	m->from_name = was_from;
	m->to_name = was_to;
	if (arrived)
		m->flags |= MSG_FAR;
	return e;
}

static struct outbox **outbox_of(struct node *n, uint32_t peer)
{
	struct outbox **at = &n->outboxes;
	while (*at && (*at)->peer != peer)
		at = &(*at)->next;
	return at;
}

enum err far_send(struct node *n, uint32_t peer, struct msg *m, struct str from, struct str to)
{
	if (!n->bus)
		return ERR_NO_ROUTE;
	enum err e = *outbox_of(n, peer) ? ERR_FULL : encode(n, peer, m, from, to);
	if (e)
		n->stats.rejected++;
	return e;
}

enum err far_send_body(struct node *n, uint32_t peer, const struct msg *head, const void *body)
{
	enum err e = n->outboxes && *outbox_of(n, peer) ? ERR_FULL
	                                                : bus_send_body(n->bus, peer, head, body);
	n->stats.rejected += e && e != ERR_TOO_LARGE;
	return e;
}

static void forget(struct node *n, struct msg *m, enum err why)
{
	n->stats.lost++;
	dead(n, m, NULL, why);
	msg_unref(m);
}

static enum err keep(struct node *n, struct outbox **at, uint32_t peer, struct msg *m)
{
	struct outbox *box = *at;
	if (!box) {
		box = slab_take(&n->slab, sizeof *box);
		if (!box)
			return ERR_MEMORY;
		*box = (struct outbox){ .peer = peer };
		*at = box;
	}
	if (box->n >= OUTBOX_MOST || !letter_put(&n->slab, &box->waits, m))
		return ERR_FULL;
	box->n++;
	return OK;
}

void far_answer(struct node *n, uint32_t peer, struct msg *m, struct str from)
{
	if (!n->bus) {
		forget(n, m, ERR_NO_ROUTE);
		return;
	}
	struct outbox **at = outbox_of(n, peer);
	enum err e = *at ? ERR_FULL : encode(n, peer, m, from, (struct str){ 0 });
	if (!e) {
		msg_unref(m);
		return;
	}
	if (e == ERR_FULL)
		e = keep(n, at, peer, m);
	if (e)
		forget(n, m, e);
}

/* false: its window is closed again. */
static bool flush_one(struct node *n, struct outbox *box)
{
	while (box->waits) {
		struct msg *m = box->waits->next->m;
		struct actor *from = slot_find(n, m->from);
		enum err e = encode(n, box->peer, m, from ? name_of(from) : (struct str){ 0 },
		                    (struct str){ 0 });
		if (e == ERR_FULL)
			return false;
		letter_take(&n->slab, &box->waits);
		box->n--;
		if (e)
			forget(n, m, e);
		else
			msg_unref(m);
	}
	return true;
}

bool far_flush(struct node *n)
{
	for (struct outbox **at = &n->outboxes; *at;) {
		struct outbox *box = *at;
		if (flush_one(n, box)) {
			*at = box->next;
			slab_give(&n->slab, box, sizeof *box);
		} else {
			at = &box->next;
		}
	}
	return n->outboxes != NULL;
}

static void drop_outbox(struct node *n, struct outbox **at)
{
	struct outbox *box = *at;
	while (box->waits)
		forget(n, letter_take(&n->slab, &box->waits), ERR_GONE);
	*at = box->next;
	slab_give(&n->slab, box, sizeof *box);
}

void far_done(struct node *n)
{
	while (n->outboxes)
		drop_outbox(n, &n->outboxes);
}

/* ---- what the bus says
 * --------------------------------------------------------------------------- */

static void deliver_one(struct node *n, struct msg *m)
{
	struct actor *to = NULL;
	enum err e = route_arrived(n, m, &to);
	if (m->type == &sys_watch_desc) {
		watch_asked(n, e ? NULL : to, m);
		return;
	}
	struct msg *ours = msg_ref(m);
	if (e)
		msg_unref(m);
	else
		e = mailbox_put(to, m);
	if (e) {
		dead(n, ours, to, e);
		if (ours->flags & MSG_ASK)
			answer_err(n, NULL, ours, e);
	}
	msg_unref(ours);
}

static void on_deliver(void *ctx, struct msg *m)
{
	struct node *n = ctx;
	if (!(m->flags & MSG_ASK))
		m->deadline_us = 0; /* for what is not asked nobody waits */
	if (m->flags & MSG_ANSWER) {
		ask_answer(n, m->re, m);
	} else if (m->flags & MSG_EVENT) {
		topic_deliver(n, m);
		msg_unref(m);
	} else if (m->type == &sys_unwatch_desc) {
		watch_forget(n, m->from.node, sys_unwatch_of(m)->id);
		msg_unref(m);
	} else {
		deliver_one(n, m);
	}
}

static void on_lost(void *ctx, const struct msg *m, enum err why)
{
	struct node *n = ctx;
	n->stats.lost++;
	dead(n, m, NULL, why);
	if ((m->flags & MSG_ASK) && m->from.node == 0)
		ask_fail(n, m->id, ERR_GONE, NULL, &n->stats.failed);
}

static void on_gone(void *ctx, uint32_t peer)
{
	struct node *n = ctx;
	struct outbox **at = outbox_of(n, peer);
	if (*at)
		drop_outbox(n, at);
	watch_forget_peer(n, peer);
	asks_of_peer_fail(n, peer);
}

/* Those that live at one place only and begin by themselves: begun here, or ended here. */
static void on_roster(void *ctx)
{
	struct node *n = ctx;
	for (uint32_t i = 0; i < n->n_hosted; i++) {
		const struct actor_kind *k = n->hosted[i].kind;
		struct str name = str_of(k->name);
		struct route r;
		if (!k->at_start || k->place == PLACE_HERE || k->place == PLACE_EVERY)
			continue;
		struct actor *a = name_find(n, name, name_hash(n, name));
		enum err e = route(n, TO(name), !n->draining && !n->stopping, &r);
		if (!e && r.peer && a)
			end_request(a, END_STOPPED);
	}
}

static void on_stale(void *ctx)
{
	struct node *n = ctx;
	node_log(n, NULL, LOG_ERROR, "stale epoch=%llu", (unsigned long long)n->config.epoch);
	if (n->config.stale)
		n->config.stale(n->config.ctx);
}

static void on_refused(void *ctx, enum err e, struct str why)
{
	struct node *n = ctx;
	if (n->config.refused)
		n->config.refused(n->config.ctx, e, why);
	else
		node_log(n, NULL, LOG_ERROR, "not_let_in err=%s why=\"%.*s\"", err_info(e)->name,
		         STR(why));
}

const struct bus_calls node_bus_calls = {
	.deliver = on_deliver,
	.lost = on_lost,
	.gone = on_gone,
	.roster = on_roster,
	.stale = on_stale,
	.refused = on_refused,
};
