/*
 * call.c — a call's course: webhook, stream, frames on time, its end; see call.h.
 */
#include "tools/load/call.h"
#include "proto/base64.h"
#include "proto/json.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FRAME_US = STAMP_MS * 1000, GHOST_US = 20000000, SLOW_RCVBUF = 4096 };

static uint32_t draw(struct call *c, uint32_t below)
{
	c->seed = c->seed * 1664525 + 1013904223;
	return below ? (c->seed >> 8) % below : 0;
}

static void over(struct call *c)
{
	if (c->state == CALL_OVER)
		return;
	struct carrier *k = c->carrier;
	if (c->state >= CALL_LIVE)
		k->live--;
	c->state = CALL_OVER;
	plug_alarm_clear(&c->next);
	plug_alarm_clear(&c->mark);
	plug_alarm_clear(&c->end);
	call_count(c);
	if (++k->over == k->config->calls)
		plug_loop_stop(k->loop);
}

static void fail(struct call *c, const char *what, const char *why)
{
	struct load_calls_result *r = c->carrier->ret;
	r->failed++;
	if (!r->why[0])
		(void)snprintf(r->why, sizeof r->why, "call %u: %s: %.100s", c->number, what, why);
	over(c);
}

static void refused(struct call *c)
{
	struct load_calls_result *r = c->carrier->ret;
	r->refused++;
	spread_add(&r->refusal, plug_now_us() - c->asked_us);
	over(c);
}

/* ---- what goes out ------------------------------------------------------------------------- */

static struct buf *begin(struct call *c, const char *event)
{
	struct buf *b = &c->carrier->out;
	buf_clear(b);
	buf_text(b, "{\"event\":\"");
	buf_text(b, event);
	buf_text(b, "\",\"sequenceNumber\":\"");
	buf_u64(b, ++c->sequence);
	buf_char(b, '"');
	return b;
}

static void finish(struct call *c)
{
	struct buf *b = &c->carrier->out;
	buf_text(b, ",\"streamSid\":\"");
	buf_text(b, c->stream_sid);
	buf_text(b, "\"}");
	plug_say(&c->line, buf_view(b));
}

static void say_start(struct call *c)
{
	struct carrier *k = c->carrier;
	struct buf *b = begin(c, "start");
	buf_printf(b,
	           ",\"start\":{\"streamSid\":\"%s\",\"accountSid\":\"%s\",\"callSid\":\"%s\","
	           "\"tracks\":[\"inbound\"],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\","
	           "\"sampleRate\":8000,\"channels\":1},\"customParameters\":{",
	           c->stream_sid, k->account, c->call_sid);
	const char *token = c->token ? c->token : k->config->stream_token;
	if (token) {
		buf_text(b, "\"token\":");
		json_put_str(b, str_of(token));
	}
	buf_text(b, "}}");
	finish(c);
}

static void say_media(struct call *c, uint64_t now)
{
	uint8_t audio[STAMP_BYTES];
	struct stamp t = { .run = c->carrier->run,
		           .call = c->number,
		           .seq = ++c->sent,
		           .flags = call_speaks(c, now) ? STAMP_SPEECH : 0,
		           .sent_us = now,
		           .heard_item = c->heard.item,
		           .heard_ms = c->heard.ms,
		           .clears = c->clears,
		           .cleared_us = c->cleared_us };
	if (c->heard.known)
		t.flags |= STAMP_CLEARED;
	stamp_write(&t, audio);
	struct buf *b = begin(c, "media");
	buf_text(b, ",\"media\":{\"track\":\"inbound\",\"chunk\":\"");
	buf_u64(b, c->sent);
	buf_text(b, "\",\"timestamp\":\"");
	buf_u64(b, (uint64_t)(c->sent - 1) * STAMP_MS);
	buf_text(b, "\",\"payload\":\"");
	char *to = buf_room(b, base64_text_len(sizeof audio));
	if (to) {
		base64_write(str_n((const char *)audio, sizeof audio), to);
		buf_took(b, base64_text_len(sizeof audio));
	}
	buf_text(b, "\"}");
	finish(c);
	if (c->kind == CALL_USUAL)
		c->carrier->ret->sent++;
}

static void say_digit(struct call *c)
{
	const char *digits = c->carrier->config->digits;
	struct buf *b = begin(c, "dtmf");
	buf_printf(b, ",\"dtmf\":{\"track\":\"inbound_track\",\"digit\":\"%c\"}",
	           digits[c->digit++ % strlen(digits)]);
	finish(c);
	c->carrier->ret->digits++;
}

static void on_mark(void *ctx)
{
	struct call *c = ctx;
	char name[PLAYBACK_NAME];
	while (c->state >= CALL_LIVE && c->state < CALL_STOPPED &&
	       playback_due(&c->playback, plug_now_us(), name)) {
		struct buf *b = begin(c, "mark");
		buf_text(b, ",\"mark\":{\"name\":");
		json_put_str(b, str_of(name));
		buf_char(b, '}');
		finish(c);
		c->carrier->ret->marks++;
	}
	call_set_mark(c);
}

void call_set_mark(struct call *c)
{
	uint64_t due = playback_next_us(&c->playback);
	if (due && c->state >= CALL_LIVE && c->state < CALL_STOPPED)
		plug_alarm_set(c->carrier->loop, &c->mark, due);
}

/* ---- its end ------------------------------------------------------------------------------- */

static void stop(struct call *c)
{
	struct buf *b = begin(c, "stop");
	buf_printf(b, ",\"stop\":{\"accountSid\":\"%s\",\"callSid\":\"%s\"}", c->carrier->account,
	           c->call_sid);
	finish(c);
	c->state = CALL_STOPPED;
	plug_alarm_clear(&c->mark);
	plug_close(&c->line, 1000);
}

static void drain(struct call *c, uint64_t now)
{
	if (c->kind == CALL_SLOW) {
		c->state = CALL_STOPPED;
		plug_reset(&c->line, "hung up");
		return;
	}
	c->state = CALL_DRAINING;
	c->ends_us = now + c->carrier->config->grace_ms * 1000ull;
}

/* All that was sent is back, or its grace is over. */
static void on_drain(struct call *c, uint64_t now)
{
	bool all = !c->carrier->config->answers && c->back == c->sent;
	if (all || now >= c->ends_us)
		stop(c);
	else
		plug_alarm_set(c->carrier->loop, &c->next, now + FRAME_US);
}

/* Its next frame is due; or more, if we were kept from it. */
static void on_next(void *ctx)
{
	struct call *c = ctx;
	struct carrier *k = c->carrier;
	uint64_t now = plug_now_us();
	if (c->state == CALL_DRAINING) {
		on_drain(c, now);
		return;
	}
	while (c->due_us <= now && c->state == CALL_LIVE) {
		if (c->sent == k->frames_each) {
			drain(c, now);
			break;
		}
		spread_add(&k->ret->late, now - c->due_us);
		say_media(c, now);
		if (k->config->digits && c->sent % 50 == 25)
			say_digit(c);
		uint64_t on_time = c->began_us + (uint64_t)c->sent * FRAME_US;
		uint64_t with = on_time + draw(c, k->config->jitter_ms * 1000);
		c->due_us = with > c->due_us ? with : c->due_us;
	}
	if (c->state == CALL_LIVE || c->state == CALL_DRAINING)
		plug_alarm_set(k->loop, &c->next,
		               c->state == CALL_LIVE ? c->due_us : now + FRAME_US);
}

static void on_kill(void *ctx)
{
	struct call *c = ctx;
	if (c->kind == CALL_GHOST) {
		c->carrier->ret->ghosts_left++;
		plug_reset(&c->line, "a ghost nobody cut");
		return;
	}
	c->carrier->ret->killed++;
	c->state = c->state < CALL_STOPPED ? CALL_STOPPED : c->state;
	plug_reset(&c->line, "killed");
}

/* ---- the stream ---------------------------------------------------------------------------- */

static void go_live(struct call *c, uint64_t now)
{
	struct carrier *k = c->carrier;
	c->state = CALL_LIVE;
	c->began_us = c->due_us = now;
	c->speech_at_us = now + 500000;
	if (++k->live > k->ret->live_most)
		k->ret->live_most = k->live;
	say_start(c);
	c->began_us += draw(c, FRAME_US); /* audio begins a moment after; calls are not in step */
	c->due_us = c->began_us;
	plug_alarm_set(k->loop, &c->next, c->due_us);
	if (c->kind == CALL_KILL)
		plug_alarm_set(k->loop, &c->end,
		               now + (20 + draw(c, 70)) * (uint64_t)k->config->seconds * 10000);
	if (c->kind == CALL_SLOW)
		plug_deafen(&c->line, true);
}

static void on_opened(struct plug *p)
{
	static const char connected[] =
		"{\"event\":\"connected\",\"protocol\":\"Call\",\"version\":\"1.0.0\"}";
	struct call *c = p->ctx;
	uint64_t now = plug_now_us();
	spread_add(&c->carrier->ret->upgrade, now - c->asked_us);
	c->asked_us = now;
	if (c->kind != CALL_GHOST || c->number % 2)
		plug_say(p, str_of(connected));
	if (c->kind != CALL_GHOST) {
		go_live(c, now);
		return;
	}
	c->carrier->ret->ghosts++;
	plug_alarm_set(c->carrier->loop, &c->end, now + GHOST_US);
}

static void on_not_opened(struct plug *p, const struct plug_head *h)
{
	struct call *c = p->ctx;
	char why[32];
	if (h->status == 503 || h->status == 429) {
		refused(c);
	} else {
		(void)snprintf(why, sizeof why, "HTTP %d", h->status);
		fail(c, "upgrade", why);
	}
	plug_end(p, "refused");
}

static void on_said(struct plug *p, bool binary, struct str what)
{
	struct call *c = p->ctx;
	if (binary)
		call_offends(c, "a binary frame");
	else
		call_heard(c, what);
}

static void on_line_ended(struct plug *p)
{
	struct call *c = p->ctx;
	struct load_calls_result *r = c->carrier->ret;
	if (c->state == CALL_OVER)
		return;
	if (c->kind == CALL_GHOST && c->state == CALL_DIALLING && p->frames) {
		spread_add(&r->ghost, plug_now_us() - c->asked_us);
		over(c);
	} else if (c->state == CALL_DIALLING) {
		fail(c, "stream", p->why);
	} else {
		if (c->state == CALL_STOPPED) {
			r->ended++;
		} else if (c->kind != CALL_SLOW) {
			r->cut++;
			if (!r->why[0])
				(void)snprintf(r->why, sizeof r->why,
				               "call %u: cut after %u frames: code %u, %s",
				               c->number, c->sent, p->code, p->why);
		}
		over(c);
	}
}

static void dial(struct call *c, const char *path)
{
	static const struct plug_ops ops = { .answered = on_not_opened,
		                             .opened = on_opened,
		                             .said = on_said,
		                             .ended = on_line_ended };
	struct carrier *k = c->carrier;
	char url[640], headers[96] = "", signature[TWILIO_SIGNATURE];
	c->state = CALL_DIALLING;
	c->asked_us = plug_now_us();
	plug_init(&c->line, k->loop, &ops, c);
	if (k->config->auth_token) {
		(void)snprintf(url, sizeof url, "%s://%s%s", k->scheme[1], k->host, path);
		if (!twilio_sign(str_of(k->config->auth_token), str_of(url), NULL, 0, signature))
			(void)snprintf(headers, sizeof headers, "X-Twilio-Signature: %s\r\n",
			               signature);
	}
	enum err e = plug_dial(&c->line, &k->to, k->tls, k->host,
	                       c->kind == CALL_SLOW ? SLOW_RCVBUF : 0);
	if (e)
		fail(c, "stream", err_info(e)->text);
	else
		plug_upgrade(&c->line, path, k->host, headers);
}

/* ---- the webhook --------------------------------------------------------------------------- */

/* The path of a URL whose host is ours. */
static const char *path_of(const struct carrier *k, const char *url)
{
	const char *host = strstr(url, "://");
	size_t n = strlen(k->host);
	if (!host || strncmp(host + 3, k->host, n) != 0 || host[3 + n] != '/')
		return NULL;
	return host + 3 + n;
}

static void on_twiml(struct call *c, struct str text)
{
	struct twiml t;
	char why[96];
	if (twiml_read(text, &t, why)) {
		fail(c, "TwiML", why);
		return;
	}
	if (!t.stream) {
		if (t.hangup || t.reject || *t.dial)
			refused(c);
		else
			fail(c, "TwiML", "neither a stream nor a refusal");
		return;
	}
	spread_add(&c->carrier->ret->webhook, plug_now_us() - c->asked_us);
	for (uint32_t i = 0; i < t.n_parameters; i++)
		if (!strcmp(t.parameters[i].name, "token"))
			c->token = strdup(t.parameters[i].value);
	const char *path = path_of(c->carrier, t.url);
	c->path = path ? strdup(path) : NULL;
	if (c->path)
		dial(c, c->path);
	else
		fail(c, "TwiML names another host", t.url);
}

static void on_webhook(struct plug *p, const struct plug_head *h)
{
	struct call *c = p->ctx;
	struct str type = { 0 };
	char why[32];
	if (h->status == 503 || h->status == 429) {
		refused(c);
	} else if (h->status != 200) {
		(void)snprintf(why, sizeof why, "HTTP %d", h->status);
		fail(c, "webhook", why);
	} else if (!plug_header(h, "Content-Type", &type) ||
	           (!str_starts(type, "text/xml") && !str_starts(type, "application/xml"))) {
		fail(c, "webhook", "no XML by its Content-Type");
	} else {
		on_twiml(c, h->body);
	}
	plug_end(p, "answered");
}

static void on_web_ended(struct plug *p)
{
	struct call *c = p->ctx;
	if (c->state == CALL_WEBHOOK)
		fail(c, "webhook", p->why);
}

static void ring(struct call *c)
{
	static const struct plug_ops ops = { .answered = on_webhook, .ended = on_web_ended };
	struct carrier *k = c->carrier;
	char url[256], headers[160], signature[TWILIO_SIGNATURE], from[24];
	(void)snprintf(from, sizeof from, "+1555%07u", c->number);
	const struct twilio_param params[] = {
		{ "AccountSid", str_of(k->account) },    { "ApiVersion", str_of("2010-04-01") },
		{ "CallSid", str_of(c->call_sid) },      { "CallStatus", str_of("ringing") },
		{ "Called", str_of(k->config->called) }, { "Caller", str_of(from) },
		{ "Direction", str_of("inbound") },      { "From", str_of(from) },
		{ "FromCity", str_of("São Paulo") },     { "To", str_of(k->config->called) },
	};
	enum { N = sizeof params / sizeof *params };
	c->state = CALL_WEBHOOK;
	(void)snprintf(url, sizeof url, "%s://%s/webhook/twilio/voice", k->scheme[0], k->host);
	enum err e = twilio_sign(str_of(k->config->auth_token), str_of(url), params, N, signature);
	plug_init(&c->web, k->loop, &ops, c);
	if (!e)
		e = plug_dial(&c->web, &k->to, k->tls, k->host, 0);
	if (e) {
		fail(c, "webhook", err_info(e)->text);
		return;
	}
	buf_clear(&k->out);
	twilio_form(&k->out, params, N);
	(void)snprintf(headers, sizeof headers,
	               "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n"
	               "X-Twilio-Signature: %s\r\n",
	               signature);
	plug_ask(&c->web, "POST", "/webhook/twilio/voice", k->host, headers, buf_view(&k->out));
}

void call_begin(struct call *c)
{
	c->asked_us = plug_now_us();
	c->next.fn = on_next;
	if (c->carrier->config->auth_token)
		ring(c);
	else
		dial(c, c->carrier->config->path);
}

/* ---- birth and death ----------------------------------------------------------------------- */

static void on_begin(void *ctx)
{
	call_begin(ctx);
}

MUST enum err call_init(struct call *c, struct carrier *of, uint32_t number)
{
	const struct load_calls *config = of->config;
	*c = (struct call){ .carrier = of, .number = number };
	/* murmur3's finaliser: neighbours draw differently from the first. */
	uint32_t x = (uint32_t)config->seed * 2654435761u + number;
	x = (x ^ (x >> 16)) * 0x85EBCA6Bu;
	x = (x ^ (x >> 13)) * 0xC2B2AE35u;
	c->seed = x ^ (x >> 16);
	uint32_t chance = draw(c, 100);
	c->kind = chance < config->ghosts                                  ? CALL_GHOST
	          : chance < config->ghosts + config->kills                ? CALL_KILL
	          : chance < config->ghosts + config->kills + config->slow ? CALL_SLOW
	                                                                   : CALL_USUAL;
	of->ret->slow += c->kind == CALL_SLOW;
	twilio_sid(c->call_sid, "CA", (uint64_t)of->run << 20 ^ config->seed, number);
	twilio_sid(c->stream_sid, "MZ", (uint64_t)of->run << 20 ^ config->seed, number);
	c->next = (struct plug_alarm){ .fn = on_begin, .ctx = c };
	c->mark = (struct plug_alarm){ .fn = on_mark, .ctx = c };
	c->end = (struct plug_alarm){ .fn = on_kill, .ctx = c };
	c->line.watch.fd = c->web.watch.fd = -1;
	playback_init(&c->playback);
	c->seen = calloc(of->frames_each / 8 + 1, 1);
	return c->seen ? OK : ERR_MEMORY;
}

void call_done(struct call *c)
{
	plug_alarm_clear(&c->next);
	plug_alarm_clear(&c->mark);
	plug_alarm_clear(&c->end);
	plug_done(&c->web);
	plug_done(&c->line);
	playback_done(&c->playback);
	free(c->seen);
	free(c->path);
	free(c->token);
}
