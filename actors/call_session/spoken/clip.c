/*
 * clip.c — runs while building: what espeak-ng said, as mu-law of the telephone in C.
 *
 *     sorry.txt ── espeak-ng ──▶ sorry.wav (16 bits, 22,050 Hz) ── clip ──▶ sorry.c (mu-law, 8,000
 * Hz)
 *
 *     usage: clip NAME FILE.wav FILE.c
 */
#include "actors/call_session/ulaw.h"
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RATE = 8000, MOST_S = 10, REACH = 32, LOUDEST = 20000 };

struct wave {
	uint32_t rate, n;
	int16_t at[48000 * MOST_S];
};

static uint32_t number(const unsigned char *at, int bytes)
{
	uint32_t n = 0;
	for (int i = 0; i < bytes; i++)
		n |= (uint32_t)at[i] << (8 * i);
	return n;
}

/* RIFF: chunks of name, length, bytes. A program that writes into a pipe knows no length. */
static int read_wave(FILE *f, struct wave *w)
{
	unsigned char head[12], chunk[8], fmt[16];
	if (fread(head, 1, 12, f) != 12 || memcmp(head, "RIFF", 4) || memcmp(head + 8, "WAVE", 4))
		return 1;
	while (fread(chunk, 1, 8, f) == 8) {
		uint32_t len = number(chunk + 4, 4);
		if (!memcmp(chunk, "data", 4)) {
			uint32_t most = len / 2 < sizeof w->at / 2 ? len / 2 : sizeof w->at / 2;
			w->n = (uint32_t)fread(w->at, 2, most, f);
			return !w->rate || !w->n;
		}
		if (!memcmp(chunk, "fmt ", 4) && len >= 16) {
			if (fread(fmt, 1, 16, f) != 16 || number(fmt, 2) != 1 ||
			    number(fmt + 2, 2) != 1 || number(fmt + 14, 2) != 16)
				return 1; /* other than PCM, one channel, 16 bits */
			w->rate = number(fmt + 4, 4);
			len -= 16;
		}
		if (fseek(f, (long)(len + (len & 1)), SEEK_CUR))
			return 1;
	}
	return 1;
}

/* The sample at `t` (in samples of the wave) of what is left below 3.4 kHz: a windowed sinc. */
static double sample_at(const struct wave *w, double t)
{
	const double pi = 3.14159265358979323846, cut = 2 * 3400.0 / w->rate;
	double sum = 0;
	for (int i = (int)t - REACH; i <= (int)t + REACH; i++) {
		double x = t - i;
		double sinc = fabs(x) < 1e-9 ? cut : sin(pi * cut * x) / (pi * x);
		if (i >= 0 && i < (int)w->n && fabs(x) < REACH)
			sum += w->at[i] * sinc * (0.5 + 0.5 * cos(pi * x / REACH));
	}
	return sum;
}

static void write_clip(const struct wave *w, const char *name, FILE *out)
{
	uint32_t n = (uint32_t)((uint64_t)w->n * RATE / w->rate);
	double loudest = 1;
	for (uint32_t i = 0; i < w->n; i++)
		loudest = fmax(loudest, abs(w->at[i]));
	fprintf(out,
	        "#include \"actors/call_session/sound.h\"\nconst struct sound_clip sound_%s = { "
	        "%u, "
	        "(const unsigned char[]){",
	        name, n);
	for (uint32_t i = 0; i < n; i++)
		fprintf(out, "%s%u,", i % 32 ? "" : "\n",
		        ulaw_of((int)(sample_at(w, (double)i * w->rate / RATE) * LOUDEST /
		                      loudest)));
	fprintf(out, "\n} };\n");
}

int main(int argc, char **argv)
{
	static struct wave w;
	FILE *in = argc == 4 ? fopen(argv[2], "rb") : NULL;
	if (!in || read_wave(in, &w)) {
		fprintf(stderr, "clip: no wave of 16 bits, one channel: %s\n",
		        argc > 2 ? argv[2] : "");
		return 1;
	}
	FILE *out = fopen(argv[3], "w");
	if (!out)
		return 1;
	write_clip(&w, argv[1], out);
	return fclose(in) | fclose(out);
}
