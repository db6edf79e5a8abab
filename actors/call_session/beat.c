/*
 * beat.c — what only time brings: ten times a second each session looks at its clocks.
 */
#include "actors/call_session/session.h"
#include <stdio.h>

enum {
	WORDS_S = 15,        /* before the longest duration: the AI says that time is up */
	DIGITS_US = 1500000, /* after the last key */
	FORCED_S = 5,        /* before expiry: the new session takes over in mid-sentence */
	TURN_US = 2000000,   /* from the last word to the turn's end, at the most */
	STALLS = 3,          /* sessions that took a turn and said nothing: enough */
	DRAIN_WORDS_US = 10000000,
};

static uint64_t setting_us(struct actor *self, const char *name, uint32_t set_s)
{
	return (set_s ? set_s : (uint64_t)actor_setting_i64(self, name)) * 1000000ull;
}

/* Between the last word and its answer nobody speaks, and it is no silence. */
static bool silence(const struct call *c, uint64_t now)
{
	if (c->turn_us && now - c->turn_us < TURN_US)
		return false;
	return !c->speaking && !c->owes && !c->leg.ai.responding && playout_idle(&c->playout) &&
	       !tools_wait(&c->tools);
}

/* ---- the caller
 * -------------------------------------------------------------------------------------- */

static void look_at_carrier(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	if (now - c->frame_us >= setting_us(self, "zombie_s", 0)) {
		call_end(self, CALL_CAUSE_ZOMBIE);
		return;
	}
	playout_trim(&c->playout, now);
	carrier_look(self);
	carrier_pump(self);
}

static void look_at_digits(struct actor *self)
{
	struct call *c = actor_state(self);
	char words[96];
	struct buf b;
	if (!c->digits[0] || actor_now_us(self) - c->digit_us < DIGITS_US ||
	    c->leg.ai.state != REALTIME_READY || c->leg.ai.responding)
		return;
	(void)snprintf(words, sizeof words, "[The caller pressed: %s]", c->digits);
	c->digits[0] = '\0';
	buf_init(&b, 1024);
	realtime_words(&b, &c->leg.ai, true, str_of(words));
	leg_say(self, &c->leg, &b);
	buf_done(&b);
	history_add(&c->history, true, (struct str){ 0 }, str_of(words));
	speech_ask(self, NULL);
}

static void look_at_idle(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self),
		 idle = setting_us(self, "idle_s", settings_of(c)->idle_s);
	if (!silence(c, now)) {
		c->speech_us = now;
		return;
	}
	if (!idle || now - c->speech_us < idle || c->leg.ai.state != REALTIME_READY)
		return;
	c->speech_us = now;
	if (c->prompts++ == 0)
		speech_ask(self, "The caller has been silent. Ask whether they are still there.");
	else
		ending_begin(self, CALL_CAUSE_IDLE,
		             "The caller is silent. Say good-bye in one short sentence.");
}

static void look_at_limits(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self), lived = now - c->start_us;
	uint64_t longest = setting_us(self, "longest_s", settings_of(c)->longest_s);
	if (c->drain_us && now >= c->drain_us)
		call_end(self, CALL_CAUSE_DRAINED);
	else if (c->drain_us && now + DRAIN_WORDS_US >= c->drain_us)
		ending_begin(self, CALL_CAUSE_DRAINED,
		             "This call has to end now. Say so, with an apology, and good-bye.");
	if (longest && lived >= longest)
		call_end(self, CALL_CAUSE_LONGEST);
	else if (longest && lived + WORDS_S * 1000000ull >= longest)
		ending_begin(self, CALL_CAUSE_LONGEST,
		             "The time for this call is up. Say so, and good-bye.");
}

/* ---- the AI
 * ------------------------------------------------------------------------------------------- */

static void look_at_leg(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self), stall = setting_us(self, "stall_s", 0);
	enum realtime_state state = c->leg.ai.state;
	if ((state == REALTIME_OPEN || state == REALTIME_UPDATING) &&
	    now - c->leg.since_us >= SETTLE_US) {
		leg_lost(self, "not set up in time", REALTIME_ENDED);
		return;
	}
	if (state != REALTIME_READY || tools_wait(&c->tools))
		return;
	bool mute = c->owes && now - c->owes_us >= stall;
	bool torn = c->leg.ai.responding && now - c->leg.heard_us >= stall;
	if (!mute && !torn)
		return;
	if (++c->stalls >= STALLS)
		ending_unreachable(self);
	else
		leg_lost(self, "silent", REALTIME_ENDED);
}

static void look_at_expiry(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t at_s = c->leg.ai.expires_at_s, now_s = actor_wall_us(self) / 1000000;
	uint64_t now = actor_now_us(self);
	if (c->next.serial && c->next.ai.state != REALTIME_READY &&
	    now - c->next.since_us >= DIAL_MS * 1000 + SETTLE_US)
		leg_closed(self, &c->next, "not set up in time");
	if (!at_s || c->leg.ai.state != REALTIME_READY)
		return;
	if (now_s + (uint64_t)actor_setting_i64(self, "rollover_s") >= at_s)
		leg_rollover(self);
	if (c->next.ai.state == REALTIME_READY && (silence(c, now) || now_s + FORCED_S >= at_s))
		leg_take_over(self);
}

/* Silence that is not the caller's: an AI that is away, or that thinks for too long. */
static void look_at_dead_air(struct actor *self)
{
	struct call *c = actor_state(self);
	uint64_t now = actor_now_us(self);
	if (c->hopeless || c->updating)
		return;
	if (c->down_us && now - c->down_us >= setting_us(self, "give_up_s", 0)) {
		ending_unreachable(self);
		return;
	}
	bool away = c->down_us && now - c->down_us >= WAIT_US;
	bool thinks = c->owes && now - c->owes_us >= WAIT_US;
	if (!(away || thinks) || !playout_idle(&c->playout) || now - c->told_us < WAIT_AGAIN_US)
		return;
	c->told_us = now;
	carrier_sound(self, sound_wait);
}

static void live(struct actor *self)
{
	static void (*const looks[])(struct actor * self) = {
		look_at_carrier, look_at_limits, look_at_leg, look_at_dead_air, look_at_expiry,
		look_at_digits,  look_at_idle,   ending_look, books_look,
	};
	const struct call *c = actor_state(self);
	for (size_t i = 0; i < sizeof looks / sizeof looks[0] && c->phase == PHASE_LIVE; i++)
		looks[i](self);
}

enum err on_beat(struct actor *self)
{
	struct call *c = actor_state(self);
	actor_after(self, BEAT_MS, on_beat);
	if (c->phase == PHASE_LIVE)
		live(self);
	else if (c->phase == PHASE_OVER)
		books_look(self);
	else if (actor_now_us(self) - c->expected_us >= setting_us(self, "unseen_s", 0))
		call_end(self, CALL_CAUSE_UNSEEN);
	return OK;
}
