/*
 * sound.h — mu-law as both legs speak it (ITU-T G.711, 8,000 bytes a second): measured in its
 * base64, and made where there is nobody to speak.
 */
#pragma once
#include "proto/buf.h"
#include "proto/str.h"

enum { SOUND_PER_MS = 8, SOUND_FRAME = 160 }; /* bytes; a frame is 20 ms */

static inline uint32_t sound_ms(uint64_t bytes)
{
	return (uint32_t)(bytes / SOUND_PER_MS);
}

/* How many bytes a text of base64 stands for. False when it is none: then nobody may be sent it. */
bool sound_measure(struct str base64, uint32_t *ret_bytes);

/* Appended as mu-law. A digit's two tones with the silence after them (ITU-T Q.23, 100 ms each);
 * false for what is no digit. */
bool sound_digit(struct buf *b, char digit);
void sound_wait(struct buf *b); /* "one moment": two soft tones */

/* Spoken, when the program was built (spoken/). */
struct sound_clip {
	uint32_t len;
	const unsigned char *at;
};
extern const struct sound_clip sound_sorry; /* "… I cannot talk with you right now." */
extern const struct sound_clip sound_later; /* "Please call again later. …" */
