/* any.c — random bodies by table, and their comparison. */
#include "tests/schema/any.h"

uint64_t any_u64(struct any *a)
{
	a->state ^= a->state >> 12;
	a->state ^= a->state << 25;
	a->state ^= a->state >> 27;
	return a->state * UINT64_C(2685821657736338717);
}

uint32_t any_below(struct any *a, uint32_t n)
{
	return n ? (uint32_t)((any_u64(a) >> 32) * n >> 32) : 0;
}

/* Numbers of every width alike, or a 64-bit one would hardly ever be small. */
static uint64_t any_wide(struct any *a)
{
	return any_u64(a) >> any_below(a, 64);
}

static uint64_t any_unsigned(struct any *a, const struct proto_field *f)
{
	uint64_t span = f->to - f->from;
	uint64_t v = any_wide(a);
	return f->from + (span == UINT64_MAX ? v : v % (span + 1));
}

static int64_t any_signed(struct any *a, const struct proto_field *f)
{
	uint64_t span = (uint64_t)f->highest - (uint64_t)f->least;
	uint64_t v = any_wide(a);
	if (span == UINT64_MAX) /* both signs, short ones too */
		return any_below(a, 2) ? (int64_t)v : (int64_t)(0 - v);
	return (int64_t)((uint64_t)f->least + v % (span + 1));
}

static double any_f64(struct any *a, const struct proto_field *f)
{
	double part = (double)(any_u64(a) >> 11) / (double)(UINT64_C(1) << 53);
	if (f->least == INT64_MIN)
		return (part - 0.5) * (double)any_wide(a);
	return (double)f->least + part * (double)(f->highest - f->least);
}

/* One to four bytes of UTF-8 a piece, quotes, controls and the NUL included. */
static uint32_t any_text(struct any *a, char *to, uint32_t len)
{
	static const char *const pieces[] = { "a",    "Z", "7", " ", "\"", "\\", "\n",
		                              "\x01", "é", "ש", "€", "漢", "😀",  "/" };
	uint32_t n = 0;
	for (;;) {
		const char *piece = pieces[any_below(a, sizeof pieces / sizeof pieces[0])];
		uint32_t k = (uint32_t)strlen(piece);
		if (n + k > len)
			return n;
		memcpy(to + n, piece, k);
		n += k;
	}
}

/* Never empty: that is no JSON value. */
static uint32_t any_json(struct any *a, char *to, uint32_t len)
{
	static const char *const values[] = { "null", "true", "{\"a\":[1,2.5,\"x\"]}",
		                              "[]",   "-3",   "\"text\"" };
	const char *value = values[any_below(a, sizeof values / sizeof values[0])];
	if (strlen(value) > len)
		value = "0";
	memcpy(to, value, strlen(value));
	return (uint32_t)strlen(value);
}

static bool any_view(struct any *a, const struct proto_field *f, struct str *ret)
{
	uint32_t len = any_below(a, 8) ? f->max < 48 ? f->max : 48 : f->max;
	len = any_below(a, len + 1);
	char *at = arena_take(a->arena, len + 1, 1);
	if (!at)
		return false;
	if (f->kind == PROTO_JSON) {
		len = any_json(a, at, len + 1);
	} else if (f->kind == PROTO_STR) {
		len = any_text(a, at, len);
	} else {
		for (uint32_t i = 0; i < len; i++)
			at[i] = (char)any_u64(a);
	}
	*ret = str_n(len ? at : NULL, len);
	return true;
}

static bool any_item(struct any *a, const struct proto_field *f, void *at)
{
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		*(bool *)at = any_below(a, 2);
		return true;
	case PROTO_U8:
		*(uint8_t *)at = (uint8_t)any_unsigned(a, f);
		return true;
	case PROTO_U16:
		*(uint16_t *)at = (uint16_t)any_unsigned(a, f);
		return true;
	case PROTO_U32:
		*(uint32_t *)at = (uint32_t)any_unsigned(a, f);
		return true;
	case PROTO_U64:
		*(uint64_t *)at = any_unsigned(a, f);
		return true;
	case PROTO_I32:
		*(int32_t *)at = (int32_t)any_signed(a, f);
		return true;
	case PROTO_I64:
		*(int64_t *)at = any_signed(a, f);
		return true;
	case PROTO_F64:
		*(double *)at = any_f64(a, f);
		return true;
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		return any_view(a, f, at);
	case PROTO_ENUM:
		*(uint32_t *)at = f->of_enum->values[any_below(a, f->of_enum->n_values)].number;
		return true;
	case PROTO_RECORD:
		return any_body(a, f->of_record, at);
	}
	return false;
}

static bool any_list(struct any *a, const struct proto_field *f, struct str *ret)
{
	uint32_t most = any_below(a, 8) && f->most > 20 ? 20 : f->most;
	uint32_t n = any_below(a, most + 1), step = proto_item_size(f);
	char *items = arena_take(a->arena, (size_t)n * step + 1, 8);
	if (!items)
		return false;
	for (uint32_t i = 0; i < n; i++)
		if (!any_item(a, f, items + (size_t)i * step))
			return false;
	*ret = (struct str){ .at = n ? items : NULL, .len = n };
	return true;
}

bool any_body(struct any *a, const struct proto_desc *type, void *body)
{
	if (type->size)
		memset(body, 0, type->size);
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		void *at = (char *)body + f->offset;
		if (f->optional && any_below(a, 2))
			continue;
		if (!(f->list ? any_list(a, f, at) : any_item(a, f, at)))
			return false;
	}
	return true;
}

static bool same_item(const struct proto_field *f, const char *a, const char *b)
{
	if (f->kind == PROTO_RECORD)
		return same_body(f->of_record, a, b);
	if (f->kind >= PROTO_STR && f->kind <= PROTO_JSON)
		return str_eq(*(const struct str *)a, *(const struct str *)b);
	if (f->kind == PROTO_F64)
		return *(const double *)a == *(const double *)b;
	return !memcmp(a, b, proto_item_size(f));
}

static bool same_list(const struct proto_field *f, const struct str *a, const struct str *b)
{
	size_t step = proto_item_size(f);
	if (a->len != b->len)
		return false;
	for (uint32_t i = 0; i < a->len; i++)
		if (!same_item(f, a->at + i * step, b->at + i * step))
			return false;
	return true;
}

bool same_body(const struct proto_desc *type, const void *a, const void *b)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		const char *x = (const char *)a + f->offset, *y = (const char *)b + f->offset;
		if (f->list ? !same_list(f, (const struct str *)x, (const struct str *)y)
		            : !same_item(f, x, y))
			return false;
	}
	return true;
}
