/*
 * link_zmq.c — the link over ZeroMQ 4.3.4, with what it taught (bus/README.md, "libzmq").
 *
 *     DEALER line 1 ═════▶ ROUTER of a peer       each DEALER has a monitor: up, down, refused
 *     DEALER line 2 ═════▶ ROUTER of another
 *     ROUTER ipc    ◀═════ their DEALERs, one host        guarded by the folder's mode
 *     ROUTER tcp    ◀═════ their DEALERs, other hosts     CURVE, known keys
 */
#include "bus/link_parts.h"

enum {
	SEND_MARK = 16,    /* as fast as 1,000, and a peer's queue stays under 2 MiB */
	RECEIVE_MARK = 32, /* above a peer's window, so that libzmq never stops reading */
	HANDSHAKE_MS = 5000,
	GOODBYE_MS = 100,
};

static void stir(void *ctx, int events)
{
	bool *stirred = ctx;
	(void)events;
	*stirred = true;
}

int link_events_of(void *socket)
{
	int events = 0;
	size_t n = sizeof events;
	zmq_getsockopt(socket, ZMQ_EVENTS, &events, &n);
	return events;
}

enum err link_watch(struct link_zmq *l, void *socket, bool *stirred, struct loop_fd **ret)
{
	int fd;
	size_t n = sizeof fd;
	if (zmq_getsockopt(socket, ZMQ_FD, &fd, &n))
		return ERR_IO;
	*stirred = true;
	return loop_watch(l->loop, fd, LOOP_READ, stir, stirred, ret);
}

bool link_set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* Never ZMQ_ROUTING_ID (a second connection would be ignored in silence), never ZMQ_HEARTBEAT_*
 * (one end's setting can abort the other's process). */
bool link_set_common(void *s)
{
	int64_t most = FRAME_MAX_BYTES;
	return link_set(s, ZMQ_LINGER, 0) && link_set(s, ZMQ_SNDHWM, SEND_MARK) &&
	       link_set(s, ZMQ_RCVHWM, RECEIVE_MARK) &&
	       link_set(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) && link_set(s, ZMQ_TCP_KEEPALIVE, 1) &&
	       link_set(s, ZMQ_TCP_KEEPALIVE_IDLE, 5) && link_set(s, ZMQ_TCP_KEEPALIVE_INTVL, 2) &&
	       link_set(s, ZMQ_TCP_KEEPALIVE_CNT, 3) && link_set(s, ZMQ_IPV6, 1) &&
	       zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
}

/* ---- turns ---------------------------------------------------------------------------------- */

static bool on_next(struct link *link, struct link_event *ret)
{
	struct link_zmq *l = link_own(link);
	if (l->is_in)
		zmq_msg_close(&l->in);
	zmq_msg_init(&l->in);
	l->is_in = true;
	l->back = NULL;
	for (; l->at_line < l->n_lines; l->at_line++) {
		struct line *n = l->lines[l->at_line];
		if (n->monitor_stirred && line_event(l, n, ret))
			return true;
		n->monitor_stirred = false;
		if (n->stirred && line_frame(l, n, ret))
			return true;
		n->stirred = false;
	}
	for (; l->at_inbox < l->n_inboxes; l->at_inbox++) {
		struct inbox *in = &l->inboxes[l->at_inbox];
		if (in->stirred && inbox_frame(l, in, ret))
			return true;
		in->stirred = false;
	}
	return false;
}

static void stir_all(struct link_zmq *l)
{
	enum { EVERY_US = 100000 };
	if (l->now_us < l->stir_us)
		return;
	l->stir_us = l->now_us + EVERY_US;
	for (uint32_t i = 0; i < l->n_lines; i++)
		l->lines[i]->stirred = l->lines[i]->monitor_stirred = l->lines[i]->socket != NULL;
	for (uint32_t i = 0; i < l->n_inboxes; i++)
		l->inboxes[i].stirred = true;
}

static bool on_turn(struct link *link, uint64_t now_us)
{
	struct link_zmq *l = link_own(link);
	bool more = false;
	l->now_us = now_us;
	l->at_line = l->at_inbox = 0;
	if (l->zap && (zap_stirred(l->zap) || now_us >= l->stir_us))
		zap_turn(l->zap);
	for (uint32_t i = 0; i < l->n_lines; i++)
		more |= line_turn(l, l->lines[i], now_us);
	for (uint32_t i = 0; i < l->n_inboxes; i++) {
		struct inbox *in = &l->inboxes[i];
		in->stirred = in->stirred && (link_events_of(in->socket) & ZMQ_POLLIN);
		more |= in->stirred;
	}
	stir_all(l);
	return more;
}

/* ---- life ----------------------------------------------------------------------------------- */

static const char *on_endpoint(struct link *link, uint32_t i)
{
	return i < link_own(link)->n_inboxes ? link_own(link)->inboxes[i].endpoint : NULL;
}

static const char *on_key(struct link *link)
{
	return link_own(link)->has_key ? link_own(link)->key.open : "";
}

static void on_free(struct link *link)
{
	struct link_zmq *l = link_own(link);
	if (l->is_in)
		zmq_msg_close(&l->in);
	for (uint32_t i = 0; i < l->n_lines; i++) {
		if (l->lines[i]->up)
			link_set(l->lines[i]->socket, ZMQ_LINGER, GOODBYE_MS);
		line_hang_up(l->lines[i]);
		free(l->lines[i]);
	}
	free(l->lines);
	for (uint32_t i = 0; i < l->n_inboxes; i++) {
		loop_watch_free(&l->inboxes[i].fd);
		zmq_close(l->inboxes[i].socket);
	}
	zap_free(&l->zap);
	if (l->context)
		zmq_ctx_term(l->context);
	explicit_bzero(&l->key, sizeof l->key);
	free(l);
}

static const struct link_ops ops = {
	.dial = line_dial,
	.close = line_close,
	.send = line_send,
	.answer = inbox_answer,
	.next = on_next,
	.turn = on_turn,
	.endpoint = on_endpoint,
	.key = on_key,
	.free = on_free,
};

enum err link_zmq_new(const struct link_zmq_config *c, struct link **ret)
{
	struct link_zmq *l = calloc(1, sizeof *l);
	if (!l)
		return ERR_MEMORY;
	l->link.ops = &ops;
	l->loop = c->loop;
	l->context = zmq_ctx_new();
	if (c->key) {
		l->key = *c->key;
		l->has_key = true;
	}
	enum err e = l->context ? OK : ERR_MEMORY;
	struct zap_config zap = {
		.context = l->context, .loop = c->loop, .known = c->known, .ctx = c->ctx
	};
	if (!e && c->tcp && c->known)
		e = zap_new(&zap, &l->zap);
	if (!e && (c->dir || c->ipc))
		e = inbox_bind_ipc(l, c);
	if (!e && c->tcp)
		e = inbox_bind_tcp(l, c);
	if (e) {
		on_free(&l->link);
		return e;
	}
	*ret = &l->link;
	return OK;
}

struct link_zmq_stats link_zmq_stats(const struct link *link)
{
	const struct link_zmq *l = (const struct link_zmq *)link;
	struct link_zmq_stats s = l->stats;
	s.refused = zap_refused(l->zap);
	return s;
}
