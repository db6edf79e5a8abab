/*
 * kinds.h — the kinds of actor in this room, derived from all.def.
 */
#pragma once
#include "actors/actor.h"

/* Sorted by name, ends with NULL. */
extern const struct actor_kind *const actor_kinds[];
