/*
 * frames.c — any bytes as one WebSocket's, from either side: whole and in pieces the same is heard,
 * what is heard keeps its bounds, and said again it is heard again. Beside it the answer to a
 * handshake, and addresses.
 */
#include "gateway/frames.h"
#include "gateway/handshake.h"
#include "proto/utf8.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { MOST = 600 };

static void must(bool held)
{
	if (!held)
		abort();
}

/* The same things, said by us: as the other role would hear them. */
static void again(struct buf *said, const struct ws_event *e, const uint8_t *key)
{
	switch (e->is) {
	case WS_IS_MESSAGE:
		must(e->data.len <= MOST && (e->binary || utf8_valid(e->data)));
		ws_put(said, e->binary ? WS_BINARY : WS_TEXT, e->data, key);
		break;
	case WS_IS_PING:
	case WS_IS_PONG:
		must(e->data.len <= WS_CONTROL);
		ws_put(said, e->is == WS_IS_PING ? WS_PING : WS_PONG, e->data, key);
		break;
	case WS_IS_CLOSE:
		must(e->code == CLOSE_NONE || ws_code_ok(e->code));
		must(e->data.len <= WS_REASON && utf8_valid(e->data));
		ws_put_close(said, e->code, e->data, key);
		break;
	case WS_IS_BROKEN:
		must(ws_code_ok(e->code) && e->data.len <= WS_REASON);
		ws_put_close(said, e->code, e->data, key);
		break;
	case WS_IS_NONE:
		break;
	}
}

/* Hears it in pieces, each in memory of its own; what is heard is said to `said` by `key`. */
static void play(const uint8_t *at, size_t len, bool server, uint32_t cuts, struct buf *said,
                 const uint8_t *key)
{
	struct ws f;
	ws_init(&f, server, MOST);
	while (len) {
		size_t n = cuts ? 1 + cuts % 11 : len, used = 0;
		struct ws_event e;
		cuts = cuts ? cuts * 1103515245 + 12345 : 0;
		n = n < len ? n : len;
		char *exact = malloc(n);
		must(exact != NULL);
		memcpy(exact, at, n);
		do {
			used += ws_read(&f, exact + used, n - used, &e);
			must(f.parts.len <= MOST);
			again(said, &e, key);
		} while (e.is);
		must(used == n);
		free(exact);
		at += n;
		len -= n;
	}
	ws_done(&f);
}

static void frames(const uint8_t *at, size_t len, bool server)
{
	static const uint8_t key[4] = { 0x12, 0x80, 0, 0xff };
	struct buf whole, cut, back;
	buf_init(&whole, 1 << 20);
	buf_init(&cut, 1 << 20);
	buf_init(&back, 1 << 20);
	play(at, len, server, 0, &whole, server ? NULL : key);
	play(at, len, server, 7, &cut, server ? NULL : key);
	must(str_eq(buf_view(&whole), buf_view(&cut)));
	play((const uint8_t *)whole.at, whole.len, !server, 3, &back, server ? NULL : key);
	must(str_eq(buf_view(&whole), buf_view(&back)));
	buf_done(&whole);
	buf_done(&cut);
	buf_done(&back);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct handshake_answer a;
	struct handshake_url u;
	struct str in = str_n((const char *)at, len);
	frames(at, len, true);
	frames(at, len, false);
	if (handshake_answer(in, "dGhlIHNhbXBsZSBub25jZQ==", str_of("a"), &a))
		must(a.bytes <= len && (a.status ? a.bytes != 0 : a.why != NULL));
	if (!handshake_url(in, &u)) {
		struct buf b;
		struct http_head h;
		const char *why;
		must(u.host.len && strlen(u.port) <= 5);
		buf_init(&b, 1 << 16);
		handshake_ask(&b, &u, "dGhlIHNhbXBsZSBub25jZQ==", (struct str){ 0 }, NULL, 0);
		if (!buf_err(&b) && http_head_read(buf_view(&b), 0, &h, &why) == 200)
			must(h.websocket &&
			     h.bytes == b.len); /* nothing of an address makes a line */
		buf_done(&b);
	}
	return 0;
}
