/*
 * lock.c — proto/schema/numbers: every number ever given away, so that none changes its meaning.
 *
 *     message call.open 1
 *     field call.open 2 rate u32
 *     value call.codec 0 pcmu
 *
 * What is new is added (the text comes back sorted); what was reused, changed its type or vanished
 * without a `retired` line is an error. Foreign groups have no numbers on a wire and none here. The
 * reader does not mind the order: git merges the file by union (.gitattributes).
 */
#include "proto/msgc/schema.h"
#include <stdlib.h>
#include <string.h>

struct entry {
	struct place at;
	const char *what, *of; /* "field", "call.open" */
	uint32_t number;
	const char *rest;     /* "rate u32"; of a message "" */
	uint32_t group, decl; /* where the schema has it: the order of the file */
	bool is_new, seen;
};

struct lock {
	struct entry *entries;
	uint32_t n, room;
};

static struct entry *add(struct lock *l)
{
	if (l->n == l->room) {
		l->room = l->room ? l->room * 2 : 256;
		l->entries = realloc(l->entries, l->room * sizeof *l->entries);
		if (!l->entries)
			abort(); /* a build tool: nothing to save */
	}
	struct entry *e = &l->entries[l->n++];
	memset(e, 0, sizeof *e);
	return e;
}

static void read_line(struct schema *s, struct lock *l, struct place at, char *line)
{
	char what[8], of[2 * SCHEMA_NAME_MAX + 2];
	unsigned number = 0;
	int end = 0;
	if (!line[0] || line[0] == '#')
		return;
	/* NOLINTNEXTLINE(cert-err34-c): nine digits fit */
	if (sscanf(line, "%7[a-z] %127[a-z0-9_.] %9u%n", what, of, &number, &end) != 3 ||
	    (strcmp(what, "message") && strcmp(what, "field") && strcmp(what, "value")) ||
	    (line[end] && line[end] != ' ')) {
		schema_error(s, at, "not a line of the number lock: `%s`", line);
		return;
	}
	const char *rest = line + end + (line[end] == ' ');
	for (uint32_t i = 0; i < l->n; i++) {
		const struct entry *e = &l->entries[i];
		if (e->number != number || strcmp(e->what, what) || strcmp(e->of, of))
			continue;
		if (strcmp(e->rest, rest) != 0)
			schema_error(
				s, at,
				"%s %s %u is also given in line %u: two branches took one number",
				what, of, number, e->at.line);
		return;
	}
	struct entry *e = add(l);
	e->at = at;
	e->what = schema_printf(s, "%s", what);
	e->of = schema_printf(s, "%s", of);
	e->number = number;
	e->rest = schema_printf(s, "%s", rest);
	e->group = UINT32_MAX;
}

static void read_lock(struct schema *s, struct lock *l, const char *name, const char *text)
{
	struct place at = { name, 0 };
	while (*text) {
		size_t n = strcspn(text, "\n");
		at.line++;
		read_line(s, l, at, (char *)(uintptr_t)schema_printf(s, "%.*s", (int)n, text));
		text += n + (text[n] == '\n');
	}
}

/* The schema has this number: is it what the lock says? */
static void seen(struct schema *s, struct lock *l, struct place at, const char *what,
                 const struct decl *d, uint32_t order, uint32_t number, const char *rest)
{
	const char *of = schema_full(s, d);
	for (uint32_t i = 0; i < l->n; i++) {
		struct entry *e = &l->entries[i];
		if (e->number != number || strcmp(e->what, what) || strcmp(e->of, of))
			continue;
		e->seen = true;
		e->group = d->group->number;
		e->decl = order;
		if (strcmp(e->rest, rest) != 0)
			schema_error(s, at,
			             "number %u of %s was `%s` (%s:%u) and is now `%s`: a number "
			             "keeps its "
			             "meaning, take a new one",
			             number, of, e->rest, e->at.file, e->at.line, rest);
		return;
	}
	struct entry *e = add(l);
	*e = (struct entry){ .at = at,
		             .what = what,
		             .of = of,
		             .number = number,
		             .rest = rest,
		             .group = d->group->number,
		             .decl = order,
		             .is_new = true,
		             .seen = true };
}

/* A message's number belongs to the group: the same number under another name is a reuse. */
static void seen_message(struct schema *s, struct lock *l, const struct decl *d, uint32_t order)
{
	size_t n = strlen(d->group->name);
	const char *full = schema_full(s, d);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct entry *e = &l->entries[i];
		if (strcmp(e->what, "message") || strncmp(e->of, d->group->name, n) ||
		    e->of[n] != '.')
			continue;
		if (e->number == d->number && strcmp(e->of, full) != 0)
			schema_error(s, d->at, "message number %u was %s (%s:%u): take a new one",
			             d->number, e->of, e->at.file, e->at.line);
		if (e->number != d->number && !strcmp(e->of, full))
			schema_error(s, d->at, "%s had number %u (%s:%u) and has now %u", full,
			             e->number, e->at.file, e->at.line, d->number);
	}
	seen(s, l, d->at, "message", d, order, d->number, "");
}

static void seen_decl(struct schema *s, struct lock *l, const struct decl *d, uint32_t order)
{
	if (d->kind == DECL_MESSAGE)
		seen_message(s, l, d, order);
	for (const struct field *f = d->fields; f; f = f->next)
		seen(s, l, f->at, "field", d, order, f->number,
		     schema_printf(s, "%s %s", f->name, schema_type(s, f)));
	for (const struct value *v = d->values; v; v = v->next)
		seen(s, l, v->at, "value", d, order, v->number, v->name);
}

static bool has_retired(const struct retired *r, uint32_t number)
{
	while (r && r->number != number)
		r = r->next;
	return r;
}

/* Not in the schema any more: was it retired, or the message it belonged to? */
static void check_vanished(struct schema *s, struct entry *e)
{
	const char *dot = strchr(e->of, '.');
	size_t n = dot ? (size_t)(dot - e->of) : 0;
	struct place at = e->at;
	for (const struct group *g = s->groups; g; g = g->next) {
		if (!dot || strlen(g->name) != n || memcmp(g->name, e->of, n) != 0)
			continue;
		at = g->at;
		e->group = g->number;
		e->decl = UINT32_MAX;
		if (!strcmp(e->what, "message") && has_retired(g->retired, e->number))
			return;
		const struct decl *d = g->decls;
		while (d && strcmp(d->name, dot + 1) != 0)
			d = d->next;
		if (d && has_retired(d->retired, e->number))
			return;
		if (!d && strcmp(e->what, "message") != 0)
			return; /* its message or record went as a whole, and that is seen by itself
			         */
		at = d ? d->at : at;
	}
	schema_error(s, at, "%s %u%s%s of %s (%s:%u) is gone: say `retired %u \"why\"`", e->what,
	             e->number, e->rest[0] ? " " : "", e->rest, e->of, e->at.file, e->at.line,
	             e->number);
}

static int by_order(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	if (x->group != y->group)
		return x->group < y->group ? -1 : 1;
	if (x->decl != y->decl)
		return x->decl < y->decl ? -1 : 1;
	if (strcmp(x->of, y->of) != 0)
		return strcmp(x->of, y->of);
	if (strcmp(x->what, y->what) != 0)
		return strcmp(x->what, "message") ? 1 : -1;
	return (x->number > y->number) - (x->number < y->number);
}

static const char *write_lock(struct schema *s, struct lock *l, const char *old)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	if (!to)
		abort();
	/* The comment at the top is the reader's and stays. */
	while (*old == '#') {
		size_t n = strcspn(old, "\n");
		fprintf(to, "%.*s\n", (int)n, old);
		old += n + (old[n] == '\n');
	}
	qsort(l->entries, l->n, sizeof *l->entries, by_order);
	for (uint32_t i = 0; i < l->n; i++) {
		const struct entry *e = &l->entries[i];
		fprintf(to, "%s %s %u%s%s\n", e->what, e->of, e->number, e->rest[0] ? " " : "",
		        e->rest);
	}
	(void)fclose(to);
	const char *kept = schema_printf(s, "%s", text);
	free(text);
	return kept;
}

void schema_lock(struct schema *s, const char *name, const char *text, const char **ret_new)
{
	struct lock l = { 0 };
	bool grown = false;
	*ret_new = NULL;
	read_lock(s, &l, name, text);
	for (const struct group *g = s->groups; g; g = g->next) {
		uint32_t order = 0;
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next)
			seen_decl(s, &l, d, order++);
	}
	for (uint32_t i = 0; i < l.n; i++) {
		if (!l.entries[i].seen)
			check_vanished(s, &l.entries[i]);
		grown |= l.entries[i].is_new;
	}
	if (grown && !s->n_errors)
		*ret_new = write_lock(s, &l, text);
	free(l.entries);
}
