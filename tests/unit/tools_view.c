/*
 * tools_view.c — a tap ends itself at its limit, and says what it could not show.
 */
#include "tools/tap/view.h"
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
/* cmocka wants those first */
#include <cmocka.h>

static const struct tap_seen seen = { .node = { "street.1", 8 }, .type = 0xfffffff };

static void ends_at_its_limit(void **state)
{
	static const uint64_t limits[][2] = { { 3, 3 }, { 1, 1 }, { 0, 1000 } };
	(void)state;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		struct view v;
		struct buf out;
		buf_init(&out, 1 << 20);
		assert_int_equal(view_init(&v, VIEW_TEXT, false, limits[i][0]), OK);
		for (uint64_t n = 1; n < limits[i][1]; n++)
			assert_true(view_show(&v, &seen, &out));
		assert_false(view_show(&v, &seen, &out));
		view_done(&v);
		buf_done(&out);
	}
}

static void what_was_lost_is_said(void **state)
{
	struct tap_seen s = seen;
	struct view v;
	struct buf out, summary;
	(void)state;
	buf_init(&out, 1 << 16);
	buf_init(&summary, 1 << 16);
	s.lost = 7;
	assert_int_equal(view_init(&v, VIEW_TEXT, false, 1), OK);
	assert_false(view_show(&v, &s, &out));
	buf_char(&out, '\0');
	assert_non_null(strstr(out.at, "# 7 more on street.1, over the rate\n"));
	view_end(&v, 1000000, &out, &summary);
	buf_char(&summary, '\0');
	assert_non_null(strstr(summary.at, "the limit is met"));
	view_done(&v);
	buf_done(&out);
	buf_done(&summary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_its_limit),
		cmocka_unit_test(what_was_lost_is_said),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
