/*
 * speaking.c — what the AI says: an answer, delta after delta faster than it can be heard, with its
 * words; a function called; all of it cancelled. An echo is an answer that never ends.
 */
#include "proto/base64.h"
#include "proto/json.h"
#include "tools/sim/realtime_in.h"
#include <stdio.h>

enum { FRAMES_MAX = 200 };

/* ---- items --------------------------------------------------------------------------------- */

struct item *session_item(struct session *s, uint32_t n)
{
	struct item *i = &s->item[n % SESSION_ITEMS];
	return n && i->n == n && !i->gone ? i : NULL;
}

struct item *session_item_new(struct session *s, bool assistant)
{
	struct item *i = &s->item[++s->items % SESSION_ITEMS];
	*i = (struct item){ .n = s->items, .assistant = assistant };
	return i;
}

void session_match(struct session *s, struct item *i)
{
	if (!i->has_heard || !i->has_cut)
		return;
	uint64_t over = i->cut_ms > i->heard_ms ? i->cut_ms - i->heard_ms : 0;
	uint64_t under = i->heard_ms > i->cut_ms ? i->heard_ms - i->cut_ms : 0;
	s->sights.matched++;
	if (over > s->sights.worst_over_ms)
		s->sights.worst_over_ms = over;
	if (under > s->sights.worst_under_ms)
		s->sights.worst_under_ms = under;
	i->has_heard = i->has_cut = false;
}

/* ---- the events of one answer -------------------------------------------------------------- */

static struct buf *begin_of(struct session *s, enum event e, bool part)
{
	struct buf *b = event_begin(s, e);
	buf_printf(b, ",\"response_id\":\"resp_%x_%u\",\"output_index\":0", s->number, s->answer.n);
	if (e != EVENT_output_added && e != EVENT_output_done)
		buf_printf(b, ",\"item_id\":\"item_%x_%u\"", s->number, s->answer.item);
	if (part)
		buf_text(b, ",\"content_index\":0");
	return b;
}

static void put_words(const struct session *s, struct buf *b)
{
	buf_printf(b, "\"answer %u of session %u\"", s->answer.n, s->number);
}

static void put_item(struct session *s, struct buf *b, const char *status)
{
	bool done = strcmp(status, "in_progress") != 0;
	buf_printf(b, "{\"id\":\"item_%x_%u\",\"object\":\"realtime.item\",\"status\":\"%s\",",
	           s->number, s->answer.item, status);
	if (s->answer.function) {
		const char *name = s->settings.tools[s->tool % s->settings.n_tools];
		buf_text(b, "\"type\":\"function_call\",\"name\":");
		json_put_str(b, str_of(name));
		buf_printf(b, ",\"call_id\":\"call_%x_%u\",\"arguments\":\"%s\"}", s->number,
		           s->answer.n, done ? "{}" : "");
		return;
	}
	buf_text(b, "\"type\":\"message\",\"role\":\"assistant\",\"content\":[");
	if (done) {
		buf_printf(b,
		           "{\"type\":\"%s\",\"transcript\":", s->beta ? "audio" : "output_audio");
		put_words(s, b);
		buf_char(b, '}');
	}
	buf_text(b, "]}");
}

static void say_item(struct session *s, enum event e, const char *status)
{
	bool output = e == EVENT_output_added || e == EVENT_output_done;
	struct buf *b = output ? begin_of(s, e, false) : event_begin(s, e);
	buf_text(b, output ? ",\"item\":" : ",\"previous_item_id\":null,\"item\":");
	put_item(s, b, status);
	event_end(s);
}

static void say_part(struct session *s, enum event e)
{
	struct buf *b = begin_of(s, e, true);
	buf_printf(b, ",\"part\":{\"type\":\"%s\",\"transcript\":",
	           s->beta ? "audio" : "output_audio");
	if (e == EVENT_part_done)
		put_words(s, b);
	else
		buf_text(b, "\"\"");
	buf_char(b, '}');
	event_end(s);
}

static void put_response(struct session *s, struct buf *b, const char *status, const char *reason)
{
	bool done = strcmp(status, "in_progress") != 0;
	uint32_t in = (uint32_t)(s->heard_ms / 100), out = s->answer.made_ms / 50;
	buf_printf(b,
	           ",\"response\":{\"object\":\"realtime.response\",\"id\":\"resp_%x_%u\","
	           "\"conversation_id\":\"conv_%x\",\"status\":\"%s\",\"status_details\":",
	           s->number, s->answer.n, s->number, status);
	if (reason)
		buf_printf(b, "{\"type\":\"%s\",\"reason\":\"%s\"}", status, reason);
	else
		buf_text(b, "null");
	buf_text(b, ",\"output\":[");
	if (done && s->answer.item)
		put_item(s, b, reason ? "incomplete" : "completed");
	buf_text(b, "],\"usage\":");
	if (!done)
		buf_text(b, "null");
	else
		buf_printf(b,
		           "{\"total_tokens\":%u,\"input_tokens\":%u,\"output_tokens\":%u,"
		           "\"input_token_details\":{\"text_tokens\":0,\"audio_tokens\":%u,"
		           "\"cached_tokens\":0},\"output_token_details\":{\"text_tokens\":0,"
		           "\"audio_tokens\":%u}}",
		           in + out, in, out, in, out);
	buf_char(b, '}');
}

static void say_response(struct session *s, enum event e, const char *status, const char *reason)
{
	struct buf *b = event_begin(s, e);
	put_response(s, b, status, reason);
	event_end(s);
	if (e != EVENT_response_done)
		return;
	b = event_begin(s, EVENT_rate_limits);
	buf_printf(b,
	           ",\"rate_limits\":[{\"name\":\"requests\",\"limit\":1000,\"remaining\":%u,"
	           "\"reset_seconds\":60},{\"name\":\"tokens\",\"limit\":50000,\"remaining\":49000,"
	           "\"reset_seconds\":1.5}]",
	           1000 - s->answers % 1000);
	event_end(s);
}

/* ---- its course ---------------------------------------------------------------------------- */

static void begin(struct session *s, bool echo, bool function)
{
	s->answer = (struct answer){ .active = true,
		                     .echo = echo,
		                     .function = function,
		                     .n = ++s->answers,
		                     .total_ms = s->play.answer };
	s->sights.answers++;
	say_response(s, EVENT_response_created, "in_progress", NULL);
	s->answer.item = session_item_new(s, true)->n;
	say_item(s, EVENT_output_added, "in_progress");
	say_item(s, EVENT_item_added, "in_progress");
	if (!function)
		say_part(s, EVENT_part_added);
}

static void end(struct session *s, const char *reason)
{
	const char *status = reason ? "cancelled" : "completed";
	if (!s->answer.function) {
		event_end((begin_of(s, EVENT_audio_done, true), s));
		struct buf *b = begin_of(s, EVENT_words_done, true);
		buf_text(b, ",\"transcript\":");
		put_words(s, b);
		event_end(s);
		say_part(s, EVENT_part_done);
	}
	say_item(s, EVENT_output_done, reason ? "incomplete" : "completed");
	say_item(s, EVENT_item_done, reason ? "incomplete" : "completed");
	say_response(s, EVENT_response_done, status, reason);
	s->answer.active = false;
	plug_alarm_clear(&s->voice);
}

void session_cancel(struct session *s, const char *reason)
{
	if (!s->answer.active)
		return;
	s->sights.interrupted++;
	end(s, reason);
}

static void say_audio(struct session *s, const char *at, uint32_t n)
{
	struct buf *b = begin_of(s, EVENT_audio_delta, true);
	buf_text(b, ",\"delta\":\"");
	char *to = buf_room(b, base64_text_len(n));
	if (to) {
		base64_write(str_n(at, n), to);
		buf_took(b, base64_text_len(n));
	}
	buf_char(b, '"');
	event_end(s);
	s->answer.made_ms += n / 8;
	struct item *i = session_item(s, s->answer.item);
	if (i)
		i->ms += n / 8;
	s->audio_out_ms += n / 8;
}

static void say_delta(struct session *s)
{
	uint8_t audio[FRAMES_MAX * STAMP_BYTES];
	struct answer *a = &s->answer;
	uint32_t left = a->total_ms - a->made_ms, n = 0;
	uint32_t ms = s->play.delta < left ? s->play.delta : left;
	for (; n * STAMP_MS < ms && n < FRAMES_MAX; n++) {
		struct stamp t = { .run = s->run,
			           .call = s->call,
			           .seq = ++s->out_seq,
			           .flags = STAMP_OF_AI,
			           .sent_us = plug_now_us(),
			           .item = a->item,
			           .ms = a->made_ms + n * STAMP_MS };
		stamp_write(&t, audio + (size_t)n * STAMP_BYTES);
	}
	say_audio(s, (const char *)audio, n * STAMP_BYTES);
	struct buf *b = begin_of(s, EVENT_words_delta, true);
	buf_printf(b, ",\"delta\":\"%u \"", a->made_ms);
	event_end(s);
}

static void on_voice(void *ctx)
{
	struct session *s = ctx;
	struct answer *a = &s->answer;
	if (!a->active || s->stalled)
		return;
	do
		say_delta(s);
	while (!s->play.speed && a->made_ms < a->total_ms);
	if (a->made_ms >= a->total_ms)
		end(s, NULL);
	else
		plug_alarm_set(realtime_loop(s), &s->voice,
		               plug_now_us() + s->play.delta * 1000ull / s->play.speed);
}

static void call_function(struct session *s)
{
	begin(s, false, true);
	s->sights.functions++;
	(void)snprintf(s->calls[s->answer.n % SESSION_CALLS], sizeof *s->calls, "call_%x_%u",
	               s->number, s->answer.n);
	for (int done = 0; done < 2; done++) {
		struct buf *b =
			begin_of(s, done ? EVENT_arguments_done : EVENT_arguments_delta, false);
		buf_printf(b, ",\"call_id\":\"call_%x_%u\",\"%s\":\"{}\"", s->number, s->answer.n,
		           done ? "arguments" : "delta");
		if (done && !s->beta) {
			buf_text(b, ",\"name\":");
			json_put_str(b, str_of(s->settings.tools[s->tool % s->settings.n_tools]));
		}
		event_end(s);
	}
	end(s, NULL);
	s->tool++;
}

void session_answer_now(struct session *s)
{
	if (s->answer.active)
		return;
	if (s->play.tools && s->settings.n_tools && (s->answers + 1) % s->play.tools == 0) {
		call_function(s);
		return;
	}
	begin(s, s->play.mode == PLAY_echo, false);
	if (!s->answer.echo)
		on_voice(s);
}

static void on_thought(void *ctx)
{
	session_answer_now(ctx);
}

void session_speaking_init(struct session *s)
{
	s->think = (struct plug_alarm){ .fn = on_thought, .ctx = s };
	s->voice = (struct plug_alarm){ .fn = on_voice, .ctx = s };
}

void session_answer_soon(struct session *s)
{
	plug_alarm_set(realtime_loop(s), &s->think, plug_now_us() + s->play.think * 1000ull);
}

void session_echo(struct session *s)
{
	if (!s->n_back)
		return;
	if (!s->answer.active)
		begin(s, true, false);
	say_audio(s, s->back, s->n_back);
	s->n_back = 0;
}

void session_function_answered(struct session *s, struct str call_id, struct str event_id)
{
	for (uint32_t i = 0; i < SESSION_CALLS; i++)
		if (call_id.len && str_is(call_id, s->calls[i])) {
			s->calls[i][0] = '\0';
			s->sights.outputs++;
			return;
		}
	event_error(s, "invalid_tool_call_id", "item.call_id", event_id,
	            "Tool call ID '%.*s' not found in conversation.", STR(call_id));
}
