/*
 * leash.h — a child's end of what binds it to its supervisor.
 */
#pragma once
#include "bus/loop.h"

struct leash;

/* *ret is NULL, and all is well, for a process that nobody supervises. let_go: the supervisor has
 * ended or let this one go. */
MUST enum err leash_new(struct loop *l, loop_tick_fn *let_go, void *ctx, struct leash **ret);
void leash_free(struct leash **l);
/* Tell that the process does its work now. Takes NULL. */
void leash_ready(struct leash *l);
/* Is this process supervised? */
bool leash_held(void);
