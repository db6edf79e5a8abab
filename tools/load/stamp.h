/*
 * stamp.h — one audio frame that proves its own way: 160 bytes of μ-law, 20 ms, with everything in
 * them that tells who said it, when, and whether a bit has changed.
 *
 *     caller ── stamp(call, seq, sent) ──▶ system ──▶ AI: right call? order? whole?
 *            ◀───────────────────────────── system ◀── the same with `turned`, sealed anew
 *     lost, twice, of another call, changed, out of order: each is counted, none is guessed
 *
 * So it tells both ways apart: sent → turned → arrived, on the one monotonic clock of the host. The
 * caller also writes what it heard of the AI's audio when it was last told to clear: the AI holds
 * that against the audio_end_ms it was told.
 */
#pragma once
#include "proto/str.h"

enum { STAMP_BYTES = 160, STAMP_MS = 20 };

enum stamp_flags {
	STAMP_SPEECH = 1,  /* somebody speaks; else it is silence */
	STAMP_OF_AI = 2,   /* an answer, not an echo */
	STAMP_CLEARED = 4, /* heard_… and cleared_us say something */
};

struct stamp {
	uint32_t run, call, seq, flags;
	uint64_t sent_us, turned_us;   /* turned: by the AI; 0: not yet */
	uint32_t item, ms;             /* of an answer: which one, where in it this frame begins */
	uint32_t heard_item, heard_ms; /* of the caller: what was playing at the last clear */
	uint32_t clears;               /* how many it has had */
	uint64_t cleared_us;           /* when the last one came */
};

void stamp_write(const struct stamp *s, uint8_t ret[STAMP_BYTES]);

enum stamp_found { STAMP_NONE, STAMP_BROKEN, STAMP_WHOLE };
/* NONE: no stamp begins here. BROKEN: one begins, and its bytes are not those that were written. */
enum stamp_found stamp_read(const uint8_t at[STAMP_BYTES], struct stamp *ret);

/* Audio as a stream that comes in pieces of any size: whole frames where stamps are, and what is
 * none between them. */
struct stamp_stream {
	uint8_t part[STAMP_BYTES];
	uint32_t n;
};

struct stamp_piece {
	enum stamp_found found;
	struct stamp stamp; /* WHOLE */
	const uint8_t *at;  /* its bytes, lent for the callback */
	uint32_t n;
};

typedef void stamp_fn(void *ctx, const struct stamp_piece *p);
void stamp_feed(struct stamp_stream *s, struct str audio, stamp_fn *fn, void *ctx);
void stamp_feed_end(struct stamp_stream *s, stamp_fn *fn, void *ctx); /* what is left is no stamp */
