/*
 * config.c — reads the layers in order and keeps, for every key, the last value and its origin.
 */
#include "tools/config/config.h"
#include "tools/config/groups.h"
#include "tools/config/keys.h"
#include "tools/config/zpl.h"
#include "tools/nearest.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_BYTES = 256 << 10, PATH_BYTES = 192, ORIGIN_BYTES = 320 };

void config_fault(struct config_faults *f, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	if (f->n < CONFIG_FAULTS && vasprintf(&f->text[f->n], fmt, args) < 0)
		f->text[f->n] = NULL;
	va_end(args);
	f->n++;
}

void config_faults_done(struct config_faults *f)
{
	for (uint32_t i = 0; i < CONFIG_FAULTS; i++)
		free(f->text[i]);
	*f = (struct config_faults){ 0 };
}

static uint32_t index_of(const struct config *c, const char *path)
{
	uint32_t i = 0;
	while (i < c->n_entries && strcmp(c->entries[i].path, path) != 0)
		i++;
	return i;
}

const struct config_entry *config_find(const struct config *c, const char *path)
{
	uint32_t i = index_of(c, path);
	return i < c->n_entries ? &c->entries[i] : NULL;
}

static void entry_done(struct config_entry *e)
{
	free(e->path);
	free(e->text);
	free(e->origin);
}

/* Remember a checked value; an entry of an earlier layer is overruled. */
static void keep(struct config_loader *l, const char *path, const struct config_key *key,
                 struct str text, int64_t number, const char *origin)
{
	struct config *c = l->config;
	uint32_t at = index_of(c, path);
	if (at == CONFIG_ENTRIES) {
		config_fault(l->faults, "%s: more than %d values", origin, CONFIG_ENTRIES);
		return;
	}
	struct config_entry *e = &c->entries[at];
	if (at < c->n_entries)
		entry_done(e);
	else
		c->n_entries++;
	*e = (struct config_entry){ .path = strdup(path),
		                    .text = str_dup(text),
		                    .origin = strdup(origin),
		                    .doc = key->doc,
		                    .rule = key->rule,
		                    .number = number };
	l->out_of_memory |= !e->path || !e->text || !e->origin;
}

void config_set(struct config_loader *l, const char *path, struct str text, const char *origin)
{
	struct config_key key = config_key_at(l->places->kinds, path);
	char buf[160];
	int64_t number;
	const char *expected = value_check(&key.rule, text, &number, buf, sizeof buf);
	if (expected && key.rule.type == VALUE_SECRET)
		config_fault(l->faults, "%s: %s is not %s", origin, path, expected);
	else if (expected)
		config_fault(l->faults, "%s: %s = \"%.*s\" is not %s", origin, path, STR(text),
		             expected);
	else
		keep(l, path, &key, text, number, origin);
}

/* ---- one file ----------------------------------------------------------------------------------
 */

struct child_search {
	struct nearest near;
	char best[64]; /* near.best, kept: the names do not outlive the call */
	bool known, any;
};

static void search_child(void *ctx, const char *name)
{
	struct child_search *s = ctx;
	if (!strcmp(name, "*"))
		s->any = true;
	else if (str_is(s->near.word, name))
		s->known = true;
	else if (nearest_try(&s->near, name))
		str_keep(s->best, sizeof s->best, str_of(name));
}

static bool is_group_name(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!((s.at[i] >= 'a' && s.at[i] <= 'z') || (s.at[i] >= '0' && s.at[i] <= '9') ||
		      s.at[i] == '-'))
			return false;
	return s.len && s.len <= 32;
}

static bool known(struct config_loader *l, const char *section, const struct zpl *z,
                  const char *file)
{
	struct child_search s = { .near = nearest_of(z->name) };
	config_children(l->places->kinds, section, search_child, &s);
	if (s.known || (s.any && is_group_name(z->name)))
		return true;
	if (s.any)
		config_fault(
			l->faults,
			"%s:%u: \"%.*s\" is no name for a group: a-z, 0-9 and -, 32 at the most",
			file, z->line, STR(z->name));
	else if (s.near.best)
		config_fault(l->faults, "%s:%u: unknown key \"%.*s\"%s%s; did you mean \"%s\"?",
		             file, z->line, STR(z->name), *section ? " in " : "", section, s.best);
	else
		config_fault(l->faults, "%s:%u: unknown key \"%.*s\"%s%s", file, z->line,
		             STR(z->name), *section ? " in " : "", section);
	return false;
}

static const struct zpl *twin_before(const struct zpl *z)
{
	for (const struct zpl *t = z->parent->child; t != z; t = t->next)
		if (str_eq(t->name, z->name))
			return t;
	return NULL;
}

static void read_section(struct config_loader *l, const char *section, const struct zpl *in,
                         const char *file)
{
	for (const struct zpl *z = in->child; z; z = z->next) {
		char path[PATH_BYTES], origin[ORIGIN_BYTES];
		if (!known(l, section, z, file))
			continue;
		int len = snprintf(path, sizeof path, "%s%s%.*s", section, *section ? "." : "",
		                   STR(z->name));
		(void)snprintf(origin, sizeof origin, "%s:%u", file, z->line);
		bool is_key = len < PATH_BYTES && config_key_at(l->places->kinds, path).path;
		if (twin_before(z))
			config_fault(l->faults, "%s: \"%s\" stands here twice, first on line %u",
			             origin, path, twin_before(z)->line);
		else if (is_key && !z->has_value)
			config_fault(l->faults, "%s: %s needs a value: %s = …", origin, path, path);
		else if (is_key)
			config_set(l, path, z->value, origin);
		else if (z->has_value)
			config_fault(l->faults, "%s: %s is a section and takes no value", origin,
			             path);
		else
			read_section(l, path, z, file);
	}
}

static bool names_groups(const struct zpl *root)
{
	for (const struct zpl *z = root->child; z; z = z->next)
		if (str_is(z->name, "groups"))
			return true;
	return false;
}

/* Whole file into memory: NULL with errno set; a file over the bound is EFBIG. */
static char *slurp(const char *file, uint32_t *ret_len)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return NULL;
	char *text = malloc(FILE_BYTES + 1);
	size_t len = 0;
	ssize_t n = text ? 1 : -1;
	while (n > 0 && len <= FILE_BYTES) {
		n = read(fd, text + len, FILE_BYTES + 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	if (n >= 0 && len > FILE_BYTES) {
		n = -1;
		errno = EFBIG;
	}
	int why = errno;
	(void)close(fd);
	if (n < 0) {
		free(text);
		errno = why;
		return NULL;
	}
	text[len] = '\0';
	*ret_len = (uint32_t)len;
	return text;
}

static void read_file(struct config_loader *l, const char *file, bool may_be_missing)
{
	uint32_t len;
	char *text = slurp(file, &len);
	if (!text) {
		if (!(may_be_missing && errno == ENOENT))
			config_fault(l->faults, "%s: cannot be read: %s", file, strerror(errno));
		return;
	}
	struct zpl *root;
	struct zpl_fault fault = { .what = "out of memory" };
	if (zpl_parse(str_n(text, len), &root, &fault) == OK) {
		if (names_groups(root))
			config_drop_built_in_groups(l);
		read_section(l, "", root, file);
		free(root);
	} else {
		config_fault(l->faults, "%s:%u: %s", file, fault.line, fault.what);
	}
	free(text);
}

static int is_cfg(const struct dirent *d)
{
	struct str name = str_of(d->d_name);
	return name.len > 4 && name.at[0] != '.' && !strcmp(name.at + name.len - 4, ".cfg");
}

static void read_etc(struct config_loader *l, const char *etc)
{
	char file[PATH_MAX];
	(void)snprintf(file, sizeof file, "%s/switchboard.cfg", etc);
	read_file(l, file, true);
	(void)snprintf(file, sizeof file, "%s/switchboard.d", etc);
	struct dirent **names;
	int n = scandir(file, &names, is_cfg, alphasort);
	for (int i = 0; i < n; i++) {
		(void)snprintf(file, sizeof file, "%s/switchboard.d/%s", etc, names[i]->d_name);
		read_file(l, file, false);
		free(names[i]);
	}
	if (n >= 0)
		free(names);
}

/* ---- environment and flags ----------------------------------------------------------------------
 */

static const char *in_environment(char *const *environment, const char *name, const char *tail)
{
	size_t n = strlen(name), t = strlen(tail);
	for (; environment && *environment; environment++)
		if (!strncmp(*environment, name, n) && !strncmp(*environment + n, tail, t) &&
		    (*environment)[n + t] == '=')
			return *environment + n + t + 1;
	return NULL;
}

static void read_environment(struct config_loader *l, const struct config_key *k)
{
	char origin[ORIGIN_BYTES];
	const char *value = in_environment(l->places->environment, k->environment, "");
	const char *file = in_environment(l->places->environment, k->environment, "_FILE");
	if (value) {
		(void)snprintf(origin, sizeof origin, "environment %s", k->environment);
		config_set(l, k->path, str_of(value), origin);
	} else if (file) {
		uint32_t len;
		char *text = slurp(file, &len);
		(void)snprintf(origin, sizeof origin, "environment %s_FILE, %s", k->environment,
		               file);
		if (!text) {
			config_fault(l->faults, "%s: cannot be read: %s", origin, strerror(errno));
			return;
		}
		while (len && (text[len - 1] == '\n' || text[len - 1] == '\r'))
			len--;
		config_set(l, k->path, str_n(text, len), origin);
		free(text);
	}
}

static void read_flags(struct config_loader *l, const struct config_flag *flags)
{
	for (; flags && flags->name; flags++)
		for (const struct config_key *k = config_keys; k->path; k++)
			if (k->flag && !strcmp(k->flag, flags->name)) {
				char origin[ORIGIN_BYTES];
				(void)snprintf(origin, sizeof origin, "--%s", flags->name);
				config_set(l, k->path, str_of(flags->value), origin);
			}
}

/* ---- all layers -------------------------------------------------------------------------- */

static void bind(struct config *c)
{
	c->listen = config_find(c, "listen")->text;
	c->state = config_find(c, "state")->text;
	c->database_url = config_find(c, "database.url")->text;
	c->bus_listen = config_find(c, "bus.listen")->text;
	c->log_level = config_find(c, "log.level")->text;
	c->log_form = config_find(c, "log.form")->text;
	c->hubs = (uint32_t)config_find(c, "bus.hubs")->number;
	c->ready_ms = (uint32_t)config_find(c, "supervise.ready")->number;
	c->drain_ms = (uint32_t)config_find(c, "supervise.drain")->number;
	c->calls_ms = (uint32_t)config_find(c, "supervise.calls")->number;
	c->times = (uint32_t)config_find(c, "supervise.times")->number;
	c->within_ms = (uint32_t)config_find(c, "supervise.within")->number;
	c->pause_ms = (uint32_t)config_find(c, "supervise.pause")->number;
	c->pause_most_ms = (uint32_t)config_find(c, "supervise.pause_most")->number;
}

enum err config_load(const struct config_places *places, struct config **ret,
                     struct config_faults *ret_faults)
{
	*ret_faults = (struct config_faults){ 0 };
	struct config *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_MEMORY;
	struct config_loader l = { .config = c, .places = places, .faults = ret_faults };
	for (const struct config_key *k = config_keys; k->path; k++)
		if (k->fallback && !strchr(k->path, '*'))
			config_set(&l, k->path, str_of(k->fallback), "default");
	config_add_built_in_groups(&l);
	if (places->etc)
		read_etc(&l, places->etc);
	if (places->file)
		read_file(&l, places->file, false);
	for (const struct config_key *k = config_keys; k->path; k++)
		if (k->environment)
			read_environment(&l, k);
	read_flags(&l, places->flags);
	if (!l.out_of_memory) {
		bind(c);
		config_bind_groups(&l);
	}
	if (l.out_of_memory || ret_faults->n) {
		config_free(&c);
		return l.out_of_memory ? ERR_MEMORY : ERR_INVALID;
	}
	*ret = c;
	return OK;
}

void config_free(struct config **c)
{
	if (!*c)
		return;
	for (uint32_t i = 0; i < (*c)->n_entries; i++)
		entry_done(&(*c)->entries[i]);
	free((*c)->words);
	free(*c);
	*c = NULL;
}

const char *config_nearest(const struct config *c, const char *path)
{
	struct nearest near = nearest_of(str_of(path));
	for (uint32_t i = 0; i < c->n_entries; i++)
		(void)nearest_try(&near, c->entries[i].path);
	return near.best;
}
