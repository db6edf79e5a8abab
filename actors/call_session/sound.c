/*
 * sound.c — see sound.h.
 */
#include "actors/call_session/sound.h"
#include "actors/call_session/ulaw.h"
#include <math.h>

/* clang-format off */
static const uint8_t letter[256] = {
	['A'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	['a'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
	['0'] = 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, ['+'] = 1, ['/'] = 1,
};
/* clang-format on */

bool sound_measure(struct str base64, uint32_t *ret_bytes)
{
	uint32_t n = base64.len;
	if (n % 4)
		return false;
	if (n && base64.at[n - 1] == '=')
		n -= base64.at[n - 2] == '=' ? 2 : 1;
	uint8_t good = 1;
	for (uint32_t i = 0; i < n; i++)
		good &= letter[(uint8_t)base64.at[i]];
	if (!good)
		return false;
	*ret_bytes = base64.len / 4 * 3 - (base64.len - n);
	return true;
}

/* Two sines together, each of `level` at its peak; a frequency of 0 is silence. */
static void tone(struct buf *b, int hz_a, int hz_b, int level, int ms)
{
	const double turn = 2 * 3.14159265358979323846 / 8000;
	for (int i = 0; i < ms * SOUND_PER_MS; i++) {
		double v = sin(turn * hz_a * i) + sin(turn * hz_b * i);
		buf_char(b, (char)ulaw_of((int)(level * v)));
	}
}

bool sound_digit(struct buf *b, char digit)
{
	static const char keys[] = "123A456B789C*0#D";
	static const int rows[] = { 697, 770, 852, 941 }, columns[] = { 1209, 1336, 1477, 1633 };
	const char *at = digit ? strchr(keys, digit) : NULL;
	if (!at)
		return false;
	tone(b, rows[(at - keys) / 4], columns[(at - keys) % 4], 7000, 100);
	tone(b, 0, 0, 0, 100);
	return true;
}

void sound_wait(struct buf *b)
{
	for (int i = 0; i < 2; i++) {
		tone(b, 480, 0, 6000, 200);
		tone(b, 0, 0, 0, 200);
	}
}
