/* emit_tables.c — GROUP.c: fields, views and types as data (proto/desc.h). */
#include "proto/msgc/emit.h"
#include <inttypes.h>
#include <string.h>

static const char *c_kind(enum kind k)
{
	static const char *const names[] = { "BOOL", "U8",  "U16", "U32",  "U64",  "I32",   "I64",
		                             "F64",  "STR", "BIN", "JSON", "ENUM", "RECORD" };
	return names[k];
}

static const char *c_name(struct schema *s, const struct decl *d)
{
	return schema_printf(s, "%s_%s", d->group->name, d->name);
}

/* The C type of one item, to take its size. */
static const char *c_item(struct schema *s, const struct field *f)
{
	static const char *const types[] = { "bool",     "uint8_t", "uint16_t", "uint32_t",
		                             "uint64_t", "int32_t", "int64_t",  "double" };
	if (f->kind <= KIND_F64)
		return types[f->kind];
	if (f->kind <= KIND_JSON)
		return "struct str";
	return schema_printf(s, "%s %s", f->kind == KIND_ENUM ? "enum" : "struct",
	                     c_name(s, f->of));
}

static const char *c_i64(struct schema *s, int64_t n)
{
	return n == INT64_MIN ? "INT64_MIN" : schema_printf(s, "INT64_C(%" PRId64 ")", n);
}

static void emit_field(struct schema *s, FILE *to, const struct decl *d, const struct field *f)
{
	fprintf(to, "\t{ .name = \"%s\", .json = ", f->name);
	emit_quoted(to, f->json);
	fputs(", .doc = ", to);
	emit_quoted(to, f->doc);
	fprintf(to, ",\n\t  .number = %u, .kind = PROTO_%s, .offset = offsetof(struct %s, %s)",
	        f->number, c_kind(f->kind), c_name(s, d), f->name);
	if (f->optional)
		fputs(", .optional = true", to);
	if (f->secret)
		fputs(", .secret = true", to);
	if (f->list)
		fprintf(to, ", .list = true, .most = %u", f->most);
	if (f->max)
		fprintf(to, ", .max = %u", f->max);
	if (f->from || f->to)
		fprintf(to, ", .from = UINT64_C(%" PRIu64 "), .to = UINT64_C(%" PRIu64 ")", f->from,
		        f->to);
	if (f->least || f->highest)
		fprintf(to, ", .least = %s, .highest = %s", c_i64(s, f->least),
		        c_i64(s, f->highest));
	if (f->kind == KIND_ENUM)
		fprintf(to, ", .of_enum = &%s_enum", c_name(s, f->of));
	if (f->kind == KIND_RECORD)
		fprintf(to, ", .of_record = &%s_desc", c_name(s, f->of));
	fputs(" },\n", to);
}

/* Records that stand in the struct itself are walked through: their views are the message's. */
static uint32_t emit_views(struct schema *s, FILE *to, const struct decl *d, const char *base)
{
	uint32_t n = 0;
	for (const struct field *f = d->fields; f; f = f->next) {
		const char *offset =
			schema_printf(s, "%soffsetof(struct %s, %s)", base, c_name(s, d), f->name);
		if (f->kind == KIND_RECORD && !f->list) {
			n += emit_views(s, to, f->of, schema_printf(s, "%s + ", offset));
			continue;
		}
		bool bytes = f->kind >= KIND_STR && f->kind <= KIND_JSON;
		if (!bytes && !f->list)
			continue;
		fprintf(to, "\t{ .offset = (uint32_t)(%s), ", offset);
		if (!f->list)
			fprintf(to, ".item = 1, .max = %u", f->max);
		else
			fprintf(to, ".item = sizeof(%s), .max = %u", c_item(s, f), f->most);
		if (f->list && bytes)
			fprintf(to, ", .of_str = true, .each = %u", f->max);
		if (f->list && f->kind == KIND_RECORD && decl_holds_views(f->of))
			fprintf(to, ", .of_record = &%s_desc", c_name(s, f->of));
		fputs(" },\n", to);
		n++;
	}
	return n;
}

static bool holds_lists(const struct decl *d)
{
	for (const struct field *f = d->fields; f; f = f->next)
		if (f->list || (f->kind == KIND_RECORD && holds_lists(f->of)))
			return true;
	return false;
}

static void emit_desc(struct schema *s, FILE *to, const struct decl *d)
{
	const char *name = c_name(s, d);
	uint32_t n_views = 0, nth = 0;
	uint64_t required = 0;
	for (const struct field *f = d->fields; f; f = f->next)
		required |= (uint64_t)!f->optional << nth++;
	if (d->n_fields) {
		fprintf(to, "\nstatic const struct proto_field %s_fields[] = {\n", name);
		for (const struct field *f = d->fields; f; f = f->next)
			emit_field(s, to, d, f);
		fputs("};\n", to);
	}
	if (decl_holds_views(d)) {
		fprintf(to, "\nstatic const struct proto_view %s_views[] = {\n", name);
		n_views = emit_views(s, to, d, "");
		fputs("};\n", to);
	}
	fprintf(to,
	        "\nconst struct proto_desc %s_desc = {\n"
	        "\t.group = \"%s\",\n\t.name = \"%s\",\n\t.full = \"%s\",\n\t.doc = ",
	        name, d->group->name, d->name, schema_full(s, d));
	emit_quoted(to, d->doc);
	/* Foreign messages have no number: nothing can put them on the bus. */
	if (d->kind == DECL_MESSAGE && !d->group->foreign)
		fprintf(to, ",\n\t.number = %uu << 16 | %u", d->group->number, d->number);
	fprintf(to, ",\n\t.size = sizeof(struct %s),\n", name);
	if (d->n_fields)
		fprintf(to,
		        "\t.n_fields = %u,\n\t.required = UINT64_C(0x%" PRIx64
		        "),\n\t.fields = %s_fields,\n",
		        d->n_fields, required, name);
	if (n_views)
		fprintf(to, "\t.n_views = %u,\n\t.views = %s_views,\n", n_views, name);
	if (holds_lists(d))
		fputs("\t.lists = true,\n", to);
	if (d->blob)
		fprintf(to, "\t.blob = %u,\n", d->blob);
	if (d->reply)
		fprintf(to, "\t.reply = &%s_desc,\n", c_name(s, d->reply));
	fputs("};\n", to);
}

static void emit_enum_table(struct schema *s, FILE *to, const struct decl *d)
{
	const char *name = c_name(s, d);
	fprintf(to, "\nstatic const struct proto_enum_value %s_values[] = {\n", name);
	for (const struct value *v = d->values; v; v = v->next) {
		fprintf(to, "\t{ .name = \"%s\", .doc = ", v->name);
		emit_quoted(to, v->doc);
		fprintf(to, ", .number = %u },\n", v->number);
	}
	fprintf(to,
	        "};\n\nconst struct proto_enum %s_enum = {\n\t.group = \"%s\",\n\t.name = "
	        "\"%s\",\n",
	        name, d->group->name, d->name);
	if (d->doc) {
		fputs("\t.doc = ", to);
		emit_quoted(to, d->doc);
		fputs(",\n", to);
	}
	fprintf(to, "\t.values = %s_values,\n\t.n_values = %u,\n};\n", name, d->n_values);
}

/* Replies may be of another group, whose header ours does not include. */
static void emit_externs(struct schema *s, const struct group *g, FILE *to)
{
	for (const struct decl *d = g->decls; d; d = d->next)
		if (d->reply && d->reply->group != g)
			fprintf(to, "extern const struct proto_desc %s_desc;\n",
			        c_name(s, d->reply));
}

void emit_tables(struct schema *s, const struct group *g, FILE *to)
{
	const char *slash = strrchr(g->at.file, '/');
	fprintf(to, "/* %s.c — made by msgc from %s: change that. */\n#include \"proto/%s.h\"\n",
	        g->name, slash ? slash + 1 : g->at.file, g->name);
	emit_externs(s, g, to);
	for (const struct decl *d = g->decls; d; d = d->next)
		if (d->kind == DECL_ENUM)
			emit_enum_table(s, to, d);
	for (const struct decl *d = g->decls; d; d = d->next)
		if (d->kind != DECL_ENUM)
			emit_desc(s, to, d);
}
