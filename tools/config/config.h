/*
 * config.h — what an operator wants of the system: typed, checked, each value with its origin.
 *
 *     keys.def ◀ /etc/switchboard/switchboard.cfg ◀ switchboard.d/ *.cfg ◀ --config ◀ environment ◀
 * flags (defaults)                                                           the later one wins
 *
 * Everything is checked before anything starts: an unknown key, a value out of its range, a group
 * that hosts an unknown kind are faults with file, line and what was probably meant. The built-in
 * groups stand only as long as no file names groups of its own.
 */
#pragma once
#include "actors/actor.h"
#include "tools/config/value.h"

enum { CONFIG_GROUPS = 32, CONFIG_HOSTS = 32, CONFIG_ENTRIES = 1024, CONFIG_FAULTS = 16 };

/* One value, and where it came from. */
struct config_entry {
	char *path;   /* "groups.street.count" */
	char *text;   /* as written */
	char *origin; /* "default", "/etc/…/switchboard.cfg:12", "environment DATABASE_URL",
	                 "--listen" */
	const char *doc;
	struct value_rule rule;
	int64_t number; /* of numbers, sizes (bytes) and durations (ms) */
};

struct config_group {
	const char *name;
	const char *hosts[CONFIG_HOSTS + 1]; /* kinds; ends with NULL */
	uint32_t count, cpu_percent, nice;
	uint64_t memory_bytes, files; /* 0: no limit */
};

struct config {
	const char *listen, *state, *database_url, *bus_listen, *log_level, *log_form;
	uint32_t hubs;
	uint32_t ready_ms, drain_ms, calls_ms, times, within_ms, pause_ms, pause_most_ms;
	struct config_group groups[CONFIG_GROUPS];
	uint32_t n_groups;
	struct config_entry entries[CONFIG_ENTRIES];
	uint32_t n_entries;
	char *words; /* what hosts[] points into */
};

struct config_flag {
	const char *name, *value; /* "listen", "127.0.0.1:9000" */
};

/* Where to look. */
struct config_places {
	const char *etc;                       /* folder; NULL: none */
	const char *file;                      /* --config; NULL: none */
	char *const *environment;              /* as environ; NULL: none */
	const struct config_flag *flags;       /* ends with { 0 }; NULL: none */
	const struct actor_kind *const *kinds; /* those that can be hosted; ends with NULL */
};

/* What is wrong, one sentence each, in order: "my.cfg:7: …". */
struct config_faults {
	char *text[CONFIG_FAULTS];
	uint32_t n; /* may exceed CONFIG_FAULTS: the rest was not kept */
};

/* ERR_INVALID with faults; ERR_MEMORY. */
MUST enum err config_load(const struct config_places *places, struct config **ret,
                          struct config_faults *ret_faults);
void config_free(struct config **c);
void config_faults_done(struct config_faults *f);

/* NULL when there is no such key. */
const struct config_entry *config_find(const struct config *c, const char *path);
/* What a kind's setting is in a group: the group's own, else the kind's, else its default; NULL
 * when it has none. */
const char *config_setting(const struct config *c, const char *group, const char *kind,
                           const struct actor_setting *setting);
/* The nearest known key, for "did you mean"; NULL for none. */
const char *config_nearest(const struct config *c, const char *path);
