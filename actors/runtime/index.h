/*
 * index.h — from a number that is never 0 to a pointer: pending asks by id, held asks by block.
 *
 * Open addressing, linear probing, removal by shifting back (no tombstones, Knuth 6.4 R): ids count
 * up, so they lie side by side. Never more than two thirds full.
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>

struct index_row {
	uint64_t key;
	void *value;
};

struct index {
	struct index_row *rows;
	uint32_t mask, n; /* rows - 1; in use */
};

MUST enum err index_put(struct index *x, uint64_t key, void *value); /* key is not there yet */
void *index_get(const struct index *x, uint64_t key);                /* NULL: not there */
void *index_take(struct index *x, uint64_t key);                     /* the same, and removes it */
/* The i-th row; NULL for an empty one. For walks over all, while nothing is put or taken. */
static inline void *index_at(const struct index *x, uint32_t i)
{
	return x->rows[i].value;
}
static inline uint32_t index_rows(const struct index *x)
{
	return x->rows ? x->mask + 1 : 0;
}
void index_done(struct index *x);
