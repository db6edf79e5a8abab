/*
 * cursor.h — where the next page begins: two numbers of the last row as 32 hex digits, opaque to
 * their holder, and of no use beyond the business whose key reads it.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

struct cursor {
	uint64_t a, b;
};

enum { CURSOR_TEXT = 33 };

/* Empty text: *ret stays as it was. ERR_INVALID. */
MUST enum err cursor_read(struct str text, struct cursor *ret);
struct str cursor_write(struct cursor c, char room[CURSOR_TEXT]);
