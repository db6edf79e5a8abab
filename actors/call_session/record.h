/*
 * record.h — what a call leaves behind: events until the store has them, and counts.
 *
 *     session ── record_note ──▶ [ 1 2 3 … ] ── call.note ──▶ store ── record_stored ──▶ gone
 *
 * Bounded, since calls go on without a store: when it is full, words go first, the oldest first.
 */
#pragma once
#include "proto/call.h"

enum {
	RECORD_NOTES = 256,
	RECORD_BYTES = 64 << 10,
	RECORD_SEND = CALL_NOTE_NOTES_MOST, /* in one message */
	RECORD_TEXT = 1024,                 /* bytes of one note's words */
	RECORD_TURNS = 64,                  /* latencies kept for the median, the latest */
};

struct record_note {
	uint32_t seq, len;
	int64_t ms;
	uint64_t at_us;
	enum call_happening kind;
	char *text;
};

struct record {
	struct record_note *notes; /* in order; made with the first one */
	uint32_t n, cap, bytes, last_seq, in_flight;
	uint32_t lost; /* notes that made room for others */
	/* counts of call.finish that are nobody else's */
	uint32_t barge_ins, turns, tools, reconnects;
	uint32_t first_audio_ms, worst_ms;
	uint32_t latencies[RECORD_TURNS];
};

void record_done(struct record *r);
void record_note(struct record *r, uint64_t wall_us, enum call_happening kind, int64_t ms,
                 struct str text);
/* The oldest notes, as many as fit one message; they stay until record_stored. Views live until the
 * next record_note. */
uint32_t record_send(struct record *r, struct call_noted ret[RECORD_SEND]);
void record_stored(struct record *r);
void record_unsent(struct record *r); /* it failed: the same ones again */

void record_turn(struct record *r, uint32_t latency_ms);
uint32_t record_median(const struct record *r);
