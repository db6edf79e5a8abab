/*
 * ending.c — how a call ends: what is being said is heard first, then the socket is closed; or the
 * carrier takes the call from here.
 *
 *     ending_begin ─▶ (last words asked for) ─▶ said ─▶ heard, by the mark ─▶ close
 *                                                                └▶ call.update: say, dial
 *
 * Closing the socket hangs up, since no TwiML stands after <Connect> (facts 1.1).
 */
#include "actors/call_session/session.h"

enum { WORDS_US = 15000000, SORRY_US = 4000000, UPDATE_MS = 3000, UPDATED_US = 5000000 };

void ending_begin(struct actor *self, enum call_cause cause, const char *last_words)
{
	struct call *c = actor_state(self);
	if (c->ending != CALL_CAUSE_NONE || c->phase != PHASE_LIVE)
		return;
	c->ending = cause;
	c->last_words = last_words;
	c->farewell = !last_words;
	c->end_by_us = actor_now_us(self) + WORDS_US +
	               playout_left_ms(&c->playout, actor_now_us(self)) * 1000ull;
	ending_look(self);
}

/* No AI, and none to come: an apology, then the carrier's own voice or a person. Never dead air. */
void ending_unreachable(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	c->hopeless = true;
	if (c->ending == CALL_CAUSE_AI_LOST || c->updating || c->phase != PHASE_LIVE)
		return;
	actor_log(self, LOG_ERROR, "ai_unreachable call=%s", c->id);
	note(self, CALL_HAPPENING_FAILURE, 0, "the AI cannot be reached");
	c->ending = CALL_CAUSE_AI_LOST;
	c->farewell = true;
	c->owes = false;
	carrier_clip(self, &sound_sorry);
	if (!settings_of(c)->transfer_to.len && !settings_of(c)->apology.len)
		carrier_clip(self, &sound_later);
	c->end_by_us = now + SORRY_US + playout_left_ms(&c->playout, now) * 1000ull;
}

static enum err on_updated(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	if (c->phase != PHASE_LIVE)
		return OK;
	if (!msg_err(m)) { /* the carrier ends the stream now */
		c->end_by_us = actor_now_us(self) + UPDATED_US;
		return OK;
	}
	actor_log(self, LOG_WARN, "update_failed call=%s err=%s", c->id,
	          err_info(msg_err(m))->name);
	c->updating = false;
	if (c->ending == CALL_CAUSE_TRANSFER && c->leg.ai.state == REALTIME_READY) {
		c->ending = CALL_CAUSE_NONE;
		speech_ask(self,
		           "The transfer did not work. Say so, and offer what else you can do.");
		return OK;
	}
	call_end(self, c->ending);
	return OK;
}

/* To the telephone side: it holds the carrier's REST door and its credentials. */
static void hand_over(struct actor *self)
{
	struct call *c = actor_state(self);
	const struct call_configured *s = settings_of(c);
	bool sorry = c->ending == CALL_CAUSE_AI_LOST;
	c->updating = true;
	c->end_by_us = actor_now_us(self) + UPDATE_MS * UINT64_C(1000) + UPDATED_US;
	speak_for(self, c);
	if (actor_ask(self, "call_desk", UPDATE_MS, on_updated,
	              MSG(call_update, .call = str_of(c->id), .account = str_of(c->account),
	                  .connector = c->connector, .say = sorry ? s->apology : (struct str){ 0 },
	                  .dial = s->transfer_to)))
		call_end(self, c->ending);
}

static void heard(struct actor *self)
{
	struct call *c = actor_state(self);
	const struct call_configured *s = settings_of(c);
	bool sorry = c->ending == CALL_CAUSE_AI_LOST && (s->apology.len || s->transfer_to.len);
	if (c->ending == CALL_CAUSE_TRANSFER || sorry)
		hand_over(self);
	else
		call_end(self, c->ending);
}

void ending_look(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	if (c->ending == CALL_CAUSE_NONE || c->phase != PHASE_LIVE)
		return;
	if (now >= c->end_by_us && c->updating) {
		call_end(self, c->ending);
		return;
	}
	if (c->updating)
		return;
	bool silent = !c->leg.ai.responding;
	if (!c->farewell && silent && c->leg.ai.state == REALTIME_READY) {
		c->farewell = true;
		speech_ask(self, c->last_words);
		return;
	}
	bool said = c->farewell && silent && !c->owes && playout_idle(&c->playout);
	if (said || now >= c->end_by_us)
		heard(self);
}

static void close_wire(struct actor *self, uint64_t wire)
{
	struct call *c = actor_state(self);
	if (wire)
		(void)!actor_send(self, c->gateway, MSG(wire_close, .wire = wire, .code = 1000));
}

/* The call is over. What is left is its record. */
void call_end(struct actor *self, enum call_cause cause)
{
	struct call *c = actor_state(self);
	if (c->phase == PHASE_OVER)
		return;
	c->phase = PHASE_OVER;
	c->cause = cause;
	c->over_us = actor_now_us(self);
	c->over_wall_us = actor_wall_us(self);
	c->played_ms = playout_heard_ms(&c->playout, c->over_us);
	c->intake.open = false;
	close_wire(self, c->wire);
	c->wire = 0;
	leg_hang_up(self, &c->leg);
	leg_hang_up(self, &c->next);
	actor_after(self, 0, on_redial);
	actor_after(self, 0, on_overdue);
	playout_done(&c->playout);
	intake_done(&c->intake);
	history_done(&c->history);
	blobs_free(&c->blobs);
	actor_log(self, cause == CALL_CAUSE_ZOMBIE ? LOG_WARN : LOG_INFO,
	          "call_over call=%s cause=%s in=%llu out=%llu dropped_in=%llu dropped_out=%llu",
	          c->id, call_cause_enum.values[cause].name, (unsigned long long)c->carrier.frames,
	          (unsigned long long)c->frames_out, (unsigned long long)c->intake.dropped,
	          (unsigned long long)c->playout.dropped / SOUND_FRAME);
	note(self, CALL_HAPPENING_WIRE_DOWN, 0, call_cause_enum.values[cause].name);
	books_look(self);
}
