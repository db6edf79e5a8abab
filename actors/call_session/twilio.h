/*
 * twilio.h — the carrier's leg: what it says, in order, and what is said to it.
 *
 *     ─▶ connected ─▶ start ─▶ ( media | dtmf | mark )* ─▶ stop
 *
 * Pure: bytes in, one word out; no clock, no actor. Whatever is malformed, of another stream or out
 * of its place is counted and leaves the leg as it was (facts: unknown events and members pass).
 */
#pragma once
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/twilio.h"

enum twilio_word {
	TWILIO_NOTHING, /* to be passed over: unknown, refused, late */
	TWILIO_START,
	TWILIO_AUDIO,
	TWILIO_DIGIT,
	TWILIO_MARK,
	TWILIO_STOP,
};

struct twilio {
	char stream[TWILIO_START_STREAM_SID_MAX + 1];
	char call[TWILIO_START_CALL_SID_MAX + 1]; /* what the stream must be of, set by its owner */
	bool connected, started, stopped;
	uint64_t chunk;   /* the last one taken; they begin with 1 */
	uint64_t time_ms; /* its timestamp */
	/* counted */
	uint64_t frames;        /* of audio, taken */
	uint64_t missing, late; /* chunks that never came; came after a later one */
	uint32_t malformed, strange, misplaced,
		unknown; /* no event; other stream or call; order; name */
};

/* One text frame. Views in *ret live as long as `text` and the arena. */
enum twilio_word twilio_read(struct twilio *t, struct str text, struct arena *a,
                             struct twilio_heard *ret);

/* What stands around a payload that is passed through or encoded in place: bytes of both. */
enum { TWILIO_MEDIA_ROOM = 160 };
void twilio_media_open(struct buf *b, const struct twilio *t);
void twilio_media_close(struct buf *b);
void twilio_mark(struct buf *b, const struct twilio *t, struct str name);
void twilio_clear(struct buf *b, const struct twilio *t);
