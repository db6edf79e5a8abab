/*
 * loop.c — see loop.h.
 */
#include "tools/plug/loop.h"
#include "tools/plug/plug.h"
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { SLOTS = 4096, EVENTS = 256, IDLE_MS = 50 };

struct plug_loop {
	int epoll;
	bool stop;
	struct plug *dirty;
	uint64_t ms; /* slots before this one have run */
	struct plug_alarm *slots[SLOTS];
};

uint64_t plug_now_us(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

MUST enum err plug_loop_new(struct plug_loop **ret)
{
	struct plug_loop *l = calloc(1, sizeof *l);
	if (!l)
		return ERR_MEMORY;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	l->ms = plug_now_us() / 1000;
	if (l->epoll < 0) {
		free(l);
		return ERR_LIMIT;
	}
	*ret = l;
	return OK;
}

void plug_loop_free(struct plug_loop **ll)
{
	if (*ll) {
		(void)close((*ll)->epoll);
		free(*ll);
	}
	*ll = NULL;
}

void plug_loop_stop(struct plug_loop *l)
{
	l->stop = true;
}

/* ---- descriptors --------------------------------------------------------------------------- */

MUST enum err plug_watch(struct plug_loop *l, struct plug_watch *w, int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e))
		return ERR_LIMIT;
	w->fd = fd;
	w->events = events;
	return OK;
}

void plug_watch_set(struct plug_loop *l, struct plug_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	if (w->events != events && !epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e))
		w->events = events;
}

void plug_unwatch(struct plug_loop *l, struct plug_watch *w)
{
	(void)epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	w->fn = NULL;
}

void plug_loop_dirty(struct plug_loop *l, struct plug *p)
{
	if (p->dirty)
		return;
	p->dirty = true;
	p->next_dirty = l->dirty;
	l->dirty = p;
}

static void flush(struct plug_loop *l)
{
	while (l->dirty) {
		struct plug *p = l->dirty;
		l->dirty = p->next_dirty;
		p->dirty = false;
		plug_flush(p);
	}
}

/* ---- alarms -------------------------------------------------------------------------------- */

static void hang(struct plug_alarm **slot, struct plug_alarm *a)
{
	a->next = *slot;
	a->link = slot;
	if (a->next)
		a->next->link = &a->next;
	*slot = a;
}

void plug_alarm_clear(struct plug_alarm *a)
{
	if (!a->link)
		return;
	*a->link = a->next;
	if (a->next)
		a->next->link = a->link;
	a->link = NULL;
}

void plug_alarm_set(struct plug_loop *l, struct plug_alarm *a, uint64_t due_us)
{
	uint64_t slot = (due_us + 999) / 1000;
	plug_alarm_clear(a);
	a->due_us = due_us;
	hang(&l->slots[(slot < l->ms ? l->ms : slot) % SLOTS], a);
}

/* Those of a later turn of the wheel are hung up again. */
static void run_slot(struct plug_loop *l, uint64_t ms)
{
	struct plug_alarm *due = l->slots[ms % SLOTS];
	l->slots[ms % SLOTS] = NULL;
	if (due)
		due->link = &due;
	while (due) {
		struct plug_alarm *a = due;
		plug_alarm_clear(a);
		if (a->due_us > ms * 1000) {
			hang(&l->slots[ms % SLOTS], a);
			continue;
		}
		a->fn(a->ctx);
		flush(l);
	}
}

static void run_alarms(struct plug_loop *l)
{
	uint64_t now = plug_now_us() / 1000;
	while (l->ms <= now && !l->stop)
		run_slot(l, l->ms++);
}

/* Until the next slot that has something, as far as it is looked ahead. */
static int wait_ms(const struct plug_loop *l)
{
	uint64_t now = plug_now_us() / 1000;
	for (uint64_t ms = l->ms; ms < l->ms + IDLE_MS; ms++)
		if (l->slots[ms % SLOTS])
			return ms <= now ? 0 : (int)(ms - now);
	return IDLE_MS;
}

void plug_loop_run(struct plug_loop *l)
{
	struct epoll_event events[EVENTS];
	l->stop = false;
	flush(l);
	while (!l->stop) {
		int n = epoll_wait(l->epoll, events, EVENTS, wait_ms(l));
		for (int i = 0; i < n && !l->stop; i++) {
			struct plug_watch *w = events[i].data.ptr;
			if (!w->fn)
				continue; /* ended by one before it in this very wake-up */
			w->fn(w->ctx, events[i].events);
			flush(l);
		}
		run_alarms(l);
	}
}
