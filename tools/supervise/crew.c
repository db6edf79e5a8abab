/*
 * crew.c — walks the members whenever something happened or a deadline is due, until nothing is
 * left to do now.
 */
#include "tools/supervise/crew.h"
#include "proto/glob.h"
#include <stdio.h>
#include <stdlib.h>

struct crew {
	struct loop *loop;
	struct loop_timer *timer;
	struct child_rule rule;
	const struct crew_calls *calls;
	void *ctx;
	struct member *members[CREW_MOST], *renewing;
	uint32_t n;
	bool running, stopping, hurry, was_ready, told_down;
	bool walking, again; /* calls from within a walk only ask for another one */
};

static void walk(struct crew *c);

static void on_timer(void *ctx)
{
	walk(ctx);
}

enum err crew_new(struct loop *l, const struct child_rule *rule, const struct crew_calls *calls,
                  void *ctx, struct crew **ret)
{
	struct crew *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_MEMORY;
	*c = (struct crew){ .loop = l, .rule = *rule, .calls = calls, .ctx = ctx };
	enum err e = loop_timer_new(l, on_timer, c, &c->timer);
	if (e) {
		free(c);
		return e;
	}
	*ret = c;
	return OK;
}

void crew_free(struct crew **c)
{
	if (!*c)
		return;
	for (uint32_t i = 0; i < (*c)->n; i++)
		free((*c)->members[i]);
	loop_timer_free(&(*c)->timer);
	free(*c);
	*c = NULL;
}

struct member *crew_add(struct crew *c, const char *name, const char *group, uint32_t layer,
                        const struct member_ops *ops, void *owner)
{
	struct member *m = c->n < CREW_MOST ? calloc(1, sizeof *m) : NULL;
	if (!m)
		return NULL;
	*m = (struct member){ .crew = c,
		              .ops = ops,
		              .owner = owner,
		              .layer = layer,
		              .rule = c->rule,
		              .wished = true };
	(void)snprintf(m->name, sizeof m->name, "%s", name);
	(void)snprintf(m->group, sizeof m->group, "%s", group);
	child_init(&m->child, &m->rule, loop_now_us(c->loop));
	m->since_us = (int64_t)loop_wall_us(c->loop);
	c->members[c->n++] = m;
	return m;
}

/* ---- whose turn it is -------------------------------------------------------------------- */

/* Everything below has been ready: a member may be started for the first time. */
static bool may_start(const struct member *m)
{
	for (uint32_t i = 0; i < m->crew->n; i++) {
		const struct member *o = m->crew->members[i];
		if (o->wished && o->layer < m->layer && !o->been_ready)
			return false;
	}
	return true;
}

/* While stopping, a layer goes once all above it are down. */
static bool must_stop(const struct member *m)
{
	for (uint32_t i = 0; i < m->crew->n; i++) {
		const struct member *o = m->crew->members[i];
		if (o->layer > m->layer && child_alive(&o->child))
			return false;
	}
	return true;
}

static bool is_wanted(const struct member *m)
{
	if (m->crew->stopping)
		return child_alive(&m->child) && !m->crew->hurry && !must_stop(m);
	if (!m->crew->running || !m->wished || (m->once && m->been_ready))
		return false;
	return m->child.spawns > 0 || may_start(m);
}

/* One member at a time is renewed: the next when the last is up again, or will not be. */
static void renew_next(struct crew *c)
{
	struct member *m = c->renewing;
	if (m && m->child.state != CHILD_UP)
		m->settling = false; /* it died of something else */
	if (m && m->wished &&
	    (m->settling || m->child.renew ||
	     (m->child.state != CHILD_UP && m->child.state != CHILD_GIVEN_UP)))
		return;
	c->renewing = NULL;
	for (uint32_t i = 0; i < c->n && !c->renewing; i++)
		if (c->members[i]->renew)
			c->renewing = c->members[i];
	if (!c->renewing)
		return;
	m = c->renewing;
	m->renew = false;
	m->settling = m->settles && m->child.state == CHILD_UP;
	if (m->settling)
		c->calls->settle(c->ctx, m);
	else
		child_restart(&m->child);
}

void crew_settled(struct member *m)
{
	if (!m->settling)
		return;
	m->settling = false;
	child_restart(&m->child);
	walk(m->crew);
}

bool crew_awaited(const struct member *m)
{
	return m->wished && (m->renew || m == m->crew->renewing);
}

/* ---- walking ----------------------------------------------------------------------------- */

static void note_state(struct member *m)
{
	if (m->shown == m->child.state)
		return;
	m->shown = m->child.state;
	m->since_us = (int64_t)loop_wall_us(m->crew->loop);
	m->crew->calls->changed(m->crew->ctx, m);
	if (m->shown == CHILD_GIVEN_UP)
		m->crew->calls->gave_up(m->crew->ctx, m);
}

static void act(struct member *m, enum child_act what)
{
	enum err e;
	switch (what) {
	case CHILD_SPAWN:
		e = m->ops->spawn(m->owner);
		if (e)
			crew_died(m, err_info(e)->text);
		break;
	case CHILD_TERM:
		m->ops->term(m->owner);
		break;
	case CHILD_KILL:
		m->ops->kill(m->owner);
		break;
	case CHILD_NOTHING:
		break;
	}
}

static bool step(struct member *m)
{
	child_want(&m->child, is_wanted(m));
	if (m->crew->hurry)
		child_hurry(&m->child);
	enum child_act what = child_step(&m->child, loop_now_us(m->crew->loop));
	note_state(m);
	act(m, what);
	note_state(m);
	return what != CHILD_NOTHING;
}

static void set_timer(struct crew *c)
{
	uint64_t next = 0, now = loop_now_us(c->loop);
	for (uint32_t i = 0; i < c->n; i++) {
		uint64_t t = child_next_us(&c->members[i]->child);
		if (t && (!next || t < next))
			next = t;
	}
	if (next)
		loop_timer_set(c->timer, next > now ? next - now : 0);
	else
		loop_timer_clear(c->timer);
}

bool crew_is_ready(const struct crew *c)
{
	for (uint32_t i = 0; i < c->n; i++) {
		const struct member *m = c->members[i];
		bool fine = m->once ? m->been_ready : m->child.state == CHILD_UP && !m->child.renew;
		if (m->wished && !fine)
			return false;
	}
	return c->running && !c->stopping;
}

static void tell(struct crew *c)
{
	bool ready = crew_is_ready(c), news = ready && !c->was_ready;
	c->was_ready = ready;
	if (news)
		c->calls->ready(c->ctx);
	if (!c->stopping || c->told_down)
		return;
	for (uint32_t i = 0; i < c->n; i++)
		if (child_alive(&c->members[i]->child))
			return;
	c->told_down = true;
	c->calls->down(c->ctx);
}

static void walk(struct crew *c)
{
	c->again = true;
	if (c->walking)
		return;
	c->walking = true;
	while (c->again) {
		c->again = false;
		renew_next(c);
		for (uint32_t i = 0; i < c->n; i++)
			c->again |= step(c->members[i]);
	}
	c->walking = false;
	set_timer(c);
	tell(c);
}

/* ---- wishes ------------------------------------------------------------------------------ */

void crew_run(struct crew *c)
{
	c->running = true;
	walk(c);
}

void crew_stop(struct crew *c)
{
	c->hurry = c->stopping;
	c->stopping = true;
	walk(c);
}

bool crew_stopping(const struct crew *c)
{
	return c->stopping;
}

void crew_wish(struct member *m, bool wished)
{
	m->wished = wished;
	walk(m->crew);
}

/* street.1 by its name, as street#1, and with all of its group as street. */
static bool is_meant(const struct member *m, struct str pattern)
{
	char name[CREW_NAME];
	(void)snprintf(name, sizeof name, "%s", m->name);
	char *dot = strrchr(name, '.');
	if (dot)
		*dot = '#';
	return glob_match(pattern, str_of(m->name)) || glob_match(pattern, str_of(name)) ||
	       str_is(pattern, m->group);
}

uint32_t crew_restart(struct crew *c, struct str pattern, bool settle)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < c->n; i++) {
		struct member *m = c->members[i];
		if (m->once || !m->wished || !is_meant(m, pattern))
			continue;
		n++;
		m->settles = settle && c->calls->settle;
		if (m->child.state == CHILD_GIVEN_UP || m->child.state == CHILD_PAUSING)
			child_restart(&m->child);
		else if (m->settling && !settle)
			crew_settled(m);
		else if (!m->settling)
			m->renew = true;
	}
	walk(c);
	return n;
}

/* ---- news -------------------------------------------------------------------------------- */

void crew_ready(struct member *m)
{
	child_ready(&m->child, loop_now_us(m->crew->loop));
	m->been_ready = true;
	if (m->patient)
		m->rule.times = CHILD_TALLY + 1; /* more than the tally holds */
	note_state(m);
	walk(m->crew);
}

void crew_done(struct member *m)
{
	(void)snprintf(m->how, sizeof m->how, "done");
	m->how_us = (int64_t)loop_wall_us(m->crew->loop);
	m->been_ready = true;
	child_want(&m->child, false);
	(void)child_step(&m->child, loop_now_us(m->crew->loop)); /* its end is now an asked one */
	child_died(&m->child, loop_now_us(m->crew->loop));
	note_state(m);
	walk(m->crew);
}

void crew_died(struct member *m, const char *how)
{
	(void)snprintf(m->how, sizeof m->how, "%s", how);
	m->how_us = (int64_t)loop_wall_us(m->crew->loop);
	child_died(&m->child, loop_now_us(m->crew->loop));
	note_state(m);
	walk(m->crew);
}

uint32_t crew_count(const struct crew *c)
{
	return c->n;
}

struct member *crew_at(const struct crew *c, uint32_t i)
{
	return i < c->n ? c->members[i] : NULL;
}
