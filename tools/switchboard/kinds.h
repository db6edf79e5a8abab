/*
 * kinds.h — every kind of actor this program can host.
 */
#pragma once
#include "actors/actor.h"

const struct actor_kind *const *all_kinds(void); /* ends with NULL */
/* Those and the supervisor, which no group hosts: for where an actor lives. */
const struct actor_kind *const *known_kinds(void);
const struct actor_kind *kind_named(struct str name); /* NULL for none */
