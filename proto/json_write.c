/*
 * json_write.c — pieces of JSON, and whole structs by their tables, into a bounded buffer.
 *
 * No state is kept of levels and members: what was written last tells whether a comma is due.
 */
#include "proto/base64.h"
#include "proto/field.h"
#include "proto/json_scan.h"
#include "proto/utf8.h"
#include <math.h>

/* Beyond it doubles, and so JavaScript's numbers, skip whole numbers (ECMA-262, MAX_SAFE_INTEGER +
 * 1). */
#define WHOLE_IN_JS (UINT64_C(1) << 53)

/* The end of a value: a bracket, a quote, a digit, or the last letter of a word. */
static bool ends_value(char c)
{
	return c == '}' || c == ']' || c == '"' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z');
}

static void comma(struct buf *b)
{
	if (b->len && ends_value(b->at[b->len - 1]))
		buf_char(b, ',');
}

void json_put_open(struct buf *b, char c)
{
	comma(b);
	buf_char(b, c);
}

void json_put_close(struct buf *b, char c)
{
	buf_char(b, c);
}

void json_put_key(struct buf *b, const char *key)
{
	json_put_text(b, key);
	buf_char(b, ':');
}

static void put_escape(struct buf *b, unsigned char c)
{
	static const char letters[] = "btn\0fr"; /* of 0x08 to 0x0d; 0x0b has none */
	static const char hex[] = "0123456789abcdef";
	char letter = c >= 0x08 && c <= 0x0d ? letters[c - 0x08] : '\0';
	if (c == '"' || c == '\\')
		letter = (char)c;
	if (letter) {
		buf_put(b, (const char[]){ '\\', letter }, 2);
		return;
	}
	buf_put(b, (const char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
}

/* A run without anything to escape; bytes that are not UTF-8 become U+FFFD, one each. */
static void put_run(struct buf *b, const char *at, size_t len)
{
	for (;;) {
		size_t good = utf8_prefix(at, len);
		buf_put(b, at, good);
		if (good == len)
			return;
		buf_text(b, "\xef\xbf\xbd");
		at += good + 1;
		len -= good + 1;
	}
}

void json_put_str(struct buf *b, struct str s)
{
	const char *at = s.len ? s.at : "", *end = at + s.len;
	comma(b);
	buf_char(b, '"');
	while (at < end) {
		bool high = false;
		const char *stop = json_scan_text(at, end, &high);
		if (high)
			put_run(b, at, (size_t)(stop - at));
		else
			buf_put(b, at, (size_t)(stop - at));
		if (stop < end)
			put_escape(b, (unsigned char)*stop++);
		at = stop;
	}
	buf_char(b, '"');
}

void json_put_text(struct buf *b, const char *s)
{
	json_put_str(b, str_of(s));
}

void json_put_u64(struct buf *b, uint64_t v)
{
	const char *quote = v > WHOLE_IN_JS ? "\"" : "";
	comma(b);
	buf_text(b, quote);
	buf_u64(b, v);
	buf_text(b, quote);
}

void json_put_i64(struct buf *b, int64_t v)
{
	if (v >= 0) {
		json_put_u64(b, (uint64_t)v);
		return;
	}
	const char *quote = 0 - (uint64_t)v > WHOLE_IN_JS ? "\"" : "";
	comma(b);
	buf_text(b, quote);
	buf_i64(b, v);
	buf_text(b, quote);
}

void json_put_f64(struct buf *b, double v)
{
	if (!isfinite(v)) {
		buf_fail(b, ERR_RANGE);
		return;
	}
	comma(b);
	field_put_f64(b, v);
}

void json_put_bool(struct buf *b, bool v)
{
	comma(b);
	buf_text(b, v ? "true" : "false");
}

void json_put_null(struct buf *b)
{
	comma(b);
	buf_text(b, "null");
}

void json_put_base64(struct buf *b, struct str bytes)
{
	size_t n = base64_text_len(bytes.len);
	comma(b);
	char *room = buf_room(b, n + 2);
	if (!room)
		return;
	room[0] = '"';
	base64_write(bytes, room + 1);
	room[n + 1] = '"';
	buf_took(b, n + 2);
}

void json_put_raw(struct buf *b, struct str json)
{
	struct json j;
	struct str value;
	json_init(&j, json, JSON_LONE);
	if (!json_raw(&j, &value) || json_end(&j)) {
		buf_fail(b, ERR_MALFORMED);
		return;
	}
	comma(b);
	buf_str(b, value);
}

static void write_record(struct buf *b, const struct proto_desc *d, const char *body,
                         unsigned flags);

static void write_enum(struct buf *b, const struct proto_field *f, const void *at)
{
	uint32_t number = (uint32_t)field_get_u64(f, at);
	const char *name = field_enum_name(f->of_enum, number);
	if (name)
		json_put_text(b, name);
	else
		json_put_u64(b, number); /* of a newer schema */
}

static void write_one(struct buf *b, const struct proto_field *f, const void *at, unsigned flags)
{
	const struct str *view = at;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		json_put_bool(b, *(const bool *)at);
		break;
	case PROTO_F64:
		json_put_f64(b, field_get_f64(at));
		break;
	case PROTO_I32:
	case PROTO_I64:
		json_put_i64(b, field_get_i64(f, at));
		break;
	case PROTO_STR:
		json_put_str(b, *view);
		break;
	case PROTO_BIN:
		json_put_base64(b, *view);
		break;
	case PROTO_JSON:
		if (view->len)
			json_put_raw(b, *view);
		else
			json_put_null(b);
		break;
	case PROTO_ENUM:
		write_enum(b, f, at);
		break;
	case PROTO_RECORD:
		write_record(b, f->of_record, at, flags);
		break;
	default:
		json_put_u64(b, field_get_u64(f, at));
	}
}

static void write_field(struct buf *b, const struct proto_field *f, const char *at, unsigned flags)
{
	if (f->secret && flags & JSON_MASK) {
		json_put_text(b, "***");
		return;
	}
	if (!f->list) {
		write_one(b, f, at, flags);
		return;
	}
	const struct field_list *list = (const void *)at;
	json_put_open(b, '[');
	for (uint32_t i = 0; i < list->n; i++)
		write_one(b, f, (const char *)list->at + (size_t)i * proto_item_size(f), flags);
	json_put_close(b, ']');
}

static void write_record(struct buf *b, const struct proto_desc *d, const char *body,
                         unsigned flags)
{
	json_put_open(b, '{');
	for (uint16_t i = 0; i < d->n_fields; i++) {
		const struct proto_field *f = &d->fields[i];
		const char *at = body + f->offset;
		if (f->optional && field_is_empty(f, at))
			continue;
		json_put_key(b, f->json);
		write_field(b, f, at, flags);
	}
	json_put_close(b, '}');
}

enum err json_write(struct buf *b, const struct proto_desc *d, const void *body, unsigned flags)
{
	write_record(b, d, body, flags);
	return b->err;
}
