/*
 * exchange.c — exchange.h: a table of requests under way, each named by slot and generation, so
 * that an answer that comes late finds nobody instead of the next one.
 *
 *     tag of an ask:  generation 32 │ slot 16 │ part 16
 */
#include "gateway/inside.h"
#include "proto/query.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { REPLY_MAX = 32 << 20 };

enum err exchanges_new(struct gateway *g, uint32_t most)
{
	g->slots = calloc(most, sizeof *g->slots);
	if (!g->slots)
		return ERR_MEMORY;
	g->most = most;
	for (uint32_t i = most; i-- > 0;) {
		g->slots[i].slot = i;
		g->slots[i].queued = g->free;
		g->free = &g->slots[i];
	}
	return OK;
}

void exchanges_free(struct gateway *g)
{
	outbox_free(g);
	while (g->live)
		exchange_end(g->live);
	free(g->slots);
	g->slots = NULL;
	for (unsigned i = 0; i < GATEWAY_SHARED; i++) {
		if (g->shared[i].done)
			g->shared[i].done(g->shared[i].at);
		free(g->shared[i].at);
	}
}

/* Takes a slot and a place at the queue's end. NULL: full, or out of memory. */
struct exchange *exchange_new(struct gateway *g, const struct visit *v)
{
	struct exchange *x = g->free;
	const struct http_head *h = &v->request->head;
	uint32_t room = h->path.len + h->query.len;
	char *at = x ? malloc(room ? room : 1) : NULL;
	if (!at)
		return NULL;
	g->free = x->queued;
	*x = (struct exchange){ .visit = *v,
		                .slot = x->slot,
		                .gen = x->gen + 1,
		                .live = true,
		                .waits = true,
		                .prev = g->live_last,
		                .room = { .at = at, .len = room } };
	buf_init(&x->headers, EXCHANGE_HEADERS);
	*(g->live_last ? &g->live_last->next : &g->live) = x;
	g->live_last = x;
	*(g->queue_last ? &g->queue_last->queued : &g->queue) = x;
	g->queue_last = x;
	g->n_live++;
	v->request->owner = x;
	return x;
}

static void unqueue(struct gateway *g, struct exchange *x)
{
	struct exchange *before = NULL;
	for (struct exchange *at = g->queue; at; before = at, at = at->queued) {
		if (at != x)
			continue;
		*(before ? &before->queued : &g->queue) = x->queued;
		if (g->queue_last == x)
			g->queue_last = before;
		return;
	}
}

/* The slot is free again. The request, if it still has one, is the caller's to answer. */
static struct visit release(struct exchange *x)
{
	struct gateway *g = x->visit.gateway;
	struct visit v = x->visit;
	if (x->waits)
		unqueue(g, x);
	*(x->prev ? &x->prev->next : &g->live) = x->next;
	*(x->next ? &x->next->prev : &g->live_last) = x->prev;
	buf_done(&x->headers);
	free(x->state);
	free(x->room.at);
	x->state = NULL;
	x->live = false;
	x->queued = g->free;
	g->free = x;
	g->n_live--;
	return v;
}

void exchange_end(struct exchange *x)
{
	visit_left(&x->visit);
	release(x);
}

/* ---- the request ------------------------------------------------------------------------------
 */

static const struct http_head *head(const struct exchange *x)
{
	return &x->visit.request->head;
}

struct str exchange_method(const struct exchange *x)
{
	return str_of(x->match.route->method_name);
}

struct str exchange_path(const struct exchange *x)
{
	return head(x)->path;
}

struct str exchange_body(const struct exchange *x)
{
	return x->visit.request->body;
}

struct str exchange_peer(const struct exchange *x)
{
	return str_of(x->visit.source);
}

struct str exchange_header(const struct exchange *x, const char *name)
{
	return http_header_of(head(x), name);
}

struct str exchange_param(const struct exchange *x, const char *name)
{
	for (uint32_t i = 0; i < x->match.n_params; i++)
		if (str_is(x->match.params[i].name, name))
			return x->match.params[i].value;
	return (struct str){ 0 };
}

bool exchange_query(const struct exchange *given, const char *name, struct str *ret)
{
	struct exchange *x =
		(struct exchange *)(uintptr_t)given; /* its room is no part of its value */
	struct query q = query_of(head(x)->query);
	struct str key, value;
	while (query_next(&q, &key, &value)) {
		uint32_t used = x->room.used;
		bool here = !query_decode(key, &x->room, &key) && str_is(key, name);
		x->room.used = used;
		if (here)
			return !query_decode(value, &x->room, ret);
	}
	return false;
}

struct actor *exchange_actor(const struct exchange *x)
{
	return x->visit.gateway->self;
}

uint64_t exchange_business(const struct exchange *x)
{
	return x->business;
}

uint64_t exchange_principal(const struct exchange *x)
{
	return x->principal;
}

void exchange_act_for(struct exchange *x, uint64_t business, uint64_t principal)
{
	x->business = business;
	x->principal = principal;
}

void exchange_blame(struct exchange *x)
{
	struct gateway *g = x->visit.gateway;
	char room[SOURCE_TEXT];
	if (source_in(&g->unlimited, x->visit.source))
		return;
	struct str who = source_bucket(x->visit.source, room);
	(void)spend(g, LIMITS_BLAME, who, 1);
}

enum err exchange_unseal(struct exchange *x, uint64_t business, const char *what, struct str stored,
                         char ret[SEAL_PLAIN_MAX + 1])
{
	if (seal_is(stored))
		return seal_open(&x->visit.gateway->seals, business, what, stored, ret);
	if (stored.len > SEAL_PLAIN_MAX)
		return ERR_TOO_LARGE;
	str_keep(ret, SEAL_PLAIN_MAX + 1, stored);
	return OK;
}

void *exchange_state(struct exchange *x, size_t bytes)
{
	if (!x->state && bytes <= EXCHANGE_STATE)
		x->state = calloc(1, bytes);
	return x->state;
}

void *exchange_shared(struct exchange *x, const void *owner, size_t bytes, void (*done)(void *at))
{
	struct gateway *g = x->visit.gateway;
	for (unsigned i = 0; i < GATEWAY_SHARED; i++) {
		if (g->shared[i].owner == owner)
			return g->shared[i].at;
		if (g->shared[i].owner)
			continue;
		g->shared[i].at = calloc(1, bytes);
		if (g->shared[i].at) {
			g->shared[i].owner = owner;
			g->shared[i].done = done;
		}
		return g->shared[i].at;
	}
	return NULL; /* more owners than GATEWAY_SHARED: raise it */
}

/* ---- asking ------------------------------------------------------------------------------------
 */

enum err exchange_send(struct exchange *x, const struct to *to, actor_fn *answer, uint64_t tag,
                       const struct proto_desc *type, const void *body)
{
	struct actor *self = x->visit.gateway->self;
	uint64_t now = loop_now_us(x->visit.gateway->loop);
	if (now + 1000 >= x->deadline_us)
		return ERR_TIMEOUT;
	actor_act_for(self, x->business, x->principal, &x->visit.trace);
	return actor_ask_to(self, to, NULL, (uint32_t)((x->deadline_us - now) / 1000), answer, tag,
	                    type, body);
}

enum err exchange_ask_to(struct exchange *x, const struct to *to, actor_fn *answer, uint16_t part,
                         const struct proto_desc *type, const void *body)
{
	struct gateway *g = x->visit.gateway;
	uint64_t tag = (uint64_t)x->gen << 32 | (uint64_t)x->slot << 16 | part;
	enum err e = g->outbox ? ERR_FULL : exchange_send(x, to, answer, tag, type, body);
	return e == ERR_FULL ? outbox_keep(g, to, answer, tag, type, body) : e;
}

struct exchange *exchange_of_tag(struct gateway *g, uint64_t tag)
{
	uint32_t slot = (uint32_t)(tag >> 16 & 0xffff);
	if (slot >= g->most)
		return NULL;
	struct exchange *x = &g->slots[slot];
	return x->live && x->gen == (uint32_t)(tag >> 32) ? x : NULL;
}

struct exchange *exchange_of(struct actor *self, const struct msg *m)
{
	return exchange_of_tag(actor_state(self), msg_tag(m));
}

uint16_t exchange_part(const struct msg *m)
{
	return (uint16_t)msg_tag(m);
}

/* ---- answering ---------------------------------------------------------------------------------
 */

enum err exchange_add_header(struct exchange *x, const char *name, struct str value)
{
	for (uint32_t i = 0; i < value.len; i++)
		if (!value.at[i] || value.at[i] == '\r' || value.at[i] == '\n')
			return ERR_INVALID;
	buf_printf(&x->headers, "%s: %.*s\r\n", name, STR(value));
	return buf_err(&x->headers);
}

enum err exchange_answer(struct exchange *x, int status, struct str content_type, struct str body)
{
	struct buf headers = x->headers;
	buf_init(&x->headers, EXCHANGE_HEADERS); /* outlive the release */
	visit_answer(&x->visit, status, content_type, buf_view(&headers), body);
	release(x);
	buf_done(&headers);
	return OK;
}

void exchange_taken(struct exchange *x)
{
	visit_taken(&x->visit);
	release(x);
}

enum err exchange_problem(struct exchange *x, const struct problem *p)
{
	struct buf headers = x->headers;
	buf_init(&x->headers, EXCHANGE_HEADERS);
	visit_problem(&x->visit, p, buf_view(&headers));
	release(x);
	buf_done(&headers);
	return OK;
}

/* {"success":true, and the message's own members behind it: the old system's clients look for it.
 */
static void put_reply(struct buf *b, const struct proto_desc *type, const void *body)
{
	buf_text(b, "{\"success\":true,");
	size_t at = b->len;
	if (json_write(b, type, body, 0))
		return;
	bool empty = b->at[at + 1] == '}'; /* then the comma goes with its brace */
	size_t from = at - empty, n = 1 + (size_t)empty;
	memmove(b->at + from, b->at + from + n, b->len - from - n);
	b->len -= n;
}

enum err exchange_reply(struct exchange *x, int status, const struct proto_desc *type,
                        const void *body)
{
	struct buf b;
	buf_init(&b, REPLY_MAX);
	put_reply(&b, type, body);
	if (buf_err(&b))
		exchange_refuse(x, ERR_FAULT, "the answer of %s cannot be written", type->full);
	else
		exchange_answer(x, status, str_of("application/json"), buf_view(&b));
	buf_done(&b);
	return OK;
}

enum err exchange_refuse(struct exchange *x, enum err why, const char *detail, ...)
{
	char text[PROBLEM_DETAIL];
	va_list args;
	assert(why != OK);
	if (!detail)
		return exchange_problem(x, &(struct problem){ .err = why });
	va_start(args, detail);
	(void)vsnprintf(text, sizeof text, detail, args);
	va_end(args);
	return exchange_problem(x, &(struct problem){ .err = why, .detail = text });
}
