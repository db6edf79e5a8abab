/*
 * settings.h — what a client asked of its session: session.update read against session.def, all of
 * it or none.
 */
#pragma once
#include "proto/json.h"

enum { SETTINGS_TOOLS = 16 };

struct settings {
	bool updated; /* once, successfully */
	bool pcmu_in, pcmu_out;
	bool turns, create, interrupt, transcription;
	uint32_t silence_ms; /* 0: not said */
	char voice[32];
	char tools[SETTINGS_TOOLS][64];
	uint32_t n_tools;
};

/* How the service says no. */
struct refusal {
	const char *code;
	char param[96], message[160];
};

void settings_init(struct settings *s);
/* j stands before the session object. False: *s is as it was, and why. `heard`: audio has come,
 * `spoke`: audio has gone, so format and voice stay. */
bool settings_read(struct settings *s, struct json *j, bool beta, bool heard, bool spoke,
                   struct refusal *ret);
