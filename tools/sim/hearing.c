/*
 * hearing.c — what the AI hears: stamps judged, turns of the caller found, echo prepared.
 */
#include "tools/sim/realtime_in.h"
#include <inttypes.h>
#include <stdlib.h>

enum { LOUD = 300 }; /* mean of 14-bit samples that counts as speech; ours */

/* ITU-T G.711, μ-law: the magnitude of one sample. */
static int magnitude(uint8_t u)
{
	u = (uint8_t)~u;
	return ((((u & 15) << 1) + 33) << ((u >> 4) & 7)) - 33;
}

static bool is_loud(const uint8_t *at, uint32_t n)
{
	uint64_t sum = 0;
	for (uint32_t i = 0; i < n; i++)
		sum += (uint64_t)magnitude(at[i]);
	return n && sum / n > LOUD;
}

/* ---- turns --------------------------------------------------------------------------------- */

static void say_speech(struct session *s, enum event e, const char *when)
{
	struct buf *b = event_begin(s, e);
	buf_printf(b, ",\"%s\":%" PRIu64 ",\"item_id\":\"item_%x_%u\"", when, s->heard_ms,
	           s->number, s->items + 1);
	event_end(s);
}

void session_commit(struct session *s)
{
	struct item *i = session_item_new(s, false);
	struct buf *b = event_begin(s, EVENT_committed);
	buf_printf(b, ",\"previous_item_id\":null,\"item_id\":\"item_%x_%u\"", s->number, i->n);
	event_end(s);
	for (int done = 0; done < 2; done++) {
		b = event_begin(s, done ? EVENT_item_done : EVENT_item_added);
		buf_printf(b,
		           ",\"previous_item_id\":null,\"item\":{\"id\":\"item_%x_%u\","
		           "\"object\":\"realtime.item\",\"type\":\"message\",\"status\":"
		           "\"completed\",\"role\":\"user\",\"content\":[{\"type\":\"input_audio\","
		           "\"transcript\":null}]}",
		           s->number, i->n);
		event_end(s);
	}
	if (!s->settings.transcription)
		return;
	b = event_begin(s, EVENT_transcribed);
	buf_printf(b,
	           ",\"item_id\":\"item_%x_%u\",\"content_index\":0,\"transcript\":\"caller's turn "
	           "%u\",\"usage\":{\"type\":\"duration\",\"seconds\":1}",
	           s->number, i->n, i->n);
	event_end(s);
}

static void turn_ends(struct session *s)
{
	s->speaking = false;
	say_speech(s, EVENT_speech_stopped, "audio_end_ms");
	session_commit(s);
	if (s->settings.create)
		session_answer_soon(s);
}

static void find_turns(struct session *s, bool speech, uint32_t ms)
{
	uint32_t end = s->settings.silence_ms ? s->settings.silence_ms : s->play.silence;
	if (!s->settings.turns || s->play.mode == PLAY_echo)
		return;
	if (speech && !s->speaking) {
		s->speaking = true;
		s->sights.speech++;
		s->started_us = plug_now_us();
		say_speech(s, EVENT_speech_started, "audio_start_ms");
		plug_alarm_clear(&s->think);
		if (s->settings.interrupt)
			session_cancel(s, "turn_detected");
	}
	s->quiet_ms = speech ? 0 : s->quiet_ms + ms;
	if (s->speaking && s->quiet_ms >= end)
		turn_ends(s);
}

/* ---- stamps -------------------------------------------------------------------------------- */

static void judge_clear(struct session *s, const struct stamp *t)
{
	if (t->clears == s->clears)
		return;
	s->clears = t->clears;
	if (s->started_us && t->cleared_us >= s->started_us)
		spread_add(&s->sights.clear, t->cleared_us - s->started_us);
	s->started_us = 0;
	struct item *i = session_item(s, t->heard_item);
	if (!i || !(t->flags & STAMP_CLEARED))
		return;
	i->has_heard = true;
	i->heard_ms = t->heard_ms;
	session_match(s, i);
}

static void judge(struct session *s, const struct stamp *t)
{
	if (!s->known) {
		s->known = true;
		s->run = t->run;
		s->call = t->call;
		s->next_seq = t->seq;
		s->clears = t->clears;
	}
	if (t->call != s->call || t->run != s->run) {
		s->sights.of_others++;
		return;
	}
	s->sights.frames++;
	spread_add(&s->sights.forth, plug_now_us() - t->sent_us);
	if (t->seq < s->next_seq) {
		s->sights.twice++;
		return;
	}
	s->sights.missing += t->seq - s->next_seq;
	s->next_seq = t->seq + 1;
	judge_clear(s, t);
}

/* A piece that is to come back; a whole stamp tells when it was here. */
static void echo(struct session *s, const struct stamp_piece *p)
{
	struct stamp t = p->stamp;
	if (s->n_back + p->n > sizeof s->back)
		session_echo(s);
	uint8_t *to = (uint8_t *)s->back + s->n_back;
	t.turned_us = plug_now_us();
	if (p->found == STAMP_WHOLE)
		stamp_write(&t, to);
	else
		memcpy(to, p->at, p->n);
	s->n_back += p->n;
}

static void on_piece(void *ctx, const struct stamp_piece *p)
{
	struct session *s = ctx;
	uint32_t ms = p->n / 8;
	s->heard_ms += ms;
	if (p->found == STAMP_WHOLE)
		judge(s, &p->stamp);
	else if (p->found == STAMP_BROKEN)
		s->sights.broken++;
	else
		s->sights.plain_bytes += p->n;
	if (s->play.mode == PLAY_echo)
		echo(s, p);
	bool speech = p->found == STAMP_WHOLE ? (p->stamp.flags & STAMP_SPEECH) != 0
	                                      : is_loud(p->at, p->n);
	find_turns(s, speech, ms);
}

void session_hear(struct session *s, struct str audio)
{
	stamp_feed(&s->ear, audio, on_piece, s);
	if (s->n_back >= s->play.join * 8)
		session_echo(s);
}
