/*
 * webhook_twilio.c — the carrier asks what to do with a call, and tells how it fares.
 *
 *     POST /webhook/twilio/voice ─▶ line ─▶ call.admit ─▶ call_desk
 *          ◀─ TwiML: open a stream, with a ticket          ├─▶ call.expect ─▶ call_session/CA
 *                                                          └─▶ call.expected ─▶ store
 *          ◀─ TwiML: say, and dial the overflow or hang up, when it is refused
 *     POST /webhook/twilio/status, /webhook/twilio/stream ─▶ line ─▶ call.status ─▶ store
 *
 * The TwiML waits for no commit: a caller hears nothing until it is there. The row is made a second
 * time by call.begin, whichever comes first.
 */
#include "gateway/call_ticket.h"
#include "gateway/inside.h"
#include "gateway/twilio_line.h"
#include "gateway/twiml.h"
#include <stdio.h>
#include <stdlib.h>

enum { TWIML_MAX = 8192, URL_MAX = 1024 };

static const char busy_words[] = "All our lines are busy just now. Please call again later.";

struct voice {
	struct line_visit visit; /* first */
	struct call_ticket ticket;
	enum call_refusal refusal;
};

static const struct voice *voice_of(const struct exchange *x)
{
	return x->state;
}

static enum err answer_xml(struct exchange *x, struct buf *b)
{
	enum err e = buf_err(b);
	return e ? exchange_refuse(x, e, NULL)
	         : exchange_answer(x, 200, str_of("text/xml; charset=utf-8"), buf_view(b));
}

/* What is told beside the answer: nobody waits for it. */
static enum err on_told(struct actor *self, const struct msg *m)
{
	(void)self;
	(void)m;
	return OK;
}

static void tell_store(struct exchange *x, enum call_state state)
{
	const struct call_ticket *t = &voice_of(x)->ticket;
	struct actor *self = exchange_actor(x);
	enum err e = exchange_ask(
		x, "store", on_told, 0,
		MSG(call_expected, .call = str_of(t->call), .account = str_of(t->account),
	            .connector = t->connector, .direction = t->direction, .state = state,
	            .from = str_of(t->from), .to = str_of(t->to), .node = str_of(actor_node(self)),
	            .start_us = actor_wall_us(self)));
	if (e)
		actor_log(self, LOG_WARN, "call_unrecorded call=%s err=%s", t->call,
		          err_info(e)->name);
}

/* ---- refused ------------------------------------------------------------------------------ */

static enum err on_overflow(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[TWIML_MAX];
	struct buf b;
	if (!x)
		return OK;
	buf_over(&b, room, sizeof room);
	twiml_say(&b, str_of(busy_words),
	          msg_err(m) ? (struct str){ 0 } : call_configured_of(m)->overflow_to);
	return answer_xml(x, &b);
}

static enum err refused(struct exchange *x)
{
	tell_store(x, CALL_STATE_REFUSED);
	return exchange_ask(x, "store", on_overflow, 0,
	                    MSG(call_settings, .connector = voice_of(x)->ticket.connector));
}

/* ---- taken -------------------------------------------------------------------------------- */

static enum err tell_session(struct exchange *x)
{
	const struct call_ticket *t = &voice_of(x)->ticket;
	char name[64 + TICKET_SID];
	snprintf(name, sizeof name, "call_session/%s", t->call);
	actor_act_for(exchange_actor(x), x->business, x->principal, &x->visit.trace);
	return actor_send(exchange_actor(x), (const char *)name,
	                  MSG(call_expect, .call = str_of(t->call), .account = str_of(t->account),
	                      .connector = t->connector, .direction = t->direction,
	                      .from = str_of(t->from), .to = str_of(t->to)));
}

static enum err taken(struct exchange *x)
{
	struct actor *self = exchange_actor(x);
	char xml[TWIML_MAX], token[TICKET_TEXT], stream[URL_MAX], status[URL_MAX];
	struct buf b;
	enum err e = ticket_write(&x->visit.gateway->seals, &voice_of(x)->ticket,
	                          actor_wall_us(self) / 1000000, token);
	if (e)
		return exchange_refuse(x, e, NULL);
	e = tell_session(x);
	if (e) /* it is born with its stream all the same: only later */
		actor_log(self, LOG_WARN, "call_unexpected call=%s err=%s",
		          voice_of(x)->ticket.call, err_info(e)->name);
	tell_store(x, CALL_STATE_EXPECTED);
	buf_over(&b, xml, sizeof xml);
	twiml_stream(&b, &(struct twiml_stream){
				 .url = line_url(x, true, str_of("/ws/twilio-media"), stream,
	                                         sizeof stream),
				 .status_url = line_url(x, false, str_of("/webhook/twilio/stream"),
	                                                status, sizeof status),
				 .token = str_of(token) });
	return answer_xml(x, &b);
}

static enum err on_admitted(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	enum err e = msg_err(m);
	if (e) /* no desk lives here: no session could */
		return exchange_refuse(x, ERR_UNAVAILABLE, "no node holds calls");
	e = call_admitted_of(m)->refusal ? refused(x) : taken(x);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

/* ---- the doors ---------------------------------------------------------------------------- */

static bool keep_word(char *to, size_t cap, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] > '~')
			return false;
	return str_keep(to, cap, s);
}

/* What cannot be kept of a party is as if it were withheld: names of SIP callers may be long. */
static enum err on_voice(struct exchange *x)
{
	struct voice *v = x->state;
	struct call_ticket *t = &v->ticket;
	*t = (struct call_ticket){ .business = x->business, .connector = v->visit.line.id };
	if (!keep_word(t->call, sizeof t->call, line_field(x, &v->visit, "CallSid")) || !t->call[0])
		return exchange_refuse(x, ERR_MISSING, "CallSid");
	str_keep(t->account, sizeof t->account, str_of(v->visit.line.account));
	if (!keep_word(t->from, sizeof t->from, line_field(x, &v->visit, "From")))
		t->from[0] = '\0';
	if (!keep_word(t->to, sizeof t->to, line_field(x, &v->visit, "To")))
		t->to[0] = '\0';
	if (str_starts(line_field(x, &v->visit, "Direction"), "outbound"))
		t->direction = CALL_DIRECTION_OUTBOUND;
	return exchange_ask(x, "call_desk", on_admitted, 0,
	                    MSG(call_admit, .call = str_of(t->call), .connector = t->connector));
}

enum err webhook_voice(struct exchange *x)
{
	struct voice *v = exchange_state(x, sizeof *v);
	return v ? line_verify(x, &v->visit, on_voice) : ERR_MEMORY;
}

/* Told of a call we do not know: there is nothing to keep, and no use in sending it again. */
static enum err on_status_kept(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m) && msg_err(m) != ERR_NOT_FOUND)
		return exchange_refuse(x, ERR_UNAVAILABLE, NULL);
	return exchange_answer(x, 204, (struct str){ 0 }, (struct str){ 0 });
}

static bool is_over(struct str status)
{
	static const char *const words[] = { "completed", "busy", "failed", "no-answer",
		                             "canceled" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (str_is(status, words[i]))
			return true;
	return false;
}

static uint32_t number(struct str s)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < s.len && i < 9 && s.at[i] >= '0' && s.at[i] <= '9'; i++)
		n = n * 10 + (uint32_t)(s.at[i] - '0');
	return n;
}

static enum err on_status(struct exchange *x)
{
	struct voice *v = x->state;
	struct str call = line_field(x, &v->visit, "CallSid");
	struct str status = line_field(x, &v->visit, "CallStatus");
	if (!call.len || call.len > 64 || !status.len || status.len > 32)
		return exchange_refuse(x, ERR_MISSING, "CallSid and CallStatus");
	return exchange_ask(x, "store", on_status_kept, 0,
	                    MSG(call_status, .call = call, .status = status,
	                        .over = is_over(status),
	                        .seq = number(line_field(x, &v->visit, "SequenceNumber"))));
}

enum err webhook_call_status(struct exchange *x)
{
	struct voice *v = exchange_state(x, sizeof *v);
	return v ? line_verify(x, &v->visit, on_status) : ERR_MEMORY;
}

/* The stream's own callbacks tell nothing that the stream does not, but an error: that is logged.
 */
static enum err on_stream(struct exchange *x)
{
	struct voice *v = x->state;
	struct str what = line_field(x, &v->visit, "StreamEvent");
	struct str error = line_field(x, &v->visit, "StreamError");
	if (error.len)
		actor_log(exchange_actor(x), LOG_WARN, "stream_error call=%.*s what=\"%.*s\"",
		          STR(line_field(x, &v->visit, "CallSid")), STR(error));
	else
		actor_log(exchange_actor(x), LOG_DEBUG, "stream_event what=%.*s", STR(what));
	return exchange_answer(x, 204, (struct str){ 0 }, (struct str){ 0 });
}

enum err webhook_stream_status(struct exchange *x)
{
	struct voice *v = exchange_state(x, sizeof *v);
	return v ? line_verify(x, &v->visit, on_stream) : ERR_MEMORY;
}
