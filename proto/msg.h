/*
 * msg.h — one message in one node's memory: envelope, body, and the bytes its views point to.
 *
 *     ┌────────────┬────────────────┬──────────────────────────┐      ┌──────┐
 *     │ struct msg │ struct of type │ bytes of its str/bin/... │ ···▶ │ blob │
 *     └────────────┴────────────────┴──────────────────────────┘      └──────┘
 *
 * One block, immutable once sent, counted. Inside a node it is handed from mailbox to mailbox and
 * never encoded (shared/facts: copying the struct is 2.3 times faster than encode and decode); a
 * message that leaves is encoded from here straight into a peer's pack buffer, one that arrives is
 * decoded straight into a block. One thread: plain stores, no atomics.
 */
#pragma once
#include "proto/desc.h"

/* Where an actor is: its node as this node numbers its peers (0: this node), its slot there, and
 * the slot's generation, so that a message to the dead never reaches the next one in the slot.
 * Meaningful inside one node only; on the wire the node is the connection. All zero: nobody. */
struct ref {
	uint32_t node, slot, gen;
};

static inline bool ref_eq(struct ref a, struct ref b)
{
	return a.slot == b.slot && a.gen == b.gen && a.node == b.node;
}

/* W3C Trace Context, Level 1: the trace, and the span this message belongs to. All zero: none. */
struct trace {
	uint8_t id[16];
	uint64_t span;
	bool sampled;
};

enum msg_flags {
	MSG_ASK = 1,     /* the sender waits for exactly one answer */
	MSG_ANSWER = 2,  /* `re` names the ask; `err` may be set */
	MSG_EVENT = 4,   /* published by type, not sent to somebody */
	MSG_CONTROL = 8, /* travels in the lane that is never dropped */
	MSG_FAR = 16,    /* came from another node: names stand in the block */
};

/* Large bytes that ride beside a body and are moved, never copied: counted, freed by their maker.
 */
struct blob {
	const char *at;
	uint32_t len;
	uint32_t refs;
	void (*free)(struct blob *b);
};

struct msg {
	const struct proto_desc *type;
	uint32_t refs;
	uint16_t err;  /* enum err of an answer; OK otherwise */
	uint8_t flags; /* enum msg_flags */
	uint8_t class; /* size class of the block */
	struct ref from, to;
	uint64_t id;       /* unique in the sending node's life */
	uint64_t re;       /* the id answered */
	struct blob *blob; /* NULL for none */

	uint64_t business;    /* tenant; 0: the system itself */
	uint64_t principal;   /* key or user on whose behalf; 0: none */
	uint64_t deadline_us; /* this node's monotonic clock; 0: none */
	struct trace trace;
	struct str from_name, to_name; /* set when MSG_FAR, views into the block */
	uint32_t size;                 /* bytes used in the block */
};

static inline const void *msg_body(const struct msg *m)
{
	return m + 1;
}

/* Of one block. A body of this size is refused; what is larger is a blob or several messages. */
enum { MSG_BYTES_MAX = 32 << 20 };

/* Build a message: the struct at `body` (NULL for a bare error answer) and all its views are
 * copied. ERR_TOO_LARGE when a view is over its bound (ret_field names it), ERR_MEMORY. The block
 * has one reference and an envelope that is zero but for type and size. */
MUST enum err msg_new(const struct proto_desc *type, const void *body, struct msg **ret,
                      const struct proto_field **ret_field);

/* The same from a body on the wire (proto/codec.h), with the names of its ends beside it. No bytes:
 * a bare error answer. A peer's bytes ask for no more memory than their type declares. */
MUST enum err msg_decode(const struct proto_desc *type, struct str bytes, struct str from_name,
                         struct str to_name, struct msg **ret,
                         const struct proto_field **ret_field);

static inline struct msg *msg_ref(const struct msg *m)
{
	struct msg *own = (struct msg *)(uintptr_t)m;
	own->refs++;
	return own;
}

void msg_unref(const struct msg *m); /* takes NULL; the last one frees block and blob */

struct blob *blob_copy(const void *at, size_t len); /* NULL when out of memory */
static inline struct blob *blob_ref(struct blob *b)
{
	if (b)
		b->refs++;
	return b;
}
void blob_unref(struct blob *b); /* takes NULL */

/* Bytes and blocks alive: what a leak test compares. */
struct msg_stats {
	uint64_t blocks, bytes;
};
struct msg_stats msg_stats(void);
