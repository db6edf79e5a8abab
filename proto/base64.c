/*
 * base64.c — bytes as text (RFC 4648, sections 4 and 5).
 */
#include "proto/base64.h"

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The value of a letter, with bit 6 set; 0 for what is none. */
/* clang-format off */
static const uint8_t values[256] = {
	['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76,
	['N'] = 77, 78, 79, 80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
	['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102,
	['n'] = 103, 104, 105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
	['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
	['+'] = 126, ['-'] = 126, ['/'] = 127, ['_'] = 127,
};
/* clang-format on */

enum { IS_LETTER = 64 };

void base64_write(struct str bytes, char *out)
{
	const uint8_t *at = (const uint8_t *)bytes.at;
	uint32_t i = 0;
	for (; bytes.len - i >= 3; i += 3) {
		uint32_t v = (uint32_t)at[i] << 16 | (uint32_t)at[i + 1] << 8 | at[i + 2];
		*out++ = letters[v >> 18];
		*out++ = letters[v >> 12 & 63];
		*out++ = letters[v >> 6 & 63];
		*out++ = letters[v & 63];
	}
	if (i == bytes.len)
		return;
	bool two = bytes.len - i == 2;
	uint32_t v = (uint32_t)at[i] << 16 | (two ? (uint32_t)at[i + 1] << 8 : 0);
	out[0] = letters[v >> 18];
	out[1] = letters[v >> 12 & 63];
	out[2] = two ? letters[v >> 6 & 63] : '=';
	out[3] = '=';
}

/* How many characters carry bits; false when the padding is wrong. */
static bool without_padding(struct str text, uint32_t *ret)
{
	uint32_t n = text.len;
	while (n && text.len - n < 2 && text.at[n - 1] == '=')
		n--;
	if (n % 4 == 1 || (n < text.len && text.len % 4))
		return false;
	*ret = n;
	return true;
}

/* `n` letters, 2 to 4, into n - 1 bytes. */
static bool read_group(const char *at, uint32_t n, char *out)
{
	uint32_t bits = 0, good = IS_LETTER;
	for (uint32_t i = 0; i < 4; i++) {
		uint8_t v = i < n ? values[(uint8_t)at[i]] : IS_LETTER;
		good &= v;
		bits = bits << 6 | (v & 63);
	}
	/* What is left over behind the last whole byte must be zero. */
	if (!good || (n < 4 && bits & (n == 3 ? 0xff : 0xffff)))
		return false;
	for (uint32_t i = 0; i + 1 < n; i++)
		out[i] = (char)(bits >> (16 - 8 * i));
	return true;
}

bool base64_read(struct str text, char *out, size_t *ret_len)
{
	uint32_t n;
	char *to = out;
	if (!without_padding(text, &n))
		return false;
	for (uint32_t i = 0; i < n; i += 4) {
		uint32_t letters_left = n - i < 4 ? n - i : 4;
		if (!read_group(text.at + i, letters_left, to))
			return false;
		to += letters_left - 1;
	}
	*ret_len = (size_t)(to - out);
	return true;
}
