/*
 * books.c — the call's record in the store: begun, noted, finished; whatever the store does.
 *
 *     live   begin ─▶ note, note …            one ask at a time, again after a growing pause
 *     over   begin ─▶ note … ─▶ finish ─▶ the actor leaves
 *
 * Every one of them may arrive twice: rows are known by call, epoch and number.
 */
#include "actors/call_session/session.h"

enum {
	STORE_MS = 3000,
	DESK_MS = 1000,
	SETTINGS_MS = 700, /* of the warm time, which is a second or two */
	FLUSH_US = 1000000,
	PAUSE_LEAST_MS = 250,
	PAUSE_MOST_MS = 8000,
	LIVED_US = 600000000, /* a finished call's session keeps its record for the store so long */
};

static enum err on_settings(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	if (c->settled)
		return OK;
	c->settled = true;
	if (msg_err(m))
		actor_log(self, LOG_WARN, "settings_default call=%s err=%s", c->id,
		          err_info(msg_err(m))->name);
	else
		c->settings = msg_ref(m); /* immutable: the texts stay where they are */
	if (c->phase != PHASE_OVER)
		leg_dial(self, &c->leg);
	return OK;
}

void books_settings(struct actor *self)
{
	struct call *c = actor_state(self);
	speak_for(self, c);
	if (!actor_ask(self, "store", SETTINGS_MS, on_settings,
	               MSG(call_settings, .connector = c->connector)))
		return;
	c->settled = true;
	leg_dial(self, &c->leg);
}

/* The desk of this node counts the call as live from here on, and says whose lease guards it. */
static enum err on_arrived(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	if (!msg_err(m))
		str_keep(c->desk, sizeof c->desk, call_arrived_of(m)->desk);
	c->arrived = true;
	books_look(self);
	return OK;
}

void books_arrive(struct actor *self)
{
	struct call *c = actor_state(self);
	speak_for(self, c);
	if (!actor_ask(self, "call_desk", DESK_MS, on_arrived,
	               MSG(call_arrive, .call = str_of(c->id), .connector = c->connector,
	                   .direction = c->direction)))
		return;
	c->arrived = true; /* no desk here: no limit, and nobody to sweep for it */
	books_look(self);
}

static void again_later(struct actor *self)
{
	struct call *c = actor_state(self);
	c->store_pause_ms = c->store_pause_ms ? c->store_pause_ms * 2 : PAUSE_LEAST_MS;
	if (c->store_pause_ms > PAUSE_MOST_MS)
		c->store_pause_ms = PAUSE_MOST_MS;
	c->flush_us = actor_now_us(self) + c->store_pause_ms * 1000ull;
}

static void went_well(struct actor *self, uint64_t next_us)
{
	struct call *c = actor_state(self);
	c->store_pause_ms = 0;
	c->flush_us = actor_now_us(self) + next_us;
	books_look(self);
}

/* Answers of another stream's questions are nobody's. */
static bool mine(struct call *c, const struct msg *m)
{
	if (msg_tag(m) != c->carrier_no)
		return false;
	c->asking = false;
	return true;
}

static enum err on_begun(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	if (!mine(c, m))
		return OK;
	if (msg_err(m) == ERR_STALE) {
		call_end(self, CALL_CAUSE_REPLACED);
		return OK;
	}
	if (msg_err(m)) {
		again_later(self);
		return OK;
	}
	c->begun = true;
	c->epoch = call_begun_of(m)->epoch;
	c->lead = call_begun_of(m)->lead;
	if (c->retired > c->epoch) {
		call_end(self, CALL_CAUSE_REPLACED);
		return OK;
	}
	/* An older stream may live on another node; or another was to have it, and waits for it. */
	if (c->epoch > 1 || !c->expected_us)
		(void)!actor_publish(self,
		                     MSG(call_retire, .call = str_of(c->id), .epoch = c->epoch));
	went_well(self, 0);
	return OK;
}

static enum err on_noted(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	if (!mine(c, m))
		return OK;
	if (msg_err(m) && msg_err(m) != ERR_STALE) {
		record_unsent(&c->record);
		again_later(self);
		return OK;
	}
	record_stored(&c->record);
	went_well(self, c->phase == PHASE_OVER ? 0 : FLUSH_US);
	return OK;
}

static enum err on_finished(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	enum err e = msg_err(m);
	if (!mine(c, m))
		return OK;
	/* Somebody else has finished it, or it is not to be had: both are an end. */
	if (e && e != ERR_STALE && e != ERR_CONFLICT && e != ERR_NOT_FOUND) {
		again_later(self);
		return OK;
	}
	c->finished = true;
	actor_exit(self);
	return OK;
}

static enum err ask_begin(struct actor *self)
{
	struct call *c = actor_state(self);
	return actor_ask_tag(self, "store", STORE_MS, on_begun, c->carrier_no,
	                     MSG(call_begin, .call = str_of(c->id), .account = str_of(c->account),
	                         .connector = c->connector, .direction = c->direction,
	                         .from = str_of(c->from), .to = str_of(c->to),
	                         .stream = str_of(c->carrier.stream),
	                         .node = str_of(actor_node(self)), .start_us = c->start_wall_us,
	                         .desk = str_of(c->desk)));
}

static enum err ask_note(struct actor *self)
{
	struct call *c = actor_state(self);
	struct call_noted notes[RECORD_SEND];
	uint32_t n = record_send(&c->record, notes);
	return actor_ask_tag(
		self, "store", STORE_MS, on_noted, c->carrier_no,
		MSG(call_note, .call = str_of(c->id), .epoch = c->epoch, .notes = { notes, n }));
}

static struct call_finish counts(const struct call *c)
{
	const struct record *r = &c->record;
	return (struct call_finish){ .call = str_of(c->id),
		                     .epoch = c->epoch,
		                     .cause = c->cause,
		                     .end_us = c->over_wall_us,
		                     .frames_in = c->carrier.frames,
		                     .frames_out = c->frames_out,
		                     .dropped_in = c->intake.dropped,
		                     .dropped_out = c->playout.dropped / SOUND_FRAME,
		                     .played_ms = c->played_ms,
		                     .barge_ins = r->barge_ins,
		                     .turns = r->turns,
		                     .first_audio_ms = r->first_audio_ms,
		                     .turn_p50_ms = record_median(r),
		                     .turn_worst_ms = r->worst_ms,
		                     .tools = r->tools,
		                     .tokens_in = c->tokens_in,
		                     .tokens_out = c->tokens_out,
		                     .reconnects = r->reconnects };
}

static enum err ask_finish(struct actor *self)
{
	struct call *c = actor_state(self);
	struct call_finish f = counts(c);
	return actor_ask_tag(self, "store", STORE_MS, on_finished, c->carrier_no, &call_finish_desc,
	                     &f);
}

/* A call whose stream never came has no stream to begin: its epoch is 0. */
void books_look(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	bool over = c->phase == PHASE_OVER, streamed = c->start_us;
	if (c->asking || c->finished || now < c->flush_us || !(over || streamed))
		return;
	enum err (*next)(struct actor *) = NULL;
	if (streamed && !c->begun)
		next = c->arrived ? ask_begin : NULL;
	else if (streamed && c->record.n)
		next = ask_note;
	else if (over)
		next = ask_finish;
	if (!next)
		return;
	speak_for(self, c);
	c->asking = true;
	if (next(self)) {
		c->asking = false;
		record_unsent(&c->record);
		again_later(self);
	}
	if (over && now - c->over_us > LIVED_US) {
		actor_log(self, LOG_ERROR, "record_lost call=%s notes=%u", c->id, c->record.n);
		actor_exit(self);
	}
}

/* The actor stops with its record unfinished: broken, or its node ends. Told, not asked. */
void books_last_word(struct actor *self)
{
	struct call *c = actor_state(self);
	if (c->finished || !c->start_us)
		return;
	if (c->phase != PHASE_OVER) {
		c->cause = c->drain_us ? CALL_CAUSE_DRAINED : CALL_CAUSE_FAULT;
		c->over_wall_us = actor_wall_us(self);
		c->played_ms = playout_heard_ms(&c->playout, actor_now_us(self));
	}
	struct call_finish f = counts(c);
	speak_for(self, c);
	(void)!actor_send(self, "store", &call_finish_desc, &f);
}
