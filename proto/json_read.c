/*
 * json_read.c — the pull reader of json.h: where in the document we are, and what may come next.
 */
#include "proto/json_scan.h"

void json_init(struct json *j, struct str doc, unsigned flags)
{
	static const char none[1];
	*j = (struct json){ .start = doc.at ? doc.at : none, .flags = (uint8_t)flags };
	j->at = j->start;
	j->end = j->start + doc.len;
	if (doc.len > JSON_BYTES)
		json_fail(j, ERR_TOO_LARGE, "a document of at most 64 MiB");
}

bool json_fail(struct json *j, enum err e, const char *expected)
{
	if (!j->err) {
		j->err = e;
		j->expected = expected;
	}
	return false;
}

static void pass_space(struct json *j)
{
	while (j->at < j->end &&
	       (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
		j->at++;
}

/* Pass white space and then `c`, if it is there. */
static bool pass(struct json *j, char c)
{
	pass_space(j);
	if (j->at == j->end || *j->at != c)
		return false;
	j->at++;
	return true;
}

enum json_type json_peek(struct json *j)
{
	pass_space(j);
	if (j->err || j->at == j->end)
		return JSON_NONE;
	switch (*j->at) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	case '-':
	case '0':
	case '1':
	case '2':
	case '3':
	case '4':
	case '5':
	case '6':
	case '7':
	case '8':
	case '9':
		return JSON_NUMBER;
	default:
		return JSON_NONE;
	}
}

const char *json_type_name(enum json_type t)
{
	static const char *const names[] = { "nothing", "null",   "true or false", "a number",
		                             "text",    "a list", "an object" };
	return names[t];
}

/* Is the next value of this type? What is no value at all is malformed, not of a wrong type. */
static bool want(struct json *j, enum json_type t)
{
	enum json_type is = json_peek(j);
	if (j->err || is == t)
		return !j->err;
	return json_fail(j, is ? ERR_TYPE : ERR_MALFORMED, is ? json_type_name(t) : "a value");
}

static bool open_level(struct json *j, bool object)
{
	if (j->depth == JSON_DEPTH)
		return json_fail(j, ERR_MALFORMED, "at most 32 levels");
	uint32_t bit = UINT32_C(1) << j->depth++;
	j->objects = object ? j->objects | bit : j->objects & ~bit;
	j->first = true;
	j->at++;
	return true;
}

static void close_level(struct json *j)
{
	j->depth--;
	j->first = false; /* of the level outside, which has now read one */
}

static bool in_object(const struct json *j)
{
	return j->objects >> (j->depth - 1) & 1;
}

bool json_object(struct json *j)
{
	return want(j, JSON_OBJECT) && open_level(j, true);
}

bool json_array(struct json *j)
{
	return want(j, JSON_ARRAY) && open_level(j, false);
}

/* Is there more in this level? Passes the comma that must stand before it, or the level's end. */
static bool more(struct json *j, char close, const char *expected)
{
	if (j->err)
		return false;
	if (pass(j, close)) {
		close_level(j);
		return false;
	}
	if (j->first) {
		j->first = false;
		return true;
	}
	return pass(j, ',') || json_fail(j, ERR_MALFORMED, expected);
}

static bool key_next(struct json *j, struct str *ret_raw, bool *ret_escaped)
{
	if (!pass(j, '"'))
		return json_fail(j, ERR_MALFORMED, "a member's name in quotes");
	return json_scan_string(j, ret_raw, ret_escaped) &&
	       (pass(j, ':') || json_fail(j, ERR_MALFORMED, "a colon"));
}

bool json_key(struct json *j, struct str *ret_key)
{
	struct str raw;
	bool escaped;
	if (!more(j, '}', "a comma or }") || !key_next(j, &raw, &escaped))
		return false;
	/* Too long for the room: left as it is. Having a backslash it is no name that we know. */
	if (escaped && raw.len <= sizeof j->key)
		raw = str_n(j->key, json_unescape(raw, j->key));
	*ret_key = raw;
	return true;
}

bool json_item(struct json *j)
{
	return more(j, ']', "a comma or ]");
}

static bool literal(struct json *j, const char *word, size_t n)
{
	if ((size_t)(j->end - j->at) < n || memcmp(j->at, word, n) != 0)
		return json_fail(j, ERR_MALFORMED, "a value");
	j->at += n;
	return true;
}

/* Pass what comes next if it has no levels, enter it if it has. */
static bool skip_one(struct json *j)
{
	struct str raw;
	bool escaped;
	switch (json_peek(j)) {
	case JSON_OBJECT:
		return open_level(j, true);
	case JSON_ARRAY:
		return open_level(j, false);
	case JSON_STRING:
		j->at++;
		return json_scan_string(j, &raw, &escaped);
	case JSON_NUMBER:
		return json_scan_number(j, &raw);
	case JSON_BOOL:
		return *j->at == 't' ? literal(j, "true", 4) : literal(j, "false", 5);
	case JSON_NULL:
		return literal(j, "null", 4);
	default:
		return json_fail(j, ERR_MALFORMED, "a value");
	}
}

bool json_skip(struct json *j)
{
	struct str raw;
	bool escaped;
	unsigned outside = j->depth;
	if (!skip_one(j))
		return false;
	while (j->depth > outside) {
		bool object = in_object(j);
		if (!more(j, object ? '}' : ']', object ? "a comma or }" : "a comma or ]")) {
			if (j->err)
				return false;
		} else if ((object && !key_next(j, &raw, &escaped)) || !skip_one(j)) {
			return false;
		}
	}
	return true;
}

bool json_raw(struct json *j, struct str *ret)
{
	pass_space(j);
	const char *from = j->at;
	if (!json_skip(j))
		return false;
	*ret = str_n(from, (size_t)(j->at - from));
	return true;
}

bool json_null(struct json *j)
{
	return json_peek(j) == JSON_NULL && literal(j, "null", 4);
}

bool json_bool(struct json *j, bool *ret)
{
	if (!want(j, JSON_BOOL))
		return false;
	bool yes = *j->at == 't';
	if (!(yes ? literal(j, "true", 4) : literal(j, "false", 5)))
		return false;
	*ret = yes;
	return true;
}

/* The number that comes next. A failure points at its first byte. */
static bool whole(struct json *j, bool *negative, uint64_t *ret)
{
	struct str digits;
	if (!want(j, JSON_NUMBER) || !json_scan_number(j, &digits))
		return false;
	enum err e = json_number_u64(digits, negative, ret);
	if (!e)
		return true;
	j->at = digits.at;
	return json_fail(j, e, e == ERR_TYPE ? "a whole number" : "a number of 64 bits");
}

bool json_u64(struct json *j, uint64_t *ret)
{
	pass_space(j);
	const char *from = j->at;
	bool negative;
	uint64_t v;
	if (!whole(j, &negative, &v))
		return false;
	if (negative && v) {
		j->at = from;
		return json_fail(j, ERR_RANGE, "a number not below 0");
	}
	*ret = v;
	return true;
}

bool json_i64(struct json *j, int64_t *ret)
{
	pass_space(j);
	const char *from = j->at;
	bool negative;
	uint64_t v;
	if (!whole(j, &negative, &v))
		return false;
	if (v > (uint64_t)INT64_MAX + negative) {
		j->at = from;
		return json_fail(j, ERR_RANGE, "a number of 64 bits");
	}
	*ret = negative ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

bool json_f64(struct json *j, double *ret)
{
	struct str digits;
	if (!want(j, JSON_NUMBER) || !json_scan_number(j, &digits))
		return false;
	if (!json_number_f64(digits, ret))
		return true;
	j->at = digits.at;
	return json_fail(j, ERR_RANGE, "a number of double precision");
}

bool json_string(struct json *j, struct arena *a, struct str *ret)
{
	struct str raw;
	bool escaped;
	if (!want(j, JSON_STRING))
		return false;
	j->at++;
	if (!json_scan_string(j, &raw, &escaped))
		return false;
	if (escaped) {
		char *room = arena_take(a, raw.len, 1);
		if (!room)
			return json_fail(j, ERR_TOO_LARGE, "less text than there is room for");
		size_t n = json_unescape(raw, room);
		arena_trim(a, raw.len - n);
		raw = str_n(room, n);
	}
	*ret = raw;
	return true;
}

enum err json_end(struct json *j)
{
	pass_space(j);
	if (!j->err && (j->depth || j->at != j->end))
		json_fail(j, ERR_MALFORMED, j->depth ? "the rest of the walk" : "the end");
	return j->err;
}

bool json_find(struct json *j, const char *name)
{
	struct str key;
	if (json_peek(j) != JSON_OBJECT || !json_object(j))
		return false;
	while (json_key(j, &key)) {
		if (str_is(key, name))
			return true;
		json_skip(j);
	}
	return false;
}

enum err json_check(struct str doc)
{
	struct json j;
	json_init(&j, doc, 0);
	json_skip(&j);
	return json_end(&j);
}
