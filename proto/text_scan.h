/*
 * text_scan.h — the small pieces the text form is made of, inside proto only.
 *
 * The first failure sticks: later ones change nothing.
 */
#pragma once
#include "proto/text.h"

struct text_scan {
	const char *start, *at, *end;
	struct arena *arena;
	uint32_t depth;
	bool hidden; /* inside a secret field: errors show nothing of it */
	enum err err;
	struct text_error *error; /* may be NULL */
};

void scan_init(struct text_scan *r, struct str text, struct arena *a, struct text_error *error);

/* Both false. The hidden one shows nothing of what stands there: it may be a secret. */
bool scan_fail(struct text_scan *r, enum err e, const char *at, const char *expected);
bool scan_fail_hidden(struct text_scan *r, enum err e, const char *at, const char *expected);

void scan_space(struct text_scan *r);
bool scan_char(struct text_scan *r, char c);
bool scan_past(struct text_scan *r, const char *text);
struct str scan_word(struct text_scan *r); /* letters, digits, _ . + - */
bool scan_quoted(struct text_scan *r, struct str *ret);
bool scan_hex(struct text_scan *r, struct str *ret); /* x"0a0b" */

/* The quote that ends the text r->at stands in; NULL when there is none. */
const char *scan_closing_quote(const struct text_scan *r, bool *ret_escaped);

/* `name{…}` or, for an answer that is an error, the name alone: then the body is NULL. */
bool text_scan_message(struct text_scan *r, const struct proto_desc **ret_type,
                       const void **ret_body);
