/* emit_reference.c — messages.md: every message for people. */
#include "proto/msgc/emit.h"

/* Inside a table cell. */
static void cell(FILE *to, const char *text)
{
	for (; *text; text++) {
		if (*text == '|')
			putc('\\', to);
		putc(*text, to);
	}
}

static void emit_fields(struct schema *s, FILE *to, const struct decl *d)
{
	if (!d->fields)
		return;
	fputs("\n| # | field | type | |\n| --- | --- | --- | --- |\n", to);
	for (const struct field *f = d->fields; f; f = f->next) {
		const char *bounds = emit_bounds(s, f);
		fprintf(to, "| %u | `%s`%s | %s%s%s%s |", f->number, f->name,
		        f->optional ? " (optional)" : "", schema_type(s, f), bounds[0] ? ", " : "",
		        bounds, f->secret ? ", secret" : "");
		putc(' ', to);
		cell(to, f->doc);
		fputs(" |\n", to);
	}
}

static void emit_values(FILE *to, const struct decl *d)
{
	fputs("\n| # | value | |\n| --- | --- | --- |\n", to);
	for (const struct value *v = d->values; v; v = v->next) {
		fprintf(to, "| %u | `%s` | ", v->number, v->name);
		cell(to, v->doc);
		fputs(" |\n", to);
	}
}

static void emit_decl(struct schema *s, FILE *to, const struct decl *d)
{
	static const char *const kinds[] = { "enum", "record", "message" };
	fprintf(to, "\n### %s\n\n%s", schema_full(s, d), kinds[d->kind]);
	if (d->kind == DECL_MESSAGE && !d->group->foreign)
		fprintf(to, " %u", d->number);
	if (d->reply)
		fprintf(to, ", answered by [%s](#%s%s)", schema_full(s, d->reply),
		        d->reply->group->name, d->reply->name);
	if (d->doc)
		fprintf(to, ". %s", d->doc);
	putc('\n', to);
	if (d->kind == DECL_ENUM)
		emit_values(to, d);
	else
		emit_fields(s, to, d);
	if (d->blob)
		fprintf(to, "\nBlob: %s; %u bytes at the most.\n", d->blob_doc, d->blob);
}

void emit_reference(struct schema *s, FILE *to)
{
	fputs("# Messages\n\nMade by msgc from proto/schema.\n", to);
	for (const struct group *g = s->groups; g; g = g->next) {
		fprintf(to, "\n## %s\n\nGroup %u%s.\n", g->name, g->number,
		        g->foreign ? ", foreign: JSON only, never on the bus" : "");
		for (const struct decl *d = g->decls; d; d = d->next)
			emit_decl(s, to, d);
	}
}
