/*
 * limits.h — token buckets in a table of fixed size: who asks too often waits.
 *
 * Generic cells, so a bucket is one word of time: the moment at which it will be full again. A
 * taker moves it by one token; when it lies further ahead than the burst allows, the taker is
 * refused. What a flood of strangers can do is bounded: a row holds four buckets, the one that is
 * fullest makes room (a full bucket forgets nothing). Pure: time is a parameter.
 *
 * What other gateways let pass is charged here too (spend.c), so that all of them keep one limit.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

struct limits;

struct limits_rate {
	uint32_t per_s, burst; /* per_s 0: no limit */
};

struct limits_verdict {
	bool ok;
	uint32_t left;     /* whole tokens */
	uint32_t reset_ms; /* until the bucket is full */
	uint32_t retry_ms; /* refused: until one token is there */
};

MUST enum err limits_new(uint32_t buckets, uint64_t seed, struct limits **ret);
void limits_free(struct limits **l);

/* A key for a bucket: `kind` keeps sources, keys and offenders apart. */
uint64_t limits_key(const struct limits *l, uint32_t kind, struct str who);

/* What passed elsewhere: taken whether there is enough or not. What is owed is refused later, but
 * no more than eight bursts of it. */
void limits_charge(struct limits *l, uint64_t key, struct limits_rate rate, uint32_t tokens,
                   uint64_t now_us);

/* Takes `tokens`; 0 only looks. */
struct limits_verdict limits_take(struct limits *l, uint64_t key, struct limits_rate rate,
                                  uint32_t tokens, uint64_t now_us);
