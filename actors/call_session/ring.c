/*
 * ring.c — see ring.h.
 */
#include "actors/call_session/ring.h"
#include <stdlib.h>

enum { LEAST = 2048 }; /* bytes first taken: a quarter of a second */

static void copy_out(const struct ring *r, char *out, uint32_t n)
{
	uint32_t first = r->cap - r->head < n ? r->cap - r->head : n;
	if (first)
		memcpy(out, r->at + r->head, first);
	if (n > first)
		memcpy(out + first, r->at, n - first);
}

enum err ring_room(struct ring *r, uint32_t n, uint32_t most)
{
	if (n > most || r->len > most - n)
		return ERR_FULL;
	if (r->cap - r->len >= n)
		return OK;
	uint32_t cap = r->cap ? r->cap : LEAST;
	while (cap < r->len + n)
		cap *= 2;
	if (cap > most)
		cap = most; /* what is bounded holds no more memory than its bound */
	char *at = malloc(cap);
	if (!at)
		return ERR_MEMORY;
	copy_out(r, at, r->len);
	free(r->at);
	r->at = at;
	r->cap = cap;
	r->head = 0;
	return OK;
}

void ring_put(struct ring *r, const char *at, uint32_t n)
{
	if (!n)
		return;
	uint32_t tail = (uint32_t)(((uint64_t)r->head + r->len) % r->cap);
	uint32_t first = r->cap - tail < n ? r->cap - tail : n;
	memcpy(r->at + tail, at, first);
	if (n > first)
		memcpy(r->at, at + first, n - first);
	r->len += n;
}

uint32_t ring_take(struct ring *r, char *out, uint32_t n)
{
	if (n > r->len)
		n = r->len;
	if (!n)
		return 0;
	if (out)
		copy_out(r, out, n);
	r->head = (uint32_t)(((uint64_t)r->head + n) % r->cap);
	r->len -= n;
	if (!r->len && r->cap > LEAST)
		ring_done(r);
	return n;
}

void ring_cut(struct ring *r, uint32_t len)
{
	if (len < r->len)
		r->len = len;
	if (!r->len)
		ring_done(r);
}

void ring_done(struct ring *r)
{
	free(r->at);
	*r = (struct ring){ 0 };
}
