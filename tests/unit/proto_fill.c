/*
 * proto_fill — messages from query strings, paths and bodies, and errors that name the parameter.
 */
#include "proto/fill.h"
#include "proto/query.h"
#include "tests/unit/proto_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char room[4096] __attribute__((aligned(8)));
static struct arena arena;
static struct json_error error;

static enum err from_query(const char *query, unsigned flags, struct sample_all *ret)
{
	arena = (struct arena)ARENA_OVER(room);
	memset(&error, 0, sizeof error);
	return fill_from_query(&sample_all_desc, str_of(query), flags, &arena, ret, &error);
}

static void parameters_fill_fields(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(
		from_query("call=a+b%2B%D7%A9&&rate=8000&yes=true&small=7&big=18446744073709551615&"
	                   "temp=-3"
	                   "&at=-9&gain=1e-3&bytes=CgsA_w&extra=%7B%22a%22%3A1%7D&codec=opus&tags="
	                   "x&counts=1"
	                   "&tags=y%26&counts=2&counts=3&fromDate=2024-01-01&sentAt=5&port=&pin",
	                   JSON_REQUEST, &s),
		OK);
	assert_true(str_is(s.call, "a b+\xd7\xa9"));
	assert_true(s.rate == 8000 && s.yes && s.small == 7 && s.big == UINT64_MAX &&
	            s.temp == -3 && s.at == -9);
	assert_true(s.gain > 0.0009 && s.gain < 0.0011);
	assert_true(s.bytes.len == 4 && !memcmp(s.bytes.at, "\x0a\x0b\0\xff", 4));
	assert_true(str_is(s.extra, "{\"a\":1}") && s.codec == SAMPLE_CODEC_OPUS);
	assert_true(s.tags.n == 2 && str_is(s.tags.at[1], "y&"));
	assert_true(s.counts.n == 3 && s.counts.at[2] == 3);
	assert_true(str_is(s.from_date, "2024-01-01") && s.sent_at == 5 && !s.port && !s.pin.len);
}

static void both_spellings_are_one_field(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(from_query("call=x&rate=8000&from_date=2024&fromDate=2024", 0, &s), OK);
	assert_true(str_is(s.from_date, "2024"));
	assert_int_equal(from_query("call=x&rate=8000&fromDate=2024&from_date=", 0, &s), OK);
	assert_int_equal(from_query("call=x&rate=8000&from_date=2024&fromDate=2023", 0, &s),
	                 ERR_INVALID);
	assert_string_equal(error.pointer, "/fromDate");
	assert_string_equal(error.received, "2023");
	assert_int_equal(from_query("call=x&rate=8000&rate=8001", 0, &s), ERR_INVALID);
	assert_true(query_key_is(str_of("sentAtUs"), "sent_at_us"));
	assert_false(query_key_is(str_of("sentat"), "sent_at"));
	assert_false(query_key_is(str_of("sentAtX"), "sent_at"));
	assert_false(query_key_is(str_of("sent"), "sent_at"));
}

static void errors_name_the_parameter(void **state)
{
	static const struct wrong {
		const char *query;
		unsigned flags;
		enum err err;
		const char *pointer, *expected, *received;
	} wrongs[] = {
		{ "", 0, ERR_MISSING, "/call", "text of at most 64 bytes", "nothing" },
		{ "call=x&rate=fast", 0, ERR_TYPE, "/rate", "a whole number 8000..48000", "fast" },
		{ "call=x&rate=+8000", 0, ERR_TYPE, "/rate", "a whole number 8000..48000",
		  " 8000" },
		{ "call=x&rate=08000", 0, ERR_TYPE, "/rate", "a whole number 8000..48000",
		  "08000" },
		{ "call=x&rate=8000&yes=1", 0, ERR_TYPE, "/yes", "true or false", "1" },
		{ "call=x&rate=8000&bytes=*", 0, ERR_TYPE, "/bytes", "base64 of at most 32 bytes",
		  "*" },
		{ "call=x&rate=8000&extra={", 0, ERR_TYPE, "/extra",
		  "a JSON value of at most 256 bytes", "{" },
		{ "call=%zz&rate=8000", 0, ERR_MALFORMED, "/call", "UTF-8, percent-encoded",
		  "other bytes" },
		{ "call=%f&rate=8000", 0, ERR_MALFORMED, "/call", "UTF-8, percent-encoded",
		  "other bytes" },
		{ "call=%ff&rate=8000", 0, ERR_MALFORMED, "/call", "UTF-8, percent-encoded",
		  "other bytes" },
		{ "call=%00&rate=8000", 0, ERR_MALFORMED, "/call", "UTF-8, percent-encoded",
		  "other bytes" },
		{ "call=x&rate=8000&owner=7", JSON_CLOSED, ERR_INVALID, "/owner",
		  "no such parameter", "text" },
		{ "call=x&rate=8000&leg=7", JSON_CLOSED, ERR_INVALID, "/leg", "no such parameter",
		  "text" },
		{ "call=x&rate=8000&%zz=7", JSON_CLOSED, ERR_INVALID, "/%zz", "no such parameter",
		  "text" },
		{ "call=x&rate=8000&pin=0123456789abcdef0123456789abcdefX", 0, ERR_TOO_LARGE,
		  "/pin", "text of at most 32 bytes", "text" },
		{ "call=x&rate=8000&tags=1&tags=2&tags=3&tags=4&tags=5", 0, ERR_TOO_LARGE, "/tags",
		  "fewer values", "too many" },
		{ "call=x&rate=8000&counts=1&counts=x", 0, ERR_TYPE, "/counts",
		  "a whole number 0..4294967295", "x" },
	};
	struct sample_all s, zero = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		const struct wrong *w = &wrongs[i];
		enum err e = from_query(w->query, w->flags, &s);
		if (e != w->err || error.err != e || strcmp(error.pointer, w->pointer) != 0 ||
		    strcmp(error.expected, w->expected) != 0 ||
		    strcmp(error.received, w->received) != 0)
			fail_msg("%s\n%s at '%s': expected '%s', received '%s'", w->query,
			         err_info(e)->name, error.pointer, error.expected, error.received);
		assert_memory_equal(&s, &zero, sizeof s);
	}
	assert_int_equal(from_query("call=x&rate=8000&utm=7&leg=1", 0, &s), OK);
}

static void a_message_comes_from_three_places(void **state)
{
	struct sample_all s;
	struct fill f;
	(void)state;
	arena = (struct arena)ARENA_OVER(room);
	fill_init(&f, &sample_all_desc, JSON_REQUEST, &arena, &s);
	assert_int_equal(fill_param(&f, "call", str_of("CA7f"), &error), OK);
	assert_int_equal(fill_query(&f, str_of("port=80"), &error), OK);
	assert_int_equal(fill_end(&f, &error), ERR_MISSING);
	assert_string_equal(error.pointer, "/rate");
	assert_int_equal(fill_json(&f, str_of("{\"rate\":8000,\"tags\":[\"a\"]}"), &error), OK);
	assert_int_equal(fill_end(&f, &error), OK);
	assert_true(str_is(s.call, "CA7f") && s.port == 80 && s.rate == 8000 && s.tags.n == 1);
	assert_int_equal(fill_json(&f, str_of("{\"call\":\"other\"}"), &error), ERR_INVALID);
	assert_string_equal(error.pointer, "/call");
	assert_int_equal(fill_json(&f, str_of("[]"), &error), ERR_TYPE);
	assert_int_equal(fill_json(&f, str_of("{} x"), &error), ERR_MALFORMED);
	assert_int_equal(fill_param(&f, "nothing", str_of("x"), &error), ERR_INVALID);
}

static void an_arena_bounds_a_query(void **state)
{
	static const char query[] =
		"call=a%20b&rate=8000&tags=x&tags=%79&counts=1&counts=2&bytes=CgsA_w";
	struct sample_all s;
	(void)state;
	for (uint32_t len = 0; len < 128; len++) {
		char *small = malloc(len ? len : 1);
		assert_non_null(small);
		struct arena a = { .at = small, .len = len };
		enum err e = fill_from_query(&sample_all_desc, str_of(query), 0, &a, &s, &error);
		assert_true(e == OK || e == ERR_TOO_LARGE);
		free(small);
	}
}

static void pairs_are_told_apart(void **state)
{
	struct query q = query_of(str_of("&a=1&&b&=c&d=e=f&"));
	struct str key, value;
	(void)state;
	assert_true(query_next(&q, &key, &value) && str_is(key, "a") && str_is(value, "1"));
	assert_true(query_next(&q, &key, &value) && str_is(key, "b") && !value.len);
	assert_true(query_next(&q, &key, &value) && !key.len && str_is(value, "c"));
	assert_true(query_next(&q, &key, &value) && str_is(key, "d") && str_is(value, "e=f"));
	assert_false(query_next(&q, &key, &value));
	arena = (struct arena)ARENA_OVER(room);
	assert_int_equal(query_decode_path(str_of("a+b%2f"), &arena, &value), OK);
	assert_true(str_is(value, "a+b/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parameters_fill_fields),
		cmocka_unit_test(both_spellings_are_one_field),
		cmocka_unit_test(errors_name_the_parameter),
		cmocka_unit_test(a_message_comes_from_three_places),
		cmocka_unit_test(an_arena_bounds_a_query),
		cmocka_unit_test(pairs_are_told_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
