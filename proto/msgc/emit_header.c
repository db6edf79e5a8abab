/* emit_header.c — GROUP.h: what a C program says and reads. */
#include "proto/msgc/emit.h"
#include <string.h>

static void c_type(FILE *to, const struct field *f)
{
	static const char *const types[] = { "bool",     "uint8_t", "uint16_t", "uint32_t",
		                             "uint64_t", "int32_t", "int64_t",  "double" };
	if (f->kind <= KIND_F64)
		fputs(types[f->kind], to);
	else if (f->kind <= KIND_JSON)
		fputs("struct str", to);
	else
		fprintf(to, "%s %s_%s", f->kind == KIND_ENUM ? "enum" : "struct",
		        f->of->group->name, f->of->name);
}

static void emit_member(struct schema *s, FILE *to, const struct field *f)
{
	const char *bounds = emit_bounds(s, f);
	fputs("\t/* ", to);
	const char *text =
		schema_printf(s, "%s%s%s%s%s", f->optional ? "optional: " : "",
	                      f->secret ? "secret: " : "", f->doc, bounds[0] ? "; " : "", bounds);
	emit_wrapped(to, text, "\t * ", 84);
	fputs(" */\n\t", to);
	if (f->list) {
		fputs("struct {\n\t\tconst ", to);
		c_type(to, f);
		fprintf(to, " *at;\n\t\tuint32_t n;\n\t} %s;\n", f->name);
	} else {
		c_type(to, f);
		fprintf(to, " %s;\n", f->name);
	}
}

static void emit_bound(FILE *to, const struct decl *d, const char *field, const char *what,
                       uint32_t value)
{
	fputs("\t", to);
	emit_upper(to, d->group->name);
	putc('_', to);
	emit_upper(to, d->name);
	if (field) {
		putc('_', to);
		emit_upper(to, field);
	}
	fprintf(to, "_%s = %u,\n", what, value);
}

/* CALL_OPEN_CALL_MAX, CALL_OPEN_LEGS_MOST, CALL_FRAME_BLOB_MAX: for those who must keep a copy. */
static void emit_bounds_of(FILE *to, const struct decl *d)
{
	bool any = d->blob;
	for (const struct field *f = d->fields; f; f = f->next)
		any |= f->max || f->list;
	if (!any)
		return;
	fputs("enum {\n", to);
	for (const struct field *f = d->fields; f; f = f->next) {
		if (f->max)
			emit_bound(to, d, f->name, "MAX", f->max);
		if (f->list)
			emit_bound(to, d, f->name, "MOST", f->most);
	}
	if (d->blob)
		emit_bound(to, d, NULL, "BLOB_MAX", d->blob);
	fputs("};\n", to);
}

static void emit_struct(struct schema *s, FILE *to, const struct decl *d)
{
	fputs("\n/* ", to);
	emit_wrapped(to, d->doc, " * ", 92);
	if (d->reply) {
		const char *line = schema_printf(s, "Answered by %s.", schema_full(s, d->reply));
		fprintf(to, "\n * %s", line);
	}
	if (d->blob) {
		fputs("\n * ", to);
		emit_wrapped(
			to,
			schema_printf(s, "Blob: %s; %u bytes at the most.", d->blob_doc, d->blob),
			" * ", 92);
	}
	fprintf(to, " */\nstruct %s_%s {\n", d->group->name, d->name);
	for (const struct field *f = d->fields; f; f = f->next)
		emit_member(s, to, f);
	fputs("};\n", to);
	emit_bounds_of(to, d);
	fprintf(to, "extern const struct proto_desc %s_%s_desc;\n", d->group->name, d->name);
}

static void emit_downcast(FILE *to, const struct decl *d)
{
	const char *g = d->group->name, *n = d->name;
	fprintf(to,
	        "static inline const struct %s_%s *%s_%s_of(const struct msg *m)\n"
	        "{\n"
	        "\tassert(m->type == &%s_%s_desc);\n"
	        "\treturn msg_body(m);\n"
	        "}\n",
	        g, n, g, n, g, n);
}

static void emit_enum(FILE *to, const struct decl *d)
{
	fputs("\n", to);
	if (d->doc) {
		fputs("/* ", to);
		emit_wrapped(to, d->doc, " * ", 92);
		fputs(" */\n", to);
	}
	fprintf(to, "enum %s_%s {\n", d->group->name, d->name);
	for (const struct value *v = d->values; v; v = v->next) {
		putc('\t', to);
		emit_upper(to, d->group->name);
		putc('_', to);
		emit_upper(to, d->name);
		putc('_', to);
		emit_upper(to, v->name);
		fprintf(to, " = %u, /* ", v->number);
		emit_comment(to, v->doc);
		fputs(" */\n", to);
	}
	fprintf(to, "};\nextern const struct proto_enum %s_%s_enum;\n", d->group->name, d->name);
}

/* The headers of the groups whose records or enums this one uses. */
static void emit_includes(struct schema *s, const struct group *g, FILE *to)
{
	for (const struct group *h = s->groups; h; h = h->next) {
		bool used = false;
		for (const struct decl *d = g->decls; d && h != g; d = d->next)
			for (const struct field *f = d->fields; f; f = f->next)
				used |= f->of && f->of->group == h;
		if (used)
			fprintf(to, "#include \"proto/%s.h\"\n", h->name);
	}
}

void emit_header(struct schema *s, const struct group *g, FILE *to)
{
	const char *slash = strrchr(g->at.file, '/');
	fprintf(to, "/* %s.h — made by msgc from %s: change that. */\n#pragma once\n", g->name,
	        slash ? slash + 1 : g->at.file);
	emit_includes(s, g, to);
	fputs("#include \"proto/msg.h\"\n#include <assert.h>\n", to);
	for (const struct decl *d = g->decls; d; d = d->next)
		if (d->kind == DECL_ENUM)
			emit_enum(to, d);
	for (const struct decl *d = g->decls; d; d = d->next)
		if (d->kind == DECL_RECORD)
			emit_struct(s, to, d);
	for (const struct decl *d = g->decls; d; d = d->next) {
		if (d->kind != DECL_MESSAGE)
			continue;
		emit_struct(s, to, d);
		emit_downcast(to, d);
	}
}
