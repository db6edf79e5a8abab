/*
 * intake.h — the caller's audio on its way to the AI: held while the AI cannot take it, joined
 * when we are late.
 *
 *     carrier ══▶ ──────────────── as it is ──────────────▶ AI       nothing waits, we are in time
 *             ══▶ ring of 10 s ─── 1..3 frames in one ────▶ AI       held before, or late
 *
 * A frame that comes later than its own timestamp allows by more than a frame's length has its
 * successor right behind it: so it waits for that one, and two or three cost one write. In time,
 * nothing ever waits.
 */
#pragma once
#include "actors/call_session/ring.h"
#include "actors/call_session/sound.h"

enum {
	INTAKE_FRAMES = 500, /* 10 s, as in the old system: older ones make room, and are counted */
	INTAKE_JOIN = 3,     /* frames in one append at the most, once all that was held is said */
	INTAKE_REPLAY = 25,  /* and while it is being said: half a second */
};

struct intake {
	struct ring held;
	bool open;       /* the AI takes audio */
	int64_t base_us; /* arrival less timestamp of the frame that was least late */
	int64_t late_us; /* of the last frame, against that */
	uint32_t least;  /* frames to join even when in time: 1..INTAKE_JOIN */
	bool backlog;    /* what was held while closed is not all said yet */
	/* counted, in frames of 20 ms */
	uint64_t dropped;
};

void intake_done(struct intake *in);
/* A frame has come: how late is it? Says whether it may be passed on as it is. */
bool intake_passes(struct intake *in, uint64_t now_us, uint64_t time_ms);
/* Otherwise it is held. ERR_MALFORMED: its base64 is none. The oldest go when there is no room. */
MUST enum err intake_hold(struct intake *in, struct str base64);
/* Bytes that should be said now, together; 0: wait for the next frame, or for the AI. */
uint32_t intake_due(struct intake *in);
/* The same when the next frame has not come in its time. */
uint32_t intake_overdue(const struct intake *in);
void intake_take(struct intake *in, uint32_t bytes, char *out);
