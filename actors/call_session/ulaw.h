/*
 * ulaw.h — one sample of 16 bits as mu-law (ITU-T G.711, table 2a).
 */
#pragma once

/* Sign, three bits of segment, four of step; all inverted. */
static inline unsigned char ulaw_of(int sample)
{
	enum { BIAS = 132, CLIP = 32635 };
	int sign = sample < 0 ? 0x80 : 0;
	int size = sample < 0 ? -sample : sample;
	size = (size > CLIP ? CLIP : size) + BIAS;
	int segment = 7;
	while (segment && !(size & (0x80 << segment)))
		segment--;
	return (unsigned char)~(sign | segment << 4 | (size >> (segment + 3) & 15));
}
