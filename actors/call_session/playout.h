/*
 * playout.h — the AI's audio on its way to the caller: what was heard of it, to the millisecond.
 *
 *              ┌ item 1 ────────────┬ item 2 ───────────────────┐
 *     timeline ├──────▲─────────▲───┼───────▲─────── ─ ─ ─ ─ ─ ─┤   bytes since the generation
 * began 0      mark    played      sent              got └── in the carrier's buffer ──┘└ held ┘
 *
 * The AI speaks faster than real time. Audio is passed on at once, and waits in the carrier's
 * buffer, which has room for any answer; only what the carrier's socket does not take is held here:
 * up to 12 s while it takes nothing at all, ten times as much while it does drain.
 *
 * Marks are the clock. One stands at the start of each run and behind each piece, and comes back
 * when all before it was played; between two of them time itself is the measure, never beyond the
 * next one. A cut (barge-in) begins a new generation; marks of older ones mean nothing any more.
 */
#pragma once
#include "actors/call_session/ring.h"
#include "actors/call_session/sound.h"

enum {
	PLAYOUT_ITEMS = 16,           /* known at once; what is played is forgotten */
	PLAYOUT_MARKS = 64,           /* on their way at once */
	PLAYOUT_STALLED_MS = 12000,   /* held against a socket that takes nothing */
	PLAYOUT_DRAINING_MS = 120000, /* held against one that is only slow */
	PLAYOUT_STALL_US = 1000000,   /* nothing taken for so long: it takes nothing */
	PLAYOUT_ID = 129,
	PLAYOUT_MARK_NAME = 48,
};

struct playout_item {
	char id[PLAYOUT_ID]; /* the AI's name for it; empty: a sound of our own */
	uint64_t base;       /* where it begins on the timeline, bytes */
	uint64_t got;        /* of it */
	bool ended;          /* takes no more */
};

struct playout_mark {
	uint32_t number;
	uint64_t at; /* on the timeline */
};

struct playout {
	uint32_t generation, last_number;
	struct playout_item items[PLAYOUT_ITEMS];
	uint32_t first_item, n_items;
	struct playout_mark marks[PLAYOUT_MARKS];
	uint32_t first_mark, n_marks;
	uint64_t got, sent, marked, echoed; /* places on the timeline */
	uint64_t clock_at,
		clock_us; /* the caller was here then: a mark came back, or a run began */
	struct ring held;
	/* The socket's credit. */
	bool open;           /* it may be written to */
	bool asked;          /* a look is on its way */
	uint32_t since_look; /* bytes written since the last one */
	uint64_t level;      /* what it held back then, bytes */
	uint64_t drained_us; /* when it last took something */
	/* counted */
	uint64_t heard;   /* bytes of generations before this one */
	uint64_t dropped; /* bytes */
};

/* What a cut leaves to tell the AI: items not wholly heard, in order. */
struct playout_cut {
	uint32_t n;
	struct {
		char id[PLAYOUT_ID];
		uint32_t heard_ms, of_ms;
	} items[PLAYOUT_ITEMS];
};

void playout_init(struct playout *p, uint64_t now_us);
void playout_done(struct playout *p);

/* `bytes` of an item have come. OK: they belong at the end of the timeline, and are now to be said
 * (playout_passes) or held. ERR_FULL: counted and dropped, and so is the rest of the item. */
MUST enum err playout_take(struct playout *p, struct str id, uint32_t bytes, uint64_t now_us);
bool playout_passes(const struct playout *p);
MUST enum err playout_hold(struct playout *p, struct str base64);
/* No more of an item will come; of all items with an empty id. */
void playout_end_item(struct playout *p, struct str id);

/* Held audio that may be said now: at most `cap` bytes, 0 for none. */
uint32_t playout_next(struct playout *p, char *out, uint32_t cap);
/* It was said: `bytes` of audio in `wire_bytes`. */
void playout_said(struct playout *p, uint32_t bytes, uint32_t wire_bytes);

/* Is a mark due before more audio (a run begins) or behind it? Then its name. */
bool playout_mark_before(struct playout *p, uint64_t now_us, char name[PLAYOUT_MARK_NAME]);
bool playout_mark_behind(struct playout *p, bool last, char name[PLAYOUT_MARK_NAME]);
/* One came back. False: an older generation's, or none of ours. */
bool playout_echo(struct playout *p, struct str name, uint64_t now_us);

/* On the timeline, and in all of the call. */
uint64_t playout_played(const struct playout *p, uint64_t now_us);
uint64_t playout_heard_ms(const struct playout *p, uint64_t now_us);
/* Audio that is still to be heard, ms. */
uint32_t playout_left_ms(const struct playout *p, uint64_t now_us);
/* All that was got was heard, by word of the carrier. */
bool playout_idle(const struct playout *p);

void playout_cut(struct playout *p, uint64_t now_us, struct playout_cut *ret);

/* The socket's credit: is it time to ask how much it holds back, and what came of it. */
bool playout_may_write(const struct playout *p);
bool playout_look_due(const struct playout *p);
void playout_level(struct playout *p, uint64_t bytes, uint64_t now_us);
void playout_shed(struct playout *p, uint64_t audio_ms);
void playout_room(struct playout *p, uint64_t now_us);
/* A socket that takes nothing keeps no more than 12 s here. */
void playout_trim(struct playout *p, uint64_t now_us);
