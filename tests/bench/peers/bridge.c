/*
 * bridge.c — the least that a call bridge can be: epoll, frames, base64 moved from one JSON to the
 * other. No features, no checks, no bounds, no records: what `switchboard bench calls` holds us
 * against, never what anybody should run.
 *
 *     carrier ══ media ══▶ payload ──▶ append ══▶ AI          usage: bridge AI_PORT
 *             ◀═ media ══ payload ◀── delta ◀══               prints its own port
 *
 * Caller audio waits (bounded) until session.updated, so that nothing said at the start is lost.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ROOM = 1 << 20, HELD_MAX = 500, EVENTS = 256 };

struct bytes {
	char *at;
	size_t len;
};

struct end {
	int fd;
	bool ai, open, ready, gone; /* ready: START was seen; session.updated was */
	struct end *other;
	struct bytes in, out;
	char stream[40];
	struct bytes held;
	struct end *next_gone;
};

static int loop, ai_port;
static struct end *gone;
static char in[ROOM], out[ROOM];
static size_t n_out;

static void keep(struct bytes *b, const char *at, size_t n)
{
	if (!n)
		return;
	b->at = realloc(b->at, b->len + n);
	if (!b->at)
		abort();
	memcpy(b->at + b->len, at, n);
	b->len += n;
}

static void drop(struct bytes *b)
{
	free(b->at);
	*b = (struct bytes){ 0 };
}

static void hang_up(struct end *e)
{
	if (!e || e->gone)
		return;
	e->gone = true;
	close(e->fd);
	e->next_gone = gone;
	gone = e;
	hang_up(e->other);
}

static void bury(void)
{
	while (gone) {
		struct end *e = gone;
		gone = e->next_gone;
		drop(&e->in);
		drop(&e->out);
		drop(&e->held);
		free(e);
	}
}

static void watch(struct end *e, int how, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = e };
	epoll_ctl(loop, how, e->fd, &ev);
}

static void flush(struct end *e)
{
	if (e->gone)
		n_out = 0;
	if (!n_out)
		return;
	ssize_t n = e->out.len ? 0 : send(e->fd, out, n_out, MSG_NOSIGNAL);
	if (n < 0)
		n = 0;
	if ((size_t)n < n_out) {
		keep(&e->out, out + n, n_out - (size_t)n);
		watch(e, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
	}
	n_out = 0;
}

static void flush_later(struct end *e)
{
	ssize_t n = send(e->fd, e->out.at, e->out.len, MSG_NOSIGNAL);
	if (n > 0) {
		memmove(e->out.at, e->out.at + n, e->out.len - (size_t)n);
		e->out.len -= (size_t)n;
	}
	if (!e->out.len) {
		drop(&e->out);
		watch(e, EPOLL_CTL_MOD, EPOLLIN);
	}
}

/* One frame of three pieces; the AI's are masked, as a client's must be. */
static void frame(bool mask, uint8_t opcode, const char *a, const char *b, size_t nb, const char *c)
{
	static const uint8_t key[4] = { 0x5A, 0x17, 0xC3, 0x88 };
	size_t na = strlen(a), nc = strlen(c), n = na + nb + nc;
	uint8_t *to = (uint8_t *)out + n_out;
	if (n_out + n + 16 > ROOM)
		return;
	*to++ = (uint8_t)(0x80 | opcode);
	if (n < 126) {
		*to++ = (uint8_t)(n | (mask ? 0x80 : 0));
	} else if (n < 65536) {
		*to++ = (uint8_t)(126 | (mask ? 0x80 : 0));
		*to++ = (uint8_t)(n >> 8);
		*to++ = (uint8_t)n;
	} else {
		*to++ = (uint8_t)(127 | (mask ? 0x80 : 0));
		for (int i = 7; i >= 0; i--)
			*to++ = (uint8_t)((uint64_t)n >> (8 * i));
	}
	if (mask) {
		memcpy(to, key, 4);
		to += 4;
	}
	memcpy(to, a, na);
	if (nb)
		memcpy(to + na, b, nb);
	memcpy(to + na + nb, c, nc);
	if (mask) {
		uint64_t wide;
		size_t i = 0;
		uint8_t twice[8];
		memcpy(twice, key, 4);
		memcpy(twice + 4, key, 4);
		memcpy(&wide, twice, 8);
		for (; i + 8 <= n; i += 8) {
			uint64_t w;
			memcpy(&w, to + i, 8);
			w ^= wide;
			memcpy(to + i, &w, 8);
		}
		for (; i < n; i++)
			to[i] ^= key[i & 3];
	}
	n_out = (size_t)(to + n - (uint8_t *)out);
}

static struct bytes member(const char *at, size_t n, const char *name)
{
	const char *from = memmem(at, n, name, strlen(name));
	if (!from)
		return (struct bytes){ 0 };
	from += strlen(name);
	const char *to = memchr(from, '"', n - (size_t)(from - at));
	return (struct bytes){ (char *)(uintptr_t)from, to ? (size_t)(to - from) : 0 };
}

/* ---- the carrier's side -------------------------------------------------------------------- */

static void append(struct bytes payload)
{
	frame(true, 1, "{\"type\":\"input_audio_buffer.append\",\"audio\":\"", payload.at,
	      payload.len, "\"}");
}

static void dial_ai(struct end *carrier)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_port = htons((uint16_t)ai_port),
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	static const char hello[] = "GET /v1/realtime?model=gpt-realtime HTTP/1.1\r\nHost: ai\r\n"
				    "Upgrade: websocket\r\nConnection: Upgrade\r\n"
				    "Sec-WebSocket-Version: 13\r\n"
				    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
				    "Authorization: Bearer sk-test\r\n\r\n";
	struct end *e = calloc(1, sizeof *e);
	int one = 1;
	if (!e)
		abort();
	e->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	setsockopt(e->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	e->ai = true;
	e->other = carrier;
	carrier->other = e;
	(void)connect(e->fd, (struct sockaddr *)&to, sizeof to);
	keep(&e->out, hello, sizeof hello - 1);
	watch(e, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

static void from_carrier(struct end *e, const char *at, size_t n)
{
	struct bytes event = member(at, n, "\"event\":\"");
	if (event.len == 5 && !memcmp(event.at, "media", 5)) {
		struct bytes payload = member(at, n, "\"payload\":\"");
		if (e->other && e->other->ready)
			append(payload);
		else if (e->held.len < HELD_MAX * payload.len)
			keep(&e->held, payload.at, payload.len);
	} else if (event.len == 5 && !memcmp(event.at, "start", 5)) {
		struct bytes sid = member(at, n, "\"streamSid\":\"");
		memcpy(e->stream, sid.at,
		       sid.len < sizeof e->stream - 1 ? sid.len : sizeof e->stream - 1);
		e->ready = true;
		dial_ai(e);
	}
}

/* ---- the AI's side ------------------------------------------------------------------------- */

static void from_ai(struct end *e, const char *at, size_t n)
{
	static const char update[] =
		"{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{"
		"\"input\":{\"format\":{\"type\":\"audio/pcmu\"}},"
		"\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}";
	struct bytes type = member(at, n, "\"type\":\"");
	char head[160];
	if (type.len == 27 && !memcmp(type.at, "response.output_audio.delta", 27)) {
		struct bytes delta = member(at, n, "\"delta\":\"");
		(void)snprintf(
			head, sizeof head,
			"{\"event\":\"media\",\"streamSid\":\"%s\",\"media\":{\"payload\":\"",
			e->other->stream);
		frame(false, 1, head, delta.at, delta.len, "\"}}");
	} else if (type.len == 15 && !memcmp(type.at, "session.created", 15)) {
		frame(true, 1, update, "", 0, "");
		flush(e);
	} else if (type.len == 15 && !memcmp(type.at, "session.updated", 15)) {
		e->ready = true;
		for (size_t i = 0; i + 216 <= e->other->held.len; i += 216)
			append((struct bytes){ e->other->held.at + i, 216 });
		drop(&e->other->held);
		flush(e);
	}
}

/* ---- both ---------------------------------------------------------------------------------- */

/* RFC 6455 4.2.2 by sha1sum would need a library; the stand-ins check the sum, so it is here. */
static void sha1(const uint8_t *data, size_t len, uint8_t ret[20])
{
	uint32_t h[5] = { 0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0 };
	uint8_t block[128] = { 0 };
	size_t n = len < 56 ? 64 : 128;
	memcpy(block, data, len);
	block[len] = 0x80;
	block[n - 2] = (uint8_t)(len * 8 >> 8);
	block[n - 1] = (uint8_t)(len * 8);
	for (size_t at = 0; at < n; at += 64) {
		uint32_t w[80], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
		for (int i = 0; i < 16; i++)
			w[i] = (uint32_t)block[at + i * 4] << 24 |
			       (uint32_t)block[at + i * 4 + 1] << 16 |
			       (uint32_t)block[at + i * 4 + 2] << 8 | block[at + i * 4 + 3];
		for (int i = 16; i < 80; i++) {
			uint32_t x = w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16];
			w[i] = x << 1 | x >> 31;
		}
		for (int i = 0; i < 80; i++) {
			uint32_t f = i < 20   ? ((b & c) | (~b & d)) + 0x5A827999
			             : i < 40 ? (b ^ c ^ d) + 0x6ED9EBA1
			             : i < 60 ? ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC
			                      : (b ^ c ^ d) + 0xCA62C1D6;
			uint32_t t = (a << 5 | a >> 27) + f + e + w[i];
			e = d;
			d = c;
			c = b << 30 | b >> 2;
			b = a;
			a = t;
		}
		h[0] += a, h[1] += b, h[2] += c, h[3] += d, h[4] += e;
	}
	for (int i = 0; i < 20; i++)
		ret[i] = (uint8_t)(h[i / 4] >> (24 - 8 * (i % 4)));
}

static void base64(const uint8_t *at, size_t n, char *to)
{
	static const char letters[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	for (size_t i = 0; i < n; i += 3) {
		uint32_t x = (uint32_t)at[i] << 16 | (uint32_t)(i + 1 < n ? at[i + 1] : 0) << 8 |
		             (i + 2 < n ? at[i + 2] : 0);
		*to++ = letters[x >> 18];
		*to++ = letters[x >> 12 & 63];
		*to++ = i + 1 < n ? letters[x >> 6 & 63] : '=';
		*to++ = i + 2 < n ? letters[x & 63] : '=';
	}
	*to = '\0';
}

/* The head of HTTP; how long it was. */
static size_t shake_hands(struct end *e, const char *at, size_t n)
{
	const char *end = memmem(at, n, "\r\n\r\n", 4);
	uint8_t sum[20];
	char key[128], accept[32];
	if (!end)
		return 0;
	e->open = true;
	if (!e->ai) {
		const char *from = memmem(at, n, "Sec-WebSocket-Key: ", 19);
		if (!from) {
			hang_up(e);
			return n;
		}
		int len = snprintf(key, sizeof key, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
		                   from + 19);
		sha1((uint8_t *)key, (size_t)len, sum);
		base64(sum, sizeof sum, accept);
		n_out = (size_t)snprintf(
			out, sizeof out,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
			accept);
		flush(e);
	}
	return (size_t)(end + 4 - at);
}

/* The frame at `at`; how long it is, 0: not all of it is there. */
static size_t next_frame(struct end *e, uint8_t *at, size_t n)
{
	size_t head = 2, len;
	if (n < 2)
		return 0;
	bool mask = at[1] & 0x80;
	len = at[1] & 0x7F;
	if (len >= 126) {
		size_t wide = len == 126 ? 2 : 8;
		if (n < 2 + wide)
			return 0;
		len = 0;
		for (size_t i = 0; i < wide; i++)
			len = len << 8 | at[2 + i];
		head += wide;
	}
	head += mask ? 4 : 0;
	if (n < head || n - head < len)
		return 0;
	uint8_t *body = at + head;
	for (size_t i = 0; mask && i < len; i++)
		body[i] ^= body[(ssize_t)(i & 3) - 4];
	if ((at[0] & 15) == 8) {
		frame(e->ai, 8, "", (char *)body, len > 1 ? 2 : 0, "");
		flush(e);
		hang_up(e);
	} else if ((at[0] & 15) == 1) {
		(e->ai ? from_ai : from_carrier)(e, (char *)body, len);
	}
	return head + len;
}

static void readable(struct end *e)
{
	size_t had = e->in.len, at = 0, n;
	memcpy(in, e->in.at ? e->in.at : "", had);
	ssize_t got = recv(e->fd, in + had, ROOM - had, 0);
	if (got <= 0) {
		if (!got || (errno != EAGAIN && errno != EINTR))
			hang_up(e);
		return;
	}
	drop(&e->in);
	n = had + (size_t)got;
	while (at < n && !e->gone) {
		size_t took = e->open ? next_frame(e, (uint8_t *)in + at, n - at)
		                      : shake_hands(e, in + at, n - at);
		if (!took)
			break;
		at += took;
	}
	if (e->gone)
		return;
	keep(&e->in, in + at, n - at);
	if (e->other)
		flush(e->other);
}

static void accept_all(int door)
{
	int one = 1, fd;
	while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct end *e = calloc(1, sizeof *e);
		if (!e)
			abort();
		e->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		watch(e, EPOLL_CTL_ADD,
		      EPOLLIN); /* NOLINT(clang-analyzer-unix.Malloc): epoll's now */
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	struct epoll_event events[EVENTS];
	struct rlimit files;
	ai_port = argc > 1 ? atoi(argv[1]) : 0;
	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	loop = epoll_create1(EPOLL_CLOEXEC);
	int door = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!ai_port || bind(door, (struct sockaddr *)&at, sizeof at) || listen(door, 4096) ||
	    getsockname(door, (struct sockaddr *)&at, &len))
		return 1;
	(void)printf("listening 127.0.0.1:%d\n", ntohs(at.sin_port));
	(void)fflush(stdout);
	struct epoll_event ev = { .events = EPOLLIN };
	epoll_ctl(loop, EPOLL_CTL_ADD, door, &ev);
	for (;;) {
		int n = epoll_wait(loop, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			struct end *e = events[i].data.ptr;
			if (!e) {
				accept_all(door);
				continue;
			}
			if (!e->gone && events[i].events & EPOLLOUT && e->out.len)
				flush_later(e);
			if (!e->gone && events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				readable(e);
		}
		bury();
	}
}
