/*
 * pack.h — msgpack, the bytes themselves: the writing and reading of one value (msgpack spec.md,
 * "Formats"). For codec_*.c alone; no allocation, no recursion, never past the end.
 */
#pragma once
#include "proto/copy.h"
#include "proto/err.h"
#include "proto/str.h"

/* Inlined into the codec's loops, packer and unpacker stay in registers: each store and load of
 * their `at` between two bytes would cost as much as the byte (tests/bench/codec.c). */
#define HOT inline __attribute__((always_inline))

/* ---- writing: into a buffer of a size; what does not fit is counted ---------------------------
 */

struct packer {
	unsigned char *at, *end;
	size_t over; /* bytes that found no room; once there are some, nothing more is written */
};

static HOT void pack_over(struct packer *p, size_t n)
{
	p->end = p->at;
	p->over += n;
}

static HOT void pack_bytes(struct packer *p, const void *from, size_t n)
{
	if ((size_t)(p->end - p->at) < n) {
		pack_over(p, n);
		return;
	}
	copy_bytes((char *)p->at, from, n);
	p->at += n;
}

static HOT void pack_byte(struct packer *p, unsigned char b)
{
	if (p->at == p->end) {
		pack_over(p, 1);
		return;
	}
	*p->at++ = b;
}

/* A format byte and a number of 1, 2, 4 or 8 bytes, most significant first. */
static HOT void pack_head(struct packer *p, unsigned char format, uint64_t v, unsigned bytes)
{
	uint64_t big = __builtin_bswap64(v << (64 - 8 * bytes));
	if (p->end - p->at >= 9) { /* what is written too far is overwritten by the next */
		p->at[0] = format;
		memcpy(p->at + 1, &big, 8);
		p->at += 1 + bytes;
		return;
	}
	if ((size_t)(p->end - p->at) < 1 + bytes) {
		pack_over(p, 1 + bytes);
		return;
	}
	*p->at++ = format;
	memcpy(p->at, &big, bytes);
	p->at += bytes;
}

static HOT void pack_uint(struct packer *p, uint64_t v)
{
	if (v < 0x80) {
		pack_byte(p, (unsigned char)v);
		return;
	}
	unsigned width = (v > UINT8_MAX) + (v > UINT16_MAX) + (v > UINT32_MAX);
	pack_head(p, (unsigned char)(0xcc + width), v, 1u << width);
}

static HOT void pack_int(struct packer *p, int64_t v)
{
	if (v >= 0)
		pack_uint(p, (uint64_t)v);
	else if (v >= -32)
		pack_byte(p, (unsigned char)v);
	else if (v >= INT8_MIN)
		pack_head(p, 0xd0, (uint64_t)v, 1);
	else if (v >= INT16_MIN)
		pack_head(p, 0xd1, (uint64_t)v, 2);
	else if (v >= INT32_MIN)
		pack_head(p, 0xd2, (uint64_t)v, 4);
	else
		pack_head(p, 0xd3, (uint64_t)v, 8);
}

static HOT void pack_f64(struct packer *p, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	pack_head(p, 0xcb, bits, 8);
}

static HOT void pack_str(struct packer *p, struct str s)
{
	if (s.len < 32)
		pack_byte(p, (unsigned char)(0xa0 | s.len));
	else if (s.len <= UINT8_MAX)
		pack_head(p, 0xd9, s.len, 1);
	else if (s.len <= UINT16_MAX)
		pack_head(p, 0xda, s.len, 2);
	else
		pack_head(p, 0xdb, s.len, 4);
	pack_bytes(p, s.at, s.len);
}

static HOT void pack_bin(struct packer *p, struct str s)
{
	if (s.len <= UINT8_MAX)
		pack_head(p, 0xc4, s.len, 1);
	else if (s.len <= UINT16_MAX)
		pack_head(p, 0xc5, s.len, 2);
	else
		pack_head(p, 0xc6, s.len, 4);
	pack_bytes(p, s.at, s.len);
}

static HOT void pack_array(struct packer *p, uint32_t n)
{
	if (n < 16)
		pack_byte(p, (unsigned char)(0x90 | n));
	else if (n <= UINT16_MAX)
		pack_head(p, 0xdc, n, 2);
	else
		pack_head(p, 0xdd, n, 4);
}

static HOT void pack_map(struct packer *p, uint32_t n)
{
	if (n < 16)
		pack_byte(p, (unsigned char)(0x80 | n));
	else
		pack_head(p, 0xde, n, 2);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

struct unpacker {
	const unsigned char *at, *end;
};

/* What a value's first bytes say. */
enum pack_kind {
	PACK_NIL,
	PACK_BOOL,
	PACK_UINT,
	PACK_NEGATIVE,
	PACK_FLOAT,
	PACK_STR,
	PACK_BIN,
	PACK_EXT,
	PACK_ARRAY,
	PACK_MAP,
};

struct pack_value {
	enum pack_kind kind;
	uint64_t bits; /* the number; of NEGATIVE the two's complement; of STR, BIN, EXT the bytes
	                * that follow and are there; of ARRAY, MAP the items or pairs, at most the
	                * bytes left */
	double f64;
};

/* Read a value's head; the content of STR, BIN and EXT stands at u->at and is the caller's to pass.
 * false: the bytes end too early, a count is beyond them, or it is no msgpack (0xc1). */
MUST bool unpack_head(struct unpacker *u, struct pack_value *ret);

/* The same, with the usual cases in place: a number, a text or bytes of up to
 * 255. */
static HOT bool unpack_usual(struct unpacker *u, struct pack_value *ret)
{
	size_t left = (size_t)(u->end - u->at);
	if (left >= 9) {
		unsigned char b = u->at[0];
		if (b < 0x80) {
			*ret = (struct pack_value){ .kind = PACK_UINT, .bits = b };
			u->at++;
			return true;
		}
		if (b >= 0xcc && b <= 0xcf) {
			unsigned bytes = 1u << (b - 0xcc);
			uint64_t big;
			memcpy(&big, u->at + 1, 8);
			*ret = (struct pack_value){ .kind = PACK_UINT,
				                    .bits = __builtin_bswap64(big) >>
				                            (64 - 8 * bytes) };
			u->at += 1 + bytes;
			return true;
		}
		if ((b & 0xf0) == 0x80 && 2 * ((size_t)b & 0x0f) < left) {
			*ret = (struct pack_value){ .kind = PACK_MAP, .bits = b & 0x0f };
			u->at++;
			return true;
		}
		if ((b & 0xe0) == 0xa0 && (b & 0x1fu) < left) {
			*ret = (struct pack_value){ .kind = PACK_STR, .bits = b & 0x1f };
			u->at++;
			return true;
		}
		if ((b == 0xd9 || b == 0xc4) && u->at[1] <= left - 2) {
			*ret = (struct pack_value){ .kind = b == 0xd9 ? PACK_STR : PACK_BIN,
				                    .bits = u->at[1] };
			u->at += 2;
			return true;
		}
	}
	struct unpacker rest = *u; /* whose address is taken, not the caller's */
	struct pack_value value;
	bool good = unpack_head(&rest, &value);
	*u = rest;
	*ret = value;
	return good;
}

/* Pass one whole value, however deep it nests, in time linear in its bytes. */
MUST bool unpack_skip(struct unpacker *u);
