/*
 * value.h — what a configuration value may be, and what it means as a number.
 */
#pragma once
#include "proto/str.h"

enum value_type {
	VALUE_TEXT,
	VALUE_SECRET,   /* a text that is never shown */
	VALUE_ADDRESS,  /* host:port, [v6]:port, or empty */
	VALUE_NUMBER,   /* decimal */
	VALUE_SIZE,     /* bytes, with K, M, G (1024) or nothing behind */
	VALUE_DURATION, /* ms; written with its unit: ms, s, m, h */
	VALUE_WORDS,    /* one of a fixed set, "a|b|c" */
	VALUE_LIST,     /* words between commas */
};

struct value_rule {
	enum value_type type;
	int64_t least, most; /* of a number, size or duration */
	const char *words;   /* of VALUE_WORDS */
};

/* NULL when the text fits the rule: *ret_number is then its number (0 for texts). Otherwise what is
 * expected instead, written into buf: "a duration such as 500ms, 30s or 10m". */
const char *value_check(const struct value_rule *rule, struct str text, int64_t *ret_number,
                        char *buf, size_t cap);

/* Cut "host:port" or "[v6]:port". False when it is neither. */
bool value_address(struct str text, struct str *ret_host, uint16_t *ret_port);

/* Next word of a list, blanks trimmed; false at its end. */
bool value_next(struct str *list, struct str *ret);
