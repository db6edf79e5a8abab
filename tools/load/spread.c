/*
 * spread.c — see spread.h (the idea of HdrHistogram).
 */
#include "tools/load/spread.h"

/* Below 64 each value has a bucket; above, each power of two has 64 halves of 1.6 %. */
static uint32_t bucket_of(uint64_t us)
{
	uint32_t power = us < SPREAD_SUB ? 0 : 63 - (uint32_t)__builtin_clzll(us) - 5;
	uint32_t i = power ? power * (SPREAD_SUB / 2) + (uint32_t)(us >> power) : (uint32_t)us;
	return i < SPREAD_BUCKETS ? i : SPREAD_BUCKETS - 1;
}

/* The greatest value of a bucket. */
static uint64_t top_of(uint32_t i)
{
	uint32_t half = SPREAD_SUB / 2;
	if (i < SPREAD_SUB)
		return i;
	uint32_t power = i / half - 1;
	return ((uint64_t)(i - power * half) << power) + (1ull << power) - 1;
}

void spread_add(struct spread *s, uint64_t us)
{
	s->counts[bucket_of(us)]++;
	s->n++;
	s->sum += us;
	if (us > s->worst)
		s->worst = us;
}

void spread_join(struct spread *to, const struct spread *of)
{
	for (uint32_t i = 0; i < SPREAD_BUCKETS; i++)
		to->counts[i] += of->counts[i];
	to->n += of->n;
	to->sum += of->sum;
	if (of->worst > to->worst)
		to->worst = of->worst;
}

uint64_t spread_at(const struct spread *s, double share)
{
	uint64_t seen = 0, want = (uint64_t)((double)s->n * share);
	if (want >= s->n)
		return s->worst;
	for (uint32_t i = 0; i < SPREAD_BUCKETS; i++) {
		seen += s->counts[i];
		if (seen > want)
			return top_of(i) < s->worst ? top_of(i) : s->worst;
	}
	return s->worst;
}
