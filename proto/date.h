/*
 * date.h — days and points in time as text: YYYY-MM-DD, RFC 3339, and ranges of whole days.
 *
 *     from_date=2024-03-01  to_date=2024-03-31       [1 March 00:00, 1 April 00:00)  in the zone
 *     from_date=2024-03-01T08:00:00Z                 [that moment, …
 *
 * Ranges are half open: a day as an end includes that whole day, a moment as an end does not
 * include itself. Moments are us since the epoch, UTC.
 */
#pragma once
#include "proto/buf.h"
#include "proto/err.h"

struct zone; /* zone.h */

enum { DATE_TEXT_MAX = 32 }; /* bytes of what date_write makes, its NUL included */

/* A day of the calendar, proleptic Gregorian, years 1 to 9999. */
struct date {
	int year, month, day;
};

/* Days since 1970-01-01, and back. */
int64_t date_to_days(struct date d);
struct date date_of_days(int64_t days);

/* "2024-02-29". ERR_INVALID. */
MUST enum err date_read_day(struct str text, struct date *ret);

/* "2024-02-29T23:59:60.5+02:00" (RFC 3339, section 5.6; up to 9 digits of fraction, cut to us). A
 * space for the '+' is taken too: what a query makes of a '+' that nobody encoded. ERR_INVALID. */
MUST enum err date_read_moment(struct str text, int64_t *ret_us);

/* "2024-02-29T12:00:01Z", with three or six digits of fraction where there is one. Cut to the years
 * that have such a form. */
const char *date_write(int64_t us, char out[DATE_TEXT_MAX]);

struct date_range {
	int64_t from_us, to_us; /* INT64_MIN, INT64_MAX: open */
};

/* From two parameters, either may be empty. ERR_INVALID with one sentence for the caller in `why`:
 * "Invalid from_date format: 'xyz'. Use YYYY-MM-DD". `zone` NULL: UTC. */
MUST enum err date_read_range(struct str from, struct str to, const struct zone *zone,
                              struct date_range *ret, char why[128]);
