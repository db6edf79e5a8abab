/*
 * fill.c — a message filled from path, query and JSON body.
 */
#include "proto/fill.h"
#include "proto/base64.h"
#include "proto/field.h"
#include "proto/query.h"
#include "proto/utf8.h"

void fill_init(struct fill *f, const struct proto_desc *type, unsigned flags, struct arena *a,
               void *body)
{
	*f = (struct fill){ .type = type, .body = body, .arena = a, .flags = flags };
	memset(body, 0, type->size);
}

static void keep_cut(char *out, size_t cap, struct str s)
{
	s.len = utf8_cut(s, (uint32_t)cap - 1);
	s.len = (uint32_t)utf8_prefix(s.at, s.len);
	str_keep(out, cap, s);
}

/* Parameter `key` is wrong. `received` of a secret is not shown. */
static enum err wrong(struct json_error *error, enum err e, struct str key, const char *expected,
                      struct str received)
{
	if (!error)
		return e;
	*error = (struct json_error){ .err = e };
	error->pointer[0] = '/';
	keep_cut(error->pointer + 1, sizeof error->pointer - 1, key);
	keep_cut(error->expected, sizeof error->expected, str_of(expected));
	keep_cut(error->received, 41, received); /* up to 40 bytes, as json.h promises */
	return e;
}

static enum err wrong_value(struct json_error *error, enum err e, const struct proto_field *field,
                            struct str key, struct str value)
{
	char expected[sizeof error->expected] = "";
	struct buf b;
	buf_over(&b, expected, sizeof expected - 1);
	field_expects(&b, field, true);
	return wrong(error, e, key, expected, field->secret ? str_of("text") : value);
}

/* One item from its text. */
static enum err set_item(struct fill *f, const struct proto_field *field, struct str value,
                         void *at)
{
	struct str v = value;
	if (field->kind == PROTO_RECORD)
		return ERR_TYPE;
	if (field->kind < PROTO_STR || field->kind == PROTO_ENUM)
		return field_set_text(field, at, value);
	if (field->kind == PROTO_JSON && json_check(value))
		return ERR_TYPE;
	if (field->kind == PROTO_BIN) {
		size_t n, most = base64_bytes_len(value.len);
		char *room = arena_take(f->arena, most, 1);
		if (!room)
			return ERR_TOO_LARGE;
		if (!base64_read(value, room, &n))
			return ERR_TYPE;
		arena_trim(f->arena, most - n);
		v = str_n(room, n);
	}
	if (v.len > field->max)
		return ERR_TOO_LARGE;
	*(struct str *)at = v;
	return OK;
}

static bool same_item(const struct proto_field *field, const void *a, const void *b)
{
	if (field->kind >= PROTO_STR && field->kind <= PROTO_JSON)
		return str_eq(*(const struct str *)a, *(const struct str *)b);
	return !memcmp(a, b, proto_item_size(field));
}

static uint64_t bit_of(const struct fill *f, const struct proto_field *field)
{
	return UINT64_C(1) << (field - f->type->fields);
}

/* A field that is no list: given once, or again with the same value. */
static enum err set_one(struct fill *f, const struct proto_field *field, struct str key,
                        struct str value, struct json_error *error)
{
	uint64_t again[2] = { 0 }; /* room for any item but a record */
	char *at = (char *)f->body + field->offset;
	bool given = f->given & bit_of(f, field);
	if (field->optional && !value.len)
		return OK;
	enum err e = set_item(f, field, value, given ? (void *)again : at);
	if (e)
		return wrong_value(error, e, field, key, value);
	if (given && !same_item(field, again, at))
		return wrong(error, ERR_INVALID, key, "one value, not two different ones",
		             field->secret ? str_of("text") : value);
	f->given |= bit_of(f, field);
	return OK;
}

/* The field a raw key names; *ret_key is the key decoded, in `room`. NULL for an unknown one. */
static const struct proto_field *field_of(const struct fill *f, struct str raw, struct arena *room,
                                          struct str *ret_key)
{
	room->used = 0;
	if (query_decode(raw, room, ret_key)) {
		*ret_key = raw.len && utf8_valid(raw) ? raw : str_of("?");
		return NULL;
	}
	for (uint16_t i = 0; i < f->type->n_fields; i++) {
		const struct proto_field *field = &f->type->fields[i];
		if (field->kind != PROTO_RECORD &&
		    (query_key_is(*ret_key, field->name) || str_is(*ret_key, field->json)))
			return field;
	}
	return NULL;
}

static uint32_t count_values(const struct fill *f, struct query from,
                             const struct proto_field *field)
{
	char name[64];
	struct arena room = ARENA_OVER(name);
	struct str raw, value, key;
	uint32_t n = 0;
	while (query_next(&from, &raw, &value))
		n += field_of(f, raw, &room, &key) == field;
	return n;
}

/* A list: all its values, from the first one on, at once. `from` still has the first one. */
static enum err set_list(struct fill *f, const struct proto_field *field, struct query from,
                         struct json_error *error)
{
	char name[64];
	struct arena room = ARENA_OVER(name);
	struct str raw, raw_value, key = str_of(field->name), value;
	uint32_t n = count_values(f, from, field), i = 0;
	size_t size = proto_item_size(field);
	char *items = n <= field->most ? arena_take(f->arena, n * size, 8) : NULL;
	if (!items)
		return wrong(error, ERR_TOO_LARGE, key, "fewer values", str_of("too many"));
	memset(items, 0, n * size);
	while (query_next(&from, &raw, &raw_value)) {
		if (field_of(f, raw, &room, &key) != field)
			continue;
		enum err e = query_decode(raw_value, f->arena, &value);
		if (e)
			return wrong(error, e, key, "UTF-8, percent-encoded",
			             str_of("other bytes"));
		e = set_item(f, field, value, items + i++ * size);
		if (e)
			return wrong_value(error, e, field, key, value);
	}
	struct field_list *list = (void *)((char *)f->body + field->offset);
	*list = (struct field_list){ .at = items, .n = n };
	f->given |= bit_of(f, field);
	return OK;
}

enum err fill_query(struct fill *f, struct str raw_query, struct json_error *ret_error)
{
	char name[64];
	struct arena room = ARENA_OVER(name);
	struct str raw, raw_value, key, value;
	struct query q = query_of(raw_query);
	for (struct query here = q; query_next(&q, &raw, &raw_value); here = q) {
		const struct proto_field *field = field_of(f, raw, &room, &key);
		enum err e = OK;
		if (!field) {
			if (f->flags & JSON_CLOSED)
				return wrong(ret_error, ERR_INVALID, key, "no such parameter",
				             str_of("text"));
		} else if (!field->list) {
			e = query_decode(raw_value, f->arena, &value);
			e = e ? wrong(ret_error, e, key, "UTF-8, percent-encoded",
			              str_of("other bytes"))
			      : set_one(f, field, key, value, ret_error);
		} else if (!(f->given & bit_of(f, field))) {
			e = set_list(f, field, here, ret_error);
		}
		if (e)
			return e;
	}
	return OK;
}

enum err fill_param(struct fill *f, const char *name, struct str value,
                    struct json_error *ret_error)
{
	for (uint16_t i = 0; i < f->type->n_fields; i++) {
		const struct proto_field *field = &f->type->fields[i];
		if (!strcmp(field->name, name) && !field->list)
			return set_one(f, field, str_of(name), value, ret_error);
	}
	return wrong(ret_error, ERR_INVALID, str_of(name), "no such parameter", value);
}

enum err fill_json(struct fill *f, struct str doc, struct json_error *ret_error)
{
	struct json j;
	json_init(&j, doc, f->flags);
	enum err e = json_decode_onto(&j, f->type, f->arena, f->body, &f->given, ret_error);
	if (e || !json_end(&j))
		return e;
	if (ret_error)
		json_error_of(&j, ret_error);
	return j.err;
}

enum err fill_end(struct fill *f, struct json_error *ret_error)
{
	for (uint16_t i = 0; i < f->type->n_fields; i++) {
		const struct proto_field *field = &f->type->fields[i];
		if (!field->optional && !(f->given & bit_of(f, field)))
			return wrong_value(ret_error, ERR_MISSING, field, str_of(field->json),
			                   str_of("nothing"));
	}
	return OK;
}

enum err fill_from_query(const struct proto_desc *type, struct str raw, unsigned flags,
                         struct arena *a, void *ret, struct json_error *ret_error)
{
	struct fill f;
	fill_init(&f, type, flags, a, ret);
	enum err e = fill_query(&f, raw, ret_error);
	if (!e)
		e = fill_end(&f, ret_error);
	if (e)
		memset(ret, 0, type->size);
	return e;
}
