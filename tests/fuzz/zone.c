/*
 * zone.c — any bytes as a time zone file; what is read answers for any moment without surprise. The
 * first 32 bytes are also tried as dates.
 */
#include "proto/zone.h"
#include "proto/date.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void must(bool held)
{
	if (!held)
		abort();
}

static void check_dates(struct str text)
{
	char out[DATE_TEXT_MAX], why[128];
	int64_t us, back;
	struct date_range r;
	if (!date_read_moment(text, &us) && us >= 0 && us < INT64_C(200000000000000000)) {
		must(date_read_moment(str_of(date_write(us, out)), &back) == OK);
		must(us == back);
	}
	if (date_read_range(text, (struct str){ 0 }, NULL, &r, why))
		must(memchr(why, 0, sizeof why));
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	static struct zone z;
	check_dates(str_n((const char *)at, len < 32 ? len : 32));
	if (zone_read(&z, str_n((const char *)at, len)))
		return 0;
	for (int64_t day = -30000; day < 60000; day += 9973) {
		int64_t begins = zone_day_begins_us(&z, day) / 1000000,
			east = zone_east_s(&z, begins);
		must(east >= -93600 && east <= 93600);
		must(begins + east >= day * 86400);
	}
	zone_east_s(&z, INT64_MIN / 2);
	zone_east_s(&z, INT64_MAX / 2);
	return 0;
}
