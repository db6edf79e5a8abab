/*
 * events.c — what the service says, byte by byte; see session.h.
 */
#include "proto/json.h"
#include "tools/sim/realtime_in.h"
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const struct {
	const char *ga, *beta;
} names[] = {
#define EVENT(name, ga, beta) [EVENT_##name] = { ga, beta },
#include "tools/sim/events.def"
#undef EVENT
};

struct buf *event_begin(struct session *s, enum event e)
{
	const char *name = s->beta ? names[e].beta : names[e].ga;
	buf_clear(&s->said);
	s->unsaid = !name;
	buf_text(&s->said, "{\"type\":\"");
	buf_text(&s->said, name ? name : "");
	buf_text(&s->said, "\",\"event_id\":\"event_");
	buf_u64(&s->said, s->number);
	buf_char(&s->said, '_');
	buf_u64(&s->said, ++s->events);
	buf_char(&s->said, '"');
	return &s->said;
}

void event_end(struct session *s)
{
	buf_char(&s->said, '}');
	if (!s->unsaid && !s->stalled && !buf_err(&s->said))
		plug_say(&s->plug, buf_view(&s->said));
}

void event_error(struct session *s, const char *code, const char *param, struct str event_id,
                 const char *fmt, ...)
{
	char message[256];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(message, sizeof message, fmt, args);
	va_end(args);
	s->sights.errors++;
	realtime_tell(s, code, message);
	struct buf *b = event_begin(s, EVENT_error);
	buf_printf(b, ",\"error\":{\"type\":\"invalid_request_error\",\"code\":\"%s\",\"message\":",
	           code);
	json_put_str(b, str_of(message));
	buf_text(b, ",\"param\":");
	if (param)
		json_put_str(b, str_of(param));
	else
		buf_text(b, "null");
	buf_text(b, ",\"event_id\":");
	if (event_id.len)
		json_put_str(b, event_id);
	else
		buf_text(b, "null");
	buf_char(b, '}');
	event_end(s);
}

static void put_tools(struct buf *b, const struct settings *c)
{
	buf_text(b, "\"tools\":[");
	for (uint32_t i = 0; i < c->n_tools; i++) {
		buf_printf(b, "%s{\"type\":\"function\",\"parameters\":{},\"name\":", i ? "," : "");
		json_put_str(b, str_of(c->tools[i]));
		buf_char(b, '}');
	}
	buf_char(b, ']');
}

static void put_turns(struct buf *b, const struct settings *c, const struct play *p)
{
	if (!c->turns) {
		buf_text(b, "null");
		return;
	}
	buf_printf(b,
	           "{\"type\":\"server_vad\",\"threshold\":0.5,\"prefix_padding_ms\":300,"
	           "\"silence_duration_ms\":%u,\"create_response\":%s,\"interrupt_response\":%s}",
	           c->silence_ms ? c->silence_ms : p->silence, c->create ? "true" : "false",
	           c->interrupt ? "true" : "false");
}

void event_session(struct session *s, enum event e, uint64_t expires_at)
{
	const struct settings *c = &s->settings;
	const char *voice = *c->voice ? c->voice : "alloy";
	struct buf *b = event_begin(s, e);
	buf_printf(b,
	           ",\"session\":{\"id\":\"sess_%08x\",\"object\":\"realtime.session\","
	           "\"model\":\"gpt-realtime\",\"expires_at\":%" PRIu64 ",",
	           s->number, expires_at);
	put_tools(b, c);
	if (s->beta) {
		buf_printf(b,
		           ",\"modalities\":[\"audio\",\"text\"],\"input_audio_format\":\"%s\","
		           "\"output_audio_format\":\"%s\",\"voice\":",
		           c->pcmu_in ? "g711_ulaw" : "pcm16", c->pcmu_out ? "g711_ulaw" : "pcm16");
		json_put_str(b, str_of(voice));
		buf_text(b, ",\"turn_detection\":");
		put_turns(b, c, &s->play);
		buf_char(b, '}');
	} else {
		buf_printf(b,
		           ",\"type\":\"realtime\",\"output_modalities\":[\"audio\"],"
		           "\"audio\":{\"input\":{\"format\":{\"type\":\"%s\"},\"turn_detection\":",
		           c->pcmu_in ? "audio/pcmu" : "audio/pcm");
		put_turns(b, c, &s->play);
		buf_printf(b, "},\"output\":{\"format\":{\"type\":\"%s\"},\"voice\":",
		           c->pcmu_out ? "audio/pcmu" : "audio/pcm");
		json_put_str(b, str_of(voice));
		buf_text(b, "}}}");
	}
	event_end(s);
}
