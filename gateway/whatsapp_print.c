/*
 * whatsapp_print.c — what makes two messages the same text: normalised, and hashed.
 */
#include "gateway/whatsapp_print.h"

#include <endian.h>
#include <stdlib.h>
#include <utf8proc.h>

#include "proto/digest.h"
#include "proto/utf8.h"

enum { MARKS_MAX = 30 };

static bool is_ascii(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] >= 0x80)
			return false;
	return true;
}

/* White_Space of Unicode 15 (PropList.txt). */
static bool is_space(int32_t c)
{
	return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

/* One character; bytes that are no UTF-8 count as characters of one byte. */
static uint32_t next(struct str s, uint32_t i, int32_t *ret_c)
{
	utf8proc_ssize_t n = utf8proc_iterate((const uint8_t *)s.at + i, s.len - i, ret_c);
	return n > 0 ? (uint32_t)n : 1;
}

static bool safe_to_sort(struct str s)
{
	int marks = 0;
	for (uint32_t i = 0; i < s.len;) {
		int32_t c;
		i += next(s, i, &c);
		if (c >= 0 && utf8proc_get_property(c)->combining_class)
			marks++;
		else
			marks = 0;
		if (marks > MARKS_MAX)
			return false;
	}
	return true;
}

/* Fold white space into `out`, which has room for all of s. Returns the length. */
static uint32_t fold(struct str s, char *out)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s.len;) {
		int32_t c = (unsigned char)s.at[i];
		uint32_t bytes = c < 0x80 ? 1 : next(s, i, &c);
		if (!is_space(c)) {
			memcpy(out + n, s.at + i, bytes);
			n += bytes;
		} else if (n && out[n - 1] != ' ') {
			out[n++] = ' ';
		}
		i += bytes;
	}
	return n && out[n - 1] == ' ' ? n - 1 : n;
}

MUST enum err whatsapp_normalise(struct str text, struct arena *a, struct str *ret)
{
	uint8_t *nfc = NULL;
	struct str s = text;
	if (!is_ascii(s) && utf8_valid(s) && safe_to_sort(s)) {
		utf8proc_ssize_t n = utf8proc_map((const uint8_t *)s.at, s.len, &nfc,
		                                  UTF8PROC_STABLE | UTF8PROC_COMPOSE);
		if (n >= 0)
			s = str_n((const char *)nfc, (size_t)n);
	}
	char *out = s.len ? arena_take(a, s.len, 1) : NULL;
	bool room = out || !s.len;
	if (room) {
		uint32_t n = out ? fold(s, out) : 0;
		arena_trim(a, s.len - n);
		*ret = str_n(out, n);
	}
	free(nfc);
	return room ? OK : ERR_TOO_LARGE;
}

static char *put(char *at, const void *bytes, uint32_t n)
{
	if (n)
		memcpy(at, bytes, n);
	return at + n;
}

MUST enum err whatsapp_prints(uint32_t kind, struct str reply_to, struct str body,
                              struct str media_sha, struct arena *a, struct whatsapp_prints *ret)
{
	struct arena was = *a;
	struct str text = { 0 };
	enum err e = whatsapp_normalise(body, a, &text);
	if (e)
		return e;
	/* Lengths first, so that no two different messages give the same bytes. */
	uint32_t head[] = { htole32(kind), htole32(reply_to.len), htole32(media_sha.len) };
	uint32_t n = (uint32_t)sizeof head + reply_to.len + media_sha.len + text.len;
	char *all = arena_take(a, n, 1);
	if (!all)
		return ERR_TOO_LARGE;
	char *at = put(all, head, sizeof head);
	at = put(at, reply_to.at, reply_to.len);
	at = put(at, media_sha.at, media_sha.len);
	put(at, text.at, text.len);
	e = digest_sha256(str_n(all, n), ret->all);
	if (!e && text.len)
		e = digest_sha256(text, ret->body);
	ret->has_body = text.len > 0;
	a->used = was.used;
	return e;
}
