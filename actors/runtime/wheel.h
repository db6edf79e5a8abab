/*
 * wheel.h — hierarchical timer wheel: arm, move and disarm in O(1), whatever the number of timers.
 *
 *     level 0   64 slots of 1 tick        ▓░░▓░░░░…   due within 64 ticks
 *     level 1   64 slots of 64 ticks      ░▓░░░░░░…   sorted again when the slot is reached
 *     …
 *     level 7   64 slots of 2^42 ticks                2^48 ticks in all: 8,900 years of ms
 *
 * A timer lies at the level of the highest bit in which its time differs from now, so everything in
 * a lower level is due before anything in a higher one. One word per level says which slots are in
 * use: a jump over hours costs as little as one tick. Source: Varghese and Lauck, "Hashed and
 * Hierarchical Timing Wheels", 1987; the levels by differing bit are tokio's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WHEEL_LEVELS = 8, WHEEL_SLOTS = 64 };

struct wheel_link {
	struct wheel_link *next, *prev;
};

struct wheel_timer {
	struct wheel_link link; /* first, so that a link is a timer; NULL when not armed */
	uint64_t due;           /* tick */
	uint8_t level, slot;
	uint8_t is; /* the owner's: what to do */
};

struct wheel {
	uint64_t now; /* the last tick that was expired */
	uint64_t used[WHEEL_LEVELS];
	struct wheel_link slots[WHEEL_LEVELS][WHEEL_SLOTS]; /* heads of rings */
};

void wheel_init(struct wheel *w, uint64_t now);
/* Due at tick `due`, which is less than 2^47 ahead; at the next tick if that has passed. */
void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t due);
void wheel_disarm(struct wheel *w, struct wheel_timer *t); /* also when not armed */
static inline bool wheel_armed(const struct wheel_timer *t)
{
	return t->link.next != NULL;
}

/* The next timer due at or before `now`, disarmed, in order of time and, at one tick, of arming;
 * NULL when there is none, and then the wheel stands at `now`. Timers may be armed and disarmed
 * between two calls; what is armed meanwhile is due after `now`. */
struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now);

/* When wheel_expire() next has something to do: never late, possibly early. UINT64_MAX: never. */
uint64_t wheel_next(const struct wheel *w);
