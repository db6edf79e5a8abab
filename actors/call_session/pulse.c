/*
 * pulse.c — somebody watches: what this call is like now, told once for each call.watch.
 */
#include "actors/call_session/session.h"

static uint64_t age_ms(struct actor *self, const struct call *c)
{
	uint64_t since = c->phase == PHASE_LIVE ? c->start_us : c->expected_us;
	return (actor_now_us(self) - since) / 1000;
}

/* Published, not sent: who watches stands behind the hub. Nobody who watches: it goes nowhere. */
enum err on_watch(struct actor *self, const struct msg *m)
{
	const struct call *c = actor_state(self);
	const struct record *r = &c->record;
	if (c->phase == PHASE_NEW) /* asked for by name, and not there */
		actor_exit(self);
	if (c->phase != PHASE_EXPECTED && c->phase != PHASE_LIVE)
		return OK;
	if (m->business && m->business != c->business)
		return OK;
	speak_for(self, c);
	return actor_publish(
		self, MSG(call_pulse, .watches = call_watch_of(m)->watch, .call = str_of(c->id),
	                  .state = c->phase == PHASE_LIVE ? CALL_STATE_LIVE : CALL_STATE_EXPECTED,
	                  .direction = c->direction, .from = str_of(c->from), .to = str_of(c->to),
	                  .age_ms = age_ms(self, c), .turns = r->turns, .barge_ins = r->barge_ins,
	                  .dropped = c->intake.dropped + c->playout.dropped / SOUND_FRAME,
	                  .first_audio_ms = r->first_audio_ms, .turn_p50_ms = record_median(r),
	                  .turn_worst_ms = r->worst_ms, .node = str_of(actor_node(self))));
}
