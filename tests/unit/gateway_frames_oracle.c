/*
 * gateway_frames_oracle — random frames, good and bad, read by us and by Debian's wslay: the same
 * messages, and the same end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/frames.h"
#include <string.h>
#include <wslay/wslay.h>

enum { STREAM = 4096, MOST = 300 };

static uint64_t rng;

static uint32_t draw(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return (uint32_t)(rng >> 32) % below;
}

/* ---- a stream
 * ------------------------------------------------------------------------------------ */

/* Mostly text, so that messages come through; now and then a byte that is none. */
static uint32_t payload(char *to, uint32_t most)
{
	static const char *const pieces[] = { "a", "hello", "\xd7\x90", "\xe2\x82\xac",
		                              "\xf0\x9f\x98\x80" };
	uint32_t n = 0, want = draw(8) ? draw(20) : draw(most);
	while (n < want) {
		const char *p = pieces[draw(5)];
		uint32_t len = (uint32_t)strlen(p);
		if (!draw(200))
			to[n++] = (char)draw(256);
		else if (n + len <= most)
			n += (uint32_t)(memcpy(to + n, p, len), len);
		else
			break;
	}
	return n;
}

static size_t stream(char *to)
{
	char text[512];
	size_t n = 0;
	bool open = false;
	while (n < STREAM - 600) {
		uint8_t key[4];
		struct buf b;
		uint32_t kind = draw(20), len = payload(text, 200);
		enum ws_op op = kind < 12   ? (open ? WS_MORE : 1 + (kind & 1))
		                : kind < 15 ? WS_PING
		                : kind < 18 ? WS_PONG
		                : kind < 19 ? (enum ws_op)draw(16)
		                            : WS_CLOSE;
		bool fin = !draw(3) || op >= WS_CLOSE;
		if (op >= WS_CLOSE && len > 125)
			len = 125 + !draw(8);
		if (op == WS_CLOSE && len == 1)
			len = 0;             /* which wslay takes */
		if (op == WS_CLOSE && len) { /* codes on whose fate both agree */
			static const uint16_t codes[] = { 1000, 1001, 1005, 999, 1011,
				                          3000, 4999, 5000, 1006 };
			uint16_t code = codes[draw(9)];
			text[0] = (char)(code >> 8);
			text[1] = (char)code;
		}
		for (int i = 0; i < 4; i++)
			key[i] = (uint8_t)draw(256);
		buf_over(&b, to + n, STREAM - n);
		ws_put(&b, op, str_n(text, len), draw(300) ? key : NULL);
		if (!fin)
			to[n] = (char)(to[n] & 0x7f);
		if (!draw(300))
			to[n] = (char)(to[n] ^ 1 << (4 + draw(3)));
		open = op < WS_CLOSE ? !fin : open;
		n += b.len;
		if (op == WS_CLOSE)
			break;
	}
	return n;
}

/* ---- wslay
 * --------------------------------------------------------------------------------------- */

struct told {
	const char *at;
	size_t n;
	struct buf *heard;
};

/* All that it takes at once: wslay 1.1.1 skips the code of a close anew in each piece of it. */
static ssize_t give(wslay_event_context_ptr ctx, uint8_t *to, size_t cap, int flags, void *user)
{
	struct told *t = user;
	(void)flags;
	if (!t->n) {
		wslay_event_set_error(ctx, WSLAY_ERR_WOULDBLOCK);
		return -1;
	}
	size_t n = t->n < cap ? t->n : cap;
	memcpy(to, t->at, n);
	t->at += n;
	t->n -= n;
	return (ssize_t)n;
}

static void put(struct buf *b, char kind, struct str data)
{
	buf_char(b, kind);
	buf_str(b, data);
	buf_char(b, '\n');
}

static void on_message(wslay_event_context_ptr ctx, const struct wslay_event_on_msg_recv_arg *m,
                       void *user)
{
	struct told *t = user;
	static const char kinds[] = " TB     CPQ";
	(void)ctx;
	put(t->heard, kinds[m->opcode], str_n((const char *)m->msg, m->msg_length));
}

/* It comes back whenever it was given less than it wanted. */
static int hear(wslay_event_context_ptr ctx, const struct told *t)
{
	int rc;
	do
		rc = wslay_event_recv(ctx);
	while (!rc && t->n && wslay_event_get_read_enabled(ctx));
	return rc;
}

static void by_wslay(const char *at, size_t n, struct buf *heard)
{
	struct told t = { at, n, heard };
	static const struct wslay_event_callbacks calls = { .recv_callback = give,
		                                            .on_msg_recv_callback = on_message };
	wslay_event_context_ptr ctx;
	assert_int_equal(wslay_event_context_server_init(&ctx, &calls, &t), 0);
	wslay_event_config_set_max_recv_msg_length(ctx, MOST);
	int rc = hear(ctx, &t);
	if (rc || (!wslay_event_get_close_received(ctx) &&
	           wslay_event_get_close_sent(ctx) + wslay_event_want_write(ctx)))
		buf_text(heard, "broken\n");
	wslay_event_context_free(ctx);
}

/* ---- us
 * ------------------------------------------------------------------------------------------- */

static void by_us(char *at, size_t n, struct buf *heard)
{
	struct ws f;
	struct ws_event e;
	ws_init(&f, true, MOST);
	while (n) {
		size_t piece = 1 + draw((uint32_t)n), used = 0;
		do {
			used += ws_read(&f, at + used, piece - used, &e);
			if (e.is == WS_IS_MESSAGE)
				put(heard, e.binary ? 'B' : 'T', e.data);
			else if (e.is == WS_IS_PING || e.is == WS_IS_PONG)
				put(heard, e.is == WS_IS_PING ? 'P' : 'Q', e.data);
			else if (e.is == WS_IS_BROKEN)
				buf_text(heard, "broken\n");
			else if (e.is == WS_IS_CLOSE) {
				char code[2] = { (char)(e.code >> 8), (char)e.code };
				buf_char(heard, 'C');
				buf_put(heard, code, e.code == CLOSE_NONE ? 0 : 2);
				buf_str(heard, e.data);
				buf_char(heard, '\n');
			}
		} while (e.is);
		at += piece;
		n -= piece;
	}
	ws_done(&f);
}

static void the_same(void **state)
{
	static char bytes[STREAM];
	unsigned closed = 0, broken = 0, messages = 0;
	(void)state;
	for (uint64_t seed = 1; seed <= 3000; seed++) {
		struct buf ours, theirs;
		rng = seed * 0x9e3779b97f4a7c15;
		buf_init(&ours, 1 << 16);
		buf_init(&theirs, 1 << 16);
		size_t n = stream(bytes);
		by_wslay(bytes, n, &theirs);
		by_us(bytes, n, &ours);
		if (!str_eq(buf_view(&ours), buf_view(&theirs)))
			fail_msg("seed %llu: ours\n%.*s\ntheirs\n%.*s", (unsigned long long)seed,
			         STR(buf_view(&ours)), STR(buf_view(&theirs)));
		bool broke = ours.len > 7 && !memcmp(ours.at + ours.len - 7, "broken\n", 7);
		broken += broke;
		closed += !broke;
		messages += ours.len > 60;
		buf_done(&ours);
		buf_done(&theirs);
	}
	assert_true(closed > 300 && broken > 300 &&
	            messages > 300); /* the streams test something */
}

/* What we write as a client, wslay takes as a server. */
static void written(void **state)
{
	static char bytes[1 << 17], body[70000], key[4] = { 1, 2, 3, 4 };
	static const uint32_t sizes[] = { 0, 1, 125, 126, 127, 65535, 65536, 70000 };
	(void)state;
	memset(body, 'x', sizeof body);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		struct buf b, heard;
		struct told t = { bytes, 0, &heard };
		static const struct wslay_event_callbacks calls = { .recv_callback = give,
			                                            .on_msg_recv_callback =
			                                                    on_message };
		wslay_event_context_ptr ctx;
		buf_over(&b, bytes, sizeof bytes);
		buf_init(&heard, 1 << 17);
		ws_put(&b, WS_TEXT, str_n(body, sizes[i]), (const uint8_t *)key);
		assert_int_equal(b.len, ws_bytes(sizes[i], true));
		t.n = b.len;
		assert_int_equal(wslay_event_context_server_init(&ctx, &calls, &t), 0);
		assert_int_equal(hear(ctx, &t), 0);
		assert_int_equal(heard.len, sizes[i] + 2);
		assert_memory_equal(heard.at + 1, body, sizes[i]);
		wslay_event_context_free(ctx);
		buf_done(&heard);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(the_same), cmocka_unit_test(written) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
