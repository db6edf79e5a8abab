/*
 * call_session — one phone call: the carrier's wire on one side, a realtime speech AI's on the
 * other.
 *
 *     gateway ── call.expect, call.stream ──▶ ┌──────────────┐ ── wire.dial, wire.send ──▶ gateway
 *             ── wire.frame (both wires) ───▶ │ call_session │ ── call.begin, note, finish ─▶ store
 *     desk    ── call.hangup, call.drain ───▶ └──────────────┘ ── call.update ──▶ call_desk
 *
 * It knows no socket and no clock of its own, so tests/sim/call_session.c runs it by the thousand.
 * README.md tells the way of a frame; session.h what the other files do.
 */
#include "actors/call_session/session.h"
#include "proto/sys.h"

const struct call_configured *settings_of(const struct call *c)
{
	static const struct call_configured none;
	return c->settings ? call_configured_of(c->settings) : &none;
}

/* What the gateway set when it handed the stream over, out of its own sealed token; timers and
 * frames have no tenant of their own. */
void speak_for(struct actor *self, const struct call *c)
{
	actor_act_for(self, c->business, c->principal, NULL);
}

void note_str(struct actor *self, enum call_happening kind, int64_t ms, struct str text)
{
	struct call *c = actor_state(self);
	record_note(&c->record, actor_wall_us(self), kind, ms, text);
}

void note(struct actor *self, enum call_happening kind, int64_t ms, const char *text)
{
	note_str(self, kind, ms, str_of(text));
}

/* ---- it begins
 * ------------------------------------------------------------------------------------- */

static enum err on_start(struct actor *self)
{
	struct call *c = actor_state(self);
	str_keep(c->id, sizeof c->id, actor_key(self));
	playout_init(&c->playout, actor_now_us(self));
	c->intake.least = (uint32_t)actor_setting_i64(self, "append_frames");
	c->blobs = blobs_new();
	return c->blobs ? OK : ERR_MEMORY;
}

static enum err on_expect(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct call_expect *e = call_expect_of(m);
	if (!str_is(e->call, c->id))
		return ERR_INVALID;
	if (c->phase != PHASE_NEW) /* told twice, or after the stream */
		return OK;
	c->phase = PHASE_EXPECTED;
	c->expected_us = actor_now_us(self);
	c->business = m->business;
	c->principal = m->principal;
	c->connector = e->connector;
	c->direction = e->direction;
	str_keep(c->account, sizeof c->account, e->account);
	str_keep(c->from, sizeof c->from, e->from);
	str_keep(c->to, sizeof c->to, e->to);
	on_beat(self);
	books_settings(self);
	return OK;
}

static enum err on_gateway_gone(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	(void)m;
	c->wire = c->leg.wire = c->next.wire = 0;
	call_end(self, CALL_CAUSE_RESET);
	return OK;
}

/* Another stream of this call, while the first still looks open: the newer one is the call. */
static void replace_stream(struct actor *self)
{
	struct call *c = actor_state(self);
	struct playout_cut cut;
	actor_log(self, LOG_WARN, "stream_replaced call=%s stream=%s", c->id, c->carrier.stream);
	if (c->wire)
		(void)!actor_send(self, c->gateway,
		                  MSG(wire_close, .wire = c->wire, .code = 1000,
		                      .reason = str_of("a newer stream of this call")));
	playout_cut(&c->playout, actor_now_us(self), &cut);
	realtime_forget(&c->leg.ai);
	speech_truncate(self, &cut);
	c->playout.open = true;
	c->playout.asked = false;
	c->intake.base_us = 0;
	c->begun = c->asking = false;
	record_unsent(&c->record);
	c->flush_us = 0;
}

static enum err on_stream(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct call_stream *s = call_stream_of(m);
	uint64_t now = actor_now_us(self);
	if (!str_is(s->call, c->id))
		return ERR_INVALID;
	if (c->phase == PHASE_OVER)
		return actor_send(self, msg_from(m),
		                  MSG(wire_close, .wire = s->wire, .code = 1001,
		                      .reason = str_of("this call is over")));
	if (c->phase != PHASE_NEW && c->business != m->business)
		return ERR_DENIED;
	if (c->phase == PHASE_LIVE)
		replace_stream(self);
	bool expected = c->phase != PHASE_NEW;
	c->phase = PHASE_LIVE;
	c->business = m->business;
	c->principal = m->principal;
	c->connector = s->connector;
	c->direction = s->direction;
	str_keep(c->account, sizeof c->account, s->account);
	str_keep(c->from, sizeof c->from, s->from);
	str_keep(c->to, sizeof c->to, s->to);
	c->gateway = msg_from(m);
	c->wire = s->wire;
	c->carrier_no++;
	uint64_t frames = c->carrier.frames;
	c->carrier = (struct twilio){ .frames = frames };
	str_keep(c->carrier.call, sizeof c->carrier.call, s->call);
	str_keep(c->carrier.stream, sizeof c->carrier.stream, s->stream);
	c->frame_us = now;
	if (!c->start_us) {
		c->start_us = c->speech_us = now;
		c->start_wall_us = actor_wall_us(self);
		c->down_us = c->leg.ai.state == REALTIME_READY ? 0 : now;
	}
	actor_log(self, LOG_INFO, "WebSocket connected call=%s wire=%llu", c->id,
	          (unsigned long long)c->wire);
	note(self, CALL_HAPPENING_WIRE_UP, 0, "carrier");
	if (!expected) {
		on_beat(self);
		books_settings(self);
	}
	if (!c->arrived)
		books_arrive(self);
	else
		books_look(self);
	(void)!actor_watch(self, c->gateway, on_gateway_gone); /* a hint: its wires end with it */
	return OK;
}

/* ---- wires
 * -------------------------------------------------------------------------------------------- */

static enum err on_frame(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	uint64_t wire = wire_frame_of(m)->wire;
	if (c->phase == PHASE_OVER)
		return OK; /* what was on its way */
	if (wire == c->wire && wire)
		carrier_heard(self, m);
	else if (wire == c->leg.wire && wire)
		leg_heard(self, &c->leg, m);
	else if (wire == c->next.wire && wire)
		leg_heard(self, &c->next, m);
	else
		c->stray++;
	return OK;
}

static enum err on_closed(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct wire_closed *w = wire_closed_of(m);
	if (c->phase == PHASE_OVER || !w->wire)
		return OK;
	struct leg *leg = w->wire == c->leg.wire    ? &c->leg
	                  : w->wire == c->next.wire ? &c->next
	                                            : NULL;
	if (w->wire == c->wire) {
		carrier_closed(self, w);
	} else if (leg) {
		leg->wire = 0;
		leg_closed(self, leg, "closed by the AI");
	}
	return OK;
}

static enum err on_shed(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct wire_shed *s = wire_shed_of(m);
	if (s->wire == c->wire) {
		playout_shed(&c->playout, s->audio_ms);
		note(self, CALL_HAPPENING_DROPPED, (int64_t)s->audio_ms,
		     "the caller's socket is full");
	} else if (s->wire == c->leg.wire) {
		c->leg.full = true;
		c->intake.open = false;
		c->intake.dropped += s->frames;
		note(self, CALL_HAPPENING_DROPPED, (int64_t)s->audio_ms, "the AI's socket is full");
	}
	return OK;
}

static enum err on_room(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	uint64_t wire = wire_room_of(m)->wire;
	if (c->phase == PHASE_OVER)
		return OK;
	if (wire == c->wire) {
		playout_room(&c->playout, actor_now_us(self));
		carrier_pump(self);
	} else if (wire == c->leg.wire) {
		c->leg.full = false;
		c->intake.open = c->leg.ai.state == REALTIME_READY;
		intake_flush(self);
	}
	return OK;
}

/* ---- it ends
 * ------------------------------------------------------------------------------------------- */

static enum err on_hangup(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	enum call_cause cause = call_hangup_of(m)->cause;
	if (c->phase == PHASE_NEW || c->phase == PHASE_OVER) {
		if (c->phase == PHASE_NEW)
			actor_exit(self);
		return ERR_NOT_FOUND;
	}
	if (m->business && m->business != c->business)
		return ERR_NOT_FOUND;
	call_end(self, cause != CALL_CAUSE_NONE ? cause : CALL_CAUSE_OPERATOR);
	return actor_reply(self, m, MSG(call_hung_up));
}

static enum err on_retire(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct call_retire *r = call_retire_of(m);
	if (!str_is(r->call, c->id) || c->phase == PHASE_OVER)
		return OK;
	if (c->phase != PHASE_LIVE) { /* its stream went elsewhere, and its record with it */
		leg_hang_up(self, &c->leg);
		c->finished = true;
		actor_exit(self);
		return OK;
	}
	if (r->epoch > c->retired) /* known before our own, too */
		c->retired = r->epoch;
	if (c->begun && c->epoch < r->epoch)
		call_end(self, CALL_CAUSE_REPLACED);
	return OK;
}

static enum err on_drain(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct call_drain *d = call_drain_of(m);
	if (str_is(d->node, actor_node(self)))
		c->drain_us = actor_now_us(self) + d->within_ms * 1000ull;
	return OK;
}

static enum err on_stop(struct actor *self)
{
	struct call *c = actor_state(self);
	books_last_word(self);
	playout_done(&c->playout);
	intake_done(&c->intake);
	history_done(&c->history);
	record_done(&c->record);
	blobs_free(&c->blobs);
	if (c->settings)
		msg_unref(c->settings);
	c->settings = NULL;
	return OK;
}

/* ---- what it is
 * ------------------------------------------------------------------------------------------ */

static const struct actor_on takes[] = {
	{ &wire_frame_desc, on_frame },
	{ &wire_closed_desc, on_closed },
	{ &wire_shed_desc, on_shed },
	{ &wire_room_desc, on_room },
	{ &call_expect_desc, on_expect },
	{ &call_stream_desc, on_stream },
	{ &call_hangup_desc, on_hangup },
	{ &call_retire_desc, on_retire },
	{ &call_drain_desc, on_drain },
	{ &call_watch_desc, on_watch },
	{ 0 },
};
static const struct proto_desc *const sends[] = {
	&wire_send_desc,
	&wire_dial_desc,
	&wire_close_desc,
	&wire_look_desc,
	&call_arrive_desc,
	&call_settings_desc,
	&call_begin_desc,
	&call_note_desc,
	&call_finish_desc,
	&call_update_desc,
	&call_retire_desc,
	&call_tool_desc,
	&call_lead_note_desc,
	&call_lead_look_desc,
	&call_hung_up_desc,
	&call_pulse_desc,
	NULL,
};
static const struct actor_setting settings[] = {
	{ "realtime_url", "where the AI is; its model is added", "wss://api.openai.com/v1/realtime",
	  0, 0 },
	{ "openai_api_key", "the AI's key", "", 0, 0 },
	{ "model", "the AI's model, where a business set none", "gpt-realtime", 0, 0 },
	{ "dialect", "words of its session.update: ga or beta", "ga", 0, 0 },
	{ "voice", "the AI's voice, where a business set none", "marin", 0, 0 },
	{ "transcriber", "model that writes down what callers say", "gpt-4o-mini-transcribe", 0,
	  0 },
	{ "instructions", "what the AI is told, where a business set nothing",
	  "You are the friendly telephone assistant of a business. Answer briefly, in the caller's "
	  "language.",
	  0, 0 },
	{ "greeting",
	  "what the AI is asked for first, where a business set nothing; empty: it waits",
	  "Greet the caller in one short sentence.", 0, 0 },
	{ "append_frames",
	  "frames of the caller joined into one message even when there is no hurry", "1", 1,
	  INTAKE_JOIN },
	{ "unseen_s", "a stream that was announced must come within this, s", "20", 1, 600 },
	{ "zombie_s", "a caller's side that sends nothing for so long is dead, s", "5", 1, 600 },
	{ "longest_s", "longest call, s; 0: no limit", "3600", 0, 86400 },
	{ "idle_s", "silence before the caller is asked, and after it before good-bye, s; 0: never",
	  "60", 0, 86400 },
	{ "stall_s", "an AI that owes an answer must say something within this, s", "8", 1, 120 },
	{ "give_up_s", "without any AI for so long the call ends with an apology, s", "12", 1,
	  600 },
	{ "rollover_s", "before a session of the AI expires the next one is made ready, s", "60", 1,
	  3600 },
	{ 0 },
};

const struct actor_kind call_session_actor = {
	.name = "call_session",
	.doc = "one phone call between a carrier and a realtime AI",
	.state = sizeof(struct call),
	.start = on_start,
	.stop = on_stop,
	.takes = takes,
	.sends = sends,
	.settings = settings,
	.place = PLACE_HERE,
	.mailbox = { .depth = 1024, .full = FULL_REFUSE }, /* the gateway then reads no further */
	.restart = { .when = RESTART_NEVER }, /* a call that broke cannot be begun anew */
	.sets_tenant = true,                  /* see speak_for */
};
