/*
 * loop_sim.h — bus/loop.h's timers and stages under a clock that is a variable, for actors that
 * hang on the loop. Descriptors, signals and names have no place here: who needs them does not
 * link.
 *
 *     node's turn ─▶ timers that are due ─▶ stages ─▶ again, until nothing is left to do at once
 */
#pragma once
#include "bus/loop.h"
#include "tests/sim/alone.h"

struct loop *loop_sim_new(void);
void loop_sim_free(struct loop **l); /* fails when a timer or a stage is left over */

/* The world whose clock it reads: once the node is there. */
void loop_sim_bind(struct loop *l, struct alone *w);

/* Everything that can happen now happens, in the node and on the loop. */
void loop_sim_settle(struct loop *l);
void loop_sim_run(struct loop *l, uint32_t ms);
