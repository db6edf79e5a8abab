/*
 * street.c — any bytes as one connection to the street door, whole and in pieces: the same requests
 * must come up, the same answers go down, wherever the cuts fall. Beside it what else of a
 * stranger's is read in the gateway: trace headers, forwarded addresses, credentials, access lines.
 */
#include "gateway/access.h"
#include "gateway/conn.h"
#include "gateway/keys.h"
#include "gateway/source.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

/* ---- what comes up ----------------------------------------------------------------------------
 */

struct tally {
	uint64_t hash;
	unsigned requests, refused;
	struct http_request *busy;
};

static void mix(struct tally *t, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		t->hash = (t->hash ^ (uint8_t)s.at[i]) * 0x100000001b3;
	t->hash = (t->hash ^ s.len) * 0x100000001b3;
}

static void look(struct tally *t, const struct http_request *r)
{
	struct trace trace;
	struct source_nets all;
	char source[SOURCE_TEXT];
	struct buf b;
	must(r->head.path.len && (*r->head.path.at == '/' || str_is(r->head.path, "*")));
	must(r->head.bytes <= HTTP_HEAD_MAX + 4 && r->head.n_headers <= HTTP_HEADERS_MAX);
	must(http_header_count(&r->head, "transfer-encoding") == 0);
	must(http_header_count(&r->head, "host") <= 1 &&
	     memchr(r->head.path.at, '\n', r->head.path.len) == NULL);
	mix(t, r->head.method_name);
	mix(t, r->head.path);
	mix(t, r->head.query);
	for (uint32_t i = 0; i < r->head.n_headers; i++) {
		mix(t, r->head.headers[i].name);
		mix(t, r->head.headers[i].value);
	}
	memset(&trace, 0, sizeof trace);
	(void)!trace_read(http_header_of(&r->head, "traceparent"), &trace);
	(void)key_bearer(http_header_of(&r->head, "authorization"));
	must(!source_nets_read(str_of("0.0.0.0/0, ::/0"), &all));
	source_of(&all, "192.0.2.1", http_header_of(&r->head, "x-forwarded-for"), source);
	must(strlen(source) < SOURCE_TEXT);
	buf_init(&b, 64 << 10);
	access_write(&b, &(struct access_line){ .method = r->head.method_name,
	                                        .path = r->head.path,
	                                        .query = r->head.query,
	                                        .peer = source,
	                                        .trace = &trace });
	must(!buf_err(&b) && memchr(b.at, '\n', b.len) == b.at + b.len - 1);
	buf_done(&b);
}

static void on_head(void *ctx, struct http_request *r)
{
	(void)ctx;
	if (r->head.query.len == 5)
		r->body_max = 2;
}

static void on_request(void *ctx, struct http_request *r)
{
	struct tally *t = ctx;
	must(!t->busy && r->body.len == r->head.length);
	look(t, r);
	mix(t, r->body);
	t->requests++;
	t->busy = r;
}

static void on_refuse(void *ctx, struct http_request *r, int status, const char *why)
{
	struct tally *t = ctx;
	must(status >= 400 && status < 600 && *why);
	t->refused++;
	t->hash = (t->hash ^ (unsigned)status) * 0x100000001b3;
	http_request_answer(r, &(struct http_answer){ .status = status });
}

static void on_gone(void *ctx, struct http_request *r)
{
	struct tally *t = ctx;
	must(t->busy == r);
	t->busy = NULL;
}

static const struct http_calls calls = { on_head, on_request, on_refuse, on_gone, NULL };

/* ---- the wire ----------------------------------------------------------------------------------
 */

static uint64_t clock_us(void *clock)
{
	(void)clock;
	return 1000000;
}

static void settle(struct conn *c)
{
	(void)c;
}

static void answer(struct conn *c, struct tally *t)
{
	while (t->busy) {
		struct http_request *r = t->busy;
		t->busy = NULL;
		http_request_answer(r, &(struct http_answer){ .status = 200, .body = r->body });
	}
	conn_sent(c, conn_out(c).len);
	conn_flushed(c);
}

/* `late`: requests are answered only when all has come. */
static struct tally play(const uint8_t *at, size_t len, uint32_t cuts, bool late)
{
	struct tally t = { .hash = 1 };
	struct conn_env env = {
		.limits = { .body_max = 4096, .held_max = 1 << 20, .head_ms = 1, .body_ms = 1 },
		.calls = &calls,
		.ctx = &t,
		.now_us = clock_us,
		.settle = settle
	};
	struct conn c;
	conn_init(&c, &env, "192.0.2.1", false);
	while (len && !conn_ended(&c)) {
		size_t n = cuts ? 1 + cuts % 7 : len;
		cuts = cuts ? cuts * 1103515245 + 12345 : 0;
		n = n < len ? n : len;
		char *exact = malloc(n); /* so that a byte too far is seen */
		must(exact != NULL);
		memcpy(exact, at, n);
		conn_feed(&c, exact, n);
		free(exact);
		at += n;
		len -= n;
		if (!late)
			answer(&c, &t);
	}
	answer(&c, &t);
	conn_done(&c, true);
	must(!t.busy);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct tally whole = play(at, len, 0, false);
	struct tally cut = play(at, len, 3, false);
	struct tally late = play(at, len, 5, true);
	must(whole.hash == cut.hash && whole.requests == cut.requests &&
	     whole.refused == cut.refused);
	must(late.hash == whole.hash && late.requests == whole.requests);
	return 0;
}
