/*
 * utf8.h — is it UTF-8, strictly (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
 */
#pragma once
#include "proto/str.h"

/* Bytes up to the first one that is not UTF-8; `len` when all of it is. */
size_t utf8_prefix(const char *at, size_t len);

static inline uint64_t utf8_eight(const char *at)
{
	uint64_t w;
	memcpy(&w, at, sizeof w);
	return w;
}

/* Most text is ASCII: eight bytes at a time, the last eight overlapping. */
static inline bool utf8_ascii(struct str s)
{
	const char *at = s.at;
	uint64_t all = 0;
	if (s.len < 8) {
		for (uint32_t i = 0; i < s.len; i++)
			all |= (unsigned char)at[i];
		return !(all & 0x80);
	}
	const char *end = at + s.len;
	for (; end - at > 32; at += 32)
		all |= utf8_eight(at) | utf8_eight(at + 8) | utf8_eight(at + 16) |
		       utf8_eight(at + 24);
	for (; end - at > 8; at += 8)
		all |= utf8_eight(at);
	all |= utf8_eight(end - 8);
	return !(all & 0x8080808080808080u);
}

static inline bool utf8_valid(struct str s)
{
	return utf8_ascii(s) || utf8_prefix(s.at, s.len) == s.len;
}

/* Write one code point, 1 to 4 bytes. The code point must not be a surrogate nor above U+10FFFF. */
size_t utf8_put(char *out, uint32_t code);

/* The greatest length up to `max` that does not cut a character in two. */
uint32_t utf8_cut(struct str s, uint32_t max);
