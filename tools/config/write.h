/*
 * write.h — the configuration as one node of a group gets it: ZPL that config_load() reads back.
 */
#pragma once
#include "proto/buf.h"
#include "tools/config/config.h"

/* A setting that only the supervisor knows. */
struct config_handed {
	const char *kind, *setting, *value;
};

/* Log, `listen`, `database_url` and `encryption_key` (each unless NULL), and the settings of the
 * hosted kinds: those handed over (ends with { 0 }), else the group's own, else the general ones.
 * Fails in the buf: ERR_INVALID for a value that ZPL cannot hold. */
void config_write(const struct config *c, const struct config_group *g,
                  const struct actor_kind *const *kinds, const char *listen,
                  const char *database_url, const char *encryption_key,
                  const struct config_handed *handed, struct buf *b);
