/*
 * dial.c — wire.dial: from an address to an open wire, or to one clear reason why not.
 *
 *     WAITS ─▶ NAME ─▶ CONNECT ─▶ (PROXY ─▶) (TLS ─▶) ASK ─▶ open: what is behind the 101 is frames
 *       rate                                             └─▶ REFUSED: a status, a bit of its body
 *
 * Ours, because libwebsockets' client loses what a server says right behind its 101 (shared facts).
 * One deadline for all of it. No step blocks the loop; how many begin in a second is bounded.
 */
#include "gateway/dial.h"
#include <stdlib.h>

enum { ASK_MAX = 64 << 10 };

/* ---- the end, either way ------------------------------------------------------------------------
 */

void dial_free(struct dial *d)
{
	dial_unname(d);
	buf_done(&d->request);
	buf_done(&d->answer);
	free(d->url);
	free(d);
}

static void let_go(struct wire *w)
{
	struct dial *d = w->dial;
	w->dial = NULL;
	d->wire = NULL;
	if (!d->named)
		dial_free(d);
}

/* Without a word on it, and without an answer: its asker is no more, or has been answered. */
static void abandon(struct wire *w)
{
	w->state = WIRE_OVER;
	wire_detach(w);
	ws_done(&w->in);
	buf_done(&w->out);
	buf_done(&w->ahead);
	let_go(w);
	wire_remove(w);
}

void dial_drop(struct wire *w)
{
	struct actor *self = w->all->self;
	(void)!actor_refuse(self, msg_take(&w->dial->asked), ERR_STOPPING);
	abandon(w);
}

void dial_fail_with(struct wire *w, int status, struct str why)
{
	struct dial *d = w->dial;
	struct str body = { 0 };
	w->all->stats.dial_failed++;
	if (status && d->answer.len > d->head.bytes)
		body = str_n(d->answer.at + d->head.bytes, d->answer.len - d->head.bytes);
	body.len = body.len < DIAL_BODY_MAX ? body.len : DIAL_BODY_MAX;
	why.len = why.len < 200 ? why.len : 200;
	actor_log(w->all->self, LOG_INFO, "dial_failed host=%s status=%d why=\"%.*s\"", d->host,
	          status, STR(why));
	(void)!actor_reply(w->all->self, msg_take(&d->asked),
	                   MSG(wire_dialled, .status = (uint32_t)status, .why = why,
	                       .retry_after_s = status ? d->head.retry_s : 0, .body = body));
	abandon(w);
}

void dial_fail(struct wire *w, const char *why)
{
	dial_fail_with(w, 0, str_of(why));
}

void dial_opened(struct wire *w)
{
	struct dial *d = w->dial;
	struct actor *self = w->all->self;
	size_t left = d->answer.len - d->head.bytes;
	w->all->stats.dialled++;
	wire_begin(w);
	(void)!actor_reply(self, msg_take(&d->asked),
	                   MSG(wire_dialled, .wire = w->number, .status = 101));
	if (left) /* what came behind the 101 */
		buf_put(&w->ahead, d->answer.at + d->head.bytes, left);
	let_go(w);
	wire_wake(w, LOOP_READ); /* TLS may hold more */
}

/* ---- turns --------------------------------------------------------------------------------------
 */

void dial_turn(struct wire *w, int events)
{
	switch (w->dial->step) {
	case DIAL_WAITS:
		break;
	case DIAL_NAME:
		dial_name_found(w);
		break;
	case DIAL_CONNECT:
		dial_connected(w);
		break;
	case DIAL_TLS:
		dial_shake(w);
		break;
	case DIAL_PROXY:
	case DIAL_ASK:
	case DIAL_REFUSED:
		if (events & LOOP_WRITE)
			wire_flush(w);
		if (events & LOOP_READ)
			dial_hear(w);
		break;
	}
}

/* So many in a second, evenly, and a tick's worth at once. */
static bool may_begin(struct wires *all)
{
	uint64_t each = 1000000 / (all->config.dial_rate ? all->config.dial_rate : 1);
	if (all->dial_us < all->now_us)
		all->dial_us = all->now_us;
	if (all->dial_us > all->now_us + WIRE_TICK_MS * UINT64_C(1000))
		return false;
	all->dial_us += each;
	return true;
}

void dial_tick(struct wire *w)
{
	struct dial *d = w->dial;
	static const char *const late[] = { [DIAL_WAITS] = "too many dials at once",
		                            [DIAL_NAME] = "no answer in time: the name",
		                            [DIAL_CONNECT] = "no answer in time: connect",
		                            [DIAL_PROXY] = "no answer in time: the proxy",
		                            [DIAL_TLS] = "no answer in time: TLS",
		                            [DIAL_ASK] = "no answer in time: the handshake" };
	if (w->all->now_us >= w->due_us && d->step == DIAL_REFUSED)
		dial_fail_with(w, d->head.status, str_of(d->head.why));
	else if (w->all->now_us >= w->due_us)
		dial_fail(w, late[d->step]);
	else if (d->step == DIAL_WAITS && may_begin(w->all))
		dial_look_up(w);
}

/* ---- the ask ------------------------------------------------------------------------------------
 */

static enum err prepare(struct dial *d, const struct wire_dial *ask)
{
	struct handshake_line lines[16];
	d->url = malloc(ask->url.len + 1u);
	if (!d->url)
		return ERR_MEMORY;
	(void)str_keep(d->url, ask->url.len + 1u, ask->url);
	enum err e = handshake_url(str_n(d->url, ask->url.len), &d->to);
	e = e ? e : handshake_key(d->key);
	if (e)
		return e;
	(void)str_keep(d->host, sizeof d->host, d->to.host);
	(void)str_keep(d->protocol, sizeof d->protocol, ask->protocol);
	for (uint32_t i = 0; i < ask->headers.n; i++)
		lines[i] = (struct handshake_line){ ask->headers.at[i].name,
			                            ask->headers.at[i].value };
	buf_init(&d->request, ASK_MAX);
	buf_init(&d->answer, DIAL_ANSWER_MAX);
	handshake_ask(&d->request, &d->to, d->key, ask->protocol, lines, ask->headers.n);
	return buf_err(&d->request);
}

static void settle(struct wire *w, const struct wire_dial *ask, const struct msg *m)
{
	struct wires *all = w->all;
	ws_init(&w->in, false, ask->frame_max);
	w->queue_max = ask->queue_max;
	buf_init(&w->out, (size_t)w->queue_max + ASK_MAX);
	buf_init(&w->ahead, DIAL_ANSWER_MAX);
	w->business = m->business;
	w->principal = m->principal;
	w->trace = m->trace;
	w->due_us = all->now_us + (uint64_t)ask->within_ms * 1000;
	(void)str_keep(w->path, sizeof w->path, str_of(w->dial->host));
	(void)str_keep(w->peer, sizeof w->peer, str_of("-"));
	(void)str_keep(w->protocol, sizeof w->protocol, ask->protocol);
}

enum err wires_on_dial(struct actor *self, const struct msg *m)
{
	const struct wire_dial *ask = wire_dial_of(m);
	struct wires *all = wires_of(self);
	struct gateway *g = actor_state(self);
	struct to from = to_ref(msg_from(m));
	struct dial *d = g->draining ? NULL : calloc(1, sizeof *d);
	if (!d)
		return g->draining ? ERR_STOPPING : ERR_MEMORY;
	all->now_us = loop_now_us(all->loop);
	enum err e = prepare(d, ask);
	struct wire *w = e ? NULL : wire_new(all, true);
	if (!w) {
		dial_free(d);
		return e ? e : ERR_BUSY;
	}
	w->dial = d;
	d->wire = w;
	settle(w, ask, m);
	e = wire_own(w, &from);
	if (!e && !(d->asked = msg_hold(self, m)))
		e = ERR_MEMORY;
	if (e)
		abandon(w);
	else if (may_begin(all))
		dial_look_up(w);
	return e;
}
