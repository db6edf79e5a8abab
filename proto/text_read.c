/*
 * text_read.c — the text form back into a message, or the column where it stopped being one.
 */
#include "proto/field.h"
#include "proto/json.h"
#include "proto/text_scan.h"
#include "proto/utf8.h"

enum { DEPTH = 32 };

/* What stands at `at` is no value of this field. */
static bool refuse(struct text_scan *r, enum err e, const char *at, const struct proto_field *f,
                   bool item)
{
	char expected[sizeof r->error->expected];
	struct buf b;
	buf_over(&b, expected, sizeof expected - 1);
	if (f->kind == PROTO_BIN && (item || !f->list))
		buf_printf(&b, "x\"…\" of at most %u bytes", f->max);
	else
		field_expects(&b, f, item);
	expected[utf8_prefix(expected, b.len)] = '\0';
	return scan_fail(r, e, at, expected);
}

static bool json_value(struct text_scan *r, struct str *ret)
{
	struct json j;
	json_init(&j, str_n(r->at, (size_t)(r->end - r->at)), JSON_LONE);
	if (!json_raw(&j, ret))
		return scan_fail(r, j.err, j.at, j.expected);
	r->at = j.at;
	return true;
}

static bool read_record(struct text_scan *r, const struct proto_desc *d, char *body);

static bool read_bytes(struct text_scan *r, const struct proto_field *f, bool item, struct str *at)
{
	struct str v;
	const char *from = r->at;
	bool good = f->kind == PROTO_STR   ? scan_quoted(r, &v)
	            : f->kind == PROTO_BIN ? scan_hex(r, &v)
	                                   : json_value(r, &v);
	if (!good)
		return false;
	if (v.len > f->max)
		return refuse(r, ERR_TOO_LARGE, from, f, item);
	*at = v;
	return true;
}

static bool read_one(struct text_scan *r, const struct proto_field *f, bool item, void *at)
{
	const char *from = r->at;
	if (f->kind == PROTO_RECORD)
		return read_record(r, f->of_record, at);
	if (f->kind >= PROTO_STR && f->kind <= PROTO_JSON)
		return read_bytes(r, f, item, at);
	struct str bare = scan_word(r);
	enum err e = field_set_text(f, at, bare);
	uint64_t number;
	if (e && f->kind == PROTO_ENUM && field_read_u64(bare, &number) && number <= UINT32_MAX &&
	    proto_enum_has(f->of_enum, (uint32_t)number)) {
		*(uint32_t *)at = (uint32_t)number;
		return true;
	}
	return !e || refuse(r, bare.len ? e : ERR_TYPE, from, f, item);
}

/* Commas on this level up to its end: brackets and quotes look the same in text form and JSON. */
static uint32_t count_items(const struct text_scan *here)
{
	struct text_scan r = *here;
	uint32_t n = 0, level = 0;
	bool any = false, escaped;
	for (; r.at < r.end; r.at++) {
		char c = *r.at;
		if (c == '"') {
			r.at++;
			r.at = scan_closing_quote(&r, &escaped);
			if (!r.at)
				break;
		} else if (c == ']' || c == '}') {
			if (!level--)
				break;
		} else if (c == '[' || c == '{') {
			level++;
		}
		n += c == ',' && !level;
		any |= c != ' ' && c != '\t';
	}
	return n + any;
}

static bool read_list(struct text_scan *r, const struct proto_field *f, struct field_list *ret)
{
	const char *from = r->at;
	if (!scan_char(r, '['))
		return refuse(r, ERR_TYPE, from, f, false);
	uint32_t n = count_items(r), i = 0;
	size_t size = proto_item_size(f);
	if (n > f->most)
		return refuse(r, ERR_TOO_LARGE, from, f, false);
	char *items = n ? arena_take(r->arena, n * size, 8) : NULL;
	if (n && !items)
		return scan_fail_hidden(r, ERR_TOO_LARGE, from, "less than there is room for");
	if (n)
		memset(items, 0, n * size);
	scan_space(r);
	while (!scan_char(r, ']')) {
		if (i && !scan_char(r, ','))
			return scan_fail(r, ERR_MALFORMED, r->at, "a comma or ]");
		scan_space(r);
		if (i == n)
			return scan_fail(r, ERR_MALFORMED, r->at, "a comma or ]");
		if (!read_one(r, f, true, items + i++ * size))
			return false;
		scan_space(r);
	}
	*ret = (struct field_list){ .at = items, .n = i };
	return true;
}

static const struct proto_field *field_of(const struct proto_desc *d, struct str name)
{
	for (uint16_t i = 0; i < d->n_fields; i++)
		if (str_is(name, d->fields[i].name))
			return &d->fields[i];
	return NULL;
}

/* `name=value`. */
static bool read_field(struct text_scan *r, const struct proto_desc *d, char *body, uint64_t *seen)
{
	const char *from = r->at;
	struct str name = scan_word(r);
	const struct proto_field *f = field_of(d, name);
	if (!name.len || r->at == r->end || *r->at != '=')
		return scan_fail(r, ERR_MALFORMED, name.len ? r->at : from,
		                 name.len ? "=" : "a field's name or }");
	if (!f)
		return scan_fail_hidden(r, ERR_INVALID, from, "a field of this message");
	uint64_t bit = UINT64_C(1) << (f - d->fields);
	if (*seen & bit)
		return scan_fail_hidden(r, ERR_INVALID, from, "each field once");
	*seen |= bit;
	r->at++;
	if (f->secret && scan_past(r, "***"))
		return true;
	bool outside = r->hidden;
	r->hidden |= f->secret;
	char *at = body + f->offset;
	bool good = f->list ? read_list(r, f, (void *)at) : read_one(r, f, false, at);
	r->hidden = outside;
	return good;
}

static bool read_record(struct text_scan *r, const struct proto_desc *d, char *body)
{
	const char *from = r->at;
	uint64_t seen = 0; /* at most 64 fields (desc.h) */
	if (!scan_char(r, '{'))
		return scan_fail(r, ERR_TYPE, from, "{");
	if (++r->depth > DEPTH)
		return scan_fail(r, ERR_MALFORMED, from, "at most 32 levels");
	for (scan_space(r); !scan_char(r, '}'); scan_space(r))
		if (!read_field(r, d, body, &seen))
			return false;
	r->depth--;
	for (uint16_t i = 0; i < d->n_fields; i++) {
		if (d->fields[i].optional || seen >> i & 1)
			continue;
		char expected[sizeof r->error->expected];
		struct buf b;
		buf_over(&b, expected, sizeof expected - 1);
		buf_text(&b, "the field ");
		buf_text(&b, d->fields[i].name);
		expected[b.len] = '\0';
		return scan_fail(r, ERR_MISSING, r->at - 1, expected);
	}
	return true;
}

static enum err nothing_behind(struct text_scan *r)
{
	scan_space(r);
	if (!r->err && r->at != r->end)
		scan_fail(r, ERR_MALFORMED, r->at, "the end");
	return r->err;
}

enum err text_read_body(const struct proto_desc *d, struct str text, struct arena *a, void *ret,
                        struct text_error *ret_error)
{
	struct text_scan r;
	scan_init(&r, text, a, ret_error);
	memset(ret, 0, d->size);
	scan_space(&r);
	read_record(&r, d, ret);
	if (nothing_behind(&r))
		memset(ret, 0, d->size);
	return r.err;
}

bool text_scan_message(struct text_scan *r, const struct proto_desc **ret_type,
                       const void **ret_body)
{
	const char *from = r->at;
	struct str name = scan_word(r);
	const struct proto_desc *d = proto_by_name(name);
	if (!d)
		return scan_fail(r, name.len ? ERR_TYPE : ERR_MALFORMED, from,
		                 "the name of a message");
	*ret_type = d;
	*ret_body = NULL;
	if (r->at == r->end || *r->at != '{')
		return true;
	char *body = arena_take(r->arena, d->size, 8);
	if (!body)
		return scan_fail_hidden(r, ERR_TOO_LARGE, from, "a smaller message");
	memset(body, 0, d->size);
	*ret_body = body;
	return read_record(r, d, body);
}

enum err text_read(struct str text, struct arena *a, const struct proto_desc **ret_type,
                   const void **ret_body, struct text_error *ret_error)
{
	struct text_scan r;
	const struct proto_desc *type = NULL;
	const void *body = NULL;
	scan_init(&r, text, a, ret_error);
	scan_space(&r);
	if (text_scan_message(&r, &type, &body) && !body)
		scan_fail(&r, ERR_MALFORMED, r.at, "{");
	if (nothing_behind(&r))
		return r.err;
	*ret_type = type;
	*ret_body = body;
	return OK;
}
