/*
 * call_desk.c — callers at random over three lines, sessions that come, never come, end and break;
 * a store that answers, is late or is away; at the end the desk is closed.
 *
 * Independent invariants, counted by a judge that sees only who was admitted and who ended. Bound:
 * never is a call taken while its line has as many as it may, or the node. Liveness: never is one
 * refused for its line while the judge counts fewer, so no place leaks, be it promised, broken or
 * told twice. And the desk's closing is answered once, when the last call is over.
 */
#include "proto/call.h"
#include "proto/lease.h"
#include "tests/sim/alone.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern const struct actor_kind call_desk_actor;

enum { LINES = 3, CALLERS = 40, RUN_MS = 120000, NODE_MOST = 22, DEFAULT_MOST = 9 };
enum { PROMISE_US = 30000000 };

static const uint32_t most_of[LINES] = { 4, 12, 0 /* the default */ };

enum stage { FREE, ASKED, PROMISED, LIVE };

static struct caller {
	enum stage stage;
	uint32_t line;
	uint64_t until_us; /* of the promise */
	uint64_t ended_us; /* when it last gave its place back */
	char call[48];
	uint32_t round;
} callers[CALLERS];

static struct {
	struct alone *w;
	uint32_t taken, refused_line, refused_node, settled, closed, ended;
	bool closing, store_away, known[LINES];
} run;

/* Places in use as the judge knows: at most what the desk counts, but for those given back now. */
static uint32_t used(int line, bool with_just_ended)
{
	uint32_t n = 0;
	for (int i = 0; i < CALLERS; i++) {
		const struct caller *c = &callers[i];
		if (line >= 0 && c->line != (uint32_t)line)
			continue;
		bool holds =
			c->stage == LIVE || (c->stage == PROMISED && c->until_us > run.w->now_us);
		/* a promise is given back by the tick after its end */
		bool lingers = c->ended_us && c->ended_us + 1100000 > run.w->now_us;
		n += holds || (with_just_ended && (lingers || c->stage == PROMISED));
	}
	return n;
}

static uint32_t limit(uint32_t line)
{
	return most_of[line] ? most_of[line] : DEFAULT_MOST;
}

/* ---- store -------------------------------------------------------------------------------- */

static enum err on_settings(struct actor *self, const struct msg *m)
{
	uint64_t line = call_settings_of(m)->connector - 1;
	if (run.store_away)
		return ERR_UNAVAILABLE;
	run.settled++;
	return actor_reply(self, m, MSG(call_configured, .most = most_of[line]));
}

static enum err on_lease(struct actor *self, const struct msg *m)
{
	return run.store_away ? ERR_UNAVAILABLE
	                      : actor_reply(self, m, MSG(lease_taken, .epoch = 1));
}

static enum err on_sweep(struct actor *self, const struct msg *m)
{
	return run.store_away ? ERR_UNAVAILABLE : actor_reply(self, m, MSG(call_stands));
}

static const struct actor_on store_takes[] = { { &call_settings_desc, on_settings },
	                                       { &lease_take_desc, on_lease },
	                                       { &lease_keep_desc, on_lease },
	                                       { &call_sweep_desc, on_sweep },
	                                       { 0 } };
static const struct proto_desc *const store_sends[] = { &call_configured_desc, &lease_taken_desc,
	                                                &call_stands_desc, NULL };
static const struct actor_kind store_actor = {
	.name = "store", .doc = "the tables", .takes = store_takes, .sends = store_sends
};

/* ---- call_session/CA ---------------------------------------------------------------------- */

struct session {
	uint32_t caller;
	bool broken;
};

static enum err on_arrived(struct actor *self, const struct msg *m)
{
	(void)self;
	CHECK(!msg_err(m));
	return OK;
}

static enum err on_over(struct actor *self)
{
	struct session *s = actor_state(self);
	if (s->broken)
		return actor_fault(self, "as planned");
	actor_exit(self);
	return OK;
}

static enum err on_session_end(struct actor *self)
{
	const struct session *s = actor_state(self);
	struct caller *c = &callers[s->caller];
	c->stage = FREE;
	c->ended_us = actor_now_us(self);
	return OK;
}

static enum err on_expect(struct actor *self, const struct msg *m)
{
	struct session *s = actor_state(self);
	struct str call = call_expect_of(m)->call;
	s->caller = (uint32_t)strtoul(call.at + 2, NULL, 10);
	s->broken = actor_random(self) % 4 == 0;
	callers[s->caller].stage = LIVE;
	actor_after(self, 500 + (uint32_t)(actor_random(self) % 15000), on_over);
	return actor_ask(self, "call_desk", 1000, on_arrived,
	                 MSG(call_arrive, .call = call, .connector = callers[s->caller].line + 1));
}

static enum err on_hangup(struct actor *self, const struct msg *m)
{
	run.ended++;
	actor_exit(self);
	return actor_reply(self, m, MSG(call_hung_up));
}

static const struct actor_on session_takes[] = { { &call_expect_desc, on_expect },
	                                         { &call_hangup_desc, on_hangup },
	                                         { 0 } };
static const struct proto_desc *const session_sends[] = { &call_arrive_desc, &call_hung_up_desc,
	                                                  NULL };
static const struct actor_kind session_actor = { .name = "call_session",
	                                         .doc = "one call",
	                                         .state = sizeof(struct session),
	                                         .stop = on_session_end,
	                                         .takes = session_takes,
	                                         .sends = session_sends };

/* ---- door --------------------------------------------------------------------------------- */

static enum err on_admitted(struct actor *self, const struct msg *m)
{
	struct caller *c = &callers[msg_tag(m)];
	CHECK(!msg_err(m));
	enum call_refusal why = call_admitted_of(m)->refusal;
	c->stage = FREE;
	if (why == CALL_REFUSAL_DRAINING) {
		CHECK(run.closing);
		return OK;
	}
	CHECK(!run.closing);
	if (why == CALL_REFUSAL_BUSINESS) {
		uint32_t least = limit(c->line) < DEFAULT_MOST ? limit(c->line) : DEFAULT_MOST;
		CHECK(used((int)c->line, true) >= least);
		run.refused_line++;
		return OK;
	}
	if (why == CALL_REFUSAL_NODE) {
		CHECK(used(-1, true) >= NODE_MOST);
		run.refused_node++;
		return OK;
	}
	CHECK(why == CALL_REFUSAL_NONE);
	/* When the store is away its limit is unknown, and the default counts. */
	uint32_t bound = limit(c->line) > DEFAULT_MOST ? limit(c->line) : DEFAULT_MOST;
	CHECK(used((int)c->line, false) < bound);
	CHECK(used(-1, false) < NODE_MOST);
	run.taken++;
	c->stage = PROMISED;
	c->until_us = actor_now_us(self) + PROMISE_US;
	if (actor_random(self) % 10 == 0)
		return OK;                  /* the stream never comes */
	if (actor_random(self) % 10 == 0) { /* it comes to another node */
		c->stage = FREE;
		c->ended_us = actor_now_us(self);
		return actor_publish(self, MSG(call_retire, .epoch = 1,
		                               .call = str_of(c->call + strlen("call_session/"))));
	}
	return actor_send(self, str_of(c->call),
	                  MSG(call_expect, .call = str_of(c->call + strlen("call_session/"))));
}

static enum err on_ring(struct actor *self)
{
	uint64_t r = actor_random(self);
	uint32_t i = (uint32_t)(r % CALLERS);
	struct caller *c = &callers[i];
	actor_after(self, 1 + (uint32_t)(r >> 32) % 200, on_ring);
	if (r % 97 == 0)
		run.store_away = !run.store_away;
	if (c->stage == PROMISED && c->until_us + 2000000 < actor_now_us(self)) {
		c->ended_us = c->until_us;
		c->stage = FREE;
	}
	if (c->stage != FREE || c->ended_us + 1500000 > actor_now_us(self))
		return OK;
	c->stage = ASKED;
	c->line = (uint32_t)(r >> 20) % LINES;
	snprintf(c->call, sizeof c->call, "call_session/CA%u_%u", i, c->round++);
	return actor_ask_tag(self, "call_desk", 1000, on_admitted, i,
	                     MSG(call_admit, .call = str_of(c->call + strlen("call_session/")),
	                         .connector = c->line + 1));
}

static const struct actor_on door_takes[] = { { 0 } };
static const struct proto_desc *const door_sends[] = { &call_admit_desc, &call_expect_desc,
	                                               &call_retire_desc, NULL };
static const struct actor_kind door_actor = { .name = "door",
	                                      .doc = "callers",
	                                      .start = on_ring,
	                                      .takes = door_takes,
	                                      .sends = door_sends,
	                                      .asks = CALLERS,
	                                      .at_start = true };

/* ---- the run ------------------------------------------------------------------------------ */

static void on_closed(void *ctx, const struct msg *m)
{
	(void)ctx;
	CHECK(!msg_err(m));
	CHECK(++run.closed == 1);
	for (int i = 0; i < CALLERS; i++)
		CHECK(callers[i].stage != LIVE);
	CHECK(call_desk_closed_of(m)->ended == run.ended);
}

static const char *setting(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	if (strcmp(kind, "call_desk") != 0)
		return NULL;
	return !strcmp(name, "node_most") ? "22" : !strcmp(name, "business_most") ? "9" : NULL;
}

static uint64_t one(uint64_t seed)
{
	static const struct actor_kind *const kinds[] = { &call_desk_actor, &store_actor,
		                                          &session_actor, &door_actor, NULL };
	memset(callers, 0, sizeof callers);
	memset(&run, 0, sizeof run);
	run.w = alone_new_set(kinds, seed, setting);
	alone_run(run.w, RUN_MS);
	run.closing = true;
	CHECK(node_ask(run.w->node, "call_desk", 60000, on_closed, NULL,
	               MSG(call_close_desk, .within_ms = 5000)) == OK);
	alone_run(run.w, 60000);
	CHECK(run.closed == 1);
	CHECK(run.taken > 50 && run.refused_line > 5);
	uint64_t hash = run.w->hash;
	alone_free(&run.w);
	return hash;
}

int main(int argc, char **argv)
{
	return alone_seeds(argc, argv, "call desk", one);
}
