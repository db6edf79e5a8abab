/*
 * system.h — where the running system is, for a command that has --bus, --key, --state.
 */
#pragma once
#include "tools/state.h"
#include "tools/switchboard/cli.h"

struct system_place {
	char endpoints[STATE_HUBS][STATE_ENDPOINT];
	const char *hubs[STATE_HUBS + 1]; /* ends with NULL */
	char dir[STATE_ENDPOINT];         /* of unix sockets; "" for none */
	char tcp[STATE_ENDPOINT];         /* endpoint for others to reach us; "" for none */
	const char *key;
};

/* From --bus, --key, --address, --run, else from --state. What fails is said: EXIT_NOT_RUNNING … */
enum exit_code system_find(const struct cli *c, struct system_place *ret);
