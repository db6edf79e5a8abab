/*
 * Calls as an operator sees them: the axis of time, the board of live ones; and what settings may
 * be.
 */
#include "proto/call_check.h"
#include "tools/calls/board.h"
#include "tools/calls/timeline.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S(lit) str_of(lit)
#define SEC    1000000u

static void event(struct timeline *t, uint64_t at_us, uint32_t seq, enum call_happening kind,
                  int64_t ms, const char *text)
{
	assert_int_equal(timeline_add(t, &(struct call_event){ .epoch = 1,
	                                                       .seq = seq,
	                                                       .at_us = at_us,
	                                                       .kind = kind,
	                                                       .ms = ms,
	                                                       .text = str_of(text) }),
	                 OK);
}

/* Whatever order they come in; long words are cut between words and never beyond the columns. */
static void time_runs_down_one_axis(void **state)
{
	struct timeline t = { 0 };
	struct buf b;
	(void)state;
	buf_init(&b, 1 << 16);
	event(&t, 62 * SEC, 4, CALL_HAPPENING_WIRE_DOWN, 0, "caller");
	event(&t, 2 * SEC, 2, CALL_HAPPENING_SAID, 0,
	      "Good morning, this is a sentence with ümläuts that is far too long for one lane of "
	      "it");
	event(&t, 1 * SEC, 1, CALL_HAPPENING_WIRE_UP, 0, "carrier");
	event(&t, 3 * SEC, 3, CALL_HAPPENING_TURN, 380, "");
	assert_int_equal(timeline_message(&t, 4 * SEC, false, S("a photo")), OK);
	timeline_write(&t, 1 * SEC, &b);
	struct str text = buf_view(&b);
	const char *const inside[] = { "wire opens   0:00.000 ┤", "0:01.000 ├ “Good morning",
		                       "0:02.000 ├ ▶ answers after 380 ms",
		                       "✉ “a photo”   0:03.000 ┤",
		                       "the call is over: the other party hung up   1:01.000 ┤" };
	const char *at = text.at;
	for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++) {
		at = memmem(at, text.len - (size_t)(at - text.at), inside[i], strlen(inside[i]));
		assert_non_null(at); /* one behind the other */
	}
	for (const char *line = text.at, *end = text.at + text.len; line < end;) {
		const char *nl = memchr(line, '\n', (size_t)(end - line));
		assert_true(timeline_width(str_n(line, (uint32_t)(nl - line))) <= TIMELINE_COLUMNS);
		line = nl + 1;
	}
	buf_done(&b);
	timeline_done(&t);
}

static void hear(struct board *b, const char *call, enum call_state state, uint32_t turns,
                 uint64_t now_us)
{
	board_heard(b, 1, "acme",
	            &(struct call_pulse){ .call = str_of(call),
	                                  .state = state,
	                                  .turns = turns,
	                                  .from = S("+4930"),
	                                  .node = S("street.1") },
	            now_us);
}

static uint32_t lines_with(struct board *b, uint64_t now_us, const char *word)
{
	struct buf out;
	uint32_t n = 0;
	buf_init(&out, 1 << 16);
	board_changes(b, now_us, "12:00:00", false, &out);
	for (size_t i = 0; i + strlen(word) <= out.len; i++)
		n += !memcmp(out.at + i, word, strlen(word));
	buf_done(&out);
	return n;
}

static void a_change_is_told_once(void **state)
{
	struct board b;
	(void)state;
	assert_int_equal(board_init(&b), OK);
	hear(&b, "CA1", CALL_STATE_LIVE, 0, SEC);
	assert_int_equal(lines_with(&b, SEC, "began"), 1);
	hear(&b, "CA1", CALL_STATE_LIVE, 0, 2 * SEC);
	assert_int_equal(lines_with(&b, 2 * SEC, "CA1"), 0);
	hear(&b, "CA1", CALL_STATE_LIVE, 1, 3 * SEC);
	hear(&b, "CA1", CALL_STATE_EXPECTED, 0, 4 * SEC); /* another gateway waits for its stream */
	assert_int_equal(lines_with(&b, 4 * SEC, "turn  "), 1);
	assert_int_equal(lines_with(&b, 6 * SEC, "ended"), 1);
	assert_int_equal(b.n, 0);
	assert_int_equal(b.ended, 1);
	board_done(&b);
}

static enum err tools(const char *json)
{
	char why[CALL_CHECK_WHY];
	return call_check(&(struct call_settle){ .tools = str_of(json) }, why);
}

static void settings_make_sense(void **state)
{
	char why[CALL_CHECK_WHY];
	(void)state;
	assert_int_equal(tools("[]"), OK);
	assert_int_equal(tools("[{\"name\":\"a\",\"url\":\"https://e.com/\"}]"), OK);
	assert_int_equal(tools("[{\"name\":\"a\",\"url\":\"http://e.com/\"}]"), ERR_INVALID);
	assert_int_equal(tools("[{\"url\":\"https://e.com/\"}]"), ERR_INVALID);
	assert_int_equal(tools("[{\"name\":\"a\",\"url\":\"https://e.com/\",\"parameters\":[]}]"),
	                 ERR_INVALID);
	assert_int_equal(tools("[1]"), ERR_INVALID);
	assert_int_equal(tools("{}"), ERR_INVALID);
	static const char *const bad[] = { "+", "+012345678", "4930123456", "+49 30 123",
		                           "+1234567890123456" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(
			call_check(&(struct call_settle){ .transfer_to = str_of(bad[i]) }, why),
			ERR_INVALID);
	assert_int_equal(call_check(&(struct call_settle){ .transfer_to = S("+4930123456") }, why),
	                 OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(time_runs_down_one_axis),
		cmocka_unit_test(a_change_is_told_once),
		cmocka_unit_test(settings_make_sense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
