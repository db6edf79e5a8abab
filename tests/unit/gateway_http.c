/*
 * gateway_http — the table of heads: what is taken, what is refused and with which status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/http.h"

#define GET(rest)  "GET /a HTTP/1.1\r\nHost: h\r\n" rest "\r\n"
#define POST(rest) "POST /a HTTP/1.1\r\nHost: h\r\n" rest "\r\n"

static const struct {
	const char *name, *head;
	int status;
} table[] = {
	{ "plain", GET(""), 200 },
	{ "empty line before", "\r\n" GET(""), 200 },
	{ "absolute form", "GET http://h/a HTTP/1.1\r\nHost: h\r\n\r\n", 200 },
	{ "absolute form without a path", "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 200 },
	{ "asterisk for GET", "GET * HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "old", "GET /a HTTP/1.0\r\n\r\n", 200 },
	{ "half a head", "GET /a HTTP/1.1\r\nHost: h\r\n", 0 },
	{ "nothing", "", 0 },
	{ "one letter", "G", 0 },
	{ "empty value", GET("X:\r\n"), 200 },
	{ "latin bytes in a value", GET("X: \xe9\r\n"), 200 },
	{ "no Host", "GET /a HTTP/1.1\r\n\r\n", 400 },
	{ "two Hosts", GET("Host: i\r\n"), 400 },
	{ "broken Host", "GET /a HTTP/1.1\r\nHost: h/x\r\n\r\n", 400 },
	{ "bare LF in the request line", "GET /a HTTP/1.1\nHost: h\r\n\r\n", 400 },
	{ "bare LF in a header", GET("X: y\nZ: w\r\n"), 400 },
	{ "bare LF at the end", "GET /a HTTP/1.1\r\nHost: h\r\n\n", 400 },
	{ "bare CR", GET("X: y\rZ: w\r\n"), 400 },
	{ "folded by a space", GET("X: y\r\n z\r\n"), 400 },
	{ "folded by a tab", GET("X: y\r\n\tz\r\n"), 400 },
	{ "folded first line", "GET /a HTTP/1.1\r\n Host: h\r\n\r\n", 400 },
	{ "space before the colon", GET("X : y\r\n"), 400 },
	{ "no colon", GET("X\r\n"), 400 },
	{ "empty name", GET(": y\r\n"), 400 },
	{ "control character", GET("X: \x01\r\n"), 400 },
	{ "delete character", GET("X: \x7f\r\n"), 400 },
	{ "no method", " /a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "lower-case method", "get /a HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
	{ "unknown method", "BREW /a HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
	{ "CONNECT", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
	{ "TRACE", "TRACE /a HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
	{ "two spaces", "GET  /a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "no version", "GET /a\r\n\r\n", 400 },
	{ "space after the version", "GET /a HTTP/1.1 \r\nHost: h\r\n\r\n", 400 },
	{ "HTTP/2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\n", 501 },
	{ "HTTP/2.0", "GET /a HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
	{ "HTTP/1.2", "GET /a HTTP/1.2\r\nHost: h\r\n\r\n", 505 },
	{ "http/1.1", "GET /a http/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "no slash", "GET a HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "escape", "GET /a%20b HTTP/1.1\r\nHost: h\r\n\r\n", 200 },
	{ "broken escape", "GET /a%2 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "escaped NUL", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "fragment", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "latin byte in the target", "GET /\xe9 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "dot dot", "GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "dot dot at the end", "GET /a/.. HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "escaped dots", "GET /a/%2e%2E/b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "one dot", "GET /./b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "dots in a name", "GET /a..b/...c HTTP/1.1\r\nHost: h\r\n\r\n", 200 },
	{ "length", POST("Content-Length: 5\r\n"), 200 },
	{ "no length", POST(""), 411 },
	{ "chunked", POST("Transfer-Encoding: chunked\r\n"), 411 },
	{ "chunked in odd case", POST("tRANSFER-eNCODING: xchunked\r\n"), 411 },
	{ "length and chunked", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400 },
	{ "chunked and length", POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400 },
	{ "GET with chunked", GET("Transfer-Encoding: chunked\r\n"), 411 },
	{ "chunked in 1.0", "POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400 },
	{ "two lengths", POST("Content-Length: 5\r\nContent-Length: 40\r\n"), 400 },
	{ "two equal lengths", POST("Content-Length: 5\r\nContent-Length: 5\r\n"), 400 },
	{ "list of lengths", POST("Content-Length: 5, 5\r\n"), 400 },
	{ "plus", POST("Content-Length: +5\r\n"), 400 },
	{ "minus", POST("Content-Length: -5\r\n"), 400 },
	{ "hex", POST("Content-Length: 0x5\r\n"), 400 },
	{ "empty length", POST("Content-Length:\r\n"), 400 },
	{ "twenty digits", POST("Content-Length: 99999999999999999999\r\n"), 400 },
	{ "ten digits", POST("Content-Length: 9999999999\r\n"), 413 },
	{ "length with a space before the colon", POST("Content-Length : 5\r\n"), 400 },
	{ "h2c", GET("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"), 400 },
	{ "websocket", GET("Connection: Upgrade\r\nUpgrade: WebSocket\r\n"), 200 },
	{ "expect", POST("Expect: 100-Continue\r\nContent-Length: 5\r\n"), 200 },
	{ "other expectation", POST("Expect: a-miracle\r\nContent-Length: 5\r\n"), 417 },
};

static void heads_by_table(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		struct http_head h;
		const char *why = NULL;
		int status = http_head_read(str_of(table[i].head), 0, &h, &why);
		if (status != table[i].status)
			fail_msg("%s: %d, not %d (%s)", table[i].name, status, table[i].status,
			         why ? why : "");
		assert_int_equal(status > 200, why != NULL);
	}
}

/* However the bytes are cut, the end is the same. */
static void heads_in_pieces(void **state)
{
	(void)state;
	for (unsigned i = 0; i < sizeof table / sizeof *table; i++) {
		struct http_head h;
		const char *why;
		int status = 0;
		uint32_t len = (uint32_t)strlen(table[i].head);
		for (uint32_t n = 1; n <= len && !status; n++) {
			char *exact = test_malloc(n); /* so that ASan sees a byte too far */
			memcpy(exact, table[i].head, n);
			status = http_head_read(str_n(exact, n), n - 1, &h, &why);
			test_free(exact);
		}
		if (status != table[i].status)
			fail_msg("%s in pieces: %d", table[i].name, status);
	}
}

static void meaning(void **state)
{
	struct http_head h;
	const char *why;
	(void)state;
	static const char text[] =
		"POST /a/b?c=d&e HTTP/1.1\r\nhOST: x:1\r\nContent-Length: 007\r\n"
		"X-A: \t one \r\nx-a: two\r\nConnection: foo, Close\r\n\r\nbody";
	assert_int_equal(http_head_read(str_of(text), 0, &h, &why), 200);
	assert_int_equal(h.method, HTTP_POST);
	assert_true(str_is(h.path, "/a/b") && str_is(h.query, "c=d&e") && str_is(h.host, "x:1"));
	assert_int_equal(h.length, 7);
	assert_true(str_is(http_header_of(&h, "x-a"), "one"));
	assert_int_equal(http_header_count(&h, "x-a"), 2);
	assert_false(h.keep || h.expects || h.websocket || h.old);
	assert_int_equal(h.bytes, strlen(text) - 4);
	assert_int_equal(http_head_read(str_of("\r\n" GET("")), 0, &h, &why), 200);
	assert_int_equal(h.bytes, strlen("\r\n" GET("")));
	assert_true(h.keep);
}

static int sized(size_t line, size_t headers)
{
	size_t n = 0, cap = line + headers + 200;
	char *text = test_calloc(1, cap);
	struct http_head h;
	const char *why;
	n += (size_t)snprintf(text, cap, "GET /%0*d HTTP/1.1\r\nHost: h\r\nX: ", (int)line, 0);
	memset(text + n, 'y', headers);
	n += headers;
	n += (size_t)snprintf(text + n, cap - n, "\r\n\r\n");
	int status = http_head_read(str_n(text, n), 0, &h, &why);
	test_free(text);
	return status;
}

static void sizes(void **state)
{
	(void)state;
	assert_int_equal(sized(HTTP_LINE_MAX - 100, 10), 200);
	assert_int_equal(sized(HTTP_LINE_MAX + 100, 10), 414);
	assert_int_equal(sized((size_t)3 * HTTP_HEAD_MAX, 10), 414);
	assert_int_equal(sized(10, HTTP_HEAD_MAX - 100), 200);
	assert_int_equal(sized(10, HTTP_HEAD_MAX), 431);
	char many[512] = "GET / HTTP/1.1\r\nHost: h\r\n";
	size_t n = strlen(many);
	for (int i = 0; i < 64; i++)
		n += (size_t)snprintf(many + n, sizeof many - n, "A: b\r\n");
	(void)snprintf(many + n, sizeof many - n, "\r\n");
	struct http_head h;
	const char *why;
	assert_int_equal(http_head_read(str_of(many), 0, &h, &why), 431);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_by_table),
		cmocka_unit_test(heads_in_pieces),
		cmocka_unit_test(meaning),
		cmocka_unit_test(sizes),

	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
