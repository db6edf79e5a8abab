/*
 * index.c — a hash table from numbers to pointers; see index.h.
 */
#include "actors/runtime/index.h"
#include <stdlib.h>

enum { FEWEST = 64 };

/* Fibonacci hashing would scatter ids that count up; the low bits keep them side by side, and those
 * of blocks (multiples of 16 at least) are mixed down. */
static inline uint32_t home(const struct index *x, uint64_t key)
{
	return (uint32_t)(key ^ (key >> 7) ^ (key >> 23)) & x->mask;
}

static void put(struct index *x, uint64_t key, void *value)
{
	uint32_t i = home(x, key);
	while (x->rows[i].key)
		i = (i + 1) & x->mask;
	x->rows[i] = (struct index_row){ .key = key, .value = value };
}

static enum err grow(struct index *x)
{
	struct index was = *x;
	uint32_t rows = was.rows ? (was.mask + 1) * 2 : FEWEST;
	struct index_row *fresh = calloc(rows, sizeof *fresh);
	if (!fresh)
		return ERR_MEMORY;
	x->rows = fresh;
	x->mask = rows - 1;
	for (uint32_t i = 0; i < index_rows(&was); i++)
		if (was.rows[i].key)
			put(x, was.rows[i].key, was.rows[i].value);
	free(was.rows);
	return OK;
}

enum err index_put(struct index *x, uint64_t key, void *value)
{
	if (!x->rows || x->n >= (x->mask + 1) / 3 * 2) {
		enum err e = grow(x);
		if (e)
			return e;
	}
	put(x, key, value);
	x->n++;
	return OK;
}

static struct index_row *find(const struct index *x, uint64_t key)
{
	if (!x->n)
		return NULL;
	for (uint32_t i = home(x, key); x->rows[i].key; i = (i + 1) & x->mask)
		if (x->rows[i].key == key)
			return &x->rows[i];
	return NULL;
}

void *index_get(const struct index *x, uint64_t key)
{
	struct index_row *row = find(x, key);
	return row ? row->value : NULL;
}

void *index_take(struct index *x, uint64_t key)
{
	struct index_row *row = find(x, key);
	if (!row)
		return NULL;
	void *value = row->value;
	uint32_t hole = (uint32_t)(row - x->rows);
	for (uint32_t i = (hole + 1) & x->mask; x->rows[i].key; i = (i + 1) & x->mask) {
		uint32_t want = home(x, x->rows[i].key);
		if (((i - want) & x->mask) >= ((i - hole) & x->mask)) {
			x->rows[hole] = x->rows[i];
			hole = i;
		}
	}
	x->rows[hole] = (struct index_row){ 0 };
	x->n--;
	return value;
}

void index_done(struct index *x)
{
	free(x->rows);
	*x = (struct index){ 0 };
}
