/*
 * playback.h — the carrier's playback buffer, as Twilio describes it: audio is played in order at
 * real time; a mark comes back when all before it was played, at once when nothing is; clear
 * empties it and brings every mark back.
 *
 *     now ─┬── item 3 ──┬─ item 4 ─┬ mark a ┬─ item 4 ─┬ mark b      done_us
 *          └ playing                                               └ where the next byte goes
 *
 * Pure: time comes in, nothing goes out. What was playing at a clear is told from the stamps.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum { PLAYBACK_MARKS = 512, PLAYBACK_RUNS = 64, PLAYBACK_NAME = 128 };

struct playback {
	uint64_t done_us;   /* all of it has been played then */
	uint64_t played_us; /* of audio, since the beginning; what was cleared is taken off */
	struct playback_run {
		uint32_t item, ms; /* where in the item it begins */
		uint64_t begin_us, end_us;
	} runs[PLAYBACK_RUNS]; /* stretches of one item each; the oldest are forgotten */
	uint32_t n_runs;
	struct playback_mark {
		uint64_t due_us;
		char name[PLAYBACK_NAME];
	} * marks; /* a ring, made with the first */
	uint32_t first_mark, n_marks;
};

void playback_init(struct playback *p);
void playback_done(struct playback *p);

/* So much μ-law is queued; item 0: it bears no stamp. */
void playback_put(struct playback *p, uint64_t now_us, uint32_t bytes, uint32_t item, uint32_t ms);
/* ERR_FULL: more marks in the air than any sane sender has. ERR_TOO_LARGE: the name. */
MUST enum err playback_mark(struct playback *p, uint64_t now_us, struct str name);
/* The next mark that is due, into ret; false: none yet. */
bool playback_due(struct playback *p, uint64_t now_us, char ret[PLAYBACK_NAME]);
uint64_t playback_next_us(const struct playback *p); /* of that; 0: no marks */

struct playback_heard {
	bool known; /* a stamped item was playing, or the last one had ended */
	uint32_t item, ms;
};
/* All marks are due from now on. */
struct playback_heard playback_clear(struct playback *p, uint64_t now_us);
bool playback_is_playing(const struct playback *p, uint64_t now_us);
