/*
 * kinds.c — all.def as a table.
 */
#include "actors/kinds.h"

#define ACTOR(name) extern const struct actor_kind name##_actor;
#include "actors/all.def"
#undef ACTOR

const struct actor_kind *const actor_kinds[] = {
#define ACTOR(name) &name##_actor,
#include "actors/all.def"
#undef ACTOR
	NULL,
};
