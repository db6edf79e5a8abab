/*
 * zone.h — a time zone of the IANA database, from its compiled file (TZif, RFC 8536).
 *
 * Our own small reader, because libc knows one zone per process, set through the environment; a
 * backend has one for each business. Bounded, allocates nothing, knows no path: the caller brings
 * the file's bytes (zone_load does it for /usr/share/zoneinfo).
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum {
	ZONE_CHANGES = 512, /* the longest zone of 2024 has 236, its years up to 2037 written out */
	ZONE_BYTES = 64 << 10,
};

/* A day in the year when the clock is changed: Mm.w.d/time of POSIX TZ, or Jn, or n. */
struct zone_rule {
	enum { ZONE_MONTH_WEEK_DAY, ZONE_JULIAN, ZONE_DAY_OF_YEAR } kind;
	int month, week, day;
	int32_t at_s; /* local time, s after midnight; may be negative or beyond a day */
};

struct zone {
	uint32_t n;
	int32_t before_s; /* s east of UTC before the first change */
	struct {
		int64_t at_s; /* since the epoch */
		int32_t east_s;
	} changes[ZONE_CHANGES];
	/* After the last one: the rule at the file's end. */
	bool has_rule, has_summer;
	int32_t winter_s, summer_s; /* s east of UTC */
	struct zone_rule to_summer, to_winter;
};

/* ERR_MALFORMED, or ERR_TOO_LARGE for more changes than there is room for. */
MUST enum err zone_read(struct zone *ret, struct str tzif);

/* By its name: "Asia/Jerusalem". ERR_INVALID for what is no name, ERR_NOT_FOUND. Blocks for one
 * small read of a file: for a start or a cache, not for each request. */
MUST enum err zone_load(struct zone *ret, const char *name);

/* Seconds east of UTC at a moment, s since the epoch. NULL is UTC. */
int32_t zone_east_s(const struct zone *z, int64_t at_s);

/* The moment a local day begins, us since the epoch; `days` since 1970-01-01. Where the clock jumps
 * over midnight it is the jump, where midnight comes twice it is the first. */
int64_t zone_day_begins_us(const struct zone *z, int64_t days);
