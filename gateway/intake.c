/*
 * intake.c — what is decided before a body is read or an actor's turn is spent: budget, route,
 * content type, size. Runs in the loop's callbacks, not in a turn: it touches no actor but to wake
 * it.
 */
#include "gateway/wire.h"

static void refuse(struct visit *v, int status, const char *detail)
{
	struct problem p = { .status = status, .detail = detail, .retry_s = status == 503 };
	visit_problem(v, &p, (struct str){ 0 });
}

static void draw(struct visit *v, struct str who, uint32_t tokens)
{
	struct gateway *g = v->gateway;
	v->budget = spend(g, LIMITS_SOURCE, who, tokens);
	v->budget_name = "source";
	v->budget_rate = g->source_rate;
}

/* The source's budget, and whether it has been caught guessing too often: before any work. */
static bool within_budget(struct visit *v)
{
	struct gateway *g = v->gateway;
	char room[SOURCE_TEXT];
	uint64_t now = loop_now_us(g->loop);
	if (source_in(&g->unlimited, v->source))
		return true;
	struct str who = source_bucket(v->source, room);
	draw(v, who, 1);
	struct limits_verdict blame = limits_take(
		g->limits, limits_key(g->limits, LIMITS_BLAME, who), g->blame_rate, 0, now);
	bool caught = blame.ok && blame.left == 0;
	if (v->budget.ok && !caught)
		return true;
	uint32_t wait_ms = caught ? 1000 : v->budget.retry_ms;
	visit_problem(v,
	              &(struct problem){ .err = ERR_LIMIT,
	                                 .detail = caught ? "too many requests with bad credentials"
	                                                  : NULL,
	                                 .retry_s = (wait_ms + 999) / 1000 },
	              (struct str){ 0 });
	return false;
}

static void refuse_route(struct visit *v, unsigned methods)
{
	char allow[80], line[100];
	struct buf b;
	if (!methods) {
		visit_problem(v, &(struct problem){ .err = ERR_NOT_FOUND }, (struct str){ 0 });
		return;
	}
	route_allow(methods, allow, sizeof allow);
	buf_over(&b, line, sizeof line);
	buf_printf(&b, "Allow: %s\r\n", allow);
	if (v->request->head.method == HTTP_OPTIONS)
		visit_answer(v, 204, (struct str){ 0 }, buf_view(&b), (struct str){ 0 });
	else
		visit_problem(v, &(struct problem){ .status = 405 }, buf_view(&b));
}

/* JSON routes take JSON only: what a foreign page's form can send is none (ASVS 3.5.2). */
static bool is_json(struct str type)
{
	const char *semi = type.len ? memchr(type.at, ';', type.len) : NULL;
	if (semi)
		type.len = (uint32_t)(semi - type.at);
	while (type.len && type.at[type.len - 1] == ' ')
		type.len--;
	return http_is(type, "application/json");
}

static void find(struct visit *v, struct arena *a, struct route_match *ret)
{
	route_find(v->request->head.method, v->request->head.path, a, ret);
	v->route = ret->route;
}

static void on_head(void *ctx, struct http_request *r)
{
	struct visit v;
	struct route_match m;
	char room[HTTP_LINE_MAX];
	struct arena a = ARENA_OVER(room);
	visit_begin(ctx, r, &v);
	if (!within_budget(&v))
		return;
	find(&v, &a, &m);
	if (!m.route) {
		refuse_route(&v, m.methods);
		return;
	}
	if (m.route->to && r->head.length && !is_json(http_header_of(&r->head, "content-type"))) {
		refuse(&v, 415, "send application/json");
		return;
	}
	if (m.route->body_max < r->body_max && r->head.method & ~(HTTP_GET | HTTP_HEAD))
		r->body_max = m.route->body_max;
}

static void on_request(void *ctx, struct http_request *r)
{
	struct gateway *g = ctx;
	struct visit v;
	char bucket[SOURCE_TEXT];
	visit_begin(g, r, &v);
	if (!source_in(&g->unlimited, v.source))
		draw(&v, source_bucket(v.source, bucket), 0); /* paid with the head; told again */
	struct exchange *x = exchange_new(g, &v);
	if (!x) {
		visit_problem(&v, &(struct problem){ .err = ERR_BUSY }, (struct str){ 0 });
		return;
	}
	find(&x->visit, &x->room, &x->match);
	x->deadline_us = loop_now_us(g->loop) + (uint64_t)x->match.route->within_ms * 1000;
	actor_wake(g->waker);
}

static void on_refuse(void *ctx, struct http_request *r, int status, const char *why)
{
	struct visit v;
	visit_begin(ctx, r, &v);
	refuse(&v, status, why);
}

static void on_gone(void *ctx, struct http_request *r)
{
	(void)ctx;
	if (r->owner)
		exchange_end(r->owner);
}

static void on_drained(void *ctx)
{
	struct gateway *g = ctx;
	g->drained = true;
	actor_wake(g->waker);
}

const struct http_calls gateway_calls = { on_head, on_request, on_refuse,
	                                  on_gone, on_drained, wires_taken };
