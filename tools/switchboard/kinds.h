/*
 * kinds.h — every kind of actor this program can host.
 */
#pragma once
#include "actors/actor.h"

extern const struct actor_kind *const all_kinds[]; /* ends with NULL */
