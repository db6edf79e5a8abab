/*
 * stamp.c — see stamp.h. Little-endian, in a fixed place each; the rest is drawn from call and
 * number, so that a frame put together of two is noticed even where the fields agree.
 */
#include "tools/load/stamp.h"
#include <endian.h>

enum { FILL_AT = 64, CHECK_AT = 152 };

static const char magic[4] = { 'S', 'W', 'B', 'F' };

/* Steele, Lea, Flood: splitmix64. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return x ^ (x >> 31);
}

static uint64_t check_of(const uint8_t *at)
{
	uint64_t sum = 0x9E3779B97F4A7C15u;
	for (int i = 0; i < CHECK_AT; i += 8) {
		uint64_t w;
		memcpy(&w, at + i, sizeof w);
		sum = mix(sum ^ le64toh(w)) + 0x9E3779B97F4A7C15u;
	}
	return sum;
}

static void put32(uint8_t *at, uint32_t v)
{
	v = htole32(v);
	memcpy(at, &v, sizeof v);
}

static void put64(uint8_t *at, uint64_t v)
{
	v = htole64(v);
	memcpy(at, &v, sizeof v);
}

static uint32_t get32(const uint8_t *at)
{
	uint32_t v;
	memcpy(&v, at, sizeof v);
	return le32toh(v);
}

static uint64_t get64(const uint8_t *at)
{
	uint64_t v;
	memcpy(&v, at, sizeof v);
	return le64toh(v);
}

void stamp_write(const struct stamp *s, uint8_t ret[STAMP_BYTES])
{
	memcpy(ret, magic, sizeof magic);
	put32(ret + 4, s->run);
	put32(ret + 8, s->call);
	put32(ret + 12, s->seq);
	put64(ret + 16, s->sent_us);
	put64(ret + 24, s->turned_us);
	put32(ret + 32, s->flags);
	put32(ret + 36, s->item);
	put32(ret + 40, s->ms);
	put32(ret + 44, s->heard_item);
	put32(ret + 48, s->heard_ms);
	put32(ret + 52, s->clears);
	put64(ret + 56, s->cleared_us);
	uint64_t seed = (uint64_t)s->call << 32 | s->seq;
	for (int i = FILL_AT; i < CHECK_AT; i += 8)
		put64(ret + i, seed = mix(seed + 0x9E3779B97F4A7C15u));
	put64(ret + CHECK_AT, check_of(ret));
}

enum stamp_found stamp_read(const uint8_t at[STAMP_BYTES], struct stamp *ret)
{
	if (memcmp(at, magic, sizeof magic) != 0)
		return STAMP_NONE;
	if (get64(at + CHECK_AT) != check_of(at))
		return STAMP_BROKEN;
	*ret = (struct stamp){ .run = get32(at + 4),
		               .call = get32(at + 8),
		               .seq = get32(at + 12),
		               .sent_us = get64(at + 16),
		               .turned_us = get64(at + 24),
		               .flags = get32(at + 32),
		               .item = get32(at + 36),
		               .ms = get32(at + 40),
		               .heard_item = get32(at + 44),
		               .heard_ms = get32(at + 48),
		               .clears = get32(at + 52),
		               .cleared_us = get64(at + 56) };
	return STAMP_WHOLE;
}

/* ---- streams ------------------------------------------------------------------------------- */

/* Where a stamp may begin in what is there; n when nowhere. */
static uint32_t find_magic(const uint8_t *at, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		uint32_t have = n - i < sizeof magic ? n - i : (uint32_t)sizeof magic;
		if (!memcmp(at + i, magic, have))
			return i;
	}
	return n;
}

static void emit(enum stamp_found found, const uint8_t *at, uint32_t n, const struct stamp *stamp,
                 stamp_fn *fn, void *ctx)
{
	struct stamp_piece p = { .found = found, .at = at, .n = n };
	if (found == STAMP_WHOLE)
		p.stamp = *stamp;
	if (n)
		fn(ctx, &p);
}

/* Of n bytes: what can be said of the first ones, and how many these are. 0: more must come. */
static uint32_t take(const uint8_t *at, uint32_t n, stamp_fn *fn, void *ctx)
{
	struct stamp stamp = { 0 };
	uint32_t first = find_magic(at, n);
	if (first) {
		emit(STAMP_NONE, at, first, NULL, fn, ctx);
		return first;
	}
	if (n < STAMP_BYTES)
		return 0;
	enum stamp_found found = stamp_read(at, &stamp);
	uint32_t len = STAMP_BYTES;
	if (found == STAMP_BROKEN) { /* cut short? then the next one begins inside */
		uint32_t next = 1 + find_magic(at + 1, STAMP_BYTES - 1);
		len = next < STAMP_BYTES - sizeof magic ? next : STAMP_BYTES;
	}
	emit(found, at, len, &stamp, fn, ctx);
	return len;
}

void stamp_feed(struct stamp_stream *s, struct str audio, stamp_fn *fn, void *ctx)
{
	const uint8_t *at = (const uint8_t *)audio.at;
	uint32_t left = audio.len, took;
	while (left) {
		if (!s->n && left >= STAMP_BYTES) { /* the usual case: where it lies */
			took = take(at, left, fn, ctx);
			at += took;
			left -= took;
			if (took)
				continue;
		}
		uint32_t n = STAMP_BYTES - s->n < left ? STAMP_BYTES - s->n : left;
		memcpy(s->part + s->n, at, n);
		s->n += n;
		at += n;
		left -= n;
		while ((took = take(s->part, s->n, fn, ctx)) != 0) {
			s->n -= took;
			memmove(s->part, s->part + took, s->n);
			if (!s->n)
				break;
		}
	}
}

void stamp_feed_end(struct stamp_stream *s, stamp_fn *fn, void *ctx)
{
	emit(STAMP_NONE, s->part, s->n, NULL, fn, ctx);
	s->n = 0;
}
