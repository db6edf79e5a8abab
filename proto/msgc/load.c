/*
 * load.c — tables in memory, field for field as emit_tables.c writes them; the struct is laid out
 * as a C compiler would.
 */
#include "proto/msgc/load.h"
#include "proto/msgc/files.h"
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

struct list_member { /* any list, in a struct */
	const void *at;
	uint32_t n;
};

struct layout {
	uint32_t size, align;
};

/* What was made already: records are shared, a message may answer itself. */
struct made {
	struct made *next;
	const struct decl *of;
	uint32_t align;
	struct proto_desc desc;
};

struct maker {
	struct schema *s;
	struct made *all;
};

static const struct made *make(struct maker *m, const struct decl *d);

static uint32_t up(uint32_t n, uint32_t align)
{
	return (n + align - 1) / align * align;
}

static struct layout item_layout(struct maker *m, const struct field *f)
{
	static const struct layout scalars[] = {
		[KIND_BOOL] = { sizeof(bool), alignof(bool) },
		[KIND_U8] = { 1, 1 },
		[KIND_U16] = { 2, alignof(uint16_t) },
		[KIND_U32] = { 4, alignof(uint32_t) },
		[KIND_U64] = { 8, alignof(uint64_t) },
		[KIND_I32] = { 4, alignof(int32_t) },
		[KIND_I64] = { 8, alignof(int64_t) },
		[KIND_F64] = { 8, alignof(double) },
		[KIND_STR] = { sizeof(struct str), alignof(struct str) },
		[KIND_BIN] = { sizeof(struct str), alignof(struct str) },
		[KIND_JSON] = { sizeof(struct str), alignof(struct str) },
		[KIND_ENUM] = { sizeof(uint32_t), alignof(uint32_t) },
	};
	if (f->kind != KIND_RECORD)
		return scalars[f->kind];
	const struct made *record = make(m, f->of);
	return (struct layout){ record->desc.size, record->align };
}

static const struct proto_enum *make_enum(struct schema *s, const struct decl *d)
{
	struct proto_enum *e = schema_alloc(s, sizeof *e);
	struct proto_enum_value *values = schema_alloc(s, (d->n_values + 1) * sizeof *values);
	uint32_t n = 0;
	for (const struct value *v = d->values; v; v = v->next)
		values[n++] = (struct proto_enum_value){ v->name, v->doc, v->number };
	*e = (struct proto_enum){ .group = d->group->name,
		                  .name = d->name,
		                  .doc = d->doc,
		                  .values = values,
		                  .n_values = n };
	return e;
}

static struct proto_field make_field(struct maker *m, const struct field *f, uint32_t offset)
{
	return (struct proto_field){
		.name = f->name,
		.json = f->json,
		.doc = f->doc,
		.number = (uint16_t)f->number,
		.kind = (uint8_t)f->kind, /* the order is the same */
		.optional = f->optional,
		.secret = f->secret,
		.list = f->list,
		.offset = offset,
		.max = f->max,
		.most = f->list ? f->most : 0,
		.least = f->least,
		.highest = f->highest,
		.from = f->from,
		.to = f->to,
		.of_enum = f->kind == KIND_ENUM ? make_enum(m->s, f->of) : NULL,
		.of_record = f->kind == KIND_RECORD ? &make(m, f->of)->desc : NULL,
	};
}

/* Views of a field and, where a record stands in the struct itself, of its fields. */
static void add_views(struct proto_view *views, uint16_t *n, const struct proto_field *f,
                      uint32_t base)
{
	bool bytes = f->kind >= PROTO_STR && f->kind <= PROTO_JSON;
	if (f->kind == PROTO_RECORD && !f->list) {
		const struct proto_desc *of = f->of_record;
		for (uint32_t i = 0; of && i < of->n_fields; i++)
			add_views(views, n, &of->fields[i], base + f->offset);
		return;
	}
	if (!bytes && !f->list)
		return;
	views[(*n)++] = (struct proto_view){
		.offset = base + f->offset,
		.item = f->list ? proto_item_size(f) : 1,
		.max = f->list ? f->most : f->max,
		.each = f->list && bytes ? f->max : 0,
		.of_str = f->list && bytes,
		.of_record = f->list && f->kind == PROTO_RECORD && f->of_record->n_views
		                     ? f->of_record
		                     : NULL,
	};
}

static uint32_t most_views(const struct decl *d)
{
	uint32_t n = 0;
	for (const struct field *f = d->fields; f; f = f->next)
		n += f->kind == KIND_RECORD && !f->list ? most_views(f->of) : 1;
	return n;
}

static void make_fields(struct maker *m, struct made *made, const struct decl *d)
{
	struct proto_desc *desc = &made->desc;
	struct proto_field *fields = schema_alloc(m->s, (d->n_fields + 1) * sizeof *fields);
	struct proto_view *views = schema_alloc(m->s, (most_views(d) + 1) * sizeof *views);
	uint32_t at = 0;
	for (const struct field *f = d->fields; f; f = f->next) {
		struct layout l = item_layout(m, f);
		if (f->list)
			l = (struct layout){ sizeof(struct list_member),
				             alignof(struct list_member) };
		at = up(at, l.align);
		made->align = l.align > made->align ? l.align : made->align;
		desc->required |= (uint64_t)!f->optional << desc->n_fields;
		struct proto_field *made_field = &fields[desc->n_fields++];
		*made_field = make_field(m, f, at);
		desc->lists |= f->list || (made_field->of_record && made_field->of_record->lists);
		add_views(views, &desc->n_views, made_field, 0);
		at += l.size;
	}
	desc->size = up(at, made->align);
	desc->fields = d->n_fields ? fields : NULL;
	desc->views = desc->n_views ? views : NULL;
}

static const struct made *make(struct maker *m, const struct decl *d)
{
	for (const struct made *known = m->all; known; known = known->next)
		if (known->of == d)
			return known;
	struct made *made = schema_alloc(m->s, sizeof *made);
	*made = (struct made){ .next = m->all, .of = d, .align = 1 };
	m->all = made; /* before its reply, which may be itself */
	made->desc = (struct proto_desc){
		.group = d->group->name,
		.name = d->name,
		.full = schema_full(m->s, d),
		.doc = d->doc,
		.blob = d->blob,
	};
	if (d->kind == DECL_MESSAGE && !d->group->foreign)
		made->desc.number = d->group->number << 16 | d->number;
	make_fields(m, made, d);
	if (d->reply) {
		const struct proto_desc *known = proto_by_name(str_of(schema_full(m->s, d->reply)));
		made->desc.reply = known ? known : &make(m, d->reply)->desc;
	}
	return made;
}

const struct proto_desc *schema_desc(struct schema *s, const struct decl *d)
{
	struct maker m = { .s = s };
	return &make(&m, d)->desc;
}

/* A message that is known keeps its tables; one that only looks so is a fault. */
static bool is_new(struct schema *s, const struct decl *d)
{
	const char *full = schema_full(s, d);
	const struct proto_desc *there = proto_by_number(d->group->number << 16 | d->number);
	const struct proto_desc *named = proto_by_name(str_of(full));
	if (!there && !named)
		return true;
	if (there != named)
		schema_error(s, d->at, "%s, number %u of group %u: %s has that %s", full, d->number,
		             d->group->number, there ? there->full : named->full,
		             there ? "number" : "name");
	return false;
}

static void add_all(struct maker *m)
{
	for (const struct group *g = m->s->groups; g; g = g->next) {
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next) {
			if (d->kind != DECL_MESSAGE || !is_new(m->s, d))
				continue;
			if (proto_add(&make(m, d)->desc))
				schema_error(m->s, d->at, "too many message types");
		}
	}
}

static void check_all(struct schema *s)
{
	for (const struct group *g = s->groups; g; g = g->next)
		for (const struct decl *d = g->decls; d && !g->foreign; d = d->next)
			if (d->kind == DECL_MESSAGE)
				(void)is_new(s, d);
}

/* What was loaded, for good. */
static struct loaded {
	struct loaded *next;
	struct schema schema;
} * loaded;

bool schema_load(const char *const *paths, uint32_t n, FILE *complaints)
{
	struct loaded *l = calloc(1, sizeof *l);
	bool good = l;
	if (!l)
		return false;
	struct schema *s = &l->schema;
	schema_init(s);
	for (uint32_t i = 0; i < n; i++)
		good = schema_read(s, paths[i], false, complaints) && good;
	schema_check(s);
	if (good && !s->n_errors)
		check_all(s);
	if (good && !s->n_errors)
		add_all(&(struct maker){ .s = s });
	schema_print_errors(s, complaints);
	if (good && !s->n_errors) {
		l->next = loaded;
		loaded = l;
		return true;
	}
	schema_done(s);
	free(l);
	return false;
}
