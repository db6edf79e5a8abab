/*
 * loop.c — loop.h on libuv: the only file that includes uv.h.
 *
 *     ┌▶ timers ─ idle ─ prepare: THE TURN ─ poll (sleeps) ─ callbacks ─┐
 *     └──────────────────────────────────────────────────────────────────┘
 *
 * An idle handle runs exactly while some stage has work left: that is libuv's way of saying "do not
 * sleep". Whether it runs is decided after the last stage, from what the stages say then.
 */
#include "bus/loop.h"
#include <assert.h>
#include <netdb.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

enum { SLOW_TURN_US = 50000 };

/* What every handle of ours starts with: so that one list closes them all. */
struct part {
	struct loop *loop;
	struct part *next, **at;
	union {
		uv_handle_t handle;
		uv_poll_t poll;
		uv_timer_t timer;
		uv_signal_t signal;
	};
};

struct loop_fd {
	struct part part;
	loop_fd_fn *fn;
	void *ctx;
};

struct loop_timer {
	struct part part;
	loop_tick_fn *fn;
	void *ctx;
};

struct loop_signal {
	struct part part;
	loop_tick_fn *fn;
	void *ctx;
};

struct loop_stage {
	struct loop *loop;
	struct loop_stage *next;
	loop_stage_fn *run; /* NULL: freed, reaped after the turn */
	void *ctx;
	enum loop_order order;
};

struct resolve {
	uv_getaddrinfo_t req;
	struct loop *loop;
	struct resolve *next, **at;
	loop_resolve_fn *fn;
	void *ctx;
};

struct loop {
	uv_loop_t uv;
	uv_prepare_t turn;
	uv_check_t woke;
	uv_idle_t awake;
	struct part *parts;
	struct resolve *resolves;
	struct loop_stage *stages;
	bool in_turn, closing;
	uint64_t woke_us;
	struct loop_stats stats;
};

/* ---- turns ---------------------------------------------------------------------------------- */

static void nop(uv_idle_t *h)
{
	(void)h;
}

static void reap(struct loop *l)
{
	for (struct loop_stage **at = &l->stages; *at;) {
		struct loop_stage *s = *at;
		if (s->run) {
			at = &s->next;
			continue;
		}
		*at = s->next;
		free(s);
	}
}

/* Runs behind the callbacks of descriptors. When the sleep ended libuv knows to the millisecond
 * only; asking it for more (UV_METRICS_IDLE_TIME) costs a second epoll_wait each time. */
static void on_check(uv_check_t *h)
{
	struct loop *l = h->data;
	uint64_t now_us = loop_now_us(l), polled_us = uv_now(&l->uv) * 1000;
	l->woke_us = now_us - polled_us < 1000 ? now_us : polled_us;
}

/* A turn lasts from waking to the end of its last stage: callbacks included, sleep left out. */
static void account(struct loop *l)
{
	uint64_t took_us = loop_now_us(l) - l->woke_us;
	l->stats.turns++;
	l->stats.slow_turns += took_us > SLOW_TURN_US;
	if (took_us > l->stats.longest_us)
		l->stats.longest_us = took_us;
}

static void on_prepare(uv_prepare_t *h)
{
	struct loop *l = h->data;
	bool more = false;
	l->in_turn = true;
	for (struct loop_stage *s = l->stages; s; s = s->next)
		if (s->run)
			more |= s->run(s->ctx);
	l->in_turn = false;
	reap(l);
	account(l);
	l->stats.slept += !more;
	if (more)
		uv_idle_start(&l->awake, nop);
	else
		uv_idle_stop(&l->awake);
}

enum err loop_on_turn(struct loop *l, enum loop_order order, loop_stage_fn *run, void *ctx,
                      struct loop_stage **ret)
{
	struct loop_stage *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_MEMORY;
	*s = (struct loop_stage){ .loop = l, .run = run, .ctx = ctx, .order = order };
	struct loop_stage **at = &l->stages;
	while (*at && (*at)->order <= order)
		at = &(*at)->next;
	s->next = *at;
	*at = s;
	*ret = s;
	return OK;
}

void loop_stage_free(struct loop_stage **s)
{
	struct loop_stage *was = *s;
	*s = NULL;
	if (!was)
		return;
	was->run = NULL;
	if (!was->loop->in_turn)
		reap(was->loop);
}

/* ---- life ----------------------------------------------------------------------------------- */

enum err loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof *l);
	if (!l)
		return ERR_MEMORY;
	if (uv_loop_init(&l->uv)) {
		free(l);
		return ERR_IO;
	}
	uv_prepare_init(&l->uv, &l->turn);
	uv_check_init(&l->uv, &l->woke);
	uv_idle_init(&l->uv, &l->awake);
	l->turn.data = l->woke.data = l->awake.data = l;
	uv_prepare_start(&l->turn, on_prepare);
	uv_check_start(&l->woke, on_check);
	*ret = l;
	return OK;
}

static void on_part_closed(uv_handle_t *h)
{
	free(h->data);
}

static void part_add(struct loop *l, struct part *p)
{
	p->loop = l;
	p->handle.data = p;
	p->next = l->parts;
	p->at = &l->parts;
	if (p->next)
		p->next->at = &p->next;
	l->parts = p;
}

/* libuv forgets a handle at the end of the iteration: until then its memory stays. */
static void part_close(struct part *p)
{
	*p->at = p->next;
	if (p->next)
		p->next->at = p->at;
	uv_close(&p->handle, on_part_closed);
}

void loop_free(struct loop **loop)
{
	struct loop *l = *loop;
	*loop = NULL;
	if (!l)
		return;
	l->closing = true;
	while (l->parts)
		part_close(l->parts);
	for (struct resolve *r = l->resolves; r; r = r->next)
		uv_cancel((uv_req_t *)&r->req);
	while (l->stages) {
		struct loop_stage *s = l->stages;
		loop_stage_free(&s);
	}
	uv_close((uv_handle_t *)&l->turn, NULL);
	uv_close((uv_handle_t *)&l->woke, NULL);
	uv_close((uv_handle_t *)&l->awake, NULL);
	uv_run(&l->uv, UV_RUN_DEFAULT);
	int rc = uv_loop_close(&l->uv);
	assert(rc == 0); /* a foreign library left a handle on loop_uv() */
	(void)rc;
	free(l);
}

void loop_run(struct loop *l)
{
	l->woke_us = loop_now_us(l);
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

static uint64_t clock_us(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t loop_now_us(const struct loop *l)
{
	(void)l;
	return clock_us(CLOCK_MONOTONIC);
}

uint64_t loop_wall_us(const struct loop *l)
{
	(void)l;
	return clock_us(CLOCK_REALTIME);
}

struct loop_stats loop_stats(const struct loop *l)
{
	return l->stats;
}

void *loop_uv(struct loop *l)
{
	return &l->uv;
}

/* ---- descriptors ---------------------------------------------------------------------------- */

/* libuv stops a watch that met an error and names no event: both wake, and a caller that goes on
 * asks for events anew with loop_watch_set(). */
static void on_poll(uv_poll_t *h, int status, int events)
{
	struct loop_fd *w = h->data;
	int seen = (events & UV_READABLE ? LOOP_READ : 0) | (events & UV_WRITABLE ? LOOP_WRITE : 0);
	w->fn(w->ctx, status < 0 ? LOOP_READ | LOOP_WRITE : seen);
}

enum err loop_watch(struct loop *l, int fd, int events, loop_fd_fn *fn, void *ctx,
                    struct loop_fd **ret)
{
	struct loop_fd *w = calloc(1, sizeof *w);
	if (!w)
		return ERR_MEMORY;
	w->fn = fn;
	w->ctx = ctx;
	if (uv_poll_init(&l->uv, &w->part.poll, fd)) {
		free(w);
		return ERR_INVALID;
	}
	part_add(l, &w->part);
	loop_watch_set(w, events);
	*ret = w;
	return OK;
}

void loop_watch_set(struct loop_fd *w, int events)
{
	int mask = (events & LOOP_READ ? UV_READABLE : 0) | (events & LOOP_WRITE ? UV_WRITABLE : 0);
	if (mask)
		uv_poll_start(&w->part.poll, mask, on_poll);
	else
		uv_poll_stop(&w->part.poll);
}

void loop_watch_free(struct loop_fd **w)
{
	if (*w)
		part_close(&(*w)->part);
	*w = NULL;
}

/* ---- timers --------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *h)
{
	struct loop_timer *t = h->data;
	t->fn(t->ctx);
}

enum err loop_timer_new(struct loop *l, loop_tick_fn *fn, void *ctx, struct loop_timer **ret)
{
	struct loop_timer *t = calloc(1, sizeof *t);
	if (!t)
		return ERR_MEMORY;
	t->fn = fn;
	t->ctx = ctx;
	uv_timer_init(&l->uv, &t->part.timer);
	part_add(l, &t->part);
	*ret = t;
	return OK;
}

/* libuv counts from the time it cached when the iteration began: hand it the distance from there to
 * the due millisecond, so that a timer set late in a long turn never fires early. */
void loop_timer_set(struct loop_timer *t, uint64_t in_us)
{
	struct loop *l = t->part.loop;
	uint64_t now_us = loop_now_us(l), base_ms = uv_now(&l->uv);
	uint64_t due_us = in_us > UINT64_MAX - now_us - 999 ? UINT64_MAX - 999 : now_us + in_us;
	uint64_t due_ms = (due_us + 999) / 1000;
	uv_timer_start(&t->part.timer, on_timer, due_ms > base_ms ? due_ms - base_ms : 0, 0);
}

void loop_timer_clear(struct loop_timer *t)
{
	uv_timer_stop(&t->part.timer);
}

void loop_timer_free(struct loop_timer **t)
{
	if (*t)
		part_close(&(*t)->part);
	*t = NULL;
}

/* ---- signals -------------------------------------------------------------------------------- */

static void on_signal(uv_signal_t *h, int signum)
{
	struct loop_signal *s = h->data;
	(void)signum;
	s->fn(s->ctx);
}

enum err loop_on_signal(struct loop *l, int signum, loop_tick_fn *fn, void *ctx,
                        struct loop_signal **ret)
{
	struct loop_signal *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_MEMORY;
	s->fn = fn;
	s->ctx = ctx;
	uv_signal_init(&l->uv, &s->part.signal);
	part_add(l, &s->part);
	if (uv_signal_start(&s->part.signal, on_signal, signum)) {
		part_close(&s->part);
		return ERR_INVALID;
	}
	*ret = s;
	return OK;
}

/* ---- names ---------------------------------------------------------------------------------- */

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
	struct resolve *r = req->data;
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	if (!r->loop->closing) {
		if (status == 0 && res)
			r->fn(r->ctx, OK, res->ai_addr, res->ai_addrlen);
		else
			r->fn(r->ctx, status == UV_ENOMEM ? ERR_MEMORY : ERR_NOT_FOUND, NULL, 0);
	}
	uv_freeaddrinfo(res);
	free(r);
}

enum err loop_resolve(struct loop *l, const char *host, const char *port, loop_resolve_fn *fn,
                      void *ctx)
{
	struct resolve *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_MEMORY;
	*r = (struct resolve){ .loop = l, .fn = fn, .ctx = ctx };
	r->req.data = r;
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	if (uv_getaddrinfo(&l->uv, &r->req, on_resolved, host, port, &hints)) {
		free(r);
		return ERR_INVALID;
	}
	r->next = l->resolves;
	r->at = &l->resolves;
	if (r->next)
		r->next->at = &r->next;
	l->resolves = r;
	return OK;
}
