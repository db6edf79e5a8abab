/*
 * drain.c — before a node with calls is restarted, they are let end: the node is told, again and
 * again, and its desk says how many are left.
 *
 *     supervisor ── call.drain ──▶ gateway    takes no new connection, if another one does
 *                            └───▶ call_desk ──▶ its sessions: say good-bye in time
 *     supervisor ◀── call.busy ────── call_desk   once a second: so many are held
 */
#include "tools/supervise/up.h"

enum {
	AGAIN_US = 1000000,
	LATE_US = 10000000, /* after the limit: records are on their way to the store */
};

static const struct worker *worker_of(const struct up *u, const struct member *m)
{
	for (uint32_t i = 0; i < u->n_workers; i++)
		if (u->workers[i]->member == m)
			return u->workers[i];
	return NULL;
}

static bool hosts(const struct worker *w, const char *kind)
{
	for (const char *const *h = w && w->group ? w->group->hosts : NULL; h && *h; h++)
		if (!strcmp(*h, kind))
			return true;
	return false;
}

/* Nobody else would take a call that comes to the street door: then it must be told so. */
static bool is_alone(const struct up *u, const struct member *m)
{
	if (!hosts(worker_of(u, m), "gateway"))
		return true;
	for (uint32_t i = 0; i < u->n_workers; i++) {
		const struct worker *w = u->workers[i];
		if (w->member != m && w->member->child.state == CHILD_UP && hosts(w, "gateway") &&
		    hosts(w, "call_desk"))
			return false;
	}
	return true;
}

void drain_begin(void *up, struct member *m)
{
	struct up *u = up;
	if (!hosts(worker_of(u, m), "call_desk")) {
		crew_settled(m);
		return;
	}
	u->drain.member = m;
	u->drain.until_us = loop_now_us(u->loop) + u->drain.within_ms * UINT64_C(1000);
	u->drain.say_us = 0;
	u->drain.calls = 0;
	u->drain.heeded = false;
	u->drain.again = true;
	say(&u->with.say, LOG_INFO, "calls_drain name=%s within_ms=%u", m->name,
	    u->drain.within_ms);
}

enum err drain_tick(struct actor *self, struct up *u)
{
	struct drain *d = &u->drain;
	uint64_t now = loop_now_us(u->loop);
	struct member *m = d->member;
	if (!m)
		return OK;
	bool done = d->heeded && !d->calls;
	if (!m->settling || done || now >= d->until_us + LATE_US) {
		if (m->settling)
			say(&u->with.say, done ? LOG_INFO : LOG_WARN,
			    "calls_drained name=%s left=%u", m->name, d->calls);
		d->member = NULL;
		crew_settled(m);
		return OK;
	}
	if (now < d->say_us)
		return OK;
	d->say_us = now + AGAIN_US;
	return actor_publish(
		self,
		MSG(call_drain, .node = str_of(m->name), .alone = is_alone(u, m),
	            .within_ms = d->until_us > now ? (uint32_t)((d->until_us - now) / 1000) : 0));
}

void drain_hear(struct up *u, const struct call_busy *said)
{
	struct drain *d = &u->drain;
	if (!d->member || !said->draining || !str_is(said->node, d->member->name))
		return;
	d->again |= !d->heeded || d->calls != said->held;
	d->heeded = true;
	d->calls = said->held;
}
