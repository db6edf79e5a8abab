/*
 * carrier.c — the caller's side: frames in, audio, marks and clear out.
 */
#include "actors/call_session/session.h"
#include "proto/base64.h"

/* ---- out
 * ------------------------------------------------------------------------------------------ */

/* One frame, being written over a blob of the session's own pool. */
struct saying {
	struct blob *blob;
	struct buf b;
};

static bool say_begin(struct call *c, struct saying *s, size_t most)
{
	char *at;
	s->blob = c->wire && c->blobs ? blobs_take(c->blobs, most, &at) : NULL;
	if (s->blob)
		buf_over(&s->b, at, most);
	return s->blob;
}

static void say_end(struct actor *self, struct saying *s, uint32_t audio_bytes)
{
	struct call *c = actor_state(self);
	s->blob->len = (uint32_t)s->b.len;
	if (audio_bytes) {
		c->frames_out++;
		playout_said(&c->playout, audio_bytes, s->blob->len);
	}
	if (buf_err(&s->b)) {
		blob_unref(s->blob);
		return;
	}
	(void)!actor_send_move(self, c->gateway, &s->blob,
	                       MSG(wire_send, .wire = c->wire, .audio_ms = sound_ms(audio_bytes)));
}

static void say_mark(struct actor *self, const char *name)
{
	struct call *c = actor_state(self);
	struct saying s;
	if (!say_begin(c, &s, 512))
		return;
	twilio_mark(&s.b, &c->carrier, str_of(name));
	say_end(self, &s, 0);
}

/* `text` is a payload that goes as it is; without it `bytes` are written as one. */
static void say_media(struct actor *self, struct str text, struct str bytes, uint32_t n)
{
	struct call *c = actor_state(self);
	char name[PLAYOUT_MARK_NAME];
	struct saying s;
	size_t payload = text.len ? text.len : base64_text_len(bytes.len);
	if (playout_mark_before(&c->playout, actor_now_us(self), name))
		say_mark(self, name);
	if (!say_begin(c, &s, payload + TWILIO_MEDIA_ROOM))
		return;
	twilio_media_open(&s.b, &c->carrier);
	if (text.len) {
		buf_str(&s.b, text);
	} else if (buf_room(&s.b, payload)) {
		base64_write(bytes, s.b.at + s.b.len);
		buf_took(&s.b, payload);
	}
	twilio_media_close(&s.b);
	say_end(self, &s, n);
	if (playout_mark_behind(&c->playout, false, name))
		say_mark(self, name);
}

static enum err on_level(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	const struct wire_level *l = msg_err(m) ? NULL : wire_level_of(m);
	playout_level(&c->playout, l ? (uint64_t)l->queued + l->unsent : 0, actor_now_us(self));
	if (c->phase == PHASE_LIVE)
		carrier_pump(self);
	return OK;
}

void carrier_look(struct actor *self)
{
	struct call *c = actor_state(self);
	if (!c->wire || !playout_look_due(&c->playout))
		return;
	if (!actor_ask(self, c->gateway, 1000, on_level, MSG(wire_look, .wire = c->wire)))
		c->playout.asked = true;
}

/* What was held goes as far as the socket takes it. */
void carrier_pump(struct actor *self)
{
	struct call *c = actor_state(self);
	enum { PIECE = 8 * SOUND_FRAME };
	char bytes[PIECE], name[PLAYOUT_MARK_NAME];
	uint32_t n;
	while (c->wire && (n = playout_next(&c->playout, bytes, PIECE))) {
		say_media(self, (struct str){ 0 }, str_n(bytes, n), n);
		carrier_look(self);
	}
	const struct playout *p = &c->playout;
	if (!p->held.len && p->n_items && !c->leg.ai.responding &&
	    playout_mark_behind(&c->playout, true, name))
		say_mark(self, name);
}

/* Where audio comes from does not matter: the AI's text as it is, or made here. */
void carrier_play(struct actor *self, struct str item, struct str base64)
{
	struct call *c = actor_state(self);
	uint32_t n;
	if (!sound_measure(base64, &n)) {
		c->leg.ai.malformed++;
		return;
	}
	if (!n || playout_take(&c->playout, item, n, actor_now_us(self)))
		return;
	if (c->wire && c->carrier.started && playout_passes(&c->playout))
		say_media(self, base64, (struct str){ 0 }, n);
	else if (playout_hold(&c->playout, base64))
		c->leg.ai.malformed++;
	carrier_look(self);
}

/* In pieces of a size that the AI could have sent: what the socket does not take at once is held.
 */
static void play_bytes(struct actor *self, struct str sound)
{
	enum { PIECE = 3000 };
	char text[PIECE / 3 * 4];
	while (sound.len) {
		uint32_t n = sound.len < PIECE ? sound.len : PIECE;
		base64_write(str_n(sound.at, n), text);
		carrier_play(self, (struct str){ 0 }, str_n(text, base64_text_len(n)));
		sound = str_n(sound.at + n, sound.len - n);
	}
	carrier_ended(self, (struct str){ 0 });
}

void carrier_sound(struct actor *self, void (*make)(struct buf *b))
{
	struct buf b;
	buf_init(&b, 256 << 10);
	make(&b);
	if (!buf_err(&b))
		play_bytes(self, buf_view(&b));
	buf_done(&b);
}

void carrier_clip(struct actor *self, const struct sound_clip *clip)
{
	play_bytes(self, str_n((const char *)clip->at, clip->len));
}

bool carrier_digits(struct actor *self, struct str digits)
{
	struct buf b;
	bool good = digits.len > 0 && digits.len <= 32;
	buf_init(&b, 256 << 10);
	for (uint32_t i = 0; good && i < digits.len; i++)
		good = sound_digit(&b, digits.at[i]);
	if (good && !buf_err(&b))
		play_bytes(self, buf_view(&b));
	buf_done(&b);
	return good;
}

void carrier_ended(struct actor *self, struct str item)
{
	struct call *c = actor_state(self);
	char name[PLAYOUT_MARK_NAME];
	if (item.len)
		playout_end_item(&c->playout, item);
	if (!c->playout.held.len && c->playout.n_items &&
	    playout_mark_behind(&c->playout, true, name))
		say_mark(self, name);
}

void carrier_clear(struct actor *self)
{
	struct call *c = actor_state(self);
	struct saying s;
	if (!say_begin(c, &s, 512))
		return;
	twilio_clear(&s.b, &c->carrier);
	say_end(self, &s, 0);
}

/* ---- in
 * ------------------------------------------------------------------------------------------- */

static void append(struct actor *self, struct str text, struct str bytes)
{
	struct call *c = actor_state(self);
	size_t payload = text.len ? text.len : base64_text_len(bytes.len);
	size_t most = payload + REALTIME_APPEND_ROOM;
	char *at;
	struct blob *blob = c->blobs ? blobs_take(c->blobs, most, &at) : NULL;
	struct buf b;
	if (!blob)
		return;
	buf_over(&b, at, most);
	realtime_append_open(&b);
	if (text.len) {
		buf_str(&b, text);
	} else if (buf_room(&b, payload)) {
		base64_write(bytes, b.at + b.len);
		buf_took(&b, payload);
	}
	realtime_append_close(&b);
	blob->len = (uint32_t)b.len;
	(void)!actor_send_move(self, c->leg.gateway, &blob,
	                       MSG(wire_send, .wire = c->leg.wire, .audio_ms = 20));
}

static void append_held(struct actor *self, uint32_t n)
{
	struct call *c = actor_state(self);
	char bytes[INTAKE_REPLAY * SOUND_FRAME];
	intake_take(&c->intake, n, bytes);
	append(self, (struct str){ 0 }, str_n(bytes, n));
}

void intake_flush(struct actor *self)
{
	struct call *c = actor_state(self);
	uint32_t n;
	while ((n = intake_due(&c->intake)))
		append_held(self, n);
	actor_after(self, c->intake.open && c->intake.held.len ? OVERDUE_MS : 0, on_overdue);
}

enum err on_overdue(struct actor *self)
{
	struct call *c = actor_state(self);
	uint32_t n;
	while ((n = intake_overdue(&c->intake)))
		append_held(self, n);
	return OK;
}

static void on_audio(struct actor *self, const struct twilio_media *media)
{
	struct call *c = actor_state(self);
	uint32_t n;
	c->frame_us = actor_now_us(self);
	if (intake_passes(&c->intake, c->frame_us, media->timestamp)) {
		if (sound_measure(media->payload, &n) && n)
			append(self, media->payload, (struct str){ 0 });
		else
			c->carrier.malformed++;
		return;
	}
	if (intake_hold(&c->intake, media->payload))
		c->carrier.malformed++;
	intake_flush(self);
}

/* Digits are told to the AI together, once no more come. */
static void on_digit(struct actor *self, struct str digit)
{
	struct call *c = actor_state(self);
	size_t n = strlen(c->digits);
	if (n < sizeof c->digits - 1) {
		c->digits[n] = digit.at[0];
		c->digits[n + 1] = '\0';
	}
	c->digit_us = c->speech_us = actor_now_us(self);
	note_str(self, CALL_HAPPENING_DTMF, 0, digit);
}

static void on_started(struct actor *self)
{
	struct call *c = actor_state(self);
	actor_log(self, LOG_INFO, "START EVENT RECEIVED call=%s stream=%s", c->id,
	          c->carrier.stream);
	c->frame_us = c->speech_us = actor_now_us(self);
	carrier_pump(self);
	if (c->hopeless)
		ending_unreachable(self);
	else
		speech_greet(self);
}

void carrier_heard(struct actor *self, const struct msg *m)
{
	struct call *c = actor_state(self);
	char room[ARENA_CARRIER];
	struct arena a = { .at = room, .len = sizeof room };
	struct twilio_heard h;
	if (wire_frame_of(m)->binary) {
		c->carrier.malformed++;
		return;
	}
	switch (twilio_read(&c->carrier, msg_blob(m), &a, &h)) {
	case TWILIO_NOTHING:
		break;
	case TWILIO_START:
		on_started(self);
		break;
	case TWILIO_AUDIO:
		on_audio(self, &h.media);
		break;
	case TWILIO_DIGIT:
		on_digit(self, h.dtmf.digit);
		break;
	case TWILIO_MARK:
		if (playout_echo(&c->playout, h.mark.name, actor_now_us(self)))
			ending_look(self);
		break;
	case TWILIO_STOP:
		call_end(self, c->updating ? c->ending : CALL_CAUSE_CALLER);
		break;
	}
}

void carrier_closed(struct actor *self, const struct wire_closed *w)
{
	struct call *c = actor_state(self);
	c->wire = 0;
	if (w->unsent)
		note(self, CALL_HAPPENING_DROPPED, 0, "bytes never left the kernel");
	call_end(self, c->updating ? c->ending : CALL_CAUSE_RESET);
}
