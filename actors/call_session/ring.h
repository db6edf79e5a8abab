/*
 * ring.h — bytes of audio in the order they came: grows as needed up to a bound, gives its memory
 * back when it is empty.
 *
 *     ┌───────┬───────────────────┬─────────┐
 *     │ free  │ oldest ▷ ▷ newest │  free   │      both ends go round
 *     └───────┴───────────────────┴─────────┘
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

struct ring {
	char *at;
	uint32_t cap, head, len;
};

/* Room for `n` more, unless there would then be more than `most`: ERR_FULL, ERR_MEMORY. */
MUST enum err ring_room(struct ring *r, uint32_t n, uint32_t most);
void ring_put(struct ring *r, const char *at, uint32_t n); /* after ring_room said OK */
/* The oldest `n` bytes, at most as many as there are; copied out, or thrown away with NULL. */
uint32_t ring_take(struct ring *r, char *out, uint32_t n);
void ring_cut(struct ring *r, uint32_t len); /* the newest go, until `len` are left */
void ring_done(struct ring *r);              /* empty, and without memory */
