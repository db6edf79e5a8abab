/*
 * spread.h — how a time is spread: counts in buckets of 1.6 %, so that a percentile of millions
 * costs no list; the worst is kept as it was.
 */
#pragma once
#include <stdint.h>

enum { SPREAD_SUB = 64, SPREAD_BUCKETS = SPREAD_SUB * 16 }; /* up to 19 hours */

struct spread {
	uint64_t n, worst, sum;
	uint32_t counts[SPREAD_BUCKETS];
};

void spread_add(struct spread *s, uint64_t us);
void spread_join(struct spread *to, const struct spread *of);
/* What `share` of them (0.99) are not above, us; 0 when there are none. */
uint64_t spread_at(const struct spread *s, double share);
