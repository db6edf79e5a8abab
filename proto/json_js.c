/*
 * json_js.c — values in the forms JavaScript libraries serialise them in.
 */
#include "proto/json_js.h"
#include "proto/base64.h"
#include "proto/field.h"

static bool half(struct json *j, uint32_t *ret)
{
	int64_t v;
	if (!json_i64(j, &v))
		return false;
	if (v < INT32_MIN || v > UINT32_MAX)
		return json_fail(j, ERR_RANGE, "half of a number of 64 bits");
	*ret = (uint32_t)v;
	return true;
}

/* long.js: the number in two signed halves; `unsigned` says how the whole is meant. */
static bool js_long(struct json *j, uint64_t *ret, bool *ret_unsigned)
{
	uint32_t low = 0, high = 0;
	bool has_low = false, is_unsigned = false;
	struct str key;
	if (!json_object(j))
		return false;
	while (json_key(j, &key)) {
		if (str_is(key, "low"))
			has_low = half(j, &low);
		else if (str_is(key, "high"))
			half(j, &high);
		else if (str_is(key, "unsigned"))
			json_bool(j, &is_unsigned);
		else
			json_skip(j);
	}
	if (!has_low)
		return json_fail(j, ERR_TYPE, "a number");
	*ret = (uint64_t)high << 32 | low;
	*ret_unsigned = is_unsigned;
	return !j->err;
}

static bool digits_of(struct json *j, struct str *ret)
{
	return json_string(j, NULL, ret);
}

bool json_js_i64(struct json *j, int64_t *ret)
{
	struct str digits;
	uint64_t v = 0;
	bool is_unsigned = false;
	switch (json_peek(j)) {
	case JSON_STRING:
		if (!digits_of(j, &digits))
			return false;
		return field_read_i64(digits, ret) || json_fail(j, ERR_TYPE, "a whole number");
	case JSON_OBJECT:
		if (!js_long(j, &v, &is_unsigned))
			return false;
		if (is_unsigned && v > INT64_MAX)
			return json_fail(j, ERR_RANGE, "a number of 63 bits");
		*ret = (int64_t)v;
		return true;
	default:
		return json_i64(j, ret);
	}
}

bool json_js_u64(struct json *j, uint64_t *ret)
{
	struct str digits;
	uint64_t v = 0;
	bool is_unsigned = false;
	switch (json_peek(j)) {
	case JSON_STRING:
		if (!digits_of(j, &digits))
			return false;
		return field_read_u64(digits, ret) || json_fail(j, ERR_TYPE, "a whole number");
	case JSON_OBJECT:
		if (!js_long(j, &v, &is_unsigned))
			return false;
		if (!is_unsigned && v > INT64_MAX)
			return json_fail(j, ERR_RANGE, "a number not below 0");
		*ret = v;
		return true;
	default:
		return json_u64(j, ret);
	}
}

bool json_base64(struct json *j, struct arena *a, struct str *ret)
{
	struct str text;
	if (!json_string(j, a, &text))
		return false;
	char *room = arena_take(a, base64_bytes_len(text.len), 1);
	size_t n;
	if (!room)
		return json_fail(j, ERR_TOO_LARGE, "fewer bytes than there is room for");
	if (!base64_read(text, room, &n))
		return json_fail(j, ERR_TYPE, "base64");
	arena_trim(a, base64_bytes_len(text.len) - n);
	*ret = str_n(room, n);
	return true;
}

/* One more byte behind those already there: nothing else is taken from the arena meanwhile. */
static bool byte(struct json *j, struct arena *a, struct str *bytes)
{
	uint64_t v;
	if (!json_u64(j, &v))
		return false;
	if (v > 255)
		return json_fail(j, ERR_RANGE, "a byte 0..255");
	char *room = arena_take(a, 1, 1);
	if (!room)
		return json_fail(j, ERR_TOO_LARGE, "fewer bytes than there is room for");
	*room = (char)v;
	if (!bytes->len)
		bytes->at = room;
	bytes->len++;
	return true;
}

static bool byte_list(struct json *j, struct arena *a, struct str *ret)
{
	struct str bytes = { 0 };
	json_array(j);
	while (json_item(j) && byte(j, a, &bytes))
		;
	*ret = bytes;
	return !j->err;
}

/* {"type":"Buffer","data":…} or {"0":…,"1":…}: the first member's name tells. */
static bool byte_object(struct json *j, struct arena *a, struct str *ret)
{
	struct str bytes = { 0 }, key;
	uint64_t index;
	bool buffer = false, plain = false;
	json_object(j);
	while (json_key(j, &key)) {
		if (!plain && str_is(key, "data")) {
			buffer = true;
			if (json_peek(j) == JSON_STRING)
				json_base64(j, a, &bytes);
			else
				byte_list(j, a, &bytes);
		} else if (!buffer && field_read_u64(key, &index)) {
			plain = true;
			if (index != bytes.len)
				return json_fail(j, ERR_INVALID, "bytes in order");
			byte(j, a, &bytes);
		} else if (str_is(key, "type") && !plain) {
			json_skip(j);
		} else {
			return json_fail(j, ERR_TYPE, "bytes");
		}
	}
	*ret = bytes;
	return !j->err;
}

bool json_js_bytes(struct json *j, struct arena *a, struct str *ret)
{
	switch (json_peek(j)) {
	case JSON_OBJECT:
		return byte_object(j, a, ret);
	case JSON_ARRAY:
		return byte_list(j, a, ret);
	default:
		return json_base64(j, a, ret);
	}
}
