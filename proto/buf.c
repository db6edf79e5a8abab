/*
 * buf.c — bytes that grow, up to a maximum they are born with.
 */
#include "proto/buf.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_BYTES = 256 }; /* ours: most log lines and small answers fit */

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_over(struct buf *b, char *at, size_t cap)
{
	*b = (struct buf){ .cap = cap, .max = cap, .lent = true };
	b->at = at;
}

void buf_done(struct buf *b)
{
	if (b->lent) {
		buf_clear(b);
		return;
	}
	free(b->at);
	buf_init(b, b->max);
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->err = OK;
}

void buf_fail(struct buf *b, enum err e)
{
	if (!b->err)
		b->err = e;
}

static bool grow(struct buf *b, size_t need)
{
	if (need > b->max) {
		buf_fail(b, ERR_TOO_LARGE);
		return false;
	}
	size_t cap = b->cap ? b->cap : FIRST_BYTES;
	while (cap < need)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	char *at = realloc(b->at, cap);
	if (!at) {
		buf_fail(b, ERR_MEMORY);
		return false;
	}
	b->at = at;
	b->cap = cap;
	return true;
}

char *buf_room(struct buf *b, size_t n)
{
	if (b->err)
		return NULL;
	if (n > b->max - b->len) {
		buf_fail(b, ERR_TOO_LARGE);
		return NULL;
	}
	if (n > b->cap - b->len && !grow(b, b->len + n))
		return NULL;
	return b->at + b->len;
}

void buf_put(struct buf *b, const void *at, size_t n)
{
	char *room = n ? buf_room(b, n) : NULL;
	if (!room)
		return;
	memcpy(room, at, n);
	b->len += n;
}

void buf_str(struct buf *b, struct str s)
{
	buf_put(b, s.at, s.len);
}

void buf_text(struct buf *b, const char *s)
{
	buf_put(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
	char *room = buf_room(b, 1);
	if (!room)
		return;
	*room = c;
	b->len++;
}

void buf_u64(struct buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof digits;
	do
		digits[--at] = (char)('0' + v % 10);
	while (v /= 10);
	buf_put(b, digits + at, sizeof digits - at);
}

void buf_i64(struct buf *b, int64_t v)
{
	if (v < 0)
		buf_char(b, '-');
	buf_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args;
	char small[512];
	va_start(args, fmt);
	int n = vsnprintf(small, sizeof small, fmt, args);
	va_end(args);
	if (n < 0) {
		buf_fail(b, ERR_INVALID);
		return;
	}
	if ((size_t)n < sizeof small) {
		buf_put(b, small, (size_t)n);
		return;
	}
	char *room = buf_room(b, (size_t)n + 1); /* vsnprintf writes a NUL that is not kept */
	if (!room)
		return;
	va_start(args, fmt);
	n = vsnprintf(room, (size_t)n + 1, fmt, args);
	va_end(args);
	if (n > 0)
		b->len += (size_t)n;
}
