/*
 * utf8.c — strict UTF-8, by the table of well-formed byte sequences (Unicode 15, table 3-7).
 */
#include "proto/utf8.h"

static bool eight_ascii(const char *at)
{
	uint64_t w;
	memcpy(&w, at, sizeof w);
	return !(w & 0x8080808080808080u);
}

static bool in(unsigned char c, unsigned char least, unsigned char most)
{
	return c >= least && c <= most;
}

/* Bytes of the character at `p`, 0 when it is none. Second bytes are narrower after E0, ED, F0, F4:
 * that is what shuts out long forms, surrogates and all above U+10FFFF. */
static size_t one(const unsigned char *p, size_t left)
{
	unsigned char c = p[0];
	if (c < 0x80)
		return 1;
	if (in(c, 0xc2, 0xdf))
		return left >= 2 && in(p[1], 0x80, 0xbf) ? 2 : 0;
	if (in(c, 0xe0, 0xef)) {
		unsigned char least = c == 0xe0 ? 0xa0 : 0x80, most = c == 0xed ? 0x9f : 0xbf;
		return left >= 3 && in(p[1], least, most) && in(p[2], 0x80, 0xbf) ? 3 : 0;
	}
	if (in(c, 0xf0, 0xf4)) {
		unsigned char least = c == 0xf0 ? 0x90 : 0x80, most = c == 0xf4 ? 0x8f : 0xbf;
		return left >= 4 && in(p[1], least, most) && in(p[2], 0x80, 0xbf) &&
		                       in(p[3], 0x80, 0xbf)
		               ? 4
		               : 0;
	}
	return 0;
}

size_t utf8_prefix(const char *at, size_t len)
{
	size_t i = 0;
	while (i < len) {
		while (len - i >= 8 && eight_ascii(at + i))
			i += 8;
		if (i == len)
			break;
		size_t n = one((const unsigned char *)at + i, len - i);
		if (!n)
			break;
		i += n;
	}
	return i;
}

size_t utf8_put(char *out, uint32_t code)
{
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

uint32_t utf8_cut(struct str s, uint32_t max)
{
	if (s.len <= max)
		return s.len;
	while (max && ((unsigned char)s.at[max] & 0xc0) == 0x80)
		max--;
	return max;
}
