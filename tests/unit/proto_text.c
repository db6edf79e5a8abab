/*
 * proto_text — the text form: what is printed parses to the same message, and always is one line.
 */
#include "proto/lease.h"
#include "proto/text.h"
#include "tests/unit/proto_sample_random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char room[16384] __attribute__((aligned(8)));
static struct arena arena;
static struct text_error error;

static enum err read_body(const char *text, struct sample_all *ret)
{
	arena = (struct arena)ARENA_OVER(room);
	memset(&error, 0, sizeof error);
	return text_read_body(&sample_all_desc, str_of(text), &arena, ret, &error);
}

static void a_body_prints_as_designed(void **state)
{
	static const struct str tags[] = { STR_LIT("a"), STR_LIT("b\"") };
	static const struct sample_leg legs[] = { { .id = STR_LIT("x"), .ms = 7 },
		                                  { .id = STR_LIT("y"), .on = true } };
	const struct sample_all s = {
		.call = STR_LIT("CA7f\n\x1b\xc2\x9b\xe2\x80\xae\xd7\xa9"),
		.rate = 8000,
		.codec = SAMPLE_CODEC_OPUS,
		.bytes = STR_LIT("\x0a\x0b"),
		.extra = STR_LIT("{\"k\":\n[1]}"),
		.temp = -5,
		.gain = 0.1,
		.tags = { tags, 2 },
		.legs = { legs, 2 },
		.pin = STR_LIT("1234"),
	};
	struct buf b;
	(void)state;
	buf_init(&b, 4096);
	text_put(&b, &sample_all_desc, &s, 0);
	assert_int_equal(buf_err(&b), OK);
	assert_true(str_is(
		buf_view(&b),
		"sample.all{call=\"CA7f\\n\\x1b\\u009b\\u202e\xd7\xa9\" rate=8000 temp=-5 gain=0.1 "
		"bytes=x\"0a0b\" extra={\"k\": [1]} codec=opus tags=[\"a\", \"b\\\"\"] "
		"legs=[{id=\"x\" ms=7}, {id=\"y\" on=true}] pin=***}"));
	buf_clear(&b);
	text_put_body(&b, &sample_all_desc, &s, TEXT_REVEAL);
	assert_non_null(memmem(b.at, b.len, "pin=\"1234\"", 10));
	buf_done(&b);
}

static void print_and_parse_agree(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 20000; n++) {
		static char drawn[8192] __attribute__((aligned(8)));
		struct arena from = ARENA_OVER(drawn);
		uint64_t seed = n;
		struct sample_all s = draw_sample(&seed, &from), back;
		struct buf b, again;
		buf_init(&b, 16384);
		buf_init(&again, 16384);
		text_put_body(&b, &sample_all_desc, &s, TEXT_REVEAL);
		assert_int_equal(buf_err(&b), OK);
		for (size_t i = 0; i < b.len; i++)
			assert_true((unsigned char)b.at[i] >= 0x20);
		arena = (struct arena)ARENA_OVER(room);
		if (text_read_body(&sample_all_desc, buf_view(&b), &arena, &back, &error))
			fail_msg("seed %llu column %u, expected %s, received %s: %.*s",
			         (unsigned long long)n, error.column, error.expected,
			         error.received, STR(buf_view(&b)));
		if (!same_sample(&s, &back))
			fail_msg("seed %llu: %.*s", (unsigned long long)n, STR(buf_view(&b)));
		text_put_body(&again, &sample_all_desc, &back, TEXT_REVEAL);
		assert_true(str_eq(buf_view(&b), buf_view(&again)));
		buf_done(&b);
		buf_done(&again);
	}
}

static void a_masked_secret_parses_as_empty(void **state)
{
	struct sample_all s;
	(void)state;
	assert_int_equal(read_body("{call=\"x\" rate=8000 pin=***}", &s), OK);
	assert_int_equal(s.pin.len, 0);
	assert_int_equal(read_body("{call=*** rate=8000}", &s), ERR_TYPE);
}

static void errors_name_the_column(void **state)
{
	static const struct wrong {
		const char *text;
		enum err err;
		uint32_t column;
		const char *expected, *received;
	} wrongs[] = {
		{ "", ERR_TYPE, 1, "{", "the end of the text" },
		{ "{call=\"x\"", ERR_MALFORMED, 10, "a field's name or }", "the end of the text" },
		{ "{call=\"x\"}", ERR_MISSING, 10, "the field rate", "}" },
		{ "{call=x rate=8000}", ERR_TYPE, 7, "text in quotes", "x" },
		{ "{call=\"x rate=8000}", ERR_MALFORMED, 7, "a closing quote", "\"x" },
		{ "{call=\"\\q\" rate=8000}", ERR_MALFORMED, 8,
		  "an escape: \\\" \\\\ \\n \\r \\t \\xHH \\uHHHH", "\\q\"" },
		{ "{call=\"x\" rate=7}", ERR_RANGE, 16, "a whole number 8000..48000", "7}" },
		{ "{call=\"x\" rate=fast}", ERR_TYPE, 16, "a whole number 8000..48000", "fast}" },
		{ "{call=\"x\" rate=8000 rate=8000}", ERR_INVALID, 21, "each field once", "" },
		{ "{call=\"x\" rate=8000 none=1}", ERR_INVALID, 21, "a field of this message", "" },
		{ "{call=\"x\" rate 8000}", ERR_MALFORMED, 15, "=", " " },
		{ "{call=\"x\" rate=8000 codec=mp3}", ERR_RANGE, 27, "one of pcmu, opus", "mp3}" },
		{ "{call=\"x\" rate=8000 codec=2}", ERR_RANGE, 27, "one of pcmu, opus", "2}" },
		{ "{call=\"x\" rate=8000 bytes=x\"0\"}", ERR_MALFORMED, 27,
		  "pairs of hexadecimal digits, then a quote", "x\"0\"}" },
		{ "{call=\"x\" rate=8000 extra={,}}", ERR_MALFORMED, 28,
		  "a member's name in quotes", ",}}" },
		{ "{call=\"x\" rate=8000 counts=[1 2]}", ERR_MALFORMED, 31, "a comma or ]", "2]}" },
		{ "{call=\"x\" rate=8000 counts=[1,]}", ERR_TYPE, 31,
		  "a whole number 0..4294967295", "]}" },
		{ "{call=\"x\" rate=8000 legs=[{id=\"a\"}, {ms=1}]}", ERR_MISSING, 42,
		  "the field id", "}]}" },
		{ "{call=\"x\" rate=8000 tags=[\"1\",\"2\",\"3\",\"4\",\"5\"]}", ERR_TOO_LARGE, 26,
		  "a list of at most 4", "[\"1\",\"2\",\"3\",\"4\",\"5\"]}" },
		{ "{call=\"x\" rate=8000 pin=secret}", ERR_TYPE, 25, "text in quotes", "" },
		{ "{call=\"x\" rate=8000} x", ERR_MALFORMED, 22, "the end", "x" },
	};
	struct sample_all s, zero = { 0 };
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		const struct wrong *w = &wrongs[i];
		enum err e = read_body(w->text, &s);
		if (e != w->err || error.err != e || error.column != w->column ||
		    strcmp(error.expected, w->expected) != 0 ||
		    strcmp(error.received, w->received) != 0)
			fail_msg("%s\n%s in column %u: expected '%s', received '%s'", w->text,
			         err_info(e)->name, error.column, error.expected, error.received);
		assert_memory_equal(&s, &zero, sizeof s);
	}
}

static void every_truncation_is_refused(void **state)
{
	static const char text[] =
		"{call=\"C\\x41\" rate=8000 bytes=x\"0a0b\" extra={\"a\":[1]} codec=opus "
		"leg={id=\"z\"} tags=[\"a\", \"b\"] legs=[{id=\"x\" ms=7}]}";
	struct sample_all s;
	(void)state;
	for (size_t n = 0; n < sizeof text - 1; n++) {
		char *cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, text, n);
		arena = (struct arena)ARENA_OVER(room);
		assert_true(text_read_body(&sample_all_desc, str_n(cut, n), &arena, &s, &error) !=
		            OK);
		free(cut);
	}
	assert_int_equal(read_body(text, &s), OK);
}

static void lines_go_both_ways(void **state)
{
	static const char *const lines[] = {
		"12:00:01.250 gateway > lease/1  lease.take{name=\"d\" owner=\"n\" ttl_ms=500} #4",
		"12:00:01.262 lease/1 > gateway  lease.taken{epoch=3} #57 re 41",
		"23:59:59.999 store > gateway  lease.taken #58 re 42 err=STALE",
		"00:00:00.000 - > *  lease.taken{epoch=0} #59 business=7 blob=160",
		"00:00:00.000 \"odd name\\n\" > \"*\"  lease.taken{epoch=0}",
	};
	(void)state;
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct text_line line;
		struct buf b;
		buf_init(&b, 4096);
		arena = (struct arena)ARENA_OVER(room);
		if (text_read_line(str_of(lines[i]), &arena, &line, &error))
			fail_msg("%s\ncolumn %u: expected %s, received %s", lines[i], error.column,
			         error.expected, error.received);
		text_put_line(&b, &line, 0);
		if (!str_is(buf_view(&b), lines[i]))
			fail_msg("%s\n%.*s", lines[i], STR(buf_view(&b)));
		buf_done(&b);
	}
}

static void a_line_holds_what_it_says(void **state)
{
	struct text_line line;
	(void)state;
	arena = (struct arena)ARENA_OVER(room);
	assert_int_equal(
		text_read_line(
			str_of("12:00:01.25 gateway >  lease/1   lease.take{name=\"d\" owner=\"n\" "
	                       "ttl_ms=5000}  #41 re 9"),
			&arena, &line, &error),
		OK);
	assert_true(line.time_us == (12ull * 3600 + 1) * 1000000 + 250000);
	assert_true(str_is(line.from, "gateway") && str_is(line.to, "lease/1"));
	assert_ptr_equal(line.type, &lease_take_desc);
	assert_int_equal(((const struct lease_take *)line.body)->ttl_ms, 5000);
	assert_true(line.id == 41 && line.re == 9 && !line.err);
}

static void broken_lines_name_the_column(void **state)
{
	static const struct wrong {
		const char *text;
		enum err err;
		uint32_t column;
	} wrongs[] = {
		{ "", ERR_MALFORMED, 1 },
		{ "24:00:00.0 a > b  lease.taken{epoch=0}", ERR_RANGE, 1 },
		{ "12:00:00 a > b  lease.taken{epoch=0}", ERR_MALFORMED, 9 },
		{ "12:00:00.0 a - b  lease.taken{epoch=0}", ERR_MALFORMED, 14 },
		{ "12:00:00.0 a > b  lease.nothing{epoch=0}", ERR_TYPE, 19 },
		{ "12:00:00.0 a > b  lease.taken", ERR_MALFORMED, 30 },
		{ "12:00:00.0 a > b  lease.taken{epoch=0} #x", ERR_MALFORMED, 41 },
		{ "12:00:00.0 a > b  lease.taken{epoch=0} #1 #2", ERR_INVALID, 43 },
		{ "12:00:00.0 a > b  lease.taken{epoch=0} err=NONE", ERR_RANGE, 44 },
		{ "12:00:00.0 a > b  lease.taken{epoch=0} rest", ERR_MALFORMED, 40 },
	};
	struct text_line line;
	(void)state;
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
		arena = (struct arena)ARENA_OVER(room);
		enum err e = text_read_line(str_of(wrongs[i].text), &arena, &line, &error);
		if (e != wrongs[i].err || error.column != wrongs[i].column)
			fail_msg("%s\n%s in column %u: expected '%s', received '%s'",
			         wrongs[i].text, err_info(e)->name, error.column, error.expected,
			         error.received);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_body_prints_as_designed),
		cmocka_unit_test(print_and_parse_agree),
		cmocka_unit_test(a_masked_secret_parses_as_empty),
		cmocka_unit_test(errors_name_the_column),
		cmocka_unit_test(every_truncation_is_refused),
		cmocka_unit_test(lines_go_both_ways),
		cmocka_unit_test(a_line_holds_what_it_says),
		cmocka_unit_test(broken_lines_name_the_column),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
