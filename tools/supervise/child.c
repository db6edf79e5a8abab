/*
 * child.c — the transitions of child.h, each in one place.
 */
#include "tools/supervise/child.h"
#include <string.h>

static uint64_t ms(uint32_t n)
{
	return (uint64_t)n * 1000;
}

static void enter(struct child *c, enum child_state state, uint64_t now_us, uint64_t for_us)
{
	c->state = state;
	c->since_us = now_us;
	c->until_us = for_us ? now_us + for_us : 0;
}

void child_init(struct child *c, const struct child_rule *rule, uint64_t now_us)
{
	memset(c, 0, sizeof *c);
	c->rule = rule;
	enter(c, CHILD_DOWN, now_us, 0);
}

bool child_alive(const struct child *c)
{
	return c->state == CHILD_STARTING || c->state == CHILD_UP || c->state == CHILD_DRAINING ||
	       c->state == CHILD_ENDING;
}

uint32_t child_deaths(const struct child *c, uint64_t now_us)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->deaths; i++)
		n += now_us - c->deaths_us[i] <= ms(c->rule->within_ms);
	return n;
}

void child_want(struct child *c, bool wanted)
{
	c->wanted = wanted;
	if (!wanted)
		c->renew = false;
}

void child_restart(struct child *c)
{
	c->deaths = c->stillborn = 0;
	if (c->state == CHILD_STARTING || c->state == CHILD_UP)
		c->renew = true;
	if (c->state == CHILD_PAUSING || c->state == CHILD_GIVEN_UP)
		c->state = CHILD_DOWN;
}

void child_hurry(struct child *c)
{
	c->hurry = true;
}

void child_ready(struct child *c, uint64_t now_us)
{
	if (c->state != CHILD_STARTING)
		return;
	c->stillborn = 0;
	enter(c, CHILD_UP, now_us, 0);
}

/* Enter a death; the oldest leaves a full tally. */
static void count_death(struct child *c, uint64_t now_us)
{
	if (c->deaths == CHILD_TALLY)
		memmove(c->deaths_us, c->deaths_us + 1, sizeof c->deaths_us - sizeof *c->deaths_us);
	else
		c->deaths++;
	c->deaths_us[c->deaths - 1] = now_us;
}

static uint64_t pause_us(const struct child *c)
{
	uint64_t pause = ms(c->rule->pause_ms), most = ms(c->rule->pause_most_ms);
	for (uint32_t i = 1; i < c->stillborn && pause < most; i++)
		pause *= 2;
	return pause < most ? pause : most;
}

void child_died(struct child *c, uint64_t now_us)
{
	if (!child_alive(c))
		return;
	bool asked = (c->state == CHILD_DRAINING || c->state == CHILD_ENDING) && !c->guilty;
	bool newborn = c->state == CHILD_STARTING || c->guilty;
	c->renew = c->guilty = false;
	if (asked) {
		enter(c, CHILD_DOWN, now_us, 0);
		return;
	}
	c->stillborn = newborn ? c->stillborn + 1 : 0;
	count_death(c, now_us);
	if (child_deaths(c, now_us) >= c->rule->times)
		enter(c, CHILD_GIVEN_UP, now_us, 0);
	else
		enter(c, CHILD_PAUSING, now_us, pause_us(c));
}

static enum child_act spawn(struct child *c, uint64_t now_us)
{
	c->restarts += c->spawns > 0;
	c->spawns++;
	enter(c, CHILD_STARTING, now_us, ms(c->rule->ready_ms));
	return CHILD_SPAWN;
}

static enum child_act term(struct child *c, uint64_t now_us)
{
	enter(c, CHILD_DRAINING, now_us, ms(c->rule->drain_ms) + 1);
	return CHILD_TERM;
}

static enum child_act end(struct child *c, uint64_t now_us)
{
	enter(c, CHILD_ENDING, now_us, 0);
	return CHILD_KILL;
}

enum child_act child_step(struct child *c, uint64_t now_us)
{
	bool due = c->until_us && now_us >= c->until_us;
	switch (c->state) {
	case CHILD_DOWN:
		return c->wanted ? spawn(c, now_us) : CHILD_NOTHING;
	case CHILD_STARTING:
		if (!c->wanted || c->renew)
			return term(c, now_us);
		if (!due)
			return CHILD_NOTHING;
		c->guilty = true;
		return end(c, now_us);
	case CHILD_UP:
		return !c->wanted || c->renew ? term(c, now_us) : CHILD_NOTHING;
	case CHILD_DRAINING:
		return due || c->hurry ? end(c, now_us) : CHILD_NOTHING;
	case CHILD_PAUSING:
		if (!c->wanted)
			enter(c, CHILD_DOWN, now_us, 0);
		else if (due)
			return spawn(c, now_us);
		return CHILD_NOTHING;
	case CHILD_GIVEN_UP:
		if (!c->wanted)
			enter(c, CHILD_DOWN, now_us, 0);
		return CHILD_NOTHING;
	case CHILD_ENDING:
		break;
	}
	return CHILD_NOTHING;
}

uint64_t child_next_us(const struct child *c)
{
	return c->until_us;
}

const char *child_state_name(enum child_state s)
{
	static const char *const names[] = { "down",   "starting", "up",      "draining",
		                             "ending", "pausing",  "given up" };
	return names[s];
}
