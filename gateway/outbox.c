/*
 * outbox.c — asks that found the way to their node full wait here, and go as soon as it opens.
 *
 *     exchange_ask() ──▶ bus            the window to the peer is open
 *           └─▶ outbox ──1 ms──▶ bus    it was closed: in order, until the exchange's time is up
 *
 * What a street may bring in one request (4 MiB) is more than one window to a peer holds: without
 * this such a request could never be served, however often it was sent again. Bounded in bytes;
 * over that it is ERR_FULL, as it was. One queue for all destinations: who comes behind a closed
 * window waits a moment for it too, which keeps the order and starves nobody.
 */
#include "gateway/inside.h"
#include <stdlib.h>

enum { OUTBOX_BYTES = 32 << 20, OUTBOX_AGAIN_MS = 1 };

struct outbox_ask {
	struct outbox_ask *next;
	struct msg *m; /* type and body; never sent itself */
	actor_fn *answer;
	uint64_t tag;
	struct str name;
	char text[];
};

static void drop(struct gateway *g)
{
	struct outbox_ask *a = g->outbox;
	g->outbox = a->next;
	if (!g->outbox)
		g->outbox_last = NULL;
	g->outbox_bytes -= a->m->size;
	msg_unref(a->m);
	free(a);
}

void outbox_free(struct gateway *g)
{
	while (g->outbox)
		drop(g);
}

static enum err on_again(struct actor *self)
{
	struct gateway *g = actor_state(self);
	while (g->outbox) {
		struct outbox_ask *a = g->outbox;
		struct exchange *x = exchange_of_tag(g, a->tag);
		enum err e = OK;
		if (x)
			e = exchange_send(x, TO(a->name), a->answer, a->tag, a->m->type,
			                  msg_body(a->m));
		if (e == ERR_FULL)
			break;
		drop(g);
		if (e)
			exchange_refuse(x, e == ERR_TIMEOUT ? e : ERR_UNAVAILABLE, NULL);
	}
	if (g->outbox)
		actor_after(self, OUTBOX_AGAIN_MS, on_again);
	return OK;
}

enum err outbox_keep(struct gateway *g, const struct to *to, actor_fn *answer, uint64_t tag,
                     const struct proto_desc *type, const void *body)
{
	struct outbox_ask *a = to->name.len ? malloc(sizeof *a + to->name.len) : NULL;
	if (!a)
		return to->name.len ? ERR_MEMORY : ERR_FULL;
	*a = (struct outbox_ask){ .answer = answer, .tag = tag };
	enum err e = msg_new(type, body, &a->m, NULL);
	if (!e && g->outbox_bytes + a->m->size > OUTBOX_BYTES) {
		msg_unref(a->m);
		e = ERR_FULL;
	}
	if (e) {
		free(a);
		return e;
	}
	memcpy(a->text, to->name.at, to->name.len);
	a->name = str_n(a->text, to->name.len);
	*(g->outbox_last ? &g->outbox_last->next : &g->outbox) = a;
	g->outbox_last = a;
	g->outbox_bytes += a->m->size;
	actor_after(g->self, OUTBOX_AGAIN_MS, on_again);
	return OK;
}
