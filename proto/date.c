/*
 * date.c — days and points in time as text.
 */
#include "proto/date.h"
#include "proto/utf8.h"
#include "proto/zone.h"
#include <stdio.h>

#define US_OF_DAY INT64_C(86400000000)

/* Days by eras of 400 years that begin on 1 March (Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms"): the leap day is the last of its year, so no case is special. */
int64_t date_to_days(struct date d)
{
	int64_t y = d.month <= 2 ? d.year - 1 : d.year;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t month = d.month > 2 ? d.month - 3 : d.month + 9;
	int64_t day_of_year = (153 * month + 2) / 5 + d.day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
	return era * 146097 + day_of_era - 719468;
}

struct date date_of_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int month = (int)(mp < 10 ? mp + 3 : mp - 9);
	return (struct date){ .year = (int)(yoe + era * 400 + (month <= 2)),
		              .month = month,
		              .day = (int)(doy - (153 * mp + 2) / 5 + 1) };
}

/* `n` digits at *at, which is moved behind them; negative when they are none. */
static int digits(const char **at, const char *end, int n)
{
	int v = 0;
	for (int i = 0; i < n; i++, ++*at) {
		if (*at == end || **at < '0' || **at > '9')
			return -1;
		v = v * 10 + (**at - '0');
	}
	return v;
}

static bool pass(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	++*at;
	return true;
}

static bool read_date(const char **at, const char *end, struct date *ret)
{
	struct date d;
	d.year = digits(at, end, 4);
	bool good = pass(at, end, '-');
	d.month = good ? digits(at, end, 2) : -1;
	good = good && pass(at, end, '-');
	d.day = good ? digits(at, end, 2) : -1;
	if (d.year < 1 || d.month < 1 || d.month > 12 || d.day < 1 || d.day > 31)
		return false;
	struct date same = date_of_days(date_to_days(d)); /* 30 February is another day */
	if (same.month != d.month)
		return false;
	*ret = d;
	return true;
}

enum err date_read_day(struct str text, struct date *ret)
{
	struct date d;
	const char *at = text.len ? text.at : "", *end = at + text.len;
	if (!read_date(&at, end, &d) || at != end)
		return ERR_INVALID;
	*ret = d;
	return OK;
}

/* HH:MM:SS and a fraction, as us since midnight. */
static bool read_clock(const char **at, const char *end, int64_t *ret_us)
{
	int h = digits(at, end, 2);
	bool good = h >= 0 && pass(at, end, ':');
	int m = good ? digits(at, end, 2) : -1;
	good = m >= 0 && pass(at, end, ':');
	int s = good ? digits(at, end, 2) : -1;
	if (s < 0 || h > 23 || m > 59 ||
	    s > 60) /* 60: a leap second, which is the next minute's first */
		return false;
	int64_t us = 0, unit = 100000;
	if (pass(at, end, '.')) {
		const char *from = *at;
		for (int d; *at - from < 9 && (d = digits(at, end, 1)) >= 0; unit /= 10)
			us += d * unit;
		if (*at == from)
			return false;
	}
	*ret_us = ((h * 60 + m) * 60 + s) * INT64_C(1000000) + us;
	return true;
}

/* Z or ±HH:MM, as us east of UTC. */
static bool read_offset(const char **at, const char *end, int64_t *ret_us)
{
	*ret_us = 0;
	if (pass(at, end, 'Z') || pass(at, end, 'z'))
		return true;
	bool west = pass(at, end, '-');
	if (!west && !pass(at, end, '+') && !pass(at, end, ' '))
		return false;
	int h = digits(at, end, 2);
	int m = h >= 0 && pass(at, end, ':') ? digits(at, end, 2) : -1;
	if (m < 0 || h > 23 || m > 59)
		return false;
	int64_t us = (h * 60 + m) * INT64_C(60000000);
	*ret_us = west ? -us : us;
	return true;
}

enum err date_read_moment(struct str text, int64_t *ret_us)
{
	struct date d;
	int64_t clock, offset;
	const char *at = text.len ? text.at : "", *end = at + text.len;
	if (!read_date(&at, end, &d) || (!pass(&at, end, 'T') && !pass(&at, end, 't')) ||
	    !read_clock(&at, end, &clock) || !read_offset(&at, end, &offset) || at != end)
		return ERR_INVALID;
	*ret_us = date_to_days(d) * US_OF_DAY + clock - offset;
	return OK;
}

const char *date_write(int64_t us, char out[DATE_TEXT_MAX])
{
	const int64_t first = date_to_days((struct date){ 1, 1, 1 }) * US_OF_DAY;
	const int64_t last =
		date_to_days((struct date){ 9999, 12, 31 }) * US_OF_DAY + US_OF_DAY - 1;
	us = us < first ? first : us > last ? last : us;
	int64_t days = us / US_OF_DAY - (us % US_OF_DAY < 0), clock = us - days * US_OF_DAY;
	struct date d = date_of_days(days);
	int seconds = (int)(clock / 1000000), rest = (int)(clock % 1000000);
	int n = snprintf(out, DATE_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d", d.year, d.month,
	                 d.day, seconds / 3600, seconds / 60 % 60, seconds % 60);
	char *tail = out + n;
	size_t room = DATE_TEXT_MAX - (size_t)n;
	if (rest % 1000)
		(void)snprintf(tail, room, ".%06dZ", rest);
	else if (rest)
		(void)snprintf(tail, room, ".%03dZ", rest / 1000);
	else
		(void)snprintf(tail, room, "Z");
	return out;
}

/* The moment a day begins in the zone. */
static int64_t begin_of(struct date d, int more_days, const struct zone *zone)
{
	return zone_day_begins_us(zone, date_to_days(d) + more_days);
}

static enum err refuse(char why[128], const char *name, struct str text)
{
	/* The old system's words (its clients show them), with no more of the caller's bytes than
	 * fit a line. */
	char shown[44];
	text.len = utf8_cut(text, 40);
	text.len = (uint32_t)utf8_prefix(text.at, text.len);
	str_keep(shown, sizeof shown, text);
	for (char *c = shown; *c; c++)
		*c = (unsigned char)*c < 0x20 ? ' ' : *c;
	(void)snprintf(why, 128, "Invalid %s format: '%s'. Use YYYY-MM-DD", name, shown);
	return ERR_INVALID;
}

enum err date_read_range(struct str from, struct str to, const struct zone *zone,
                         struct date_range *ret, char why[128])
{
	struct date_range r = { .from_us = INT64_MIN, .to_us = INT64_MAX };
	struct date d;
	if (from.len && !date_read_day(from, &d))
		r.from_us = begin_of(d, 0, zone);
	else if (from.len && date_read_moment(from, &r.from_us))
		return refuse(why, "from_date", from);
	bool to_day = to.len && !date_read_day(to, &d);
	if (to_day)
		r.to_us = begin_of(d, 1, zone);
	else if (to.len && date_read_moment(to, &r.to_us))
		return refuse(why, "to_date", to);
	if (r.from_us > r.to_us || (to_day && r.from_us == r.to_us)) {
		(void)snprintf(why, 128, "from_date is later than to_date");
		return ERR_INVALID;
	}
	*ret = r;
	return OK;
}
