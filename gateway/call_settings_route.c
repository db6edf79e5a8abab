/*
 * call_settings_route.c — GET and PUT /api/calls/settings: how calls of a line are held.
 *
 *     connector given or not ─▶ call.lines_of ─▶ store ─▶ which line is it
 *     GET                     ─▶ call.settings          PUT ─▶ checked ─▶ call.settle
 *
 * A line of another business is answered like one that is not there.
 */
#include "gateway/inside.h"
#include "proto/call_check.h"
#include "proto/fill.h"
#include "proto/http.h"
#include <stdio.h>

enum { ROOM = 4096, GROWTH = 2, LISTED = 8 };

struct setting {
	struct http_call_settings given; /* PUT; of GET its connector alone */
	bool put;
	struct arena arena;
};

static enum err answer(struct exchange *x, const struct call_configured *c, uint64_t connector)
{
	return exchange_reply(
		x, 200,
		MSG(http_call_settings, .connector = connector, .instructions = c->instructions,
	            .greeting = c->greeting, .voice = c->voice, .model = c->model,
	            .turn_ends = c->turn_ends, .tools = c->tools, .transfer_to = c->transfer_to,
	            .overflow_to = c->overflow_to, .apology = c->apology, .longest_s = c->longest_s,
	            .idle_s = c->idle_s, .most = c->most, .record = c->record));
}

static enum err on_settings(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	return answer(x, call_configured_of(m), ((struct setting *)x->state)->given.connector);
}

static enum err on_settled(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	const struct setting *s = x->state;
	return exchange_reply(x, 200, &http_call_settings_desc, &s->given);
}

static struct call_settle settle_of(const struct http_call_settings *g)
{
	return (struct call_settle){ .connector = g->connector,
		                     .instructions = g->instructions,
		                     .greeting = g->greeting,
		                     .voice = g->voice,
		                     .model = g->model,
		                     .turn_ends = g->turn_ends,
		                     .tools = g->tools,
		                     .transfer_to = g->transfer_to,
		                     .overflow_to = g->overflow_to,
		                     .apology = g->apology,
		                     .longest_s = g->longest_s,
		                     .idle_s = g->idle_s,
		                     .most = g->most,
		                     .record = g->record };
}

static enum err refuse_lines(struct exchange *x, const struct call_its_lines *lines)
{
	char which[128] = "";
	for (uint32_t i = 0; i < lines->rows.n && i < LISTED; i++) {
		size_t n = strlen(which);
		(void)snprintf(which + n, sizeof which - n, "%s%llu", i ? ", " : "",
		               (unsigned long long)lines->rows.at[i].id);
	}
	if (!lines->rows.n)
		return exchange_refuse(x, ERR_NOT_FOUND, "this business has no telephone line");
	return exchange_refuse(x, ERR_MISSING,
	                       "this business has several lines: name one as connector (%s%s)",
	                       which, lines->rows.n > LISTED ? ", …" : "");
}

static enum err on_lines(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	struct setting *s = x->state;
	const struct call_its_lines *lines = call_its_lines_of(m);
	if (!s->given.connector && lines->rows.n != 1)
		return refuse_lines(x, lines);
	if (!s->given.connector)
		s->given.connector = lines->rows.at[0].id;
	uint32_t i = 0;
	while (i < lines->rows.n && lines->rows.at[i].id != s->given.connector)
		i++;
	if (i == lines->rows.n)
		return exchange_refuse(x, ERR_NOT_FOUND, NULL);
	struct call_settle settle = settle_of(&s->given);
	enum err e =
		s->put ? exchange_ask_to(x, TO("store"), on_settled, 0, &call_settle_desc, &settle)
		       : exchange_ask(x, "store", on_settings, 0,
	                              MSG(call_settings, .connector = s->given.connector));
	return e ? exchange_refuse(x, e, NULL) : OK;
}

static enum err begin(struct exchange *x, const struct proto_desc *type, bool put)
{
	struct str body = exchange_body(x);
	size_t room = ROOM + GROWTH * (size_t)body.len;
	struct setting *s = exchange_state(x, sizeof *s + room);
	struct json_error error;
	char why[160];
	struct fill f;
	if (!s)
		return ERR_MEMORY;
	s->put = put;
	s->arena = (struct arena){ .at = (char *)(s + 1), .len = (uint32_t)room };
	fill_init(&f, type, JSON_REQUEST, &s->arena, &s->given);
	enum err e = fill_query(&f, x->visit.request->head.query, &error);
	if (!e && put)
		e = fill_json(&f, body, &error);
	e = e ? e : fill_end(&f, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	struct call_settle settle = settle_of(&s->given);
	if (put && (e = call_check(&settle, why)))
		return exchange_refuse(x, e, "%s", why);
	return exchange_ask(x, "store", on_lines, 0, MSG(call_lines_of));
}

enum err call_settings_route(struct exchange *x)
{
	return begin(x, &http_call_settings_ask_desc, false);
}

enum err call_settle_route(struct exchange *x)
{
	return begin(x, &http_call_settings_desc, true);
}
