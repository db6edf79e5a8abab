/*
 * utf8.h — is it UTF-8, strictly (RFC 3629: shortest form, no surrogates, at most U+10FFFF).
 */
#pragma once
#include "proto/str.h"

/* Bytes up to the first one that is not UTF-8; `len` when all of it is. */
size_t utf8_prefix(const char *at, size_t len);

static inline bool utf8_valid(struct str s)
{
	return utf8_prefix(s.at, s.len) == s.len;
}

/* Write one code point, 1 to 4 bytes. The code point must not be a surrogate nor above U+10FFFF. */
size_t utf8_put(char *out, uint32_t code);

/* The greatest length up to `max` that does not cut a character in two. */
uint32_t utf8_cut(struct str s, uint32_t max);
