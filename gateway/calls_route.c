/*
 * calls_route.c — the record of calls as the street sees it: pages of them, one of them with what
 * was said and what happened, and the word to hang up.
 *
 *     GET  /api/calls               days ─▶ call.list ─▶ store
 *     GET  /api/calls/{id}          call.show, then call.events
 *     GET  /api/calls/{id}/events   the same; so another's call is answered like one that is not
 *     POST /api/calls/{id}/hangup   call.end_order, which notes it, then call.end to the desks of
 * all nodes
 */
#include "gateway/cursor.h"
#include "gateway/days.h"
#include "gateway/inside.h"
#include "proto/fill.h"
#include "proto/http.h"
#include <stdio.h>

enum { PAGE = 50, EVENTS = 100, ROOM = 4096 };

/* ---- a page of calls ------------------------------------------------------------------------- */

struct listing {
	struct days days;
	struct http_calls_ask ask;
	struct call_list list;
	char room[ROOM];
};

static enum err on_calls(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[CURSOR_TEXT];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	const struct listing *l = x->state;
	const struct call_items *page = call_items_of(m);
	struct http_calls_page reply = { 0 };
	reply.calls.at = page->rows.at;
	reply.calls.n = page->rows.n;
	if (page->rows.n && page->rows.n >= l->list.limit) {
		const struct call_item *last = &page->rows.at[page->rows.n - 1];
		reply.next_cursor = cursor_write((struct cursor){ last->start_us, last->id }, room);
	}
	return exchange_reply(x, 200, &http_calls_page_desc, &reply);
}

static enum err ask_calls(struct exchange *x, const struct date_range *range)
{
	struct listing *l = x->state;
	if (range->from_us > 0)
		l->list.from_us = (uint64_t)range->from_us;
	if (range->to_us != INT64_MAX)
		l->list.before_us = range->to_us > 0 ? (uint64_t)range->to_us : 1;
	return exchange_ask_to(x, TO("store"), on_calls, 0, &call_list_desc, &l->list);
}

/* One word of an enum as the bit of its number; 0 for none. False: it is refused, and the exchange
 * is over. */
static bool bit_of(struct exchange *x, const char *what, struct str word,
                   const struct proto_enum *of, uint32_t *ret)
{
	char choice[128] = "";
	for (uint32_t i = 0; i < of->n_values; i++) {
		if (str_is(word, of->values[i].name))
			*ret = 1u << of->values[i].number;
		size_t n = strlen(choice);
		(void)snprintf(choice + n, sizeof choice - n, "%s%s",
		               i == 0                  ? ""
		               : i + 1 == of->n_values ? " or "
		                                       : ", ",
		               of->values[i].name);
	}
	if (!word.len || *ret)
		return true;
	exchange_refuse(x, ERR_INVALID, "Invalid %s: '%.*s'. Use %s", what, STR(word), choice);
	return false;
}

enum err calls_route(struct exchange *x)
{
	struct listing *l = exchange_state(x, sizeof *l);
	struct json_error error;
	struct cursor at = { 0 };
	if (!l)
		return ERR_MEMORY;
	struct arena arena = ARENA_OVER(l->room);
	enum err e = fill_from_query(&http_calls_ask_desc, x->visit.request->head.query,
	                             JSON_REQUEST, &arena, &l->ask, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	if (cursor_read(l->ask.cursor, &at))
		return exchange_refuse(x, ERR_INVALID, "the cursor is none of ours");
	l->list = (struct call_list){ .limit = l->ask.limit ? l->ask.limit : PAGE,
		                      .number = l->ask.number,
		                      .connector = l->ask.connector,
		                      .lead = l->ask.lead,
		                      .page_us = at.a,
		                      .page_id = at.b };
	if (!bit_of(x, "status", l->ask.status, &call_state_enum, &l->list.states) ||
	    !bit_of(x, "direction", l->ask.direction, &call_direction_enum, &l->list.directions))
		return OK;
	l->days = (struct days){ l->ask.from_date, l->ask.to_date, ask_calls };
	return days_ask(x, &l->days);
}

/* ---- one call -------------------------------------------------------------------------------- */

struct looking {
	struct http_call_events_ask ask;
	struct http_call_record record; /* its texts lie in `room`, those of events in the answer */
	struct call_events events;
	struct arena arena;
	char room[ROOM];
};

/* The answer of call.show is over when its handler returns. */
static bool keep(struct arena *a, const struct call_shown *s, struct http_call_record *ret)
{
	struct call_item *i = &ret->call;
	*i = (struct call_item){ .id = s->id,
		                 .state = s->state,
		                 .direction = s->direction,
		                 .lead = s->lead,
		                 .start_us = s->start_us,
		                 .end_us = s->end_us,
		                 .cause = s->cause,
		                 .connector = s->connector };
	ret->streams = s->epoch;
	return arena_keep(a, s->call, &i->call) && arena_keep(a, s->from, &i->from) &&
	       arena_keep(a, s->to, &i->to) && arena_keep(a, s->node, &i->node) &&
	       arena_keep(a, s->carrier, &ret->carrier) && arena_keep(a, s->counts, &ret->counts);
}

static struct str next_of(const struct call_timeline *t, uint32_t limit, char room[CURSOR_TEXT])
{
	if (!t->rows.n || t->rows.n < limit)
		return (struct str){ 0 };
	const struct call_event *last = &t->rows.at[t->rows.n - 1];
	return cursor_write((struct cursor){ last->epoch, last->seq }, room);
}

static uint32_t words_of(const struct call_timeline *t, struct http_utterance ret[])
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < t->rows.n; i++) {
		const struct call_event *e = &t->rows.at[i];
		bool heard = e->kind == CALL_HAPPENING_HEARD;
		if (heard || e->kind == CALL_HAPPENING_SAID)
			ret[n++] = (struct http_utterance){ .at_us = e->at_us,
				                            .who = str_of(heard ? "caller" : "ai"),
				                            .text = e->text };
	}
	return n;
}

static enum err on_all_of_it(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[CURSOR_TEXT];
	struct http_utterance words[HTTP_CALL_RECORD_TRANSCRIPT_MOST];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	struct looking *l = x->state;
	const struct call_timeline *t = call_timeline_of(m);
	struct http_call_record reply = l->record;
	reply.transcript.at = words;
	reply.transcript.n = words_of(t, words);
	reply.events.at = t->rows.at;
	reply.events.n = t->rows.n;
	reply.next_cursor = next_of(t, l->events.limit, room);
	return exchange_reply(x, 200, &http_call_record_desc, &reply);
}

static enum err on_events(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[CURSOR_TEXT];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	const struct looking *l = x->state;
	const struct call_timeline *t = call_timeline_of(m);
	struct http_call_events_page reply = { .next_cursor = next_of(t, l->events.limit, room) };
	reply.events.at = t->rows.at;
	reply.events.n = t->rows.n;
	return exchange_reply(x, 200, &http_call_events_page_desc, &reply);
}

enum part { WHOLE, EVENTS_ONLY, HANGUP };

/* To all nodes: the desk of the one that has it passes it on. */
static enum err hang_up(struct exchange *x, const struct call_end_ordered *s)
{
	struct actor *self = exchange_actor(x);
	if (s->state >= CALL_STATE_ENDED)
		return exchange_refuse(x, ERR_CONFLICT, "this call is over");
	actor_act_for(self, x->business, x->principal, &x->visit.trace);
	enum err e =
		actor_publish(self, MSG(call_end, .call = s->call, .cause = CALL_CAUSE_OPERATOR));
	if (e)
		return exchange_refuse(x, e, NULL);
	actor_log(self, LOG_INFO, "call_hangup call=%.*s id=%llu principal=%llu", STR(s->call),
	          (unsigned long long)s->id, (unsigned long long)x->principal);
	return exchange_reply(
		x, 202, MSG(http_call_ending, .id = s->id, .call = s->call, .state = s->state));
}

static enum err on_ordered(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	return msg_err(m) ? exchange_refuse(x, msg_err(m), NULL)
	                  : hang_up(x, call_end_ordered_of(m));
}

static enum err on_shown(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	struct looking *l = x->state;
	bool whole = exchange_part(m) == WHOLE;
	if (whole && !keep(&l->arena, call_shown_of(m), &l->record))
		return exchange_refuse(x, ERR_TOO_LARGE, NULL);
	enum err e = exchange_ask_to(x, TO("store"), whole ? on_all_of_it : on_events, 0,
	                             &call_events_desc, &l->events);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

static enum err look(struct exchange *x, const struct proto_desc *type, enum part part)
{
	struct looking *l = exchange_state(x, sizeof *l);
	struct json_error error;
	struct cursor at = { 0 };
	struct fill f;
	if (!l)
		return ERR_MEMORY;
	l->arena = (struct arena)ARENA_OVER(l->room);
	fill_init(&f, type, JSON_REQUEST, &l->arena, &l->ask);
	enum err e = fill_param(&f, "id", exchange_param(x, "id"), &error);
	e = e ? e : fill_query(&f, x->visit.request->head.query, &error);
	e = e ? e : fill_end(&f, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	if (part == EVENTS_ONLY && cursor_read(l->ask.cursor, &at))
		return exchange_refuse(x, ERR_INVALID, "the cursor is none of ours");
	if (part != EVENTS_ONLY)
		l->ask.limit = CALL_TIMELINE_ROWS_MOST;
	l->events = (struct call_events){ .id = l->ask.id,
		                          .limit = l->ask.limit ? l->ask.limit : EVENTS,
		                          .words = part == EVENTS_ONLY && l->ask.words,
		                          .after_epoch = at.a,
		                          .after_seq = (uint32_t)at.b };
	if (part == HANGUP)
		return exchange_ask(x, "store", on_ordered, 0,
		                    MSG(call_end_order, .id = l->ask.id));
	return exchange_ask(x, "store", on_shown, (uint16_t)part, MSG(call_show, .id = l->ask.id));
}

enum err call_route(struct exchange *x)
{
	return look(x, &http_call_ask_desc, WHOLE);
}

enum err call_events_route(struct exchange *x)
{
	return look(x, &http_call_events_ask_desc, EVENTS_ONLY);
}

enum err call_hangup_route(struct exchange *x)
{
	return look(x, &http_call_ask_desc, HANGUP);
}
