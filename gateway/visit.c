/*
 * visit.c — the way out: the headers every answer has, one count and one line for each.
 */
#include "gateway/inside.h"

enum { ANSWER_HEADERS = 8192, PROBLEM_MAX = 4096 };

static uint64_t draw(struct gateway *g) /* splitmix64: for ids, not for secrets */
{
	uint64_t z = g->random += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static void trace_begin(struct gateway *g, struct str header, struct trace *ret)
{
	if (trace_read(header, ret)) {
		uint64_t id[2] = { draw(g), draw(g) | 1 };
		*ret = (struct trace){ .sampled = true };
		memcpy(ret->id, id, sizeof ret->id);
	}
	ret->span = draw(g) | 1; /* ours, in the caller's trace */
}

/* All X-Forwarded-For headers, in order, as one list. */
static struct str forwarded(const struct http_head *h, char *room, size_t cap)
{
	size_t n = 0;
	for (uint32_t i = 0; i < h->n_headers; i++) {
		struct str v = h->headers[i].value;
		if (!http_is(h->headers[i].name, "x-forwarded-for") || v.len + 2 > cap - n)
			continue;
		if (n)
			room[n++] = ',';
		if (v.len)
			memcpy(room + n, v.at, v.len);
		n += v.len;
	}
	return str_n(room, n);
}

void visit_begin(struct gateway *g, struct http_request *r, struct visit *ret)
{
	char room[2048];
	*ret = (struct visit){ .gateway = g, .request = r };
	source_of(&g->trusted, r->peer, forwarded(&r->head, room, sizeof room), ret->source);
	trace_begin(g, http_header_of(&r->head, "traceparent"), &ret->trace);
}

/* Every answer, errors too (ASVS 3.4). No page of ours embeds anything: the console brings a policy
 * of its own. HSTS only where TLS is: RFC 6797, 7.2. */
static void put_security(struct buf *b, bool secure)
{
	buf_text(b, "X-Content-Type-Options: nosniff\r\n"
	            "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; "
	            "base-uri 'none'\r\n"
	            "Referrer-Policy: no-referrer\r\n"
	            "Cross-Origin-Opener-Policy: same-origin\r\n"
	            "Cross-Origin-Resource-Policy: same-origin\r\n"
	            "Cache-Control: no-store\r\n");
	if (secure)
		buf_text(b, "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n");
}

/* draft-ietf-httpapi-ratelimit-headers: one policy, the one it drew from last. */
static void put_budget(struct buf *b, const struct visit *v)
{
	if (!v->budget_name || !v->budget_rate.per_s)
		return;
	buf_printf(b, "RateLimit-Policy: \"%s\";q=%u;w=%u\r\nRateLimit: \"%s\";r=%u;t=%u\r\n",
	           v->budget_name, v->budget_rate.burst,
	           (v->budget_rate.burst + v->budget_rate.per_s - 1) / v->budget_rate.per_s,
	           v->budget_name, v->budget.left, (v->budget.reset_ms + 999) / 1000);
}

static void account(struct visit *v, int status, uint64_t bytes, const struct http_request *seen)
{
	struct gateway *g = v->gateway;
	uint64_t took = loop_now_us(g->loop) - seen->start_us;
	struct exchange *x = seen->owner;
	struct access_line line = { .wall_us = (int64_t)loop_wall_us(g->loop),
		                    .method = seen->head.method_name,
		                    .path = seen->head.path,
		                    .query = seen->head.query,
		                    .status = status,
		                    .bytes = bytes,
		                    .took_us = took,
		                    .peer = v->source,
		                    .trace = &v->trace,
		                    .business = x ? x->business : 0,
		                    .key = x ? x->principal : 0 };
	metrics_count(g->metrics, v->route, status, took);
	access_put(g->access, &line);
	actor_wake(g->waker); /* whose turn writes the lines */
}

void visit_answer(struct visit *v, int status, struct str type, struct str headers, struct str body)
{
	static const char fallback[] = "X-Content-Type-Options: nosniff\r\n";
	char room[ANSWER_HEADERS], trace[TRACE_TEXT];
	struct buf b;
	buf_over(&b, room, sizeof room);
	if (type.len)
		buf_printf(&b, "Content-Type: %.*s\r\n", STR(type));
	put_security(&b, v->request->secure);
	put_budget(&b, v);
	trace_write(&v->trace, trace);
	buf_printf(&b, "traceparent: %s\r\n", trace);
	buf_str(&b, headers);
	struct http_answer a = { .status = status,
		                 .headers = buf_err(&b) ? str_of(fallback) : buf_view(&b),
		                 .body = body };
	/* The line is made while the request's views still live; its bytes are known without it. */
	account(v, status, v->request->head.method == HTTP_HEAD ? 0 : body.len, v->request);
	(void)http_request_answer(v->request, &a);
}

void visit_problem(struct visit *v, const struct problem *p, struct str headers)
{
	char room[PROBLEM_MAX], more[1024];
	struct buf body, lines;
	uint32_t retry = problem_retry_s(p);
	buf_over(&body, room, sizeof room);
	buf_over(&lines, more, sizeof more);
	problem_write(&body, p, v->request->head.path, &v->trace);
	if (buf_err(&body)) { /* a path of 8 KiB */
		buf_clear(&body);
		problem_write(&body, p, (struct str){ 0 }, &v->trace);
	}
	if (retry)
		buf_printf(&lines, "Retry-After: %u\r\n", retry);
	if (problem_status(p) == 401)
		buf_text(&lines, "WWW-Authenticate: Bearer\r\n");
	buf_str(&lines, headers);
	visit_answer(v, problem_status(p), str_of("application/problem+json"), buf_view(&lines),
	             buf_view(&body));
}

void visit_taken(struct visit *v)
{
	account(v, 101, 0, v->request);
}

void visit_left(struct visit *v)
{
	account(v, 499, 0, v->request);
}
