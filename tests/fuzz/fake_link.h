/*
 * fake_link.h — a link that says what a fuzz target wants: one event a turn, and all that is sent
 * is taken and forgotten.
 */
#pragma once
#include "bus/frame.h"
#include "bus/link.h"
#include <string.h>

struct fake {
	struct link link;
	uint32_t lines;
	struct link_event event;
	bool has;
	char bytes[FRAME_HEAD_BYTES + (64 << 10)];
};

static enum err fake_dial(struct link *l, const struct link_addr *to, uint32_t *ret)
{
	(void)to;
	*ret = ++((struct fake *)l)->lines;
	return OK;
}

static void fake_close(struct link *l, uint32_t line)
{
	(void)l;
	(void)line;
}

static enum err fake_send(struct link *l, uint32_t line, struct frame *f)
{
	(void)l;
	(void)line;
	(void)f;
	return OK;
}

static enum err fake_answer(struct link *l, struct frame *f)
{
	return fake_send(l, 0, f);
}

static bool fake_next(struct link *l, struct link_event *ret)
{
	struct fake *f = (struct fake *)l;
	*ret = f->event;
	bool had = f->has;
	f->has = false;
	return had;
}

static bool fake_turn(struct link *l, uint64_t now_us)
{
	(void)l;
	(void)now_us;
	return false;
}

static const char *fake_endpoint(struct link *l, uint32_t i)
{
	(void)l;
	return i ? NULL : "fake://me";
}

static const char *fake_key(struct link *l)
{
	(void)l;
	return "";
}

static const struct link_ops fake_ops = { fake_dial,     fake_close, fake_send,
	                                  fake_answer,   fake_next,  fake_turn,
	                                  fake_endpoint, fake_key,   NULL };

/* The next event is this frame, from that line. */
static inline void fake_frame(struct fake *f, struct frame_head h, uint32_t line,
                              const void *payload, size_t n)
{
	union {
		struct frame frame;
		char room[sizeof(struct frame) + FRAME_HEAD_BYTES];
	} stamped;
	frame_stamp(&stamped.frame, &h);
	memcpy(f->bytes, stamped.frame.at, FRAME_HEAD_BYTES);
	if (n)
		memcpy(f->bytes + FRAME_HEAD_BYTES, payload, n);
	f->event = (struct link_event){ .what = LINK_FRAME,
		                        .line = line,
		                        .bytes = str_n(f->bytes, FRAME_HEAD_BYTES + n) };
	f->has = true;
}
