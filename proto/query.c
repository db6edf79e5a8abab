/*
 * query.c — the query of an address, read strictly.
 */
#include "proto/query.h"
#include "proto/utf8.h"

bool query_next(struct query *q, struct str *ret_key, struct str *ret_value)
{
	while (q->at < q->end && *q->at == '&')
		q->at++;
	if (q->at == q->end)
		return false;
	const char *amp = memchr(q->at, '&', (size_t)(q->end - q->at));
	const char *end = amp ? amp : q->end;
	const char *eq = memchr(q->at, '=', (size_t)(end - q->at));
	*ret_key = str_n(q->at, (size_t)((eq ? eq : end) - q->at));
	*ret_value = eq ? str_n(eq + 1, (size_t)(end - eq - 1)) : (struct str){ 0 };
	q->at = end;
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool decode_into(struct str raw, bool plus, char *out, size_t *ret_len)
{
	char *to = out;
	for (uint32_t i = 0; i < raw.len; i++) {
		char c = raw.at[i];
		if (c == '%') {
			int high = raw.len - i > 2 ? hex_digit(raw.at[i + 1]) : -1;
			int low = raw.len - i > 2 ? hex_digit(raw.at[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		*to++ = c;
	}
	*ret_len = (size_t)(to - out);
	return true;
}

static enum err decode(struct str raw, bool plus, struct arena *a, struct str *ret)
{
	struct str text = raw;
	bool plain = !raw.len ||
	             (!memchr(raw.at, '%', raw.len) && !(plus && memchr(raw.at, '+', raw.len)));
	if (!plain) {
		char *room = arena_take(a, raw.len, 1);
		size_t n;
		if (!room)
			return ERR_TOO_LARGE;
		if (!decode_into(raw, plus, room, &n))
			return ERR_MALFORMED;
		arena_trim(a, raw.len - n);
		text = str_n(room, n);
	}
	if (!utf8_valid(text) || (text.len && memchr(text.at, '\0', text.len)))
		return ERR_MALFORMED;
	*ret = text;
	return OK;
}

enum err query_decode(struct str raw, struct arena *a, struct str *ret)
{
	return decode(raw, true, a, ret);
}

enum err query_decode_path(struct str raw, struct arena *a, struct str *ret)
{
	return decode(raw, false, a, ret);
}

bool query_key_is(struct str key, const char *snake)
{
	if (str_is(key, snake))
		return true;
	uint32_t i = 0;
	for (; *snake && i < key.len; snake++, i++) {
		char c = *snake;
		if (c == '_' && snake[1]) {
			c = *++snake;
			c = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
		}
		if (key.at[i] != c)
			return false;
	}
	return !*snake && i == key.len;
}
