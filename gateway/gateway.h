/*
 * gateway.h — the street door as an actor.
 */
#pragma once
#include "actors/actor.h"

extern const struct actor_kind gateway_actor;
