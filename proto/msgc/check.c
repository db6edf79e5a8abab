/*
 * check.c — what one line alone cannot know: names that must exist or must not twice, numbers that
 * must rise, records that must end somewhere.
 */
#include "proto/msgc/schema.h"
#include <string.h>
#include <unistd.h>

/* ---- groups --------------------------------------------------------------------------------- */

static void check_file_name(struct schema *s, const struct group *g)
{
	const char *slash = strrchr(g->at.file, '/');
	const char *base = slash ? slash + 1 : g->at.file;
	if (strcmp(base, schema_printf(s, "%s.msg", g->name)) != 0)
		schema_error(s, g->at, "group `%s` must stand in %s.msg", g->name, g->name);
	/* build/proto/NAME.h would hide behind a header of that name beside the schema's folder. */
	size_t dir = (size_t)(base - g->at.file);
	if (!access(schema_printf(s, "%.*s../%s.h", (int)dir, g->at.file, g->name), F_OK))
		schema_error(s, g->at, "proto/%s.h is written by hand: take another name", g->name);
}

static void check_groups(struct schema *s)
{
	for (const struct group *g = s->groups; g; g = g->next) {
		check_file_name(s, g);
		for (const struct group *h = s->groups; h != g; h = h->next) {
			if (!strcmp(h->name, g->name))
				schema_error(s, g->at, "group `%s` stands in %s already", g->name,
				             h->at.file);
			else if (h->number == g->number)
				schema_error(s, g->at, "group number %u is that of `%s` (%s)",
				             g->number, h->name, h->at.file);
		}
	}
}

static void sort_groups(struct schema *s)
{
	struct group *sorted = NULL;
	while (s->groups) {
		struct group *g = s->groups;
		s->groups = g->next;
		struct group **at = &sorted;
		while (*at && (*at)->number <= g->number)
			at = &(*at)->next;
		g->next = *at;
		*at = g;
	}
	s->groups = sorted;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const struct decl *decl_named(const struct group *g, const char *name)
{
	for (const struct decl *d = g->decls; d; d = d->next)
		if (!strcmp(d->name, name))
			return d;
	return NULL;
}

/* `name` in the group, or `group.name` anywhere. */
static const struct decl *resolve(const struct schema *s, const struct group *here,
                                  const char *name)
{
	const char *dot = strchr(name, '.');
	if (!dot)
		return decl_named(here, name);
	size_t n = (size_t)(dot - name);
	for (const struct group *g = s->groups; g; g = g->next)
		if (strlen(g->name) == n && !memcmp(g->name, name, n))
			return decl_named(g, dot + 1);
	return NULL;
}

/* What a misspelt type may have meant: the group's names, and the built-in ones. */
static const char *near_type(struct schema *s, const struct group *g, const char *word, bool reply)
{
	const char *names[256] = { "bool", "u8",  "u16", "u32", "u64", "i32",
		                   "i64",  "f64", "str", "bin", "json" };
	size_t n = reply ? 0 : 11;
	for (const struct decl *d = g->decls; d && n < 256; d = d->next)
		if ((d->kind == DECL_MESSAGE) == reply)
			names[n++] = d->name;
	return schema_near(s, word, names, n);
}

/* struct call_open and struct call_open of another split of the name would be one C type. */
static void check_c_names(struct schema *s)
{
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d; d = d->next)
			for (const struct group *h = s->groups; h; h = h->next) {
				size_t n = strlen(h->name);
				if (h == g || strncmp(g->name, h->name, n) != 0 ||
				    g->name[n] != '_')
					continue;
				const char *rest =
					schema_printf(s, "%s_%s", g->name + n + 1, d->name);
				if (decl_named(h, rest))
					schema_error(s, d->at,
					             "%s_%s is also %s.%s: two types in C", g->name,
					             d->name, h->name, rest);
			}
}

static void check_twice(struct schema *s, const struct decl *d)
{
	for (const struct decl *e = d->group->decls; e != d; e = e->next) {
		if (!strcmp(e->name, d->name))
			schema_error(s, d->at, "`%s` stands in line %u already", d->name,
			             e->at.line);
		else if (d->kind == DECL_MESSAGE && e->kind == DECL_MESSAGE &&
		         e->number == d->number)
			schema_error(s, d->at, "message number %u is that of `%s` (line %u)",
			             d->number, e->name, e->at.line);
	}
}

/* ---- inside one declaration ------------------------------------------------------------------ */

static bool is_retired(const struct retired *r, uint32_t number)
{
	for (; r; r = r->next)
		if (r->number == number)
			return true;
	return false;
}

static void check_value(struct schema *s, const struct decl *d, const struct value *v)
{
	if (is_retired(d->retired, v->number))
		schema_error(s, v->at, "number %u is retired", v->number);
	for (const struct value *w = d->values; w != v; w = w->next) {
		if (!strcmp(w->name, v->name))
			schema_error(s, v->at, "`%s` stands in line %u already", v->name,
			             w->at.line);
		if (w->next == v && w->number >= v->number)
			schema_error(s, v->at, "numbers must rise: %u after %u", v->number,
			             w->number);
	}
}

static void check_record_use(struct schema *s, const struct decl *d, const struct field *f)
{
	const struct decl *r = f->of;
	if (d->kind == DECL_RECORD && !d->group->foreign)
		schema_error(s, f->at, "a record holds no records: one level of nesting");
	/* Above its use: so records always end, and C sees the inner one first. */
	if (d->kind == DECL_RECORD && r->group == d->group && r->at.line >= d->at.line)
		schema_error(s, f->at, "record `%s` must stand above `%s`", r->name, d->name);
	if (r->group->foreign && !d->group->foreign)
		schema_error(s, f->at, "`%s` is foreign: it never travels on the bus", f->type);
	if (!f->list && f->optional && !r->n_fields)
		schema_error(s, f->at, "`%s` is empty: it would always be absent", f->type);
}

static void resolve_field(struct schema *s, const struct decl *d, struct field *f)
{
	if (f->kind != KIND_NAMED)
		return;
	f->of = resolve(s, d->group, f->type);
	if (!f->of || f->of->kind == DECL_MESSAGE) {
		schema_error(s, f->at,
		             f->of ? "`%s` is a message: a field takes a record%s"
		                   : "no type, enum or record `%s`%s",
		             f->type, f->of ? "" : near_type(s, d->group, f->type, false));
		f->of = NULL;
		return;
	}
	f->kind = f->of->kind == DECL_ENUM ? KIND_ENUM : KIND_RECORD;
	if (f->bounded)
		schema_error(s, f->at, "`%s` takes no range", f->type);
	if (f->kind == KIND_RECORD)
		check_record_use(s, d, f);
}

static void check_field(struct schema *s, const struct decl *d, const struct field *f)
{
	if (is_retired(d->retired, f->number))
		schema_error(s, f->at, "number %u is retired", f->number);
	for (const struct field *g = d->fields; g != f; g = g->next) {
		if (!strcmp(g->name, f->name))
			schema_error(s, f->at, "`%s` stands in line %u already", f->name,
			             g->at.line);
		else if (!strcmp(g->json, f->json))
			schema_error(s, f->at, "JSON name `%s` stands in line %u already", f->json,
			             g->at.line);
		if (g->next == f && g->number >= f->number)
			schema_error(s, f->at, "numbers must rise: %u after %u", f->number,
			             g->number);
	}
}

static void check_decl(struct schema *s, struct decl *d)
{
	check_twice(s, d);
	if (!d->doc && d->kind != DECL_ENUM)
		schema_error(s, d->at, "`%s` has no text: say what it is for, in quotes, below",
		             d->name);
	if (d->kind == DECL_ENUM && !d->values)
		schema_error(s, d->at, "enum `%s` has no values", d->name);
	if (d->n_fields > SCHEMA_FIELDS_MAX)
		schema_error(s, d->at, "`%s` has %u fields, %d are possible", d->name, d->n_fields,
		             SCHEMA_FIELDS_MAX);
	if (d->kind == DECL_MESSAGE && is_retired(d->group->retired, d->number))
		schema_error(s, d->at, "message number %u is retired", d->number);
	if (d->reply_name) {
		d->reply = resolve(s, d->group, d->reply_name);
		if (!d->reply || d->reply->kind != DECL_MESSAGE)
			schema_error(s, d->at, "no message `%s` to answer with%s", d->reply_name,
			             near_type(s, d->group, d->reply_name, true));
	}
	for (struct field *f = d->fields; f; f = f->next) {
		check_field(s, d, f);
		resolve_field(s, d, f);
	}
	for (const struct value *v = d->values; v; v = v->next)
		check_value(s, d, v);
}

/* ---- depth ------------------------------------------------------------------------------------
 */

static uint32_t depth_of(const struct decl *d)
{
	struct decl *own = (struct decl *)(uintptr_t)d;
	if (own->depth)
		return own->depth;
	own->depth = 1;
	for (const struct field *f = d->fields; f; f = f->next)
		if (f->kind == KIND_RECORD && depth_of(f->of) + 1 > own->depth)
			own->depth = depth_of(f->of) + 1;
	return own->depth;
}

/* Readers and writers recurse over records: how deep is settled here, not by a peer. */
static void check_depth(struct schema *s)
{
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d; d = d->next)
			if (depth_of(d) > SCHEMA_DEPTH_MAX)
				schema_error(s, d->at, "`%s` nests deeper than %d", d->name,
				             SCHEMA_DEPTH_MAX);
}

static bool includes(const struct schema *s, const struct group *from, const struct group *to,
                     uint32_t budget)
{
	for (const struct decl *d = from->decls; d && budget; d = d->next)
		for (const struct field *f = d->fields; f; f = f->next)
			if (f->of && f->of->group != from &&
			    (f->of->group == to || includes(s, f->of->group, to, budget - 1)))
				return true;
	return false;
}

void schema_check(struct schema *s)
{
	check_groups(s);
	sort_groups(s);
	for (struct group *g = s->groups; g; g = g->next)
		for (struct decl *d = g->decls; d; d = d->next)
			check_decl(s, d);
	check_c_names(s);
	if (s->n_errors)
		return; /* the rest assumes that names are resolved */
	for (const struct group *g = s->groups; g; g = g->next)
		if (includes(s, g, g, SCHEMA_DEPTH_MAX))
			schema_error(s, g->at, "group `%s` uses a group that uses it", g->name);
	if (!s->n_errors)
		check_depth(s);
}
