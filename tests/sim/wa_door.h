/*
 * wa_door.h — stands where the gateway does: takes wa.batch from the test, whose `connector` is the
 * business, sets it, and asks whoever has the partition today.
 */
#pragma once
#include "actors/actor.h"

extern const char *wa_door_to; /* "dedupe/1" */
extern const struct actor_kind wa_door_actor;
