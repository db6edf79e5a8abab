/*
 * field.c — one field of a struct, through its row in the table.
 */
#include "proto/field.h"
#include "proto/json_scan.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A record is empty when all its fields are. */
static bool record_is_empty(const struct proto_desc *d, const char *at)
{
	for (uint16_t i = 0; i < d->n_fields; i++)
		if (!field_is_empty(&d->fields[i], at + d->fields[i].offset))
			return false;
	return true;
}

bool field_is_empty(const struct proto_field *f, const void *at)
{
	if (f->list)
		return !((const struct field_list *)at)->n;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		return !*(const bool *)at;
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		return !((const struct str *)at)->len;
	case PROTO_RECORD:
		return record_is_empty(f->of_record, at);
	case PROTO_F64:
		return fpclassify(field_get_f64(at)) == FP_ZERO;
	case PROTO_I32:
	case PROTO_I64:
		return !field_get_i64(f, at);
	default:
		return !field_get_u64(f, at);
	}
}

bool field_is_unsigned(const struct proto_field *f)
{
	return f->kind >= PROTO_U8 && f->kind <= PROTO_U64;
}

bool field_is_signed(const struct proto_field *f)
{
	return f->kind == PROTO_I32 || f->kind == PROTO_I64;
}

uint64_t field_get_u64(const struct proto_field *f, const void *at)
{
	switch ((enum proto_kind)f->kind) {
	case PROTO_U8:
		return *(const uint8_t *)at;
	case PROTO_U16:
		return *(const uint16_t *)at;
	case PROTO_U64:
		return *(const uint64_t *)at;
	default: /* u32, and an enum, which has four bytes too */
		return *(const uint32_t *)at;
	}
}

int64_t field_get_i64(const struct proto_field *f, const void *at)
{
	return f->kind == PROTO_I32 ? *(const int32_t *)at : *(const int64_t *)at;
}

double field_get_f64(const void *at)
{
	return *(const double *)at;
}

bool field_f64_bounded(const struct proto_field *f)
{
	return f->least != INT64_MIN || f->highest != INT64_MAX;
}

enum err field_set_u64(const struct proto_field *f, void *at, uint64_t v)
{
	if (v < f->from || v > f->to)
		return ERR_RANGE;
	switch ((enum proto_kind)f->kind) {
	case PROTO_U8:
		*(uint8_t *)at = (uint8_t)v;
		break;
	case PROTO_U16:
		*(uint16_t *)at = (uint16_t)v;
		break;
	case PROTO_U64:
		*(uint64_t *)at = v;
		break;
	default:
		*(uint32_t *)at = (uint32_t)v;
	}
	return OK;
}

enum err field_set_i64(const struct proto_field *f, void *at, int64_t v)
{
	if (v < f->least || v > f->highest)
		return ERR_RANGE;
	if (f->kind == PROTO_I32)
		*(int32_t *)at = (int32_t)v;
	else
		*(int64_t *)at = v;
	return OK;
}

enum err field_set_f64(const struct proto_field *f, void *at, double v)
{
	if (!proto_f64_fits(f, v))
		return ERR_RANGE;
	*(double *)at = v;
	return OK;
}

bool field_read_u64(struct str digits, uint64_t *ret)
{
	uint64_t v = 0;
	if (!digits.len || (digits.at[0] == '0' && digits.len > 1))
		return false;
	for (uint32_t i = 0; i < digits.len; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(digits.at[i] - '0'), &v))
			return false;
	}
	*ret = v;
	return true;
}

bool field_read_i64(struct str digits, int64_t *ret)
{
	bool negative = digits.len && digits.at[0] == '-';
	uint64_t v;
	if (!field_read_u64(negative ? str_n(digits.at + 1, digits.len - 1) : digits, &v) ||
	    v > (uint64_t)INT64_MAX + negative)
		return false;
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

const char *field_enum_name(const struct proto_enum *e, uint32_t number)
{
	for (uint32_t i = 0; i < e->n_values; i++)
		if (e->values[i].number == number)
			return e->values[i].name;
	return NULL;
}

bool field_enum_number(const struct proto_enum *e, struct str name, uint32_t *ret)
{
	for (uint32_t i = 0; i < e->n_values; i++)
		if (str_is(name, e->values[i].name)) {
			*ret = e->values[i].number;
			return true;
		}
	return false;
}

/* Digits without leading zeros, perhaps behind a sign: a whole number, if possibly one too great
 * for us. */
static bool looks_whole(struct str s)
{
	uint32_t i = s.len && s.at[0] == '-';
	if (i == s.len || (s.at[i] == '0' && i + 1 < s.len))
		return false;
	for (; i < s.len; i++)
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
	return true;
}

static enum err f64_text(const struct proto_field *f, void *at, struct str text)
{
	struct json j;
	double v;
	json_init(&j, text, 0);
	if (!text.len || *text.at == ' ' || !json_f64(&j, &v) || j.at != j.end)
		return j.err == ERR_RANGE ? ERR_RANGE : ERR_TYPE;
	return field_set_f64(f, at, v);
}

enum err field_set_text(const struct proto_field *f, void *at, struct str text)
{
	uint64_t u;
	int64_t i;
	uint32_t number;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		if (!str_is(text, "true") && !str_is(text, "false"))
			return ERR_TYPE;
		*(bool *)at = text.len == 4;
		return OK;
	case PROTO_ENUM:
		if (!field_enum_number(f->of_enum, text, &number))
			return ERR_RANGE;
		*(uint32_t *)at = number;
		return OK;
	case PROTO_F64:
		return f64_text(f, at, text);
	case PROTO_I32:
	case PROTO_I64:
		if (!field_read_i64(text, &i))
			return looks_whole(text) ? ERR_RANGE : ERR_TYPE;
		return field_set_i64(f, at, i);
	default:
		if (!field_read_u64(text, &u))
			return looks_whole(text) ? ERR_RANGE : ERR_TYPE;
		return field_set_u64(f, at, u);
	}
}

static void expects_enum(struct buf *b, const struct proto_enum *e)
{
	buf_text(b, "one of ");
	for (uint32_t i = 0; i < e->n_values; i++) {
		buf_text(b, i ? ", " : "");
		buf_text(b, e->values[i].name);
	}
}

static void expects_number(struct buf *b, const struct proto_field *f)
{
	if (f->kind == PROTO_F64) {
		buf_text(b, "a number");
		if (field_f64_bounded(f))
			buf_printf(b, " %lld..%lld", (long long)f->least, (long long)f->highest);
	} else if (field_is_signed(f)) {
		buf_printf(b, "a whole number %lld..%lld", (long long)f->least,
		           (long long)f->highest);
	} else {
		buf_printf(b, "a whole number %llu..%llu", (unsigned long long)f->from,
		           (unsigned long long)f->to);
	}
}

void field_expects(struct buf *b, const struct proto_field *f, bool item)
{
	if (f->list && !item) {
		buf_printf(b, "a list of at most %u", f->most);
		return;
	}
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		buf_text(b, "true or false");
		break;
	case PROTO_STR:
		buf_printf(b, "text of at most %u bytes", f->max);
		break;
	case PROTO_BIN:
		buf_printf(b, "base64 of at most %u bytes", f->max);
		break;
	case PROTO_JSON:
		buf_printf(b, "a JSON value of at most %u bytes", f->max);
		break;
	case PROTO_ENUM:
		expects_enum(b, f->of_enum);
		break;
	case PROTO_RECORD:
		buf_text(b, "an object");
		break;
	default:
		expects_number(b, f);
	}
}

void field_put_f64(struct buf *b, double v)
{
	char text[32] = "";
	/* 15 digits always survive, 17 always suffice (IEEE 754, double). */
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof text, "%.*g", digits, v);
		if (strtod(text, NULL) == v)
			break;
	}
	buf_text(b, text);
}
