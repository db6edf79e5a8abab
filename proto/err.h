/*
 * err.h — the one error type. Success is OK; outputs are named ret_… and untouched on failure.
 */
#pragma once
#include <stdbool.h>

#define MUST __attribute__((warn_unused_result))

enum err {
#define ERR(name, number, text, http, retry) ERR_##name = number,
#include "proto/err.def"
#undef ERR
	OK = ERR_OK
};

struct err_info {
	const char *name; /* "TIMEOUT" */
	const char *text; /* one sentence, lower case, no full stop */
	int http;         /* the status a caller from the street gets */
	bool retry;       /* the same request may succeed later */
};

/* Never NULL: an unknown number answers as ERR_FAULT with the name "UNKNOWN". */
const struct err_info *err_info(enum err e);
