/*
 * text_scan.c — the small pieces the text form is made of.
 */
#include "proto/text_scan.h"
#include "proto/utf8.h"

enum { EXCERPT_BYTES = 40 };

void scan_init(struct text_scan *r, struct str text, struct arena *a, struct text_error *error)
{
	const char *at = text.len ? text.at : "";
	*r = (struct text_scan){
		.start = at, .at = at, .end = at + text.len, .arena = a, .error = error
	};
}

/* The word that stands there, or as much of it as fits. */
static void excerpt(const struct text_scan *r, const char *at, char *out, size_t cap)
{
	uint32_t n = 0;
	struct str rest = str_n(at, (size_t)(r->end - at));
	while (n < rest.len && n < EXCERPT_BYTES && (unsigned char)rest.at[n] > ' ')
		n++;
	if (!rest.len)
		rest = str_of("the end of the text");
	else if ((unsigned char)*rest.at < ' ')
		rest = str_of("a control character");
	else
		rest.len = utf8_cut(rest, n ? n : 1);
	rest.len = (uint32_t)utf8_prefix(rest.at, rest.len);
	str_keep(out, cap, rest);
}

bool scan_fail_hidden(struct text_scan *r, enum err e, const char *at, const char *expected)
{
	if (r->err)
		return false;
	r->err = e;
	if (!r->error)
		return false;
	*r->error = (struct text_error){ .err = e, .column = (uint32_t)(at - r->start) + 1 };
	str_keep(r->error->expected, sizeof r->error->expected, str_of(expected));
	return false;
}

bool scan_fail(struct text_scan *r, enum err e, const char *at, const char *expected)
{
	bool first = !r->err;
	scan_fail_hidden(r, e, at, expected);
	if (first && r->error && !r->hidden)
		excerpt(r, at, r->error->received, sizeof r->error->received);
	return false;
}

void scan_space(struct text_scan *r)
{
	while (r->at < r->end && (*r->at == ' ' || *r->at == '\t'))
		r->at++;
}

bool scan_char(struct text_scan *r, char c)
{
	if (r->at == r->end || *r->at != c)
		return false;
	r->at++;
	return true;
}

bool scan_past(struct text_scan *r, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(r->end - r->at) < n || memcmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	return true;
}

static bool in_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '.' || c == '+' || c == '-';
}

struct str scan_word(struct text_scan *r)
{
	const char *from = r->at;
	while (r->at < r->end && in_word(*r->at))
		r->at++;
	return str_n(from, (size_t)(r->at - from));
}

static int hex_digits(const char *at, const char *end, int n)
{
	int v = 0;
	if (end - at < n)
		return -1;
	for (int i = 0; i < n; i++) {
		char c = at[i] >= 'A' && at[i] <= 'F' ? (char)(at[i] + 32) : at[i];
		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
			return -1;
		v = v << 4 | (c <= '9' ? c - '0' : c - 'a' + 10);
	}
	return v;
}

/* One escape behind its backslash, into 1 to 3 bytes at *to. */
static bool escape(struct text_scan *r, char **to)
{
	static const char letters[] = "\"\\nrt", means[] = "\"\\\n\r\t";
	const char *from = r->at - 1;
	char c = r->at < r->end ? *r->at++ : '\0';
	const char *plain = c ? strchr(letters, c) : NULL;
	if (plain) {
		*(*to)++ = means[plain - letters];
		return true;
	}
	int digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
	int code = digits ? hex_digits(r->at, r->end, digits) : -1;
	if (code < 0 || (c == 'x' && code > 0x7f) || (code >= 0xd800 && code <= 0xdfff))
		return scan_fail(r, ERR_MALFORMED, from,
		                 "an escape: \\\" \\\\ \\n \\r \\t \\xHH \\uHHHH");
	*to += utf8_put(*to, (uint32_t)code);
	r->at += digits;
	return true;
}

const char *scan_closing_quote(const struct text_scan *r, bool *ret_escaped)
{
	const char *at = r->at;
	*ret_escaped = false;
	for (; at < r->end && *at != '"'; at++) {
		if (*at == '\\') {
			*ret_escaped = true;
			if (++at == r->end)
				break;
		}
	}
	return at < r->end ? at : NULL;
}

/* Text in quotes. No escape is longer when read than when written, so its length is room enough. */
bool scan_quoted(struct text_scan *r, struct str *ret)
{
	bool escaped;
	const char *from = r->at;
	if (!scan_char(r, '"'))
		return scan_fail(r, ERR_TYPE, from, "text in quotes");
	const char *close = scan_closing_quote(r, &escaped);
	if (!close)
		return scan_fail(r, ERR_MALFORMED, from, "a closing quote");
	struct str raw = str_n(r->at, (size_t)(close - r->at));
	size_t good = utf8_prefix(raw.at, raw.len);
	if (good < raw.len)
		return scan_fail(r, ERR_MALFORMED, raw.at + good, "UTF-8");
	if (escaped) {
		char *room = arena_take(r->arena, raw.len, 1), *to = room;
		if (!room)
			return scan_fail_hidden(r, ERR_TOO_LARGE, from,
			                        "less text than there is room for");
		while (r->at < close) {
			char c = *r->at++;
			if (c != '\\')
				*to++ = c;
			else if (!escape(r, &to))
				return false;
		}
		arena_trim(r->arena, raw.len - (size_t)(to - room));
		raw = str_n(room, (size_t)(to - room));
	}
	r->at = close + 1;
	*ret = raw;
	return true;
}

bool scan_hex(struct text_scan *r, struct str *ret)
{
	const char *from = r->at;
	if (!scan_past(r, "x\""))
		return scan_fail(r, ERR_TYPE, from, "bytes as x\"0a0b\"");
	const char *close = memchr(r->at, '"', (size_t)(r->end - r->at));
	if (!close || (close - r->at) % 2)
		return scan_fail(r, ERR_MALFORMED, from,
		                 "pairs of hexadecimal digits, then a quote");
	size_t n = (size_t)(close - r->at) / 2;
	char *room = n ? arena_take(r->arena, n, 1) : NULL;
	if (n && !room)
		return scan_fail_hidden(r, ERR_TOO_LARGE, from,
		                        "fewer bytes than there is room for");
	for (size_t i = 0; i < n; i++, r->at += 2) {
		int v = hex_digits(r->at, close, 2);
		if (v < 0)
			return scan_fail(r, ERR_MALFORMED, r->at, "hexadecimal digits");
		room[i] = (char)v;
	}
	r->at = close + 1;
	*ret = str_n(room, n);
	return true;
}
