/*
 * kinds.h — every kind of actor this program can host.
 */
#pragma once
#include "actors/actor.h"

const struct actor_kind *const *all_kinds(void);      /* ends with NULL */
const struct actor_kind *kind_named(struct str name); /* NULL for none */
