/*
 * ws_twilio.c — a carrier's media stream, until it is known whose call it is.
 *
 *     GET /ws/twilio-media ─▶ 101 ─▶ connected, start ─▶ ticket ─▶ call.stream ─▶ call_session/CA
 *                                       └── within START_MS, or it is a ghost: cut, counted, no
 * actor
 *
 * The ticket in START says whose it is (call_ticket.h): so no session, and no AI, is ever begun for
 * who has none. A fixed stream token of the line (twilio_secret.h) is believed from loopback alone,
 * for load tests: there the line is looked up by START's account.
 */
#include "gateway/call_ticket.h"
#include "gateway/twilio_secret.h"
#include "gateway/wire.h"
#include "proto/digest.h"
#include "proto/json.h"
#include "proto/tenant.h"
#include "proto/twilio.h"
#include <inttypes.h>
#include <stdio.h>

enum { START_MS = 5000, HELD = 16, ROOM = 16384, LOOK_MS = 3000 };

/* What START said, while its line is looked up. */
struct stream {
	char call[TICKET_SID + 1], account[TICKET_SID + 1], sid[TICKET_SID + 1];
	char token[TICKET_TEXT];
	bool asked;
};

/* ---- it is known whose -------------------------------------------------------------------- */

static void give(struct wire *w, const struct call_ticket *t)
{
	const struct stream *s = wire_state(w, sizeof *s);
	char name[64 + TICKET_SID];
	snprintf(name, sizeof name, "call_session/%s", t->call);
	wire_act_for(w, t->business, 0);
	actor_log(wire_actor(w), LOG_INFO, "START EVENT RECEIVED call=%s stream=%s", t->call,
	          s->sid);
	enum err e = wire_give(
		w, (const char *)name,
		MSG(call_stream, .call = str_of(t->call), .account = str_of(t->account),
	            .connector = t->connector, .direction = t->direction, .from = str_of(t->from),
	            .to = str_of(t->to), .wire = wire_number(w), .stream = str_of(s->sid)));
	if (!e)
		return;
	actor_log(wire_actor(w), LOG_WARN, "stream_refused call=%s err=%s", t->call,
	          err_info(e)->name);
	wire_end(w, 1013, "no session could be had");
}

static void refuse(struct wire *w, const char *why)
{
	const struct stream *s = wire_state(w, sizeof *s);
	actor_log(wire_actor(w), LOG_WARN, "stream_denied call=%s peer=%.*s why=\"%s\"", s->call,
	          STR(wire_peer(w)), why);
	wire_end(w, 1008, why);
}

/* ---- a fixed token, from loopback ---------------------------------------------------------- */

static bool is_loopback(struct str peer)
{
	return str_starts(peer, "127.") || str_is(peer, "::1") || str_is(peer, "unix") ||
	       str_starts(peer, "::ffff:127.");
}

static bool token_fits(struct gateway *g, const struct tenant_connector *c, const char *token)
{
	char plain[SEAL_PLAIN_MAX + 1];
	struct twilio_secret secret;
	size_t n = strlen(token);
	bool fits = !seal_open(&g->seals, c->business, "connector.secret", c->secret, plain) &&
	            !twilio_secret_read(str_of(plain), &secret) && secret.stream[0] &&
	            strlen(secret.stream) == n && digest_eq(secret.stream, token, n);
	digest_forget(plain, sizeof plain);
	digest_forget(&secret, sizeof secret);
	return fits;
}

static enum err on_line(struct actor *self, const struct msg *m)
{
	struct gateway *g = actor_state(self);
	struct wire *w = wires_find(g->wires, msg_tag(m));
	if (!w)
		return OK;
	const struct stream *s = wire_state(w, sizeof *s);
	const struct tenant_connector *c = msg_err(m) ? NULL : tenant_connector_of(m);
	if (!c || !token_fits(g, c, s->token)) {
		refuse(w, "the token opens nothing");
		return OK;
	}
	struct call_ticket t = { .business = c->business, .connector = c->id };
	str_keep(t.call, sizeof t.call, str_of(s->call));
	str_keep(t.account, sizeof t.account, str_of(s->account));
	give(w, &t);
	return OK;
}

static void look_up(struct wire *w, struct stream *s)
{
	if (s->asked)
		return;
	s->asked = true;
	enum err e = actor_ask_tag(wire_actor(w), "store", LOOK_MS, on_line, wire_number(w),
	                           MSG(tenant_connector_of_account, .account = str_of(s->account)));
	if (e)
		refuse(w, "its line cannot be looked up");
}

/* ---- START -------------------------------------------------------------------------------- */

static struct str token_of(struct str parameters, struct arena *a)
{
	struct json j;
	struct str token = { 0 };
	json_init(&j, parameters, JSON_FOREIGN);
	if (parameters.len && json_find(&j, "token"))
		(void)json_string(&j, a, &token);
	return token;
}

static void on_start(struct wire *w, const struct twilio_start *start, struct arena *a)
{
	struct gateway *g = actor_state(wire_actor(w));
	struct stream *s = wire_state(w, sizeof *s);
	struct call_ticket t;
	if (!s || s->asked)
		return;
	if (!str_keep(s->call, sizeof s->call, start->call_sid) || !s->call[0] ||
	    !str_keep(s->account, sizeof s->account, start->account_sid) ||
	    !str_keep(s->sid, sizeof s->sid, start->stream_sid) ||
	    !str_keep(s->token, sizeof s->token, token_of(start->parameters, a))) {
		refuse(w, "START without callSid, or with too much");
		return;
	}
	enum err e = ticket_read(&g->seals, str_of(s->token),
	                         actor_wall_us(wire_actor(w)) / 1000000, &t);
	if (!e && !strcmp(t.call, s->call))
		give(w, &t);
	else if (e == ERR_MALFORMED && is_loopback(wire_peer(w)) && s->token[0])
		look_up(w, s);
	else
		refuse(w, e == ERR_STALE ? "the token is too old" : "the token opens nothing");
}

static void on_said(struct wire *w, struct str said)
{
	char room[ROOM];
	struct arena a = ARENA_OVER(room);
	struct twilio_heard heard;
	if (json_decode(&twilio_heard_desc, said, JSON_FOREIGN, &a, &heard, NULL)) {
		refuse(w, "not what a carrier says");
		return;
	}
	if (str_is(heard.event, "start"))
		on_start(w, &heard.start, &a);
}

static void on_media(struct wire *w, enum wire_moment now, struct str said, bool binary)
{
	if (now == WIRE_LATE) {
		actor_log(wire_actor(w), LOG_WARN, "Ghost session peer=%.*s after_ms=%d",
		          STR(wire_peer(w)), START_MS);
		w->all->stats.ghosts++;
		wire_end(w, 1008, "no START within its time");
	} else if (now == WIRE_SAID && !binary) {
		on_said(w, said);
	}
}

enum err media_route(struct exchange *x)
{
	static const struct wire_guest guest = { on_media, START_MS, HELD };
	return wire_accept(x, &guest, NULL);
}
