/*
 * leg.c — the AI's side: dialled warm, set up, lost and dialled again, rolled over before it
 * expires.
 *
 *     leg   ════════════ READY ═══════════════╗ closed
 *     next              ─ dial ─ set up ─ READY ════ takes over at a silence
 */
#include "actors/call_session/session.h"
#include <stdio.h>

/* ---- saying
 * ---------------------------------------------------------------------------------------- */

void leg_say(struct actor *self, const struct leg *leg, struct buf *b)
{
	struct blob *blob = buf_err(b) ? NULL : blob_copy(b->at, b->len);
	if (!blob || !leg->wire) {
		blob_unref(blob);
		return;
	}
	(void)!actor_send_move(self, leg->gateway, &blob, MSG(wire_send, .wire = leg->wire));
}

static void say_update(struct actor *self, struct leg *leg)
{
	struct call *c = actor_state(self);
	const struct call_configured *s = settings_of(c);
	struct buf tools, b;
	buf_init(&tools, 64 << 10);
	buf_init(&b, 512 << 10);
	tools_declare(&tools, s->tools, s->transfer_to.len > 0);
	realtime_update(
		&b, &leg->ai,
		&(struct realtime_wishes){
			.instructions = s->instructions.len
	                                        ? s->instructions
	                                        : str_of(actor_setting(self, "instructions")),
			.voice = s->voice.len ? s->voice : str_of(actor_setting(self, "voice")),
			.tools = buf_err(&tools) ? (struct str){ 0 } : buf_view(&tools),
			.transcriber = str_of(actor_setting(self, "transcriber")),
			.semantic = s->turn_ends == CALL_TURN_ENDS_SEMANTIC_VAD,
		});
	leg_say(self, leg, &b);
	buf_done(&b);
	buf_done(&tools);
}

/* What was said so far, so that a new session goes on where the old one ended. */
static void say_history(struct actor *self, struct leg *leg)
{
	struct call *c = actor_state(self);
	struct buf b;
	buf_init(&b, 64 << 10);
	for (uint32_t i = 0; i < c->history.n; i++) {
		const struct history_entry *e = history_entry(&c->history, i);
		if (!e->len)
			continue;
		buf_clear(&b);
		realtime_words(&b, &leg->ai, e->caller, str_n(e->text, e->len));
		leg_say(self, leg, &b);
	}
	buf_done(&b);
}

/* ---- up
 * --------------------------------------------------------------------------------------------- */

static struct leg *leg_of(struct call *c, uint64_t serial)
{
	return serial == c->leg.serial ? &c->leg : serial == c->next.serial ? &c->next : NULL;
}

static void set_state(struct actor *self, struct leg *leg, enum realtime_state state)
{
	leg->ai.state = state;
	leg->since_us = leg->heard_us = actor_now_us(self);
}

static void refused(struct actor *self, struct leg *leg, const struct wire_dialled *d)
{
	struct call *c = actor_state(self);
	char why[160];
	uint32_t status = d ? d->status : 0;
	(void)snprintf(why, sizeof why, "dial status=%u %.*s", status,
	               d ? (int)(d->why.len < 100 ? d->why.len : 100) : 0,
	               d && d->why.len ? d->why.at : "");
	if (leg == &c->next) { /* the old one still works: once more in a moment */
		*leg = (struct leg){ 0 };
		c->retry_us = actor_now_us(self) + 5000000;
		actor_log(self, LOG_WARN, "rollover_failed call=%s %s", c->id, why);
		return;
	}
	if (d && d->retry_after_s)
		c->retry_us = actor_now_us(self) + d->retry_after_s * 1000000ull;
	leg_lost(self, why, realtime_trouble_status(status));
}

static enum err on_dialled(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	struct leg *leg = leg_of(c, msg_tag(m));
	const struct wire_dialled *d = msg_err(m) ? NULL : wire_dialled_of(m);
	if (!leg || c->phase == PHASE_OVER) {
		if (d && d->wire)
			return actor_send(self, msg_from(m),
			                  MSG(wire_close, .wire = d->wire, .code = 1000));
		return OK;
	}
	if (!d || !d->wire) {
		refused(self, leg, d);
		return OK;
	}
	leg->gateway = msg_from(m);
	leg->wire = d->wire;
	set_state(self, leg, REALTIME_OPEN);
	if (++c->legs > 1)
		c->record.reconnects++;
	note(self, CALL_HAPPENING_WIRE_UP, 0, "ai");
	return OK;
}

static bool put_url(struct buf *b, const char *base, struct str model)
{
	buf_text(b, base);
	buf_text(b, strchr(base, '?') ? "&model=" : "?model=");
	for (uint32_t i = 0; i < model.len; i++) {
		char ch = model.at[i];
		bool plain = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'z') ||
		             (ch >= 'A' && ch <= 'Z') || strchr("-._~", ch);
		if (plain && ch)
			buf_char(b, ch);
		else
			buf_printf(b, "%%%02X", (unsigned char)ch);
	}
	return !buf_err(b);
}

void leg_dial(struct actor *self, struct leg *leg)
{
	struct call *c = actor_state(self);
	char url[WIRE_DIAL_URL_MAX], bearer[WIRE_HEADER_VALUE_MAX];
	struct str model = settings_of(c)->model;
	struct buf at;
	*leg = (struct leg){ .serial = ++c->dials };
	leg->ai.beta = !strcmp(actor_setting(self, "dialect"), "beta");
	leg->ai.interrupts = true;
	set_state(self, leg, REALTIME_DIALING);
	buf_over(&at, url, sizeof url);
	bool good = put_url(&at, actor_setting(self, "realtime_url"),
	                    model.len ? model : str_of(actor_setting(self, "model")));
	(void)snprintf(bearer, sizeof bearer, "Bearer %s", actor_setting(self, "openai_api_key"));
	struct wire_header headers[] = {
		{ .name = str_of("Authorization"), .value = str_of(bearer) },
		{ .name = str_of("OpenAI-Beta"), .value = str_of("realtime=v1") },
	};
	enum err e = !good ? ERR_INVALID
	                   : actor_ask_tag(self, "gateway", DIAL_MS + 500, on_dialled, leg->serial,
	                                   MSG(wire_dial, .url = buf_view(&at),
	                                       .headers = { headers, leg->ai.beta ? 2 : 1 },
	                                       .within_ms = DIAL_MS, .frame_max = FRAME_MAX_AI,
	                                       .queue_max = QUEUE_MAX_AI));
	if (e)
		refused(self, leg, NULL);
}

/* A session took our settings: the past first, then the audio that waited. */
static void go_on(struct actor *self)
{
	struct call *c = actor_state(self);
	say_history(self, &c->leg);
	c->down_us = 0;
	speech_ready(self); /* before the audio: a turn in it is answered by itself */
	c->intake.open = true;
	intake_flush(self);
}

static void on_updated(struct actor *self, struct leg *leg)
{
	struct call *c = actor_state(self);
	if (leg == &c->next) /* it takes over when nobody speaks */
		return;
	note(self, CALL_HAPPENING_SESSION,
	     c->down_us ? (int64_t)(actor_now_us(self) - c->down_us) / 1000 : 0, NULL);
	go_on(self);
}

/* A session goes: who waits for an answer still does, and words that only it has heard are lost. */
static void keep_debts(struct actor *self)
{
	struct call *c = actor_state(self);
	bool responding = c->leg.ai.responding;
	c->missed |= c->speaking || (c->turn_us && !c->owes && !responding);
	c->speaking = false;
	if (c->owes || !(responding || c->missed))
		return;
	c->owes = true;
	c->owes_us = actor_now_us(self);
}

void leg_take_over(struct actor *self)
{
	struct call *c = actor_state(self);
	keep_debts(self);
	leg_hang_up(self, &c->leg);
	c->leg = c->next;
	c->next = (struct leg){ 0 };
	playout_end_item(&c->playout, (struct str){ 0 });
	note(self, CALL_HAPPENING_ROLLOVER, 0, NULL);
	actor_log(self, LOG_INFO, "rollover call=%s", c->id);
	go_on(self);
}

/* ---- heard
 * ------------------------------------------------------------------------------------------- */

static void on_error(struct actor *self, struct leg *leg, const struct realtime_error *e)
{
	struct call *c = actor_state(self);
	enum realtime_trouble trouble = realtime_trouble_of(e);
	char why[200];
	(void)snprintf(why, sizeof why, "%.*s: %.*s", (int)(e->code.len < 64 ? e->code.len : 64),
	               e->code.len ? e->code.at : "",
	               (int)(e->message.len < 120 ? e->message.len : 120),
	               e->message.len ? e->message.at : "");
	note(self, CALL_HAPPENING_FAILURE, 0, why);
	actor_log(self, LOG_WARN, "ai_error call=%s %s", c->id, why);
	if (leg->ai.state == REALTIME_UPDATING && trouble == REALTIME_HARMLESS)
		trouble =
			REALTIME_FINAL; /* it does not take our settings, and will not next time */
	if (trouble == REALTIME_HARMLESS)
		return;
	if (leg == &c->next)
		leg_closed(self, leg, why);
	else
		leg_lost(self, why, trouble);
}

void leg_heard(struct actor *self, struct leg *leg, const struct msg *m)
{
	struct call *c = actor_state(self);
	char room[ARENA_AI];
	struct arena a = { .at = room, .len = sizeof room };
	struct realtime_heard h;
	if (wire_frame_of(m)->binary) {
		leg->ai.malformed++;
		return;
	}
	leg->heard_us = actor_now_us(self);
	enum realtime_word word = realtime_read(&leg->ai, msg_blob(m), &a, &h);
	if (word == REALTIME_CREATED) {
		set_state(self, leg, REALTIME_UPDATING);
		say_update(self, leg);
	} else if (word == REALTIME_UPDATED) {
		on_updated(self, leg);
	} else if (word == REALTIME_ERROR) {
		on_error(self, leg, &h.error);
	} else if (word != REALTIME_NOTHING && leg == &c->leg && leg->ai.state == REALTIME_READY) {
		speech_heard(self, word, &h);
	}
}

/* ---- down
 * -------------------------------------------------------------------------------------------- */

void leg_hang_up(struct actor *self, struct leg *leg)
{
	struct call *c = actor_state(self);
	c->tokens_in += leg->ai.tokens_in;
	c->tokens_out += leg->ai.tokens_out;
	if (leg->wire)
		(void)!actor_send(self, leg->gateway,
		                  MSG(wire_close, .wire = leg->wire, .code = 1000));
	*leg = (struct leg){ 0 };
}

enum err on_redial(struct actor *self)
{
	struct call *c = actor_state(self);
	if (c->phase != PHASE_OVER && !c->hopeless && !c->leg.serial)
		leg_dial(self, &c->leg);
	return OK;
}

/* The leg is gone, its wire is not ours any more. Who waits for an answer still does. */
void leg_lost(struct actor *self, const char *why, enum realtime_trouble trouble)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	bool was_ready = c->leg.ai.state == REALTIME_READY;
	keep_debts(self);
	if (c->phase == PHASE_OVER)
		return;
	actor_log(self, LOG_WARN, "ai_lost call=%s final=%d %s", c->id, trouble == REALTIME_FINAL,
	          why);
	note(self, CALL_HAPPENING_WIRE_DOWN, 0, why);
	leg_hang_up(self, &c->leg);
	memset(&c->tools, 0, sizeof c->tools);
	c->intake.open = false;
	playout_end_item(&c->playout, (struct str){ 0 });
	carrier_ended(self, (struct str){ 0 });
	if (!c->down_us)
		c->down_us = now;
	if (trouble == REALTIME_FINAL) {
		c->hopeless = true;
		if (c->phase == PHASE_LIVE)
			ending_unreachable(self);
		return;
	}
	if (c->next.serial) { /* it was about to take over anyway */
		c->leg = c->next;
		c->next = (struct leg){ 0 };
		return;
	}
	/* A session that lived was not refused: begin again with the shortest pause. */
	c->redial_ms = was_ready || !c->redial_ms ? REDIAL_LEAST_MS : c->redial_ms * 2;
	if (c->redial_ms > REDIAL_MOST_MS)
		c->redial_ms = REDIAL_MOST_MS;
	uint64_t wait_ms = c->redial_ms - actor_random(self) % (c->redial_ms / 4);
	if (c->retry_us > now)
		wait_ms = (c->retry_us - now) / 1000 + 1;
	actor_after(self, (uint32_t)wait_ms, on_redial);
}

void leg_closed(struct actor *self, struct leg *leg, const char *why)
{
	struct call *c = actor_state(self);
	if (leg == &c->leg) {
		leg_lost(self, why, REALTIME_ENDED);
		return;
	}
	actor_log(self, LOG_WARN, "rollover_failed call=%s %s", c->id, why);
	leg_hang_up(self, leg);
	c->retry_us = actor_now_us(self) + 5000000;
}

/* Expiry is near: a second session, and the switch when nobody speaks. */
void leg_rollover(struct actor *self)
{
	struct call *c = actor_state(self);
	if (!c->next.serial && actor_now_us(self) >= c->retry_us)
		leg_dial(self, &c->next);
}
