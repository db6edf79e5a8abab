/*
 * plug.c — plug.h up to the bytes: sockets, TLS, and when they end. Heads are plug_http.c's, frames
 * plug_ws.c's.
 */
#include "tools/plug/plug.h"
#include "tools/plug/plug_in.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { DIAL_US = 10000000, CLOSE_US = 2000000 };

MUST enum err plug_address_read(const char *host_port, struct plug_address *ret)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char host[64];
	const char *colon = strrchr(host_port, ':');
	size_t n = colon ? (size_t)(colon - host_port) : 0;
	if (!n || n >= sizeof host || !colon[1])
		return ERR_INVALID;
	bool brackets = host_port[0] == '[' && host_port[n - 1] == ']';
	str_keep(host, sizeof host, str_n(host_port + brackets, n - (brackets ? 2 : 0)));
	if (getaddrinfo(host, colon + 1, &hints, &found))
		return ERR_INVALID;
	memcpy(&ret->to, found->ai_addr, found->ai_addrlen);
	ret->len = found->ai_addrlen;
	freeaddrinfo(found);
	str_keep(ret->text, sizeof ret->text, str_of(host_port));
	return OK;
}

bool plug_address_is_loopback(const struct plug_address *a)
{
	if (a->to.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&a->to;
		return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&a->to)->sin6_addr);
}

MUST enum err plug_listen(const struct plug_address *a, int *ret_fd, char ret_text[80])
{
	int one = 1, fd;
	struct sockaddr_storage at = { 0 };
	socklen_t len = sizeof at;
	char host[64], port[8];
	fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_LIMIT;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, (const struct sockaddr *)&a->to, a->len) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&at, &len) ||
	    getnameinfo((struct sockaddr *)&at, len, host, sizeof host, port, sizeof port,
	                NI_NUMERICHOST | NI_NUMERICSERV)) {
		(void)close(fd);
		return ERR_CONFLICT;
	}
	(void)snprintf(ret_text, 80, at.ss_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	*ret_fd = fd;
	return OK;
}

static plug_event_fn on_event;

static void on_deadline(void *ctx)
{
	struct plug *p = ctx;
	plug_end(p, p->state == PLUG_CLOSING ? "no close frame in answer" : "no answer in time");
}

void plug_init(struct plug *p, struct plug_loop *l, const struct plug_ops *ops, void *ctx)
{
	static uint32_t seeds;
	*p = (struct plug){ .loop = l, .ops = ops, .ctx = ctx, .code = 1006 };
	p->seed = ++seeds * 2654435761u | 1;
	p->watch = (struct plug_watch){ .ctx = p, .fd = -1 };
	p->deadline = (struct plug_alarm){ .fn = on_deadline, .ctx = p };
	buf_init(&p->in, PLUG_HEAD_MAX);
	buf_init(&p->out, PLUG_OUT_MAX);
	buf_init(&p->message, PLUG_SAID_MAX);
}

/* The descriptor and what hangs on it. The memory stays: a callback may stand in it. */
static void hang_up(struct plug *p)
{
	plug_alarm_clear(&p->deadline);
	if (p->safe)
		plug_safe_free(&p->safe);
	if (p->watch.fd < 0)
		return;
	plug_unwatch(p->loop, &p->watch);
	(void)close(p->watch.fd);
	p->watch.fd = -1;
}

void plug_done(struct plug *p)
{
	hang_up(p);
	plug_frames_done(p);
	buf_done(&p->in);
	buf_done(&p->out);
	buf_done(&p->message);
	p->state = PLUG_ENDED;
}

void plug_end(struct plug *p, const char *why)
{
	if (p->state == PLUG_ENDED || p->state == PLUG_IDLE)
		return;
	if (!p->why[0])
		str_keep(p->why, sizeof p->why, str_of(why));
	p->state = PLUG_ENDED;
	hang_up(p);
	if (p->ops->ended)
		p->ops->ended(p);
}

void plug_reset(struct plug *p, const char *why)
{
	struct linger now = { .l_onoff = 1 };
	if (p->watch.fd >= 0)
		(void)setsockopt(p->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	plug_end(p, why);
}

static enum err begin(struct plug *p, int fd, uint32_t events)
{
	int one = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	p->watch.fn = on_event;
	plug_alarm_set(p->loop, &p->deadline, plug_now_us() + DIAL_US);
	enum err e = plug_watch(p->loop, &p->watch, fd, events);
	if (e)
		(void)close(fd);
	return e;
}

MUST enum err plug_dial(struct plug *p, const struct plug_address *to, struct plug_tls *tls,
                        const char *host, int rcvbuf)
{
	int fd = socket(to->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ERR_LIMIT;
	if (rcvbuf)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &rcvbuf, sizeof rcvbuf);
	if (connect(fd, (const struct sockaddr *)&to->to, to->len) && errno != EINPROGRESS) {
		(void)close(fd);
		return ERR_GONE;
	}
	p->client = true;
	p->state = PLUG_CONNECTING;
	enum err e = begin(p, fd, EPOLLIN | EPOLLOUT);
	if (!e && tls)
		e = plug_safe_new(tls, fd, host, &p->safe);
	return e;
}

MUST enum err plug_take(struct plug *p, int fd, struct plug_tls *tls)
{
	p->state = tls ? PLUG_SECURING : PLUG_HEAD;
	enum err e = begin(p, fd, EPOLLIN);
	if (!e && tls)
		e = plug_safe_new(tls, fd, NULL, &p->safe);
	return e;
}

/* ---- bytes in and out ---------------------------------------------------------------------- */

ssize_t plug_read(struct plug *p, void *to, size_t n)
{
	size_t have = p->in.len - p->in_at, got = 0;
	if (have) {
		have = have < n ? have : n;
		memcpy(to, p->in.at + p->in_at, have);
		p->in_at += have;
		return (ssize_t)have;
	}
	if (p->dry || p->watch.fd < 0)
		return 0;
	if (p->safe) {
		enum plug_io io = plug_safe_read(p->safe, to, n, &got);
		p->dry = io != PLUG_IO_DONE;
		if (io == PLUG_IO_ENDED)
			plug_end(p, "connection ended");
		return (ssize_t)got;
	}
	ssize_t r = recv(p->watch.fd, to, n, 0);
	p->dry = r < (ssize_t)n; /* what the kernel had; more would wake us again */
	if (r > 0)
		return r;
	if (!r || (errno != EAGAIN && errno != EINTR))
		plug_end(p, r ? "connection reset" : "connection ended");
	return 0;
}

static bool write_some(struct plug *p)
{
	const char *at = p->out.at + p->out_at;
	size_t n = p->out.len - p->out_at, took = 0;
	if (p->safe) {
		enum plug_io io = plug_safe_write(p->safe, at, n, &took);
		if (io == PLUG_IO_ENDED)
			plug_end(p, "connection ended");
		p->out_at += took;
		return io == PLUG_IO_DONE;
	}
	ssize_t r = send(p->watch.fd, at, n, MSG_NOSIGNAL);
	if (r < 0 && errno != EAGAIN && errno != EINTR)
		plug_end(p, "connection reset");
	if (r > 0)
		p->out_at += (size_t)r;
	return r > 0;
}

void plug_flush(struct plug *p)
{
	if (p->state < PLUG_HEAD || p->state == PLUG_ENDED)
		return;
	if (buf_err(&p->out)) {
		plug_reset(p, "8 MiB wait for an end that does not read");
		return;
	}
	while (p->out_at < p->out.len && write_some(p))
		;
	if (p->state == PLUG_ENDED)
		return;
	bool more = p->out_at < p->out.len;
	if (!more) {
		buf_clear(&p->out);
		p->out_at = 0;
		if (p->sent_close && p->got_close) {
			plug_end(p, "");
			return;
		}
	}
	plug_watch_set(p->loop, &p->watch, (p->deaf ? 0 : EPOLLIN) | (more ? EPOLLOUT : 0));
}

void plug_deafen(struct plug *p, bool deaf)
{
	p->deaf = deaf;
	if (p->watch.fd >= 0)
		plug_loop_dirty(p->loop, p);
}

void plug_raw(struct plug *p, struct str bytes)
{
	buf_str(&p->out, bytes);
	plug_loop_dirty(p->loop, p);
}

void plug_close(struct plug *p, uint16_t code)
{
	if (p->state != PLUG_OPEN) {
		plug_end(p, "closed by us");
		return;
	}
	plug_say_close(p, code);
	p->state = PLUG_CLOSING;
	plug_alarm_set(p->loop, &p->deadline, plug_now_us() + CLOSE_US);
}

/* ---- events -------------------------------------------------------------------------------- */

static void connected(struct plug *p)
{
	int error = 0;
	socklen_t len = sizeof error;
	(void)getsockopt(p->watch.fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error) {
		plug_end(p, strerror(error));
		return;
	}
	p->state = p->safe ? PLUG_SECURING : PLUG_HEAD;
}

static void secure(struct plug *p)
{
	enum plug_io io = plug_safe_handshake(p->safe);
	if (io == PLUG_IO_ENDED)
		plug_end(p, "no TLS with this end");
	else if (io == PLUG_IO_DONE)
		p->state = PLUG_HEAD;
	else
		plug_watch_set(p->loop, &p->watch, io == PLUG_IO_WANTS_WRITE ? EPOLLOUT : EPOLLIN);
}

static void on_event(void *ctx, uint32_t events)
{
	struct plug *p = ctx;
	if (p->state == PLUG_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
		connected(p);
	if (p->state == PLUG_SECURING)
		secure(p);
	p->dry = false;
	if (p->state == PLUG_HEAD && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		plug_read_heads(p);
	if (p->state == PLUG_OPEN || p->state == PLUG_CLOSING) {
		if (!p->deaf)
			plug_read_frames(p);
		else if (events & (EPOLLHUP | EPOLLERR))
			plug_end(p, "connection reset");
	}
	plug_flush(p);
}
