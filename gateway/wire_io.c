/*
 * wire_io.c — a wire's socket: one recv for what came, one send for what was said in a turn.
 *
 * What the kernel holds counts as ours: its buffers are kept small, and SIOCOUTQ tells what is not
 * acknowledged. A stalled reader hid 180 s of audio there with default buffers (shared facts).
 */
#include "gateway/wire.h"
#include "proto/digest.h"
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TLS_RECORD = 16 << 10 };

static void on_ready(void *ctx, int events)
{
	wire_wake(ctx, events);
}

enum err wire_attach(struct wire *w, int fd, struct tls *tls)
{
	int one = 1, sndbuf = WIRE_SNDBUF, lowat = WIRE_LOWAT;
	w->fd = fd;
	w->tls = tls;
	/* A unix socket has none of them, and needs none. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &lowat, sizeof lowat);
	w->watching = LOOP_READ;
	return loop_watch(w->all->loop, fd, LOOP_READ, on_ready, w, &w->watch);
}

/* With bytes that the peer has not taken, a close() would leave them to the kernel for minutes. */
void wire_detach(struct wire *w)
{
	struct linger reset = { .l_onoff = 1 };
	loop_watch_free(&w->watch);
	tls_free(&w->tls);
	if (w->fd >= 0 && w->unsent)
		(void)setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	if (w->fd >= 0)
		close(w->fd);
	w->fd = -1;
}

void wire_watch(struct wire *w)
{
	int want = (w->full ? 0 : LOOP_READ) | (w->blocked ? LOOP_WRITE : 0);
	if (!w->watch || want == w->watching)
		return;
	w->watching = (uint8_t)want;
	loop_watch_set(w->watch, want);
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum wire_read_is recv_plain(struct wire *w, size_t *ret_n)
{
	ssize_t n;
	do
		n = recv(w->fd, w->all->room, sizeof w->all->room, 0);
	while (n < 0 && errno == EINTR);
	*ret_n = n > 0 ? (size_t)n : 0;
	return n > 0 ? WIRE_GOT : n == 0 ? WIRE_END : errno == EAGAIN ? WIRE_NOTHING : WIRE_BROKE;
}

/* Several records may have come at once; and what OpenSSL has read ahead no poll announces. */
static enum wire_read_is recv_tls(struct wire *w, size_t *ret_n)
{
	size_t room = sizeof w->all->room, n = 0;
	enum tls_is is;
	*ret_n = 0;
	do {
		is = tls_read(w->tls, w->all->room + *ret_n, room - *ret_n, &n);
		*ret_n += n;
	} while (is == TLS_OK && *ret_n < room && tls_has_more(w->tls));
	if (is == TLS_OK && tls_has_more(w->tls))
		wire_wake(w, LOOP_READ);
	if (*ret_n && (is == TLS_END || is == TLS_BROKEN))
		wire_wake(w, LOOP_READ); /* comes again, with nothing before it */
	if (*ret_n)
		return WIRE_GOT;
	return is == TLS_READ || is == TLS_WRITE ? WIRE_NOTHING
	       : is == TLS_END                   ? WIRE_END
	                                         : WIRE_BROKE;
}

enum wire_read_is wire_recv(struct wire *w, size_t *ret_n)
{
	return w->tls ? recv_tls(w, ret_n) : recv_plain(w, ret_n);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* A wire that has nothing to say has no buffer: those of the others are handed round. */
static void take_spare(struct wire *w)
{
	struct wires *all = w->all;
	size_t max = w->out.max;
	if (w->out.cap || !all->n_spares)
		return;
	w->out = all->spares[--all->n_spares];
	w->out.max = max;
}

static void give_spare(struct wire *w)
{
	struct wires *all = w->all;
	w->out_sent = 0;
	buf_clear(&w->out);
	if (w->out.cap && w->out.cap <= WIRE_SPARE_MAX && all->n_spares < WIRE_SPARES) {
		all->spares[all->n_spares++] = w->out;
		buf_init(&w->out, w->out.max);
	} else if (w->out.cap > WIRE_SPARE_MAX) {
		buf_done(&w->out);
	}
}

static bool push(struct wire *w, size_t *ret_n, enum tls_is *ret_is)
{
	const char *at = w->out.at + w->out_sent;
	size_t left = w->out.len - w->out_sent;
	if (w->tls) {
		*ret_is = tls_write(w->tls, at, left < TLS_RECORD ? left : TLS_RECORD, ret_n);
		return *ret_is == TLS_OK;
	}
	ssize_t n = send(w->fd, at, left, MSG_NOSIGNAL);
	*ret_n = n > 0 ? (size_t)n : 0;
	*ret_is = n >= 0 ? TLS_OK : errno == EAGAIN || errno == EINTR ? TLS_WRITE : TLS_BROKEN;
	return n > 0;
}

/* Its last word is out: tell the other end that no more will come. */
static void half_close(struct wire *w)
{
	if (w->state != WIRE_LAST || w->half_closed)
		return;
	w->half_closed = true;
	if (w->tls)
		tls_goodbye(w->tls);
	(void)shutdown(w->fd, SHUT_WR);
}

/* At the end of a turn of the loop, or when the socket can be written again: what breaks here is
 * dealt with in the wire's own turn. */
void wire_flush(struct wire *w)
{
	enum tls_is is = TLS_OK;
	size_t n = 0;
	if (w->fd < 0 || !w->watch)
		return;
	while (w->out_sent < w->out.len && push(w, &n, &is)) {
		w->out_sent += n;
		w->kernel_most += (uint32_t)n;
	}
	w->blocked = w->out_sent < w->out.len && is != TLS_BROKEN;
	if (is == TLS_BROKEN || is == TLS_END) {
		w->broken = w->tls || !errno ? EPIPE : errno;
		wire_wake(w, LOOP_READ);
	} else if (!w->blocked) {
		give_spare(w);
		half_close(w);
	}
	wire_watch(w);
}

/* RFC 6455, 10.3: keys that nobody can foresee; from the kernel, many at a time. */
static const uint8_t *next_key(struct wires *all)
{
	if (all->keys_used + 4 > sizeof all->keys) {
		if (digest_random(all->keys, sizeof all->keys))
			memset(all->keys, 0x5a, sizeof all->keys); /* cannot happen: getrandom(2) */
		all->keys_used = 0;
	}
	all->keys_used += 4;
	return all->keys + all->keys_used - 4;
}

static void make_room(struct wire *w)
{
	take_spare(w);
	if (!w->out_sent || w->out_sent < w->out.len / 2)
		return;
	memmove(w->out.at, w->out.at + w->out_sent, w->out.len - w->out_sent);
	w->out.len -= w->out_sent;
	w->out_sent = 0;
}

static void queued(struct wire *w)
{
	if (buf_err(&w->out)) {
		w->broken = ENOMEM;
		wire_wake(w, LOOP_READ);
	}
	wire_soil(w);
}

void wire_queue(struct wire *w, enum ws_op op, struct str data)
{
	make_room(w);
	ws_put(&w->out, op, data, w->client ? next_key(w->all) : NULL);
	queued(w);
}

void wire_queue_close(struct wire *w, unsigned code, struct str reason)
{
	make_room(w);
	ws_put_close(&w->out, code, reason, w->client ? next_key(w->all) : NULL);
	queued(w);
}

/* ---- how much is on our side ----------------------------------------------------------------- */

static uint32_t in_kernel(struct wire *w)
{
	int n = 0;
	if (w->fd < 0 || ioctl(w->fd, SIOCOUTQ, &n) || n < 0)
		n = 0;
	return w->kernel_most = (uint32_t)n;
}

void wire_queued(struct wire *w, uint32_t *ret_queued, uint32_t *ret_unsent)
{
	*ret_queued = (uint32_t)(w->out.len - w->out_sent);
	*ret_unsent = in_kernel(w);
}

/* The kernel is asked only when what it was given since may have been too much. */
bool wire_fits(struct wire *w, size_t bytes)
{
	size_t queued_bytes = w->out.len - w->out_sent + bytes;
	return queued_bytes + w->kernel_most <= w->queue_max ||
	       (queued_bytes <= w->queue_max && queued_bytes + in_kernel(w) <= w->queue_max);
}

/* ---- blobs: audio comes by the thousand, so those of its size are kept for the next -------------
 */

enum { BLOB_SMALL = 1024, BLOBS_KEPT = 1024 };

struct pooled {
	struct blob blob;
	union {
		struct pooled *next;
		char bytes[BLOB_SMALL];
	};
};

/* Of all gateways of this process: a blob may outlive the one that made it. One thread. */
static struct pooled *kept;
static uint32_t n_kept;

static void blob_back(struct blob *b)
{
	struct pooled *p = (struct pooled *)b;
	if (n_kept == BLOBS_KEPT) {
		free(p);
		return;
	}
	p->next = kept;
	kept = p;
	n_kept++;
}

struct blob *wire_blob(struct str data)
{
	struct pooled *p = kept;
	if (data.len > BLOB_SMALL)
		return blob_copy(data.at, data.len);
	if (p) {
		kept = p->next;
		n_kept--;
	} else if (!(p = malloc(sizeof *p))) {
		return NULL;
	}
	p->blob = (struct blob){ .at = p->bytes, .len = data.len, .refs = 1, .free = blob_back };
	if (data.len)
		memcpy(p->bytes, data.at, data.len);
	return &p->blob;
}
