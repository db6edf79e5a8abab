/*
 * limits.c — limits.h.
 */
#include "gateway/limits.h"
#include <stdlib.h>

enum { WAYS = 4, DEBT_BURSTS = 8 };

struct bucket {
	uint64_t key;
	uint64_t full_us; /* when it will be full again; in the past: it is */
};

struct limits {
	uint64_t seed;
	uint32_t rows; /* a power of two */
	struct bucket buckets[][WAYS];
};

enum err limits_new(uint32_t buckets, uint64_t seed, struct limits **ret)
{
	uint32_t rows = 1;
	while (rows * WAYS < buckets && rows < 1u << 24)
		rows *= 2;
	struct limits *l = calloc(1, sizeof *l + rows * sizeof *l->buckets);
	if (!l)
		return ERR_MEMORY;
	l->rows = rows;
	l->seed = seed;
	*ret = l;
	return OK;
}

void limits_free(struct limits **l)
{
	free(*l);
	*l = NULL;
}

/* FNV-1a, then a finaliser (splitmix64's); seeded, so that nobody can aim at another's row. */
uint64_t limits_key(const struct limits *l, uint32_t kind, struct str who)
{
	uint64_t h = (0xcbf29ce484222325 ^ l->seed) + kind * UINT64_C(0x9e3779b97f4a7c15);
	for (uint32_t i = 0; i < who.len; i++)
		h = (h ^ (uint8_t)who.at[i]) * 0x100000001b3;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9;
	h = (h ^ h >> 27) * 0x94d049bb133111eb;
	h ^= h >> 31;
	return h ? h : 1;
}

static struct bucket *bucket_of(struct limits *l, uint64_t key)
{
	struct bucket *row = l->buckets[key & (l->rows - 1)], *victim = row;
	for (unsigned i = 0; i < WAYS; i++) {
		if (row[i].key == key)
			return &row[i];
		if (row[i].full_us < victim->full_us)
			victim = &row[i];
	}
	*victim = (struct bucket){ .key = key };
	return victim;
}

static uint64_t token_us_of(struct limits_rate rate)
{
	return 1000000 / rate.per_s ? 1000000 / rate.per_s : 1;
}

void limits_charge(struct limits *l, uint64_t key, struct limits_rate rate, uint32_t tokens,
                   uint64_t now_us)
{
	if (!rate.per_s)
		return;
	struct bucket *b = bucket_of(l, key);
	uint64_t token_us = token_us_of(rate);
	uint64_t most_us = DEBT_BURSTS * token_us * (rate.burst ? rate.burst : 1);
	uint64_t full_us = b->full_us > now_us ? b->full_us : now_us;
	uint64_t then_us = full_us + token_us * tokens;
	b->full_us = then_us - now_us < most_us ? then_us : now_us + most_us;
}

struct limits_verdict limits_take(struct limits *l, uint64_t key, struct limits_rate rate,
                                  uint32_t tokens, uint64_t now_us)
{
	if (!rate.per_s)
		return (struct limits_verdict){ .ok = true, .left = UINT32_MAX };
	struct bucket *b = bucket_of(l, key);
	uint64_t token_us = token_us_of(rate);
	uint64_t most_us = token_us * (rate.burst ? rate.burst : 1);
	uint64_t full_us = b->full_us > now_us ? b->full_us : now_us;
	uint64_t then_us = full_us + token_us * tokens;
	struct limits_verdict v = { .ok = then_us - now_us <= most_us };
	if (v.ok)
		b->full_us = full_us = then_us;
	else
		v.retry_ms = (uint32_t)((then_us - now_us - most_us) / 1000 + 1);
	uint64_t owed_us = full_us - now_us;
	v.left = owed_us < most_us ? (uint32_t)((most_us - owed_us) / token_us) : 0;
	v.reset_ms = (uint32_t)(owed_us / 1000);
	return v;
}
