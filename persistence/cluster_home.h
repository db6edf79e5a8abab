/*
 * cluster_home.h — where the private cluster lives on disk, and what its files say. No processes
 * are started here.
 */
#pragma once
#include "proto/err.h"
#include <limits.h>
#include <sys/types.h>

struct cluster_home {
	char at[PATH_MAX];  /* the folder that holds the rest */
	char run[PATH_MAX]; /* of the socket */
	char bin[PATH_MAX];
	char user[64]; /* whom it runs as */
	uid_t uid;
	gid_t gid;
};

/* Find or make everything but the data. user and bin may be NULL. */
MUST enum err cluster_home_make(struct cluster_home *h, const char *folder, const char *user,
                                const char *bin);

/* postgresql.conf, pg_hba.conf, pg_ident.conf. Both lists end with NULL or are NULL. */
MUST enum err cluster_home_write(const struct cluster_home *h, const char *const *logins,
                                 const char *const *set);

/* A path below home; valid until the next call but three. */
const char *cluster_home_path(const struct cluster_home *h, const char *below);

/* Remove what a broken initdb left. */
MUST enum err cluster_home_sweep(const struct cluster_home *h);

/* The server that postmaster.pid names, if it is one and works in our data; 0 if none is.
 * *ret_ready: it accepts connections. */
pid_t cluster_home_pid(const struct cluster_home *h, bool *ret_ready);
/* Does any process still work in our data? A killed server's children need a moment to notice. */
bool cluster_home_in_use(const struct cluster_home *h);

/* The last line of the server's log that says what went wrong, else the last; empty when none. */
void cluster_home_last_words(const struct cluster_home *h, char *ret, size_t cap);
