/*
 * json_schema.c — what JSON a table takes and gives, as JSON Schema 2020-12 (OpenAPI 3.1).
 */
#include "proto/base64.h"
#include "proto/field.h"
#include "proto/json.h"

enum { MOST_COMPONENTS = 2048 };

static void put_number(struct buf *b, const char *key, uint64_t v)
{
	json_put_key(b, key);
	buf_u64(b, v); /* of a bound, never as a string */
}

static void whole(struct buf *b, const struct proto_field *f)
{
	bool wide = f->kind == PROTO_U64 || f->kind == PROTO_I64;
	json_put_key(b, "type");
	if (wide) { /* beyond 2^53 as decimal digits in a string */
		json_put_raw(b, str_of("[\"integer\",\"string\"]"));
		json_put_key(b, "pattern");
		json_put_text(b, field_is_signed(f) ? "^-?[0-9]+$" : "^[0-9]+$");
	} else {
		json_put_text(b, "integer");
	}
	if (field_is_signed(f)) {
		json_put_key(b, "minimum");
		buf_i64(b, f->least);
		json_put_key(b, "maximum");
		buf_i64(b, f->highest);
		return;
	}
	put_number(b, "minimum", f->from);
	put_number(b, "maximum", f->to);
}

static void any_number(struct buf *b, const struct proto_field *f)
{
	json_put_key(b, "type");
	json_put_text(b, "number");
	if (!field_f64_bounded(f))
		return;
	json_put_key(b, "minimum");
	buf_i64(b, f->least);
	json_put_key(b, "maximum");
	buf_i64(b, f->highest);
}

static void put_type(struct buf *b, const char *type)
{
	json_put_key(b, "type");
	json_put_text(b, type);
}

static void names(struct buf *b, const struct proto_enum *e)
{
	put_type(b, "string");
	json_put_key(b, "enum");
	json_put_open(b, '[');
	for (uint32_t i = 0; i < e->n_values; i++)
		json_put_text(b, e->values[i].name);
	json_put_close(b, ']');
}

static void reference(struct buf *b, const struct proto_desc *d)
{
	char path[160];
	struct buf p;
	buf_over(&p, path, sizeof path);
	buf_text(&p, "#/components/schemas/");
	buf_text(&p, d->full);
	json_put_key(b, "$ref");
	json_put_str(b, buf_view(&p));
}

/* The members of the schema of one item. */
static void item(struct buf *b, const struct proto_field *f)
{
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		put_type(b, "boolean");
		break;
	case PROTO_F64:
		any_number(b, f);
		break;
	case PROTO_STR:
		put_type(b, "string");
		put_number(b, "maxLength", f->max); /* counts characters: never more than bytes */
		break;
	case PROTO_BIN:
		put_type(b, "string");
		json_put_key(b, "contentEncoding");
		json_put_text(b, "base64");
		put_number(b, "maxLength", base64_text_len(f->max));
		break;
	case PROTO_JSON: /* any value at all */
		break;
	case PROTO_ENUM:
		names(b, f->of_enum);
		break;
	case PROTO_RECORD:
		reference(b, f->of_record);
		break;
	default:
		whole(b, f);
	}
}

static void property(struct buf *b, const struct proto_field *f)
{
	json_put_key(b, f->json);
	json_put_open(b, '{');
	if (f->doc) {
		json_put_key(b, "description");
		json_put_text(b, f->doc);
	}
	if (f->list) {
		put_type(b, "array");
		put_number(b, "maxItems", f->most);
		json_put_key(b, "items");
		json_put_open(b, '{');
		item(b, f);
		json_put_close(b, '}');
	} else {
		item(b, f);
	}
	if (f->secret) {
		json_put_key(b, "x-secret");
		json_put_bool(b, true);
	}
	json_put_close(b, '}');
}

static void required(struct buf *b, const struct proto_desc *d)
{
	uint16_t n = 0;
	for (uint16_t i = 0; i < d->n_fields; i++) {
		if (d->fields[i].optional)
			continue;
		if (!n++) {
			json_put_key(b, "required");
			json_put_open(b, '[');
		}
		json_put_text(b, d->fields[i].json);
	}
	if (n)
		json_put_close(b, ']');
}

void json_schema(struct buf *b, const struct proto_desc *d)
{
	json_put_open(b, '{');
	put_type(b, "object");
	if (d->doc) {
		json_put_key(b, "description");
		json_put_text(b, d->doc);
	}
	json_put_key(b, "properties");
	json_put_open(b, '{');
	for (uint16_t i = 0; i < d->n_fields; i++)
		property(b, &d->fields[i]);
	json_put_close(b, '}');
	required(b, d);
	json_put_close(b, '}');
}

/* The list is its own queue: what is found while one is written stands behind it. */
static void add(struct buf *b, const struct proto_desc **list, size_t *n,
                const struct proto_desc *d)
{
	for (size_t i = 0; i < *n; i++)
		if (list[i] == d)
			return;
	if (*n < MOST_COMPONENTS)
		list[(*n)++] = d;
	else
		buf_fail(b, ERR_TOO_LARGE);
}

void json_components(struct buf *b, const struct proto_desc *const *descs, size_t n)
{
	const struct proto_desc *list[MOST_COMPONENTS];
	size_t known = 0;
	for (size_t i = 0; i < n; i++)
		add(b, list, &known, descs[i]);
	json_put_open(b, '{');
	for (size_t i = 0; i < known; i++) {
		const struct proto_desc *d = list[i];
		json_put_key(b, d->full);
		json_schema(b, d);
		for (uint16_t f = 0; f < d->n_fields; f++)
			if (d->fields[f].kind == PROTO_RECORD)
				add(b, list, &known, d->fields[f].of_record);
	}
	json_put_close(b, '}');
}
