/*
 * json_scan.c — the inner loops of the JSON reader: strings, escapes, numbers.
 */
#include "proto/json_scan.h"
#include "proto/utf8.h"
#include <math.h>
#include <stdlib.h>
#ifdef __SSE2__
#include <immintrin.h>
#endif

enum {
	NUMBER_BYTES = 128
}; /* ours: JavaScript writes at most 25; longer ones can be skipped, not read */

static bool stops(unsigned char c)
{
	return c == '"' || c == '\\' || c < 0x20;
}

#ifdef __SSE2__
const char *json_scan_text(const char *at, const char *end, bool *high)
{
	const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
	const __m128i control = _mm_set1_epi8(0x1f);
	int top = 0;
	for (; end - at >= 16; at += 16) {
		__m128i v = _mm_loadu_si128((const __m128i *)(const void *)at);
		__m128i stop = _mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash));
		/* unsigned v <= 0x1f, which SSE2 cannot compare directly */
		stop = _mm_or_si128(stop, _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
		int found = _mm_movemask_epi8(stop);
		top |= _mm_movemask_epi8(v);
		if (found) {
			*high |= top != 0;
			return at + __builtin_ctz((unsigned)found);
		}
	}
	for (; at < end && !stops((unsigned char)*at); at++)
		top |= *at & 0x80;
	*high |= top != 0;
	return at;
}
#else
const char *json_scan_text(const char *at, const char *end, bool *high)
{
	for (; at < end && !stops((unsigned char)*at); at++)
		*high |= (unsigned char)*at > 0x7f;
	return at;
}
#endif

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The four digits of a \u escape; negative when they are none. */
static int hex4(const char *at, const char *end)
{
	int v = 0;
	if (end - at < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(at[i]);
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

static bool is_high(int unit)
{
	return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low(int unit)
{
	return unit >= 0xdc00 && unit <= 0xdfff;
}

/* The second half of a pair that follows at `at`; negative when none does. */
static int low_half(const char *at, const char *end)
{
	int unit = end - at >= 6 && at[0] == '\\' && at[1] == 'u' ? hex4(at + 2, end) : -1;
	return is_low(unit) ? unit : -1;
}

/* Pass the escape at j->at, which is a backslash. */
static bool pass_escape(struct json *j)
{
	static const char plain[] = { '"', '\\', '/', 'b', 'f', 'n', 'r', 't' };
	const char *at = j->at + 1;
	if (at == j->end)
		return json_fail(j, ERR_MALFORMED, "an escape");
	if (*at != 'u') {
		if (!memchr(plain, *at, sizeof plain))
			return json_fail(
				j, ERR_MALFORMED,
				"one of the escapes \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\u");
		j->at = at + 1;
		return true;
	}
	int unit = hex4(at + 1, j->end);
	if (unit < 0)
		return json_fail(j, ERR_MALFORMED, "four hexadecimal digits behind \\u");
	bool pair = is_high(unit) && low_half(at + 5, j->end) >= 0;
	if (!pair && (is_high(unit) || is_low(unit)) && !(j->flags & JSON_LONE))
		return json_fail(j, ERR_MALFORMED, "a surrogate pair, not half of one");
	j->odd |= !unit || (!pair && (is_high(unit) || is_low(unit)));
	j->at = at + (pair ? 11 : 5);
	return true;
}

bool json_scan_string(struct json *j, struct str *ret_raw, bool *ret_escaped)
{
	const char *from = j->at;
	bool high = false, escaped = false;
	for (;;) {
		j->at = json_scan_text(j->at, j->end, &high);
		if (j->at == j->end)
			return json_fail(j, ERR_MALFORMED, "a closing quote");
		if (*j->at == '"')
			break;
		if (*j->at != '\\')
			return json_fail(j, ERR_MALFORMED, "text without control characters");
		if (!pass_escape(j))
			return false;
		escaped = true;
	}
	size_t len = (size_t)(j->at - from);
	size_t good = high ? utf8_prefix(from, len) : len;
	if (good < len) {
		j->at = from + good;
		return json_fail(j, ERR_MALFORMED, "UTF-8");
	}
	j->at++;
	*ret_raw = str_n(from, len);
	*ret_escaped = escaped;
	return true;
}

static char plain_escape(char c)
{
	switch (c) {
	case 'b':
		return '\b';
	case 'f':
		return '\f';
	case 'n':
		return '\n';
	case 'r':
		return '\r';
	case 't':
		return '\t';
	default:
		return c;
	}
}

size_t json_unescape(struct str raw, char *out)
{
	const char *at = raw.at, *end = raw.at + raw.len;
	char *to = out;
	while (at < end) {
		const char *slash = memchr(at, '\\', (size_t)(end - at));
		size_t n = (size_t)((slash ? slash : end) - at);
		memcpy(to, at, n);
		to += n;
		at += n;
		if (!slash)
			break;
		if (at[1] != 'u') {
			*to++ = plain_escape(at[1]);
			at += 2;
			continue;
		}
		int unit = hex4(at + 2, end), low = is_high(unit) ? low_half(at + 6, end) : -1;
		uint32_t code = (uint32_t)unit;
		if (low >= 0)
			code = 0x10000 + (((uint32_t)unit - 0xd800) << 10) +
			       ((uint32_t)low - 0xdc00);
		else if (is_high(unit) || is_low(unit))
			code = 0xfffd;
		to += utf8_put(to, code);
		at += low >= 0 ? 12 : 6;
	}
	return (size_t)(to - out);
}

static const char *pass_digits(const char *at, const char *end)
{
	while (at < end && *at >= '0' && *at <= '9')
		at++;
	return at;
}

bool json_scan_number(struct json *j, struct str *ret)
{
	const char *from = j->at, *end = j->end, *at = from, *digits;
	at += at < end && *at == '-';
	digits = at;
	at = at < end && *at == '0' ? at + 1 : pass_digits(at, end);
	bool good = at > digits;
	if (good && at < end && *at == '.') {
		digits = ++at;
		at = pass_digits(at, end);
		good = at > digits;
	}
	if (good && at < end && (*at == 'e' || *at == 'E')) {
		at++;
		at += at < end && (*at == '+' || *at == '-');
		digits = at;
		at = pass_digits(at, end);
		good = at > digits;
	}
	j->at = at;
	if (!good)
		return json_fail(j, ERR_MALFORMED, "a digit");
	*ret = str_n(from, (size_t)(at - from));
	return true;
}

/* The exponent behind 'e', held within ±9999: nothing beyond it is a number we can take. */
static int exponent(const char *at, const char *end)
{
	bool negative = at < end && *at == '-';
	int v = 0;
	at += at < end && (*at == '-' || *at == '+');
	for (; at < end; at++)
		v = v < 1000 ? v * 10 + (*at - '0') : 9999;
	return negative ? -v : v;
}

/* A number as mantissa × 10^power, with trailing zeros of the mantissa moved into the power. False
 * when the mantissa is over 64 bits. */
static bool decimal(struct str s, bool *negative, uint64_t *ret_mantissa, int *ret_power)
{
	const char *at = s.at, *end = at + s.len;
	uint64_t m = 0;
	int power = 0, zeros = 0; /* zeros seen but not yet counted in: they may be trailing ones */
	bool point = false;
	*negative = *at == '-';
	for (at += *negative; at < end && *at != 'e' && *at != 'E'; at++) {
		if (*at == '.') {
			point = true;
			continue;
		}
		power -= point;
		zeros++;
		if (*at == '0')
			continue;
		for (; zeros; zeros--)
			if (__builtin_mul_overflow(m, 10, &m))
				return false;
		if (__builtin_add_overflow(m, (uint64_t)(*at - '0'), &m))
			return false;
	}
	power += zeros + (at < end ? exponent(at + 1, end) : 0);
	*ret_mantissa = m;
	*ret_power = m ? power : 0;
	return true;
}

enum err json_number_u64(struct str digits, bool *ret_negative, uint64_t *ret)
{
	uint64_t m;
	int power;
	if (digits.len > NUMBER_BYTES || !decimal(digits, ret_negative, &m, &power))
		return ERR_RANGE;
	if (power < 0)
		return ERR_TYPE;
	for (; power; power--)
		if (__builtin_mul_overflow(m, 10, &m))
			return ERR_RANGE;
	*ret = m;
	return OK;
}

enum err json_number_f64(struct str digits, double *ret)
{
	static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
		                       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
		                       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	bool negative;
	uint64_t m;
	int power;
	if (digits.len > NUMBER_BYTES)
		return ERR_RANGE;
	/* Both factors exact, so one rounding: the right one (Clinger 1990). */
	if (decimal(digits, &negative, &m, &power) && m <= UINT64_C(1) << 53 && power >= -22 &&
	    power <= 22) {
		double v = power < 0 ? (double)m / tens[-power] : (double)m * tens[power];
		*ret = negative ? -v : v;
		return OK;
	}
	/* strtod rounds right but reads the locale's point; no program here calls setlocale for
	 * numbers. */
	char text[NUMBER_BYTES + 1];
	str_keep(text, sizeof text, digits);
	double v = strtod(text, NULL);
	if (isinf(v))
		return ERR_RANGE;
	*ret = v;
	return OK;
}
