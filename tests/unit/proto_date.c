/*
 * proto_date — days, moments and zones, held against libc's own reading of the same zone files.
 */
#include "proto/date.h"
#include "proto/zone.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static void days_are_read_strictly(void **state)
{
	static const char *const bad[] = { "",           "2024",        "2024-1-01",   "2024-13-01",
		                           "2024-00-01", "2024-02-30",  "2023-02-29",  "2024-01-00",
		                           "2024-01-32", "2024-01-01 ", " 2024-01-01", "2024/01/01",
		                           "20240101",   "0000-01-01",  "2024-01-01T", "xyz",
		                           "1900-02-29" };
	struct date d;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (date_read_day(str_of(bad[i]), &d) != ERR_INVALID)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(date_read_day(str_of("2000-02-29"), &d), OK);
	assert_int_equal(date_to_days(d), 11016);
	for (int64_t day = -719162; day < 2932896; day += 97) /* years 1 to 9999 */
		assert_int_equal(date_to_days(date_of_days(day)), day);
}

static void moments_are_read_strictly(void **state)
{
	static const struct {
		const char *text;
		int64_t us;
	} good[] = {
		{ "1970-01-01T00:00:00Z", 0 },
		{ "1970-01-01T00:00:00.5z", 500000 },
		{ "1970-01-01t02:00:00+02:00", 0 },
		{ "1970-01-01T02:00:00 02:00", 0 },
		{ "1969-12-31T19:00:00-05:00", 0 },
		{ "2024-02-29T12:34:56.123456789Z", 1709210096123456 },
		{ "2016-12-31T23:59:60Z", 1483228800000000 },
	};
	static const char *const bad[] = { "2024-01-01",
		                           "2024-01-01 00:00:00Z",
		                           "2024-01-01T00:00Z",
		                           "2024-01-01T24:00:00Z",
		                           "2024-01-01T00:60:00Z",
		                           "2024-01-01T00:00:00",
		                           "2024-01-01T00:00:00.Z",
		                           "2024-01-01T00:00:00.1234567890Z",
		                           "2024-01-01T00:00:00+2:00",
		                           "2024-01-01T00:00:00+0200",
		                           "2024-01-01T00:00:00Zx",
		                           "2024-02-30T00:00:00Z" };
	int64_t us;
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		if (date_read_moment(str_of(good[i].text), &us))
			fail_msg("refused: %s", good[i].text);
		assert_int_equal(us, good[i].us);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (date_read_moment(str_of(bad[i]), &us) != ERR_INVALID)
			fail_msg("taken: %s", bad[i]);
}

static void moments_written_read_back(void **state)
{
	char text[DATE_TEXT_MAX];
	(void)state;
	assert_string_equal(date_write(0, text), "1970-01-01T00:00:00Z");
	assert_string_equal(date_write(-1, text), "1969-12-31T23:59:59.999999Z");
	assert_string_equal(date_write(1709210096123000, text), "2024-02-29T12:34:56.123Z");
	assert_string_equal(date_write(INT64_MAX, text), "9999-12-31T23:59:59.999999Z");
	assert_string_equal(date_write(INT64_MIN, text), "0001-01-01T00:00:00Z");
	for (int64_t us = -5000000000000000; us < 5000000000000000; us += 7777777777777) {
		int64_t back;
		assert_int_equal(date_read_moment(str_of(date_write(us, text)), &back), OK);
		assert_int_equal(back, us);
	}
}

static void ranges_are_half_open(void **state)
{
	struct date_range r;
	char why[128] = "";
	(void)state;
	assert_int_equal(date_read_range(str_of("1970-01-02"), str_of("1970-01-02"), NULL, &r, why),
	                 OK);
	assert_true(r.from_us == 86400000000 && r.to_us == 2 * 86400000000);
	assert_int_equal(date_read_range(str_of(""), str_of("1970-01-01T00:00:01Z"), NULL, &r, why),
	                 OK);
	assert_true(r.from_us == INT64_MIN && r.to_us == 1000000);
	assert_int_equal(date_read_range(str_of("xyz"), str_of(""), NULL, &r, why), ERR_INVALID);
	assert_string_equal(why, "Invalid from_date format: 'xyz'. Use YYYY-MM-DD");
	assert_int_equal(date_read_range(str_of(""), str_of("2024-02-30"), NULL, &r, why),
	                 ERR_INVALID);
	assert_string_equal(why, "Invalid to_date format: '2024-02-30'. Use YYYY-MM-DD");
	assert_int_equal(date_read_range(str_of("2024-02-02"), str_of("2024-02-01"), NULL, &r, why),
	                 ERR_INVALID);
	assert_string_equal(why, "from_date is later than to_date");
}

static const char *const names[] = { "UTC",
	                             "Asia/Jerusalem",
	                             "America/New_York",
	                             "America/St_Johns",
	                             "Pacific/Apia",
	                             "Australia/Lord_Howe",
	                             "America/Asuncion",
	                             "Europe/Dublin",
	                             "Africa/Casablanca",
	                             "Asia/Kolkata",
	                             "America/Havana",
	                             "Antarctica/Troll",
	                             "Asia/Gaza" };

static void zones_agree_with_libc(void **state)
{
	static struct zone z;
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (zone_load(&z, names[i]))
			fail_msg("no zone %s", names[i]);
		setenv("TZ", names[i], 1);
		tzset();
		for (int64_t at = -2500000000; at < 5500000000; at += 999983) { /* 1890 to 2144 */
			time_t t = at;
			struct tm tm;
			localtime_r(&t, &tm);
			if (tm.tm_gmtoff != zone_east_s(&z, at))
				fail_msg("%s at %lld: libc %ld, ours %d", names[i], (long long)at,
				         tm.tm_gmtoff, zone_east_s(&z, at));
		}
	}
}

static void a_day_begins_where_midnight_is_passed(void **state)
{
	static struct zone z;
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		assert_int_equal(zone_load(&z, names[i]), OK);
		for (int64_t day = -20000; day < 40000; day++) {
			int64_t t = zone_day_begins_us(&z, day) / 1000000;
			bool begun = t + zone_east_s(&z, t) >= day * 86400;
			bool before = t - 1 + zone_east_s(&z, t - 1) < day * 86400;
			bool first = t - 3600 + zone_east_s(&z, t - 3600) < day * 86400;
			if (!begun || !before || !first)
				fail_msg("%s day %lld: %lld", names[i], (long long)day,
				         (long long)t);
		}
	}
	assert_int_equal(zone_load(&z, "Asia/Jerusalem"), OK);
	struct date_range r;
	char why[128];
	assert_int_equal(date_read_range(str_of("2024-03-29"), str_of("2024-03-29"), &z, &r, why),
	                 OK);
	assert_int_equal((r.to_us - r.from_us) / 3600000000,
	                 23); /* the clock is put forward that day */
}

static void broken_zone_files_are_refused(void **state)
{
	static struct zone z;
	static char file[65536];
	FILE *f = fopen("/usr/share/zoneinfo/Asia/Jerusalem", "rb");
	(void)state;
	assert_non_null(f);
	size_t n = fread(file, 1, sizeof file, f);
	(void)fclose(f);
	assert_int_equal(zone_read(&z, str_n(file, n)), OK);
	for (size_t cut = 0; cut < n; cut++) {
		char *copy = malloc(cut ? cut : 1);
		assert_non_null(copy);
		memcpy(copy, file, cut);
		assert_int_not_equal(zone_read(&z, str_n(copy, cut)), OK);
		free(copy);
	}
	for (size_t i = 0; i < n; i++) { /* any byte wrong: refused or read, never out of bounds */
		char *copy = malloc(n);
		assert_non_null(copy);
		memcpy(copy, file, n);
		copy[i] = (char)~copy[i];
		enum err e = zone_read(&z, str_n(copy, n));
		if (!e)
			zone_day_begins_us(&z, 19000);
		free(copy);
	}
	assert_int_equal(zone_load(&z, "../../../etc/passwd"), ERR_INVALID);
	assert_int_equal(zone_load(&z, "/etc/localtime"), ERR_INVALID);
	assert_int_equal(zone_load(&z, "Nowhere/Town"), ERR_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(days_are_read_strictly),
		cmocka_unit_test(moments_are_read_strictly),
		cmocka_unit_test(moments_written_read_back),
		cmocka_unit_test(ranges_are_half_open),
		cmocka_unit_test(zones_agree_with_libc),
		cmocka_unit_test(a_day_begins_where_midnight_is_passed),
		cmocka_unit_test(broken_zone_files_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
