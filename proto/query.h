/*
 * query.h — the query of an address (WHATWG URL, application/x-www-form-urlencoded), read strictly.
 */
#pragma once
#include "proto/arena.h"
#include "proto/err.h"

/* What is left to read of a query; begins as the raw bytes behind the '?'. */
struct query {
	const char *at, *end;
};

static inline struct query query_of(struct str raw)
{
	const char *at = raw.len ? raw.at : "";
	return (struct query){ .at = at, .end = at + raw.len };
}

/* The next pair, still encoded; without '=' the value is empty. Empty pairs are passed over. False:
 * no more. */
bool query_next(struct query *q, struct str *ret_key, struct str *ret_value);

/* %HH and '+' undone: a view of `raw` when it has neither, else in the arena. ERR_MALFORMED: a '%'
 * without two hexadecimal digits, or what comes out is not UTF-8, or has U+0000; ERR_TOO_LARGE: the
 * arena is full. */
MUST enum err query_decode(struct str raw, struct arena *a, struct str *ret);

/* The same for a segment of a path, where '+' is itself. */
MUST enum err query_decode_path(struct str raw, struct arena *a, struct str *ret);

/* Is `key` the name in snake_case, or the same in camelCase: from_date, fromDate? */
bool query_key_is(struct str key, const char *snake);
