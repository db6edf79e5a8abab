/*
 * whatsapp_print.h — what makes two messages the same text: normalised, and hashed.
 *
 * Normalised means: Unicode NFC, each run of white space one space, none at the ends. The one door
 * to libutf8proc (taken because Unicode's tables are not ours to keep; 300 KB, no dependencies).
 */
#pragma once
#include "proto/arena.h"
#include "proto/err.h"

/* Into the arena; empty when nothing but white space is there. Text that is no UTF-8, or that piles
 * more than 30 marks on one letter (UAX #15, Stream-Safe Text), is folded but not recomposed: the
 * library's sorting of marks is quadratic. ERR_TOO_LARGE when the arena is full. */
MUST enum err whatsapp_normalise(struct str text, struct arena *a, struct str *ret);

struct whatsapp_prints {
	uint8_t all[32];  /* kind, reply target, text and media */
	uint8_t body[32]; /* the text alone */
	bool has_body;
};

/* The SHA-256 of kind, reply target, normalised text and media hash; and that of the text alone. */
MUST enum err whatsapp_prints(uint32_t kind, struct str reply_to, struct str body,
                              struct str media_sha, struct arena *a, struct whatsapp_prints *ret);
