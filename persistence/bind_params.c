/*
 * bind_params.c — parameters out of asks. What is one text or one blob is lent by the ask; numbers
 * and arrays are written into one block, measured first.
 */
#include "persistence/bind.h"
#include "persistence/bind_time.h"
#include "proto/field.h"
#include "proto/json.h"
#include <endian.h>
#include <stdlib.h>

/* PostgreSQL takes 1 GiB in one message; a store should never come near. */
enum { BYTES_MOST = 256 << 20 };

/* The same code measures (at is NULL) and writes. */
struct writer {
	char *at;
	size_t len;
};

static void put(struct writer *w, const void *bytes, size_t n)
{
	if (w->at && n)
		memcpy(w->at + w->len, bytes, n);
	w->len += n;
}

static void put32(struct writer *w, uint32_t v)
{
	v = htobe32(v);
	put(w, &v, sizeof v);
}

static void put64(struct writer *w, uint64_t v)
{
	v = htobe64(v);
	put(w, &v, sizeof v);
}

/* ---- one value
 * ------------------------------------------------------------------------------------- */

static enum err integer(const struct proto_field *f, const void *at, int64_t *ret)
{
	if (field_is_signed(f)) {
		*ret = field_get_i64(f, at);
		return OK;
	}
	uint64_t v = field_get_u64(f, at);
	*ret = (int64_t)v;
	return v > INT64_MAX ? ERR_RANGE : OK;
}

static enum err put_integer(struct writer *w, enum sql_type type, const struct proto_field *f,
                            const void *at)
{
	int64_t v;
	enum err e = integer(f, at, &v);
	if (e)
		return e;
	if (type == SQL_INT2) {
		uint16_t be = htobe16((uint16_t)v);
		put(w, &be, sizeof be);
		return v < INT16_MIN || v > INT16_MAX ? ERR_RANGE : OK;
	}
	if (type == SQL_INT4) {
		put32(w, (uint32_t)v);
		return v < INT32_MIN || v > INT32_MAX ? ERR_RANGE : OK;
	}
	if (type == SQL_TIMESTAMPTZ)
		e = bind_time_out(v, &v);
	put64(w, (uint64_t)v);
	return e;
}

static enum err put_text(struct writer *w, const struct proto_field *f, const void *at)
{
	if (f->kind == PROTO_ENUM) {
		const char *name = field_enum_name(f->of_enum, (uint32_t)field_get_u64(f, at));
		put(w, name, name ? strlen(name) : 0);
		return name ? OK : ERR_RANGE;
	}
	const struct str *s = at;
	/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): sqlc saw a text */
	put(w, s->at, s->len);
	return OK;
}

/* Looked at while measuring, so that who brings what jsonb cannot keep is refused before the others
 * of its batch go. JSON kept as text (WhatsApp's, byte for byte) takes any escape: put_text. */
static enum err put_jsonb(struct writer *w, struct str s)
{
	put(w, "\1", 1); /* the version of its binary form */
	size_t from = w->len;
	put(w, s.at, s.len);
	if (!w->at)
		return json_keeps(s);
	json_mend(w->at + from, s.len);
	return OK;
}

static enum err put_value(struct writer *w, enum sql_type type, const struct proto_field *f,
                          const void *at)
{
	const struct str *s = at;
	double d;
	uint64_t bits;
	switch (type) {
	case SQL_BOOL:
		put(w, *(const bool *)at ? "\1" : "\0", 1);
		return OK;
	case SQL_FLOAT8:
		d = field_get_f64(at);
		memcpy(&bits, &d, sizeof bits);
		put64(w, bits);
		return OK;
	case SQL_TEXT:
		return put_text(w, f, at);
	case SQL_JSONB:
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): sqlc saw a text */
		return put_jsonb(w, *s);
	case SQL_BYTEA:
		/* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): sqlc saw a text */
		put(w, s->at, s->len);
		return OK;
	default:
		return put_integer(w, type, f, at);
	}
}

/* ---- whole parameters
 * ------------------------------------------------------------------------------- */

/* The envelope's values as fields, so that they are written like all others. */
static const struct proto_field id_field = { .kind = PROTO_U64, .optional = true };
static const struct proto_field trace_field = { .kind = PROTO_BIN, .optional = true };
static const struct proto_field asker_field = { .kind = PROTO_STR };
static const struct proto_field time_field = { .kind = PROTO_U64 };
static const struct proto_field schema_field = { .kind = PROTO_U16 };
static const struct proto_field ord_field = { .kind = PROTO_U32 };

struct source {
	const struct statement *s;
	const struct msg *const *asks;
	uint32_t n;
	uint64_t now_us;
	struct str asker, trace;
};

/* One item of an array. */
static enum err put_item(struct writer *w, const struct statement_param *p,
                         const struct proto_field *f, const void *at, bool nullable, bool *nulls)
{
	size_t len_at = w->len;
	put32(w, UINT32_MAX);
	if (nullable && field_is_empty(f, at)) {
		*nulls = true;
		return OK;
	}
	enum err e = put_value(w, p->type, f, at);
	uint32_t len = htobe32((uint32_t)(w->len - len_at - 4));
	if (w->at)
		memcpy(w->at + len_at, &len, sizeof len);
	return e;
}

static const struct proto_field *field_of(const struct statement *s, uint16_t i)
{
	return &s->request->fields[i];
}

static const void *in_body(const struct msg *m, const struct proto_field *f)
{
	return (const char *)msg_body(m) + f->offset;
}

/* Where the value for row `row` of an ask stands. */
static const struct proto_field *row_value(const struct source *src,
                                           const struct statement_param *p, const struct msg *m,
                                           uint32_t row, const void **ret)
{
	const struct proto_field *f = field_of(src->s, p->field);
	if (p->source == FROM_PRINCIPAL) {
		*ret = &m->principal;
		return &id_field;
	}
	*ret = in_body(m, f);
	if (p->source == FROM_FIELD)
		return f;
	const struct proto_field *member = &f->of_record->fields[p->member];
	if (f->list) {
		const struct field_list *list = *ret;
		*ret = (const char *)list->at + (size_t)row * f->of_record->size;
	}
	*ret = (const char *)*ret + member->offset;
	return member;
}

/* One item per row of all asks. */
static enum err put_rows(struct writer *w, const struct source *src,
                         const struct statement_param *p, uint32_t *ret_n, bool *nulls)
{
	enum err e = OK;
	uint32_t ord = 0;
	for (uint32_t i = 0; i < src->n; i++) {
		uint32_t rows = bind_bulk_rows(src->s, src->asks[i]);
		for (uint32_t row = 0; !e && row < rows; row++, ord++) {
			const void *at = &ord;
			const struct proto_field *f = &ord_field;
			if (p->source != FROM_ORD)
				f = row_value(src, p, src->asks[i], row, &at);
			e = put_item(w, p, f, at, f->optional, nulls);
		}
	}
	*ret_n = ord;
	return e;
}

/* The items of a list, or one member of each record in a list. */
static enum err put_list(struct writer *w, const struct source *src,
                         const struct statement_param *p, uint32_t *ret_n, bool *nulls)
{
	const struct msg *m = src->asks[0];
	const struct proto_field *f = field_of(src->s, p->field);
	const char *at = in_body(m, f);
	bool of_records = p->source == FROM_MEMBER && f->list;
	if (p->source == FROM_MEMBER && !f->list) {
		f = &f->of_record->fields[p->member]; /* a list within one record */
		at += f->offset;
	}
	const struct field_list *list = (const void *)at;
	size_t size = proto_item_size(f);
	const struct proto_field *item = of_records ? &f->of_record->fields[p->member] : f;
	enum err e = OK;
	for (uint32_t i = 0; !e && i < list->n; i++) {
		const char *value =
			(const char *)list->at + i * size + (of_records ? item->offset : 0);
		/* An item is there, whatever its value; a member may be absent. */
		e = put_item(w, p, item, value, of_records && item->optional, nulls);
	}
	*ret_n = list->n;
	return e;
}

/* src/backend/utils/adt/arrayfuncs.c, array_recv: dimensions, has nulls, OID, size, lower bound. */
static enum err put_array(struct writer *w, const struct source *src,
                          const struct statement_param *p)
{
	size_t head_at = w->len;
	uint32_t n;
	bool nulls = false;
	for (int i = 0; i < 5; i++)
		put32(w, 0);
	enum err e = src->s->bulk >= 0 ? put_rows(w, src, p, &n, &nulls)
	                               : put_list(w, src, p, &n, &nulls);
	if (w->at) {
		struct writer head = { w->at, head_at };
		put32(&head, 1);
		put32(&head, nulls);
		put32(&head, sql_types[p->type].oid);
		put32(&head, n);
		put32(&head, 1);
	}
	return e;
}

static const struct proto_field *scalar(const struct source *src, const struct statement_param *p,
                                        const void **ret)
{
	const struct msg *m = src->asks[0];
	switch (p->source) {
	case FROM_BUSINESS:
		*ret = &m->business;
		return &id_field;
	case FROM_PRINCIPAL:
		*ret = &m->principal;
		return &id_field;
	case FROM_TRACE:
		*ret = &src->trace;
		return &trace_field;
	case FROM_ASKER:
		*ret = &src->asker;
		return &asker_field;
	case FROM_NOW:
		*ret = &src->now_us;
		return &time_field;
	case FROM_SCHEMA:
		*ret = &p->field;
		return &schema_field;
	default:
		return row_value(src, p, m, 0, ret);
	}
}

/* Bytes that stand in the ask just as PostgreSQL wants them. */
static bool can_lend(const struct statement_param *p, const struct proto_field *f)
{
	return !p->array &&
	       (p->type == SQL_BYTEA || (p->type == SQL_TEXT && f->kind != PROTO_ENUM));
}

static bool list_is_null(const struct source *src, const struct statement_param *p)
{
	const struct proto_field *f = field_of(src->s, p->field);
	const char *at = in_body(src->asks[0], f);
	if (p->source == FROM_MEMBER && !f->list) {
		f = &f->of_record->fields[p->member];
		at += f->offset;
	}
	return f->optional && field_is_empty(f, at);
}

static enum err put_param(struct writer *w, const struct source *src,
                          const struct statement_param *p, struct pg_value *ret)
{
	const void *at = NULL;
	size_t from = w->len;
	enum err e;
	*ret = (struct pg_value){ 0 };
	if (p->array) {
		if (src->s->bulk < 0 && list_is_null(src, p))
			return OK;
		e = put_array(w, src, p);
	} else {
		const struct proto_field *f = scalar(src, p, &at);
		if (f->optional && field_is_empty(f, at))
			return OK;
		if (can_lend(p, f)) {
			const struct str *s = at;
			/* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Branch): a text */
			*ret = (struct pg_value){ s->len ? s->at : "", s->len };
			return OK;
		}
		e = put_value(w, p->type, f, at);
	}
	if (w->at)
		*ret = (struct pg_value){ w->at + from, (uint32_t)(w->len - from) };
	return e;
}

/* An id of zeros is none (trace-context 3.2.2.3). */
static struct str trace_of(const struct msg *m)
{
	static const uint8_t none[sizeof m->trace.id];
	bool some = memcmp(m->trace.id, none, sizeof none) != 0;
	return some ? str_n((const char *)m->trace.id, sizeof m->trace.id) : (struct str){ 0 };
}

enum err bind_params(const struct statement *s, const struct msg *const *asks, uint32_t n,
                     const char *asker, uint64_t now_us, struct bind_params *ret)
{
	struct source src = { s, asks, n, now_us, str_of(asker), trace_of(asks[0]) };
	struct writer w = { 0 };
	enum err e = OK;
	ret->bytes = NULL;
	for (uint16_t i = 0; !e && i < s->pg.n_types; i++)
		e = put_param(&w, &src, &s->params[i], &ret->values[i]);
	if (!e && w.len > BYTES_MOST)
		e = ERR_TOO_LARGE;
	if (!e && !(ret->bytes = malloc(w.len + 1)))
		e = ERR_MEMORY;
	if (e)
		return e;
	w = (struct writer){ ret->bytes, 0 };
	for (uint16_t i = 0; !e && i < s->pg.n_types; i++)
		e = put_param(&w, &src, &s->params[i], &ret->values[i]);
	return e;
}

void bind_params_done(struct bind_params *p)
{
	free(p->bytes);
	p->bytes = NULL;
}

uint32_t bind_bulk_rows(const struct statement *s, const struct msg *ask)
{
	if (s->bulk < 0)
		return 0;
	const struct field_list *list = in_body(ask, field_of(s, (uint16_t)s->bulk));
	return list->n;
}
