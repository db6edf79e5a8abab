/*
 * session.c — the client's events: each checked as the service checks it, then done.
 */
#include "proto/base64.h"
#include "tools/sim/realtime_in.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 64 << 10, AUDIO_MAX = 15 << 20 };

/* The members that any client event has, or may have; views into it. */
struct asked {
	struct str type, event_id, audio, item_id, call_id, response_id;
	struct str session, item; /* raw */
	int64_t content_index, audio_end_ms;
	bool has_end;
};

static bool read_asked(struct str text, struct arena *a, struct asked *ret)
{
	struct json j;
	struct str key;
	json_init(&j, text, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		struct str *to = str_is(key, "type")          ? &ret->type
		                 : str_is(key, "event_id")    ? &ret->event_id
		                 : str_is(key, "audio")       ? &ret->audio
		                 : str_is(key, "item_id")     ? &ret->item_id
		                 : str_is(key, "response_id") ? &ret->response_id
		                                              : NULL;
		if (to)
			json_string(&j, a, to);
		else if (str_is(key, "session"))
			json_raw(&j, &ret->session);
		else if (str_is(key, "item"))
			json_raw(&j, &ret->item);
		else if (str_is(key, "content_index"))
			json_i64(&j, &ret->content_index);
		else if (str_is(key, "audio_end_ms"))
			ret->has_end = json_i64(&j, &ret->audio_end_ms);
		else
			json_skip(&j);
	}
	return json_end(&j) == OK;
}

/* ---- session.update ------------------------------------------------------------------------ */

static void on_updated(void *ctx)
{
	struct session *s = ctx;
	event_session(s, EVENT_session_updated, s->expires_at);
}

static void on_update(struct session *s, const struct asked *q)
{
	struct json j;
	struct refusal no = { 0 };
	if (!q->session.len) {
		event_error(s, "missing_required_parameter", "session", q->event_id,
		            "Missing required parameter: 'session'.");
		return;
	}
	json_init(&j, q->session, 0);
	bool heard = s->heard_ms > 0;
	if (!settings_read(&s->settings, &j, s->beta, heard, s->audio_out_ms > 0, &no)) {
		event_error(s, no.code, no.param, q->event_id, "%s", no.message);
		return;
	}
	if (s->play.slow)
		plug_alarm_set(realtime_loop(s), &s->slow, plug_now_us() + s->play.slow * 1000ull);
	else
		on_updated(s);
}

/* ---- input_audio_buffer -------------------------------------------------------------------- */

static void on_append(struct session *s, const struct asked *q)
{
	static char audio[AUDIO_MAX];
	size_t n = 0;
	s->sights.appends++;
	if (!s->settings.updated || s->slow.link) {
		s->sights.early++;
		event_error(s, "invalid_request_error", "audio", q->event_id,
		            "Audio before session.updated is heard in the default format.");
		return;
	}
	if (!s->settings.pcmu_in || !s->settings.pcmu_out) {
		event_error(s, "unsupported_format", "session", q->event_id,
		            "This stand-in hears and speaks audio/pcmu only.");
		return;
	}
	if (q->audio.len > AUDIO_MAX) {
		event_error(s, "string_above_max_length", "audio", q->event_id,
		            "Audio above 15 MiB.");
		return;
	}
	if (!q->audio.len || q->audio.len % 4 || memchr(q->audio.at, '-', q->audio.len) ||
	    memchr(q->audio.at, '_', q->audio.len) || !base64_read(q->audio, audio, &n)) {
		event_error(s, "invalid_value", "audio", q->event_id,
		            "Invalid 'audio'. Expected base64-encoded audio bytes.");
		return;
	}
	session_hear(s, str_n(audio, n));
}

static void on_commit(struct session *s, const struct asked *q)
{
	if (!s->heard_ms)
		event_error(s, "input_audio_buffer_commit_empty", NULL, q->event_id,
		            "Error committing input audio buffer: the buffer is too small.");
	else
		session_commit(s);
}

static void on_clear(struct session *s, const struct asked *q)
{
	(void)q;
	(void)event_begin(s, EVENT_cleared);
	event_end(s);
}

/* ---- conversation.item --------------------------------------------------------------------- */

static struct item *item_of(struct session *s, const struct asked *q)
{
	char text[64], prefix[32];
	(void)snprintf(prefix, sizeof prefix, "item_%x_", s->number);
	str_keep(text, sizeof text, q->item_id);
	size_t n = strlen(prefix);
	struct item *i = NULL;
	if (q->item_id.len > n && !memcmp(text, prefix, n))
		i = session_item(s, (uint32_t)strtoul(text + n, NULL, 10));
	if (!i)
		event_error(s, "item_not_found", "item_id", q->event_id,
		            "Item with item_id '%.*s' not found.", STR(q->item_id));
	return i;
}

static bool part_fits(const struct session *s, struct str role, struct str type)
{
	if (str_is(role, "assistant"))
		return str_is(type, "text") || (!s->beta && str_is(type, "output_text"));
	if (str_is(role, "user"))
		return str_is(type, "input_text") || str_is(type, "input_audio");
	return str_is(role, "system") && str_is(type, "input_text");
}

struct made {
	struct str type, role, call_id, part;
	bool has_output, has_content;
};

static void read_parts(struct json *j, struct made *m)
{
	struct str key;
	json_array(j);
	while (json_item(j)) {
		json_object(j);
		while (json_key(j, &key)) {
			if (str_is(key, "type"))
				json_string(j, NULL, &m->part);
			else
				json_skip(j);
		}
		m->has_content = true;
	}
}

static bool read_made(struct str item, struct made *ret)
{
	struct json j;
	struct str key;
	json_init(&j, item, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "type"))
			json_string(&j, NULL, &ret->type);
		else if (str_is(key, "role"))
			json_string(&j, NULL, &ret->role);
		else if (str_is(key, "call_id"))
			json_string(&j, NULL, &ret->call_id);
		else if (str_is(key, "content"))
			read_parts(&j, ret);
		else {
			ret->has_output |= str_is(key, "output") && json_peek(&j) == JSON_STRING;
			json_skip(&j);
		}
	}
	return json_end(&j) == OK;
}

static void on_item_create(struct session *s, const struct asked *q)
{
	struct made m = { 0 };
	bool good = q->item.len && read_made(q->item, &m);
	if (good && str_is(m.type, "function_call_output"))
		good = m.has_output && m.call_id.len;
	else if (good && str_is(m.type, "message"))
		good = m.has_content && part_fits(s, m.role, m.part);
	else
		good = good && str_is(m.type, "function_call");
	if (!good) {
		event_error(s, "invalid_value", "item", q->event_id,
		            "Invalid item: type '%.*s', role '%.*s', content '%.*s'.", STR(m.type),
		            STR(m.role), STR(m.part));
		return;
	}
	if (str_is(m.type, "function_call_output"))
		session_function_answered(s, m.call_id, q->event_id);
	struct item *i = session_item_new(s, str_is(m.role, "assistant"));
	for (int done = 0; done < 2; done++) {
		struct buf *b = event_begin(s, done ? EVENT_item_done : EVENT_item_added);
		buf_printf(b,
		           ",\"previous_item_id\":null,\"item\":{\"id\":\"item_%x_%u\",\"type\":",
		           s->number, i->n);
		json_put_str(b, m.type);
		buf_text(b, ",\"object\":\"realtime.item\",\"status\":\"completed\"}");
		event_end(s);
	}
}

static void on_truncate(struct session *s, const struct asked *q)
{
	struct item *i = item_of(s, q);
	s->sights.truncates++;
	if (!i)
		return;
	if (!i->assistant || q->content_index || !q->has_end || q->audio_end_ms < 0) {
		event_error(s, "invalid_value", "audio_end_ms", q->event_id,
		            "Only audio of the assistant can be truncated, at content_index 0.");
		return;
	}
	if (q->audio_end_ms > i->ms) {
		s->sights.beyond++;
		event_error(s, "invalid_value", "audio_end_ms", q->event_id,
		            "Audio content of %ums is already shorter than %" PRId64 "ms.", i->ms,
		            q->audio_end_ms);
		return;
	}
	i->cut_ms = (uint32_t)q->audio_end_ms;
	i->has_cut = true;
	session_match(s, i);
	struct buf *b = event_begin(s, EVENT_item_truncated);
	buf_printf(b, ",\"item_id\":\"item_%x_%u\",\"content_index\":0,\"audio_end_ms\":%u",
	           s->number, i->n, i->cut_ms);
	event_end(s);
}

static void on_delete(struct session *s, const struct asked *q)
{
	struct item *i = item_of(s, q);
	if (!i)
		return;
	i->gone = true;
	struct buf *b = event_begin(s, EVENT_item_deleted);
	buf_printf(b, ",\"item_id\":\"item_%x_%u\"", s->number, i->n);
	event_end(s);
}

static void on_retrieve(struct session *s, const struct asked *q)
{
	struct item *i = item_of(s, q);
	if (!i)
		return;
	struct buf *b = event_begin(s, EVENT_item_retrieved);
	buf_printf(b, ",\"item\":{\"id\":\"item_%x_%u\",\"type\":\"message\",\"role\":\"%s\"}",
	           s->number, i->n, i->assistant ? "assistant" : "user");
	event_end(s);
}

/* ---- response ------------------------------------------------------------------------------ */

static void on_response_create(struct session *s, const struct asked *q)
{
	if (s->answer.active)
		event_error(s, "conversation_already_has_active_response", NULL, q->event_id,
		            "Conversation already has an active response in progress: resp_%x_%u.",
		            s->number, s->answer.n);
	else
		session_answer_now(s);
}

static void on_response_cancel(struct session *s, const struct asked *q)
{
	if (!s->answer.active)
		event_error(s, "response_cancel_not_active", NULL, q->event_id,
		            "Cancellation failed: no active response found.");
	else
		session_cancel(s, "client_cancelled");
}

static void on_webrtc_only(struct session *s, const struct asked *q)
{
	event_error(s, "invalid_value", "type", q->event_id,
	            "'%.*s' is for WebRTC and SIP sessions.", STR(q->type));
}

static const struct {
	const char *type;
	void (*run)(struct session *s, const struct asked *q);
} events[] = {
	{ "input_audio_buffer.append", on_append },
	{ "session.update", on_update },
	{ "input_audio_buffer.commit", on_commit },
	{ "input_audio_buffer.clear", on_clear },
	{ "conversation.item.create", on_item_create },
	{ "conversation.item.truncate", on_truncate },
	{ "conversation.item.delete", on_delete },
	{ "conversation.item.retrieve", on_retrieve },
	{ "response.create", on_response_create },
	{ "response.cancel", on_response_cancel },
	{ "output_audio_buffer.clear", on_webrtc_only },
};

void session_said(struct session *s, struct str text)
{
	static char memory[TEXT_MAX];
	struct arena a = ARENA_OVER(memory);
	struct asked q = { 0 };
	if (s->stalled)
		return;
	s->sights.events++;
	if (!read_asked(text, &a, &q)) {
		event_error(s, "invalid_json", NULL, q.event_id, "This is no event: not JSON.");
		return;
	}
	for (size_t i = 0; i < sizeof events / sizeof *events; i++)
		if (str_is(q.type, events[i].type)) {
			events[i].run(s, &q);
			return;
		}
	event_error(s, "invalid_value", "type", q.event_id, "Invalid value: '%.*s'.", STR(q.type));
}

void session_init(struct session *s)
{
	settings_init(&s->settings);
	session_speaking_init(s);
	s->slow = (struct plug_alarm){ .fn = on_updated, .ctx = s };
	buf_init(&s->said, 8 << 20);
}

void session_stop(struct session *s)
{
	struct plug_alarm *all[] = { &s->drop, &s->stall, &s->expire, &s->garbage,
		                     &s->late, &s->slow,  &s->think,  &s->voice };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		plug_alarm_clear(all[i]);
}
