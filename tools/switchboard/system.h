/*
 * system.h — where the running system is, for a command that has --bus, --key, --state.
 */
#pragma once
#include "bus/reach.h"
#include "tools/switchboard/cli.h"

struct system_place {
	struct reach reach;
	const char *key;
};

/* From --bus, --key, --address, --run, else from --state. What fails is said: EXIT_NOT_RUNNING … */
enum exit_code system_find(const struct cli *c, struct system_place *ret);

/* A name that the key lets a node have: KEY.TAIL, or TAIL without a key. A-Z become a-z. */
void system_name(const struct system_place *p, const char *tail, char *ret, size_t cap);
