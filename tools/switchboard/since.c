/*
 * since.c — since.h.
 */
#include "tools/switchboard/since.h"
#include "proto/date.h"
#include "tools/config/value.h"
#include <time.h>

enum { DAY_S = 86400, SINCE_MOST_S = 10 * 366 * DAY_S };

enum exit_code since_of(const struct cli *c, uint64_t *ret)
{
	static const struct value_rule rule = { .type = VALUE_DURATION,
		                                .least = 1,
		                                .most = SINCE_MOST_S * INT64_C(1000) };
	const char *text = cli_text(c, "since");
	struct date_range range;
	char room[128], why[128];
	struct timespec now;
	int64_t ms;
	if (!text)
		return EXIT_DONE;
	clock_gettime(CLOCK_REALTIME, &now);
	if (!value_check(&rule, str_of(text), &ms, room, sizeof room)) {
		*ret = (uint64_t)now.tv_sec * 1000000 - (uint64_t)ms * 1000;
		return EXIT_DONE;
	}
	if (date_read_range(str_of(text), (struct str){ 0 }, NULL, &range, why) ||
	    range.from_us <= 0)
		return cli_fail(
			c, EXIT_USAGE,
			"--since %s: not a duration such as 90m, nor a day such as 2026-11-24",
			text);
	*ret = (uint64_t)range.from_us;
	return EXIT_DONE;
}
