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
	struct msg *first; /* linked by their first word */
	int32_t room;      /* how many more may wait here */
	uint32_t made;     /* blocks in use or waiting */
};

/* Said to be hidden, so that no table of addresses is asked where they are. */
#define MSG_HIDDEN __attribute__((visibility("hidden")))
extern MSG_HIDDEN struct msg_pool msg_pools[MSG_POOLS];
extern MSG_HIDDEN const uint32_t msg_pool_bytes[MSG_POOLS];
extern MSG_HIDDEN const uint8_t msg_class_by_step[17]; /* of 64 bytes, up to MSG_PLANNED */

struct msg *msg_pool_more(uint32_t class); /* from malloc; NULL when out of memory */
void msg_pool_drop(struct msg *m, uint32_t class);

/* NULL: none waits. */
static inline struct msg *msg_pool_waiting(uint32_t class)
{
	struct msg_pool *p = &msg_pools[class];
	struct msg *m = p->first;
	if (__builtin_expect(!m, 0))
		return NULL;
	p->first = *(struct msg **)m;
	p->room++;
	return m;
}
static inline struct msg *msg_pool_take(uint32_t class)
{
	struct msg *m = msg_pool_waiting(class);
	return __builtin_expect(m != NULL, 1) ? m : msg_pool_more(class);
}

static inline void msg_pool_give(struct msg *m)
{
	struct msg_pool *p = &msg_pools[m->class];
	if (__builtin_expect(--p->room < 0, 0)) {
		p->room++;
		msg_pool_drop(m, m->class);
		return;
	}
	*(struct msg **)m = p->first;
	p->first = m;
}

/* Clears the envelope from `from` on, in steps, as the compiler's own way to clear 160 bytes (rep
 * stos) costs 5 ns more. */
static inline void msg_clear_from(struct msg *m, size_t from)
{
	_Static_assert(sizeof *m % 16 == 0, "the header is cleared in whole steps");
#pragma GCC unroll 16
	for (size_t i = from; i < sizeof *m; i += 16)
		memset((char *)m + i, 0, 16);
}

/* An empty envelope. */
static inline void msg_head(struct msg *m, uint32_t class, size_t size)
{
	msg_clear_from(m, 0);
	m->refs = 1;
	m->class = (uint8_t) class;
	m->size = (uint32_t)size;
}

/* How a message of one type begins: what is the same in all of them, as it lies in struct msg, and
 * what its block takes. Kept beside the type by who sends many. */
struct msg_stamp {
	const struct proto_desc *type;
	uint32_t refs;
	uint16_t err;
	uint8_t flags, class; /* class: of one whose views are empty */
	uint32_t size;        /* the same */
	uint32_t n_views;     /* all of bytes; MSG_STAMP_NOT: it has others, or is too large */
};
enum { MSG_PLANNED = 1024, MSG_STAMP_NOT = UINT16_MAX + 1 };

static inline struct msg_stamp msg_stamp_of(const struct proto_desc *type)
{
	struct msg_stamp s = { .type = type,
		               .refs = 1,
		               .class = MSG_POOL_NONE,
		               .size = (uint32_t)sizeof(struct msg) + type->size,
		               .n_views = type->n_views };
	for (uint32_t i = 0; i < type->n_views; i++)
		if (type->views[i].item != 1)
			s.n_views = MSG_STAMP_NOT;
	if (s.size > MSG_PLANNED)
		s.n_views = MSG_STAMP_NOT;
	else
		s.class = msg_class_by_step[(s.size + 63) / 64];
	return s;
}

/* A message so begun: type to class of struct msg in one copy. What the sender fills in is left as
 * it was; the rest is cleared. */
static inline void msg_begin(struct msg *m, const struct msg_stamp *s, uint32_t size)
{
	enum { HEAD = offsetof(struct msg_stamp, size) };
	_Static_assert(HEAD == offsetof(struct msg, class) + sizeof m->class, "nothing between");
	_Static_assert(offsetof(struct msg_stamp, refs) == offsetof(struct msg, refs), "refs");
	_Static_assert(offsetof(struct msg_stamp, err) == offsetof(struct msg, err), "err");
	_Static_assert(offsetof(struct msg_stamp, flags) == offsetof(struct msg, flags), "flags");
	_Static_assert(offsetof(struct msg, blob) == offsetof(struct msg, re) + 8, "one step");
	memcpy(m, s, HEAD);
	memset((char *)m + offsetof(struct msg, re), 0, 16); /* and blob */
	msg_clear_from(m, offsetof(struct msg, deadline_us));
	m->size = size;
}

/* Adds what the views take. false: one is over its bound, or it is all too much. */
static inline bool msg_plan_views(const struct msg_stamp *s, const void *body, uint32_t *class,
                                  uint32_t *size)
{
	const struct proto_view *v = s->type->views, *end = v + s->n_views;
	uint64_t sum = *size;
	for (; v < end; v++) {
		uint32_t len = ((const struct str *)((const char *)body + v->offset))->len;
		if (len > v->max)
			return false;
		sum += len;
	}
	if (sum > MSG_PLANNED)
		return false;
	*size = (uint32_t)sum;
	*class = msg_class_by_step[(sum + 63) / 64];
	return true;
}

/* The body of a message without views. */
static inline void msg_fill_plain(struct msg *m, const struct msg_stamp *s, const void *body)
{
	uint32_t n = s->size - (uint32_t)sizeof *m;
	char *to = (char *)(m + 1);
	if (n - 8 <= 8) { /* one or two words are the most frequent */
		memcpy(to, body, 8);
		memcpy(to + n - 8, (const char *)body + n - 8, 8);
	} else {
		copy_short(to, body, n);
	}
}

/* Body and bytes of a planned message. */
static inline void msg_fill(struct msg *m, const struct msg_stamp *s, const void *body)
{
	char *base = (char *)(m + 1), *end = (char *)m + s->size;
	msg_fill_plain(m, s, body);
	const struct proto_view *v = s->type->views, *last = v + s->n_views;
	for (; v < last; v++) {
		const struct str *from = (const struct str *)((const char *)body + v->offset);
		((struct str *)(base + v->offset))->at = from->len ? end : NULL;
		copy_short(end, from->at, from->len);
		end += from->len;
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
