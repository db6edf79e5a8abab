/*
 * groups.h — the groups of nodes within a configuration. For the files of tools/config/ only.
 */
#pragma once
#include "tools/config/config.h"

struct config_loader {
	struct config *config;
	const struct config_places *places;
	struct config_faults *faults;
	bool out_of_memory;
};

void config_fault(struct config_faults *f, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Check the value and keep it, or report the fault. The path is a known key. */
void config_set(struct config_loader *l, const char *path, struct str text, const char *origin);

void config_add_built_in_groups(struct config_loader *l);
void config_drop_built_in_groups(struct config_loader *l);
/* Make groups[] of the entries, and hold the groups against the kinds. */
void config_bind_groups(struct config_loader *l);
