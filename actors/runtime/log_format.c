/*
 * log_format.c — one log line as text: logfmt, JSON, or for a reader's eyes.
 *
 *     ts=2026-01-02T03:04:05.678901Z level=info node=a actor=call/CA1 tenant=7 msg="gap lost=3"
 *     {"ts":"2026-01-02T03:04:05.678901Z","level":"info","node":"a","actor":"call/CA1","msg":"…"}
 *     03:04:05.678 INFO  a call/CA1  gap lost=3
 */
#include "actors/runtime/log.h"
#include <stdio.h>

struct out {
	char *at;
	uint32_t n, room;
};

static void put(struct out *o, const char *s, uint32_t len)
{
	if (len > o->room - o->n)
		len = o->room - o->n;
	if (len)
		memcpy(o->at + o->n, s, len);
	o->n += len;
}

static void text(struct out *o, const char *s)
{
	put(o, s, (uint32_t)strlen(s));
}

/* Control characters as JSON writes them; quotes and backslashes too, where they would end a value.
 * A cut never splits an escape. */
static void escaped(struct out *o, struct str s, bool quotes)
{
	for (uint32_t i = 0; i < s.len && o->room - o->n > 16; i++) {
		unsigned char c = (unsigned char)s.at[i];
		char esc[8];
		if (quotes && (c == '"' || c == '\\')) {
			esc[0] = '\\';
			esc[1] = (char)c;
			put(o, esc, 2);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(esc, sizeof esc, "\\u%04x", c);
			put(o, esc, 6);
		} else {
			put(o, &s.at[i], 1);
		}
	}
}

/* Days to a date, without a table and without gmtime: Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", civil_from_days. */
static void stamp(char out[40], uint64_t wall_us)
{
	uint64_t s = wall_us / 1000000, days = s / 86400 + 719468;
	uint64_t era = days / 146097, doe = days % 146097;
	uint64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	uint64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100), mp = (5 * doy + 2) / 153;
	unsigned day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	unsigned year = (unsigned)(yoe + era * 400 + (month <= 2)) % 10000;
	snprintf(out, 40, "%04u-%02u-%02uT%02u:%02u:%02u.%06uZ", year, month, day,
	         (unsigned)(s / 3600 % 24), (unsigned)(s / 60 % 60), (unsigned)(s % 60),
	         (unsigned)(wall_us % 1000000));
}

static const char *level_name(enum actor_level level)
{
	switch (level) {
	case LOG_ERROR:
		return "error";
	case LOG_WARN:
		return "warn";
	case LOG_INFO:
		return "info";
	case LOG_DEBUG:
		return "debug";
	}
	return "info";
}

static bool bare(struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if ((unsigned char)s.at[i] <= ' ' || s.at[i] == '"' || s.at[i] == '=' ||
		    s.at[i] == '\\')
			return false;
	return s.len > 0;
}

static void pair(struct out *o, enum log_format how, const char *key, struct str value)
{
	bool json = how == LOG_JSON, quote = json || !bare(value);
	if (!value.len)
		return;
	if (o->n > (json ? 1u : 0u))
		text(o, json ? "," : " ");
	text(o, json ? "\"" : "");
	text(o, key);
	text(o, json ? "\":" : "=");
	text(o, quote ? "\"" : "");
	escaped(o, value, true);
	text(o, quote ? "\"" : "");
}

static void tenant(struct out *o, enum log_format how, uint64_t business)
{
	char digits[24];
	if (!business)
		return;
	snprintf(digits, sizeof digits, "%llu", (unsigned long long)business);
	pair(o, how, "tenant", str_of(digits));
}

static void trace(struct out *o, enum log_format how, const struct trace *t)
{
	char hex[33];
	if (!t->span)
		return;
	for (size_t i = 0; i < 16; i++)
		snprintf(hex + 2 * i, 3, "%02x", t->id[i]);
	pair(o, how, "trace_id", str_of(hex));
}

static void human(struct out *o, const struct log_line *line, const char *ts)
{
	char head[48];
	const char *level = level_name(line->level);
	snprintf(head, sizeof head, "%.12s %c%c%c%c%c ", ts + 11, level[0] - 32, level[1] - 32,
	         level[2] - 32, level[3] - 32, level[4] ? level[4] - 32 : ' ');
	text(o, head);
	escaped(o, line->node, false);
	text(o, " ");
	escaped(o, line->actor, false);
	text(o, line->actor.len ? "  " : " ");
	escaped(o, line->text, false);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written through struct out */
uint32_t log_format(enum log_format how, const struct log_line *line, char *out, uint32_t room)
{
	struct out o = { .at = out, .room = room };
	char ts[40];
	stamp(ts, line->wall_us);
	if (how == LOG_HUMAN) {
		human(&o, line, ts);
		return o.n;
	}
	o.room -= how == LOG_JSON ? 2 : 0; /* what closes it always fits */
	if (how == LOG_JSON)
		text(&o, "{");
	pair(&o, how, "ts", str_of(ts));
	pair(&o, how, "level", str_of(level_name(line->level)));
	pair(&o, how, "node", line->node);
	pair(&o, how, "actor", line->actor);
	tenant(&o, how, line->business);
	trace(&o, how, &line->trace);
	pair(&o, how, "msg", line->text);
	if (how == LOG_JSON) {
		o.room += 2;
		text(&o, "}");
	}
	return o.n;
}
