/*
 * keys.h — which keys exist: those of keys.def, and the settings of every kind of actor, under
 * kinds.KIND and groups.GROUP.KIND. For tools/config, and for whoever says which key is missing.
 */
#pragma once
#include "tools/config/config.h"

struct config_key {
	const char *path; /* "groups.*.count" */
	struct value_rule rule;
	const char *fallback; /* NULL: must be set */
	const char *environment, *flag, *doc;
};

extern const struct config_key config_keys[]; /* ends with { 0 } */

/* What a path stands for; NULL path: no such key. fallback is filled for settings too. */
struct config_key config_key_at(const struct actor_kind *const *kinds, const char *path);

/* Call fn with each name that may stand below a section ("" is the root), "*" for any name. */
typedef void config_child_fn(void *ctx, const char *name);
void config_children(const struct actor_kind *const *kinds, const char *section,
                     config_child_fn *fn, void *ctx);

/* The key that stands for a kind's setting (given.def); NULL: it has a key of its own. */
const char *config_given(const char *kind, const char *setting);

const struct actor_kind *config_kind(const struct actor_kind *const *kinds, struct str name);

/* Cut the first of the names between dots off a path. */
struct str config_step(struct str *path);
