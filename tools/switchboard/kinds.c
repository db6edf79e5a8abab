/*
 * kinds.c — the kinds of all rooms in one table: what a group may host.
 */
#include "tools/switchboard/kinds.h"

const struct actor_kind *const all_kinds[] = {
	NULL,
};
