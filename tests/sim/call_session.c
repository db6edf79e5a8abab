/*
 * call_session.c — three calls at once, drawn from a seed, over models of the carrier, the AI and
 * the store (call_world.h), with everything that goes wrong in calls.
 *
 *     usage: call_session SEEDS [FIRST]
 *
 * Held, by what the models themselves saw:
 *   1. no frame of another call, none twice, none out of order, in both directions; none before the
 *      session has its settings; without faults none is missing;
 *   2. audio_end_ms is never beyond the item, and within 20 ms of what the caller has heard;
 *   3. nothing is played of what was cut;
 *   4. every call has exactly one record in the end, whatever the store did: it is never begun
 * again once it has ended, and an end that is told twice (its answer was lost) says the same; only
 * a session that is killed has none, and its node's lease ends it as lost (call_desk's simulation);
 *   5. nobody waits longer than 6.5 s for an answer without any sound;
 *   6. an AI that can be reached again is dialled within 300 ms;
 *   7. an operator's hang-up is recorded as his, a drained call is over in its time, and a session
 *      whose stream went to another node lets its AI go at once and writes nothing.
 */
#include "tests/sim/alone.h"
#include "tests/sim/call_world.h"

#include <stdio.h>
#include <stdlib.h>

extern const struct actor_kind call_session_actor;

enum { SECOND = 1000000, RUN_MS = 40000, AFTER_MS = 60000 };

/* ---- the store
 * ------------------------------------------------------------------------------------ */

static struct {
	struct row {
		uint64_t epoch;
		uint32_t begins, finishes, twins, notes, last_seq, digits;
		enum call_cause cause;
		struct {
			uint64_t frames_in, dropped_in;
		} counts;
	} rows[WORLD_CALLS];
	uint64_t out_us, back_us; /* it does not answer between */
	uint32_t lost, mute;
} store;

static struct row *row_of(struct str call)
{
	for (uint32_t i = 0; i < WORLD_CALLS; i++)
		if (str_is(call, world.calls[i].id))
			return &store.rows[i];
	CHECK(false && "a call of this world");
	return NULL;
}

/* Does this ask fail? Refused, or lost: before it happens, or after. */
enum luck { WELL, REFUSED, LOST_BEFORE, LOST_AFTER };

static enum luck luck(struct actor *self)
{
	uint64_t now = actor_now_us(self);
	if (now >= store.out_us && now < store.back_us)
		return actor_random(self) % 2 ? REFUSED : LOST_BEFORE;
	if (world.faults && actor_random(self) % 8 == 0)
		return (enum luck)(1 + actor_random(self) % 3);
	return WELL;
}

/* An answer that is lost: held until the asker has given up. */
static enum err lose(struct actor *self, const struct msg *m)
{
	store.lost++;
	return msg_hold(self, m) ? OK : ERR_MEMORY;
}

static enum err on_settings(struct actor *self, const struct msg *m)
{
	/* Each call has a connector of its own here, whose model is the call's name: so the world
	 * knows whose a dial is. */
	uint64_t call = call_settings_of(m)->connector - 1;
	CHECK(call < WORLD_CALLS && m->business == 7);
	return actor_reply(self, m, MSG(call_configured, .model = str_of(world.calls[call].id)));
}

static enum err on_begin(struct actor *self, const struct msg *m)
{
	struct row *r = row_of(call_begin_of(m)->call);
	enum luck l = luck(self);
	CHECK(m->business == 7);
	if (l == REFUSED)
		return ERR_UNAVAILABLE;
	if (l == LOST_BEFORE)
		return lose(self, m);
	CHECK(!r->finishes);
	r->begins++;
	r->epoch++;
	if (l == LOST_AFTER)
		return lose(self, m);
	return actor_reply(self, m, MSG(call_begun, .id = 1, .epoch = r->epoch, .lead = 5));
}

static enum err on_note(struct actor *self, const struct msg *m)
{
	const struct call_note *n = call_note_of(m);
	struct row *r = row_of(n->call);
	enum luck l = luck(self);
	CHECK(m->business == 7);
	if (l == REFUSED)
		return ERR_UNAVAILABLE;
	if (l == LOST_BEFORE)
		return lose(self, m);
	for (uint32_t i = 0; i < n->notes.n; i++) {
		CHECK(!i || n->notes.at[i].seq > n->notes.at[i - 1].seq);
		if (n->notes.at[i].seq <= r->last_seq)
			continue; /* a twin */
		r->last_seq = n->notes.at[i].seq;
		r->notes++;
		r->digits += n->notes.at[i].kind == CALL_HAPPENING_DTMF;
	}
	return l == LOST_AFTER ? lose(self, m) : actor_reply(self, m, MSG(call_kept));
}

static enum err on_finish(struct actor *self, const struct msg *m)
{
	const struct call_finish *f = call_finish_of(m);
	struct row *r = row_of(f->call);
	enum luck l = m->flags & MSG_ASK ? luck(self) : WELL;
	CHECK(m->business == 7);
	if (l == REFUSED)
		return ERR_UNAVAILABLE;
	if (l == LOST_BEFORE)
		return lose(self, m);
	if (f->epoch == r->epoch || !f->epoch) {
		if (r->finishes) {
			r->twins++;
			CHECK(r->cause == f->cause && r->counts.frames_in == f->frames_in);
		}
		r->cause = f->cause;
		r->counts.frames_in = f->frames_in;
		r->counts.dropped_in = f->dropped_in;
		r->finishes = 1;
	}
	if (l == LOST_AFTER)
		return lose(self, m);
	return m->flags & MSG_ASK ? actor_reply(self, m, MSG(call_stands)) : OK;
}

static const struct actor_on store_takes[] = { { &call_settings_desc, on_settings },
	                                       { &call_begin_desc, on_begin },
	                                       { &call_note_desc, on_note },
	                                       { &call_finish_desc, on_finish },
	                                       { 0 } };
static const struct proto_desc *const store_sends[] = { &call_configured_desc, &call_begun_desc,
	                                                &call_stands_desc, &call_kept_desc, NULL };
static const struct actor_kind store_actor = {
	.name = "store",
	.doc = "rows of calls",
	.takes = store_takes,
	.sends = store_sends,
	.at_start = true,
};

/* ---- the run
 * ---------------------------------------------------------------------------------------- */

static void draw_call(struct world_call *c, uint32_t i, uint64_t now, uint64_t *r)
{
	struct carrier *k = &c->carrier;
#define DRAW(n)                                                                                    \
	((uint32_t)((*r = *r * 6364136223846793005ull + 1442695040888963407ull) >> 33) % (n))
	(void)snprintf(c->id, sizeof c->id, "CA%u", i);
	uint64_t at = now + DRAW(1000) * 1000;
	c->expect_us = DRAW(5) ? at : 0; /* another gateway may have been asked */
	c->stream_us = at + (500 + DRAW(1500)) * 1000;
	k->talk_us = c->stream_us + DRAW(4000) * 1000;
	k->hush_us = k->talk_us + (400 + DRAW(1500)) * 1000;
	k->stop_us = c->stream_us + (8000 + DRAW(28000)) * 1000;
	if (!world.faults)
		return;
	switch (DRAW(20)) {
	case 0:
		k->reset_us = c->stream_us + DRAW(20000) * 1000;
		break;
	case 1:
		k->silent_us = c->stream_us + DRAW(20000) * 1000;
		break;
	case 2:
		c->stream_us = 0; /* a ghost's other half: it never comes */
		break;
	case 3:
		k->stall_us = c->stream_us + DRAW(10000) * 1000;
		k->stall_to_us = k->stall_us + DRAW(20000) * 1000;
		break;
	case 4:
		k->twin_us = c->stream_us + DRAW(10000) * 1000;
		break;
	case 5:
	case 6:
		c->down_us = c->stream_us + DRAW(6000) * 1000;
		c->up_us = c->down_us + DRAW(20000) * 1000;
		break;
	case 7:
		c->final = true;
		break;
	case 8:
		c->order = ORDER_HANG_UP;
		break;
	case 9:
	case 10:
		c->order = ORDER_DRAIN;
		break;
	case 11: /* before its stream, which then is none, or while it is live */
		c->order = ORDER_RETIRE;
		if (c->expect_us && DRAW(2)) {
			c->order_us = c->expect_us + 1000 + DRAW(1500) * 1000;
			c->stream_us = 0;
		}
		break;
	default:
		break;
	}
	if (c->order && !c->order_us)
		c->order_us = c->stream_us + 1000 + DRAW(15000) * 1000;
#undef DRAW
}

static void judge_call(const struct world_call *c, const struct row *r)
{
	if (c->carrier.wire || r->begins) {
		CHECK(r->finishes == 1);
		CHECK(r->notes > 0);
	}
	if (c->hung_up)
		CHECK(r->cause == CALL_CAUSE_OPERATOR);
	if (c->cold)
		CHECK(!r->begins && !r->finishes);
	for (uint32_t i = 0; i < c->n_items; i++) {
		const struct item *it = &c->items[i];
		if (c->carrier.stall_us || c->cut_errors)
			continue;
		/* What was not heard to its end is truncated, unless its session is gone. */
		if (it->cleared && !it->truncated && it->passed * 20 > it->heard_bytes / 8 + 20)
			CHECK(c->ais[it->leg - 1].dead_us &&
			      c->ais[it->leg - 1].dead_us < it->cleared_us + SECOND / 20);
		if (!it->truncated)
			continue;
		uint32_t heard = it->heard_bytes / 8;
		uint32_t error = heard > it->truncated_ms ? heard - it->truncated_ms
		                                          : it->truncated_ms - heard;
		CHECK(error <= 20);
	}
	if (!world.faults) {
		CHECK(r->cause == CALL_CAUSE_CALLER);
		CHECK(r->begins == 1 && !r->twins && r->digits == c->digits);
		CHECK(r->counts.frames_in == c->said && !r->counts.dropped_in);
		CHECK(c->ai_frames + 2 >= c->said); /* but for what was on its way at the end */
	}
}

static struct {
	uint64_t frames, audio_out, barge_ins, dials, resumed, sheds, dead_air_us, truncates,
		orders;
	uint32_t causes[32];
} sum;

static uint64_t run(uint64_t seed)
{
	static const struct actor_kind *const kinds[] = { &call_session_actor, &world_gateway_actor,
		                                          &store_actor, NULL };
	uint64_t r = seed * 0x9e3779b97f4a7c15ull;
	world_reset();
	memset(&store, 0, sizeof store);
	world.faults = seed % 4 != 0;
	world.latency_us = 6000;
	world.begin_us = 1000000000;
	for (uint32_t i = 0; i < WORLD_CALLS; i++)
		draw_call(&world.calls[i], i, world.begin_us, &r);
	if (world.faults && seed % 3 == 0) {
		store.out_us = world.begin_us + (r >> 40) % 30 * SECOND;
		store.back_us = store.out_us + (r >> 50) % 40 * SECOND;
	}
	struct alone *w = alone_new(kinds, seed);
	alone_run(w, RUN_MS + AFTER_MS);
	for (uint32_t i = 0; i < WORLD_CALLS; i++) {
		judge_call(&world.calls[i], &store.rows[i]);
		sum.causes[store.rows[i].cause]++;
		sum.truncates += world.calls[i].truncates;
	}
	CHECK(!w->failed);
	sum.frames += world.frames;
	sum.audio_out += world.audio_out;
	sum.barge_ins += world.barge_ins;
	sum.dials += world.dials;
	sum.resumed += world.resumed;
	sum.sheds += world.sheds;
	sum.orders += world.orders;
	if (world.dead_air_us > sum.dead_air_us)
		sum.dead_air_us = world.dead_air_us;
	uint64_t hash = w->hash;
	alone_free(&w);
	return hash;
}

int main(int argc, char **argv)
{
	int failed = alone_seeds(argc, argv, "call_session", run);
	printf("frames=%llu played=%llu barge_ins=%llu truncates=%llu dials=%llu resumed=%llu "
	       "sheds=%llu orders=%llu "
	       "dead_air_ms=%llu\n",
	       (unsigned long long)sum.frames, (unsigned long long)sum.audio_out,
	       (unsigned long long)sum.barge_ins, (unsigned long long)sum.truncates,
	       (unsigned long long)sum.dials, (unsigned long long)sum.resumed,
	       (unsigned long long)sum.sheds, (unsigned long long)sum.orders,
	       (unsigned long long)sum.dead_air_us / 1000);
	for (uint32_t i = 0; i < call_cause_enum.n_values; i++)
		printf("%s=%u ", call_cause_enum.values[i].name, sum.causes[i]);
	printf("\n");
	return failed;
}
