/*
 * envelope.h — a message between two nodes, or between a node and its port, as bytes.
 *
 *     packet   ┌───────────┬──────────────────────────┬────────────────┬───────────┐
 *              │ u32 LE    │ envelope                 │ body           │ blob      │
 *              │ the rest, │ msgpack, packet.envelope   │ msgpack, by    │ as it is, │
 *              │ in bytes  │ (proto/schema/wire.msg)  │ envelope.type  │ blob_len  │
 *              └───────────┴──────────────────────────┴────────────────┴───────────┘
 *     pack     packet packet packet …                   (one frame of a link)
 *
 * A bare error answer has no body. Slots and generations are the sending node's; which node that
 * is, is the connection's to know. Times are told as time left, since nodes share no clock.
 */
#pragma once
#include "proto/packet.h"

struct packet {
	struct packet_envelope envelope; /* its views point into the pack */
	const struct proto_desc *type;   /* NULL: a type that this program does not know */
	struct str body, blob;           /* into the pack */
};

/* Write m at `to`: envelope, body, blob. ERR_FULL when it does not fit into `room` bytes: ret_len
 * then says how many it needs. ERR_TYPE for a foreign type; what proto_encode says of the body. */
MUST enum err packet_put(const struct msg *m, uint64_t now_us, char *to, size_t room,
                         size_t *ret_len);

/* The same of a body that is in no block: `head` is the message but for it. */
MUST enum err packet_put_body(const struct msg *head, const void *body, uint64_t now_us, char *to,
                              size_t room, size_t *ret_len);

/* The next packet of a pack, which then begins behind it, whatever is said of this one: so one bad
 * message takes no other with it. Only the envelope is read. ERR_TOO_LARGE: its blob is over the
 * type's bound. ERR_MALFORMED with an empty pack left: the length was a lie, the rest is lost. */
MUST enum err packet_next(struct str *pack, struct packet *ret);

/* The message, in a block of its own. MSG_FAR is set; from.node is the caller's to fill in. */
MUST enum err packet_open(const struct packet *p, uint64_t now_us, struct msg **ret,
                          const struct proto_field **ret_field);
