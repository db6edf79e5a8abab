/*
 * conn.c — conn.h. One request at a time: the next one is read when the answer is queued.
 */
#include "gateway/conn.h"
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct conn_request {
	struct http_request r; /* first: http_request_answer() finds its connection by it */
	struct conn *conn;
};

static uint64_t now_us(const struct conn *c)
{
	return c->env->now_us(c->env->clock);
}

static void enter(struct conn *c, enum conn_state state, uint32_t within_ms)
{
	c->state = state;
	c->due_us = within_ms ? now_us(c) + (uint64_t)within_ms * 1000 : 0;
}

void conn_init(struct conn *c, struct conn_env *env, const char *peer, bool secure)
{
	*c = (struct conn){ .env = env, .secure = secure };
	(void)snprintf(c->peer, sizeof c->peer, "%s", peer);
	buf_init(&c->in, (size_t)HTTP_HEAD_MAX + env->limits.body_max + CONN_AHEAD_MAX);
	buf_init(&c->ahead, CONN_AHEAD_MAX);
	buf_init(&c->out, CONN_ANSWER_MAX);
	enter(c, CONN_IDLE, env->limits.head_ms);
}

/* Keeps env->held right after any change of the buffers. */
static void count(struct conn *c)
{
	size_t held = c->in.len + c->ahead.len;
	c->env->held += held - c->counted;
	c->counted = held;
}

static void request_end(struct conn *c)
{
	c->env->stats.busy -= c->state == CONN_BUSY;
	free(c->request);
	c->request = NULL;
}

void conn_done(struct conn *c, bool tell)
{
	if (c->request && c->state == CONN_BUSY && tell) {
		c->env->stats.resets++;
		c->env->calls->gone(c->env->ctx, &c->request->r);
	}
	request_end(c);
	enter(c, CONN_END, 0);
	buf_done(&c->in);
	buf_done(&c->ahead);
	buf_done(&c->out);
	c->sent = 0;
	count(c);
}

/* ---- a request comes up ---------------------------------------------------------------------- */

static bool request_begin(struct conn *c)
{
	if (!c->request)
		c->request = calloc(1, sizeof *c->request);
	if (!c->request)
		return false;
	c->request->conn = c;
	c->request->r.peer = c->peer;
	c->request->r.secure = c->secure;
	return true;
}

/* The bytes cannot be trusted from here on: one answer, and the end. */
static void refuse(struct conn *c, int status, const char *why)
{
	c->broken = true;
	c->env->stats.refused++;
	c->env->stats.timeouts += status == 408;
	if (!request_begin(c)) {
		enter(c, CONN_END, 0);
		return;
	}
	const char *known;
	if (c->state == CONN_BODY) /* the buffer may have moved since the head was read */
		(void)http_head_read(buf_view(&c->in), 0, &c->request->r.head, &known);
	c->request->r.body = (struct str){ 0 };
	c->env->calls->refuse(c->env->ctx, &c->request->r, status, why);
}

static bool read_head(struct conn *c)
{
	const char *why = "";
	struct http_request *r = &c->request->r;
	int status = http_head_read(buf_view(&c->in), c->seen, &r->head, &why);
	c->seen = (uint32_t)c->in.len;
	if (status > 200)
		refuse(c, status, why);
	return status == 200;
}

static void on_head(struct conn *c)
{
	struct http_request *r = &c->request->r;
	if (!read_head(c))
		return;
	r->body_max = c->env->limits.body_max;
	enter(c, CONN_BODY, c->env->limits.body_ms);
	c->env->calls->head(c->env->ctx, r);
	if (c->state != CONN_BODY)
		return;
	if (r->head.length > r->body_max || r->head.length > c->env->limits.body_max)
		refuse(c, 413, "the body is too large");
	else if (r->head.expects && c->in.len == r->head.bytes && r->head.length)
		buf_text(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
}

static void on_body(struct conn *c)
{
	struct http_request *r = &c->request->r;
	size_t whole = (size_t)r->head.bytes + r->head.length;
	const char *why;
	/* The buffer may have moved since the head was read, and its views with it. */
	if (http_head_read(buf_view(&c->in), 0, &r->head, &why) != 200) {
		refuse(c, 400, "the request changed while it was read"); /* cannot happen */
		return;
	}
	r->body = str_n(c->in.at + r->head.bytes, whole - r->head.bytes);
	c->env->stats.requests++;
	c->env->stats.busy++;
	enter(c, CONN_BUSY, 0);
	c->env->calls->request(c->env->ctx, r);
}

/* Goes as far as the bytes reach. */
static void step(struct conn *c)
{
	c->stepping = true;
	for (enum conn_state was = CONN_END; was != c->state || c->state == CONN_IDLE;) {
		was = c->state;
		if (c->state == CONN_IDLE && c->in.len) {
			if (!request_begin(c)) {
				enter(c, CONN_END, 0);
				break;
			}
			c->seen = 0;
			c->request->r.start_us = now_us(c);
			enter(c, CONN_HEAD, c->env->limits.head_ms);
			on_head(c);
		} else if (c->state == CONN_HEAD) {
			on_head(c);
		} else if (c->state == CONN_BODY &&
		           c->in.len >=
		                   (size_t)c->request->r.head.bytes + c->request->r.head.length) {
			on_body(c);
		} else {
			break;
		}
	}
	c->stepping = false;
}

void conn_feed(struct conn *c, const char *at, size_t n)
{
	if (c->state == CONN_END)
		return;
	if (c->state == CONN_TAKEN) {
		c->early = true;
		return;
	}
	if (c->state == CONN_LINGER) {
		c->lingered += (uint32_t)n;
		if (c->lingered > CONN_LINGER_MAX)
			enter(c, CONN_END, 0);
		return;
	}
	struct buf *to = c->state == CONN_BUSY ? &c->ahead : &c->in;
	if (c->env->held + n > c->env->limits.held_max && c->state != CONN_BUSY) {
		c->stepping = true;
		refuse(c, 503, "too much is being received");
		c->stepping = false;
		return;
	}
	buf_put(to, at, n);
	if (buf_err(to)) {
		conn_done(c, true);
		return;
	}
	count(c);
	if (c->state != CONN_BUSY)
		step(c);
}

void conn_tick(struct conn *c, uint64_t now)
{
	bool stalled = c->flush_due_us && now >= c->flush_due_us;
	bool writing = c->flush_due_us && (c->state == CONN_IDLE || c->state == CONN_LINGER);
	if (!stalled && (writing || !c->due_us || now < c->due_us))
		return;
	if (!stalled && (c->state == CONN_HEAD || c->state == CONN_BODY)) {
		c->stepping = true;
		refuse(c, 408, "the request did not arrive in time");
		c->stepping = false;
		return;
	}
	c->env->stats.timeouts += stalled;
	conn_done(c, true);
}

void conn_drain(struct conn *c)
{
	if (c->state == CONN_IDLE && !conn_out(c).len)
		enter(c, CONN_END, 0);
}

/* ---- an answer goes down --------------------------------------------------------------------- */

/* RFC 9110, 5.6.7, always in GMT; made once a second. */
static const char *http_date(void)
{
	static char text[40];
	static time_t made;
	time_t now = time(NULL);
	struct tm tm;
	if (now != made && gmtime_r(&now, &tm)) {
		(void)strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &tm);
		made = now;
	}
	return text;
}

static void put_answer(struct conn *c, const struct http_answer *a, bool bodiless, bool closes)
{
	struct buf *out = &c->out;
	buf_printf(out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", a->status, http_status_name(a->status),
	           http_date());
	if (a->status != 204 && a->status != 304)
		buf_printf(out, "Content-Length: %u\r\n", a->body.len);
	if (closes)
		buf_text(out, "Connection: close\r\n");
	buf_str(out, a->headers);
	buf_text(out, "\r\n");
	if (!bodiless && a->status != 204 && a->status != 304)
		buf_str(out, a->body);
}

/* Takes the request's bytes off and puts what came meanwhile in their place. */
static void next_input(struct conn *c, size_t used)
{
	size_t left = c->in.len - used;
	if (left)
		memmove(c->in.at, c->in.at + used, left);
	c->in.len = left;
	buf_put(&c->in, c->ahead.at, c->ahead.len);
	buf_clear(&c->ahead);
	if (!c->in.len)
		buf_done(&c->in); /* an idle connection keeps no buffer */
	if (!c->ahead.len)
		buf_done(&c->ahead);
}

uint64_t http_request_answer(struct http_request *r, const struct http_answer *a)
{
	struct conn *c = ((struct conn_request *)r)->conn;
	const struct http_limits *limits = &c->env->limits;
	bool whole = c->state == CONN_BUSY;
	size_t used = (size_t)r->head.bytes + r->head.length, before = c->out.len;
	bool closes = a->close || c->broken || !whole || !r->head.keep || c->env->draining;
	put_answer(c, a, r->head.method == HTTP_HEAD, closes);
	uint64_t queued = c->out.len - before;
	if (!c->flush_due_us)
		c->flush_due_us = now_us(c) + (uint64_t)limits->grace_ms * 1000;
	c->flush_due_us += queued * 1000000 / (limits->least_rate ? limits->least_rate : 1);
	request_end(c);
	if (buf_err(&c->out)) {
		enter(c, CONN_END, 0);
	} else if (closes) {
		c->unheard = c->broken || !whole || c->in.len > used || c->ahead.len;
		enter(c, CONN_LINGER, limits->linger_ms);
		buf_done(&c->in);
		buf_done(&c->ahead);
		count(c);
	} else {
		next_input(c, used);
		count(c);
		enter(c, CONN_IDLE, limits->idle_ms);
	}
	if (!c->stepping) {
		step(c);
		c->env->settle(c);
	}
	return queued;
}

void http_request_take(struct http_request *r)
{
	struct conn *c = ((struct conn_request *)r)->conn;
	c->early = c->in.len > (size_t)r->head.bytes + r->head.length || c->ahead.len;
	c->taker = r->owner;
	request_end(c);
	buf_done(&c->in);
	buf_done(&c->ahead);
	count(c);
	enter(c, CONN_TAKEN, c->env->limits.grace_ms);
	c->env->settle(c);
}

struct str conn_out(const struct conn *c)
{
	return c->out.len ? str_n(c->out.at + c->sent, c->out.len - c->sent) : (struct str){ 0 };
}

void conn_sent(struct conn *c, size_t n)
{
	c->sent += n;
}

void conn_flushed(struct conn *c)
{
	if (c->flush_due_us && c->state == CONN_IDLE)
		enter(c, CONN_IDLE, c->env->limits.idle_ms);
	if (c->flush_due_us && c->state == CONN_LINGER)
		enter(c, CONN_LINGER, c->env->limits.linger_ms);
	c->flush_due_us = 0;
	if (c->sent) {
		c->sent = 0;
		buf_done(&c->out);
	}
	if ((c->state == CONN_IDLE && c->env->draining) || (c->state == CONN_LINGER && !c->unheard))
		enter(c, CONN_END, 0);
}

bool conn_half_closes(const struct conn *c)
{
	return c->state == CONN_LINGER && !conn_out(c).len;
}

bool conn_reads(const struct conn *c)
{
	return c->ahead.len < CONN_AHEAD_MAX / 2 && c->state != CONN_END;
}

bool conn_is_taken(const struct conn *c)
{
	return c->state == CONN_TAKEN;
}

bool conn_ended(const struct conn *c)
{
	return c->state == CONN_END;
}
