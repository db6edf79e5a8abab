/*
 * lws.c — sockets and TLS by libwebsockets on our loop; conn.c is what is said over them.
 *
 *     loop_watch(listening fd) ─accept4 ×64─▶ sock ─lws_adopt─▶ RAW_RX ──▶ conn_feed()
 *            ▲ EMFILE: off for 100 ms                          RAW_WRITEABLE ◀─ conn_out()
 *
 * Rules of libwebsockets 4.1.6 that this file keeps (shared facts, gateway.md; its source):
 * a wsi that has output buffered does not read, and spins on a level-triggered loop unless reading
 * is paused; WSI_DESTROY comes exactly once for each wsi that had our opaque pointer; its own
 * timers sleep when set from outside, so all deadlines are ours; the context is destroyed twice,
 * and the second time only after the loop has closed its handles; its pipe is closed twice
 * (pipe_guard.h).
 */
#include "gateway/conn.h"
#include "gateway/pipe_guard.h"
#include "gateway/tls.h"
#include <errno.h>
#include <fcntl.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum {
	ACCEPTS_PER_EVENT = 64,
	RETRY_US = 100 * 1000, /* after EMFILE */
	BURY_US = 20 * 1000,   /* three of these: the loop has turned often enough */
	WRITE_MAX = 64 * 1024, /* bytes of one lws_write, so that what it copies is bounded */
	READ_MAX = 32 * 1024,
	SNDBUF = 256 * 1024,
};

/* One socket: lives from accept to WSI_DESTROY. */
struct sock {
	struct conn conn; /* first: conn_env.settle finds its socket by it */
	struct http_server *server;
	struct lws *wsi;
	struct sock *next, **link;
	bool in_callback; /* of libwebsockets, for this wsi: close by returning -1 */
	bool blocked;     /* libwebsockets holds output: no writing, no reading */
	bool paused, half_closed;
	bool closing; /* given up to libwebsockets: nothing may be done with the wsi any more */
	int taken_fd; /* its descriptor and TLS, once it is taken over; -1, NULL: not */
	struct tls *taken_tls;
};

struct http_server {
	struct conn_env env;
	struct loop *loop;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *ticker, *retry, *burial;
	unsigned burial_turns;
	uint64_t tick_us;
	struct lws_context *context;
	struct lws_vhost *vhost;
	struct sock *socks;
	bool adopted; /* a wsi was made for the new socket: from here on WSI_DESTROY frees it */
	bool secure, freed;
	struct http_server *next_dying;
};

/* Servers whose handles the loop still closes: reachable, so that a loop freed too early is no
 * leak. */
static struct http_server *dying;

/* ---- one socket ---------------------------------------------------------------------------- */

static void drained_if_empty(struct http_server *s)
{
	if (s->env.draining && !s->socks && !s->freed)
		s->env.calls->drained(s->env.ctx);
}

/* libwebsockets has closed its descriptor: ours goes to who asked for it. */
static void sock_hand_over(struct sock *w)
{
	struct http_server *s = w->server;
	struct http_taken t = { .fd = w->taken_fd,
		                .tls = w->taken_tls,
		                .early = w->conn.early,
		                .owner = w->conn.taker };
	if (t.tls && !s->freed && tls_bind(t.tls, t.fd)) {
		tls_free(&t.tls);
		close(t.fd);
		t.fd = -1;
	}
	if (w->conn.taker && !s->freed) {
		s->env.calls->taken(s->env.ctx, &t);
		return;
	}
	tls_free(&t.tls);
	if (t.fd >= 0)
		close(t.fd);
}

static void sock_free(struct sock *w)
{
	struct http_server *s = w->server;
	*w->link = w->next;
	if (w->next)
		w->next->link = w->link;
	s->env.stats.connections--;
	conn_done(&w->conn, !s->freed);
	sock_hand_over(w);
	free(w);
	drained_if_empty(s);
}

static void sock_pause(struct sock *w)
{
	bool pause = w->blocked || !conn_reads(&w->conn);
	if (pause != w->paused)
		lws_rx_flow_control(w->wsi, !pause);
	w->paused = pause;
}

static void sock_write(struct sock *w)
{
	for (struct str out; (out = conn_out(&w->conn)).len && !w->blocked;) {
		size_t n = out.len < WRITE_MAX ? out.len : WRITE_MAX;
		if (lws_write(w->wsi, (unsigned char *)(uintptr_t)out.at, n, LWS_WRITE_RAW) < 0) {
			conn_done(&w->conn, true);
			return;
		}
		conn_sent(&w->conn, n);
		w->blocked = lws_partial_buffered(w->wsi);
	}
	if (!w->blocked)
		conn_flushed(&w->conn);
}

/* A wsi with output buffered is not closed by KILL_SYNC or -1: it waits to flush. A timeout is
 * final, sends neither FIN nor close_notify, and lets the reset of a stalled peer through. */
static void sock_kill(struct sock *w)
{
	struct linger reset = { .l_onoff = 1 };
	w->closing = true;
	if (!w->blocked) {
		lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_SYNC);
		return;
	}
	setsockopt(lws_get_socket_fd(w->wsi), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	lws_cancel_service(w->server->context); /* its timers sleep when set from outside */
}

/* Gives a connection up without a word on it: a wsi that dies by a timeout sends neither FIN nor
 * close_notify, and the duplicate keeps the stream (shared facts, gateway.md 1; its source). The
 * TLS keeps libwebsockets' descriptor until that is closed: it closes what SSL_get_fd() says. */
static void sock_take(struct sock *w)
{
	SSL *ssl = lws_get_ssl(w->wsi);
	w->taken_fd = fcntl(lws_get_socket_fd(w->wsi), F_DUPFD_CLOEXEC, 3);
	if (ssl && w->taken_fd >= 0)
		w->taken_tls = tls_take(ssl);
	if (ssl && !w->taken_tls && w->taken_fd >= 0) {
		close(w->taken_fd);
		w->taken_fd = -1;
	}
	w->closing = true;
	lws_set_timeout(w->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
	lws_cancel_service(w->server->context); /* its timers sleep when set from outside */
}

/* Brings the socket to what the connection wants. Returns -1 in a callback of libwebsockets when it
 * shall close the socket; elsewhere it is told to at once. */
static int sock_settle(struct sock *w)
{
	if (w->closing || !w->wsi)
		return 0;
	sock_write(w);
	if (conn_ended(&w->conn)) {
		if (w->in_callback && !w->blocked)
			return -1;
		sock_kill(w);
		return 0;
	}
	if (conn_is_taken(&w->conn)) {
		if (!w->blocked)
			sock_take(w);
		return 0;
	}
	if (conn_half_closes(&w->conn) && !w->blocked && !w->half_closed && !w->server->secure) {
		w->half_closed = true;
		shutdown(lws_get_socket_fd(w->wsi), SHUT_WR);
	}
	sock_pause(w);
	return 0;
}

static void settle(struct conn *c)
{
	struct sock *w = (struct sock *)c;
	if (!w->in_callback)
		(void)sock_settle(w);
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t len)
{
	struct sock *w = lws_get_opaque_user_data(wsi);
	int rc = 0;
	(void)user;
	if (reason == LWS_CALLBACK_WSI_CREATE && lws_get_vhost(wsi)) {
		struct http_server *s = lws_vhost_user(lws_get_vhost(wsi));
		s->adopted = true;
	}
	if (!w)
		return 0; /* libwebsockets' own, or before our pointer was set */
	switch ((int)reason) {
	case LWS_CALLBACK_RAW_ADOPT:
		w->wsi = wsi;
		return 0;
	case LWS_CALLBACK_RAW_RX:
		w->in_callback = true;
		lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0); /* the one of its TLS handshake */
		conn_feed(&w->conn, in, len);
		rc = sock_settle(w);
		w->in_callback = false;
		return rc;
	case LWS_CALLBACK_RAW_WRITEABLE:
		w->in_callback = true;
		w->blocked = lws_partial_buffered(wsi);
		rc = sock_settle(w);
		w->in_callback = false;
		return rc;
	case LWS_CALLBACK_RAW_CLOSE:
		w->closing = true;
		conn_done(&w->conn, !w->server->freed);
		return 0;
	case LWS_CALLBACK_WSI_DESTROY:
		sock_free(w);
		return 0;
	case LWS_CALLBACK_HTTP: /* nothing is adopted as HTTP: never */
	case LWS_CALLBACK_RAW_CONNECTED:
		return -1;
	default:
		return 0;
	}
}

static const struct lws_protocols protocols[] = {
	{ .name = "street",
	  .callback = on_event,
	  .rx_buffer_size = READ_MAX,
	  .tx_packet_size = WRITE_MAX },
	{ 0 },
};

/* ---- deadlines ----------------------------------------------------------------------------- */

static uint64_t server_now(void *clock)
{
	return loop_now_us(clock);
}

static void on_tick(void *ctx)
{
	struct http_server *s = ctx;
	uint64_t now = loop_now_us(s->loop);
	struct sock *next;
	for (struct sock *w = s->socks; w; w = next) {
		next = w->next;
		if (w->closing)
			continue;
		conn_tick(&w->conn, now);
		(void)sock_settle(w);
	}
	if (s->socks)
		loop_timer_set(s->ticker, s->tick_us);
}

/* ---- accepting ----------------------------------------------------------------------------- */

static void name_peer(const struct sockaddr_storage *a, socklen_t len, char *to, socklen_t cap)
{
	if (a->ss_family == AF_UNIX ||
	    getnameinfo((const struct sockaddr *)a, len, to, cap, NULL, 0, NI_NUMERICHOST))
		(void)snprintf(to, cap, "unix");
}

static void adopt(struct http_server *s, int fd, const char *peer)
{
	int one = 1, sndbuf = SNDBUF;
	struct sock *w = calloc(1, sizeof *w);
	if (!w) {
		close(fd);
		return;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	w->server = s;
	w->taken_fd = -1;
	conn_init(&w->conn, &s->env, peer, s->secure);
	w->next = s->socks;
	w->link = &s->socks;
	if (w->next)
		w->next->link = &w->next;
	else
		loop_timer_set(s->ticker, s->tick_us);
	s->socks = w;
	s->env.stats.connections++;
	s->env.stats.accepted++;
	s->adopted = false;
	lws_adopt_desc_t desc = {
		.vh = s->vhost,
		.type = LWS_ADOPT_SOCKET | LWS_ADOPT_ALLOW_SSL,
		.fd = { .sockfd = fd },
		.vh_prot_name = protocols[0].name,
		.opaque = w,
	};
	if (!lws_adopt_descriptor_vhost_via_info(&desc) && !s->adopted)
		sock_free(w);
}

static void on_retry(void *ctx)
{
	struct http_server *s = ctx;
	if (s->watch)
		loop_watch_set(s->watch, LOOP_READ);
}

/* A server that cannot accept must not be woken for it all the time: shared facts saw 70 % of a
 * core. */
static void stall(struct http_server *s)
{
	s->env.stats.stalls++;
	loop_watch_set(s->watch, 0);
	loop_timer_set(s->retry, RETRY_US);
}

static void on_accept(void *ctx, int events)
{
	struct http_server *s = ctx;
	(void)events;
	for (int i = 0; i < ACCEPTS_PER_EVENT; i++) {
		struct sockaddr_storage a = { 0 };
		socklen_t len = sizeof a;
		char peer[48];
		if (s->env.stats.connections >= s->env.limits.connections) {
			stall(s);
			return;
		}
		int fd = accept4(s->fd, (struct sockaddr *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (fd < 0) {
			if (errno != EAGAIN)
				stall(s); /* EMFILE, ENFILE, ENOBUFS, ENOMEM */
			return;
		}
		name_peer(&a, len, peer, sizeof peer);
		adopt(s, fd, peer);
	}
}

/* ---- birth and end --------------------------------------------------------------------------- */

static enum err context_new(struct http_server *s, const struct http_config *config)
{
	void *loops[] = { loop_uv(config->loop) };
	lws_set_log_level(LLL_ERR, NULL);
	struct lws_context_creation_info info = {
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		           (s->secure ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.foreign_loops = loops,
		.count_threads = 1,
		.port = CONTEXT_PORT_NO_LISTEN,
		.gid = (gid_t)-1,
		.uid = (uid_t)-1,
		.pt_serv_buf_size = READ_MAX,
		.timeout_secs = config->limits.head_ms / 1000 + 1,
		.pcontext = &s->context,
	};
	s->context = lws_create_context(&info);
	if (!s->context)
		return ERR_MEMORY;
	/* ADOPT_APPLY_LISTEN_ACCEPT_CONFIG has one effect here: no TLS context for dialling out is
	 * made, which would load all of the system's certificates, and leak once two of ours
	 * overlap. */
	struct lws_context_creation_info vhost = {
		.options = info.options | LWS_SERVER_OPTION_ADOPT_APPLY_LISTEN_ACCEPT_CONFIG,
		.port = CONTEXT_PORT_NO_LISTEN_SERVER,
		.vhost_name = "street",
		.protocols = protocols,
		.alpn = "http/1.1",
		.ssl_cert_filepath = config->cert_file,
		.ssl_private_key_filepath = config->key_file,
		.user = s,
	};
	s->vhost = lws_create_vhost(s->context, &vhost);
	return s->vhost ? OK : ERR_INVALID;
}

static void on_burial(void *ctx);

static enum err server_init(struct http_server *s, const struct http_config *config)
{
	enum err e = loop_timer_new(s->loop, on_tick, s, &s->ticker);
	if (!e)
		e = loop_timer_new(s->loop, on_retry, s, &s->retry);
	if (!e)
		e = loop_timer_new(s->loop, on_burial, s, &s->burial);
	if (!e)
		e = context_new(s, config);
	if (!e)
		e = loop_watch(s->loop, s->fd, LOOP_READ, on_accept, s, &s->watch);
	return e;
}

/* Deadlines are looked at this often: a quarter of the shortest, 10 to 250 ms. */
static uint64_t tick_of(const struct http_limits *l)
{
	uint32_t least = l->head_ms < l->body_ms ? l->head_ms : l->body_ms;
	least = l->idle_ms < least ? l->idle_ms : least;
	least = l->linger_ms < least ? l->linger_ms : least;
	least = l->grace_ms < least ? l->grace_ms : least;
	least /= 4;
	return (least < 10 ? 10 : least > 250 ? 250 : least) * UINT64_C(1000);
}

enum err http_server_new(const struct http_config *config, struct http_server **ret)
{
	struct http_server *s = calloc(1, sizeof *s);
	if (!s) {
		close(config->fd);
		return ERR_MEMORY;
	}
	s->env = (struct conn_env){ .limits = config->limits,
		                    .calls = config->calls,
		                    .ctx = config->ctx,
		                    .now_us = server_now,
		                    .clock = config->loop,
		                    .settle = settle };
	s->loop = config->loop;
	s->fd = config->fd;
	s->secure = config->cert_file != NULL;
	s->tick_us = tick_of(&config->limits);
	enum err e = server_init(s, config);
	if (e)
		http_server_free(&s);
	else
		*ret = s;
	return e;
}

static void stop_listening(struct http_server *s)
{
	loop_watch_free(&s->watch);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
}

void http_server_drain(struct http_server *s)
{
	struct sock *next;
	stop_listening(s);
	s->env.draining = true;
	if (!s->socks)
		drained_if_empty(s);
	for (struct sock *w = s->socks; w; w = next) {
		next = w->next;
		conn_drain(&w->conn);
		(void)sock_settle(w);
	}
}

static void on_burial(void *ctx)
{
	struct http_server *s = ctx;
	if (s->burial_turns--) {
		loop_timer_set(s->burial, BURY_US);
		return;
	}
	if (s->context)
		lws_context_destroy(s->context);
	loop_timer_free(&s->burial);
	for (struct http_server **at = &dying; *at; at = &(*at)->next_dying)
		if (*at == s) {
			*at = s->next_dying;
			break;
		}
	free(s);
}

static void context_end(struct lws_context *context)
{
	static struct pipe_guard guard;
	pipe_guard_look(&guard);
	lws_context_destroy(context);
	pipe_guard_hold(&guard);
}

void http_server_free(struct http_server **server)
{
	struct http_server *s = *server;
	*server = NULL;
	if (!s)
		return;
	s->freed = true;
	stop_listening(s);
	loop_timer_free(&s->ticker);
	loop_timer_free(&s->retry);
	if (s->context)
		context_end(s->context);
	s->next_dying = dying;
	dying = s;
	if (!s->burial) {
		on_burial(s); /* born half: no context either */
		return;
	}
	s->burial_turns = 2;
	loop_timer_set(s->burial, BURY_US);
}

struct http_server_stats http_server_stats(const struct http_server *s)
{
	return s->env.stats;
}
