/*
 * proto_json_read — the pull reader takes RFC 8259 and nothing else, and says where it stopped.
 */
#include "proto/json.h"
#include "proto/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A copy without a byte behind it, so that ASan sees any read past the end. */
static char *exact(const char *at, size_t len)
{
	char *copy = malloc(len ? len : 1);
	assert_non_null(copy);
	memcpy(copy, at, len);
	return copy;
}

static enum err check(const char *at, size_t len)
{
	char *copy = exact(at, len);
	enum err e = json_check(str_n(copy, len));
	free(copy);
	return e;
}

static void documents_are_taken(void **state)
{
	static const char *const good[] = {
		"0",
		"-0",
		"-1.5e-3",
		"1E+9",
		"\"\"",
		"true",
		"false",
		"null",
		"[]",
		"{}",
		" \t\r\n[ ] ",
		"[1,2,[3]]",
		"{\"a\":{\"b\":[{}]}}",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\uDE00\"",
		"\"\xf4\x8f\xbf\xbf\"",
		"\"\x7f\"",
	};
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (check(good[i], strlen(good[i])))
			fail_msg("refused: %s", good[i]);
}

static void all_else_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"01",
		"-",
		"+1",
		".5",
		"1.",
		"1e",
		"1e+",
		"0x1",
		"NaN",
		"Infinity",
		"tru",
		"truee",
		"nul",
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{",
		"}",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,",
		"{\"a\":1,}",
		"{,}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":1 \"b\":2}",
		"[}",
		"{]",
		"\"",
		"\"\\\"",
		"\"\\x\"",
		"\"\\u12\"",
		"\"\\u12g4\"",
		"\"\\",
		"\"\\u",
		"'a'",
		"1 2",
		"{}{}",
		"[]x",
		"\"\n\"",
		"\"\t\"",
		"\"\x1f\"",
		"/**/1",
		"\"\\ud800\"",
		"\"\\ude00\"",
		"\"\\ud83dx\"",
		"\"\\ud83d\\n\"",
		"\"\\ud83d\\ud83d\"",
		"\"\\ud83d\\u0041\"",
		"\"\xc0\x80\"",
		"\"\xed\xa0\x80\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xff\"",
		"\"\xe2\x82\"",
		"\xef\xbb\xbf{}",
		"\f1",
		"[\xa0]",
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (check(bad[i], strlen(bad[i])) != ERR_MALFORMED)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(check("\"\\\0\"", 4), ERR_MALFORMED);
	assert_int_equal(check("1\0", 2), ERR_MALFORMED);
}

static void every_truncation_is_refused(void **state)
{
	static const char doc[] =
		"{\"a\":[1.5e3,true,null,\"x\\u00e9\\ud83d\\ude00\xd7\xa9\"],\"b\":{\"c\":false}}";
	(void)state;
	for (size_t n = 0; n < sizeof doc - 1; n++)
		if (check(doc, n) != ERR_MALFORMED)
			fail_msg("taken when cut at %zu", n);
	assert_int_equal(check(doc, sizeof doc - 1), OK);
}

static void nesting_is_bounded(void **state)
{
	char doc[2 * (JSON_DEPTH + 1)];
	(void)state;
	for (size_t depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
		memset(doc, '[', depth);
		memset(doc + depth, ']', depth);
		assert_int_equal(check(doc, 2 * depth), depth > JSON_DEPTH ? ERR_MALFORMED : OK);
	}
	size_t many = 1 << 20;
	char *deep = malloc(many);
	assert_non_null(deep);
	memset(deep, '[', many);
	assert_int_equal(check(deep, many), ERR_MALFORMED);
	free(deep);
}

static struct json over(const char *doc, unsigned flags)
{
	struct json j;
	json_init(&j, str_of(doc), flags);
	return j;
}

static void walks_read_values(void **state)
{
	char room[64];
	struct arena a = ARENA_OVER(room);
	struct json j =
		over(" { \"n\" : -7 , \"\\u0074ext\":\"a\\n\\ud83d\\ude00\", \"plain\":\"x\",\n"
	             "\"skip\":[{\"n\":[]},2], \"f\":2.5, \"yes\":true, \"none\":null,\"raw\": [1, "
	             "{}] }",
	             0);
	struct str key, text = { 0 }, plain = { 0 }, raw = { 0 };
	int64_t n = 0;
	double f = 0;
	bool yes = false, none = false;
	(void)state;
	assert_true(json_object(&j));
	while (json_key(&j, &key)) {
		if (str_is(key, "n"))
			json_i64(&j, &n);
		else if (str_is(key, "text"))
			json_string(&j, &a, &text);
		else if (str_is(key, "plain"))
			json_string(&j, NULL, &plain);
		else if (str_is(key, "f"))
			json_f64(&j, &f);
		else if (str_is(key, "yes"))
			json_bool(&j, &yes);
		else if (str_is(key, "none"))
			none = json_null(&j);
		else if (str_is(key, "raw"))
			json_raw(&j, &raw);
		else
			json_skip(&j);
	}
	assert_int_equal(json_end(&j), OK);
	assert_int_equal(n, -7);
	assert_true(str_is(text, "a\n\xf0\x9f\x98\x80"));
	assert_int_equal(a.used, text.len);
	assert_true(str_is(plain, "x"));
	assert_true(f > 2.4 && f < 2.6 && yes && none);
	assert_true(str_is(raw, "[1, {}]"));
}

static void lone_surrogates_are_mended_on_request(void **state)
{
	char room[64];
	struct arena a = ARENA_OVER(room);
	struct str text;
	struct json j = over("\"a\\ud83d\\ude00\\ude00\\ud83d\\ud83dz\"", JSON_LONE);
	(void)state;
	assert_true(json_string(&j, &a, &text));
	assert_int_equal(json_end(&j), OK);
	assert_true(str_is(text, "a\xf0\x9f\x98\x80\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz"));
	assert_true(utf8_valid(text));
}

static void an_arena_is_never_overrun(void **state)
{
	char room[4] = { 0 };
	struct arena a = { .at = room, .len = 3 };
	struct json j = over("\"a\\nbc\"", 0);
	struct str text = { 0 };
	(void)state;
	assert_false(json_string(&j, &a, &text));
	assert_int_equal(json_end(&j), ERR_TOO_LARGE);
	assert_null(text.at);
}

static enum err i64_of(const char *doc, int64_t *ret)
{
	struct json j = over(doc, 0);
	json_i64(&j, ret);
	return json_end(&j);
}

static enum err u64_of(const char *doc, uint64_t *ret)
{
	struct json j = over(doc, 0);
	json_u64(&j, ret);
	return json_end(&j);
}

static void whole_numbers_are_exact(void **state)
{
	int64_t i = 0;
	uint64_t u = 0;
	(void)state;
	assert_int_equal(i64_of("9223372036854775807", &i), OK);
	assert_true(i == INT64_MAX);
	assert_int_equal(i64_of("-9223372036854775808", &i), OK);
	assert_true(i == INT64_MIN);
	assert_int_equal(i64_of("9223372036854775808", &i), ERR_RANGE);
	assert_int_equal(i64_of("-9223372036854775809", &i), ERR_RANGE);
	assert_int_equal(u64_of("18446744073709551615", &u), OK);
	assert_true(u == UINT64_MAX);
	assert_int_equal(u64_of("18446744073709551616", &u), ERR_RANGE);
	assert_int_equal(u64_of("-1", &u), ERR_RANGE);
	assert_int_equal(u64_of("-0", &u), OK);
	assert_int_equal(u64_of("1.5e3", &u), OK);
	assert_true(u == 1500);
	assert_int_equal(u64_of("120e-1", &u), OK);
	assert_true(u == 12);
	assert_int_equal(u64_of("1.5", &u), ERR_TYPE);
	assert_int_equal(u64_of("1e20", &u), ERR_RANGE);
	assert_int_equal(u64_of("1e999999999999", &u), ERR_RANGE);
	assert_int_equal(u64_of("0e999999999999", &u), OK);
	assert_int_equal(u64_of("\"1\"", &u), ERR_TYPE);
}

static void doubles_read_as_strtod_reads_them(void **state)
{
	static const char *const docs[] = {
		"0.1",
		"1e22",
		"1e23",
		"123456789012345678",
		"4.9e-324",
		"1.7976931348623157e308",
		"9007199254740993",
		"-0.0",
		"2.2250738585072011e-308",
		"1e-400",
		"0.30000000000000004",
	};
	double d;
	(void)state;
	for (size_t i = 0; i < sizeof docs / sizeof *docs; i++) {
		struct json j = over(docs[i], 0);
		double right = strtod(docs[i], NULL);
		assert_true(json_f64(&j, &d));
		assert_memory_equal(&d, &right, sizeof d);
	}
	struct json j = over("1e309", 0);
	assert_false(json_f64(&j, &d));
	assert_int_equal(json_end(&j), ERR_RANGE);
}

static void failures_name_their_place(void **state)
{
	struct json j = over("{\"a\": [1, x]}", 0);
	(void)state;
	assert_false(json_skip(&j));
	assert_int_equal(j.at - j.start, 10);
	assert_string_equal(j.expected, "a value");
	j = over("{\"rate\":1.5}", 0);
	uint64_t u;
	assert_true(json_find(&j, "rate"));
	assert_false(json_u64(&j, &u));
	assert_int_equal(j.at - j.start, 8);
	assert_string_equal(j.expected, "a whole number");
}

static void find_looks_ahead(void **state)
{
	struct json j = over("{\"x\":{\"event\":\"no\"},\"event\":\"media\",\"event\":2}", 0);
	struct json ahead = j;
	struct str text;
	(void)state;
	assert_true(json_find(&ahead, "event"));
	assert_true(json_string(&ahead, NULL, &text));
	assert_true(str_is(text, "media"));
	assert_int_equal(j.at - j.start, 0);
	ahead = j;
	assert_false(json_find(&ahead, "none"));
	assert_int_equal(json_end(&ahead), OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(documents_are_taken),
		cmocka_unit_test(all_else_is_refused),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(nesting_is_bounded),
		cmocka_unit_test(walks_read_values),
		cmocka_unit_test(lone_surrogates_are_mended_on_request),
		cmocka_unit_test(an_arena_is_never_overrun),
		cmocka_unit_test(whole_numbers_are_exact),
		cmocka_unit_test(doubles_read_as_strtod_reads_them),
		cmocka_unit_test(failures_name_their_place),
		cmocka_unit_test(find_looks_ahead),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
