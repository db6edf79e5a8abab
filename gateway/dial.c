/*
 * dial.c — wire.dial: from an address to an open wire, or to one clear reason why not.
 *
 *     WAITS ─▶ NAME ─▶ CONNECT ─▶ (PROXY ─▶) (TLS ─▶) ASK ─▶ open: what is behind the 101 is frames
 *       rate                                             └─▶ REFUSED: a status, and a bit of its
 * body
 *
 * Ours, because libwebsockets' client loses what a server says right behind its 101 (shared facts).
 * One deadline for all of it. No step blocks the loop; how many begin in a second is bounded.
 */
#include "gateway/wire.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	ANSWER_MAX = HTTP_HEAD_MAX + WIRE_READ_MAX,
	BODY_MAX = 2048,
	BODY_MS = 500, /* a refusal's body may take so long */
	ASK_MAX = 64 << 10,
};

enum dial_step {
	DIAL_WAITS,
	DIAL_NAME,
	DIAL_CONNECT,
	DIAL_PROXY,
	DIAL_TLS,
	DIAL_ASK,
	DIAL_REFUSED,
};

struct dial {
	struct wire *wire; /* NULL: given up while its name is looked up */
	struct dial *next_named, **named;
	const struct msg *asked; /* held */
	enum dial_step step;
	bool through; /* a proxy */
	enum err found;
	char *url; /* what `to` points into */
	struct handshake_url to;
	char host[256], protocol[65], key[HANDSHAKE_KEY];
	struct buf request, answer;
	struct handshake_answer head;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/* Those whose name is being looked up: reachable, as the loop may end before it has told. */
static struct dial *named;

/* ---- the end, either way ------------------------------------------------------------------------
 */

static void unname(struct dial *d)
{
	if (!d->named)
		return;
	*d->named = d->next_named;
	if (d->next_named)
		d->next_named->named = d->named;
	d->named = NULL;
}

static void dial_free(struct dial *d)
{
	unname(d);
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

static void fail(struct wire *w, int status, struct str why)
{
	struct dial *d = w->dial;
	struct str body = { 0 };
	w->all->stats.dial_failed++;
	if (status && d->answer.len > d->head.bytes)
		body = str_n(d->answer.at + d->head.bytes, d->answer.len - d->head.bytes);
	body.len = body.len < BODY_MAX ? body.len : BODY_MAX;
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
	fail(w, 0, str_of(why));
}

static void opened(struct wire *w)
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

/* ---- steps --------------------------------------------------------------------------------------
 */

static bool is_loopback(const struct sockaddr_storage *a)
{
	if (a->ss_family == AF_INET)
		return ntohl(((const struct sockaddr_in *)a)->sin_addr.s_addr) >> 24 == 127;
	return a->ss_family == AF_INET6 &&
	       IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)a)->sin6_addr);
}

static void watch(struct wire *w, int events)
{
	w->watching = (uint8_t)events;
	loop_watch_set(w->watch, events);
}

static void ask(struct wire *w)
{
	struct dial *d = w->dial;
	d->step = DIAL_ASK;
	buf_str(&w->out, buf_view(&d->request));
	buf_done(&d->request);
	w->watching = 0;
	wire_flush(w);
}

static void shake(struct wire *w)
{
	char why[160];
	w->dial->step = DIAL_TLS;
	switch (tls_handshake(w->tls)) {
	case TLS_OK:
		ask(w);
		break;
	case TLS_READ:
		watch(w, LOOP_READ);
		break;
	case TLS_WRITE:
		watch(w, LOOP_WRITE);
		break;
	case TLS_END:
	case TLS_BROKEN:
		tls_why(w->tls, why, sizeof why);
		dial_fail(w, why);
		break;
	}
}

static void secure(struct wire *w)
{
	struct dial *d = w->dial;
	if (!d->to.secure) {
		ask(w);
		return;
	}
	w->tls = w->all->trust ? tls_dial(w->all->trust, w->fd, d->host) : NULL;
	if (w->tls)
		shake(w);
	else
		dial_fail(w, "TLS cannot be set up");
}

static void connected(struct wire *w)
{
	struct dial *d = w->dial;
	char why[96];
	int e = 0;
	socklen_t len = sizeof e;
	if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &e, &len) || e) {
		(void)snprintf(why, sizeof why, "connect: %s", strerror(e ? e : errno));
		dial_fail(w, why);
		return;
	}
	if (!d->through) {
		secure(w);
		return;
	}
	d->step = DIAL_PROXY;
	buf_printf(&w->out, "CONNECT %s%s%s:%s HTTP/1.1\r\nHost: %s:%s\r\n\r\n",
	           strchr(d->host, ':') ? "[" : "", d->host, strchr(d->host, ':') ? "]" : "",
	           d->to.port, d->host, d->to.port);
	wire_flush(w);
}

static void reach(struct wire *w)
{
	struct dial *d = w->dial;
	char why[96];
	d->step = DIAL_CONNECT;
	if (!d->to.secure && !is_loopback(&d->addr)) {
		dial_fail(w, "ws:// is for this machine alone: use wss://");
		return;
	}
	int fd = socket(d->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		(void)snprintf(why, sizeof why, "socket: %s", strerror(errno));
		dial_fail(w, why);
		return;
	}
	if (wire_attach(w, fd, NULL)) {
		dial_fail(w, "out of memory");
		return;
	}
	if (connect(fd, (struct sockaddr *)&d->addr, d->addr_len) == 0) {
		connected(w);
	} else if (errno == EINPROGRESS) {
		watch(w, LOOP_WRITE);
	} else {
		(void)snprintf(why, sizeof why, "connect: %s", strerror(errno));
		dial_fail(w, why);
	}
}

/* ---- names --------------------------------------------------------------------------------------
 */

static void on_name(void *ctx, enum err e, const struct sockaddr *addr, uint32_t len)
{
	struct dial *d = ctx;
	unname(d);
	if (!d->wire) {
		dial_free(d);
		return;
	}
	d->found = e;
	if (!e && len <= sizeof d->addr) {
		memcpy(&d->addr, addr, len);
		d->addr_len = len;
	}
	wire_wake(d->wire, LOOP_READ);
}

/* An address as text needs nobody to look it up. */
static bool numeric(struct dial *d, const char *host, const char *port)
{
	struct sockaddr_in *four = (struct sockaddr_in *)&d->addr;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)&d->addr;
	in_port_t number = htons((uint16_t)strtoul(port, NULL, 10));
	if (inet_pton(AF_INET, host, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = number;
		d->addr_len = sizeof *four;
	} else if (inet_pton(AF_INET6, host, &six->sin6_addr) == 1) {
		six->sin6_family = AF_INET6;
		six->sin6_port = number;
		d->addr_len = sizeof *six;
	}
	return d->addr_len;
}

/* The other end's own name, or the proxy's. */
static void look_up(struct wire *w)
{
	struct dial *d = w->dial;
	char host[256], port[6];
	struct handshake_url via = d->to;
	d->step = DIAL_NAME;
	if (*w->all->config.proxy && !numeric(d, d->host, d->to.port))
		d->through = strcmp(d->host, "localhost") != 0;
	else
		d->through = *w->all->config.proxy && !is_loopback(&d->addr);
	if (d->through) {
		char url[300];
		d->addr_len = 0;
		memset(&d->addr, 0, sizeof d->addr);
		(void)snprintf(url, sizeof url, "ws://%s", w->all->config.proxy);
		if (handshake_url(str_of(url), &via)) {
			dial_fail(w, "the setting proxy is not host:port");
			return;
		}
		(void)str_keep(host, sizeof host, via.host);
	} else {
		(void)str_keep(host, sizeof host, str_of(d->host));
	}
	(void)str_keep(port, sizeof port, str_of(via.port));
	if (d->addr_len || numeric(d, host, port)) {
		reach(w);
		return;
	}
	if (loop_resolve(w->all->loop, host, port, on_name, d)) {
		dial_fail(w, "the name cannot be looked up");
		return;
	}
	d->next_named = named;
	d->named = &named;
	if (named)
		named->named = &d->next_named;
	named = d;
}

static void name_found(struct wire *w)
{
	struct dial *d = w->dial;
	if (d->named)
		return;
	if (d->found || !d->addr_len)
		dial_fail(w,
		          d->through ? "the proxy's name is not known" : "the name is not known");
	else
		reach(w);
}

/* ---- the answer ---------------------------------------------------------------------------------
 */

static bool body_whole(const struct dial *d)
{
	size_t here = d->answer.len - d->head.bytes;
	return here >= BODY_MAX || (d->head.length != UINT32_MAX && here >= d->head.length);
}

static void refused(struct wire *w)
{
	struct dial *d = w->dial;
	uint64_t soon = w->all->now_us + BODY_MS * UINT64_C(1000);
	d->step = DIAL_REFUSED;
	w->due_us = soon < w->due_us ? soon : w->due_us;
	if (body_whole(d))
		fail(w, d->head.status, str_of(d->head.why));
}

/* The proxy's answer to CONNECT; behind it nothing can have come: the other end waits for us. */
static void proxy_answered(struct wire *w)
{
	struct dial *d = w->dial;
	char why[64];
	if (d->head.status / 100 == 2 && d->answer.len == d->head.bytes) {
		buf_clear(&d->answer);
		secure(w);
		return;
	}
	(void)snprintf(why, sizeof why, "the proxy refused: %d", d->head.status);
	dial_fail(w, why);
}

static void look_at_answer(struct wire *w)
{
	struct dial *d = w->dial;
	if (d->step == DIAL_REFUSED) {
		if (body_whole(d))
			fail(w, d->head.status, str_of(d->head.why));
		return;
	}
	if (!handshake_answer(buf_view(&d->answer), d->key, str_of(d->protocol), &d->head))
		return;
	if (!d->head.status)
		dial_fail(w, d->head.why);
	else if (d->step == DIAL_PROXY)
		proxy_answered(w);
	else if (!d->head.why)
		opened(w);
	else if (d->head.status == 101)
		fail(w, 101, str_of(d->head.why));
	else
		refused(w);
}

static void hear(struct wire *w)
{
	struct dial *d = w->dial;
	size_t n;
	enum wire_read_is is = wire_recv(w, &n);
	if (is == WIRE_NOTHING)
		return;
	if (is == WIRE_GOT) {
		buf_put(&d->answer, w->all->room, n);
		if (buf_err(&d->answer))
			dial_fail(w, "the answer is too long");
		else
			look_at_answer(w);
	} else if (d->step == DIAL_REFUSED) {
		fail(w, d->head.status, str_of(d->head.why));
	} else {
		dial_fail(w, is == WIRE_END ? "the other end closed without an answer"
		                            : "the connection broke");
	}
}

/* ---- turns -------------------------------------------------------------------------------------
 */

void dial_turn(struct wire *w, int events)
{
	switch (w->dial->step) {
	case DIAL_WAITS:
		break;
	case DIAL_NAME:
		name_found(w);
		break;
	case DIAL_CONNECT:
		connected(w);
		break;
	case DIAL_TLS:
		shake(w);
		break;
	case DIAL_PROXY:
	case DIAL_ASK:
	case DIAL_REFUSED:
		if (events & LOOP_WRITE)
			wire_flush(w);
		if (events & LOOP_READ)
			hear(w);
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
		fail(w, d->head.status, str_of(d->head.why));
	else if (w->all->now_us >= w->due_us)
		dial_fail(w, late[d->step]);
	else if (d->step == DIAL_WAITS && may_begin(w->all))
		look_up(w);
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
	buf_init(&d->answer, ANSWER_MAX);
	handshake_ask(&d->request, &d->to, d->key, ask->protocol, lines, ask->headers.n);
	return buf_err(&d->request);
}

static void settle(struct wire *w, const struct wire_dial *ask, const struct msg *m)
{
	struct wires *all = w->all;
	ws_init(&w->in, false, ask->frame_max);
	w->queue_max = ask->queue_max;
	buf_init(&w->out, (size_t)w->queue_max + ASK_MAX);
	buf_init(&w->ahead, ANSWER_MAX);
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
		look_up(w);
	return e;
}
