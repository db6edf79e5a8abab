/*
 * store.h — the actor that answers every message that has a statement.
 */
#pragma once
#include "actors/actor.h"
#include "persistence/statement.h"

extern const struct actor_kind store_actor;

/* The one handler of every type in the generated `takes`. */
actor_fn store_on_ask;
