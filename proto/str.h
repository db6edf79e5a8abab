/*
 * str.h — bytes that somebody else owns: a view, never an owner.
 *
 * A view lives as long as what it points into: inside a handler, the message. An empty view may
 * have a NULL pointer, so copying code tests the length first. Text is UTF-8; a view is never
 * NUL-terminated.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct str {
	const char *at;
	uint32_t len;
};

/* printf("%.*s", STR(s)) */
#define STR(s) (int)(s).len, (s).len ? (s).at : ""

/* A view of a string literal, usable in a static initialiser. */
#define STR_LIT(lit)                                                                               \
	{                                                                                          \
		.at = "" lit, .len = sizeof(lit) - 1                                               \
	}

static inline struct str str_of(const char *s)
{
	return (struct str){ .at = s, .len = s ? (uint32_t)strlen(s) : 0 };
}

static inline struct str str_n(const char *at, size_t len)
{
	return (struct str){ .at = at, .len = (uint32_t)len };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (!a.len || !memcmp(a.at, b.at, a.len));
}

static inline bool str_is(struct str a, const char *b)
{
	return str_eq(a, str_of(b));
}

static inline bool str_starts(struct str s, const char *prefix)
{
	size_t n = strlen(prefix);
	return s.len >= n && !memcmp(s.len ? s.at : "", prefix, n);
}

/* A C string of its own, for free(); NULL: no memory. (strndup() is for what ends in a NUL.) */
static inline char *str_dup(struct str s)
{
	char *own = malloc(s.len + 1);
	if (!own)
		return NULL;
	if (s.len)
		memcpy(own, s.at, s.len);
	own[s.len] = 0;
	return own;
}

/* Copy out: always ends in NUL, cut at cap - 1. Returns false when it was cut. */
static inline bool str_keep(char *dst, size_t cap, struct str s)
{
	size_t n = s.len < cap ? s.len : cap - 1;
	if (n)
		memcpy(dst, s.at, n);
	dst[n] = '\0';
	return n == s.len;
}
