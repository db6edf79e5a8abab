/*
 * place.h — where a hashed actor lives: rendezvous hashing (Thaler and Ravishankar, 1998).
 *
 * Each node weighs each key; the heaviest has it. A node that comes or goes moves only its own
 * share. By the node's name, not its epoch: a restarted node gets back what it had.
 */
#pragma once
#include "proto/str.h"

/* For BUS_SINGLE the key is empty. */
uint64_t place_weight(struct str node, struct str kind, struct str key);
