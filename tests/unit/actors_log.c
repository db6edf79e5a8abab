/*
 * What a log line looks like, what it never holds, and how repeats are held back.
 */
#include "actors/runtime/log.h"
#include "actors/runtime/redact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void redacts(const char *in, const char *out)
{
	char text[256];
	strcpy(text, in);
	size_t n = redact(text, strlen(in));
	text[n] = '\0';
	assert_string_equal(text, out);
}

static void secrets_are_masked(void **state)
{
	(void)state;
	redacts("", "");
	redacts("gap call=7f3a lost=3", "gap call=7f3a lost=3");
	redacts("login token=abc123 ok", "login token=*** ok");
	redacts("access_token=abc123", "access_token=***");
	redacts("x password: \"a b c\" y", "x password: \"***\" y");
	redacts("{'secret': 'a b'}",
	        "{'secret': 'a b'}"); /* no key=value: JSON is never logged raw */
	redacts("Authorization: Bearer eyJhbGciOi.x.y, next=1", "Authorization: ***, next=1");
	redacts("call from=+15551230100 to=+491711234567", "call from=+155***0100 to=+491***4567");
	redacts("a+b=+5 +12345", "a+b=+5 +12345");
	redacts("mail anna.smith@example.com sent", "mail a***@example.com sent");
	redacts("at @ night", "at @ night");
	redacts("token=", "token=");
	redacts("token=ab", "token=**");
	redacts("tokens=5 secretary=eve", "tokens=5 secretary=eve");
	redacts("+12345678901234567890", "+12345678901234567890");
}

/* Output never outgrows input, whatever the bytes: it is written in place. */
static void redacting_never_grows(void **state)
{
	(void)state;
	static const char letters[] = "token=:@+1 '\",;a.";
	char text[64];
	uint64_t x = 1;
	for (int i = 0; i < 200000; i++) {
		size_t n = (x >> 40) % sizeof text;
		for (size_t k = 0; k < n; k++) {
			x = x * 6364136223846793005u + 1442695040888963407u;
			text[k] = letters[(x >> 33) % (sizeof letters - 1)];
		}
		assert_true(redact(text, n) <= n);
	}
}

static void formatted(enum log_format how, const struct log_line *l, const char *want)
{
	char line[LOG_LINE];
	uint32_t n = log_format(how, l, line, sizeof line);
	line[n] = '\0';
	assert_string_equal(line, want);
}

static void three_formats(void **state)
{
	(void)state;
	struct log_line l = { .level = LOG_WARN,
		              .wall_us = 1767323045678901,
		              .node = STR_LIT("a"),
		              .actor = STR_LIT("call/CA1"),
		              .text = STR_LIT("gap \"x\"\nlost=3"),
		              .business = 7,
		              .trace = { .id = { 0xab, 1 }, .span = 5 } };
	formatted(LOG_LOGFMT, &l,
	          "ts=2026-01-02T03:04:05.678901Z level=warn node=a actor=call/CA1 tenant=7 "
	          "trace_id=ab010000000000000000000000000000 msg=\"gap \\\"x\\\"\\u000alost=3\"");
	formatted(LOG_JSON, &l,
	          "{\"ts\":\"2026-01-02T03:04:05.678901Z\",\"level\":\"warn\",\"node\":\"a\","
	          "\"actor\":\"call/"
	          "CA1\",\"tenant\":\"7\",\"trace_id\":\"ab010000000000000000000000000000\","
	          "\"msg\":\"gap \\\"x\\\"\\u000alost=3\"}");
	formatted(LOG_HUMAN, &l, "03:04:05.678 WARN  a call/CA1  gap \"x\"\\u000alost=3");
	l = (struct log_line){ .level = LOG_INFO, .node = STR_LIT("a"), .text = STR_LIT("up") };
	formatted(LOG_LOGFMT, &l, "ts=1970-01-01T00:00:00.000000Z level=info node=a msg=up");
}

static void a_long_line_is_cut_and_whole(void **state)
{
	(void)state;
	char text[2000], line[256];
	memset(text, '\n', sizeof text);
	struct log_line l = { .level = LOG_INFO,
		              .node = STR_LIT("a"),
		              .text = { text, sizeof text } };
	uint32_t n = log_format(LOG_JSON, &l, line, sizeof line);
	assert_true(n <= sizeof line);
	assert_memory_equal(line + n - 2, "\"}", 2);
}

static void repeats_are_held_back_and_counted(void **state)
{
	(void)state;
	struct log l = { .next_us = UINT64_MAX };
	struct log_row r;
	uint64_t now = 5000000;
	for (int i = 0; i < 100; i++)
		assert_int_equal(log_admit(&l, now, "full at=%d", "a", LOG_WARN), i < LOG_BURST);
	assert_true(log_admit(&l, now, "full at=%d", "b", LOG_WARN)); /* of another kind */
	assert_int_equal(l.held, 90);
	assert_false(log_held(&l, now + 999999, &r));
	assert_true(log_held(&l, now + 1000000, &r));
	assert_int_equal(r.held, 90);
	assert_string_equal(r.event, "full");
	assert_false(log_held(&l, now + 1000000, &r));
	assert_int_equal(l.next_us, UINT64_MAX);
	assert_true(log_admit(&l, now + 1000000, "full at=%d", "a", LOG_WARN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secrets_are_masked),
		cmocka_unit_test(redacting_never_grows),
		cmocka_unit_test(three_formats),
		cmocka_unit_test(a_long_line_is_cut_and_whole),
		cmocka_unit_test(repeats_are_held_back_and_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
