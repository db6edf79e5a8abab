/*
 * mirror — copies what passes on this node to those who watch, without slowing what it watches.
 *
 *     switchboard tap ── tap.watch (each second) ──▶ (topic) ──▶ mirror on every node
 *     switchboard tap ◀── (topic) ◀── tap.seen ────────────────── mirror
 *
 * While nobody watches, the node's tap hook is off: one predicted branch per message. While
 * somebody does, the hook only takes a reference and a place in a ring; encoding and sending happen
 * in turns of the mirror. What does not fit is left out and counted: a tap may lose copies, never a
 * message.
 */
#include "actors/mirror/filter.h"
#include "actors/mirror/mask.h"
#include "actors/node.h"
#include "proto/codec.h"
#include <stdio.h>

enum { RING = 1024, A_TURN = 128, LOOK_MS = 1000 };

struct copy {
	struct msg *m;
	uint64_t watch, lost;
	bool reveal;
	char from[129], to[129];
};

struct mirror {
	struct filters filters;
	struct copy ring[RING];
	uint32_t head, tail; /* copies wait in [head, tail) */
	struct actor_waker *waker;
	uint64_t now_us; /* of the mirror's last turn: a second's budget need not be more exact */
};

static uint32_t on_delivery(void *ctx, const struct msg *m, struct str from, struct str to)
{
	struct mirror *x = ctx;
	for (uint32_t i = 0; i < x->filters.n; i++) {
		struct filter *f = &x->filters.all[i];
		if (!filter_wants(f, m, from, to, x->now_us))
			continue;
		if (x->tail - x->head == RING) {
			f->lost++;
			continue;
		}
		struct copy *c = &x->ring[x->tail++ % RING];
		*c = (struct copy){
			.m = msg_ref(m), .watch = f->id, .lost = f->lost, .reveal = f->reveal
		};
		f->lost = 0;
		str_keep(c->from, sizeof c->from, from);
		str_keep(c->to, sizeof c->to, to);
		actor_wake(x->waker);
	}
	return filters_pass(&x->filters);
}

/* The body as on the wire; empty when it is too large, or cannot be shown. */
static struct str encoded(const struct copy *c, char *to, size_t room)
{
	static _Alignas(16) char masked[MASK_MOST];
	const struct proto_desc *type = c->m->type;
	const void *body = msg_body(c->m);
	size_t len;
	if (!type || c->m->err)
		return (struct str){ 0 };
	if (!c->reveal && mask_needed(type)) {
		if (!mask_copy(type, body, masked))
			return (struct str){ 0 };
		body = masked;
	}
	if (proto_encode(type, body, to, room, &len, NULL))
		return (struct str){ 0 };
	return str_n(to, len);
}

static enum err show(struct actor *self, const struct copy *c)
{
	static char body[TAP_SEEN_BODY_MAX];
	const struct msg *m = c->m;
	bool traced = m->trace.span != 0;
	return actor_publish(
		self,
		MSG(tap_seen, .watch = c->watch, .node = str_of(actor_node(self)),
	            .at_us = (int64_t)actor_wall_us(self), .from = str_of(c->from),
	            .to = str_of(c->to), .type = m->type ? m->type->number : 0, .id = m->id,
	            .re = m->re, .err = m->err, .event = m->flags & MSG_EVENT,
	            .business = m->business,
	            .trace = traced ? str_n((const char *)m->trace.id, 16) : (struct str){ 0 },
	            .size = m->size + (m->blob ? m->blob->len : 0),
	            .body = encoded(c, body, sizeof body), .lost = c->lost));
}

/* A copy that cannot be published (nobody is joined, the queue is full) is lost, and told so next.
 */
static enum err on_copies(struct actor *self)
{
	struct mirror *x = actor_state(self);
	x->now_us = actor_now_us(self);
	for (uint32_t n = 0; n < A_TURN && x->head != x->tail; n++) {
		struct copy *c = &x->ring[x->head++ % RING];
		if (show(self, c) && x->filters.n)
			x->filters.all[0].lost++;
		msg_unref(c->m);
	}
	if (x->head != x->tail)
		actor_wake(x->waker);
	return OK;
}

/* Once a second while anybody watches: forget those who no longer renew. */
static enum err on_look(struct actor *self)
{
	struct mirror *x = actor_state(self);
	x->now_us = actor_now_us(self);
	filters_expire(&x->filters, x->now_us);
	if (x->filters.n)
		actor_after(self, LOOK_MS, on_look);
	else
		node_tap(actor_host(self), NULL, NULL);
	return OK;
}

static enum err on_watch(struct actor *self, const struct msg *m)
{
	struct mirror *x = actor_state(self);
	uint32_t before = x->filters.n;
	x->now_us = actor_now_us(self);
	enum err e = filters_watch(&x->filters, tap_watch_of(m), x->now_us);
	if (!e && x->filters.n != before) /* anew: the next message may be for this one */
		node_tap(actor_host(self), on_delivery, x);
	if (!e && !before)
		actor_after(self, LOOK_MS, on_look);
	return e;
}

static enum err on_stop_watch(struct actor *self, const struct msg *m)
{
	struct mirror *x = actor_state(self);
	filters_stop(&x->filters, tap_stop_of(m)->id);
	return on_look(self);
}

static enum err on_start(struct actor *self)
{
	struct mirror *x = actor_state(self);
	return actor_waker_new(self, on_copies, &x->waker);
}

static enum err on_stop(struct actor *self)
{
	struct mirror *x = actor_state(self);
	node_tap(actor_host(self), NULL, NULL);
	while (x->head != x->tail)
		msg_unref(x->ring[x->head++ % RING].m);
	actor_waker_free(&x->waker);
	return OK;
}

static const struct actor_on takes[] = {
	{ &tap_watch_desc, on_watch },
	{ &tap_stop_desc, on_stop_watch },
	{ 0 },
};
static const struct proto_desc *const sends[] = { &tap_seen_desc, NULL };
static const struct proto_desc *const hears[] = { &tap_watch_desc, &tap_stop_desc, NULL };

const struct actor_kind mirror_actor = {
	.name = "mirror",
	.doc = "copies what passes to those who watch",
	.state = sizeof(struct mirror),
	.start = on_start,
	.stop = on_stop,
	.takes = takes,
	.sends = sends,
	.hears = hears,
	.place = PLACE_EVERY,
	.mailbox = { .depth = 64, .full = FULL_DROP_OLDEST },
	.restart = { RESTART_ON_FAULT, .times = 10, .within_ms = 60000, .pause_ms = 1000 },
	.at_start = true,
};
