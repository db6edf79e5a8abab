/*
 * filter.c — cheapest test first: a message that no tap wants costs two compares and a glob, and
 * of a plain sample those between are not looked at.
 */
#include "actors/mirror/filter.h"
#include "proto/glob.h"

enum { SECOND_US = 1000000 };

static struct filter *find(struct filters *fs, uint64_t id)
{
	for (uint32_t i = 0; i < fs->n; i++)
		if (fs->all[i].id == id)
			return &fs->all[i];
	return NULL;
}

enum err filters_watch(struct filters *fs, const struct tap_watch *w, uint64_t now_us)
{
	struct filter *f = find(fs, w->id);
	if (!f) {
		if (fs->n == FILTER_MOST)
			return ERR_FULL;
		f = &fs->all[fs->n++];
		*f = (struct filter){ .id = w->id };
	}
	str_keep(f->type, sizeof f->type, w->type);
	str_keep(f->from, sizeof f->from, w->from);
	str_keep(f->to, sizeof f->to, w->to);
	f->business = w->business;
	f->by_trace = w->trace.len == sizeof f->trace;
	if (f->by_trace)
		memcpy(f->trace, w->trace.at, sizeof f->trace);
	f->reveal = w->reveal;
	f->sample = w->sample ? w->sample : 1;
	f->rate = w->rate ? w->rate : FILTER_RATE;
	if (f->rate > FILTER_RATE_MOST)
		f->rate = FILTER_RATE_MOST;
	f->until_us = now_us + FILTER_LEASE_MS * 1000ULL;
	return OK;
}

static void forget(struct filters *fs, struct filter *f)
{
	*f = fs->all[--fs->n];
}

void filters_stop(struct filters *fs, uint64_t id)
{
	struct filter *f = find(fs, id);
	if (f)
		forget(fs, f);
}

void filters_expire(struct filters *fs, uint64_t now_us)
{
	for (uint32_t i = fs->n; i-- > 0;)
		if (now_us >= fs->all[i].until_us)
			forget(fs, &fs->all[i]);
}

static bool matches(const struct filter *f, const struct msg *m, struct str from, struct str to)
{
	return (!f->business || f->business == m->business) &&
	       (!f->by_trace || !memcmp(f->trace, m->trace.id, sizeof f->trace)) &&
	       (!f->type[0] || glob_match(str_of(f->type), str_of(m->type ? m->type->full : ""))) &&
	       (!f->from[0] || glob_match(str_of(f->from), from)) &&
	       (!f->to[0] || glob_match(str_of(f->to), to));
}

static bool affords(struct filter *f, uint64_t now_us)
{
	if (now_us - f->second_us >= SECOND_US) {
		f->second_us = now_us;
		f->spent = 0;
	}
	if (f->spent < f->rate) {
		f->spent++;
		return true;
	}
	f->lost++;
	return false;
}

bool filter_wants(struct filter *f, const struct msg *m, struct str from, struct str to,
                  uint64_t now_us)
{
	if (m->type && m->type->number >> 16 == tap_watch_desc.number >> 16)
		return false;
	if (!matches(f, m, from, to))
		return false;
	if (f->seen++ % f->sample)
		return false;
	return affords(f, now_us);
}

uint32_t filters_pass(struct filters *fs)
{
	struct filter *f = &fs->all[0];
	if (fs->n != 1 || f->type[0] || f->from[0] || f->to[0] || f->business || f->by_trace)
		return 0;
	uint32_t into = f->seen % f->sample, pass = into ? f->sample - into : 0;
	f->seen += pass;
	return pass;
}
