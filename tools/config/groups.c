/*
 * groups.c — from entries "groups.street.count" to groups[], each checked against the kinds it
 * hosts.
 */
#include "tools/config/groups.h"
#include "tools/config/keys.h"
#include "tools/nearest.h"
#include <stdio.h>
#include <stdlib.h>

enum { PATH_BYTES = 192 };

void config_add_built_in_groups(struct config_loader *l)
{
	static const struct group {
		const char *name, *hosts, *count;
	} groups[] = {
#define GROUP(name_, hosts_, count_) { .name = name_, .hosts = hosts_, .count = count_ },
#include "tools/config/groups.def"
#undef GROUP
		{ 0 }
	};
	for (const struct group *g = groups; g->name; g++) {
		char path[PATH_BYTES];
		(void)snprintf(path, sizeof path, "groups.%s.hosts", g->name);
		config_set(l, path, str_of(g->hosts), "default");
		(void)snprintf(path, sizeof path, "groups.%s.count", g->name);
		config_set(l, path, str_of(g->count), "default");
	}
}

void config_drop_built_in_groups(struct config_loader *l)
{
	struct config *c = l->config;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < c->n_entries; i++) {
		struct config_entry *e = &c->entries[i];
		if (!strncmp(e->path, "groups.", 7) && !strcmp(e->origin, "default")) {
			free(e->path);
			free(e->text);
			free(e->origin);
		} else {
			c->entries[kept++] = *e;
		}
	}
	c->n_entries = kept;
}

/* ---- groups[] ---------------------------------------------------------------------------- */

static struct config_group *group_of(struct config_loader *l, struct str name, char **words)
{
	struct config *c = l->config;
	for (uint32_t i = 0; i < c->n_groups; i++)
		if (str_is(name, c->groups[i].name))
			return &c->groups[i];
	if (c->n_groups == CONFIG_GROUPS)
		return NULL;
	struct config_group *g = &c->groups[c->n_groups++];
	str_keep(*words, name.len + 1, name);
	g->name = *words;
	*words += name.len + 1;
	return g;
}

static const char *group_path(const struct config_group *g, const char *key, char *buf)
{
	(void)snprintf(buf, PATH_BYTES, "groups.%s.%s", g->name, key);
	return buf;
}

/* Give a group the defaults it was not told. */
static void complete(struct config_loader *l, const struct config_group *g)
{
	for (const struct config_key *k = config_keys; k->path; k++) {
		char path[PATH_BYTES];
		if (strncmp(k->path, "groups.*.", 9) != 0 || !k->fallback)
			continue;
		if (!config_find(l->config, group_path(g, k->path + 9, path)))
			config_set(l, path, str_of(k->fallback), "default");
	}
}

static void add_host(struct config_loader *l, struct config_group *g, uint32_t *n, struct str name,
                     const char *origin)
{
	const struct actor_kind *kind = config_kind(l->places->kinds, name);
	if (kind && *n < CONFIG_HOSTS) {
		for (uint32_t i = 0; i < *n; i++)
			if (g->hosts[i] == kind->name)
				return;
		g->hosts[(*n)++] = kind->name;
		return;
	}
	struct nearest near = nearest_of(name);
	for (const struct actor_kind *const *k = l->places->kinds; k && *k; k++)
		(void)nearest_try(&near, (*k)->name);
	if (kind)
		config_fault(l->faults, "%s: group %s hosts more than %d kinds", origin, g->name,
		             CONFIG_HOSTS);
	else if (near.best)
		config_fault(l->faults,
		             "%s: group %s hosts an unknown kind \"%.*s\"; did you mean \"%s\"?",
		             origin, g->name, STR(name), near.best);
	else
		config_fault(l->faults, "%s: group %s hosts an unknown kind \"%.*s\"", origin,
		             g->name, STR(name));
}

static void bind_group(struct config_loader *l, struct config_group *g)
{
	const struct config *c = l->config;
	char path[PATH_BYTES];
	complete(l, g);
	const struct config_entry *hosts = config_find(c, group_path(g, "hosts", path));
	if (!hosts) {
		config_fault(l->faults, "group %s hosts nothing: set %s", g->name, path);
		return;
	}
	struct str list = str_of(hosts->text), name;
	for (uint32_t n = 0; value_next(&list, &name);)
		add_host(l, g, &n, name, hosts->origin);
	g->count = (uint32_t)config_find(c, group_path(g, "count", path))->number;
	g->memory_bytes = (uint64_t)config_find(c, group_path(g, "memory", path))->number;
	g->cpu_percent = (uint32_t)config_find(c, group_path(g, "cpu", path))->number;
	g->files = (uint64_t)config_find(c, group_path(g, "files", path))->number;
	g->nice = (uint32_t)config_find(c, group_path(g, "nice", path))->number;
}

static bool is_hosted(const struct config_group *g, struct str kind)
{
	for (const char *const *h = g->hosts; *h; h++)
		if (str_is(kind, *h))
			return true;
	return false;
}

/* A setting for a kind that the group does not host is a slip of the pen. */
static void check_entry(struct config_loader *l, const struct config_entry *e)
{
	struct str rest = str_of(e->path);
	if (!str_is(config_step(&rest), "groups"))
		return;
	struct str name = config_step(&rest), kind = config_step(&rest);
	if (!rest.len)
		return;
	for (uint32_t i = 0; i < l->config->n_groups; i++) {
		const struct config_group *g = &l->config->groups[i];
		if (str_is(name, g->name) && !is_hosted(g, kind))
			config_fault(l->faults, "%s: group %s does not host %.*s", e->origin,
			             g->name, STR(kind));
	}
}

static void check_settings(struct config_loader *l, const struct config_group *g)
{
	for (const char *const *h = g->hosts; *h; h++) {
		const struct actor_kind *kind = config_kind(l->places->kinds, str_of(*h));
		for (const struct actor_setting *s = kind->settings; s && s->name; s++)
			if (g->count && !config_setting(l->config, g->name, kind->name, s))
				config_fault(l->faults,
				             "group %s hosts %s, which needs kinds.%s.%s: %s",
				             g->name, kind->name, kind->name, s->name, s->doc);
	}
}

void config_bind_groups(struct config_loader *l)
{
	struct config *c = l->config;
	size_t bytes = 1;
	for (uint32_t i = 0; i < c->n_entries; i++)
		bytes += strlen(c->entries[i].path);
	char *words = c->words = malloc(bytes);
	if (!words) {
		l->out_of_memory = true;
		return;
	}
	for (uint32_t i = 0; i < c->n_entries; i++) {
		struct str rest = str_of(c->entries[i].path);
		if (!str_is(config_step(&rest), "groups"))
			continue;
		if (!group_of(l, config_step(&rest), &words)) {
			config_fault(l->faults, "%s: more than %d groups", c->entries[i].origin,
			             CONFIG_GROUPS);
			return;
		}
	}
	for (uint32_t i = 0; i < c->n_groups; i++)
		bind_group(l, &c->groups[i]);
	for (uint32_t i = 0; i < c->n_entries; i++)
		check_entry(l, &c->entries[i]);
	for (uint32_t i = 0; i < c->n_groups; i++)
		check_settings(l, &c->groups[i]);
}

const char *config_setting(const struct config *c, const char *group, const char *kind,
                           const struct actor_setting *setting)
{
	char path[PATH_BYTES];
	const char *given = config_given(kind, setting->name);
	if (given)
		return config_find(c, given)->text;
	(void)snprintf(path, sizeof path, "groups.%s.%s.%s", group, kind, setting->name);
	const struct config_entry *e = config_find(c, path);
	if (!e) {
		(void)snprintf(path, sizeof path, "kinds.%s.%s", kind, setting->name);
		e = config_find(c, path);
	}
	return e ? e->text : setting->value;
}
