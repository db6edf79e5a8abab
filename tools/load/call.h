/*
 * call.h — one call, as the carrier holds it.
 *
 *     BEGIN ─▶ WEBHOOK ─▶ DIALLING ─▶ LIVE ─▶ DRAINING ─▶ STOPPED ─▶ OVER
 *                └ refused, failed ───────┴ cut ──────────────────────┘
 */
#pragma once
#include "tools/load/calls.h"
#include "tools/load/playback.h"
#include "tools/load/stamp.h"
#include "tools/load/twilio.h"
#include "tools/plug/plug.h"

enum call_kind { CALL_USUAL, CALL_GHOST, CALL_KILL, CALL_SLOW };
enum call_state {
	CALL_WAITS,
	CALL_WEBHOOK,
	CALL_DIALLING,
	CALL_LIVE,
	CALL_DRAINING,
	CALL_STOPPED,
	CALL_OVER,
};

struct carrier;

struct call {
	struct carrier *carrier;
	enum call_kind kind;
	enum call_state state;
	uint32_t number; /* from 1 */
	struct plug web, line;
	struct plug_alarm next, mark, end;
	char call_sid[TWILIO_SID], stream_sid[TWILIO_SID], *path;
	char *token; /* of the TwiML */
	uint64_t asked_us, began_us, due_us, ends_us;
	uint32_t sequence, sent, seed, clears;
	uint8_t *seen; /* a bit for each frame that came back */
	uint32_t back, last_seq, last_of_ai, digit;
	bool gap_allowed, heard_first;
	struct stamp_stream ear;
	struct playback playback;
	struct playback_heard heard;
	uint64_t cleared_us;
	/* The caller speaks until then; speaks again at. */
	uint64_t speech_until_us, speech_at_us;
	bool answered;
};

struct carrier {
	const struct load_calls *config;
	struct load_calls_result *ret;
	struct plug_loop *loop;
	struct plug_tls *tls;
	struct plug_address to;
	char host[128], scheme[2][8]; /* of the public URL: https, wss */
	char account[TWILIO_SID];
	uint32_t run, frames_each; /* frames of a whole call */
	uint32_t live, over;
	struct call *calls;
	struct plug_alarm window[2], tick, within;
	struct cost before, idle;
	uint64_t window_us, window_sent;
	struct buf out;
};

MUST enum err call_init(struct call *c, struct carrier *of, uint32_t number);
void call_done(struct call *c);
void call_begin(struct call *c); /* it rings, now */
/* speech.c: is the caller speaking in the frame that goes out now? */
bool call_speaks(struct call *c, uint64_t now_us);
/* ear.c */
void call_heard(struct call *c, struct str message);
void call_offends(struct call *c, const char *what);
void call_set_mark(struct call *c);
/* The frames of a usual call that are not back by its end. */
void call_count(struct call *c);
