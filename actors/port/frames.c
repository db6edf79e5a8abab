/*
 * frames.c — two byte queues. Each slides back to its start when it empties, so a quiet stream
 * never copies; a frame that spans reads is moved at most once.
 */
#include "actors/port/frames.h"
#include <stdlib.h>

enum { HEAD = 4, PAGE = 4096, FIRST = 16384 };

static uint32_t le32(const char *at)
{
	const uint8_t *b = (const uint8_t *)at;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void put_le32(char *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (char)(uint8_t)(v >> 8 * i);
}

/* Make room for `more` bytes behind *to: slide first, grow only when that is not enough. */
static enum err make_room(char **at, uint32_t *from, uint32_t *to, uint32_t *cap, uint32_t more)
{
	if (*from == *to)
		*from = *to = 0;
	if (*cap - *to >= more)
		return OK;
	if (*from) {
		memmove(*at, *at + *from, *to - *from);
		*to -= *from;
		*from = 0;
	}
	if (*cap - *to >= more)
		return OK;
	uint64_t want = *cap ? *cap : FIRST;
	while (want - *to < more)
		want *= 2;
	char *grown = realloc(*at, want);
	if (!grown)
		return ERR_MEMORY;
	*at = grown;
	*cap = (uint32_t)want;
	return OK;
}

enum err frames_init(struct frames *f, uint32_t out_most)
{
	*f = (struct frames){ .out_most = out_most };
	enum err e = make_room(&f->in, &f->in_from, &f->in_to, &f->in_cap, FIRST);
	if (!e)
		e = make_room(&f->out, &f->out_from, &f->out_to, &f->out_cap, FIRST);
	if (e)
		frames_done(f);
	return e;
}

void frames_done(struct frames *f)
{
	free(f->in);
	free(f->out);
	*f = (struct frames){ 0 };
}

enum err frames_room(struct frames *f, char **ret_at, uint32_t *ret_cap)
{
	enum err e = make_room(&f->in, &f->in_from, &f->in_to, &f->in_cap, PAGE);
	if (e)
		return e;
	*ret_at = f->in + f->in_to;
	*ret_cap = f->in_cap - f->in_to;
	return OK;
}

void frames_took(struct frames *f, uint32_t n)
{
	f->in_to += n;
}

bool frames_next(struct frames *f, struct str *ret, enum err *ret_err)
{
	uint32_t have = f->in_to - f->in_from;
	*ret_err = OK;
	if (have < HEAD)
		return false;
	uint32_t len = le32(f->in + f->in_from);
	if (len > FRAMES_MOST - HEAD) {
		*ret_err = ERR_TOO_LARGE;
		return false;
	}
	if (have - HEAD < len)
		return false;
	*ret = str_n(f->in + f->in_from, HEAD + len);
	f->in_from += HEAD + len;
	f->received++;
	return true;
}

enum err frames_put(struct frames *f, uint32_t len, char **ret_at)
{
	if (len < HEAD || len > FRAMES_MOST)
		return ERR_TOO_LARGE;
	if (f->out_to - f->out_from + len > f->out_most) {
		f->refused++;
		return ERR_FULL;
	}
	enum err e = make_room(&f->out, &f->out_from, &f->out_to, &f->out_cap, len);
	if (e)
		return e;
	put_le32(f->out + f->out_to, len - HEAD);
	*ret_at = f->out + f->out_to;
	f->out_to += len;
	f->sent++;
	return OK;
}

struct str frames_waiting(const struct frames *f)
{
	return str_n(f->out + f->out_from, f->out_to - f->out_from);
}

void frames_wrote(struct frames *f, uint32_t n)
{
	f->out_from += n;
}
