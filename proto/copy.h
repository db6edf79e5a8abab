/*
 * copy.h — short copies in place: most texts are short, and steps of 16 bytes, the last
 * overlapping, beat a call of memcpy (tests/bench/codec.c).
 */
#pragma once
#include <stddef.h>
#include <string.h>

/* `n` bytes that do not overlap; exactly those are read and written. Either may be NULL
 * when n is 0. */
static inline void copy_bytes(char *to, const char *from, size_t n)
{
	if (n > 256) {
		memcpy(to, from, n);
	} else if (n > 32) {
		for (size_t i = 0; i + 32 < n; i += 32) {
			memcpy(to + i, from + i, 16);
			memcpy(to + i + 16, from + i + 16, 16);
		}
		memcpy(to + n - 32, from + n - 32, 16);
		memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 16) {
		memcpy(to, from, 16);
		memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 8) {
		memcpy(to, from, 8);
		memcpy(to + n - 8, from + n - 8, 8);
	} else if (n >= 4) {
		memcpy(to, from, 4);
		memcpy(to + n - 4, from + n - 4, 4);
	} else if (n) {
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		to[n - 1] = from[n - 1];
	}
}

/* The same where a thousand bytes are many: in place and never a call, so that who copies keeps
 * his registers. */
static inline __attribute__((always_inline)) void copy_short(char *to, const char *from, size_t n)
{
	if (n > 32) {
		for (size_t i = 0; i + 32 < n; i += 32) {
			__builtin_memcpy(to + i, from + i, 16);
			__builtin_memcpy(to + i + 16, from + i + 16, 16);
		}
		__builtin_memcpy(to + n - 32, from + n - 32, 16);
		__builtin_memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 16) {
		__builtin_memcpy(to, from, 16);
		__builtin_memcpy(to + n - 16, from + n - 16, 16);
	} else if (n >= 8) {
		__builtin_memcpy(to, from, 8);
		__builtin_memcpy(to + n - 8, from + n - 8, 8);
	} else if (n >= 4) {
		__builtin_memcpy(to, from, 4);
		__builtin_memcpy(to + n - 4, from + n - 4, 4);
	} else if (n) {
		to[0] = from[0];
		to[n / 2] = from[n / 2];
		to[n - 1] = from[n - 1];
	}
}

/* The same of zeros; steps of 8. */
static inline void clear_bytes(char *to, size_t n)
{
	if (n > 128 || n < 8) {
		memset(to, 0, n);
		return;
	}
	for (size_t i = 0; i + 8 < n; i += 8)
		memset(to + i, 0, 8);
	memset(to + n - 8, 0, 8);
}
