/*
 * proto_glob.c — the table of what matches, and that a hostile pattern is not slow.
 */
#include "proto/glob.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <time.h>

static void the_table(void **state)
{
	(void)state;
	static const struct {
		const char *pattern, *text;
		bool match;
	} rows[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "anything", true },
		{ "a", "a", true },
		{ "a", "b", false },
		{ "?", "", false },
		{ "?", "a", true },
		{ "call.*", "call.open", true },
		{ "call.*", "calls.open", false },
		{ "*.open", "call.open", true },
		{ "*.open", "call.opened", false },
		{ "a*b*c", "a--b--c", true },
		{ "a*b*c", "a--c--b", false },
		{ "*a*", "bab", true },
		{ "**", "x", true },
		{ "a?c", "abc", true },
		{ "dedupe/*", "dedupe/17", true },
		{ "*aab", "aaab", true },
		{ "abc", "abcd", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (glob_match(str_of(rows[i].pattern), str_of(rows[i].text)) != rows[i].match)
			fail_msg("'%s' on '%s'", rows[i].pattern, rows[i].text);
}

static void hostile_patterns_end_soon(void **state)
{
	(void)state;
	char pattern[64], text[4096];
	for (size_t i = 0; i < sizeof pattern; i++)
		pattern[i] = i % 2 ? 'a' : '*';
	memset(text, 'a', sizeof text);
	pattern[sizeof pattern - 1] = 'b';
	clock_t from = clock();
	for (int i = 0; i < 100; i++)
		assert_false(glob_match(str_n(pattern, sizeof pattern), str_n(text, sizeof text)));
	assert_true(clock() - from < CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table),
		cmocka_unit_test(hostile_patterns_end_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
