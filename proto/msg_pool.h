/*
 * msg_pool.h — blocks of messages, for those who make them by the million: the runtime's send and
 * turn take and give them inline. Everybody else uses msg.h.
 *
 * Blocks of one size class wait on a list when they end, up to a bound in bytes, and are taken from
 * there again. One thread.
 */
#pragma once
#include "proto/copy.h"
#include "proto/msg.h"

enum {
	MSG_POOLS = 9,
	MSG_POOL_SMALL = 192, /* bytes of the first class: the header and a small body */
	MSG_POOL_NONE = 255,  /* class of a block that is malloc's */
/* Under AddressSanitizer each block is its own allocation, so that a use after its end shows. */
#if defined(__SANITIZE_ADDRESS__)
	MSG_POOL_KEPT = 0,
#else
	MSG_POOL_KEPT = 4 << 20, /* bytes of free blocks, for each class */
#endif
};

struct msg_pool {
	struct msg *first;   /* linked by their first word */
	uint32_t room, made; /* how many more may wait here; blocks in use or waiting */
};

extern struct msg_pool msg_pools[MSG_POOLS];
extern const uint32_t msg_pool_bytes[MSG_POOLS];
extern const uint8_t msg_class_by_step[17]; /* of 64 bytes, up to 1,024 */

struct msg *msg_pool_more(uint32_t class); /* from malloc; NULL when out of memory */
void msg_pool_drop(struct msg *m, uint32_t class);

static inline struct msg *msg_pool_take(uint32_t class)
{
	struct msg_pool *p = &msg_pools[class];
	struct msg *m = p->first;
	if (__builtin_expect(!m, 0))
		return msg_pool_more(class);
	p->first = *(struct msg **)m;
	p->room++;
	return m;
}

static inline void msg_pool_give(struct msg *m)
{
	struct msg_pool *p = &msg_pools[m->class];
	if (__builtin_expect(!p->room, 0)) {
		msg_pool_drop(m, m->class);
		return;
	}
	p->room--;
	*(struct msg **)m = p->first;
	p->first = m;
}

/* An empty envelope, in steps, as the compiler's own way to clear 160 bytes (rep stos) costs 5 ns
 * more. */
static inline void msg_head(struct msg *m, uint32_t class, size_t size)
{
	_Static_assert(sizeof *m % 16 == 0, "the header is cleared in whole steps");
#pragma GCC unroll 16
	for (size_t i = 0; i < sizeof *m; i += 16)
		memset((char *)m + i, 0, 16);
	m->refs = 1;
	m->class = (uint8_t) class;
	m->size = (uint32_t)size;
}

/* The class for a message of this type whose views are bytes and nothing else, which most types
 * have, and its size; MSG_POOL_NONE when it is not so, does not fit, or a view is over its bound.
 */
static inline uint32_t msg_plan(const struct proto_desc *type, const void *body, size_t *ret_size)
{
	size_t size = sizeof(struct msg) + type->size;
	for (uint32_t i = 0; i < type->n_views; i++) {
		const struct proto_view *v = &type->views[i];
		uint32_t len = ((const struct str *)((const char *)body + v->offset))->len;
		if (v->item != 1 || len > v->max)
			return MSG_POOL_NONE;
		size += len;
	}
	*ret_size = size;
	return size <= 1024 ? msg_class_by_step[(size + 63) / 64] : MSG_POOL_NONE;
}

/* Body and bytes of a planned message. */
static inline void msg_fill(struct msg *m, const struct proto_desc *type, const void *body)
{
	char *base = (char *)(m + 1), *end = base + type->size;
	copy_bytes(base, body, type->size);
	for (uint32_t i = 0; i < type->n_views; i++) {
		uint32_t offset = type->views[i].offset;
		const struct str *s = (const struct str *)((const char *)body + offset);
		((struct str *)(base + offset))->at = s->len ? end : NULL;
		copy_bytes(end, s->at, s->len);
		end += s->len;
	}
}

/* msg_unref(), inline for the usual end. */
static inline void msg_let_go(struct msg *m)
{
	if (m->refs == 1 && !m->blob && m->class != MSG_POOL_NONE)
		msg_pool_give(m);
	else
		msg_unref(m);
}
