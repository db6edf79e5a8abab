/* schema.c — the tree's memory, and errors with their place. */
#include "proto/msgc/schema.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct schema_chunk {
	struct schema_chunk *next;
	max_align_t bytes[];
};

void schema_init(struct schema *s)
{
	memset(s, 0, sizeof *s);
}

void schema_done(struct schema *s)
{
	while (s->chunks) {
		struct schema_chunk *c = s->chunks;
		s->chunks = c->next;
		free(c);
	}
	s->groups = NULL;
	s->n_errors = 0;
}

void *schema_alloc(struct schema *s, size_t n)
{
	struct schema_chunk *c = calloc(1, sizeof *c + n);
	if (!c) {
		fputs("msgc: out of memory\n", stderr);
		exit(1);
	}
	c->next = s->chunks;
	s->chunks = c;
	return c->bytes;
}

__attribute__((nonnull)) static const char *format(struct schema *s, const char *fmt, va_list args)
{
	va_list again;
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	size_t size = n < 0 ? 1 : (size_t)n + 1;
	char *text = schema_alloc(s, size);
	vsnprintf(text, size, fmt, args);
	return text;
}

const char *schema_printf(struct schema *s, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	const char *text = format(s, fmt, args);
	va_end(args);
	return text;
}

void schema_error(struct schema *s, struct place at, const char *fmt, ...)
{
	if (s->n_errors == SCHEMA_ERRORS_MAX)
		return;
	va_list args;
	va_start(args, fmt);
	s->errors[s->n_errors++] = (struct schema_error){ at, format(s, fmt, args) };
	va_end(args);
}

static int by_place(const void *a, const void *b)
{
	const struct schema_error *x = a, *y = b;
	int files = strcmp(x->at.file, y->at.file);
	if (files)
		return files;
	return (x->at.line > y->at.line) - (x->at.line < y->at.line);
}

void schema_print_errors(struct schema *s, FILE *to)
{
	qsort(s->errors, s->n_errors, sizeof s->errors[0], by_place);
	for (uint32_t i = 0; i < s->n_errors; i++)
		fprintf(to, "%s:%u: %s\n", s->errors[i].at.file, s->errors[i].at.line,
		        s->errors[i].text);
	if (s->n_errors == SCHEMA_ERRORS_MAX)
		fprintf(to, "msgc: more errors are not shown\n");
}

/* Edit distance (Levenshtein), names only: both are at most SCHEMA_NAME_MAX long. */
static size_t distance(const char *a, const char *b)
{
	size_t row[SCHEMA_NAME_MAX + 1], n = strlen(b);
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t corner = row[0];
		row[0] = i;
		for (size_t j = 1; j <= n; j++) {
			size_t above = row[j];
			size_t best = corner + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			corner = above;
			row[j] = best;
		}
	}
	return row[n];
}

const char *schema_near(struct schema *s, const char *word, const char *const *among, size_t n)
{
	const char *best = NULL;
	size_t best_distance = strlen(word) > 4 ? 3 : 2; /* nearer than this */
	if (strlen(word) > SCHEMA_NAME_MAX)
		return "";
	for (size_t i = 0; i < n; i++) {
		if (strlen(among[i]) > SCHEMA_NAME_MAX)
			continue;
		size_t d = distance(word, among[i]);
		if (d < best_distance) {
			best_distance = d;
			best = among[i];
		}
	}
	return best ? schema_printf(s, " (did you mean `%s`?)", best) : "";
}

const char *schema_full(struct schema *s, const struct decl *d)
{
	return schema_printf(s, "%s.%s", d->group->name, d->name);
}

const char *schema_type(struct schema *s, const struct field *f)
{
	const char *one = f->of ? schema_full(s, f->of) : f->type;
	return f->list ? schema_printf(s, "%s[]", one) : one;
}

bool decl_holds_views(const struct decl *d)
{
	for (const struct field *f = d->fields; f; f = f->next) {
		if (f->list || (f->kind >= KIND_STR && f->kind <= KIND_JSON))
			return true;
		if (f->kind == KIND_RECORD && decl_holds_views(f->of))
			return true;
	}
	return false;
}
