/*
 * ear.c — what comes to a call: Twilio's three events, read strictly; stamps judged; the caller's
 * part of the conversation.
 */
#include "proto/base64.h"
#include "proto/json.h"
#include "tools/load/call.h"
#include <stdio.h>

enum { AUDIO_MAX = 1 << 20, SPEECH_US = 1000000, PAUSE_US = 700000 };

void call_offends(struct call *c, const char *what)
{
	struct load_calls_result *r = c->carrier->ret;
	if (!r->offences++)
		(void)snprintf(r->offence, sizeof r->offence, "call %u: %s", c->number, what);
}

/* ---- stamps -------------------------------------------------------------------------------- */

static void judge_echo(struct call *c, const struct stamp *t, uint64_t now)
{
	struct load_calls_result *r = c->carrier->ret;
	uint8_t bit = (uint8_t)(1 << (t->seq & 7));
	if (!t->seq || t->seq > c->sent) {
		r->changed++;
		return;
	}
	if (c->seen[t->seq / 8] & bit) {
		r->twice++;
		return;
	}
	c->seen[t->seq / 8] |= bit;
	c->back++;
	r->back++;
	r->unordered += t->seq < c->last_seq;
	c->last_seq = t->seq > c->last_seq ? t->seq : c->last_seq;
	spread_add(&r->trip, now - t->sent_us);
	if (t->turned_us) {
		spread_add(&r->forth, t->turned_us - t->sent_us);
		spread_add(&r->back_trip, now - t->turned_us);
	}
}

static void judge_answer(struct call *c, const struct stamp *t, uint64_t now)
{
	struct load_calls_result *r = c->carrier->ret;
	r->of_ai++;
	if (t->seq <= c->last_of_ai)
		r->twice++;
	else if (t->seq > c->last_of_ai + 1 && !c->gap_allowed)
		r->gaps_of_ai += t->seq - c->last_of_ai - 1;
	c->gap_allowed = false;
	c->last_of_ai = t->seq > c->last_of_ai ? t->seq : c->last_of_ai;
	spread_add(&r->back_trip, now - t->sent_us);
}

static void on_piece(void *ctx, const struct stamp_piece *p)
{
	struct call *c = ctx;
	struct load_calls_result *r = c->carrier->ret;
	uint64_t now = plug_now_us();
	const struct stamp *t = &p->stamp;
	bool whole = p->found == STAMP_WHOLE, answer = whole && (t->flags & STAMP_OF_AI);
	playback_put(&c->playback, now, p->n, answer ? t->item : 0, answer ? t->ms : 0);
	if (!c->heard_first) {
		c->heard_first = true;
		spread_add(&r->first, now - c->asked_us);
	}
	if (c->kind != CALL_USUAL)
		return;
	if (!whole)
		r->changed += p->found == STAMP_BROKEN;
	else if (t->run != c->carrier->run || t->call != c->number)
		r->crossed++;
	else if (answer)
		judge_answer(c, t, now);
	else
		judge_echo(c, t, now);
}

void call_count(struct call *c)
{
	struct load_calls_result *r = c->carrier->ret;
	if (c->kind == CALL_USUAL && !c->carrier->config->answers)
		r->lost += c->sent - c->back;
}

/* ---- events -------------------------------------------------------------------------------- */

struct heard {
	struct str event, stream, payload, name;
	bool media, mark;
};

static void read_member(struct json *j, const char *member, struct arena *a, struct str *ret)
{
	struct str key;
	json_object(j);
	while (json_key(j, &key)) {
		if (str_is(key, member))
			json_string(j, a, ret);
		else
			json_skip(j);
	}
}

static bool read_heard(struct str text, struct arena *a, struct heard *ret)
{
	struct json j;
	struct str key;
	json_init(&j, text, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "event"))
			json_string(&j, a, &ret->event);
		else if (str_is(key, "streamSid"))
			json_string(&j, a, &ret->stream);
		else if (str_is(key, "media"))
			read_member(&j, "payload", a, &ret->payload);
		else if (str_is(key, "mark"))
			read_member(&j, "name", a, &ret->name);
		else
			json_skip(&j);
	}
	return json_end(&j) == OK;
}

static void on_media(struct call *c, struct str payload)
{
	static char audio[AUDIO_MAX];
	size_t n = 0;
	if (!payload.len || payload.len % 4 || payload.len > AUDIO_MAX ||
	    memchr(payload.at, '-', payload.len) || memchr(payload.at, '_', payload.len) ||
	    !base64_read(payload, audio, &n))
		call_offends(c, "a payload that is not base64");
	else
		stamp_feed(&c->ear, str_n(audio, n), on_piece, c);
}

static void on_clear(struct call *c)
{
	uint64_t now = plug_now_us();
	c->heard = playback_clear(&c->playback, now);
	c->cleared_us = now;
	c->clears++;
	c->gap_allowed = true;
	c->carrier->ret->clears++;
}

void call_heard(struct call *c, struct str text)
{
	char memory[256];
	struct arena a = ARENA_OVER(memory);
	struct heard h = { 0 };
	if (c->state < CALL_LIVE) {
		call_offends(c, "a message before START");
		return;
	}
	if (!read_heard(text, &a, &h))
		call_offends(c, "a message that is no JSON object");
	else if (!str_is(h.stream, c->stream_sid))
		call_offends(c, "the streamSid of somebody else");
	else if (str_is(h.event, "media"))
		on_media(c, h.payload);
	else if (str_is(h.event, "clear"))
		on_clear(c);
	else if (!str_is(h.event, "mark"))
		call_offends(c, "an event that is none of Twilio's");
	else if (!h.name.len || playback_mark(&c->playback, plug_now_us(), h.name))
		call_offends(c, "a mark without name, or too many in the air");
	call_set_mark(c);
}

/* ---- the caller's part --------------------------------------------------------------------- */

/* Speaks a second; then waits for an answer, and for its end unless it breaks in. */
bool call_speaks(struct call *c, uint64_t now)
{
	const struct load_calls *config = c->carrier->config;
	if (!config->answers || now < c->speech_until_us)
		return config->answers;
	bool playing = playback_is_playing(&c->playback, now);
	if (playing && !c->answered) {
		c->answered = true;
		uint32_t about = config->barge_ms;
		c->seed = c->seed * 1664525 + 1013904223;
		c->speech_at_us = about ? now + (about / 2 + (c->seed >> 8) % about) * 1000ull : 0;
	} else if (!playing && c->answered && !c->speech_at_us) {
		c->speech_at_us = now + PAUSE_US;
	}
	if (!c->speech_at_us || now < c->speech_at_us)
		return false;
	c->carrier->ret->turns++;
	c->speech_until_us = now + SPEECH_US;
	c->speech_at_us = 0;
	c->answered = false;
	return true;
}
