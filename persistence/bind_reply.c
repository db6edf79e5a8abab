/*
 * bind_reply.c — replies out of rows. Texts and blobs are views into the result; records, and the
 * items of arrays, are taken from an arena.
 */
#include "persistence/bind.h"
#include "persistence/bind_time.h"
#include "proto/field.h"
#include <endian.h>
#include <stdio.h>

static enum err wrong(struct bind_rows *b, const char *what, const char *name)
{
	snprintf(b->text, sizeof b->text, "%s: column %s %s", b->s->pg.name, name, what);
	return ERR_STORAGE;
}

/* ---- columns
 * ---------------------------------------------------------------------------------------- */

static const struct proto_field *field_named(const struct proto_desc *d, const char *name)
{
	for (uint16_t i = 0; i < d->n_fields; i++)
		if (!strcmp(d->fields[i].name, name))
			return &d->fields[i];
	return NULL;
}

static enum err understand(struct bind_rows *b, uint32_t i)
{
	const char *name = pg_column(b->r, i);
	struct bind_column *c = &b->columns[i];
	const struct proto_field *member = b->list ? field_named(b->list->of_record, name) : NULL;
	const struct proto_field *field = field_named(b->s->request->reply, name);
	if (!sql_type_by_oid(pg_column_type(b->r, i), &c->type, &c->array))
		return wrong(b, "is of a type that no field has: cast it", name);
	c->f = member ? member : field;
	c->to = member ? TO_MEMBER : TO_FIELD;
	if (b->s->bulk >= 0 && !strcmp(name, "ord")) {
		c->to = TO_ORD;
		b->ord = member;
	} else if (!strcmp(name, "err")) {
		c->to = TO_ERR;
	} else if (!c->f || c->f->kind == PROTO_RECORD) {
		return wrong(b, "is no field of the reply", name);
	} else if (c->array != c->f->list || !sql_type_fits(c->type, c->f)) {
		return wrong(b, "is not of its field's type", name);
	}
	if ((c->to == TO_ORD || c->to == TO_ERR) && (c->array || c->type != SQL_INT4))
		return wrong(b, "must be an integer", name);
	return OK;
}

/* Every required field has a column. */
static enum err complete(struct bind_rows *b, const struct proto_desc *d, enum bind_to to)
{
	for (uint16_t i = 0; i < d->n_fields; i++) {
		const struct proto_field *f = &d->fields[i];
		bool there = f->optional || f == b->list || f == b->ord;
		for (uint32_t c = 0; !there && c < b->n_columns; c++)
			there = b->columns[c].to == to && b->columns[c].f == f;
		if (!there)
			return wrong(b, "is missing: a required field", f->name);
	}
	return OK;
}

enum err bind_rows(struct bind_rows *b, const struct statement *s, const struct pg_result *r)
{
	*b = (struct bind_rows){ .s = s, .r = r, .list = statement_list_of(s->request->reply) };
	b->n_columns = pg_columns(r);
	if (b->n_columns > BIND_COLUMNS)
		return wrong(b, "is one too many", pg_column(r, BIND_COLUMNS));
	for (uint32_t i = 0; i < b->n_columns; i++) {
		enum err e = understand(b, i);
		if (e)
			return e;
	}
	enum err e = complete(b, s->request->reply, TO_FIELD);
	return e || !b->list ? e : complete(b, b->list->of_record, TO_MEMBER);
}

/* ---- one value
 * ---------------------------------------------------------------------------------------- */

static enum err read_integer(enum sql_type type, struct pg_value v, int64_t *ret)
{
	uint16_t be16;
	uint32_t be32;
	uint64_t be64;
	if (v.len == sizeof be16 && type == SQL_INT2) {
		memcpy(&be16, v.at, sizeof be16);
		*ret = (int16_t)be16toh(be16);
		return OK;
	}
	if (v.len == sizeof be32 && type == SQL_INT4) {
		memcpy(&be32, v.at, sizeof be32);
		*ret = (int32_t)be32toh(be32);
		return OK;
	}
	if (v.len != sizeof be64)
		return ERR_MALFORMED;
	memcpy(&be64, v.at, sizeof be64);
	*ret = (int64_t)be64toh(be64);
	return type == SQL_TIMESTAMPTZ ? bind_time_in(*ret, ret) : OK;
}

static enum err set_enum(const struct proto_field *f, void *at, uint32_t number)
{
	if (!proto_enum_has(f->of_enum, number))
		return ERR_RANGE;
	memcpy(at, &number, sizeof number);
	return OK;
}

static enum err set_integer(enum sql_type type, const struct proto_field *f, void *at,
                            struct pg_value v)
{
	int64_t n;
	enum err e = read_integer(type, v, &n);
	if (e)
		return e;
	if (f->kind == PROTO_ENUM)
		return n < 0 || n > UINT32_MAX ? ERR_RANGE : set_enum(f, at, (uint32_t)n);
	if (field_is_signed(f))
		return field_set_i64(f, at, n);
	return n < 0 ? ERR_RANGE : field_set_u64(f, at, (uint64_t)n);
}

static enum err set_bytes(const struct proto_field *f, void *at, const char *bytes, uint32_t len)
{
	uint32_t number;
	if (f->kind == PROTO_ENUM)
		return field_enum_number(f->of_enum, str_n(bytes, len), &number)
		               ? set_enum(f, at, number)
		               : ERR_RANGE;
	*(struct str *)at = str_n(bytes, len);
	return len > f->max ? ERR_TOO_LARGE : OK;
}

static enum err set_value(enum sql_type type, const struct proto_field *f, void *at,
                          struct pg_value v)
{
	uint64_t bits;
	double d;
	switch (type) {
	case SQL_BOOL:
		*(bool *)at = v.len == 1 && v.at[0];
		return v.len == 1 ? OK : ERR_MALFORMED;
	case SQL_FLOAT8:
		if (v.len != sizeof bits)
			return ERR_MALFORMED;
		memcpy(&bits, v.at, sizeof bits);
		bits = be64toh(bits);
		memcpy(&d, &bits, sizeof d);
		return field_set_f64(f, at, d);
	case SQL_JSONB:
		if (!v.len || v.at[0] != 1)
			return ERR_MALFORMED;
		return set_bytes(f, at, v.at + 1, v.len - 1);
	case SQL_TEXT:
	case SQL_BYTEA:
		return set_bytes(f, at, v.at, v.len);
	default:
		return set_integer(type, f, at, v);
	}
}

static uint32_t take32(struct pg_value *v)
{
	uint32_t be;
	memcpy(&be, v->at, sizeof be);
	v->at += sizeof be;
	v->len -= (uint32_t)sizeof be;
	return be32toh(be);
}

/* array_send's form: see put_array() in bind_params.c. One dimension, no nulls. */
static enum err set_array(enum sql_type type, const struct proto_field *f, void *at,
                          struct pg_value v, struct arena *a)
{
	struct field_list *list = at;
	size_t size = proto_item_size(f);
	uint32_t n = 0;
	if (v.len < 12)
		return ERR_MALFORMED;
	uint32_t dimensions = take32(&v);
	take32(&v); /* whether there may be nulls */
	take32(&v); /* the item's type, known from the column's */
	if (dimensions > 1)
		return ERR_INVALID;
	if (dimensions && v.len >= 8) {
		n = take32(&v);
		take32(&v); /* where its indexes begin */
	}
	if (n > f->most)
		return ERR_TOO_LARGE;
	char *items = n ? arena_take(a, n * size, 8) : NULL;
	if (n && !items)
		return ERR_MEMORY;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t len = v.len >= 4 ? take32(&v) : UINT32_MAX;
		if (len > v.len)
			return ERR_INVALID; /* a null among them, or cut */
		enum err e = set_value(type, f, items + i * size, (struct pg_value){ v.at, len });
		if (e)
			return e;
		v.at += len;
		v.len -= len;
	}
	*list = (struct field_list){ items, n };
	return OK;
}

/* ---- rows
 * ---------------------------------------------------------------------------------------------- */

enum err bind_deal(struct bind_rows *b, uint32_t n, int32_t *ret_row)
{
	uint32_t column = 0;
	int64_t ord;
	while (column < b->n_columns && b->columns[column].to != TO_ORD)
		column++;
	if (column == b->n_columns)
		return wrong(b, "is missing", "ord");
	for (uint32_t i = 0; i < n; i++)
		ret_row[i] = -1;
	for (uint32_t row = 0; row < pg_rows(b->r); row++) {
		struct pg_value v = pg_cell(b->r, row, column);
		if (!v.at || read_integer(SQL_INT4, v, &ord) || ord < 0 || ord >= n)
			return wrong(b, "is out of range", "ord");
		if (ret_row[ord] >= 0)
			return wrong(b, "says the same for two rows", "ord");
		ret_row[ord] = (int32_t)row;
	}
	return OK;
}

size_t bind_room(const struct bind_rows *b, const int32_t *rows, uint32_t n)
{
	size_t room = b->s->request->reply->size + 64;
	if (b->list)
		room += (size_t)n * b->list->of_record->size;
	for (uint32_t c = 0; c < b->n_columns; c++)
		for (uint32_t i = 0; b->columns[c].array && i < n; i++)
			if (rows[i] >=
			    0) /* an item has four bytes and more there, a view sixteen here */
				room += 4 * pg_cell(b->r, (uint32_t)rows[i], c).len + 8;
	return room;
}

/* The error a row says; OK for none. */
static enum err err_of(const struct bind_rows *b, uint32_t row)
{
	int64_t n;
	for (uint32_t c = 0; c < b->n_columns; c++) {
		if (b->columns[c].to != TO_ERR)
			continue;
		struct pg_value v = pg_cell(b->r, row, c);
		if (v.at && !read_integer(SQL_INT4, v, &n) && n > 0)
			return (enum err)n;
	}
	return OK;
}

static enum err read_row(struct bind_rows *b, uint32_t row, void *body, char *record,
                         struct arena *a)
{
	for (uint32_t i = 0; i < b->n_columns; i++) {
		const struct bind_column *c = &b->columns[i];
		if (c->to != TO_FIELD && c->to != TO_MEMBER)
			continue;
		char *at = (c->to == TO_MEMBER ? record : (char *)body) + c->f->offset;
		struct pg_value v = pg_cell(b->r, row, i);
		if (!v.at && !c->f->optional)
			return wrong(b, "is NULL: a required field", c->f->name);
		if (!v.at)
			continue;
		if (c->array ? set_array(c->type, c->f, at, v, a) : set_value(c->type, c->f, at, v))
			return wrong(b, "holds a value that its field cannot", c->f->name);
	}
	return OK;
}

enum err bind_reply(struct bind_rows *b, const int32_t *rows, uint32_t n, struct arena *a,
                    void **ret_body)
{
	const struct proto_desc *reply = b->s->request->reply;
	size_t size = b->list ? b->list->of_record->size : 0;
	uint32_t there = 0;
	for (uint32_t i = 0; i < n; i++)
		there += rows[i] >= 0;
	if (!there && !b->s->lists)
		return b->s->none;
	if (b->list ? there > b->list->most : there > 1)
		return wrong(b, b->list ? "is over its bound" : "comes in more than one row",
		             b->list ? b->list->name : pg_column(b->r, 0));
	char *body = arena_take(a, reply->size, 8);
	char *records = size ? arena_take(a, there * size + 1, 8) : NULL;
	if (!body || (size && !records))
		return ERR_MEMORY;
	memset(body, 0, reply->size);
	if (records)
		memset(records, 0, there * size);
	char *record = records;
	for (uint32_t i = 0; i < n; i++) {
		if (rows[i] < 0)
			continue;
		enum err e = err_of(b, (uint32_t)rows[i]);
		if (!e)
			e = read_row(b, (uint32_t)rows[i], body, record, a);
		if (!e && b->ord)
			e = field_set_u64(b->ord, record + b->ord->offset, i);
		if (e)
			return e;
		record = record ? record + size : NULL;
	}
	if (b->list)
		*(struct field_list *)(void *)(body + b->list->offset) =
			(struct field_list){ there ? records : NULL, there };
	*ret_body = body;
	return OK;
}
