/*
 * tools_view.c — a tap ends itself at its limit, says what it could not show, and waits for no
 * reader.
 */
#include "tools/tap/outlet.h"
#include "tools/tap/view.h"
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>
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

static void what_was_read_too_slowly_is_said(void **state)
{
	struct view v;
	struct tap_seen s = seen;
	struct buf out, summary;
	(void)state;
	buf_init(&out, 1 << 16);
	buf_init(&summary, 1 << 16);
	s.lost = 2;
	assert_int_equal(view_init(&v, VIEW_TEXT, false, 10), OK);
	view_skip(&v, &s);
	view_skip(&v, &s);
	assert_true(view_show(&v, &seen, &out));
	assert_true(view_show(&v, &seen, &out));
	buf_char(&out, '\0');
	const char *said = strstr(out.at, "# 2 more, which this output was read too slowly for\n");
	assert_non_null(said);
	assert_null(strstr(strchr(said, '\n'), "too slowly"));
	view_end(&v, 1000000, &out, &summary);
	buf_char(&summary, '\0');
	assert_string_equal(summary.at, "2 messages in 1.0 s, 4 left out (over the rate), "
	                                "2 left out (read too slowly)\n");
	view_done(&v);
	buf_done(&out);
	buf_done(&summary);
}

/* A pipe that nobody reads: putting never waits, there is an end of room, and what was put arrives
 * in full once somebody reads. */
static void a_reader_is_never_waited_for(void **state)
{
	enum { MOST = 1 << 20, LINE = 1000 };
	struct outlet o;
	int ends[2];
	char line[LINE], got[4096];
	size_t put = 0, read_back = 0;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	outlet_init(&o, ends[1], MOST);
	for (; outlet_room(&o, LINE); put += LINE) {
		memset(line, (int)('a' + put / LINE % 26), LINE);
		buf_put(&o.buf, line, LINE);
		assert_true(outlet_flow(&o));
	}
	assert_true(outlet_waits(&o));
	assert_true(put > MOST - LINE && put < 2 * MOST);
	assert_false(fcntl(ends[1], F_GETFL) & O_NONBLOCK); /* others write there, too */
	assert_int_equal(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	for (ssize_t n; read_back < put; read_back += (size_t)n) {
		n = read(ends[0], got, sizeof got);
		assert_true(n > 0);
		for (ssize_t i = 0; i < n; i++)
			assert_int_equal(got[i], 'a' + (read_back + (size_t)i) / LINE % 26);
		assert_true(outlet_flow(&o));
	}
	assert_false(outlet_waits(&o));
	assert_true(outlet_room(&o, MOST));
	buf_put(&o.buf, line, LINE);
	(void)close(ends[0]);
	(void)signal(SIGPIPE, SIG_IGN);
	assert_false(outlet_flow(&o)); /* nobody reads any more */
	outlet_done(&o);
	(void)close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends_at_its_limit),
		cmocka_unit_test(what_was_lost_is_said),
		cmocka_unit_test(what_was_read_too_slowly_is_said),
		cmocka_unit_test(a_reader_is_never_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
