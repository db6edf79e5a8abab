/*
 * reach.h — from what an operator says about a running system to endpoints: where its hubs are, and
 * where a node of ours will be reached.
 *
 *     --bus ADDRESSES, or RUN/hubs ──▶ hubs
 *     --run DIR, or the folder of an ipc hub ──▶ dir       unix sockets
 *     --key FILE, --address IP ──▶ tcp                     found out when no IP is given
 */
#pragma once
#include "proto/err.h"

enum { REACH_HUBS = 8, REACH_BYTES = 160, REACH_WHY = 200 };

struct reach {
	char endpoints[REACH_HUBS][REACH_BYTES];
	const char *hubs[REACH_HUBS + 1]; /* ends with NULL */
	char dir[REACH_BYTES];            /* of unix sockets; "" for none */
	char tcp[REACH_BYTES];            /* endpoint for others to reach us; "" for none */
};

/* All of them write into `why` what is wrong, as one sentence. */

/* Hubs from a list between commas. ERR_INVALID. */
MUST enum err reach_bus(const char *list, struct reach *ret, char why[REACH_WHY]);
/* Hubs from RUN/hubs, one a line, and dir is RUN. ERR_NOT_FOUND: no system runs there. */
MUST enum err reach_run(const char *run, struct reach *ret, char why[REACH_WHY]);
/* After either: our own ends. NULL for what is not given. A tcp endpoint only with a key, and a hub
 * on tcp only with both: ERR_INVALID. */
MUST enum err reach_own(struct reach *r, const char *run, const char *key, const char *address,
                        char why[REACH_WHY]);
