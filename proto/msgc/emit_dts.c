/* emit_dts.c — messages.d.ts: what a TypeScript program writes and reads through codec.mjs. */
#include "proto/msgc/emit.h"

/* call.open_now is CallOpenNow. */
static void pascal(FILE *to, const struct decl *d)
{
	const char *parts[] = { d->group->name, d->name };
	for (int i = 0; i < 2; i++) {
		bool upper = true;
		for (const char *c = parts[i]; *c; c++) {
			if (*c == '_') {
				upper = true;
				continue;
			}
			putc(upper && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c, to);
			upper = false;
		}
	}
}

static void emit_type(FILE *to, const struct field *f)
{
	static const char *const types[] = { "boolean", "number",     "number", "number",
		                             "bigint",  "number",     "bigint", "number",
		                             "string",  "Uint8Array", "string" };
	if (f->of)
		pascal(to, f->of);
	else
		fputs(types[f->kind], to);
	if (f->list)
		fputs("[]", to);
}

static void emit_interface(struct schema *s, FILE *to, const struct decl *d)
{
	fputs("\n/** ", to);
	emit_wrapped(to, d->doc, " * ", 92);
	fputs(" */\nexport interface ", to);
	pascal(to, d);
	fputs(" {\n", to);
	for (const struct field *f = d->fields; f; f = f->next) {
		const char *bounds = emit_bounds(s, f);
		fputs("  /** ", to);
		emit_wrapped(to, schema_printf(s, "%s%s%s", f->doc, bounds[0] ? "; " : "", bounds),
		             "   * ", 88);
		fprintf(to, " */\n  %s%s: ", f->name, f->optional ? "?" : "");
		emit_type(to, f);
		fputs(";\n", to);
	}
	fputs("}\n", to);
}

static void emit_union(FILE *to, const struct decl *d)
{
	fputs("\nexport type ", to);
	pascal(to, d);
	fputs(" =", to);
	for (const struct value *v = d->values; v; v = v->next) {
		fprintf(to, "\n  %s'%s' /* ", v == d->values ? "" : "| ", v->name);
		emit_comment(to, v->doc);
		fputs(" */", to);
	}
	fputs(";\n", to);
}

void emit_dts(struct schema *s, FILE *to)
{
	fputs("// messages.d.ts — made by msgc from proto/schema.\n", to);
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next) {
			if (d->kind == DECL_ENUM)
				emit_union(to, d);
			else
				emit_interface(s, to, d);
		}
	fputs("\n/** Message and record types by name, as encode and decode take them. */\n"
	      "export interface Types {\n",
	      to);
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next) {
			if (d->kind == DECL_ENUM)
				continue;
			fprintf(to, "  '%s': ", schema_full(s, d));
			pascal(to, d);
			fputs(";\n", to);
		}
	fputs("}\n\nexport const enums: Record<string, Record<string, number>>;\n"
	      "export const types: Record<keyof Types, { name: string; number?: number; blob?: "
	      "number }>;\n",
	      to);
}
