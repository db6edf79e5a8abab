/*
 * pulses.c — a small table by name.
 */
#include "tools/supervise/pulses.h"
#include <stdlib.h>

enum { FRESH_US = 3000000 };

struct pulse {
	char name[BEAT_PULSE_NODE_MAX + 1], deepest[BEAT_PULSE_DEEPEST_MAX + 1];
	char trouble[BEAT_PULSE_TROUBLE_MAX + 1];
	uint64_t epoch, heard_us, handled, up_ms, dead;
	int64_t wall_us, trouble_us;
	uint32_t actors, waiting, rate, rss_kb;
};

struct pulses {
	struct pulse all[PULSES_MOST];
	uint32_t n;
};

enum err pulses_new(struct pulses **ret)
{
	struct pulses *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_MEMORY;
	*ret = p;
	return OK;
}

void pulses_free(struct pulses **p)
{
	free(*p);
	*p = NULL;
}

static const struct pulse *find(const struct pulses *p, struct str name)
{
	for (uint32_t i = 0; i < p->n; i++)
		if (str_is(name, p->all[i].name))
			return &p->all[i];
	return NULL;
}

static struct pulse *place_for(struct pulses *p, struct str name)
{
	const struct pulse *there = find(p, name);
	if (there)
		return &p->all[there - p->all];
	if (p->n < PULSES_MOST)
		return &p->all[p->n++];
	uint32_t oldest = 0;
	for (uint32_t i = 1; i < p->n; i++)
		if (p->all[i].heard_us < p->all[oldest].heard_us)
			oldest = i;
	return &p->all[oldest];
}

/* Messages a second, from two signs of life of one incarnation. */
static uint32_t rate_of(const struct pulse *before, uint64_t now_us, const struct beat_pulse *b)
{
	if (before->epoch != b->epoch || b->handled < before->handled || now_us <= before->heard_us)
		return 0;
	uint64_t rate = (b->handled - before->handled) * 1000000 / (now_us - before->heard_us);
	return rate < UINT32_MAX ? (uint32_t)rate : UINT32_MAX;
}

void pulses_hear(struct pulses *p, uint64_t now_us, int64_t wall_us, const struct beat_pulse *b)
{
	struct pulse *s = place_for(p, b->node);
	uint32_t rate = rate_of(s, now_us, b);
	*s = (struct pulse){ .epoch = b->epoch,
		             .heard_us = now_us,
		             .handled = b->handled,
		             .up_ms = b->up_ms,
		             .dead = b->dead,
		             .wall_us = wall_us,
		             .trouble_us = b->trouble_us,
		             .actors = b->actors,
		             .waiting = b->waiting,
		             .rate = rate,
		             .rss_kb = b->rss_kb };
	str_keep(s->name, sizeof s->name, b->node);
	str_keep(s->deepest, sizeof s->deepest, b->deepest);
	str_keep(s->trouble, sizeof s->trouble, b->trouble);
}

static bool is_fresh(const struct pulse *s, uint64_t now_us)
{
	return now_us - s->heard_us <= FRESH_US;
}

void pulses_add(const struct pulses *p, uint64_t now_us, struct super_child *row)
{
	const struct pulse *s = find(p, row->name);
	if (!s || !is_fresh(s, now_us))
		return;
	row->actors = s->actors;
	row->waiting = s->waiting;
	row->deepest = str_of(s->deepest);
	row->rate = s->rate;
	row->dead = s->dead;
	row->trouble = str_of(s->trouble);
	row->trouble_us = s->trouble_us;
}

static bool is_child(const struct super_child *rows, uint32_t n, const char *name)
{
	for (uint32_t i = 0; i < n; i++)
		if (str_is(rows[i].name, name))
			return true;
	return false;
}

uint32_t pulses_guests(const struct pulses *p, uint64_t now_us, const struct super_child *rows,
                       uint32_t n, struct super_guest ret[PULSES_MOST])
{
	uint32_t guests = 0;
	for (uint32_t i = 0; i < p->n; i++) {
		const struct pulse *s = &p->all[i];
		if (!is_fresh(s, now_us) || is_child(rows, n, s->name) ||
		    !strcmp(s->name, "supervisor"))
			continue;
		ret[guests++] = (struct super_guest){ .name = str_of(s->name),
			                              .up_ms = s->up_ms,
			                              .seen_us = s->wall_us,
			                              .actors = s->actors,
			                              .waiting = s->waiting,
			                              .rate = s->rate,
			                              .rss_kb = s->rss_kb,
			                              .trouble = str_of(s->trouble) };
	}
	return guests;
}
