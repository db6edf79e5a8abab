/*
 * heartbeat.c — forty actors that give signs of life, stop for a while, leave, come back, while
 * each sign may be lost; a judge hears what the heartbeat tells of them.
 *
 * Two independent invariants. Of the stories: for each name, silence and return alternate, and
 * never is silence told of one that left. Of the times: silence is told when, and only when,
 * nothing was heard for three intervals (± the millisecond of a timer), counted by the judge from
 * the signs themselves, which it hears on the same topic.
 */
#include "proto/beat.h"
#include "tests/sim/alone.h"
#include <stdio.h>
#include <stdlib.h>

extern const struct actor_kind heartbeat_actor;

enum { ACTORS = 40, RUN_MS = 60000, EVERY_MS = 500, MISSES = 3, SLACK_US = 2000 };

static struct story {
	uint64_t last_us; /* the last sign that arrived; 0: none yet */
	bool silent, left;
	uint32_t silences, returns;
} stories[ACTORS];

static struct {
	uint32_t silences, returns, signs;
	bool listed;
} seen;

/* ---- pulser/N -----------------------------------------------------------------------------------
 */

struct pulser {
	bool mute;
};

static enum err on_sign_due(struct actor *self)
{
	struct pulser *p = actor_state(self);
	uint64_t r = actor_random(self) % 100;
	if (r < 3)
		p->mute = !p->mute;
	actor_after(self, EVERY_MS, on_sign_due);
	if (r == 99)
		return actor_publish(self, MSG(beat_ended, .name = actor_name(self)));
	if (p->mute || r > 80) /* one in five is lost */
		return OK;
	return actor_publish(self, MSG(beat_alive, .name = actor_name(self), .every_ms = EVERY_MS));
}

static enum err on_born(struct actor *self)
{
	actor_after(self, 1 + (uint32_t)(actor_random(self) % EVERY_MS), on_sign_due);
	return OK;
}

static enum err on_wake_up(struct actor *self, const struct msg *m)
{
	(void)self;
	(void)m;
	return OK;
}

static const struct actor_on pulser_takes[] = { { &beat_back_desc, on_wake_up }, { 0 } };
static const struct proto_desc *const pulser_sends[] = { &beat_alive_desc, &beat_ended_desc, NULL };
static const struct actor_kind pulser_actor = {
	.name = "pulser",
	.doc = "gives signs",
	.state = sizeof(struct pulser),
	.start = on_born,
	.takes = pulser_takes,
	.sends = pulser_sends,
};

/* ---- judge --------------------------------------------------------------------------------------
 */

static struct story *story_of(struct str name)
{
	char text[32];
	CHECK(str_starts(name, "pulser/") && str_keep(text, sizeof text, name));
	long n = strtol(text + 7, NULL, 10);
	CHECK(n >= 0 && n < ACTORS);
	return &stories[n];
}

static enum err on_alive(struct actor *self, const struct msg *m)
{
	struct story *s = story_of(beat_alive_of(m)->name);
	s->last_us = actor_now_us(self);
	s->left = false;
	seen.signs++;
	return OK;
}

static enum err on_ended(struct actor *self, const struct msg *m)
{
	(void)self;
	story_of(beat_ended_of(m)->name)->left = true;
	story_of(beat_ended_of(m)->name)->silent = false;
	return OK;
}

static enum err on_silent(struct actor *self, const struct msg *m)
{
	struct story *s = story_of(beat_silent_of(m)->name);
	uint64_t since = actor_now_us(self) - s->last_us;
	CHECK(!s->silent && !s->left && s->last_us);
	/* 0: a sign of this very moment, which the heartbeat met after its timer */
	CHECK(since == 0 || since >= (uint64_t)MISSES * EVERY_MS * 1000);
	CHECK(since <= (uint64_t)MISSES * EVERY_MS * 1000 + SLACK_US);
	s->silent = true;
	s->silences++;
	seen.silences++;
	return OK;
}

static enum err on_back(struct actor *self, const struct msg *m)
{
	struct story *s = story_of(beat_back_of(m)->name);
	CHECK(s->silent && s->last_us == actor_now_us(self));
	s->silent = false;
	s->returns++;
	seen.returns++;
	return OK;
}

/* Nobody may be silent for longer without being told so. */
static enum err on_look(struct actor *self)
{
	for (int i = 0; i < ACTORS; i++) {
		struct story *s = &stories[i];
		uint64_t since = actor_now_us(self) - s->last_us;
		if (s->last_us && !s->left && !s->silent)
			CHECK(since <= (uint64_t)MISSES * EVERY_MS * 1000 + SLACK_US);
	}
	actor_after(self, 10, on_look);
	return OK;
}

static const struct actor_on judge_takes[] = {
	{ &beat_alive_desc, on_alive },
	{ &beat_ended_desc, on_ended },
	{ &beat_silent_desc, on_silent },
	{ &beat_back_desc, on_back },
	{ 0 },
};
static const struct proto_desc *const judge_sends[] = { NULL };
static const struct proto_desc *const judge_hears[] = { &beat_alive_desc, &beat_ended_desc,
	                                                &beat_silent_desc, &beat_back_desc, NULL };
static const struct actor_kind judge_actor = {
	.name = "judge",
	.doc = "compares",
	.start = on_look,
	.takes = judge_takes,
	.sends = judge_sends,
	.hears = judge_hears,
	.at_start = true,
	.mailbox = { .depth = 4096 },
};

/* ---- the run ------------------------------------------------------------------------------------
 */

static void on_page(void *ctx, const struct msg *m)
{
	(void)ctx;
	CHECK(!msg_err(m));
	const struct beat_page *page = beat_page_of(m);
	for (uint32_t i = 0; i < page->entries.n; i++) {
		const struct beat_entry *e = &page->entries.at[i];
		const struct story *s = story_of(e->name);
		enum beat_state want = s->left     ? BEAT_STATE_ENDED
		                       : s->silent ? BEAT_STATE_SILENT
		                                   : BEAT_STATE_ALIVE;
		CHECK(e->state == want);
		CHECK(e->silences == s->silences);
	}
	seen.listed = true;
}

static uint64_t run(uint64_t seed)
{
	static const struct actor_kind *const kinds[] = { &heartbeat_actor, &judge_actor,
		                                          &pulser_actor, NULL };
	memset(stories, 0, sizeof stories);
	memset(&seen, 0, sizeof seen);
	struct alone *w = alone_new(kinds, seed);
	for (int i = 0; i < ACTORS; i++) {
		char name[32];
		(void)snprintf(name, sizeof name, "pulser/%d", i);
		CHECK(!node_send(w->node, name, MSG(beat_back, .name = str_of(name))));
	}
	alone_run(w, RUN_MS);
	CHECK(!node_ask(w->node, "heartbeat", 1000, on_page, NULL, MSG(beat_list)));
	alone_settle(w);
	CHECK(seen.listed);
	CHECK(seen.signs > ACTORS * RUN_MS / EVERY_MS / 10); /* the run was no empty one */
	CHECK(seen.silences > 10 && seen.returns > 5 && seen.returns <= seen.silences);
	uint64_t hash = w->hash;
	alone_free(&w);
	return hash;
}

int main(int argc, char **argv)
{
	return alone_seeds(argc, argv, "heartbeat", run);
}
