/*
 * base64.h — bytes as text (RFC 4648): written in the standard alphabet with padding; read in that
 * or the URL-safe one, padded or not, but never with anything else in it.
 */
#pragma once
#include "proto/str.h"

static inline size_t base64_text_len(size_t bytes)
{
	return (bytes + 2) / 3 * 4;
}

/* Room that always suffices to read `len` characters. */
static inline size_t base64_bytes_len(size_t len)
{
	return len / 4 * 3 + 3;
}

/* Writes base64_text_len(bytes.len) characters, no NUL. */
void base64_write(struct str bytes, char *out);

/* False for any other character, a length no bytes have, wrong padding, or unused bits that are not
 * zero: so that each text that is taken is the only one for its bytes but for alphabet and padding.
 */
bool base64_read(struct str text, char *out, size_t *ret_len);
