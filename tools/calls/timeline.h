/*
 * timeline.h — what happened in a call, both legs beside one axis of time.
 *
 *          caller                         time   AI
 *          wire opens                    0.000 ┤
 *                                        0.214 ├  wire opens
 *          “Have you a boat?”            3.100 ┤
 *                                        3.480 ├  answers after 380 ms
 *                                        5.020 ├  “We have two.”
 *
 * Pure: events in, text out, LINE columns wide. Events may come in any order.
 */
#pragma once
#include "proto/buf.h"
#include "proto/call.h"

enum { TIMELINE_COLUMNS = 100, TIMELINE_EVENTS = 20000 };

struct timeline {
	struct timeline_event {
		uint64_t at_us, epoch;
		uint32_t seq;
		enum call_happening kind;
		int64_t ms;
		char *text;
		bool written; /* not spoken: a message on another way */
	} * events;
	uint32_t n, cap;
	uint32_t left_out; /* beyond TIMELINE_EVENTS */
};

void timeline_done(struct timeline *t);
MUST enum err timeline_add(struct timeline *t, const struct call_event *e);
/* A message of the other party, or to them, while the call was going on. */
MUST enum err timeline_message(struct timeline *t, uint64_t at_us, bool ours, struct str text);
/* Times are counted from start_us. */
void timeline_write(struct timeline *t, uint64_t start_us, struct buf *out);

/* How many columns text takes: one for each character. */
uint32_t timeline_width(struct str text);
