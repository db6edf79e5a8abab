/*
 * program.h — actors as a program: joins a running system, lives until it is told to end.
 *
 *     int main(int argc, char **argv)
 *     {
 *             static const struct actor_kind *const kinds[] = { &greeter_actor, NULL };
 *             return program_main(argc, argv, kinds);
 *     }
 *
 * That is all of a program outside the tree. SIGTERM or SIGINT: no new actors are made, what is
 * asked is answered, then it ends; a second one ends it at once. What fails is said on stderr.
 */
#pragma once
#include "actors/actor.h"

/* Options: program --help. `kinds` ends with NULL. Returns what main returns: 0; 1 broken; 2 not a
 * command line that is understood; 3 no system is found; 69 the bus is not to be had (sysexits.h).
 */
int program_main(int argc, char **argv, const struct actor_kind *const *kinds);
