/*
 * link_zmq.c — the link over ZeroMQ 4.3.4, with what it taught (bus/README.md, "libzmq").
 *
 *     DEALER line 1 ═════▶ ROUTER of a peer       each DEALER has a monitor: up, down, refused
 *     DEALER line 2 ═════▶ ROUTER of another
 *     ROUTER ipc    ◀═════ their DEALERs, one host        guarded by the folder's mode
 *     ROUTER tcp    ◀═════ their DEALERs, other hosts     CURVE, known keys
 *
 * Descriptors only wake the loop. Each turn reads the events of every socket, because a socket
 * whose events nobody reads stays readable and the loop would spin.
 */
#include "bus/link_zmq.h"
#include "bus/zap.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum {
	SEND_MARK = 16,    /* as fast as 1,000, and a peer's queue stays under 2 MiB */
	RECEIVE_MARK = 32, /* above a peer's window, so that libzmq never stops reading */
	HANDSHAKE_MS = 5000,
	REDIAL_MS = 50,
	CONNECT_MS = 1000, /* TCP alone would wait 1, 2, 4 … s between its tries */
	REDIAL_MOST_MS = 400,
	REFUSED_US =
		100000, /* a refused client may never retry by itself: dialled anew, doubling */
	REFUSED_MOST_US = 2000000,
	GOODBYE_MS = 100,
};

struct line {
	uint32_t number;
	void *socket, *monitor;
	struct loop_fd *fd, *monitor_fd;
	zmq_msg_t held; /* met a full pipe: goes first, the very same */
	bool is_held, up, readable;
	char endpoint[128], key[LINK_KEY_BYTES + 1]; /* key "": no CURVE */
	uint64_t redial_us, pause_us;
};

struct inbox {
	void *socket;
	struct loop_fd *fd;
	char endpoint[128];
	bool curve;
};

/* Connections by descriptor, as last seen: what a revoked key still holds open. The number alone
 * may be another's by now, the address at its end is not. */
struct seen {
	char key[LINK_KEY_BYTES + 1];
	char id[8]; /* libzmq's number of the connection: a new one is looked at anew */
	int fd;
	struct sockaddr_storage at;
};
enum { SEEN_MOST = 1024 };

struct link_zmq {
	struct link link;
	struct loop *loop;
	void *context;
	struct zap *zap;
	struct key_pair key;
	bool has_key;
	struct inbox inboxes[2];
	uint32_t n_inboxes;
	struct line **lines;
	uint32_t n_lines, cap_lines, last_line;
	uint32_t at_line, at_inbox; /* how far this turn has read */
	zmq_msg_t in;               /* the frame lent by the last event */
	bool is_in;
	void *back; /* where an answer goes: the ROUTER, with the id, or NULL */
	char back_id[256];
	size_t back_len;
	uint64_t now_us;
	struct seen seen[SEEN_MOST];
	uint32_t n_seen;
	struct link_zmq_stats stats;
};

static struct link_zmq *own(struct link *l)
{
	return (struct link_zmq *)l;
}

static void wake(void *ctx, int events)
{
	(void)ctx;
	(void)events;
}

static int events_of(void *socket)
{
	int events = 0;
	size_t n = sizeof events;
	zmq_getsockopt(socket, ZMQ_EVENTS, &events, &n);
	return events;
}

static enum err watch(struct link_zmq *l, void *socket, struct loop_fd **ret)
{
	int fd;
	size_t n = sizeof fd;
	if (zmq_getsockopt(socket, ZMQ_FD, &fd, &n))
		return ERR_IO;
	return loop_watch(l->loop, fd, LOOP_READ, wake, l, ret);
}

static bool set(void *socket, int option, int value)
{
	return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

/* Never ZMQ_ROUTING_ID (a second connection would be ignored in silence), never ZMQ_HEARTBEAT_*
 * (one end's setting can abort the other's process). */
static bool set_common(void *s)
{
	int64_t most = FRAME_MAX_BYTES;
	return set(s, ZMQ_LINGER, 0) && set(s, ZMQ_SNDHWM, SEND_MARK) &&
	       set(s, ZMQ_RCVHWM, RECEIVE_MARK) && set(s, ZMQ_HANDSHAKE_IVL, HANDSHAKE_MS) &&
	       set(s, ZMQ_TCP_KEEPALIVE, 1) && set(s, ZMQ_TCP_KEEPALIVE_IDLE, 5) &&
	       set(s, ZMQ_TCP_KEEPALIVE_INTVL, 2) && set(s, ZMQ_TCP_KEEPALIVE_CNT, 3) &&
	       set(s, ZMQ_IPV6, 1) && zmq_setsockopt(s, ZMQ_MAXMSGSIZE, &most, sizeof most) == 0;
}

/* ---- lines ---------------------------------------------------------------------------------- */

static void line_hang_up(struct line *n)
{
	loop_watch_free(&n->fd);
	loop_watch_free(&n->monitor_fd);
	if (n->is_held)
		zmq_msg_close(&n->held);
	n->is_held = n->up = n->readable = false;
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
	return curve && set_common(s) && set(s, ZMQ_IMMEDIATE, 1) &&
	       set(s, ZMQ_CONNECT_TIMEOUT, CONNECT_MS) && set(s, ZMQ_RECONNECT_IVL, REDIAL_MS) &&
	       set(s, ZMQ_RECONNECT_IVL_MAX, REDIAL_MOST_MS);
}

static enum err line_open(struct link_zmq *l, struct line *n)
{
	char monitor[32];
	snprintf(monitor, sizeof monitor, "inproc://line-%u", n->number);
	n->redial_us = 0;
	n->socket = zmq_socket(l->context, ZMQ_DEALER);
	n->monitor = zmq_socket(l->context, ZMQ_PAIR);
	enum err e = ERR_IO;
	if (n->socket && n->monitor && line_options(l, n) && set(n->monitor, ZMQ_LINGER, 0) &&
	    zmq_socket_monitor(n->socket, monitor,
	                       ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_AUTH |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL |
	                               ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL) == 0 &&
	    zmq_connect(n->monitor, monitor) == 0 && zmq_connect(n->socket, n->endpoint) == 0)
		e = watch(l, n->socket, &n->fd);
	if (!e)
		e = watch(l, n->monitor, &n->monitor_fd);
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

static enum err on_dial(struct link *link, const struct link_addr *to, uint32_t *ret_line)
{
	struct link_zmq *l = own(link);
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

static void on_close(struct link *link, uint32_t line)
{
	struct link_zmq *l = own(link);
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
	if (n->is_held && zmq_msg_send(&n->held, n->socket, ZMQ_DONTWAIT) >= 0)
		n->is_held = false;
	l->stats.again += n->is_held;
	return !n->is_held;
}

static enum err on_send(struct link *link, uint32_t line, struct frame *f)
{
	enum { COPY_BYTES = 4096 }; /* below, a copy is cheaper than handing the buffer over */
	struct link_zmq *l = own(link);
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

/* MANDATORY: a ROUTER would drop in silence; here it says so, and an answer is only worth a try. */
static enum err on_answer(struct link *link, struct frame *f)
{
	struct link_zmq *l = own(link);
	if (!l->back)
		return ERR_NO_ROUTE;
	if (zmq_send(l->back, l->back_id, l->back_len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
		return errno == EAGAIN ? ERR_FULL : ERR_NO_ROUTE;
	return zmq_send(l->back, f->at, f->len, ZMQ_DONTWAIT) < 0 ? ERR_IO : OK;
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

static bool line_event(struct link_zmq *l, struct line *n, struct link_event *ret)
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

static bool line_frame(struct link_zmq *l, struct line *n, struct link_event *ret)
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

static bool far_end(int fd, struct sockaddr_storage *ret)
{
	socklen_t n = sizeof *ret;
	memset(ret, 0, sizeof *ret);
	return getpeername(fd, (struct sockaddr *)ret, &n) == 0;
}

static void saw(struct link_zmq *l, const char *key, int fd)
{
	char id[8] = { 0 };
	memcpy(id, l->back_id, l->back_len < sizeof id ? l->back_len : sizeof id);
	uint32_t i = 0;
	while (i < l->n_seen && l->seen[i].fd != fd)
		i++;
	if (i == SEEN_MOST || (i < l->n_seen && !memcmp(l->seen[i].id, id, sizeof id)))
		return;
	struct seen *s = &l->seen[i];
	if (!far_end(fd, &s->at))
		return;
	l->n_seen += i == l->n_seen;
	s->fd = fd;
	memcpy(s->id, id, sizeof id);
	str_keep(s->key, sizeof s->key, str_of(key));
}

/* [id of the connection][frame]; a frame of any other shape is not ours. */
static bool inbox_frame(struct link_zmq *l, struct inbox *in, struct link_event *ret)
{
	for (;;) {
		int len = zmq_recv(in->socket, l->back_id, sizeof l->back_id, ZMQ_DONTWAIT);
		if (len < 0)
			return false;
		l->back_len = (size_t)len;
		if (zmq_msg_recv(&l->in, in->socket, ZMQ_DONTWAIT) < 0)
			return false;
		bool shape = !zmq_msg_more(&l->in);
		while (zmq_msg_more(&l->in))
			zmq_msg_recv(&l->in, in->socket, ZMQ_DONTWAIT);
		const char *key = in->curve ? zmq_msg_gets(&l->in, "User-Id") : "";
		if (in->curve && (!key || !*key)) {
			l->stats.breaches++;
			continue;
		}
		if (!shape)
			continue;
		if (in->curve)
			saw(l, key, zmq_msg_get(&l->in, ZMQ_SRCFD));
		*ret = (struct link_event){
			.what = LINK_FRAME,
			.bytes = str_n(zmq_msg_data(&l->in), zmq_msg_size(&l->in)),
			.key = str_of(key),
		};
		l->back = in->socket;
		return true;
	}
}

static bool on_next(struct link *link, struct link_event *ret)
{
	struct link_zmq *l = own(link);
	if (l->is_in)
		zmq_msg_close(&l->in);
	zmq_msg_init(&l->in);
	l->is_in = true;
	l->back = NULL;
	for (; l->at_line < l->n_lines; l->at_line++) {
		struct line *n = l->lines[l->at_line];
		if (line_event(l, n, ret) || line_frame(l, n, ret))
			return true;
	}
	for (; l->at_inbox < l->n_inboxes; l->at_inbox++)
		if (inbox_frame(l, &l->inboxes[l->at_inbox], ret))
			return true;
	return false;
}

static bool on_turn(struct link *link, uint64_t now_us)
{
	struct link_zmq *l = own(link);
	bool more = false;
	l->now_us = now_us;
	l->at_line = l->at_inbox = 0;
	if (l->zap)
		zap_turn(l->zap);
	for (uint32_t i = 0; i < l->n_lines; i++) {
		struct line *n = l->lines[i];
		if (!n->socket && n->redial_us && now_us >= n->redial_us && line_open(l, n))
			n->redial_us = now_us + n->pause_us;
		if (!n->socket)
			continue;
		line_retry(l, n);
		int events = events_of(n->socket);
		more |= (events & ZMQ_POLLIN) || (n->is_held && (events & ZMQ_POLLOUT));
		more |= (events_of(n->monitor) & ZMQ_POLLIN) != 0;
	}
	for (uint32_t i = 0; i < l->n_inboxes; i++)
		more |= (events_of(l->inboxes[i].socket) & ZMQ_POLLIN) != 0;
	return more;
}

/* ---- inboxes -------------------------------------------------------------------------------- */

static enum err bind_to(struct link_zmq *l, const char *endpoint, bool curve)
{
	struct inbox *in = &l->inboxes[l->n_inboxes];
	in->curve = curve;
	in->socket = zmq_socket(l->context, ZMQ_ROUTER);
	if (!in->socket)
		return ERR_IO;
	l->n_inboxes++;
	if (!set_common(in->socket) || !set(in->socket, ZMQ_ROUTER_MANDATORY, 1))
		return ERR_IO;
	if (curve && zap_guard(in->socket, l->key.secret))
		return ERR_INVALID;
	if (zmq_bind(in->socket, endpoint))
		return errno == EADDRINUSE ? ERR_CONFLICT : ERR_INVALID;
	size_t n = sizeof in->endpoint;
	if (zmq_getsockopt(in->socket, ZMQ_LAST_ENDPOINT, in->endpoint, &n))
		return ERR_RANGE;
	return watch(l, in->socket, &in->fd);
}

/* The folder is the guard of a unix socket: ours, and closed to others. */
static enum err guard_folder(const char *path)
{
	char dir[128];
	str_keep(dir, sizeof dir, str_of(path));
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return ERR_DENIED;
	*slash = '\0';
	if (mkdir(dir, 0700) && errno != EEXIST)
		return ERR_NOT_FOUND;
	struct stat st;
	if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return ERR_DENIED;
	return OK;
}

static enum err bind_ipc(struct link_zmq *l, const struct link_zmq_config *c)
{
	enum { PATH_MOST = 107 }; /* sun_path, unix(7) */
	char endpoint[256];
	int n = c->ipc ? snprintf(endpoint, sizeof endpoint, "%s", c->ipc)
	               : snprintf(endpoint, sizeof endpoint, "ipc://%s/node-%s-%llx", c->dir,
	                          c->name, (unsigned long long)c->epoch);
	if (strncmp(endpoint, "ipc://", 6))
		return ERR_INVALID;
	if (n < 0 || n - 6 > PATH_MOST)
		return ERR_RANGE;
	enum err e = guard_folder(endpoint + 6);
	return e ? e : bind_to(l, endpoint, false);
}

static enum err bind_tcp(struct link_zmq *l, const struct link_zmq_config *c)
{
	if (!l->has_key || !c->known || strncmp(c->tcp, "tcp://", 6) || strchr(c->tcp, '*'))
		return ERR_INVALID;
	return bind_to(l, c->tcp, true);
}

/* ---- life ----------------------------------------------------------------------------------- */

static const char *on_endpoint(struct link *link, uint32_t i)
{
	return i < own(link)->n_inboxes ? own(link)->inboxes[i].endpoint : NULL;
}

static const char *on_key(struct link *link)
{
	return own(link)->has_key ? own(link)->key.open : "";
}

static void on_free(struct link *link)
{
	struct link_zmq *l = own(link);
	if (l->is_in)
		zmq_msg_close(&l->in);
	for (uint32_t i = 0; i < l->n_lines; i++) {
		if (l->lines[i]->up)
			set(l->lines[i]->socket, ZMQ_LINGER, GOODBYE_MS);
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
	.dial = on_dial,
	.close = on_close,
	.send = on_send,
	.answer = on_answer,
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
		e = bind_ipc(l, c);
	if (!e && c->tcp)
		e = bind_tcp(l, c);
	if (e) {
		on_free(&l->link);
		return e;
	}
	*ret = &l->link;
	return OK;
}

void link_zmq_drop(struct link *link, const char *key)
{
	struct link_zmq *l = own(link);
	for (uint32_t i = 0; i < l->n_seen;) {
		struct seen *s = &l->seen[i];
		struct sockaddr_storage now;
		if (strcmp(s->key, key)) {
			i++;
			continue;
		}
		if (far_end(s->fd, &now) && !memcmp(&now, &s->at, sizeof now))
			shutdown(s->fd, SHUT_RDWR);
		*s = l->seen[--l->n_seen];
	}
}

struct link_zmq_stats link_zmq_stats(const struct link *link)
{
	const struct link_zmq *l = (const struct link_zmq *)link;
	struct link_zmq_stats s = l->stats;
	s.refused = zap_refused(l->zap);
	return s;
}
