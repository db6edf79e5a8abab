/*
 * proto_json_table — structs from JSON and back by their tables, and errors that name the place.
 */
#include "proto/json.h"
#include "proto/json_js.h"
#include "tests/unit/proto_sample.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char room[4096] __attribute__((aligned(8)));
static struct arena arena;
static struct json_error error;

static enum err decode(const char *doc, unsigned flags, struct sample_all *ret)
{
	arena = (struct arena)ARENA_OVER(room);
	memset(&error, 0, sizeof error);
	return json_decode(&sample_all_desc, str_of(doc), flags, &arena, ret, &error);
}

static const char full[] =
	"{\"call\":\"CA\\u00e97f\",\"rate\":8000,\"yes\":true,\"small\":255,\"port\":65535,"
	"\"big\":\"18446744073709551615\",\"temp\":-40,\"at\":\"-9223372036854775808\",\"gain\":-0."
	"25,"
	"\"bytes\":\"CgsA/w==\",\"extra\":{\"a\": "
	"[1]},\"codec\":\"opus\",\"leg\":{\"id\":\"a\",\"on\":true},"
	"\"tags\":[\"x\",\"\"],\"counts\":[1,2,3],\"legs\":[{\"id\":\"b\",\"ms\":7},{\"id\":\"c\"}]"
	","
	"\"pin\":\"1234\",\"from_date\":\"2024-01-01\",\"sentAt\":1700000000}";

static void a_field_of_every_kind_is_read(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(decode(full, 0, &s), OK);
	assert_true(str_is(s.call, "CA\xc3\xa9"
	                           "7f"));
	assert_int_equal(s.rate, 8000);
	assert_true(s.yes && s.small == 255 && s.port == 65535 && s.big == UINT64_MAX);
	assert_true(s.temp == -40 && s.at == INT64_MIN && s.gain < -0.2 && s.gain > -0.3);
	assert_true(s.bytes.len == 4 && !memcmp(s.bytes.at, "\x0a\x0b\0\xff", 4));
	assert_true(str_is(s.extra, "{\"a\": [1]}"));
	assert_int_equal(s.codec, SAMPLE_CODEC_OPUS);
	assert_true(str_is(s.leg.id, "a") && s.leg.on && !s.leg.ms);
	assert_true(s.tags.n == 2 && str_is(s.tags.at[0], "x") && !s.tags.at[1].len);
	assert_true(s.counts.n == 3 && s.counts.at[2] == 3);
	assert_true(s.legs.n == 2 && str_is(s.legs.at[1].id, "c") && s.legs.at[0].ms == 7);
	assert_true(s.sent_at == 1700000000);
}

static void what_is_written_reads_back(void **state)
{
	struct sample_all s;
	struct buf one, two;
	(void)state;
	buf_init(&one, 4096);
	buf_init(&two, 4096);
	assert_int_equal(decode(full, 0, &s), OK);
	assert_int_equal(json_write(&one, &sample_all_desc, &s, 0), OK);
	char *copy = malloc(one.len);
	assert_non_null(copy);
	memcpy(copy, one.at, one.len);
	assert_int_equal(json_decode(&sample_all_desc, str_n(copy, one.len), JSON_REQUEST, &arena,
	                             &s, &error),
	                 OK);
	assert_int_equal(json_write(&two, &sample_all_desc, &s, 0), OK);
	assert_true(str_eq(buf_view(&one), buf_view(&two)));
	buf_clear(&two);
	assert_int_equal(json_write(&two, &sample_all_desc, &s, JSON_MASK), OK);
	assert_null(memmem(two.at, two.len, "1234", 4));
	assert_non_null(memmem(two.at, two.len, "\"pin\":\"***\"", 11));
	free(copy); /* the struct's views pointed into it */
	buf_done(&one);
	buf_done(&two);
}

static void absent_fields_are_left_out(void **state)
{
	struct sample_all s;
	struct buf b;
	(void)state;
	buf_init(&b, 4096);
	assert_int_equal(
		decode("{\"call\":\"\",\"rate\":8000,\"yes\":null,\"legs\":null,\"leg\":null}", 0,
	               &s),
		OK);
	assert_int_equal(json_write(&b, &sample_all_desc, &s, 0), OK);
	assert_true(str_is(buf_view(&b), "{\"call\":\"\",\"rate\":8000}"));
	buf_done(&b);
}

static void a_writer_stops_at_its_bound(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(decode(full, 0, &s), OK);
	for (size_t max = 0; max < 480; max++) {
		struct buf b;
		buf_init(&b, max);
		enum err e = json_write(&b, &sample_all_desc, &s, 0);
		assert_true(b.len <= max && (e == OK || e == ERR_TOO_LARGE));
		buf_done(&b);
	}
}

struct wrong {
	const char *doc;
	unsigned flags;
	enum err err;
	const char *pointer, *expected, *received;
};

static void errors_name_field_and_find(void **state)
{
#define C "\"call\":\"x\",\"rate\":8000"
	static const struct wrong wrongs[] = {
		{ "{\"call\":\"x\"}", 0, ERR_MISSING, "/rate", "a whole number 8000..48000",
		  "nothing" },
		{ "{\"call\":\"x\",\"rate\":null}", 0, ERR_MISSING, "/rate",
		  "a whole number 8000..48000", "null" },
		{ "{\"call\":\"x\",\"rate\":7999}", 0, ERR_RANGE, "/rate",
		  "a whole number 8000..48000", "7999" },
		{ "{\"call\":\"x\",\"rate\": \"fast\"}", 0, ERR_TYPE, "/rate",
		  "a whole number 8000..48000", "\"fast\"" },
		{ "{\"call\":\"x\",\"rate\":8000.5}", 0, ERR_TYPE, "/rate",
		  "a whole number 8000..48000", "8000.5" },
		{ "{\"call\":[1, 2],\"rate\":8000}", 0, ERR_TYPE, "/call",
		  "text of at most 64 bytes", "[1, 2]" },
		{ "{" C ",\"small\":256}", 0, ERR_RANGE, "/small", "a whole number 0..255", "256" },
		{ "{" C ",\"temp\":-41}", 0, ERR_RANGE, "/temp", "a whole number -40..85", "-41" },
		{ "{" C ",\"codec\":\"mp3\"}", 0, ERR_RANGE, "/codec", "one of pcmu, opus",
		  "\"mp3\"" },
		{ "{" C ",\"codec\":1}", 0, ERR_TYPE, "/codec", "one of pcmu, opus", "1" },
		{ "{" C ",\"yes\":1}", 0, ERR_TYPE, "/yes", "true or false", "1" },
		{ "{" C ",\"bytes\":\"a\"}", 0, ERR_TYPE, "/bytes", "base64 of at most 32 bytes",
		  "\"a\"" },
		{ "{" C ",\"big\":\"01\"}", 0, ERR_TYPE, "/big",
		  "a whole number 0..18446744073709551615", "\"01\"" },
		{ "{" C ",\"legs\":[{\"id\":\"a\"},{\"id\":5}]}", 0, ERR_TYPE, "/legs/1/id",
		  "text of at most 16 bytes", "5" },
		{ "{" C ",\"legs\":[{\"id\":\"a\"},{}]}", 0, ERR_MISSING, "/legs/1/id",
		  "text of at most 16 bytes", "nothing" },
		{ "{" C ",\"legs\":[{\"id\":\"a\"},3]}", 0, ERR_TYPE, "/legs/1", "an object", "3" },
		{ "{" C ",\"legs\":{}}", 0, ERR_TYPE, "/legs", "a list of at most 3", "{}" },
		{ "{" C ",\"tags\":[\"a\",\"b\",\"c\",\"d\",\"e\"]}", 0, ERR_TOO_LARGE, "/tags",
		  "a list of at most 4", "[\"a\",\"b\",\"c\",\"d\",\"e\"]" },
		{ "{" C ",\"tags\":[\"a\",\"0123456789abcdefg\"]}", 0, ERR_TOO_LARGE, "/tags/1",
		  "text of at most 16 bytes", "\"0123456789abcdefg\"" },
		{ "{" C ",\"rate\":9000}", 0, ERR_INVALID, "/rate", "each member once", "9000" },
		{ "{" C ",\"owner\":7}", JSON_CLOSED, ERR_INVALID, "/owner", "no such member",
		  "a number" },
		{ "{" C ",\"a/b~\":7}", JSON_CLOSED, ERR_INVALID, "/a~1b~0", "no such member",
		  "a number" },
		{ "{" C ",\"from_date\":\"a\\u0000\"}", JSON_NO_NUL, ERR_INVALID, "/from_date",
		  "text without U+0000", "\"a\\u0000\"" },
		{ "{" C ",\"pin\":12345678}", 0, ERR_TYPE, "/pin", "text of at most 32 bytes",
		  "a number" },
		{ "{" C ",\"legs\":[{\"id\":x", 0, ERR_MALFORMED, "/legs/0/id", "a value", "x" },
		{ "{" C ",\"tags\":[\"a\" \"b\"]}", 0, ERR_MALFORMED, "/tags", "a comma or ]",
		  "\"" },
		{ "{" C "", 0, ERR_MALFORMED, "", "a comma or }", "the end of the document" },
		{ "{" C "} x", 0, ERR_MALFORMED, "", "the end", "x" },
		{ "[]", 0, ERR_TYPE, "", "an object", "[]" },
		{ "", 0, ERR_MALFORMED, "", "an object", "the end of the document" },
		{ "{\"call\":\"0123456789012345678901234567890123456789012345678901234567890123x\","
		  "\"rate\":8000}",
		  0, ERR_TOO_LARGE, "/call", "text of at most 64 bytes",
		  "\"012345678901234567890123456789012345678\xe2\x80\xa6" },
	};
#undef C
	struct sample_all s, zero = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		const struct wrong *w = &wrongs[i];
		memset(&s, 0x5a, sizeof s);
		enum err e = decode(w->doc, w->flags, &s);
		if (e != w->err || error.err != e || strcmp(error.pointer, w->pointer) != 0 ||
		    strcmp(error.expected, w->expected) != 0 ||
		    strcmp(error.received, w->received) != 0)
			fail_msg("%s\n%s at '%s': expected '%s', received '%s'", w->doc,
			         err_info(e)->name, error.pointer, error.expected, error.received);
		assert_memory_equal(&s, &zero, sizeof s);
	}
}

static void a_long_pointer_is_cut_between_characters(void **state)
{
	char doc[400] = "{\"";
	struct sample_all s;
	(void)state;
	for (size_t i = 0; i < 100; i++)
		memcpy(doc + 2 + 2 * i, "\xd7\xa9", sizeof "\xd7\xa9"); /* and a NUL */
	memcpy(doc + 202, "\":1}", sizeof "\":1}");
	assert_int_equal(decode(doc, JSON_CLOSED, &s), ERR_INVALID);
	assert_int_equal(strlen(error.pointer), 127); /* one slash, 63 letters of two bytes */
}

static void an_arena_bounds_a_document(void **state)
{
	struct sample_all s;
	(void)state;
	for (uint32_t len = 0; len < 600; len++) {
		char *small = malloc(len ? len : 1);
		assert_non_null(small);
		struct arena a = { .at = small, .len = len };
		enum err e = json_decode(&sample_all_desc, str_of(full), 0, &a, &s, &error);
		assert_true(e == OK || e == ERR_TOO_LARGE);
		if (e)
			assert_non_null(strstr(error.expected, "than there is room for"));
		free(small);
	}
}

static void every_truncation_of_a_table_is_refused(void **state)
{
	struct sample_all s;
	(void)state;
	for (size_t n = 0; n < sizeof full - 1; n++) {
		char *cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, full, n);
		arena = (struct arena)ARENA_OVER(room);
		/* a number cut short may be out of range before the end is noticed */
		assert_true(json_decode(&sample_all_desc, str_n(cut, n), 0, &arena, &s, &error) !=
		            OK);
		assert_int_equal(s.call.len, 0);
		free(cut);
	}
}

static void names_with_escapes_or_nul_match_exactly(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(decode("{\"\\u0063all\":\"x\",\"r\\u0061te\":8000}", JSON_CLOSED, &s), OK);
	assert_true(str_is(s.call, "x"));
	assert_int_equal(decode("{\"call\":\"x\",\"rate\":8000,\"yes\\u0000\":true}", 0, &s), OK);
	assert_false(s.yes);
	assert_int_equal(decode("{\"call\":\"x\",\"rate\":8000,\"\":1}", 0, &s), OK);
}

/* One Baileys message in the four shapes it is serialised in (facts/whatsapp: message shapes). */
static void four_serialisations_walk_to_the_same(void **state)
{
	static const char *const forms[] = {
		"{\"key\":{\"id\":\"A\"},\"messageTimestamp\":\"1757003003003\",\"fileSha256\":"
		"\"AQID/w==\"}",
		"{\"key\":{\"id\":\"A\"},\"messageTimestamp\":{\"low\":361378939,\"high\":409,"
		"\"unsigned\":true},"
		"\"fileSha256\":{\"type\":\"Buffer\",\"data\":[1,2,3,255]},\"labels\":[]}",
		"{\"key\":{\"id\":\"A\"},\"messageTimestamp\":{\"low\":361378939,\"high\":409,"
		"\"unsigned\":true},"
		"\"fileSha256\":{\"type\":\"Buffer\",\"data\":\"AQID/w==\"}}",
		"{\"key\":{\"id\":\"A\"},\"messageTimestamp\":1757003003003,"
		"\"fileSha256\":{\"0\":1,\"1\":2,\"2\":3,\"3\":255}}",
	};
	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct json j;
		struct str key, sha = { 0 };
		uint64_t t = 0;
		arena = (struct arena)ARENA_OVER(room);
		json_init(&j, str_of(forms[i]), JSON_FOREIGN);
		assert_true(json_object(&j));
		while (json_key(&j, &key)) {
			if (str_is(key, "messageTimestamp"))
				json_js_u64(&j, &t);
			else if (str_is(key, "fileSha256"))
				json_js_bytes(&j, &arena, &sha);
			else
				json_skip(&j);
		}
		assert_int_equal(json_end(&j), OK);
		assert_true(t == 1757003003003);
		assert_true(sha.len == 4 && !memcmp(sha.at, "\1\2\3\xff", 4));
	}
}

static void a_long_may_have_a_negative_half(void **state)
{
	struct json j;
	int64_t i;
	uint64_t u;
	(void)state;
	json_init(&j, str_of("{\"low\":-936591237,\"high\":409}"), JSON_FOREIGN);
	assert_true(json_js_i64(&j, &i));
	assert_true(i == (INT64_C(409) << 32 | (uint32_t)-936591237));
	json_init(&j, str_of("{\"low\":-1,\"high\":-1,\"unsigned\":false}"), JSON_FOREIGN);
	assert_true(json_js_i64(&j, &i));
	assert_true(i == -1);
	json_init(&j, str_of("{\"low\":-1,\"high\":-1,\"unsigned\":true}"), JSON_FOREIGN);
	assert_true(json_js_u64(&j, &u));
	assert_true(u == UINT64_MAX);
	json_init(&j, str_of("{\"high\":1}"), JSON_FOREIGN);
	assert_false(json_js_u64(&j, &u));
	assert_int_equal(json_end(&j), ERR_TYPE);
}

static void foreign_tables_take_all_forms(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(decode("{\"call\":\"a\\ud83d\",\"rate\":\"8000\",\"codec\":1,\"at\":{"
	                        "\"low\":5,\"high\":0},"
	                        "\"bytes\":{\"0\":9},\"new\":{}}",
	                        JSON_FOREIGN, &s),
	                 OK);
	assert_true(str_is(s.call, "a\xef\xbf\xbd"));
	assert_true(s.rate == 8000 && s.codec == SAMPLE_CODEC_OPUS && s.at == 5 &&
	            s.bytes.len == 1);
	assert_int_equal(decode("{\"call\":\"a\\ud83d\",\"rate\":8000}", 0, &s), ERR_MALFORMED);
	assert_int_equal(decode("{\"call\":\"a\",\"rate\":8000,\"codec\":2}", JSON_FOREIGN, &s),
	                 ERR_RANGE);
}

static void pieces_place_their_own_commas(void **state)
{
	struct buf b;
	(void)state;
	buf_init(&b, 1024);
	json_put_open(&b, '{');
	json_put_key(&b, "a");
	json_put_open(&b, '[');
	json_put_bool(&b, true);
	json_put_null(&b);
	json_put_u64(&b, UINT64_C(9007199254740992));
	json_put_u64(&b, UINT64_C(9007199254740993));
	json_put_i64(&b, -5);
	json_put_f64(&b, 0.1);
	json_put_f64(&b, 1e300);
	json_put_open(&b, '[');
	json_put_close(&b, ']');
	json_put_open(&b, '{');
	json_put_close(&b, '}');
	json_put_close(&b, ']');
	json_put_key(&b, "b");
	json_put_str(&b, str_n("\"\\\n\x01\x7f\xff\xd7\xa9", 8));
	json_put_key(&b, "c");
	json_put_raw(&b, str_of(" [ 1 ] "));
	json_put_key(&b, "d");
	json_put_text(&b, "");
	json_put_close(&b, '}');
	assert_int_equal(buf_err(&b), OK);
	assert_true(str_is(
		buf_view(&b),
		"{\"a\":[true,null,9007199254740992,\"9007199254740993\",-5,0.1,1e+300,[],{}],"
		"\"b\":\"\\\"\\\\\\n\\u0001\x7f\xef\xbf\xbd\xd7\xa9\",\"c\":[ 1 ],\"d\":\"\"}"));
	json_put_raw(&b, str_of("1}"));
	assert_int_equal(buf_err(&b), ERR_MALFORMED);
	buf_clear(&b);
	json_put_f64(&b, 1.0 / 0.0);
	assert_int_equal(buf_err(&b), ERR_RANGE);
	buf_done(&b);
}

static void schemas_are_json_schema(void **state)
{
	static const struct proto_desc *const descs[] = { &sample_all_desc };
	struct buf b;
	struct json j;
	(void)state;
	buf_init(&b, 65536);
	json_schema(&b, &sample_leg_desc);
	assert_true(
		str_is(buf_view(&b),
	               "{\"type\":\"object\",\"description\":\"One leg.\",\"properties\":{"
	               "\"id\":{\"description\":\"the id\",\"type\":\"string\",\"maxLength\":16},"
	               "\"ms\":{\"description\":\"the "
	               "ms\",\"type\":\"integer\",\"minimum\":0,\"maximum\":4294967295},"
	               "\"on\":{\"description\":\"the "
	               "on\",\"type\":\"boolean\"}},\"required\":[\"id\"]}"));
	buf_clear(&b);
	json_components(&b, descs, 1);
	assert_int_equal(json_check(buf_view(&b)), OK);
	json_init(&j, buf_view(&b), 0);
	assert_true(json_find(&j, "sample.leg"));
	assert_non_null(memmem(b.at, b.len, "\"$ref\":\"#/components/schemas/sample.leg\"", 40));
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_field_of_every_kind_is_read),
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(absent_fields_are_left_out),
		cmocka_unit_test(a_writer_stops_at_its_bound),
		cmocka_unit_test(errors_name_field_and_find),
		cmocka_unit_test(a_long_pointer_is_cut_between_characters),
		cmocka_unit_test(an_arena_bounds_a_document),
		cmocka_unit_test(every_truncation_of_a_table_is_refused),
		cmocka_unit_test(names_with_escapes_or_nul_match_exactly),
		cmocka_unit_test(four_serialisations_walk_to_the_same),
		cmocka_unit_test(a_long_may_have_a_negative_half),
		cmocka_unit_test(foreign_tables_take_all_forms),
		cmocka_unit_test(pieces_place_their_own_commas),
		cmocka_unit_test(schemas_are_json_schema),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
