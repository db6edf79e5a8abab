/*
 * frames.h — frames on a stream, both ways, bounded: [u32 little-endian length][that many bytes].
 *
 * Pure: it owns two buffers and knows no descriptor. A frame is a packet as proto/envelope.h draws
 * it; here only its length counts.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum { FRAMES_MOST = 1 << 20 }; /* bytes of one frame, the four of its length included */

struct frames {
	char *in, *out;
	uint32_t in_from, in_to, in_cap;
	uint32_t out_from, out_to, out_cap;
	uint32_t out_most; /* bytes that may wait to be written */
	uint64_t received, sent, refused;
};

MUST enum err frames_init(struct frames *f, uint32_t out_most);
void frames_done(struct frames *f);

/* Room to read into, at least a page; ret_cap its size. ERR_MEMORY. */
MUST enum err frames_room(struct frames *f, char **ret_at, uint32_t *ret_cap);
void frames_took(struct frames *f, uint32_t n); /* n bytes were read into that room */

/* The next whole frame with its length, a view until the next frames_room(). false: more must be
 * read first. *ret_err is set to ERR_TOO_LARGE, for good, when a frame claims more than
 * FRAMES_MOST. */
bool frames_next(struct frames *f, struct str *ret, enum err *ret_err);

/* A place for a frame of `len` bytes, its length included, which is written here; it is queued by
 * this. ERR_FULL: out_most would be passed; ERR_TOO_LARGE: FRAMES_MOST. */
MUST enum err frames_put(struct frames *f, uint32_t len, char **ret_at);

/* What waits to be written, and that n bytes of it were. */
struct str frames_waiting(const struct frames *f);
void frames_wrote(struct frames *f, uint32_t n);
