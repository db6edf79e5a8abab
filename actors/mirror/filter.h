/*
 * filter.h — which messages a tap wants, and how many of them it may have. Pure: time is a
 * parameter.
 *
 * At most FILTER_MOST watches on a node at once; each has a lease that its watcher renews, a sample
 * rate and a budget per second. What passes the filter but not the budget is counted, and the count
 * rides on the next copy.
 */
#pragma once
#include "proto/msg.h"
#include "proto/tap.h"

enum { FILTER_MOST = 8, FILTER_LEASE_MS = 3000, FILTER_RATE = 500, FILTER_RATE_MOST = 20000 };

struct filter {
	uint64_t id;
	char type[65], from[129], to[129];
	uint64_t business;
	uint8_t trace[16];
	bool by_trace, reveal;
	uint32_t sample, rate;
	uint64_t until_us;
	/* the budget of the running second */
	uint64_t second_us;
	uint32_t spent, seen;
	uint64_t lost;
};

struct filters {
	struct filter all[FILTER_MOST];
	uint32_t n;
};

/* Begin or renew. ERR_FULL: FILTER_MOST others are watching. */
MUST enum err filters_watch(struct filters *fs, const struct tap_watch *w, uint64_t now_us);
void filters_stop(struct filters *fs, uint64_t id);
void filters_expire(struct filters *fs, uint64_t now_us); /* forget those whose lease ran out */

/* Does it match, and is there budget? Messages of group tap never match: a tap on taps has no end.
 */
bool filter_wants(struct filter *f, const struct msg *m, struct str from, struct str to,
                  uint64_t now_us);

/* How many of the next messages no filter wants, whatever they are: of one that takes a sample of
 * everything, those between two of its sample. They are counted as seen. */
uint32_t filters_pass(struct filters *fs);
