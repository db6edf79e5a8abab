/*
 * history.h — what was said in a call so far, for a session that has to begin anew in its middle.
 *
 *     oldest ┌──────────┬────────────┬──────────┐ newest     at most 64 entries and 12 KiB:
 *            │ caller ▷ │ ◁ the AI   │ caller ▷ │            the oldest go
 *            └──────────┴────────────┴──────────┘
 */
#pragma once
#include "actors/call_session/realtime.h"

enum { HISTORY_ENTRIES = 64, HISTORY_BYTES = 12 << 10, HISTORY_TEXT = 4096 };

struct history_entry {
	bool caller;
	char item[REALTIME_ID]; /* of the AI's; empty: none */
	char *text;
	uint32_t len, cap;
};

struct history {
	struct history_entry *at; /* a ring, made with the first entry */
	uint32_t first, n, bytes;
};

void history_done(struct history *h);
/* Text goes to the entry of its item if that is among the latest, else it makes one. What no memory
 * can be had for, or is beyond HISTORY_TEXT of one entry, is left out. */
void history_add(struct history *h, bool caller, struct str item, struct str text);
/* Of an item's audio only so much was heard: its words are cut in proportion. */
void history_heard(struct history *h, const char *item, uint32_t heard_ms, uint32_t of_ms);
const struct history_entry *history_entry(const struct history *h, uint32_t i); /* oldest first */
/* The words of an item; empty when it is not known. */
struct str history_words(const struct history *h, struct str item);
