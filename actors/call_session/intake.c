/*
 * intake.c — see intake.h.
 */
#include "actors/call_session/intake.h"
#include "proto/base64.h"

enum { FRAME_US = 20000, MOST_BYTES = INTAKE_FRAMES * SOUND_FRAME, PIECE = 4096 };

void intake_done(struct intake *in)
{
	ring_done(&in->held);
}

/* The base creeps up by a thousandth of each frame's time, so that two clocks that drift apart do
 * not look like growing lateness. */
static void clock_frame(struct intake *in, uint64_t now_us, uint64_t time_ms)
{
	int64_t base = (int64_t)now_us - (int64_t)(time_ms * 1000);
	if (!in->base_us || base < in->base_us)
		in->base_us = base;
	else
		in->base_us += FRAME_US / 1000;
	in->late_us = base - in->base_us;
}

bool intake_passes(struct intake *in, uint64_t now_us, uint64_t time_ms)
{
	clock_frame(in, now_us, time_ms);
	return in->open && !in->held.len && in->least < 2 && in->late_us < FRAME_US;
}

static enum err hold_piece(struct intake *in, struct str base64)
{
	char bytes[PIECE];
	size_t n;
	if (!base64_read(base64, bytes, &n))
		return ERR_MALFORMED;
	while (in->held.len && in->held.len + n > MOST_BYTES) {
		ring_take(&in->held, NULL, SOUND_FRAME);
		in->dropped++;
	}
	enum err e = ring_room(&in->held, (uint32_t)n, MOST_BYTES);
	if (!e)
		ring_put(&in->held, bytes, (uint32_t)n);
	in->backlog |= !in->open;
	return e;
}

enum err intake_hold(struct intake *in, struct str base64)
{
	enum { TEXT = PIECE / 3 * 4 - 4 };
	uint32_t ignored;
	if (!sound_measure(base64, &ignored))
		return ERR_MALFORMED;
	while (base64.len > TEXT) {
		enum err e = hold_piece(in, str_n(base64.at, TEXT));
		if (e)
			return e;
		base64 = str_n(base64.at + TEXT, base64.len - TEXT);
	}
	return hold_piece(in, base64);
}

static uint32_t frames_wanted(const struct intake *in)
{
	uint32_t n = in->least ? in->least : 1;
	if (in->late_us >= FRAME_US)
		n = in->late_us >= INT64_C(2) * FRAME_US ? 3 : 2;
	return n < INTAKE_JOIN ? n : INTAKE_JOIN;
}

uint32_t intake_due(struct intake *in)
{
	if (!in->open || !in->held.len) {
		in->backlog &= in->held.len > 0;
		return 0;
	}
	if (in->backlog)
		return intake_overdue(in);
	return in->held.len >= frames_wanted(in) * SOUND_FRAME ? intake_overdue(in) : 0;
}

uint32_t intake_overdue(const struct intake *in)
{
	uint32_t most = (in->backlog ? INTAKE_REPLAY : INTAKE_JOIN) * SOUND_FRAME;
	if (!in->open)
		return 0;
	return in->held.len < most ? in->held.len : most;
}

void intake_take(struct intake *in, uint32_t bytes, char *out)
{
	ring_take(&in->held, out, bytes);
	if (!in->held.len)
		in->backlog = false;
}
