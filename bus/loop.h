/*
 * loop.h — the one event loop of a process. Nothing else includes uv.h.
 *
 * All work happens in one *turn*, run just before the loop may sleep (bus/README.md): each
 * registered stage does a bounded piece of it and says whether more is left; while any has, the
 * loop does not sleep. Callbacks of descriptors and timers only note what happened.
 *
 * One thread. Nothing here may be called from another, but loop_stop() from a signal watch.
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_signal;
struct loop_stage;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

/* events: LOOP_READ | LOOP_WRITE. An error of the descriptor shows as both and pauses the watch:
 * who goes on asks again with loop_watch_set(). */
typedef void loop_fd_fn(void *ctx, int events);
typedef void loop_tick_fn(void *ctx);
typedef bool loop_stage_fn(void *ctx); /* true: more is left, come again before sleeping */

MUST enum err loop_new(struct loop **ret);
void loop_free(struct loop **l); /* takes what is still registered down with it; NULLs *l */

void loop_run(struct loop *l); /* until loop_stop() */
void loop_stop(struct loop *l);

uint64_t loop_now_us(const struct loop *l);  /* monotonic, read from the clock */
uint64_t loop_wall_us(const struct loop *l); /* since the epoch */

/* Stages run in rising order, each turn. */
enum loop_order { LOOP_DRAIN = 1, LOOP_RUN = 2, LOOP_FLUSH = 3 };
MUST enum err loop_on_turn(struct loop *l, enum loop_order order, loop_stage_fn *run, void *ctx,
                           struct loop_stage **ret);
void loop_stage_free(struct loop_stage **s);

/* Watch a descriptor that stays the caller's. events = 0 pauses. */
MUST enum err loop_watch(struct loop *l, int fd, int events, loop_fd_fn *fn, void *ctx,
                         struct loop_fd **ret);
void loop_watch_set(struct loop_fd *w, int events);
void loop_watch_free(struct loop_fd **w); /* safe inside its own callback; before close(fd) */

MUST enum err loop_timer_new(struct loop *l, loop_tick_fn *fn, void *ctx, struct loop_timer **ret);
void loop_timer_set(struct loop_timer *t, uint64_t in_us); /* once, rounded up to ms; moves it */
void loop_timer_clear(struct loop_timer *t);
void loop_timer_free(struct loop_timer **t);

MUST enum err loop_on_signal(struct loop *l, int signum, loop_tick_fn *fn, void *ctx,
                             struct loop_signal **ret);

/* Resolve a name off the loop; fn is called once, on the loop, unless cancelled by loop_free (which
 * waits for a look-up that has already begun). */
struct sockaddr;
typedef void loop_resolve_fn(void *ctx, enum err e, const struct sockaddr *addr, uint32_t len);
MUST enum err loop_resolve(struct loop *l, const char *host, const char *port, loop_resolve_fn *fn,
                           void *ctx);

/* How the loop fares: for status and for the law that turns stay under 10 ms. */
struct loop_stats {
	uint64_t turns, slept, slow_turns /* above 50 ms */, longest_us;
};
struct loop_stats loop_stats(const struct loop *l);

void *loop_uv(struct loop *l); /* uv_loop_t *, for libwebsockets' plug-in alone */
