/*
 * emit.c — what was read, as C.
 */
#include "persistence/sqlc/sqlc.h"
#include <stdlib.h>
#include <string.h>

/* A string literal, one source line per line of text. */
static void literal(FILE *out, const char *text)
{
	fputs("\n\t\t\"", out);
	for (const char *c = text; *c; c++) {
		if (*c == '\n')
			fputs(c[1] ? "\\n\"\n\t\t\"" : "\\n", out);
		else if (*c == '\t')
			fputs("\\t", out);
		else if (*c == '"' || *c == '\\')
			fprintf(out, "\\%c", *c);
		else
			fputc(*c, out);
	}
	fputc('"', out);
}

static void includes(FILE *out, const struct sqlc_statement *statements, size_t n)
{
	const char *last = "";
	for (size_t i = 0; i < n; i++) { /* sorted by number, so by group */
		if (strcmp(last, statements[i].s.request->group))
			fprintf(out, "#include \"proto/%s.h\"\n", statements[i].s.request->group);
		last = statements[i].s.request->group;
	}
	fputc('\n', out);
}

static void emit_params(FILE *out, const struct sqlc_statement *st, uint32_t schema_number)
{
	static const char *const sources[] = { "FROM_FIELD",    "FROM_MEMBER",    "FROM_ORD",
		                               "FROM_BUSINESS", "FROM_PRINCIPAL", "FROM_TRACE",
		                               "FROM_ASKER",    "FROM_NOW",       "FROM_SCHEMA" };
	static const char *const types[] = {
#define SQLTYPE(id, oid, array, names) "SQL_" #id,
#include "persistence/sqltype.def"
#undef SQLTYPE
	};
	if (!st->s.pg.n_types)
		return;
	fprintf(out, "static const struct statement_param %s_params[] = {\n", st->symbol);
	for (uint16_t i = 0; i < st->s.pg.n_types; i++) {
		const struct statement_param *p = &st->params[i];
		fprintf(out, "\t{ %s, %u, %u, %s, %s },\n", sources[p->source],
		        p->source == FROM_SCHEMA ? schema_number : p->field, p->member,
		        types[p->type], p->array ? "true" : "false");
	}
	fprintf(out, "};\nstatic const uint32_t %s_types[] = { ", st->symbol);
	for (uint16_t i = 0; i < st->s.pg.n_types; i++)
		fprintf(out, "%u, ", st->types[i]);
	fprintf(out, "};\n\n");
}

static void emit_statement(FILE *out, const struct sqlc_statement *st, size_t number)
{
	const struct statement *s = &st->s;
	fprintf(out,
	        "\t{ /* %s */\n\t.request = &%s_desc,\n\t.pg = { .name = \"%s\", .number = %zu,\n",
	        st->path, st->symbol, s->pg.name, number);
	if (s->pg.n_types)
		fprintf(out, "\t        .types = %s_types, .n_types = %u,\n", st->symbol,
		        s->pg.n_types);
	fprintf(out, "\t        .sql =");
	literal(out, s->pg.sql);
	fprintf(out, " },\n");
	if (s->pg.n_types)
		fprintf(out, "\t.params = %s_params,\n", st->symbol);
	fprintf(out, "\t.timeout_ms = %u, .bulk = %d, .write = %d, .system = %d, .lists = %d,\n",
	        s->timeout_ms, s->bulk, s->write, s->system, s->lists);
	if (s->asker)
		fprintf(out, "\t.asker = true,\n");
	fprintf(out, "\t.none = (enum err)%d },\n", (int)s->none);
}

void sqlc_emit(FILE *out, const char *name, const struct sqlc_statement *statements, size_t n,
               const struct sqlc_schema *schemas, size_t n_schemas)
{
	fprintf(out, "/* %s_statements — made by sqlc: change the .sql files. */\n", name);
	fprintf(out, "#include \"persistence/statement.h\"\n");
	includes(out, statements, n);
	for (size_t i = 0; i < n; i++)
		emit_params(out, &statements[i], n_schemas ? schemas[n_schemas - 1].m.number : 0);
	fprintf(out, "static const struct statement all[] = {\n");
	for (size_t i = 0; i < n; i++)
		emit_statement(out, &statements[i], i);
	fprintf(out, "};\n\nstatic const struct migration migrations[] = {\n");
	for (size_t i = 0; i < n_schemas; i++) {
		fprintf(out, "\t{ %u, \"%s\",", schemas[i].m.number, schemas[i].m.name);
		literal(out, schemas[i].m.sql);
		fprintf(out, " },\n");
	}
	fprintf(out, "};\n\nconst struct statement_set %s_statements = {\n", name);
	fprintf(out, "\t.at = all, .n = %zu, .migrations = migrations, .n_migrations = %zu\n};\n",
	        n, n_schemas);
}

void sqlc_emit_takes(FILE *out, const char *name, const struct sqlc_statement *statements, size_t n)
{
	fprintf(out, "/* %s_takes, %s_sends — made by sqlc: change the .sql files. */\n", name,
	        name);
	fprintf(out, "#include \"persistence/store.h\"\n");
	includes(out, statements, n);
	fprintf(out, "extern const struct actor_on %s_takes[];\n", name);
	fprintf(out, "const struct actor_on %s_takes[] = {\n", name);
	for (size_t i = 0; i < n; i++)
		fprintf(out, "\t{ &%s_desc, store_on_ask },\n", statements[i].symbol);
	fprintf(out, "\t{ 0 },\n};\n\nextern const struct proto_desc *const %s_sends[];\n", name);
	fprintf(out, "const struct proto_desc *const %s_sends[] = {\n", name);
	for (size_t i = 0; i < n; i++) {
		const struct proto_desc *reply = statements[i].s.request->reply;
		bool said = false;
		for (size_t j = 0; j < i; j++)
			said |= statements[j].s.request->reply == reply;
		if (!said)
			fprintf(out, "\t&%s_%s_desc,\n", reply->group, reply->name);
	}
	fprintf(out, "\tNULL,\n};\n");
}
