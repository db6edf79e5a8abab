/*
 * speech.c — the conversation: whose turn it is, what was heard of what was said.
 *
 *     caller  ▁▂▅▃▁ speech_stopped ─── committed                        speech_started ▁▃▅
 *     AI                              (owes)  response ▂▅▇▅▂ audio ═══ cut ═╣
 *     played                                            ▂▅▇▅▂▂ ◀─ marks     ╠═ clear,
 * truncate(item, ms)
 */
#include "actors/call_session/session.h"
#include <stdio.h>

void speech_ask(struct actor *self, const char *instructions)
{
	struct call *c = actor_state(self);
	struct buf b;
	buf_init(&b, 32 << 10);
	realtime_respond(&b, str_of(instructions));
	leg_say(self, &c->leg, &b);
	buf_done(&b);
	c->owes = true;
	c->owes_us = actor_now_us(self);
}

void speech_greet(struct actor *self)
{
	struct call *c = actor_state(self);
	struct str greeting = settings_of(c)->greeting;
	char words[CALL_CONFIGURED_GREETING_MAX + 64];
	if (c->greeted || c->leg.ai.state != REALTIME_READY || !c->carrier.started)
		return;
	c->greeted = true;
	if (greeting.len) {
		(void)snprintf(words, sizeof words, "Say exactly this: %.*s", STR(greeting));
		speech_ask(self, words);
	} else if (actor_setting(self, "greeting")[0]) {
		speech_ask(self, actor_setting(self, "greeting"));
	}
}

/* Greeted by nobody yet, or left without an answer when the last session ended. */
void speech_ready(struct actor *self)
{
	struct call *c = actor_state(self);
	if (!c->carrier.started)
		return;
	if (!c->greeted)
		speech_greet(self);
	else if (c->owes)
		speech_ask(self, c->missed
		                         ? "The line was bad for a moment, the caller's last words "
		                           "were lost. Ask for them again, briefly."
		                         : NULL);
	c->missed = false;
}

/* ---- barge-in
 * ---------------------------------------------------------------------------------------- */

void speech_truncate(struct actor *self, const struct playout_cut *cut)
{
	struct call *c = actor_state(self);
	struct buf b;
	buf_init(&b, 4096);
	for (uint32_t i = 0; i < cut->n; i++) {
		buf_clear(&b);
		realtime_truncate(&b, cut->items[i].id, cut->items[i].heard_ms);
		leg_say(self, &c->leg, &b);
		history_heard(&c->history, cut->items[i].id, cut->items[i].heard_ms,
		              cut->items[i].of_ms);
	}
	buf_done(&b);
}

static void cancel(struct actor *self)
{
	struct call *c = actor_state(self);
	struct buf b;
	if (!c->leg.ai.responding)
		return;
	realtime_forget(&c->leg.ai);
	if (c->leg.ai.interrupts) /* then the server has done it already */
		return;
	buf_init(&b, 1024);
	realtime_cancel(&b, &c->leg.ai);
	leg_say(self, &c->leg, &b);
	buf_done(&b);
}

/* Also when the response was done long ago: what counts is what the caller still hears. */
static void barge_in(struct actor *self)
{
	struct call *c = actor_state(self);
	struct playout_cut cut;
	bool hears = !playout_idle(&c->playout);
	if (hears) {
		playout_cut(&c->playout, actor_now_us(self), &cut);
		carrier_clear(self); /* first, because it is what the caller hears */
	}
	cancel(self);
	if (!hears)
		return;
	speech_truncate(self, &cut);
	c->record.barge_ins++;
	note_str(self, CALL_HAPPENING_BARGE_IN, cut.n ? cut.items[0].heard_ms : 0,
	         cut.n ? str_of(cut.items[0].id) : (struct str){ 0 });
}

static void on_speech(struct actor *self)
{
	struct call *c = actor_state(self);
	c->speaking = true;
	c->owes = c->missed = false;
	c->prompts = 0;
	c->speech_us = actor_now_us(self);
	/* Who speaks into the good-bye is not done; other ends are not the caller's to stop. */
	if (c->ending == CALL_CAUSE_AGENT || c->ending == CALL_CAUSE_IDLE)
		c->ending = CALL_CAUSE_NONE;
	barge_in(self);
}

/* ---- turns
 * ---------------------------------------------------------------------------------------------- */

static void on_audio(struct actor *self, const struct realtime_heard *h)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	if (c->turn_us && c->start_us) {
		uint32_t ms = (uint32_t)((now - c->turn_us) / 1000);
		record_turn(&c->record, ms);
		note(self, CALL_HAPPENING_TURN, ms, NULL);
	}
	if (!c->record.first_audio_ms && c->start_us)
		c->record.first_audio_ms = (uint32_t)((now - c->start_us) / 1000) + 1;
	c->turn_us = 0;
	c->owes = false;
	c->said = true;
	c->stalls = c->failures = 0;
	c->speech_us = now;
	carrier_play(self, h->item_id, h->delta);
}

static void on_response_done(struct actor *self, const struct realtime_heard *h)
{
	struct call *c = actor_state(self);
	carrier_ended(self, (struct str){ 0 });
	if (str_is(h->response.status, "failed")) {
		const struct realtime_error *e = &h->response.details.error;
		note_str(self, CALL_HAPPENING_FAILURE, 0, e->message.len ? e->message : e->code);
		enum realtime_trouble trouble = realtime_trouble_of(e);
		if (trouble != REALTIME_HARMLESS) {
			leg_lost(self, "response failed", trouble);
			return;
		}
		if (++c->failures < 3 && !c->speaking)
			speech_ask(self, NULL);
		return;
	}
	toolwork_go_on(self);
	ending_look(self);
}

static void on_caller_said(struct actor *self, const struct realtime_heard *h)
{
	struct call *c = actor_state(self);
	history_add(&c->history, true, h->item_id, h->transcript);
	note_str(self, CALL_HAPPENING_HEARD, 0, h->transcript);
}

static void on_item_done(struct actor *self, const struct realtime_item *item)
{
	struct call *c = actor_state(self);
	if (str_is(item->type, "function_call"))
		toolwork_run(self, item);
	else if (history_words(&c->history, item->id).len)
		note_str(self, CALL_HAPPENING_SAID, 0, history_words(&c->history, item->id));
}

void speech_heard(struct actor *self, enum realtime_word word, const struct realtime_heard *h)
{
	struct call *c = actor_state(self);
	switch (word) {
	case REALTIME_AUDIO:
		on_audio(self, h);
		break;
	case REALTIME_SAID:
		history_add(&c->history, false, h->item_id, h->delta);
		break;
	case REALTIME_RESPONSE:
		c->said = false;
		break;
	case REALTIME_AUDIO_DONE:
		carrier_ended(self, h->item_id);
		break;
	case REALTIME_SPEECH_STARTED:
		on_speech(self);
		break;
	case REALTIME_SPEECH_STOPPED:
		c->speaking = false;
		c->speech_us = c->turn_us = actor_now_us(self);
		break;
	case REALTIME_TURN_ENDED:
		c->owes = true;
		c->owes_us = actor_now_us(self);
		break;
	case REALTIME_CALLER_SAID:
		on_caller_said(self, h);
		break;
	case REALTIME_ITEM_DONE:
		on_item_done(self, &h->item);
		break;
	case REALTIME_RESPONSE_DONE:
		on_response_done(self, h);
		break;
	default:
		break;
	}
}
