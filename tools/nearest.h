/*
 * nearest.h — "did you mean …": which of the known words somebody may have meant.
 *
 *     struct nearest near = nearest_of(word);
 *     for each known word: nearest_try(&near, known);
 *     near.best is it, or NULL when none comes near
 */
#pragma once
#include "proto/str.h"

struct nearest {
	struct str word;
	const char *best; /* NULL: nothing is near */
	unsigned edits;   /* letters added, dropped, changed or swapped to get there */
};

struct nearest nearest_of(struct str word);
/* True: it is the best so far, and its pointer is kept. */
bool nearest_try(struct nearest *n, const char *known);
