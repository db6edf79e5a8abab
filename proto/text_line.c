/*
 * text_line.c — one line of a tap back into time, names, message and what follows it.
 */
#include "proto/field.h"
#include "proto/text_scan.h"

static bool two_digits(struct text_scan *r, uint32_t below, uint32_t *ret)
{
	const char *from = r->at;
	uint32_t v = 0;
	for (int i = 0; i < 2; i++, r->at++) {
		if (r->at == r->end || *r->at < '0' || *r->at > '9')
			return scan_fail(r, ERR_MALFORMED, from, "a time, as 12:00:01.250");
		v = v * 10 + (uint32_t)(*r->at - '0');
	}
	*ret = v;
	return v < below || scan_fail(r, ERR_RANGE, from, "a time of day");
}

/* HH:MM:SS and a fraction of 1 to 6 digits. */
static bool read_time(struct text_scan *r, uint64_t *ret_us)
{
	uint32_t h = 0, m = 0, s = 0, us = 0, digits = 0;
	if (!two_digits(r, 24, &h) || !scan_char(r, ':') || !two_digits(r, 60, &m) ||
	    !scan_char(r, ':') || !two_digits(r, 60, &s) || !scan_char(r, '.'))
		return scan_fail(r, ERR_MALFORMED, r->at, "a time, as 12:00:01.250");
	for (; r->at < r->end && *r->at >= '0' && *r->at <= '9' && digits < 6; digits++)
		us = us * 10 + (uint32_t)(*r->at++ - '0');
	if (!digits)
		return scan_fail(r, ERR_MALFORMED, r->at, "a digit");
	for (; digits < 6; digits++)
		us *= 10;
	*ret_us = ((h * 60ull + m) * 60 + s) * 1000000 + us;
	return true;
}

static bool read_name(struct text_scan *r, char none, struct str *ret)
{
	scan_space(r);
	if (r->at < r->end && *r->at == '"')
		return scan_quoted(r, ret);
	const char *from = r->at;
	while (r->at<r->end && * r->at> ' ' && *r->at < 0x7f && *r->at != '"')
		r->at++;
	*ret = str_n(from, (size_t)(r->at - from));
	if (!ret->len)
		return scan_fail(r, ERR_MALFORMED, from, "an actor's name");
	if (ret->len == 1 && *from == none)
		*ret = (struct str){ 0 };
	return true;
}

static bool read_number(struct text_scan *r, uint64_t *ret)
{
	const char *from = r->at;
	struct str digits = scan_word(r);
	return field_read_u64(digits, ret) || scan_fail(r, ERR_MALFORMED, from, "a number");
}

static bool read_err(struct text_scan *r, enum err *ret)
{
	const char *from = r->at;
	struct str name = scan_word(r);
	for (unsigned e = 1; e < 256; e++) {
		const struct err_info *info = err_info((enum err)e);
		if (str_is(name, info->name)) {
			*ret = (enum err)e;
			return true;
		}
	}
	return scan_fail(r, ERR_RANGE, from, "the name of an error");
}

/* What may follow a message, each at most once and in any order. */
static bool read_tail(struct text_scan *r, struct text_line *line)
{
	uint64_t blob = 0;
	for (scan_space(r); r->at < r->end; scan_space(r)) {
		const char *from = r->at;
		bool once = true;
		if (scan_char(r, '#'))
			once = !line->id && read_number(r, &line->id);
		else if (scan_past(r, "re "))
			once = !line->re && read_number(r, &line->re);
		else if (scan_past(r, "err="))
			once = !line->err && read_err(r, &line->err);
		else if (scan_past(r, "business="))
			once = !line->business && read_number(r, &line->business);
		else if (scan_past(r, "blob="))
			once = !blob && read_number(r, &blob) && blob <= UINT32_MAX;
		else
			return scan_fail(r, ERR_MALFORMED, from,
			                 "#ID, re ID, err=, business= or blob=");
		if (!once)
			return scan_fail(r, ERR_INVALID, from, "each of these once, and in range");
	}
	line->blob = (uint32_t)blob;
	return true;
}

enum err text_read_line(struct str text, struct arena *a, struct text_line *ret,
                        struct text_error *ret_error)
{
	struct text_scan r;
	struct text_line line = { 0 };
	scan_init(&r, text, a, ret_error);
	scan_space(&r);
	if (!read_time(&r, &line.time_us) || !read_name(&r, '-', &line.from))
		return r.err;
	scan_space(&r);
	if (!scan_char(&r, '>')) {
		scan_fail(&r, ERR_MALFORMED, r.at, ">");
		return r.err;
	}
	if (!read_name(&r, '*', &line.to))
		return r.err;
	scan_space(&r);
	if (!text_scan_message(&r, &line.type, &line.body))
		return r.err;
	const char *behind = r.at;
	if (read_tail(&r, &line) && !line.body && !line.err)
		scan_fail(&r, ERR_MALFORMED, behind, "{, or err= behind it");
	if (!r.err)
		*ret = line;
	return r.err;
}
