/*
 * buf.h — bytes that grow, up to a maximum they are born with (the idea of curl's dynbuf).
 *
 *     at ┌───────────┬─────────┐- - - - - - ┐
 *        │   len     │  room   │            │ max
 *        └───────────┴─────────┘- - - - - - ┘
 *                              cap
 *
 * The first failure sticks: every later call does nothing, and buf_err tells it. So a writer puts
 * piece after piece and asks once, at the end. What was written before the failure stays readable.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

struct buf {
	char *at;
	size_t len, cap, max;
	enum err err; /* ERR_TOO_LARGE at the maximum, ERR_MEMORY, or what a writer put here */
	bool lent;    /* memory of somebody else: never grown, never freed */
};

void buf_init(struct buf *b, size_t max);           /* allocates nothing yet */
void buf_over(struct buf *b, char *at, size_t cap); /* over memory of the caller: never allocates */
void buf_done(struct buf *b);                       /* frees; may be used again as after buf_init */
void buf_clear(struct buf *b);                      /* empty and without error; keeps its memory */
void buf_fail(struct buf *b, enum err e);           /* the first error stays */

/* `n` writable bytes at the end, NULL when the maximum forbids it; buf_took then counts those used.
 */
char *buf_room(struct buf *b, size_t n);
static inline void buf_took(struct buf *b, size_t n)
{
	b->len += n;
}

void buf_put(struct buf *b, const void *at, size_t n);
void buf_str(struct buf *b, struct str s);
void buf_text(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_u64(struct buf *b, uint64_t v); /* decimal */
void buf_i64(struct buf *b, int64_t v);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static inline struct str buf_view(const struct buf *b)
{
	return str_n(b->at, b->len);
}

static inline enum err buf_err(const struct buf *b)
{
	return b->err;
}
