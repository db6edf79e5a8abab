/* emit_js.c — messages.mjs: the same tables for proto/js/codec.mjs. Foreign groups stay out. */
#include "proto/msgc/emit.h"
#include <inttypes.h>

static void emit_range(FILE *to, const struct field *f)
{
	/* 64 bits do not fit a JavaScript number: BigInt. */
	const char *big = f->kind == KIND_U64 || f->kind == KIND_I64 ? "n" : "";
	if (f->kind >= KIND_U8 && f->kind <= KIND_U64)
		fprintf(to, ", least: %" PRIu64 "%s, most: %" PRIu64 "%s", f->from, big, f->to,
		        big);
	else if (f->kind == KIND_I32 || f->kind == KIND_I64 || (f->kind == KIND_F64 && f->bounded))
		fprintf(to, ", least: %" PRId64 "%s, most: %" PRId64 "%s", f->least, big,
		        f->highest, big);
}

static void emit_field(struct schema *s, FILE *to, const struct field *f)
{
	static const char *const kinds[] = { "bool", "u8",  "u16", "u32",  "u64",  "i32",   "i64",
		                             "f64",  "str", "bin", "json", "enum", "record" };
	fprintf(to, "    { number: %u, name: \"%s\", kind: \"%s\"", f->number, f->name,
	        kinds[f->kind]);
	if (f->json != f->name) {
		fputs(", json: ", to);
		emit_quoted(to, f->json);
	}
	emit_range(to, f);
	if (f->max)
		fprintf(to, ", max: %u", f->max);
	if (f->list)
		fprintf(to, ", items: %u", f->most);
	if (f->of)
		fprintf(to, ", of: \"%s\"", schema_full(s, f->of));
	if (f->optional)
		fputs(", optional: true", to);
	if (f->secret)
		fputs(", secret: true", to);
	fputs(" },\n", to);
}

static void emit_type(struct schema *s, FILE *to, const struct decl *d)
{
	fprintf(to, "  \"%s\": {\n    name: \"%s\",", schema_full(s, d), schema_full(s, d));
	if (d->kind == DECL_MESSAGE)
		fprintf(to, " number: %u,", d->group->number << 16 | d->number);
	if (d->blob)
		fprintf(to, " blob: %u,", d->blob);
	if (d->reply)
		fprintf(to, " reply: \"%s\",", schema_full(s, d->reply));
	fputs(" fields: [\n", to);
	for (const struct field *f = d->fields; f; f = f->next)
		emit_field(s, to, f);
	fputs("  ] },\n", to);
}

void emit_js(struct schema *s, FILE *to)
{
	fputs("// messages.mjs — made by msgc from proto/schema. Walked by proto/js/codec.mjs.\n\n"
	      "export const enums = {\n",
	      to);
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next) {
			if (d->kind != DECL_ENUM)
				continue;
			fprintf(to, "  \"%s\": {", schema_full(s, d));
			for (const struct value *v = d->values; v; v = v->next)
				fprintf(to, " %s: %u%s", v->name, v->number, v->next ? "," : " ");
			fputs("},\n", to);
		}
	fputs("};\n\nexport const types = {\n", to);
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next)
			if (d->kind != DECL_ENUM)
				emit_type(s, to, d);
	fputs("};\n", to);
}
