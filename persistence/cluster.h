/*
 * cluster.h — the private PostgreSQL: made on first start, started, adopted, stopped.
 *
 *     folder/                       (or where folder/elsewhere points, see below)
 *       data/                       initdb's, 0700; appears by rename, so it is never half made
 *       run/                        the unix socket: the only way in, guarded by peer credentials
 *       log/server.log
 *       postgresql.conf pg_hba.conf pg_ident.conf     ours, written anew at every start
 *
 * PostgreSQL refuses to run as root: then it runs as `user`. A folder that user cannot reach (below
 * /root, say) cannot hold it; it then lives in /var/lib/switchboard/db-XXXXXX and folder/elsewhere
 * is a symbolic link to there. A socket path too long for the kernel gets a folder of its own in
 * /tmp.
 *
 * The server outlives us if we crash: the next cluster_start() adopts it. All waiting is on the
 * loop.
 */
#pragma once
#include "bus/loop.h"
#include <sys/types.h>

struct cluster;

enum cluster_event {
	CLUSTER_READY,  /* accepts connections */
	CLUSTER_FAILED, /* could not be started; text says why */
	CLUSTER_ENDED,  /* was started and is gone, asked for or not; text says how */
};

typedef void cluster_fn(void *ctx, enum cluster_event event, const char *text);

struct cluster_config {
	const char *folder;        /* made when absent */
	const char *user;          /* whom it runs as when we are root; NULL: postgres */
	const char *bin;           /* where initdb and postgres are; NULL: the newest of Debian's */
	const char *const *logins; /* system users who may connect, besides root, ourselves and
	                              `user`; ends with NULL; may be NULL */
	const char *const *set; /* further lines of postgresql.conf; ends with NULL; may be NULL */
	bool scratch;   /* for tests: nothing is synced, a power cut of the host would lose it */
	cluster_fn *on; /* may call cluster_start() and cluster_stop(), not cluster_free() */
	void *ctx;
};

enum cluster_stop {
	CLUSTER_FAST,
	CLUSTER_IMMEDIATE /* as a power cut: recovers at the next start */
};

/* Nothing is started yet. The config's strings are copied, `on` and ctx are kept. ERR_NOT_FOUND: no
 * PostgreSQL here, or no such user; ERR_IO: the folder cannot be made. */
MUST enum err cluster_new(struct loop *l, const struct cluster_config *config,
                          struct cluster **ret);
/* Lets go of the server without stopping it; NULLs *c. */
void cluster_free(struct cluster **c);

/* Make it if it is not made, adopt it if it runs, else start it: one event follows. ERR_BUSY: on
 * its way or running already. */
MUST enum err cluster_start(struct cluster *c);
/* CLUSTER_ENDED follows, or CLUSTER_FAILED when it was not yet up. ERR_GONE: nothing runs. A second
 * call may be harder. */
MUST enum err cluster_stop(struct cluster *c, enum cluster_stop how);

/* Where its files are: the folder asked for, or where its `elsewhere` points. */
const char *cluster_folder(const struct cluster *c);
pid_t cluster_pid(const struct cluster *c); /* 0: nothing runs */

/* For nodes: logs in as `switchboard`, who has no right of its own (README.md, Roles). */
const char *cluster_url(const struct cluster *c);
/* For migrations: logs in as the superuser. */
const char *cluster_admin_url(const struct cluster *c);
