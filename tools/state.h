/*
 * state.h — the state folder: where everything that survives lies, and where a running system is
 * found.
 *
 *     STATE/            0700
 *       db/             the private PostgreSQL (persistence/cluster.h)
 *       keys/           who may join over tcp (bus/keys.h)
 *       audit/          what was done and is not yet in the audit trail (audit/deeds.h)
 *       encryption.key  0600, under which secrets are sealed, unless ENCRYPTION_KEY says another
 *       run -> /tmp/…   only when STATE is too long for the path of a unix socket
 *       run/            0700, sockets; worthless once nothing runs
 *         supervisor    locked as long as the supervisor lives; holds its pid
 *         children      locked as long as one of its children lives
 *         hubs          endpoints, one a line
 */
#pragma once
#include "proto/err.h"
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

enum { STATE_HUBS = 8, STATE_ENDPOINT = 160 };

struct state {
	char dir[PATH_MAX]; /* absolute */
	char run[STATE_ENDPOINT];
};

/* Make it where it is missing. ERR_DENIED: others may read it, or it is not ours; ERR_IO. */
MUST enum err state_open(const char *dir, struct state *ret);
/* The same for one that must be there: ERR_NOT_FOUND. */
MUST enum err state_find(const char *dir, struct state *ret);

/* Take one of the locks, "supervisor" or "children"; *ret_fd is close-on-exec and holds it.
 * ERR_CONFLICT: somebody has it; *ret_pid is the pid that file holds, 0 for none. */
MUST enum err state_lock(const struct state *s, const char *name, int *ret_fd, pid_t *ret_pid);

/* Whose lock it is, without touching it; 0: nobody's. */
pid_t state_holder(const struct state *s, const char *name);

/* Endpoints of the hubs, for whoever looks for the running system. */
MUST enum err state_put_hubs(const struct state *s, const char *const *endpoints);
MUST enum err state_hubs(const struct state *s, char endpoints[STATE_HUBS][STATE_ENDPOINT],
                         const char *ret_list[STATE_HUBS + 1]);

enum { STATE_KEY = 320 };
/* The key in STATE/encryption.key; with `make` it is drawn when there is none. ERR_NOT_FOUND;
 * ERR_DENIED: others may read it, or we may not. */
MUST enum err state_encryption_key(const struct state *s, bool make, char ret[STATE_KEY]);
