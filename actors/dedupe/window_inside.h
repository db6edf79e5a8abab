/*
 * window_inside.h — the parts of a window, for window.c (what is kept) and verdict.c (what
 * follows).
 */
#pragma once
#include "actors/dedupe/window.h"

enum window_by { WINDOW_BY_PRINT, WINDOW_BY_PLACE, WINDOW_BY_N };

struct window_link {
	struct window_entry *prev, *next;
};

struct window_entry {
	struct window_talk *talk;
	struct window_key key[WINDOW_BY_N]; /* none: does not stand in that hash */
	struct window_entry *chain[WINDOW_BY_N];
	struct window_link all, own;
	int64_t t_us;
	uint64_t id;     /* of the stored row; 0: tentative */
	uint64_t insert; /* tentative: the insert it travels in */
	uint32_t in;     /* and its place there */
	bool is_own;
};

struct window_talk {
	struct window_key key;
	struct window_talk *chain;
	struct window_talk *newer, *older; /* by last use */
	struct window_entry *all, *own;    /* own: newest first */
	uint32_t n, pins, trim_at;
	bool covered, loading;
	int64_t from_us, to_us; /* when covered */
	int64_t floor_us;       /* nothing older is kept, for want of room */
	int64_t newest_us;
};

struct window {
	struct window_limits limits;
	struct window_talk **talks;
	struct window_entry **slots[WINDOW_BY_N];
	uint32_t talk_slots, entry_slots; /* powers of two */
	struct window_talk *newest, *oldest;
	struct window_stats stats;
};

static inline uint64_t window_mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL; /* MurmurHash3's finaliser, Austin Appleby, public domain */
	x ^= x >> 33;
	return x;
}

static inline int64_t window_second(int64_t t_us)
{
	return t_us / 1000000 - (t_us % 1000000 < 0);
}

static inline uint32_t window_slot(const struct window *w, const struct window_talk *t,
                                   enum window_by by, struct window_key key, int64_t second)
{
	uint64_t x = key.lo ^ t->key.lo;
	if (by == WINDOW_BY_PLACE)
		x ^= window_mix((uint64_t)second);
	return (uint32_t)window_mix(x) & (w->entry_slots - 1);
}

static inline int64_t window_apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}
