/*
 * zone.c — a time zone from its compiled file.
 *
 *     ┌─ header ─┬─ data, 32 bits ─┬─ header ─┬─ data, 64 bits ─┬─ "\nIST-2IDT,M3.4.4/26,M10.5.0\n"
 *     (skipped but for its lengths)            times  types  …      rule for all later years
 */
#include "proto/zone.h"
#include "proto/date.h"
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { HEADER = 44, DAY_S = 86400, MOST_EAST_S = 26 * 3600 /* RFC 8536, 3.2 */ };

static bool near(int32_t east_s)
{
	return east_s >= -MOST_EAST_S && east_s <= MOST_EAST_S;
}

struct in {
	const uint8_t *at, *end;
};

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static int64_t be64(const uint8_t *p)
{
	return (int64_t)((uint64_t)be32(p) << 32 | be32(p + 4));
}

struct counts {
	uint32_t isut, isstd, leap, time, type, chars;
};

/* A header and the length of the data behind it, times being `wide` bytes. */
static bool header(struct in *in, unsigned wide, struct counts *ret, size_t *ret_data)
{
	if (in->end - in->at < HEADER || memcmp(in->at, "TZif", 4) != 0)
		return false;
	const uint8_t *p = in->at + 20;
	*ret = (struct counts){ be32(p),      be32(p + 4),  be32(p + 8),
		                be32(p + 12), be32(p + 16), be32(p + 20) };
	in->at += HEADER;
	uint32_t all[] = { ret->isut, ret->isstd, ret->leap, ret->time, ret->type, ret->chars };
	for (size_t i = 0; i < 6; i++)
		if (all[i] > ZONE_BYTES)
			return false;
	*ret_data = (size_t)ret->time * (wide + 1) + (size_t)ret->type * 6 + ret->chars +
	            (size_t)ret->leap * (wide + 4) + ret->isstd + ret->isut;
	return ret->type && *ret_data <= (size_t)(in->end - in->at);
}

static bool number(struct in *in, int most, int *ret)
{
	int v = 0;
	const uint8_t *from = in->at;
	for (; in->at < in->end && *in->at >= '0' && *in->at <= '9'; in->at++) {
		v = v * 10 + (*in->at - '0');
		if (v > most)
			return false;
	}
	*ret = v;
	return in->at > from;
}

static bool pass(struct in *in, char c)
{
	if (in->at == in->end || *in->at != (uint8_t)c)
		return false;
	in->at++;
	return true;
}

/* [+-]h[h][:mm[:ss]], in s. POSIX allows 24 hours, RFC 8536 up to 167. */
static bool clock_s(struct in *in, int32_t *ret)
{
	int h, m = 0, s = 0;
	bool minus = pass(in, '-');
	if (!minus)
		pass(in, '+');
	if (!number(in, 167, &h))
		return false;
	if (pass(in, ':') && (!number(in, 59, &m) || (pass(in, ':') && !number(in, 59, &s))))
		return false;
	int32_t v = (h * 60 + m) * 60 + s;
	*ret = minus ? -v : v;
	return true;
}

/* The name of a zone in a rule, which we do not keep: letters, or anything in <>. */
static bool abbreviation(struct in *in)
{
	const uint8_t *from = in->at;
	if (pass(in, '<')) {
		while (in->at < in->end && *in->at != '>')
			in->at++;
		return pass(in, '>');
	}
	while (in->at < in->end && ((*in->at | 0x20) >= 'a' && (*in->at | 0x20) <= 'z'))
		in->at++;
	return in->at > from;
}

static bool change_day(struct in *in, struct zone_rule *ret)
{
	bool good;
	ret->at_s = 2 * 3600;
	if (pass(in, 'M')) {
		ret->kind = ZONE_MONTH_WEEK_DAY;
		good = number(in, 12, &ret->month) && pass(in, '.') && number(in, 5, &ret->week) &&
		       pass(in, '.') && number(in, 6, &ret->day) && ret->month && ret->week;
	} else {
		ret->kind = pass(in, 'J') ? ZONE_JULIAN : ZONE_DAY_OF_YEAR;
		good = number(in, 365, &ret->day) && (ret->kind == ZONE_DAY_OF_YEAR || ret->day);
	}
	return good && (!pass(in, '/') || clock_s(in, &ret->at_s));
}

/* POSIX TZ: std offset [dst [offset] , start [/time] , end [/time]]. Offsets there count west. */
static bool rule(struct zone *z, struct in in)
{
	int32_t west;
	if (!abbreviation(&in) || !clock_s(&in, &west))
		return false;
	z->winter_s = -west;
	z->has_rule = true;
	if (in.at == in.end)
		return near(z->winter_s);
	if (!abbreviation(&in))
		return false;
	z->summer_s = z->winter_s + 3600;
	if (in.at < in.end && *in.at != ',') {
		if (!clock_s(&in, &west))
			return false;
		z->summer_s = -west;
	}
	z->has_summer = true;
	return near(z->winter_s) && near(z->summer_s) && pass(&in, ',') &&
	       change_day(&in, &z->to_summer) && pass(&in, ',') && change_day(&in, &z->to_winter) &&
	       in.at == in.end;
}

static enum err changes(struct zone *z, const uint8_t *data, const struct counts *c)
{
	const uint8_t *indexes = data + (size_t)c->time * 8, *types = indexes + c->time;
	if (c->time > ZONE_CHANGES)
		return ERR_TOO_LARGE;
	z->before_s = (int32_t)be32(types);
	for (uint32_t i = 0; i < c->time; i++) {
		if (indexes[i] >= c->type)
			return ERR_MALFORMED;
		int64_t at = be64(data + (size_t)i * 8);
		if (i && at <= z->changes[i - 1].at_s)
			return ERR_MALFORMED;
		int32_t east = (int32_t)be32(types + (size_t)indexes[i] * 6);
		if (!near(east))
			return ERR_MALFORMED;
		z->changes[i].at_s = at;
		z->changes[i].east_s = east;
	}
	z->n = c->time;
	return near(z->before_s) ? OK : ERR_MALFORMED;
}

enum err zone_read(struct zone *ret, struct str tzif)
{
	const uint8_t *start = (const uint8_t *)tzif.at;
	struct in in = { start, start + tzif.len };
	struct zone z = { 0 };
	struct counts c;
	size_t data;
	if (tzif.len > ZONE_BYTES)
		return ERR_TOO_LARGE;
	if (tzif.len < HEADER || start[4] < '2' || !header(&in, 4, &c, &data))
		return ERR_MALFORMED;
	in.at += data;
	if (!header(&in, 8, &c, &data))
		return ERR_MALFORMED;
	enum err e = changes(&z, in.at, &c);
	if (e)
		return e;
	in.at += data;
	if (!pass(&in, '\n'))
		return ERR_MALFORMED;
	const uint8_t *close = memchr(in.at, '\n', (size_t)(in.end - in.at));
	if (!close || (close > in.at && !rule(&z, (struct in){ in.at, close })))
		return ERR_MALFORMED;
	*ret = z;
	return OK;
}

/* A name of the database, and nothing that leaves its folder. */
static bool good_name(const char *name)
{
	size_t n = strlen(name);
	if (!n || n > 64 || *name == '/' || strstr(name, ".."))
		return false;
	return strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/_+-") ==
	       n;
}

enum err zone_load(struct zone *ret, const char *name)
{
	char path[128], bytes[ZONE_BYTES];
	if (!good_name(name))
		return ERR_INVALID;
	(void)snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return ERR_NOT_FOUND;
	ssize_t n = read(fd, bytes, sizeof bytes);
	close(fd);
	return n > 0 ? zone_read(ret, str_n(bytes, (size_t)n)) : ERR_NOT_FOUND;
}

/* The moment of a change in that year, in s since the epoch, the clock then being `east_s`. */
static int64_t change_in(const struct zone_rule *r, int year, int32_t east_s)
{
	int64_t first = date_to_days((struct date){ year, 1, 1 }), day;
	bool leap = date_to_days((struct date){ year, 3, 1 }) - first == 60;
	if (r->kind == ZONE_JULIAN) { /* 1 to 365: 29 February is never counted */
		day = first + r->day - 1 + (leap && r->day >= 60);
	} else if (r->kind == ZONE_DAY_OF_YEAR) {
		day = first + r->day;
	} else {
		struct date next = { r->month == 12 ? year + 1 : year,
			             r->month == 12 ? 1 : r->month + 1, 1 };
		int64_t begin = date_to_days((struct date){ year, r->month, 1 }),
			end = date_to_days(next);
		int64_t weekday = ((begin + 4) % 7 + 7) % 7; /* 1 January 1970 was a Thursday */
		day = begin + (r->day - weekday + 7) % 7 + INT64_C(7) * (r->week - 1);
		while (day >= end) /* week 5 is the last one */
			day -= 7;
	}
	return day * DAY_S + r->at_s - east_s;
}

static int32_t by_rule(const struct zone *z, int64_t at_s)
{
	if (!z->has_summer)
		return z->winter_s;
	int64_t local = at_s + z->winter_s;
	int64_t days = local / DAY_S - (local % DAY_S < 0);
	int year = date_of_days(days).year;
	int64_t summer = change_in(&z->to_summer, year, z->winter_s);
	int64_t winter = change_in(&z->to_winter, year, z->summer_s);
	/* South of the equator summer lies across the new year. */
	bool is_summer =
		summer < winter ? at_s >= summer && at_s < winter : at_s >= summer || at_s < winter;
	return is_summer ? z->summer_s : z->winter_s;
}

int32_t zone_east_s(const struct zone *z, int64_t at_s)
{
	if (!z)
		return 0;
	if (!z->n || at_s < z->changes[0].at_s)
		return z->n || !z->has_rule ? z->before_s : by_rule(z, at_s);
	if (at_s >= z->changes[z->n - 1].at_s && z->has_rule)
		return by_rule(z, at_s);
	uint32_t low = 0, high = z->n; /* changes[low] is at or before, changes[high] after */
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;
		if (z->changes[mid].at_s <= at_s)
			low = mid;
		else
			high = mid;
	}
	return z->changes[low].east_s;
}

int64_t zone_day_begins_us(const struct zone *z, int64_t days)
{
	/* Somewhere in here local time passes midnight: no zone is further from UTC. */
	int64_t midnight = days * DAY_S, low = midnight - MOST_EAST_S,
		high = midnight + MOST_EAST_S;
	while (high - low > 1) {
		int64_t mid = low + (high - low) / 2;
		if (mid + zone_east_s(z, mid) >= midnight)
			high = mid;
		else
			low = mid;
	}
	/* Passed twice, the clock having been put back just after midnight: the first time was by
	 * the offset of the evening before. */
	int64_t first = midnight - zone_east_s(z, high - INT64_C(3) * 3600);
	if (first < high && first + zone_east_s(z, first) >= midnight)
		high = first;
	return high * 1000000;
}
