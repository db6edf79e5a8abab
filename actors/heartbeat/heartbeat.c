/*
 * heartbeat — hears every sign of life, notices silence, tells it once, keeps the last state of
 * all.
 *
 *     nodes  ── beat.pulse ──▶ (topic) ──▶ heartbeat ── beat.silent, beat.back ──▶ (topic)
 *     actors ── beat.alive ──▶ (topic) ──▶     │
 *     status ── beat.list ─────────────────────▶ beat.page
 */
#include "actors/actor.h"
#include "actors/heartbeat/watch.h"

enum { PULSE_MS = 1000, PAGE = 64 };

static enum err on_look(struct actor *self);

/* Look again when the next one may fall silent: no tick while nobody is watched. */
static void look_later(struct actor *self)
{
	uint64_t next = watch_next_us(actor_state(self)), now = actor_now_us(self);
	if (next == UINT64_MAX)
		return;
	actor_after(self, next > now ? (uint32_t)((next - now) / 1000) + 1 : 1, on_look);
}

static enum err on_look(struct actor *self)
{
	struct watch *w = actor_state(self);
	struct watched *e;
	while ((e = watch_silent(w, actor_now_us(self)))) {
		uint64_t for_us = actor_now_us(self) - e->heard_us;
		actor_log(self, LOG_WARN, "silent name=%s for_ms=%u", e->name,
		          (unsigned)(for_us / 1000));
		enum err err = actor_publish(self, MSG(beat_silent, .name = str_of(e->name),
		                                       .last_us = e->last_us,
		                                       .for_ms = (uint32_t)(for_us / 1000)));
		if (err)
			return err;
	}
	look_later(self);
	return OK;
}

static enum err heard(struct actor *self, struct str name, uint32_t every_ms, struct watched **ret)
{
	uint64_t silent_us;
	enum err err = watch_heard(actor_state(self), name, every_ms, actor_now_us(self),
	                           (int64_t)actor_wall_us(self), ret, &silent_us);
	if (err)
		return err;
	look_later(self);
	if (!silent_us)
		return OK;
	actor_log(self, LOG_INFO, "back name=%s for_ms=%u", (*ret)->name,
	          (unsigned)(silent_us / 1000));
	return actor_publish(self,
	                     MSG(beat_back, .name = name, .for_ms = (uint32_t)(silent_us / 1000)));
}

static enum err on_pulse(struct actor *self, const struct msg *m)
{
	const struct beat_pulse *p = beat_pulse_of(m);
	struct watched *e;
	enum err err = heard(self, p->node, PULSE_MS, &e);
	if (err)
		return err;
	bool same = e->pulse.epoch == p->epoch && p->up_ms > e->pulse.up_ms;
	e->rate = same ? (uint32_t)((p->handled - e->pulse.handled) * 1000 /
	                            (p->up_ms - e->pulse.up_ms))
	               : 0;
	e->pulse = *p;
	e->pulse.node = e->pulse.deepest = (struct str){ 0 };
	e->pulse.trouble = (struct str){ 0 };
	str_keep(e->note, sizeof e->note, p->trouble);
	return OK;
}

static enum err on_alive(struct actor *self, const struct msg *m)
{
	const struct beat_alive *a = beat_alive_of(m);
	struct watched *e;
	enum err err = heard(self, a->name, a->every_ms, &e);
	if (!err)
		str_keep(e->note, sizeof e->note, a->note);
	return err;
}

static enum err on_ended(struct actor *self, const struct msg *m)
{
	watch_ended(actor_state(self), beat_ended_of(m)->name);
	return OK;
}

static struct beat_entry entry_of(const struct watched *e)
{
	const struct beat_pulse *p = &e->pulse;
	return (struct beat_entry){
		.name = str_of(e->name),
		.state = e->state,
		.last_us = e->last_us,
		.every_ms = e->every_ms,
		.silences = e->silences,
		.note = str_of(e->note),
		.actors = p->actors,
		.waiting = p->waiting,
		.handled = p->handled,
		.rate = e->rate,
		.dead = p->dead,
		.restarts = p->restarts,
		.up_ms = p->up_ms,
		.rss_kb = p->rss_kb,
	};
}

static enum err on_list(struct actor *self, const struct msg *m)
{
	const struct watch *w = actor_state(self);
	const struct beat_list *ask = beat_list_of(m);
	struct beat_entry entries[PAGE];
	char prefix[129];
	uint32_t n = 0, at = watch_after(w, ask->after);
	str_keep(prefix, sizeof prefix, ask->prefix);
	for (; at < w->n && n < PAGE; at++)
		if (str_starts(str_of(w->all[at]->name), prefix))
			entries[n++] = entry_of(w->all[at]);
	return actor_reply(self, m, MSG(beat_page, .entries = { entries, n }, .more = at < w->n));
}

static enum err on_stop(struct actor *self)
{
	watch_done(actor_state(self));
	return OK;
}

static const struct actor_on takes[] = {
	{ &beat_pulse_desc, on_pulse },
	{ &beat_alive_desc, on_alive },
	{ &beat_ended_desc, on_ended },
	{ &beat_list_desc, on_list },
	{ 0 },
};
static const struct proto_desc *const sends[] = { &beat_silent_desc, &beat_back_desc,
	                                          &beat_page_desc, NULL };
static const struct proto_desc *const hears[] = { &beat_pulse_desc, &beat_alive_desc,
	                                          &beat_ended_desc, NULL };

const struct actor_kind heartbeat_actor = {
	.name = "heartbeat",
	.doc = "notices silence, keeps the last state of all",
	.state = sizeof(struct watch),
	.stop = on_stop,
	.takes = takes,
	.sends = sends,
	.hears = hears,
	.place = PLACE_SINGLE,
	.mailbox = { .depth = 1024, .full = FULL_DROP_OLDEST },
	.restart = { RESTART_ON_FAULT, .times = 5, .within_ms = 60000, .pause_ms = 100 },
	.at_start = true,
};
