/*
 * gateway_frames — RFC 6455 framing case by case, whole and cut anywhere; and both heads of the
 * handshake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/frames.h"
#include "gateway/handshake.h"
#include <string.h>

enum { MOST = 1000 };

/* ---- a script becomes bytes, events become text -------------------------------------------------
 */

/* Frames with spaces between: kind (text, binary, more, ping, q: pong, x: close), '.' whole or '+'
 * not the last, payload. "#8100" are bytes as they are. */
static size_t compile(const char *script, bool mask, char *to)
{
	static const char kinds[] = "mtb     xpq";
	static const uint8_t key[4] = { 0x37, 0xfa, 0x21, 0x3d };
	size_t n = 0;
	while (*script) {
		size_t len = strcspn(script, " ");
		if (*script == '#') {
			for (size_t i = 1; i + 1 < len; i += 2) {
				char hex[3] = { script[i], script[i + 1] };
				to[n++] = (char)strtoul(hex, NULL, 16);
			}
		} else {
			struct buf b;
			buf_over(&b, to + n, 4096);
			ws_put(&b, (enum ws_op)(strchr(kinds, *script) - kinds),
			       str_n(script + 2, len - 2), mask ? key : NULL);
			if (script[1] == '+')
				to[n] = (char)(to[n] & 0x7f);
			n += b.len;
		}
		script += len + (script[len] == ' ');
	}
	return n;
}

static void note(struct buf *b, const struct ws_event *e)
{
	static const char *const names[] = { "", "T:", "P:", "Q:", "C", "X" };
	if (e->is == WS_IS_NONE)
		return;
	if (b->len)
		buf_char(b, ' ');
	buf_text(b, e->is == WS_IS_MESSAGE && e->binary ? "B:" : names[e->is]);
	if (e->is >= WS_IS_CLOSE)
		buf_u64(b, e->code);
	if (e->is == WS_IS_CLOSE && e->data.len)
		buf_char(b, ':');
	if (e->is == WS_IS_BROKEN)
		return;
	if (e->data.len > 40)
		buf_printf(b, "%u", e->data.len);
	else
		buf_str(b, e->data);
}

/* In pieces of so many bytes, each in memory of its own, so that a byte too far is seen. */
static void play(const char *bytes, size_t n, bool server, size_t piece, struct buf *heard)
{
	struct ws f;
	ws_init(&f, server, MOST);
	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece, used = 0;
		char *exact = malloc(len);
		struct ws_event e;
		assert_non_null(exact);
		memcpy(exact, bytes + at, len);
		do {
			used += ws_read(&f, exact + used, len - used, &e);
			note(heard, &e);
		} while (e.is);
		assert_int_equal(used, len);
		free(exact);
	}
	ws_done(&f);
}

#define A50  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A100 A50 A50
#define A125 A100 "aaaaaaaaaaaaaaaaaaaaaaaaa"
#define A500 A100 A100 A100 A100 A100

static const struct {
	const char *name, *script, *heard;
} cases[] = {
	{ "text", "t.hello", "T:hello" },
	{ "empty text", "t.", "T:" },
	{ "binary", "b.\xff\xfe", "B:\xff\xfe" },
	{ "empty binary", "b.", "B:" },
	{ "125 bytes", "b." A125, "B:125" },
	{ "126 bytes", "b." A125 "a", "B:126" },
	{ "as much as is taken", "b." A500 A500, "B:1000" },
	{ "one byte more", "b." A500 A500 "a t.x", "X1009" },
	{ "two messages", "t.a t.b", "T:a T:b" },
	{ "fragments", "t+he m+ll m.o", "T:hello" },
	{ "empty fragments", "t+ m+ m.", "T:" },
	{ "a fragment and nothing", "t+hel m.", "T:hel" },
	{ "binary fragments", "b+\xff m.\xfe", "B:\xff\xfe" },
	{ "a ping between fragments", "t+he p.x m.llo", "P:x T:hello" },
	{ "a pong between fragments", "t+he q.x m.llo", "Q:x T:hello" },
	{ "a close between fragments", "t+he x.\x03\xe8", "C1000" },
	{ "fragments that are too much", "b+" A500 " m+" A500 " m.a", "X1009" },
	{ "fragments that are just enough", "b+" A500 " m." A500, "B:1000" },
	{ "ping", "p.", "P:" },
	{ "ping of 125", "p." A125, "P:125" },
	{ "ping of 126", "p." A125 "a", "X1002" },
	{ "a cut ping", "p+x", "X1002" },
	{ "a cut pong", "q+x", "X1002" },
	{ "a cut close", "x+", "X1002" },
	{ "nothing to continue", "m.x", "X1002" },
	{ "nothing to continue after a whole one", "t.a m.x", "T:a X1002" },
	{ "a message within a message", "t+a t.b", "X1002" },
	{ "binary within a message", "t+a b.b", "X1002" },
	{ "close", "x.", "C1005" },
	{ "close 1000", "x.\x03\xe8", "C1000" },
	{ "close 1000 and why",
	  "x.\x03\xe8"
	  "bye",
	  "C1000:bye" },
	{ "close 1001", "x.\x03\xe9", "C1001" },
	{ "close 1003", "x.\x03\xeb", "C1003" },
	{ "close 1007", "x.\x03\xef", "C1007" },
	{ "close 1011", "x.\x03\xf3", "C1011" },
	{ "close 1012", "x.\x03\xf4", "C1012" },
	{ "close 1013", "x.\x03\xf5", "C1013" },
	{ "close 1014", "x.\x03\xf6", "C1014" },
	{ "close 3000", "x.\x0b\xb8", "C3000" },
	{ "close 4999", "x.\x13\x87", "C4999" },
	{ "close with one byte", "x.\x03", "X1002" },
	{ "close 999", "x.\x03\xe7", "X1002" },
	{ "close 1004", "x.\x03\xec", "X1002" },
	{ "close 1005", "x.\x03\xed", "X1002" },
	{ "close 1006", "x.\x03\xee", "X1002" },
	{ "close 1015", "x.\x03\xf7", "X1002" },
	{ "close 1016", "x.\x03\xf8", "X1002" },
	{ "close 2999", "x.\x0b\xb7", "X1002" },
	{ "close 5000", "x.\x13\x88", "X1002" },
	{ "close 65535", "x.\xff\xff", "X1002" },
	{ "close, and why is no text", "x.\x03\xe8\xff", "X1007" },
	{ "close of 125", "x.\x03\xe8" A100 "aaaaaaaaaaaaaaaaaaaaaaa", "C1000:123" },
	{ "close of 126", "x.\x03\xe8" A100 "aaaaaaaaaaaaaaaaaaaaaaaa", "X1002" },
	{ "nothing is heard after close", "x. t.a p.b", "C1005" },
	{ "nothing is heard after an error", "m.x t.a", "X1002" },
	{ "reserved bit 1", "#c18000000000", "X1002" },
	{ "reserved bit 2", "#a18000000000", "X1002" },
	{ "reserved bit 3", "#918000000000", "X1002" },
	{ "reserved bit on a ping", "#c98000000000", "X1002" },
	{ "opcode 3", "#838000000000", "X1002" },
	{ "opcode 7", "#878000000000", "X1002" },
	{ "opcode 11", "#8b8000000000", "X1002" },
	{ "opcode 15", "#8f8000000000", "X1002" },
	{ "not masked", "#810161", "X1002" },
	{ "a ping that is not masked", "#8900", "X1002" },
	{ "126 for fewer", "#81fe007d00000000", "X1002" },
	{ "127 for fewer", "#81ff000000000000ffff00000000", "X1002" },
	{ "2^40 bytes", "#82ff000001000000000000000000", "X1009" },
	{ "2^63 bytes", "#82ff800000000000000000000000", "X1002" },
	{ "2^40 bytes of text", "#81ff000001000000000000000000", "X1009" },
	{ "UTF-8", "t.\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80",
	  "T:\xce\xba\xe1\xbd\xb9\xf0\x9f\x98\x80" },
	{ "a character cut in two", "t+\xce m.\xba", "T:\xce\xba" },
	{ "a character cut in four", "t+\xf0 m+\x9f m+\x98 m.\x80", "T:\xf0\x9f\x98\x80" },
	{ "a ping within a character", "t+\xf0\x9f p.x m.\x98\x80", "P:x T:\xf0\x9f\x98\x80" },
	{ "half a character", "t.\xce", "X1007" },
	{ "half a character at the end", "t+a m.\xce", "X1007" },
	{ "half a character, then another", "t+\xce m.a", "X1007" },
	{ "wrong before the end", "t+\xff m+a", "X1007" },
	{ "a surrogate's start is seen at once", "t+\xed\xa0", "X1007" },
	{ "too high is seen at once", "t+\xf4\x90", "X1007" },
	{ "long form is seen at once", "t+\xe0\x80", "X1007" },
	{ "a lead that leads nowhere", "t+\xc0", "X1007" },
	{ "surrogate", "t.\xed\xa0\x80", "X1007" },
	{ "long form", "t.\xc0\xaf", "X1007" },
	{ "above U+10FFFF", "t.\xf4\x90\x80\x80", "X1007" },
	{ "U+10FFFF", "t.\xf4\x8f\xbf\xbf", "T:\xf4\x8f\xbf\xbf" },
	{ "binary is anything", "b+\xed m.\xa0", "B:\xed\xa0" },
};

static void each_case(void **state)
{
	static char bytes[8192], text[512];
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = compile(cases[i].script, true, bytes);
		for (size_t piece = 1; piece <= n; piece += piece < 20  ? 1
		                                            : n - piece ? n - piece
		                                                        : 1) {
			struct buf heard;
			buf_over(&heard, text, sizeof text - 1);
			play(bytes, n, true, piece, &heard);
			text[heard.len] = '\0';
			if (strcmp(text, cases[i].heard) != 0)
				fail_msg("%s in pieces of %zu: heard %s, not %s", cases[i].name,
				         piece, text, cases[i].heard);
		}
	}
}

/* The other role: masked is wrong, the rest the same. */
static void as_client(void **state)
{
	static char bytes[8192], text[512];
	struct buf heard;
	(void)state;
	for (int mask = 0; mask < 2; mask++) {
		size_t n = compile("t.hello p.x b.\xff", mask, bytes);
		for (size_t piece = 1; piece <= n; piece++) {
			buf_over(&heard, text, sizeof text - 1);
			play(bytes, n, false, piece, &heard);
			text[heard.len] = '\0';
			assert_string_equal(text, mask ? "X1002" : "T:hello P:x B:\xff");
		}
	}
}

/* The header of 2^40 bytes is refused when its own last byte is here, and nothing was kept for it.
 */
static void claims_cost_nothing(void **state)
{
	char head[WS_HEAD];
	struct ws f;
	struct ws_event e;
	(void)state;
	size_t n = compile("#82ff000001000000000000000000", true, head);
	ws_init(&f, true, 1 << 20);
	assert_int_equal(ws_read(&f, head, n, &e), n);
	assert_int_equal(e.is, WS_IS_BROKEN);
	assert_int_equal(e.code, CLOSE_TOO_LARGE);
	assert_null(f.parts.at);
	ws_done(&f);
}

/* Whole messages cost no memory: what is given out lies in the input. */
static void views(void **state)
{
	static char bytes[4096];
	struct ws f;
	struct ws_event e;
	(void)state;
	size_t n = compile("t.one b.two", true, bytes), used = 0;
	ws_init(&f, true, MOST);
	for (int i = 0; i < 2; i++) {
		used += ws_read(&f, bytes + used, n - used, &e);
		assert_int_equal(e.is, WS_IS_MESSAGE);
		assert_true(e.data.at > bytes && e.data.at < bytes + n);
	}
	assert_int_equal(used, n);
	assert_null(f.parts.at);
	ws_done(&f);
}

static void long_reason(void **state)
{
	char room[200];
	struct buf b;
	(void)state;
	char reason[130];
	memset(reason, 'a', sizeof reason);
	memcpy(reason + 122, "\xd7\x90", 2); /* the cut must not fall into it */
	buf_over(&b, room, sizeof room);
	ws_put_close(&b, 1001, str_n(reason, sizeof reason), NULL);
	assert_int_equal(buf_err(&b), OK);
	assert_int_equal((uint8_t)room[1], 2 + 122);
}

/* ---- handshake ----------------------------------------------------------------------------------
 */

#define KEY  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define V13  "Sec-WebSocket-Version: 13\r\n"
#define UP   "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define HEAD "GET /ws HTTP/1.1\r\nHost: h\r\n"

static const struct {
	const char *name, *head;
	int status;
	const char *protocol;
} heads[] = {
	{ "good", HEAD UP KEY V13 "Sec-WebSocket-Protocol: x, audio\r\n", 101, "audio" },
	{ "two lines of protocols",
	  HEAD UP KEY V13 "Sec-WebSocket-Protocol: x\r\n"
	                  "Sec-WebSocket-Protocol: text\r\n",
	  101, "text" },
	{ "the client's order decides", HEAD UP KEY V13 "Sec-WebSocket-Protocol: text,audio\r\n",
	  101, "text" },
	{ "none offered", HEAD UP KEY V13, 400, "" },
	{ "none that is spoken", HEAD UP KEY V13 "Sec-WebSocket-Protocol: aud, audi o\r\n", 400,
	  "" },
	{ "a dash is no protocol", HEAD UP KEY V13 "Sec-WebSocket-Protocol: -\r\n", 400, "" },
	{ "a good origin",
	  HEAD UP KEY V13 "Sec-WebSocket-Protocol: audio\r\nOrigin: https://a.example\r\n", 101,
	  "audio" },
	{ "a foreign origin",
	  HEAD UP KEY V13 "Sec-WebSocket-Protocol: audio\r\nOrigin: https://b.example\r\n", 403,
	  "" },
	{ "an origin that begins alike",
	  HEAD UP KEY V13 "Sec-WebSocket-Protocol: audio\r\nOrigin: https://a.example.org\r\n", 403,
	  "" },
	{ "the null origin", HEAD UP KEY V13 "Sec-WebSocket-Protocol: audio\r\nOrigin: null\r\n",
	  403, "" },
	{ "two origins",
	  HEAD UP KEY V13 "Sec-WebSocket-Protocol: audio\r\nOrigin: https://a.example\r\nOrigin: "
	                  "https://a.example\r\n",
	  403, "" },
	{ "plain", HEAD, 426, "" },
	{ "version 12", HEAD UP KEY "Sec-WebSocket-Version: 12\r\n", 426, "" },
	{ "no version", HEAD UP KEY, 426, "" },
	{ "two versions", HEAD UP KEY V13 V13, 426, "" },
	{ "no key", HEAD UP V13, 400, "" },
	{ "two keys", HEAD UP V13 KEY KEY, 400, "" },
	{ "a key of 15 bytes", HEAD UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n", 400, "" },
	{ "a key of 17 bytes", HEAD UP V13 "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZXg=\r\n", 400,
	  "" },
	{ "a key that is no base64", HEAD UP V13 "Sec-WebSocket-Key: !Ghl!HNhbXBsZSBub25jZQ==\r\n",
	  400, "" },
	{ "no connection", HEAD "Upgrade: websocket\r\n" KEY V13, 400, "" },
	{ "a connection that keeps",
	  HEAD "Upgrade: websocket\r\nConnection: keep-alive\r\n" KEY V13, 400, "" },
	{ "HEAD", "HEAD /ws HTTP/1.1\r\nHost: h\r\n" UP KEY V13, 400, "" },
	{ "POST", "POST /ws HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n" UP KEY V13, 400, "" },
	{ "HTTP/1.0", "GET /ws HTTP/1.0\r\nHost: h\r\n" UP KEY V13, 400, "" },
	{ "a body", HEAD "Content-Length: 3\r\n" UP KEY V13, 400, "" },
};

static void server_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		char text[1024];
		struct http_head h;
		struct handshake got;
		const char *why;
		(void)snprintf(text, sizeof text, "%s\r\n", heads[i].head);
		assert_int_equal(http_head_read(str_of(text), 0, &h, &why), 200);
		int status = handshake_check(&h, "text audio",
		                             "https://a.example https://c.example", &got, &why);
		if (status != heads[i].status)
			fail_msg("%s: %d (%s), not %d", heads[i].name, status, why,
			         heads[i].status);
		if (status == 101) {
			assert_string_equal(got.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
			assert_true(str_is(got.protocol, heads[i].protocol));
		}
	}
}

/* Which lists take a client that offers none. */
static void no_protocol(void **state)
{
	static const struct {
		const char *protocols, *line;
		int status;
	} rows[] = { { "", "", 101 },
		     { "", "Sec-WebSocket-Protocol: a\r\n", 400 },
		     { "a", "", 400 },
		     { "a -", "", 101 },
		     { "a -", "Sec-WebSocket-Protocol: a\r\n", 101 },
		     { "a -", "Sec-WebSocket-Protocol: b\r\n", 400 } };
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[1024];
		struct http_head h;
		struct handshake got;
		const char *why;
		(void)snprintf(text, sizeof text, HEAD UP KEY V13 "%s\r\n", rows[i].line);
		assert_int_equal(http_head_read(str_of(text), 0, &h, &why), 200);
		assert_int_equal(handshake_check(&h, rows[i].protocols, "", &got, &why),
		                 rows[i].status);
	}
}

static void urls(void **state)
{
	static const struct {
		const char *url, *host, *port, *target;
	} rows[] = {
		{ "wss://api.example/v1?m=x", "api.example", "443", "/v1?m=x" },
		{ "ws://127.0.0.1:8080", "127.0.0.1", "8080", "" },
		{ "ws://[::1]:9/p", "::1", "9", "/p" },
		{ "ws://[::1]", "::1", "80", "" },
		{ "wss://h?q", "h", "443", "?q" },
		{ "http://h/", NULL, NULL, NULL },
		{ "ws://", NULL, NULL, NULL },
		{ "ws://h:0/", NULL, NULL, NULL },
		{ "ws://h:65536/", NULL, NULL, NULL },
		{ "ws://h:/", NULL, NULL, NULL },
		{ "ws://h:8x/", NULL, NULL, NULL },
		{ "ws://u@h/", NULL, NULL, NULL },
		{ "ws://h/#f", NULL, NULL, NULL },
		{ "ws://h/a b", NULL, NULL, NULL },
		{ "ws://h/\r\nX: y", NULL, NULL, NULL },
		{ "ws://[::1", NULL, NULL, NULL },
		{ "ws://[::1]x", NULL, NULL, NULL },
		{ "ws://[::1]:", NULL, NULL, NULL },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct handshake_url u;
		enum err e = handshake_url(str_of(rows[i].url), &u);
		if (e != (rows[i].host ? OK : ERR_INVALID))
			fail_msg("%s: %d", rows[i].url, e);
		if (e)
			continue;
		assert_true(str_is(u.host, rows[i].host));
		assert_string_equal(u.port, rows[i].port);
		assert_true(str_is(u.target, rows[i].target));
	}
}

#define OK101                                                                                      \
	"HTTP/1.1 101 Switching Protocols\r\n" UP                                                  \
	"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

static const struct {
	const char *name, *head;
	int status;
	bool good;
	uint32_t retry_s;
} answers[] = {
	{ "good", OK101 "\r\n\x81", 101, true, 0 },
	{ "lower case, no reason",
	  "HTTP/1.1 101\r\nupgrade: WebSocket\r\nconnection: upgrade\r\n"
	  "sec-websocket-accept:s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
	  101, true, 0 },
	{ "another key's",
	  "HTTP/1.1 101 x\r\n" UP "Sec-WebSocket-Accept: t3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 101,
	  false, 0 },
	{ "no accept", "HTTP/1.1 101 x\r\n" UP "\r\n", 101, false, 0 },
	{ "two accepts", OK101 "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", 101,
	  false, 0 },
	{ "a protocol nobody offered", OK101 "Sec-WebSocket-Protocol: a\r\n\r\n", 101, false, 0 },
	{ "an extension nobody offered",
	  OK101 "Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n", 101, false, 0 },
	{ "no upgrade",
	  "HTTP/1.1 101 x\r\nConnection: upgrade\r\nSec-WebSocket-Accept: "
	  "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
	  101, false, 0 },
	{ "too many", "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\n\r\n", 429, false, 7 },
	{ "a date to retry after",
	  "HTTP/1.1 503 x\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\n\r\n", 503, false, 0 },
	{ "no key", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", 401, false, 0 },
	{ "HTTP/2", "HTTP/2 101 x\r\n\r\n", 0, false, 0 },
	{ "noise", "SSH-2.0-OpenSSH_9.2\r\n", 0, false, 0 },
	{ "status 999", "HTTP/1.1 999 x\r\n\r\n", 0, false, 0 },
	{ "no colon", "HTTP/1.1 101 x\r\nUpgrade\r\n\r\n", 0, false, 0 },
};

static void client_heads(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		struct handshake_answer a = { 0 };
		const char *head = answers[i].head;
		size_t n = strlen(head), whole = 0;
		for (size_t k = 0; k <= n && !whole; k++)
			if (handshake_answer(str_n(head, k),
			                     "dGhlIHNhbXBsZSBub25jZQ==", (struct str){ 0 }, &a))
				whole = k;
		if (!whole || a.status != answers[i].status || !a.why != answers[i].good)
			fail_msg("%s: %d (%s)", answers[i].name, a.status, a.why ? a.why : "good");
		assert_int_equal(a.retry_s, answers[i].retry_s);
		if (a.status)
			assert_int_equal(a.bytes, whole);
	}
}

static void what_is_asked(void **state)
{
	struct handshake_url u;
	struct handshake_line good = { str_of("Authorization"), str_of("Bearer x") };
	static const struct {
		const char *name, *value;
	} bad[] = { { "Host", "x" },      { "Sec-WebSocket-Key", "x" },
		    { "A", "x\r\nB: y" }, { "A: b\r\nC", "x" },
		    { "", "x" },          { "Content-Length", "3" } };
	struct buf b;
	(void)state;
	assert_int_equal(handshake_url(str_of("ws://h:81?x=1"), &u), OK);
	buf_init(&b, 4096);
	handshake_ask(&b, &u, "dGhlIHNhbXBsZSBub25jZQ==", str_of("audio"), &good, 1);
	assert_int_equal(buf_err(&b), OK);
	/* What we ask is what we would take. */
	struct http_head h;
	struct handshake got;
	const char *why;
	assert_int_equal(http_head_read(buf_view(&b), 0, &h, &why), 200);
	assert_int_equal(handshake_check(&h, "audio", "", &got, &why), 101);
	assert_true(str_is(h.path, "/") && str_is(h.query, "x=1") && str_is(h.host, "h:81"));
	assert_true(str_is(http_header_of(&h, "authorization"), "Bearer x"));
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct handshake_line l = { str_of(bad[i].name), str_of(bad[i].value) };
		buf_clear(&b);
		handshake_ask(&b, &u, "k", (struct str){ 0 }, &l, 1);
		assert_int_equal(buf_err(&b), ERR_INVALID);
	}
	buf_clear(&b);
	handshake_ask(&b, &u, "k", str_of("a\r\nB: c"), NULL, 0);
	assert_int_equal(buf_err(&b), ERR_INVALID);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_case),    cmocka_unit_test(as_client),
		cmocka_unit_test(views),        cmocka_unit_test(claims_cost_nothing),
		cmocka_unit_test(long_reason),  cmocka_unit_test(server_heads),
		cmocka_unit_test(no_protocol),  cmocka_unit_test(urls),
		cmocka_unit_test(client_heads), cmocka_unit_test(what_is_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
