/*
 * arena.h — bytes handed out in order and given back all at once.
 *
 *     at ┌────────────────┬───────────────┐ at + len
 *        │  taken  (used) │     free      │
 *        └────────────────┴───────────────┘
 *
 * The caller brings the memory (a stack array, a message block), so its size is the bound: when it
 * is full, arena_take answers NULL and the reader that asked says ERR_TOO_LARGE. Nothing is freed
 * one by one; giving all of it back is `used = 0`.
 */
#pragma once
#include "proto/copy.h"
#include "proto/str.h"

struct arena {
	char *at;
	uint32_t len, used;
};

/* An arena over an array. */
#define ARENA_OVER(array)                                                                          \
	{                                                                                          \
		.at = (char *)(array), .len = (uint32_t)sizeof(array)                              \
	}

/* `n` bytes, not cleared, aligned to `align` (a power of two); NULL when there is no room. */
static inline void *arena_take(struct arena *a, size_t n, size_t align)
{
	if (!a || !a->at)
		return NULL;
	size_t gap = -((uintptr_t)a->at + a->used) & (align - 1);
	size_t room = a->len - a->used;
	if (gap > room || n > room - gap)
		return NULL;
	char *at = a->at + a->used + gap;
	a->used += (uint32_t)(gap + n);
	return at;
}

/* Give back the tail of what was taken last: it turned out to be `n` bytes too long. */
static inline void arena_trim(struct arena *a, size_t n)
{
	a->used -= (uint32_t)n;
}

/* A copy that lives as long as the arena. False when there is no room; ret untouched. */
static inline __attribute__((always_inline)) bool arena_keep(struct arena *a, struct str s,
                                                             struct str *ret)
{
	char *at = s.len ? arena_take(a, s.len, 1) : NULL;
	if (s.len && !at)
		return false;
	copy_bytes(at, s.at, s.len);
	*ret = (struct str){ .at = at, .len = s.len };
	return true;
}
