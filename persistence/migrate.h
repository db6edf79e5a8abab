/*
 * migrate.h — brings a database to the schema of this program: roles, schema, tables, in order,
 * forward only.
 */
#pragma once
#include "persistence/statement.h"

struct migrate_config {
	const char *url; /* of a login that may become the owner: README.md, Roles */
	const struct statement_set *set;
	bool dry;           /* do all of it in one transaction, and roll it back */
	uint32_t within_ms; /* to connect, to get the lock, and for each file; 0: 60,000 */
	void (*say)(void *ctx,
	            const char *line); /* what is done, a line each; NULL: nobody listens */
	void *ctx;
};

/* Blocks, on a loop of its own, until it is done: for the start of a process. Two at a time take
 * turns under an advisory lock.
 *
 *   ERR_UNAVAILABLE  no server, or it went away        ERR_TIMEOUT   somebody else holds the lock
 *   ERR_DENIED       the login lacks a right           ERR_CONFLICT  an applied file was changed
 *   ERR_VERSION      the database is newer than we     others        what a file's statement met
 *
 * ret_text: one sentence for whoever has to mend it; empty when all is well. */
MUST enum err migrate_run(const struct migrate_config *config, char *ret_text, size_t cap);
