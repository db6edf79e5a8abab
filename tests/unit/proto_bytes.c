/*
 * proto_bytes — UTF-8 against a slow reading of the rules, base64 both ways, and the bounded
 * buffer.
 */
#include "proto/arena.h"
#include "proto/base64.h"
#include "proto/buf.h"
#include "proto/utf8.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* One character by arithmetic: read its bits, then ask whether it may be written so. */
static size_t slow_one(const unsigned char *p, size_t left)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t n = p[0] < 0x80       ? 1
	           : p[0] >> 5 == 6  ? 2
	           : p[0] >> 4 == 14 ? 3
	           : p[0] >> 3 == 30 ? 4
	                             : 0;
	if (!n || n > left)
		return 0;
	uint32_t code = n == 1 ? p[0] : p[0] & (0xffu >> (n + 1));
	for (size_t i = 1; i < n; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		code = code << 6 | (p[i] & 63);
	}
	return code < least[n] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n;
}

static void utf8_is_taken_by_the_rules(void **state)
{
	(void)state;
	for (uint32_t v = 0; v < 1u << 24;
	     v++) { /* all of three bytes, with a fourth that continues or not */
		char at[4] = { (char)(v >> 16), (char)(v >> 8), (char)v,
			       (char)(v & 1 ? 0x80 : 'a') };
		size_t right = 0, n;
		while (right < 4 && (n = slow_one((const unsigned char *)at + right, 4 - right)))
			right += n;
		if (utf8_prefix(at, 4) != right)
			fail_msg("%06x: %zu, not %zu", v, utf8_prefix(at, 4), right);
	}
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char at[4];
		if (code >= 0xd800 && code < 0xe000)
			continue;
		size_t n = utf8_put(at, code);
		assert_int_equal(utf8_prefix(at, n), n);
		assert_int_equal(utf8_prefix(at, n - 1), n == 1 ? 0 : utf8_prefix(at, n - 1));
		assert_true(n == 1 || utf8_prefix(at, n - 1) == 0);
	}
}

static void a_fast_run_finds_a_late_fault(void **state)
{
	char at[64];
	(void)state;
	for (size_t len = 0; len <= sizeof at; len++)
		for (size_t bad = 0; bad < len; bad++) {
			memset(at, 'a', sizeof at);
			at[bad] = (char)0xff;
			assert_int_equal(utf8_prefix(at, len), bad);
		}
	assert_int_equal(utf8_cut(str_of("ab\xd7\xa9z"), 3), 2);
	assert_int_equal(utf8_cut(str_of("ab\xd7\xa9z"), 4), 4);
	assert_int_equal(utf8_cut(str_of("ab"), 9), 2);
}

static void base64_goes_both_ways(void **state)
{
	(void)state;
	for (uint32_t len = 0; len < 70; len++) {
		char bytes[70], text[96], back[96];
		size_t n = 0;
		for (uint32_t i = 0; i < len; i++)
			bytes[i] = (char)(i * 167 + len * 31);
		base64_write(str_n(bytes, len), text);
		assert_true(base64_read(str_n(text, base64_text_len(len)), back, &n));
		assert_int_equal(n, len);
		if (len)
			assert_memory_equal(back, bytes, len);
	}
}

static void base64_is_read_strictly(void **state)
{
	static const char *const bad[] = { "A",        "AA=",  "A===", "AAA==", "AAAAA",
		                           "AA==AA==", "AB==", "AAB=", "AA A",  "AA\n=",
		                           "====",     "=",    "AAA*", "AB",    "AAB" };
	static const char *const good[] = { "",     "AA==", "AA",  "AAA=", "AAA",
		                            "-_-_", "+/+/", "__8", "//8=" };
	char out[16];
	size_t n;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (base64_read(str_of(bad[i]), out, &n))
			fail_msg("taken: %s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!base64_read(str_of(good[i]), out, &n))
			fail_msg("refused: %s", good[i]);
}

static void a_buffer_ends_at_its_maximum(void **state)
{
	struct buf b;
	char over[8];
	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 300; i++)
		buf_text(&b, "1234");
	assert_int_equal(buf_err(&b), ERR_TOO_LARGE);
	assert_int_equal(b.len, 1000);
	buf_char(&b, 'x'); /* the first failure sticks, even where one more would fit */
	assert_int_equal(b.len, 1000);
	buf_clear(&b);
	buf_printf(&b, "%0999d", 1);
	assert_true(b.len == 999 && buf_err(&b) == OK);
	buf_done(&b);
	buf_over(&b, over, sizeof over);
	buf_text(&b, "12345678");
	assert_int_equal(buf_err(&b), OK);
	assert_ptr_equal(b.at, over);
	buf_char(&b, '9');
	assert_int_equal(buf_err(&b), ERR_TOO_LARGE);
	buf_done(&b);
	buf_init(&b, 100);
	buf_u64(&b, UINT64_MAX);
	buf_char(&b, ' ');
	buf_i64(&b, INT64_MIN);
	assert_true(str_is(buf_view(&b), "18446744073709551615 -9223372036854775808"));
	assert_null(buf_room(&b, SIZE_MAX));
	buf_done(&b);
}

static void an_arena_aligns_and_ends(void **state)
{
	char room[64] __attribute__((aligned(16)));
	struct arena a = { .at = room + 1, .len = 40 };
	struct str kept;
	(void)state;
	assert_non_null(arena_take(&a, 1, 1));
	assert_int_equal((uintptr_t)arena_take(&a, 8, 8) % 8, 0);
	assert_null(arena_take(&a, SIZE_MAX, 8));
	assert_null(arena_take(&a, 41, 1));
	assert_true(arena_keep(&a, str_of("kept"), &kept) && str_is(kept, "kept"));
	assert_true(arena_keep(&a, (struct str){ 0 }, &kept));
	while (arena_take(&a, 1, 1))
		;
	assert_int_equal(a.used, 40);
	assert_false(arena_keep(&a, str_of("x"), &kept));
	assert_null(arena_take(NULL, 1, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_is_taken_by_the_rules),
		cmocka_unit_test(a_fast_run_finds_a_late_fault),
		cmocka_unit_test(base64_goes_both_ways),
		cmocka_unit_test(base64_is_read_strictly),
		cmocka_unit_test(a_buffer_ends_at_its_maximum),
		cmocka_unit_test(an_arena_aligns_and_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
