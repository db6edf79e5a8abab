/*
 * text_write.c — a message as one line of text.
 */
#include "proto/field.h"
#include "proto/json.h"
#include "proto/text.h"
#include "proto/utf8.h"
#include <math.h>

/* The code point at `at`, which is UTF-8; its length to ret_len. */
static uint32_t code_at(const char *at, size_t *ret_len)
{
	const unsigned char *p = (const unsigned char *)at;
	size_t n = *p < 0x80 ? 1 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;
	uint32_t code = n == 1 ? *p : *p & (0x7fu >> n);
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (p[i] & 0x3f);
	*ret_len = n;
	return code;
}

/* Characters that end a line or steer a terminal: controls, line and paragraph separators, and
 * those that turn the direction of writing (Unicode TR 36, "bidirectional text spoofing"). */
static bool unfit(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2066 && code <= 0x2069) || code == 0x200e || code == 0x200f;
}

static void put_escape(struct buf *b, uint32_t code)
{
	switch (code) {
	case '"':
		buf_text(b, "\\\"");
		break;
	case '\\':
		buf_text(b, "\\\\");
		break;
	case '\n':
		buf_text(b, "\\n");
		break;
	case '\r':
		buf_text(b, "\\r");
		break;
	case '\t':
		buf_text(b, "\\t");
		break;
	default:
		buf_printf(b, code < 0x80 ? "\\x%02x" : "\\u%04x", code);
	}
}

/* Plain bytes at the start of `s`: printable ASCII but the quote and the backslash. */
static uint32_t plain_prefix(struct str s)
{
	uint32_t n = 0;
	while (n < s.len && s.at[n] >= 0x20 && s.at[n] < 0x7f && s.at[n] != '"' && s.at[n] != '\\')
		n++;
	return n;
}

void text_put_quoted(struct buf *b, struct str s)
{
	buf_char(b, '"');
	while (s.len) {
		size_t n = plain_prefix(s);
		buf_put(b, s.at, n);
		s = str_n(s.at + n, s.len - n);
		if (!s.len)
			break;
		if (!utf8_prefix(s.at, s.len < 4 ? s.len : 4)) {
			buf_text(b, "\xef\xbf\xbd");
			n = 1;
		} else {
			uint32_t code = code_at(s.at, &n);
			if (unfit(code) || code == '"' || code == '\\')
				put_escape(b, code);
			else
				buf_put(b, s.at, n);
		}
		s = str_n(s.at + n, s.len - n);
	}
	buf_char(b, '"');
}

/* A JSON value with its bytes, but on one line: line ends, which can only stand between its parts,
 * become spaces; unfit characters, which can only stand in its texts, become the escapes JSON has
 * for them. */
static void put_json(struct buf *b, struct str s)
{
	struct json j;
	json_init(&j, s, JSON_LONE);
	if (!json_raw(&j, &s) || json_end(&j)) {
		buf_text(b, "null"); /* no JSON: nothing that could be read back */
		return;
	}
	for (uint32_t i = 0; i < s.len;) {
		size_t n;
		uint32_t code = code_at(s.at + i, &n);
		if (code < 0x20)
			buf_char(b, ' ');
		else if (unfit(code))
			buf_printf(b, "\\u%04x", code);
		else
			buf_put(b, s.at + i, n);
		i += (uint32_t)n;
	}
}

static void put_bytes(struct buf *b, struct str s)
{
	static const char hex[] = "0123456789abcdef";
	char *room = buf_room(b, 2 * (size_t)s.len + 3);
	if (!room)
		return;
	*room++ = 'x';
	*room++ = '"';
	for (uint32_t i = 0; i < s.len; i++) {
		*room++ = hex[(unsigned char)s.at[i] >> 4];
		*room++ = hex[s.at[i] & 15];
	}
	*room = '"';
	buf_took(b, 2 * (size_t)s.len + 3);
}

static void put_enum(struct buf *b, const struct proto_field *f, const void *at)
{
	uint32_t number = (uint32_t)field_get_u64(f, at);
	const char *name = field_enum_name(f->of_enum, number);
	if (name)
		buf_text(b, name);
	else
		buf_u64(b, number); /* of a newer schema */
}

static void put_one(struct buf *b, const struct proto_field *f, const void *at, unsigned flags)
{
	const struct str *view = at;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		buf_text(b, *(const bool *)at ? "true" : "false");
		break;
	case PROTO_F64:
		field_put_f64(b, field_get_f64(at));
		break;
	case PROTO_I32:
	case PROTO_I64:
		buf_i64(b, field_get_i64(f, at));
		break;
	case PROTO_STR:
		text_put_quoted(b, *view);
		break;
	case PROTO_BIN:
		put_bytes(b, *view);
		break;
	case PROTO_JSON:
		put_json(b, *view);
		break;
	case PROTO_RECORD:
		text_put_body(b, f->of_record, at, flags);
		break;
	case PROTO_ENUM:
		put_enum(b, f, at);
		break;
	default:
		buf_u64(b, field_get_u64(f, at));
	}
}

static void put_field(struct buf *b, const struct proto_field *f, const char *at, unsigned flags)
{
	if (f->secret && !(flags & TEXT_REVEAL)) {
		buf_text(b, "***");
		return;
	}
	if (!f->list) {
		put_one(b, f, at, flags);
		return;
	}
	const struct field_list *list = (const void *)at;
	buf_char(b, '[');
	for (uint32_t i = 0; i < list->n; i++) {
		buf_text(b, i ? ", " : "");
		put_one(b, f, (const char *)list->at + (size_t)i * proto_item_size(f), flags);
	}
	buf_char(b, ']');
}

void text_put_body(struct buf *b, const struct proto_desc *d, const void *body, unsigned flags)
{
	bool first = true;
	buf_char(b, '{');
	for (uint16_t i = 0; i < d->n_fields; i++) {
		const struct proto_field *f = &d->fields[i];
		const char *at = (const char *)body + f->offset;
		if (f->optional && field_is_empty(f, at))
			continue;
		buf_text(b, first ? "" : " ");
		first = false;
		buf_text(b, f->name);
		buf_char(b, '=');
		put_field(b, f, at, flags);
	}
	buf_char(b, '}');
}

void text_put(struct buf *b, const struct proto_desc *d, const void *body, unsigned flags)
{
	buf_text(b, d->full);
	text_put_body(b, d, body, flags);
}

/* A name stands bare unless it could be taken for something else. */
static void put_name(struct buf *b, struct str name, const char *when_empty)
{
	bool bare = name.len && plain_prefix(name) == name.len && !memchr(name.at, ' ', name.len) &&
	            !str_is(name, "-") && !str_is(name, "*");
	if (!name.len)
		buf_text(b, when_empty);
	else if (bare)
		buf_str(b, name);
	else
		text_put_quoted(b, name);
}

void text_put_line(struct buf *b, const struct text_line *line, unsigned flags)
{
	uint32_t ms = (uint32_t)(line->time_us / 1000 % 86400000);
	buf_printf(b, "%02u:%02u:%02u.%03u ", ms / 3600000, ms / 60000 % 60, ms / 1000 % 60,
	           ms % 1000);
	put_name(b, line->from, "-");
	buf_text(b, " > ");
	put_name(b, line->to, "*");
	buf_text(b, "  ");
	buf_text(b, line->type->full);
	if (line->body)
		text_put_body(b, line->type, line->body, flags);
	if (line->id)
		buf_printf(b, " #%llu", (unsigned long long)line->id);
	if (line->re)
		buf_printf(b, " re %llu", (unsigned long long)line->re);
	if (line->err)
		buf_printf(b, " err=%s", err_info(line->err)->name);
	if (line->business)
		buf_printf(b, " business=%llu", (unsigned long long)line->business);
	if (line->blob)
		buf_printf(b, " blob=%u", line->blob);
}
