/*
 * json_keep.c — JSON that others wrote, as PostgreSQL's jsonb can keep it.
 */
#include "proto/json_scan.h"

/* jsonb keeps numbers as numeric: 131,072 digits before the point, 16,383 behind it. Half of that,
 * for digits and exponent each, is what nobody means. */
enum { DIGITS_MOST = 8000, EXPONENT_MOST = 8000 };

static enum err number_keeps(struct str digits)
{
	const char *at = digits.at, *end = at + digits.len;
	int64_t power = 0;
	while (at < end && *at != 'e' && *at != 'E')
		at++;
	if (at - digits.at > DIGITS_MOST)
		return ERR_RANGE;
	for (; at < end && power <= EXPONENT_MOST; at++)
		if (*at >= '0' && *at <= '9')
			power = power * 10 + (*at - '0');
	return power > EXPONENT_MOST ? ERR_RANGE : OK;
}

/* The document is well formed: every digit outside a text begins a number, or follows its sign. */
static enum err numbers_keep(struct str doc)
{
	struct json j;
	struct str number, text;
	bool escaped;
	json_init(&j, doc, JSON_LONE);
	while (j.at < j.end) {
		enum err e = OK;
		if (*j.at == '"') {
			j.at++;
			if (!json_scan_string(&j, &text, &escaped))
				return j.err;
		} else if (*j.at == '-' || (*j.at >= '0' && *j.at <= '9')) {
			e = json_scan_number(&j, &number) ? number_keeps(number) : j.err;
		} else {
			j.at++;
		}
		if (e)
			return e;
	}
	return OK;
}

enum err json_keeps(struct str doc)
{
	struct json j;
	json_init(&j, doc, JSON_LONE);
	json_skip(&j);
	enum err e = json_end(&j);
	return e ? e : numbers_keep(doc);
}

static int unit_at(const char *at, const char *end)
{
	static const char hex[] = "0123456789abcdef";
	int v = 0;
	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (int i = 2; i < 6; i++)
		v = v << 4 | (int)(strchr(hex, at[i] | 0x20) - hex);
	return v;
}

void json_mend(char *at, size_t len)
{
	char *end = at + len;
	while ((at = memchr(at, '\\', (size_t)(end - at)))) {
		int unit = unit_at(at, end), next = unit < 0 ? -1 : unit_at(at + 6, end);
		bool high = unit >= 0xd800 && unit < 0xdc00, low = unit >= 0xdc00 && unit < 0xe000;
		bool pair = high && next >= 0xdc00 && next < 0xe000;
		if (unit == 0 || low || (high && !pair))
			memcpy(at + 2, "fffd", 4);
		at += unit < 0 ? 2 : pair ? 12 : 6;
	}
}
