/*
 * twilio.c — see twilio.h.
 */
#include "actors/call_session/twilio.h"
#include "proto/json.h"

static enum twilio_word pass(uint32_t *count)
{
	++*count;
	return TWILIO_NOTHING;
}

static enum twilio_word on_connected(struct twilio *t, const struct twilio_heard *h)
{
	(void)h;
	if (t->started)
		return pass(&t->misplaced);
	t->connected = true;
	return TWILIO_NOTHING;
}

/* Without `connected` before it is taken as well: what counts is the stream's name. */
static enum twilio_word on_start(struct twilio *t, const struct twilio_heard *h)
{
	struct str stream = h->stream_sid.len ? h->stream_sid : h->start.stream_sid;
	if (t->started)
		return pass(&t->misplaced);
	if (!stream.len || (t->call[0] && !str_is(h->start.call_sid, t->call)) ||
	    (t->stream[0] && !str_is(stream, t->stream)))
		return pass(&t->strange);
	str_keep(t->stream, sizeof t->stream, stream);
	t->started = true;
	return TWILIO_START;
}

/* By number, not by arrival: other carriers that speak this protocol promise no order. */
static enum twilio_word on_media(struct twilio *t, const struct twilio_heard *h)
{
	const struct twilio_media *m = &h->media;
	if (!m->payload.len)
		return pass(&t->malformed);
	if (m->track.len && !str_is(m->track, "inbound"))
		return pass(&t->strange);
	if (m->chunk && m->chunk <= t->chunk) {
		t->late++;
		return TWILIO_NOTHING;
	}
	if (m->chunk) {
		t->missing += m->chunk - t->chunk - 1;
		t->chunk = m->chunk;
	}
	t->time_ms = m->timestamp;
	t->frames++;
	return TWILIO_AUDIO;
}

static enum twilio_word on_digit(struct twilio *t, const struct twilio_heard *h)
{
	return h->dtmf.digit.len ? TWILIO_DIGIT : pass(&t->malformed);
}

static enum twilio_word on_mark(struct twilio *t, const struct twilio_heard *h)
{
	(void)t;
	return h->mark.name.len ? TWILIO_MARK : TWILIO_NOTHING;
}

static enum twilio_word on_stop(struct twilio *t, const struct twilio_heard *h)
{
	(void)h;
	t->stopped = true;
	return TWILIO_STOP;
}

/* The most frequent first. */
static const struct {
	const char *name;
	enum twilio_word (*run)(struct twilio *t, const struct twilio_heard *h);
	bool before_start;
} events[] = {
	{ "media", on_media, false },        { "mark", on_mark, false },
	{ "dtmf", on_digit, false },         { "stop", on_stop, false },
	{ "connected", on_connected, true }, { "start", on_start, true },
};

enum twilio_word twilio_read(struct twilio *t, struct str text, struct arena *a,
                             struct twilio_heard *ret)
{
	if (json_decode(&twilio_heard_desc, text, JSON_FOREIGN, a, ret, NULL))
		return pass(&t->malformed);
	if (t->stopped)
		return pass(&t->misplaced);
	for (size_t i = 0; i < sizeof events / sizeof events[0]; i++) {
		if (!str_is(ret->event, events[i].name))
			continue;
		if (events[i].before_start)
			return events[i].run(t, ret);
		if (!t->started)
			return pass(&t->misplaced);
		if (ret->stream_sid.len && !str_is(ret->stream_sid, t->stream))
			return pass(&t->strange);
		return events[i].run(t, ret);
	}
	return pass(&t->unknown);
}

/* ---- what is said ------------------------------------------------------------------------------
 */

/* By hand, since the payload is not copied a second time; a stream's name has nothing to escape. */
void twilio_media_open(struct buf *b, const struct twilio *t)
{
	buf_text(b, "{\"event\":\"media\",\"streamSid\":\"");
	buf_text(b, t->stream);
	buf_text(b, "\",\"media\":{\"payload\":\"");
}

void twilio_media_close(struct buf *b)
{
	buf_text(b, "\"}}");
}

static void say(struct buf *b, const struct twilio_say *s)
{
	enum err e = json_write(b, &twilio_say_desc, s, 0);
	if (e)
		buf_fail(b, e);
}

void twilio_mark(struct buf *b, const struct twilio *t, struct str name)
{
	say(b, &(struct twilio_say){ .event = str_of("mark"),
	                             .stream_sid = str_of(t->stream),
	                             .mark.name = name });
}

void twilio_clear(struct buf *b, const struct twilio *t)
{
	say(b, &(struct twilio_say){ .event = str_of("clear"), .stream_sid = str_of(t->stream) });
}
