/*
 * loop.h — the loop of a stand-in: epoll, and a wheel of alarms with slots of one millisecond.
 *
 *     descriptors ─▶ callbacks ─┐
 *     alarms due  ─▶ callbacks ─┴─▶ plugs that have something to say are flushed, each at once
 *
 * It is not bus/loop.h on purpose: a stand-in shares nothing with what it judges, and has ten
 * thousand alarms in the air. One thread.
 */
#pragma once
#include "proto/err.h"
#include <stdbool.h>
#include <stdint.h>

struct plug_loop;
struct plug;

typedef void plug_event_fn(void *ctx, uint32_t events); /* EPOLLIN | EPOLLOUT | … */
typedef void plug_alarm_fn(void *ctx);

/* Lies in what it belongs to. That may be freed from an alarm, never from an event: events of the
 * same wake-up may still name it. */
struct plug_watch {
	plug_event_fn *fn; /* NULL: not watched */
	void *ctx;
	int fd;
	uint32_t events;
};

struct plug_alarm {
	plug_alarm_fn *fn;
	void *ctx;
	uint64_t due_us;
	struct plug_alarm *next, **link; /* link NULL: not set */
};

uint64_t plug_now_us(void); /* monotonic, one clock for all processes of a host */

MUST enum err plug_loop_new(struct plug_loop **ret);
void plug_loop_free(struct plug_loop **l);
void plug_loop_run(struct plug_loop *l); /* until plug_loop_stop */
void plug_loop_stop(struct plug_loop *l);

MUST enum err plug_watch(struct plug_loop *l, struct plug_watch *w, int fd, uint32_t events);
void plug_watch_set(struct plug_loop *l, struct plug_watch *w, uint32_t events);
void plug_unwatch(struct plug_loop *l, struct plug_watch *w); /* before close(fd) */

/* At due_us or up to a millisecond later, once; setting it again moves it. */
void plug_alarm_set(struct plug_loop *l, struct plug_alarm *a, uint64_t due_us);
void plug_alarm_clear(struct plug_alarm *a);

/* Flush this one once the callback that runs has returned. */
void plug_loop_dirty(struct plug_loop *l, struct plug *p);
