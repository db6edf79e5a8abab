/*
 * json_scan.h — the inner loops of the JSON reader, inside proto only: strings, escapes, numbers.
 */
#pragma once
#include "proto/json.h"

/* The first '"', '\\' or control character at or after `at`; `end` when there is none. *high
 * gathers whether a byte above 0x7f was passed (it may say so for one just behind the place found).
 */
const char *json_scan_text(const char *at, const char *end, bool *high);

/* The text that starts behind the opening quote at j->at. On success j->at is behind the closing
 * one. */
bool json_scan_string(struct json *j, struct str *ret_raw, bool *ret_escaped);

/* Write what a checked text with escapes stands for; at most raw.len bytes. Returns how many. */
size_t json_unescape(struct str raw, char *out);

/* The number at j->at, by the grammar of RFC 8259, section 6. */
bool json_scan_number(struct json *j, struct str *ret);

/* Its value: exact, or ERR_RANGE (the digits are too many) or ERR_TYPE (it is not whole). */
enum err json_number_u64(struct str digits, bool *ret_negative, uint64_t *ret);
enum err json_number_f64(struct str digits, double *ret);
