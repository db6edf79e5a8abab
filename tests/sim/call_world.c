/*
 * call_world.c — see call_world.h.
 */
#include "tests/sim/call_world.h"
#include "proto/base64.h"
#include "proto/buf.h"
#include "proto/json.h"
#include "proto/realtime.h"
#include "proto/twilio.h"
#include "proto/wire.h"
#include "tests/sim/alone.h"

#include <stdio.h>
#include <stdlib.h>

enum { BLOCK = 160, MS = 1000, SECOND = 1000000, SOCKET = 96 << 10, DEAD_AIR_US = 6500000 };

struct world world;

static uint32_t draw(struct actor *self, uint32_t below)
{
	return (uint32_t)(actor_random(self) >> 33) % below;
}

/* ---- wires
 * ----------------------------------------------------------------------------------------- */

static void show(const char *way, const struct world_call *c, uint64_t wire, struct str text)
{
	static int on = -1;
	if (on < 0)
		on = getenv("WORLD_PRINT") != NULL;
	if (on)
		fprintf(stderr, "   %s %s wire %llu  %.*s\n", way, c->id, (unsigned long long)wire,
		        (int)(text.len < 160 ? text.len : 160), text.len ? text.at : "");
}

static void lane_clear(struct lane *l)
{
	while (l->first) {
		struct flight *f = l->first;
		l->first = f->next;
		free(f);
	}
	*l = (struct lane){ 0 };
}

static struct flight *lane_put(struct actor *self, struct lane *l, struct str text)
{
	struct flight *f = calloc(1, sizeof *f + text.len);
	CHECK(f);
	f->due_us = actor_now_us(self) + draw(self, world.latency_us + 1);
	if (f->due_us < l->last_due_us)
		f->due_us = l->last_due_us;
	l->last_due_us = f->due_us;
	f->len = text.len;
	if (text.len)
		memcpy(f->at, text.at, text.len);
	if (l->last)
		l->last->next = f;
	else
		l->first = f;
	l->last = f;
	l->bytes += text.len;
	return f;
}

static struct flight *lane_take(struct actor *self, struct lane *l)
{
	struct flight *f = l->first;
	if (!f || f->due_us > actor_now_us(self))
		return NULL;
	l->first = f->next;
	if (!l->first)
		l->last = NULL;
	l->bytes -= f->len;
	return f;
}

static void say(struct actor *self, struct lane *l, const char *text)
{
	lane_put(self, l, str_of(text));
}

static void hand_over(struct actor *self, struct world_call *c, uint64_t wire,
                      const struct flight *f)
{
	char to[64];
	(void)snprintf(to, sizeof to, "call_session/%s", c->id);
	show("▶", c, wire, str_n(f->at, f->len));
	if (f->last) {
		(void)!actor_send(self, (const char *)to,
		                  MSG(wire_closed, .wire = wire, .code = 1006));
		return;
	}
	struct blob *b = blob_copy(f->at, f->len);
	CHECK(b);
	world.frames++;
	(void)!actor_send_move(self, (const char *)to, &b,
	                       MSG(wire_frame, .wire = wire, .binary = f->binary));
}

static void flush(struct actor *self, struct world_call *c, uint64_t wire, struct lane *l)
{
	struct flight *f;
	while ((f = lane_take(self, l))) {
		hand_over(self, c, wire, f);
		free(f);
	}
}

/* ---- 20 ms of audio that know who they are
 * ----------------------------------------------------------- */

static void block_fill(char at[BLOCK], uint32_t call, bool caller, bool speech, uint32_t which,
                       uint32_t number)
{
	uint32_t head[4] = { call + 1 + (caller ? 100u : 0), speech, which, number };
	memcpy(at, head, sizeof head);
	for (uint32_t i = sizeof head; i < BLOCK; i++)
		at[i] = (char)(head[0] * 7 + which * 13 + number * 31 + i);
}

static bool block_read(const char at[BLOCK], uint32_t head[4])
{
	char same[BLOCK];
	memcpy(head, at, 4 * sizeof *head);
	if (!head[0] || head[0] > 200)
		return false;
	bool caller = head[0] > 100;
	block_fill(same, head[0] - 1 - (caller ? 100u : 0), caller, head[1], head[2], head[3]);
	return !memcmp(same, at, BLOCK);
}

/* ---- the carrier
 * -------------------------------------------------------------------------------------- */

static void carrier_digit(struct actor *self, struct world_call *c)
{
	struct carrier *k = &c->carrier;
	char line[256];
	(void)snprintf(line, sizeof line,
	               "{\"event\":\"dtmf\",\"streamSid\":\"MZ%u\",\"sequenceNumber\":\"%u\","
	               "\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"%c\"}}",
	               k->stream, ++k->sequence, "0123456789*#"[draw(self, 12)]);
	say(self, &k->to_us, line);
	c->digits++;
	world.digits++;
}

static void carrier_frame(struct actor *self, struct world_call *c, uint32_t index, bool speech)
{
	struct carrier *k = &c->carrier;
	char audio[BLOCK], text[256], line[640];
	block_fill(audio, index, true, speech, 0, ++c->said);
	base64_write(str_n(audio, BLOCK), text);
	text[base64_text_len(BLOCK)] = '\0';
	/* Some libraries escape every slash. */
	char escaped[512], *to = escaped;
	bool odd = draw(self, 4) == 0;
	for (const char *at = text; *at; at++) {
		if (*at == '/' && odd)
			*to++ = '\\';
		*to++ = *at;
	}
	*to = '\0';
	k->chunk++;
	(void)snprintf(line, sizeof line,
	               "{\"event\":\"media\",\"sequenceNumber\":\"%u\",\"streamSid\":\"MZ%u\","
	               "\"media\":{\"track\":\"inbound\",\"chunk\":\"%u\",\"timestamp\":\"%u\","
	               "\"payload\":\"%s\"}}",
	               ++k->sequence, k->stream, k->chunk, (k->chunk - 1) * 20, escaped);
	say(self, &k->to_us, line);
	if (world.faults && draw(self, 300) == 0)
		say(self, &k->to_us, line); /* a carrier that says it twice */
	if (draw(self, 500) == 0)
		carrier_digit(self, c);
	if (world.faults && draw(self, 400) == 0)
		say(self, &k->to_us,
		    "{\"event\":\"media\",\"streamSid\":\"MZ999\",\"media\":{\"payload\":\"AAAA\"}"
		    "}");
	if (world.faults && draw(self, 400) == 0)
		say(self, &k->to_us, "{\"event\":\"med");
}

static void carrier_open(struct actor *self, struct world_call *c, struct carrier *k)
{
	char line[512], to[64];
	k->wire = ++world.last_wire;
	k->stream = (uint32_t)k->wire;
	k->play_us = actor_now_us(self);
	k->next_us = actor_now_us(self) + 20 * MS;
	(void)snprintf(to, sizeof to, "call_session/%s", c->id);
	(void)snprintf(line, sizeof line, "MZ%u", k->stream);
	actor_act_for(self, 7, 0, NULL);
	(void)!actor_send(self, (const char *)to,
	                  MSG(call_stream, .call = str_of(c->id), .account = str_of("AC1"),
	                      .connector = (uint64_t)(c - world.calls) + 1, .wire = k->wire,
	                      .stream = str_of(line)));
	say(self, &k->to_us,
	    "{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}");
	k->sequence = 1;
	(void)snprintf(
		line, sizeof line,
		"{\"event\":\"start\",\"sequenceNumber\":\"1\",\"streamSid\":\"MZ%u\",\"start\":"
		"{\"streamSid\":\"MZ%u\",\"accountSid\":\"AC1\",\"callSid\":\"%s\",\"tracks\":"
		"[\"inbound\"],\"customParameters\":{\"token\":\"x\"},\"mediaFormat\":"
		"{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1}}}",
		k->stream, k->stream, c->id);
	say(self, &k->to_us, line);
	k->started = true;
	k->heard_us = k->waits_us = actor_now_us(self);
}

static void echo_mark(struct actor *self, struct carrier *k, const char *name)
{
	char line[256];
	(void)snprintf(line, sizeof line,
	               "{\"event\":\"mark\",\"sequenceNumber\":\"%u\",\"streamSid\":\"MZ%u\","
	               "\"mark\":{\"name\":\"%s\"}}",
	               ++k->sequence, k->stream, name);
	say(self, &k->to_us, line);
}

static void air_drop(struct carrier *k)
{
	k->first = (k->first + 1) % WORLD_AIR;
	k->n--;
}

/* Play up to now: 8 bytes a ms, marks as they are reached. An empty buffer plays from what comes.
 */
static void carrier_play(struct actor *self, struct world_call *c)
{
	struct carrier *k = &c->carrier;
	uint64_t now = actor_now_us(self);
	while (k->n) {
		uint32_t at = k->first;
		if (k->air[at].item == -2) {
			echo_mark(self, k, k->air[at].mark);
			air_drop(k);
			continue;
		}
		uint64_t can = (now - k->play_us) * 8 / 1000;
		uint32_t n = can < k->air[at].bytes ? (uint32_t)can : k->air[at].bytes;
		if (!n)
			return;
		k->play_us += n * 1000ull / 8;
		k->heard_us = now;
		k->waits_us = 0;
		if (k->air[at].item >= 0)
			c->items[k->air[at].item].heard_bytes += n;
		k->air[at].bytes -= n;
		if (!k->air[at].bytes)
			air_drop(k);
	}
	k->play_us = now;
}

static void air_put(struct carrier *k, int item, uint32_t bytes, struct str mark)
{
	uint32_t last = (k->first + k->n + WORLD_AIR - 1) % WORLD_AIR;
	if (k->n && item >= -1 && k->air[last].item == item) {
		k->air[last].bytes += bytes;
		return;
	}
	CHECK(k->n < WORLD_AIR);
	uint32_t at = (k->first + k->n++) % WORLD_AIR;
	k->air[at].item = item;
	k->air[at].bytes = bytes;
	str_keep(k->air[at].mark, sizeof k->air[at].mark, mark);
}

static struct item *item_of(struct world_call *c, uint32_t which)
{
	CHECK(which < c->n_items);
	return &c->items[which];
}

/* No block of another call, none twice, none out of order. */
static void carrier_media(struct world_call *c, uint32_t index, struct str base64)
{
	static char audio[64 << 10];
	size_t n = 0;
	CHECK(base64.len < sizeof audio && base64_read(base64, audio, &n));
	for (size_t at = 0; at < n; at += BLOCK) {
		uint32_t head[4], bytes = n - at < BLOCK ? (uint32_t)(n - at) : BLOCK;
		if (bytes < BLOCK || !block_read(audio + at, head)) {
			air_put(&c->carrier, -1, bytes, (struct str){ 0 }); /* a sound of its own */
			continue;
		}
		CHECK(head[0] == index + 1);
		struct item *it = item_of(c, head[2]);
		CHECK(head[3] == it->passed);
		it->passed++;
		CHECK(!it->cleared); /* nothing more of what was cut */
		world.audio_out++;
		air_put(&c->carrier, (int)head[2], BLOCK, (struct str){ 0 });
	}
}

static void carrier_cleared(struct actor *self, struct world_call *c)
{
	struct carrier *k = &c->carrier;
	c->clears++;
	world.barge_ins++;
	while (k->n) {
		uint32_t at = k->first;
		if (k->air[at].item == -2)
			echo_mark(self, k, k->air[at].mark);
		else if (k->air[at].item >= 0) {
			c->items[k->air[at].item].cleared = true;
			c->items[k->air[at].item].cleared_us = actor_now_us(self);
		}
		air_drop(k);
	}
}

static void carrier_told(struct actor *self, struct world_call *c, uint32_t index, struct str text)
{
	static char room[64 << 10];
	struct arena a = { .at = room, .len = sizeof room };
	struct twilio_say s;
	char stream[16];
	CHECK(!json_decode(&twilio_say_desc, text, JSON_CLOSED, &a, &s, NULL));
	(void)snprintf(stream, sizeof stream, "MZ%u", c->carrier.stream);
	CHECK(str_is(s.stream_sid, stream));
	carrier_play(self, c);
	if (str_is(s.event, "media"))
		carrier_media(c, index, s.media.payload);
	else if (str_is(s.event, "mark"))
		air_put(&c->carrier, -2, 0, s.mark.name);
	else if (str_is(s.event, "clear"))
		carrier_cleared(self, c);
	else
		CHECK(false && "an event that the carrier knows");
	carrier_play(self, c);
}

static void carrier_end(struct actor *self, struct world_call *c, bool politely)
{
	struct carrier *k = &c->carrier;
	char line[200];
	if (politely) {
		(void)snprintf(
			line, sizeof line,
			"{\"event\":\"stop\",\"sequenceNumber\":\"%u\",\"streamSid\":\"MZ%u\","
			"\"stop\":{\"accountSid\":\"AC1\",\"callSid\":\"%s\"}}",
			++k->sequence, k->stream, c->id);
		say(self, &k->to_us, line);
	}
	lane_put(self, &k->to_us, (struct str){ 0 })->last = true;
	k->stopped = true;
}

static void carrier_talk(struct actor *self, struct carrier *k, bool *ret_speech)
{
	uint64_t now = actor_now_us(self);
	if (now >= k->talk_us && now < k->hush_us) {
		*ret_speech = true;
		k->waits_us = 0;
		return;
	}
	*ret_speech = false;
	if (now >= k->hush_us) {
		if (k->hush_us)
			k->waits_us = now;
		k->talk_us = now + (2000 + draw(self, 6000)) * MS;
		k->hush_us = k->talk_us + (400 + draw(self, 2000)) * MS;
	}
}

static void carrier_step(struct actor *self, struct world_call *c, uint32_t index)
{
	struct carrier *k = &c->carrier;
	uint64_t now = actor_now_us(self);
	if (!k->wire || k->stopped) {
		if (k->wire)
			flush(self, c, k->wire, &k->to_us);
		return;
	}
	carrier_play(self, c);
	while (now >= k->next_us && !(k->silent_us && now >= k->silent_us)) {
		bool speech;
		carrier_talk(self, k, &speech);
		carrier_frame(self, c, index, speech);
		k->next_us += 20 * MS;
	}
	if (k->stop_us && now >= k->stop_us)
		carrier_end(self, c, true);
	else if (k->reset_us && now >= k->reset_us)
		carrier_end(self, c, false);
	k->stalled = k->stall_us && now >= k->stall_us && now < k->stall_to_us;
	flush(self, c, k->wire, &k->to_us);
	struct flight *f;
	while (!k->stalled && (f = lane_take(self, &k->to_it))) {
		carrier_told(self, c, index, str_n(f->at, f->len));
		free(f);
	}
	if (k->shed && k->to_it.bytes < SOCKET / 2) {
		char to[64];
		k->shed = false;
		(void)snprintf(to, sizeof to, "call_session/%s", c->id);
		(void)!actor_send(self, (const char *)to, MSG(wire_room, .wire = k->wire));
	}
	/* Who has spoken hears something, soon: an answer, a tone, or the end. */
	uint64_t from = k->waits_us > k->heard_us ? k->waits_us : k->heard_us;
	if (k->waits_us && !k->stall_us && !k->silent_us && now > from) {
		if (now - from > world.dead_air_us)
			world.dead_air_us = now - from;
		CHECK(now - from < DEAD_AIR_US);
	}
}

/* ---- the AI
 * ------------------------------------------------------------------------------------------- */

static void ai_die(struct actor *self, struct ai *ai)
{
	if (ai->dead)
		return;
	ai->dead = true;
	ai->dead_us = actor_now_us(self);
	lane_put(self, &ai->to_us, (struct str){ 0 })->last = true;
}

static void ai_respond(struct actor *self, struct world_call *c, struct ai *ai)
{
	char line[200];
	if (ai->responding || ai->mute || c->n_items + 4 >= WORLD_ITEMS)
		return;
	ai->responding = true;
	ai->response = ++c->item_serial;
	ai->items_left = 1 + draw(self, 3);
	ai->item = -1;
	ai->item_left = 0;
	ai->next_us = actor_now_us(self) + draw(self, 300) * MS;
	(void)snprintf(
		line, sizeof line,
		"{\"type\":\"response.created\",\"event_id\":\"e\",\"response\":{\"id\":\"resp_%"
		"u\","
		"\"object\":\"realtime.response\",\"status\":\"in_progress\",\"output\":[]}}",
		ai->response);
	say(self, &ai->to_us, line);
}

static void ai_done(struct actor *self, struct ai *ai, const char *status)
{
	char line[300];
	(void)snprintf(
		line, sizeof line,
		"{\"type\":\"response.done\",\"response\":{\"id\":\"resp_%u\",\"status\":\"%s\","
		"\"usage\":{\"input_tokens\":10,\"output_tokens\":20}}}",
		ai->response, status);
	say(self, &ai->to_us, line);
	ai->responding = false;
	ai->item = -1;
}

/* The next piece of the response under way: 20 to 400 ms of an item, much faster than it plays. */
static void ai_speak(struct actor *self, struct world_call *c, struct ai *ai, uint32_t index)
{
	static char line[32 << 10];
	char audio[20 * BLOCK];
	if (ai->item < 0) {
		if (!ai->items_left) {
			ai_done(self, ai, "completed");
			return;
		}
		ai->items_left--;
		ai->item = (int)c->n_items++;
		struct item *it = &c->items[ai->item];
		*it = (struct item){ .leg = ai->serial };
		(void)snprintf(it->id, sizeof it->id, "item_%u_%d", index, ai->item);
		ai->item_left = 10 + draw(self, 200);
	}
	struct item *it = &c->items[ai->item];
	uint32_t n = 1 + draw(self, 20);
	if (n > ai->item_left)
		n = ai->item_left;
	for (uint32_t i = 0; i < n; i++)
		block_fill(audio + i * BLOCK, index, false, false, (uint32_t)ai->item,
		           it->blocks + i);
	it->blocks += n;
	ai->item_left -= n;
	int at = snprintf(
		line, sizeof line,
		"{\"type\":\"response.%saudio.delta\",\"response_id\":\"resp_%u\",\"item_id\":"
		"\"%s\",\"output_index\":0,\"content_index\":0,\"delta\":\"",
		ai->serial % 2 ? "output_" : "", ai->response, it->id);
	base64_write(str_n(audio, n * BLOCK), line + at);
	at += (int)base64_text_len(n * BLOCK);
	(void)snprintf(line + at, sizeof line - (size_t)at, "\"}");
	say(self, &ai->to_us, line);
	(void)snprintf(line, sizeof line,
	               "{\"type\":\"response.output_audio_transcript.delta\",\"response_id\":"
	               "\"resp_%u\",\"item_id\":\"%s\",\"delta\":\"word \"}",
	               ai->response, it->id);
	say(self, &ai->to_us, line);
	if (!ai->item_left) {
		(void)snprintf(line, sizeof line,
		               "{\"type\":\"response.output_item.done\",\"response_id\":\"resp_%"
		               "u\",\"item\":"
		               "{\"id\":\"%s\",\"type\":\"message\",\"role\":\"assistant\"}}",
		               ai->response, it->id);
		say(self, &ai->to_us, line);
		ai->item = -1;
		if (!ai->items_left && ai->ends_call) {
			(void)snprintf(
				line, sizeof line,
				"{\"type\":\"response.output_item.done\",\"item\":{\"id\":\"f\","
				"\"type\":"
				"\"function_call\",\"name\":\"end_call\",\"call_id\":\"c%u\","
				"\"arguments\":\"{}\"}}",
				ai->response);
			say(self, &ai->to_us, line);
		}
	}
	ai->next_us = actor_now_us(self) + draw(self, 60) * MS;
}

/* What the server's own ear does: speech, its end, the turn. */
static void ai_hear(struct actor *self, struct world_call *c, struct ai *ai, bool speech)
{
	if (speech && !ai->in_speech) {
		ai->in_speech = true;
		say(self, &ai->to_us,
		    "{\"type\":\"input_audio_buffer.speech_started\",\"audio_start_ms\":5,\"item_"
		    "id\":\"u\"}");
		if (ai->responding) /* what is on its way still comes */
			ai->cancel_us = actor_now_us(self) + draw(self, 150) * MS;
	}
	ai->quiet = speech ? 0 : ai->quiet + 1;
	if (ai->in_speech && ai->quiet == 15) {
		ai->in_speech = false;
		say(self, &ai->to_us,
		    "{\"type\":\"input_audio_buffer.speech_stopped\",\"audio_end_ms\":9,\"item_"
		    "id\":\"u\"}");
		say(self, &ai->to_us,
		    "{\"type\":\"input_audio_buffer.committed\",\"item_id\":\"u\"}");
		say(self, &ai->to_us,
		    "{\"type\":\"conversation.item.input_audio_transcription.completed\",\"item_"
		    "id\":\"u\","
		    "\"content_index\":0,\"transcript\":\"caller words\"}");
		ai_respond(self, c, ai);
	}
}

static void ai_append(struct actor *self, struct world_call *c, struct ai *ai, uint32_t index,
                      struct str base64)
{
	static char audio[64 << 10];
	size_t n = 0;
	CHECK(ai->ready); /* never before its settings were taken */
	CHECK(base64.len < sizeof audio && base64_read(base64, audio, &n) && n % BLOCK == 0);
	for (size_t at = 0; at < n; at += BLOCK) {
		uint32_t head[4];
		CHECK(block_read(audio + at, head));
		CHECK(head[0] == index + 101); /* this call's caller */
		CHECK(head[3] > c->ai_heard); /* in order, none twice, whichever session hears it */
		c->ai_heard = head[3];
		c->ai_frames++;
		ai_hear(self, c, ai, head[1]);
	}
}

static void ai_truncate(struct world_call *c, struct str item, uint64_t ms)
{
	for (uint32_t i = 0; i < c->n_items; i++) {
		struct item *it = &c->items[i];
		if (!str_is(item, it->id))
			continue;
		CHECK(ms <= it->blocks * 20); /* the real one answers with an error */
		CHECK(!it->truncated);
		it->truncated = true;
		it->truncated_ms = (uint32_t)ms;
		c->truncates++;
		return;
	}
	CHECK(false && "an item that the AI made");
}

static void ai_told(struct actor *self, struct world_call *c, struct ai *ai, uint32_t index,
                    struct str text)
{
	struct json j;
	struct str key, type = { 0 }, audio = { 0 }, item = { 0 };
	uint64_t ms = 0;
	json_init(&j, text, 0);
	CHECK(json_object(&j));
	while (json_key(&j, &key)) {
		if (str_is(key, "type"))
			json_string(&j, NULL, &type);
		else if (str_is(key, "audio"))
			json_string(&j, NULL, &audio);
		else if (str_is(key, "item_id"))
			json_string(&j, NULL, &item);
		else if (str_is(key, "audio_end_ms"))
			json_u64(&j, &ms);
		else
			json_skip(&j);
	}
	CHECK(json_end(&j) == OK);
	if (ai->dead)
		return;
	if (str_is(type, "input_audio_buffer.append")) {
		ai_append(self, c, ai, index, audio);
	} else if (str_is(type, "session.update")) {
		CHECK(ai->created && !ai->ready);
		ai->updated_us = actor_now_us(self) + (10 + draw(self, 200)) * MS;
	} else if (str_is(type, "response.create")) {
		CHECK(ai->ready);
		world.crossed += ai->responding; /* two began one at once: as the real one has it */
		if (ai->responding)
			say(self, &ai->to_us,
			    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","
			    "\"code\":\"conversation_already_has_active_response\"}}");
		ai_respond(self, c, ai);
	} else if (str_is(type, "conversation.item.truncate")) {
		ai_truncate(c, item, ms);
	} else {
		CHECK(ai->ready);
	}
}

static void ai_step(struct actor *self, struct world_call *c, struct ai *ai, uint32_t index)
{
	uint64_t now = actor_now_us(self);
	char line[200];
	struct flight *f;
	if (!ai->open)
		return;
	while ((f = lane_take(self, &ai->to_it))) {
		ai_told(self, c, ai, index, str_n(f->at, f->len));
		free(f);
	}
	if (!ai->dead && ai->created_us && now >= ai->created_us && !ai->created) {
		ai->created = true;
		(void)snprintf(line, sizeof line,
		               "{\"type\":\"session.created\",\"session\":{\"id\":\"s\",\"expires_"
		               "at\":%llu}}",
		               (unsigned long long)(ai->expires_us + actor_wall_us(self) - now) /
		                       SECOND);
		say(self, &ai->to_us, line);
	}
	if (!ai->dead && ai->updated_us && now >= ai->updated_us && !ai->ready) {
		ai->ready = true;
		say(self, &ai->to_us, "{\"type\":\"session.updated\",\"session\":{\"id\":\"s\"}}");
	}
	if (!ai->dead && ai->cancel_us && now >= ai->cancel_us) {
		ai->cancel_us = 0;
		if (ai->responding)
			ai_done(self, ai, "cancelled");
	}
	if (!ai->dead && ai->ready && ai->responding && now >= ai->next_us)
		ai_speak(self, c, ai, index);
	if (!ai->dead && world.faults && draw(self, 20000) == 0)
		say(self, &ai->to_us,
		    draw(self, 2) ? "{\"type\":" : "{\"type\":\"no.such.event\",\"x\":[1]}");
	if (!ai->dead && now >= ai->expires_us) {
		say(self, &ai->to_us,
		    "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"code\":"
		    "\"session_expired\",\"message\":\"over\"}}");
		ai_die(self, ai);
	}
	if (ai->dies_us && now >= ai->dies_us)
		ai_die(self, ai);
	flush(self, c, ai->wire, &ai->to_us);
}

/* ---- the gateway
 * ---------------------------------------------------------------------------------------- */

static struct world_call *by_wire(uint64_t wire, struct ai **ret_ai)
{
	*ret_ai = NULL;
	for (uint32_t i = 0; i < WORLD_CALLS; i++) {
		struct world_call *c = &world.calls[i];
		if (wire && (c->carrier.wire == wire || c->old_wire == wire))
			return c;
		for (uint32_t l = 0; l < c->n_ais; l++)
			if (c->ais[l].wire == wire) {
				*ret_ai = &c->ais[l];
				return c;
			}
	}
	return NULL;
}

static struct world_call *by_dialler(const struct msg *m)
{
	/* The url's model is the call's id, as its settings have it. */
	struct str url = wire_dial_of(m)->url;
	for (uint32_t i = 0; i < WORLD_CALLS; i++) {
		size_t n = strlen(world.calls[i].id);
		if (url.len > n && !memcmp(url.at + url.len - n, world.calls[i].id, n))
			return &world.calls[i];
	}
	return NULL;
}

static bool has_ai(const struct world_call *c)
{
	for (uint32_t l = 0; l < c->n_ais; l++)
		if (c->ais[l].open && !c->ais[l].dead)
			return true;
	return false;
}

static enum err on_dial(struct actor *self, const struct msg *m)
{
	struct world_call *c = by_dialler(m);
	uint64_t now = actor_now_us(self);
	world.dials++;
	if (!c) /* settings did not come: nobody knows whose it is, so it cannot be reached */
		return actor_reply(self, m, MSG(wire_dialled, .why = str_of("refused")));
	c->dialled_us = now;
	bool down = now >= c->down_us && now < c->up_us;
	c->tried |= down && !has_ai(c); /* who rolls over has time */
	if (down)
		return actor_reply(self, m,
		                   MSG(wire_dialled, .status = draw(self, 2) ? 0 : 503,
		                       .why = str_of("down")));
	if (c->final)
		return actor_reply(self, m, MSG(wire_dialled, .status = 401));
	if (c->up_us && now >= c->up_us && c->tried && !c->reached) {
		c->reached = true;
		world.resumed++;
		CHECK(now - c->up_us <= 300 * MS);
	}
	CHECK(c->n_ais < WORLD_LEGS);
	struct ai *ai = &c->ais[c->n_ais++];
	*ai = (struct ai){
		.open = true, .wire = ++world.last_wire, .serial = c->n_ais, .item = -1
	};
	ai->created_us = now + draw(self, 100) * MS;
	ai->expires_us = now + 3600ull * SECOND;
	if (world.faults) {
		uint32_t how = draw(self, 10);
		if (how == 0)
			ai->dies_us = now + draw(self, 15000) * MS;
		else if (how == 1)
			ai->expires_us = now + (61 + draw(self, 15)) * SECOND;
		else if (how == 2 && draw(self, 3) == 0)
			ai->created_us = 0; /* opens and says nothing */
		else if (how == 3 && draw(self, 3) == 0)
			ai->mute = true; /* listens and says nothing */
		ai->ends_call = draw(self, 12) == 0;
	}
	return actor_reply(self, m, MSG(wire_dialled, .wire = ai->wire, .status = 101));
}

static enum err on_send(struct actor *self, const struct msg *m)
{
	struct ai *ai;
	struct world_call *c = by_wire(wire_send_of(m)->wire, &ai);
	char to[64];
	CHECK(c);
	show("◀", c, wire_send_of(m)->wire, msg_blob(m));
	if (ai) {
		lane_put(self, &ai->to_it, msg_blob(m));
		return OK;
	}
	struct carrier *k = &c->carrier;
	if (wire_send_of(m)->wire != k->wire || k->stopped)
		return OK;
	if (k->to_it.bytes + msg_blob(m).len > SOCKET) {
		k->shed = true;
		world.sheds++;
		(void)snprintf(to, sizeof to, "call_session/%s", c->id);
		return actor_send(self, (const char *)to,
		                  MSG(wire_shed, .wire = k->wire, .frames = 1,
		                      .audio_ms = wire_send_of(m)->audio_ms));
	}
	lane_put(self, &k->to_it, msg_blob(m));
	return OK;
}

static enum err on_look(struct actor *self, const struct msg *m)
{
	struct ai *ai;
	struct world_call *c = by_wire(wire_look_of(m)->wire, &ai);
	CHECK(c && !ai);
	return actor_reply(
		self, m,
		MSG(wire_level, .wire = c->carrier.wire, .queued = c->carrier.to_it.bytes));
}

static enum err on_close(struct actor *self, const struct msg *m)
{
	struct ai *ai;
	struct world_call *c = by_wire(wire_close_of(m)->wire, &ai);
	CHECK(c);
	if (ai) {
		ai->open = false;
		if (!ai->dead)
			ai->dead_us = actor_now_us(self);
		ai->dead = true;
		lane_clear(&ai->to_us);
		lane_clear(&ai->to_it);
	} else if (wire_close_of(m)->wire == c->carrier.wire) {
		c->carrier.stopped = true;
		c->over = true;
		lane_clear(&c->carrier.to_us);
	}
	return OK;
}

/* A second stream of the same call: what the first one still says must change nothing. */
static void twin(struct actor *self, struct world_call *c)
{
	struct carrier fresh = { .talk_us = actor_now_us(self) + SECOND,
		                 .hush_us = actor_now_us(self) + 2 * SECOND,
		                 .stop_us = c->carrier.stop_us };
	for (uint32_t i = 0; i < c->carrier.n; i++) {
		int item = c->carrier.air[(c->carrier.first + i) % WORLD_AIR].item;
		if (item >= 0) {
			c->items[item].cleared = true;
			c->items[item].cleared_us = actor_now_us(self);
		}
	}
	for (struct flight *f = c->carrier.to_it.first; f; f = f->next)
		c->cut_errors = 1; /* what was on the way to the old stream is lost with it */
	lane_clear(&c->carrier.to_us);
	lane_clear(&c->carrier.to_it);
	c->old_wire = c->carrier.wire;
	c->carrier = fresh;
	carrier_open(self, c, &c->carrier);
}

static enum err on_hung_up(struct actor *self, const struct msg *m)
{
	(void)self;
	if (!msg_err(m))
		world.calls[msg_tag(m)].hung_up = true;
	return OK;
}

/* By an operator, by a node that is about to stop, by a newer stream on another node. */
static void order(struct actor *self, struct world_call *c)
{
	char to[64];
	uint64_t now = actor_now_us(self);
	uint32_t within_ms = 1000 + draw(self, 15000);
	(void)snprintf(to, sizeof to, "call_session/%s", c->id);
	c->order_us = 0;
	world.orders++;
	actor_act_for(self, 7, 0, NULL);
	switch (c->order) {
	case ORDER_HANG_UP:
		(void)!actor_ask_tag(self, (const char *)to, 5000, on_hung_up,
		                     (uint64_t)(c - world.calls),
		                     MSG(call_hangup, .call = str_of(c->id)));
		break;
	case ORDER_DRAIN:
		c->end_by_us = now + within_ms * MS + SECOND / 2;
		(void)!actor_send(
			self, (const char *)to,
			MSG(call_drain, .node = str_of(actor_node(self)), .within_ms = within_ms));
		break;
	case ORDER_RETIRE:
		c->cold = !c->carrier.wire;
		c->cold_ais = c->n_ais;
		(void)!actor_send(self, (const char *)to,
		                  MSG(call_retire, .call = str_of(c->id), .epoch = 1000));
		break;
	case ORDER_NONE:
		break;
	}
}

/* Time is up for who was drained; and who waits for a stream in vain holds no AI. */
static void judge_orders(const struct world_call *c, uint64_t now)
{
	if (c->end_by_us && now > c->end_by_us)
		CHECK(!c->carrier.wire || c->carrier.stopped);
	if (c->cold)
		CHECK(c->n_ais == c->cold_ais);
}

static enum err on_tick(struct actor *self)
{
	uint64_t now = actor_now_us(self);
	actor_after(self, 1, on_tick);
	for (uint32_t i = 0; i < WORLD_CALLS; i++) {
		struct world_call *c = &world.calls[i];
		char to[64];
		if (c->expect_us && now >= c->expect_us) {
			c->expect_us = 0;
			(void)snprintf(to, sizeof to, "call_session/%s", c->id);
			actor_act_for(self, 7, 0, NULL);
			(void)!actor_send(self, (const char *)to,
			                  MSG(call_expect, .call = str_of(c->id),
			                      .account = str_of("AC1"), .connector = i + 1));
		}
		if (c->stream_us && now >= c->stream_us) {
			c->stream_us = 0;
			carrier_open(self, c, &c->carrier);
		}
		if (c->order_us && now >= c->order_us &&
		    (c->order == ORDER_RETIRE || c->carrier.wire))
			order(self, c);
		judge_orders(c, now);
		if (c->carrier.twin_us && now >= c->carrier.twin_us && !c->carrier.stopped)
			twin(self, c);
		for (uint32_t l = 0; l < c->n_ais; l++)
			ai_step(self, c, &c->ais[l], i);
		carrier_step(self, c, i);
	}
	return OK;
}

static enum err on_start(struct actor *self)
{
	return on_tick(self);
}

static enum err on_stop(struct actor *self)
{
	(void)self;
	for (uint32_t i = 0; i < WORLD_CALLS; i++) {
		struct world_call *c = &world.calls[i];
		lane_clear(&c->carrier.to_us);
		lane_clear(&c->carrier.to_it);
		for (uint32_t l = 0; l < c->n_ais; l++) {
			lane_clear(&c->ais[l].to_us);
			lane_clear(&c->ais[l].to_it);
		}
	}
	return OK;
}

void world_reset(void)
{
	memset(&world, 0, sizeof world);
}

static const struct actor_on takes[] = { { &wire_dial_desc, on_dial },
	                                 { &wire_send_desc, on_send },
	                                 { &wire_look_desc, on_look },
	                                 { &wire_close_desc, on_close },
	                                 { 0 } };
static const struct proto_desc *const sends[] = {
	&wire_dialled_desc, &wire_level_desc, &wire_frame_desc,  &wire_closed_desc,
	&wire_shed_desc,    &wire_room_desc,  &call_stream_desc, &call_expect_desc,
	&call_hangup_desc,  &call_drain_desc, &call_retire_desc, NULL
};
const struct actor_kind world_gateway_actor = {
	.name = "gateway",
	.doc = "wires to models",
	.start = on_start,
	.stop = on_stop,
	.takes = takes,
	.sends = sends,
	.at_start = true,
	.sets_tenant = true,
	.mailbox = { .depth = 65536 },
};
