/*
 * frame.h — what travels on a link: a header, then records or a piece of one.
 *
 *       0       2     3     4       8            16           24          32          40
 *     ┌───────┬─────┬─────┬───────┬────────────┬────────────┬───────────┬───────────┬─────────┐
 *     │ "sb"  │ ver │ kind│ flags │ from epoch │  to epoch  │    seq    │    ack    │ payload │
 *     └───────┴─────┴─────┴───────┴────────────┴────────────┴───────────┴───────────┴─────────┘
 *       all little-endian
 *
 *     HELLO     bus.hello                             first on each connection, and when asked
 *     DATA      messages, packets of proto/envelope.h
 *     EVENT     the same, on their way to or from a hub
 *     CONTROL   records [u32 the rest][u32 type][body] of group bus
 *     PIECE     [u32 total][u32 offset] bytes         of one record too large for a pack; the kind
 *                                                     it is of in flags >> 8
 *     BEAT      nothing: alive, so far received, and its load in flags >> 8
 *     WHO       nothing: you are not known here, say HELLO
 *     STALE     nothing: that incarnation of you is gone for good
 *     BYE       nothing: I end
 *     TAKEN     nothing: your name is that of another who lives; of a hub
 *
 * DATA, EVENT, CONTROL and PIECE are numbered from 1 by their sender, for each peer; `seq` of the
 * others is the highest number sent so far, so that a lost tail shows; of a HELLO it is its
 * sender's time, which the answer gives back. `ack` is the highest number received in order.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"
#include <stdatomic.h>

enum frame_kind {
	FRAME_HELLO = 1,
	FRAME_DATA,
	FRAME_EVENT,
	FRAME_CONTROL,
	FRAME_PIECE,
	FRAME_BEAT,
	FRAME_WHO,
	FRAME_STALE,
	FRAME_BYE,
	FRAME_TAKEN,
};

enum frame_flags {
	FRAME_RESEND = 1, /* a number is missing after `ack`: send again from there */
	FRAME_ASK = 2,    /* of a HELLO: answer with one */
	FRAME_YOURS = 4,  /* of a STALE: your incarnation is gone; without it: the one you speak to,
	                     whose epoch stands in seq */
};

enum {
	FRAME_VERSION = 1,
	FRAME_HEAD_BYTES = 40,
	FRAME_PIECE_HEAD_BYTES = 8,
	FRAME_PACK_BYTES = 64 << 10, /* measured: smaller is slower on tcp, larger gains nothing */
	FRAME_LONE_BYTES =
		256 << 10, /* a message up to here goes whole, above in pieces of a pack */
	FRAME_MAX_BYTES = FRAME_HEAD_BYTES + FRAME_PIECE_HEAD_BYTES + FRAME_LONE_BYTES,
};

struct frame_head {
	uint8_t kind;
	uint32_t flags;
	uint64_t from, to, seq, ack;
};

/* Counted bytes. Built by one thread and not changed once a link has taken it. */
struct frame {
	atomic_uint refs; /* atomic: libzmq's I/O thread drops the reference of what it has sent */
	uint32_t len, cap;
	char at[];
};

struct frame *frame_new(uint32_t cap); /* NULL when out of memory; len is past the header */
static inline struct frame *frame_ref(struct frame *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed); /* the caller holds one */
	return f;
}
void frame_unref(struct frame *f); /* takes NULL */
/* Does nobody but the caller hold it? acquire: the I/O thread's last look at it was before. */
static inline bool frame_is_sole(const struct frame *f)
{
	return atomic_load_explicit(&f->refs, memory_order_acquire) == 1;
}

void frame_stamp(struct frame *f, const struct frame_head *head);
/* ERR_MALFORMED, ERR_VERSION. */
MUST enum err frame_take(struct str bytes, struct frame_head *ret_head, struct str *ret_payload);

static inline bool frame_numbered(uint8_t kind)
{
	return kind >= FRAME_DATA && kind <= FRAME_PIECE;
}

/* Little-endian integers in foreign bytes. */
static inline void le_put(void *at, uint64_t v, int bytes)
{
	for (int i = 0; i < bytes; i++)
		((unsigned char *)at)[i] = (unsigned char)(v >> (8 * i));
}

static inline uint64_t le_get(const void *at, int bytes)
{
	uint64_t v = 0;
	for (int i = bytes - 1; i >= 0; i--)
		v = v << 8 | ((const unsigned char *)at)[i];
	return v;
}
