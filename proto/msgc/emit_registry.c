/* emit_registry.c — all.c: every type that may travel, by number and by name (proto/registry.h). */
#include "proto/msgc/emit.h"
#include <stdlib.h>
#include <string.h>

static int by_number(const void *a, const void *b)
{
	const struct decl *x = *(const struct decl *const *)a, *y = *(const struct decl *const *)b;
	uint32_t m = x->group->number << 16 | x->number, n = y->group->number << 16 | y->number;
	return (m > n) - (m < n);
}

static int by_name(const void *a, const void *b)
{
	const struct decl *x = *(const struct decl *const *)a, *y = *(const struct decl *const *)b;
	/* As the reader compares: "call.open" byte by byte. */
	char full[2][2 * SCHEMA_NAME_MAX + 2];
	snprintf(full[0], sizeof full[0], "%s.%s", x->group->name, x->name);
	snprintf(full[1], sizeof full[1], "%s.%s", y->group->name, y->name);
	return strcmp(full[0], full[1]);
}

static void emit_list(FILE *to, const char *name, const struct decl *const *all, uint32_t n)
{
	fprintf(to, "\nconst struct proto_desc *const %s[] = {\n", name);
	for (uint32_t i = 0; i < n; i++)
		fprintf(to, "\t&%s_%s_desc,\n", all[i]->group->name, all[i]->name);
	fputs("\tNULL,\n};\n", to);
}

static void emit_slots(FILE *to, const struct decl *const *all, uint32_t n)
{
	fputs("\nconst struct proto_slots proto_slots[PROTO_GROUPS] = {\n", to);
	for (uint32_t i = 0; i < n;) {
		const struct group *g = all[i]->group;
		uint32_t last = i;
		while (last + 1 < n && all[last + 1]->group == g)
			last++;
		fprintf(to, "\t[%u] = { %u, (const struct proto_desc *const[]){\n", g->number,
		        all[last]->number + 1);
		for (; i <= last; i++)
			fprintf(to, "\t\t[%u] = &%s_%s_desc,\n", all[i]->number, g->name,
			        all[i]->name);
		fputs("\t} },\n", to);
	}
	fputs("};\n", to);
}

void emit_registry(struct schema *s, FILE *to)
{
	uint32_t n = 0, i = 0;
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d; d = d->next)
			n += d->kind == DECL_MESSAGE && !g->foreign;
	const struct decl **all = schema_alloc(s, (n + 1) * sizeof(const struct decl *));
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d; d = d->next)
			if (d->kind == DECL_MESSAGE && !g->foreign)
				all[i++] = d;
	fputs("/* all.c — made by msgc: every message type of this program. */\n"
	      "#include \"proto/registry.h\"\n\n",
	      to);
	for (i = 0; i < n; i++)
		fprintf(to, "extern const struct proto_desc %s_%s_desc;\n", all[i]->group->name,
		        all[i]->name);
	qsort(all, n, sizeof(const struct decl *), by_number);
	emit_list(to, "proto_all", all, n);
	fprintf(to, "\nconst uint32_t proto_all_n = %u;\n", n);
	emit_slots(to, all, n);
	qsort(all, n, sizeof(const struct decl *), by_name);
	emit_list(to, "proto_sorted", all, n);
}
