/*
 * port_frames.c — any bytes from a child, whole and in pieces: the same frames come out and the
 * same refusal, wherever the cuts fall, and nothing is held beyond the bound.
 */
#include "actors/port/frames.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

struct tally {
	uint64_t hash;
	uint32_t frames;
	enum err end;
};

/* After the first refusal the stream is given up, as the owner of a port does. */
static void take_all(struct frames *f, struct tally *t)
{
	struct str one;
	while (!t->end && frames_next(f, &one, &t->end)) {
		must(one.len >= 4 && one.len <= FRAMES_MOST);
		for (uint32_t i = 0; i < one.len; i++)
			t->hash = (t->hash ^ (unsigned char)one.at[i]) * 0x100000001b3;
		t->frames++;
	}
}

static struct tally play(const uint8_t *at, size_t len, uint32_t cuts)
{
	struct tally t = { .hash = 1 };
	struct frames f;
	must(!frames_init(&f, 1 << 16));
	while (len && !t.end) {
		char *room;
		uint32_t cap;
		if (frames_room(&f, &room, &cap))
			abort();
		size_t n = cuts ? 1 + (cuts >> 8) % 9 : len;
		cuts = cuts ? cuts * 1103515245 + 12345 : 0;
		n = n < len ? n : len;
		n = n < cap ? n : cap;
		memcpy(room, at, n);
		frames_took(&f, (uint32_t)n);
		at += n;
		len -= n;
		take_all(&f, &t);
		must(f.in_cap <= 2 * FRAMES_MOST);
	}
	must(f.received == t.frames);
	frames_done(&f);
	return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct tally whole = play(at, len, 0), cut = play(at, len, 3);
	must(whole.hash == cut.hash && whole.frames == cut.frames && whole.end == cut.end);
	return 0;
}
