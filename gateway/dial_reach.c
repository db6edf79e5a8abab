/*
 * dial_reach.c — from an address to the request on its way: see dial.h.
 */
#include "gateway/dial.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Those whose name is being looked up: reachable, as the loop may end before it has told. */
static struct dial *named;

void dial_unname(struct dial *d)
{
	if (!d->named)
		return;
	*d->named = d->next_named;
	if (d->next_named)
		d->next_named->named = d->named;
	d->named = NULL;
}

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

void dial_shake(struct wire *w)
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

void dial_secure(struct wire *w)
{
	struct dial *d = w->dial;
	if (!d->to.secure) {
		ask(w);
		return;
	}
	w->tls = w->all->trust ? tls_dial(w->all->trust, w->fd, d->host) : NULL;
	if (w->tls)
		dial_shake(w);
	else
		dial_fail(w, "TLS cannot be set up");
}

void dial_connected(struct wire *w)
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
		dial_secure(w);
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
		dial_connected(w);
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
	dial_unname(d);
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
void dial_look_up(struct wire *w)
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

void dial_name_found(struct wire *w)
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
