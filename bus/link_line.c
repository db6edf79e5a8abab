/*
 * link_line.c — lines: dialled, watched by a monitor, dialled anew.
 *
 *     dial ─▶ DEALER ═════▶ ROUTER of a peer
 *             monitor ─▶ up, down, refused: closed and dialled anew, 0.1 s to 2 s later
 */
#include "bus/link_parts.h"
#include <stdio.h>
#include <unistd.h>

enum {
	REDIAL_MS = 50,
	CONNECT_MS = 1000, /* TCP alone would wait 1, 2, 4 … s between its tries */
	REDIAL_MOST_MS = 400,
	REFUSED_US =
		100000, /* a refused client may never retry by itself: dialled anew, doubling */
	REFUSED_MOST_US = 2000000,
};

void line_hang_up(struct line *n)
{
	loop_watch_free(&n->fd);
	loop_watch_free(&n->monitor_fd);
	if (n->is_held)
		zmq_msg_close(&n->held);
	n->is_held = n->up = n->stirred = n->monitor_stirred = false;
	if (n->socket) {
		zmq_socket_monitor(n->socket, NULL, 0);
		zmq_close(n->socket);
	}
	if (n->monitor)
		zmq_close(n->monitor);
	n->socket = n->monitor = NULL;
}

static bool line_options(const struct link_zmq *l, const struct line *n)
{
	void *s = n->socket;
	bool curve =
		!n->key[0] ||
		(zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, n->key, LINK_KEY_BYTES + 1) == 0 &&
	         zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, l->key.open, LINK_KEY_BYTES + 1) == 0 &&
	         zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, l->key.secret, LINK_KEY_BYTES + 1) == 0);
	/* IMMEDIATE: nothing is queued for a connection that is not there, so nothing meant for one
	 * incarnation reaches the next */
	return curve && link_set_common(s) && link_set(s, ZMQ_IMMEDIATE, 1) &&
	       link_set(s, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) &&
	       link_set(s, ZMQ_RECONNECT_IVL, REDIAL_MS) &&
	       link_set(s, ZMQ_RECONNECT_IVL_MAX, REDIAL_MOST_MS);
}

static enum err line_open(struct link_zmq *l, struct line *n)
{
	char monitor[32];
	snprintf(monitor, sizeof monitor, "inproc://line-%u", n->number);
	n->redial_us = 0;
	n->socket = zmq_socket(l->context, ZMQ_DEALER);
	n->monitor = zmq_socket(l->context, ZMQ_PAIR);
	enum err e = ERR_IO;
	if (n->socket && n->monitor && line_options(l, n) && link_set(n->monitor, ZMQ_LINGER, 0) &&
	    zmq_socket_monitor(n->socket, monitor,
	                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) == 0 &&
	    zmq_connect(n->monitor, monitor) == 0 && zmq_connect(n->socket, n->endpoint) == 0)
		e = link_watch(l, n->socket, &n->stirred, &n->fd);
	if (!e)
		e = link_watch(l, n->monitor, &n->monitor_stirred, &n->monitor_fd);
	if (e)
		line_hang_up(n);
	return e;
}

static struct line *line_of(struct link_zmq *l, uint32_t number)
{
	for (uint32_t i = 0; i < l->n_lines; i++)
		if (l->lines[i]->number == number)
			return l->lines[i];
	return NULL;
}

/* The nearest: a unix socket whose file is here (its name carries the epoch, so it is no other's),
 * else tcp. A single endpoint is taken as it is: its owner may come later. */
static const char *choose(const struct link_zmq *l, const struct link_addr *to)
{
	const char *const *e = to->endpoints;
	bool may_tcp = l->has_key && to->key && to->key[0];
	bool sole = e[0] && !e[1];
	for (; *e; e++)
		if (!strncmp(*e, "ipc://", 6) && (sole || access(*e + 6, W_OK) == 0))
			return *e;
	for (e = to->endpoints; *e; e++)
		if (!strncmp(*e, "tcp://", 6) && may_tcp)
			return *e;
	return NULL;
}

enum err line_dial(struct link *link, const struct link_addr *to, uint32_t *ret_line)
{
	struct link_zmq *l = link_own(link);
	const char *endpoint = choose(l, to);
	if (!endpoint)
		return ERR_NO_ROUTE;
	if (l->n_lines == l->cap_lines) {
		uint32_t cap = l->cap_lines ? l->cap_lines * 2 : 8;
		struct line **grown = realloc(l->lines, cap * sizeof *grown);
		if (!grown)
			return ERR_MEMORY;
		l->lines = grown;
		l->cap_lines = cap;
	}
	struct line *n = calloc(1, sizeof *n);
	if (!n)
		return ERR_MEMORY;
	n->number = ++l->last_line;
	n->pause_us = REFUSED_US;
	bool curve = !strncmp(endpoint, "tcp://", 6);
	bool fits = str_keep(n->endpoint, sizeof n->endpoint, str_of(endpoint)) &&
	            (!curve || str_keep(n->key, sizeof n->key, str_of(to->key)));
	enum err e = fits ? line_open(l, n) : ERR_RANGE;
	if (e) {
		free(n);
		return e;
	}
	l->lines[l->n_lines++] = n;
	*ret_line = n->number;
	return OK;
}

void line_close(struct link *link, uint32_t line)
{
	struct link_zmq *l = link_own(link);
	for (uint32_t i = 0; i < l->n_lines; i++) {
		struct line *n = l->lines[i];
		if (n->number != line)
			continue;
		l->lines[i] = l->lines[--l->n_lines];
		line_hang_up(n);
		free(n);
		return;
	}
}

/* ---- sending -------------------------------------------------------------------------------- */

static void frame_sent(void *bytes, void *frame)
{
	(void)bytes;
	frame_unref(frame);
}

static bool line_retry(struct link_zmq *l, struct line *n)
{
	if (!n->is_held)
		return true;
	n->stirred = true; /* sending may have taken in what the descriptor would tell */
	n->is_held = zmq_msg_send(&n->held, n->socket, ZMQ_DONTWAIT) < 0;
	l->stats.again += n->is_held;
	return !n->is_held;
}

enum err line_send(struct link *link, uint32_t line, struct frame *f)
{
	enum { COPY_BYTES = 4096 }; /* below, a copy is cheaper than handing the buffer over */
	struct link_zmq *l = link_own(link);
	struct line *n = line_of(l, line);
	if (!n)
		return ERR_GONE;
	if (!n->up || !line_retry(l, n))
		return ERR_FULL;
	if (f->len < COPY_BYTES) {
		if (zmq_msg_init_size(&n->held, f->len))
			return ERR_MEMORY;
		memcpy(zmq_msg_data(&n->held), f->at, f->len);
	} else {
		if (zmq_msg_init_data(&n->held, f->at, f->len, frame_sent, frame_ref(f))) {
			frame_unref(f);
			return ERR_MEMORY;
		}
	}
	n->is_held = true;
	line_retry(l, n);
	return OK;
}

/* ---- receiving ------------------------------------------------------------------------------ */

/* One monitor event: a frame of event number and value, then the address. */
static bool monitor_take(struct line *n, uint16_t *ret)
{
	unsigned char head[8];
	char address[256];
	if (zmq_recv(n->monitor, head, sizeof head, ZMQ_DONTWAIT) < 2)
		return false;
	zmq_recv(n->monitor, address, sizeof address, ZMQ_DONTWAIT);
	memcpy(ret, head, sizeof *ret); /* host order (zmq_socket_monitor(3)) */
	return true;
}

static void line_down(struct line *n)
{
	n->up = false;
	if (n->is_held)
		zmq_msg_close(&n->held);
	n->is_held = false;
}

bool line_event(struct link_zmq *l, struct line *n, struct link_event *ret)
{
	uint16_t event;
	while (n->monitor && monitor_take(n, &event)) {
		*ret = (struct link_event){ .line = n->number };
		if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
			n->up = true;
			n->pause_us = REFUSED_US;
			ret->what = LINK_UP;
		} else if (event == ZMQ_EVENT_DISCONNECTED) {
			if (!n->up)
				continue;
			line_down(n);
			ret->what = LINK_DOWN;
		} else if (event == ZMQ_EVENT_MONITOR_STOPPED) {
			continue;
		} else {
			line_hang_up(n);
			n->redial_us = l->now_us + n->pause_us;
			n->pause_us = n->pause_us * 2 < REFUSED_MOST_US ? n->pause_us * 2
			                                                : REFUSED_MOST_US;
			ret->what = LINK_REFUSED;
		}
		return true;
	}
	return false;
}

bool line_frame(struct link_zmq *l, struct line *n, struct link_event *ret)
{
	if (!n->socket)
		return false;
	if (zmq_msg_recv(&l->in, n->socket, ZMQ_DONTWAIT) < 0)
		return false;
	*ret = (struct link_event){
		.what = LINK_FRAME,
		.line = n->number,
		.bytes = str_n(zmq_msg_data(&l->in), zmq_msg_size(&l->in)),
		.key = str_of(n->key), /* the handshake proved it */
	};
	return true;
}

/* Sends what is held; true: it can be used again at once. */
bool line_turn(struct link_zmq *l, struct line *n, uint64_t now_us)
{
	if (!n->socket && n->redial_us && now_us >= n->redial_us && line_open(l, n))
		n->redial_us = now_us + n->pause_us;
	if (!n->socket)
		return false;
	line_retry(l, n);
	int events = n->stirred ? link_events_of(n->socket) : 0;
	n->stirred = events & ZMQ_POLLIN;
	return n->stirred || n->monitor_stirred || (n->is_held && (events & ZMQ_POLLOUT));
}
