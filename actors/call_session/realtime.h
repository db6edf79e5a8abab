/*
 * realtime.h — the AI's leg: what it says, in GA or beta words, and what is said to it.
 *
 *     CLOSED ─▶ DIALING ─▶ OPEN ──── session.created ─▶ UPDATING ─── session.updated ─▶ READY
 *        ▲                  we: session.update               audio may flow ▲             │
 *        └──────── lost, refused, expired, silent for too long ─────────────┴─────────────┘
 *
 * Pure: bytes in, one word out, by what stands here about the leg. A response that was cut is
 * forgotten: its deltas are not words any more.
 */
#pragma once
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/realtime.h"

enum realtime_word {
	REALTIME_NOTHING, /* to be passed over: unknown, malformed, of a cut response */
	REALTIME_CREATED,
	REALTIME_UPDATED,
	REALTIME_ERROR,
	REALTIME_SPEECH_STARTED,
	REALTIME_SPEECH_STOPPED,
	REALTIME_TURN_ENDED, /* committed: the AI has the caller's turn */
	REALTIME_CALLER_SAID,
	REALTIME_RESPONSE,
	REALTIME_RESPONSE_DONE,
	REALTIME_ITEM,
	REALTIME_ITEM_DONE,
	REALTIME_AUDIO,
	REALTIME_AUDIO_DONE,
	REALTIME_SAID, /* a piece of the transcript of its own speech */
	REALTIME_LIMITS,
};

/* Both generations of names, one line each (realtime_names.c). */
enum realtime_word realtime_word_of(struct str type);

/* What an error means for the leg. */
enum realtime_trouble {
	REALTIME_HARMLESS, /* the session goes on */
	REALTIME_ENDED,    /* this session is over: dial anew */
	REALTIME_FINAL,    /* the next one will say the same: do not dial again */
};
enum realtime_trouble realtime_trouble_of(const struct realtime_error *e);
enum realtime_trouble realtime_trouble_status(uint32_t http_status);

enum realtime_state {
	REALTIME_CLOSED,
	REALTIME_DIALING,
	REALTIME_OPEN,
	REALTIME_UPDATING,
	REALTIME_READY,
};

enum { REALTIME_ID = REALTIME_HEARD_RESPONSE_ID_MAX + 1, REALTIME_CUTS = 4 };

struct realtime {
	enum realtime_state state;
	bool beta;       /* which words we use; both are understood */
	bool interrupts; /* the server stops its response by itself when the caller speaks */
	bool responding; /* between response.created and response.done */
	char response[REALTIME_ID]; /* the one under way */
	char cut[REALTIME_CUTS][REALTIME_ID];
	uint32_t cuts;
	uint64_t expires_at_s; /* since the epoch; 0: not told */
	/* counted */
	uint64_t tokens_in, tokens_out, malformed, unknown, forgotten;
};

/* One text frame. Views in *ret live as long as `text` and the arena. */
enum realtime_word realtime_read(struct realtime *r, struct str text, struct arena *a,
                                 struct realtime_heard *ret);
/* The response under way is cut: no more of it is heard. */
void realtime_forget(struct realtime *r);

/* ---- what is said (realtime_write.c)
 * ---------------------------------------------------------------- */

struct realtime_wishes {
	struct str instructions, voice, tools, transcriber;
	bool semantic;
};

enum { REALTIME_APPEND_ROOM = 64 }; /* bytes around a payload */
void realtime_append_open(struct buf *b);
void realtime_append_close(struct buf *b);
void realtime_update(struct buf *b, const struct realtime *r, const struct realtime_wishes *w);
void realtime_truncate(struct buf *b, const char *item, uint32_t heard_ms);
void realtime_cancel(struct buf *b, const struct realtime *r);
void realtime_respond(struct buf *b, struct str instructions);
void realtime_words(struct buf *b, const struct realtime *r, bool caller, struct str text);
void realtime_answer(struct buf *b, struct str call_id, struct str output);
