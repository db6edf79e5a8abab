/*
 * ids.h — a short memory of what a partition has committed: it only saves asks.
 *
 * Keys are 128 bits of SHA-256. What is remembered was committed; what is forgotten costs one look
 * at the unique index. Fixed size, no allocation after ids_new: sets of four, the oldest gives way.
 */
#pragma once
#include "actors/dedupe/window.h"

struct ids;

/* `keys` is rounded up to a power of two. */
MUST enum err ids_new(uint32_t keys, struct ids **ret);
void ids_free(struct ids **i);

bool ids_has(const struct ids *i, struct window_key key);
void ids_keep(struct ids *i, struct window_key key);
