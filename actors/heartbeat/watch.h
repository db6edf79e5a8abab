/*
 * watch.h — who gave a sign of life when, and who has fallen silent. Pure: time is a parameter.
 *
 * One is silent after three times the interval it promised: one lost sign is the bus's right
 * (events are at most once), two in a row are rare, three are news. Entries are kept sorted by
 * name; at most WATCH_MOST of them: beyond that the one longest ended or silent makes room, and a
 * living one never does.
 */
#pragma once
#include "proto/beat.h"

enum { WATCH_MOST = 4096, WATCH_MISSES = 3 };

struct watched {
	char name[129], note[201];
	enum beat_state state;
	uint32_t every_ms, silences;
	uint64_t heard_us;       /* monotonic */
	int64_t last_us;         /* wall */
	struct beat_pulse pulse; /* nodes: numbers of the last one; its views are not kept */
	uint32_t rate;           /* handled per second, from the last two pulses */
};

struct watch {
	struct watched **all; /* sorted by name */
	uint32_t n, cap;
};

void watch_done(struct watch *w);

/* A sign of life. ret_silent_us: how long it had been silent when this made it come back, else 0.
 * ERR_FULL: WATCH_MOST living ones; ERR_MEMORY. The entry returned is the watch's. */
MUST enum err watch_heard(struct watch *w, struct str name, uint32_t every_ms, uint64_t now_us,
                          int64_t wall_us, struct watched **ret, uint64_t *ret_silent_us);

/* It ended well: no longer watched, still listed. */
void watch_ended(struct watch *w, struct str name);

/* The next one that fell silent and was not yet reported; NULL when there is none. */
struct watched *watch_silent(struct watch *w, uint64_t now_us);

/* When to look again: the earliest moment one may fall silent. UINT64_MAX: nobody is watched. */
uint64_t watch_next_us(const struct watch *w);

/* Index of the first entry behind `after`; entries from there on are in order. */
uint32_t watch_after(const struct watch *w, struct str after);
