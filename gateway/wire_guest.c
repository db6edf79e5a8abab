/*
 * wire_guest.c — wire_route.h: from a request to a wire, and from a guest to an owner.
 */
#include "gateway/wire.h"
#include "proto/http.h"
#include <stdlib.h>

static int check(struct exchange *x, struct handshake *ret, const char **ret_why)
{
	const struct wires *all = x->visit.gateway->wires;
	return handshake_check(&x->visit.request->head, x->match.route->protocols,
	                       all->config.origins, ret, ret_why);
}

/* A stranger learns nothing of a route's function before its handshake is good. */
enum err wire_run(struct exchange *x)
{
	struct gateway *g = x->visit.gateway;
	struct handshake h;
	const char *why;
	int status = check(x, &h, &why);
	if (status == 426) {
		(void)!exchange_add_header(x, "Upgrade", str_of("websocket"));
		(void)!exchange_add_header(x, "Connection", str_of("Upgrade"));
		(void)!exchange_add_header(x, "Sec-WebSocket-Version", str_of("13"));
	}
	if (status != 101)
		return exchange_problem(x, &(struct problem){ .status = status, .detail = why });
	if (g->draining)
		return exchange_refuse(x, ERR_STOPPING, NULL);
	return x->match.route->run(x);
}

static void put_101(struct wire *w, const struct handshake *h)
{
	char trace[TRACE_TEXT];
	trace_write(&w->trace, trace);
	buf_printf(&w->out,
	           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
	           "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\ntraceparent: %s\r\n",
	           h->accept, trace);
	if (h->protocol.len)
		buf_printf(&w->out, "Sec-WebSocket-Protocol: %.*s\r\n", STR(h->protocol));
	buf_text(&w->out, "\r\n");
}

enum err wire_accept(struct exchange *x, const struct wire_guest *guest, struct wire **ret)
{
	struct wires *all = x->visit.gateway->wires;
	struct http_request *r = x->visit.request;
	struct handshake h;
	const char *why;
	int status = check(x, &h, &why);
	struct wire *w = status == 101 ? wire_new(all, false) : NULL;
	if (!w)
		return status == 101 ? ERR_BUSY : ERR_INVALID;
	ws_init(&w->in, true, x->match.route->body_max);
	w->queue_max = all->config.queue_max;
	buf_init(&w->out, (size_t)w->queue_max + 4096);
	buf_init(&w->ahead, WIRE_READ_MAX);
	w->guest = *guest;
	w->business = x->business;
	w->principal = x->principal;
	w->trace = x->visit.trace;
	(void)str_keep(w->path, sizeof w->path, exchange_path(x));
	(void)str_keep(w->peer, sizeof w->peer, exchange_peer(x));
	(void)str_keep(w->protocol, sizeof w->protocol, h.protocol);
	put_101(w, &h);
	all->stats.accepted++;
	exchange_taken(x);
	r->owner = w;
	http_request_take(r);
	if (ret)
		*ret = w;
	return OK;
}

/* From libwebsockets, in one of its callbacks. */
void wires_taken(void *gateway, const struct http_taken *t)
{
	struct wire *w = t->owner;
	struct tls *tls = t->tls;
	(void)gateway;
	if (t->fd >= 0 && wire_attach(w, t->fd, tls)) {
		loop_watch_free(&w->watch);
		w->broken = 1;
	}
	w->early = t->early;
	if (t->fd < 0)
		w->broken = 1;
	wire_wake(w, LOOP_READ);
}

/* ---- the guest ---------------------------------------------------------------------------------
 */

void wire_guest_said(struct wire *w, struct blob *blob, bool binary)
{
	blob_ref(blob); /* it may be given away, and be gone, while it is looked at */
	w->guest.run(w, WIRE_SAID, str_n(blob->at, blob->len), binary);
	blob_unref(blob);
}

void wire_guest_late(struct wire *w)
{
	w->due_us = 0;
	w->guest.run(w, WIRE_LATE, (struct str){ 0 }, false);
	if (w->guest.run)
		wire_close(w, CLOSE_POLICY, str_of("nothing came that was expected"), true);
}

void wire_guest_left(struct wire *w)
{
	wire_guest_fn *run = w->guest.run;
	w->guest.run = NULL;
	run(w, WIRE_LEFT, (struct str){ 0 }, false);
}

enum err wire_give_to(struct wire *w, const struct to *to, const struct proto_desc *type,
                      const void *body)
{
	struct actor *self = w->all->self;
	if (w->owner || w->state != WIRE_OPEN)
		return ERR_CONFLICT;
	actor_act_for(self, w->business, w->principal, &w->trace);
	/* First: it may be this that makes the actor, and nobody can watch one that is not there.
	 */
	enum err e = actor_send_to(self, to, NULL, type, body);
	if (e)
		return e;
	e = wire_own(w, to);
	if (e) { /* nobody would close it for an actor that has gone */
		(void)!actor_send_to(
			self, to, NULL,
			MSG(wire_closed, .wire = w->number, .code = CLOSE_LATER, .ours = true));
		return e;
	}
	w->guest.run = NULL;
	w->due_us = 0;
	(void)wire_deliver_held(w);
	return OK;
}

void wire_end(struct wire *w, unsigned code, const char *reason)
{
	wire_close(w, ws_code_ok(code) ? code : CLOSE_FAULT, str_of(reason), true);
}

void wire_act_for(struct wire *w, uint64_t business, uint64_t principal)
{
	w->business = business;
	w->principal = principal;
}

uint64_t wire_number(const struct wire *w)
{
	return w->number;
}

struct str wire_path(const struct wire *w)
{
	return str_of(w->path);
}

struct str wire_peer(const struct wire *w)
{
	return str_of(w->peer);
}

struct str wire_protocol(const struct wire *w)
{
	return str_of(w->protocol);
}

struct actor *wire_actor(const struct wire *w)
{
	return w->all->self;
}

void *wire_state(struct wire *w, size_t bytes)
{
	if (!w->kept)
		w->kept = calloc(1, bytes);
	return w->kept;
}
