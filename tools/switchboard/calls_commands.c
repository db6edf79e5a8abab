/*
 * calls_commands.c — calls list, show, hangup: the record of calls, and the word to end one.
 *
 *     list    each business ─▶ call.list, page by page ─▶ a line each
 *     show    each business ─▶ call.show ─▶ call.events, page by page ─▶ messages ─▶ timeline.h
 *     hangup  each business ─▶ call.end_order ─▶ call.end, to the desks of all nodes
 */
#include "proto/call.h"
#include "proto/json.h"
#include "proto/wa.h"
#include "tools/calls/timeline.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/each.h"
#include "tools/switchboard/since.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { PAGE = 200, EVENTS = 500, MESSAGES = 100 };

static uint64_t wall_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}

static struct str party_of(enum call_direction d, struct str from, struct str to)
{
	struct str party = d == CALL_DIRECTION_OUTBOUND ? to : from;
	return party.len ? party : str_of("withheld");
}

static const char *length_text(uint64_t start_us, uint64_t end_us, char out[32])
{
	uint64_t s = ((end_us ? end_us : wall_us()) - start_us) / 1000000;
	(void)snprintf(out, 32, "%" PRIu64 ":%02" PRIu64, s / 60, s % 60);
	return out;
}

static const char *local_text(uint64_t us, char out[32])
{
	time_t s = (time_t)(us / 1000000);
	struct tm tm;
	if (!localtime_r(&s, &tm) || !strftime(out, 32, "%Y-%m-%d %H:%M:%S", &tm))
		(void)snprintf(out, 32, "-");
	return out;
}

/* ---- list
 * ---------------------------------------------------------------------------------------- */

struct listing {
	const struct cli *cli;
	struct call_list ask;
	uint64_t of, left; /* of: this business */
	bool short_page, headed;
};

static bool next_page(void *ctx, const struct each_business *b, struct client_turn *ret)
{
	struct listing *l = ctx;
	if (l->of != b->id) {
		l->of = b->id;
		l->short_page = false;
		l->ask.page_us = l->ask.page_id = 0;
	}
	if (l->short_page || !l->left)
		return false;
	l->ask.limit = l->left < PAGE ? (uint32_t)l->left : PAGE;
	ret->type = &call_list_desc;
	ret->body = &l->ask;
	ret->ask = true;
	return true;
}

/* The row as JSON, with the name of its business in front. */
static void print_json(const char *business, const struct proto_desc *type, const void *row)
{
	struct buf b;
	buf_init(&b, 1 << 20);
	buf_text(&b, "{\"business\":");
	json_put_text(&b, business);
	size_t at = b.len;
	if (!json_write(&b, type, row, 0)) /* its brace goes, behind our comma */
		(void)printf("%.*s,%.*s\n", (int)at, b.at, (int)(b.len - at - 2), b.at + at + 2);
	buf_done(&b);
}

static void print_call(struct listing *l, const char *business, const struct call_item *i)
{
	char when[32], length[32], latency[16] = "-";
	if (!l->headed)
		(void)printf("%-7s %-14s %-19s %-3s %-16s %-10s %7s %5s %5s %7s\n", "ID",
		             "BUSINESS", "BEGAN", "DIR", "NUMBER", "STATE", "LENGTH", "TURNS",
		             "DROPS", "LATENCY");
	l->headed = true;
	if (i->turn_p50_ms)
		(void)snprintf(latency, sizeof latency, "%u ms", i->turn_p50_ms);
	struct str party = party_of(i->direction, i->from, i->to);
	(void)printf("%-7" PRIu64 " %-14.14s %-19s %-3s %-16.*s %-10s %7s %5u %5" PRIu64 " %7s\n",
	             i->id, business, local_text(i->start_us, when),
	             i->direction == CALL_DIRECTION_OUTBOUND ? "out" : "in",
	             (int)(party.len < 16 ? party.len : 16), party.at,
	             i->state == CALL_STATE_ENDED ? call_cause_enum.values[i->cause].name
	                                          : call_state_enum.values[i->state].name,
	             i->state == CALL_STATE_REFUSED ? "-"
	                                            : length_text(i->start_us, i->end_us, length),
	             i->turns, i->dropped, latency);
}

static bool on_page(void *ctx, const struct each_business *b, const struct msg *m)
{
	struct listing *l = ctx;
	const struct call_items *page = call_items_of(m);
	for (uint32_t i = 0; i < page->rows.n; i++) {
		const struct call_item *row = &page->rows.at[i];
		if (l->cli->json)
			print_json(b->name, &call_item_desc, row);
		else
			print_call(l, b->name, row);
		l->ask.page_us = row->start_us;
		l->ask.page_id = row->id;
	}
	l->left -= page->rows.n;
	l->short_page = page->rows.n < l->ask.limit;
	return !l->left;
}

enum exit_code cmd_calls_list(struct cli *c)
{
	struct listing l = { .cli = c, .left = (uint64_t)cli_number(c, "limit") };
	l.ask.live = cli_flag(c, "live");
	l.ask.number = str_of(cli_text(c, "number"));
	enum exit_code code = since_of(c, &l.ask.from_us);
	struct each each = { c, next_page, on_page, &l };
	return code ? code : each_run(&each);
}

/* ---- show
 * ---------------------------------------------------------------------------------------- */

struct showing {
	const struct cli *cli;
	struct call_show show;
	struct call_events events;
	struct wa_list messages;
	struct timeline timeline;
	enum { FIND, TELL, MESSAGE, DONE } step;
	struct call_shown call; /* its texts lie in `room` */
	char room[4096], chat[96];
	uint64_t end_us;
	enum exit_code code;
};

static bool next_show(void *ctx, const struct each_business *b, struct client_turn *ret)
{
	struct showing *s = ctx;
	(void)b;
	if (s->step == DONE)
		return false;
	ret->ask = true;
	ret->type = s->step == FIND   ? &call_show_desc
	            : s->step == TELL ? &call_events_desc
	                              : &wa_list_desc;
	ret->body = s->step == FIND   ? (const void *)&s->show
	            : s->step == TELL ? (const void *)&s->events
	                              : (const void *)&s->messages;
	return true;
}

static void print_event(const struct call_event *e)
{
	cli_print_json(&call_event_desc, e);
}

/* The chat of a number: whatever was written meanwhile belongs to what was said. */
static void look_for_messages(struct showing *s)
{
	struct str party = party_of(s->call.direction, s->call.from, s->call.to);
	bool number = party.len > 1 && party.at[0] == '+' && party.len < 32;
	s->step = number && !s->cli->json ? MESSAGE : DONE;
	if (!number)
		return;
	(void)snprintf(s->chat, sizeof s->chat, "%.*s@s.whatsapp.net", (int)party.len - 1,
	               party.at + 1);
	s->messages = (struct wa_list){ .chat = str_of(s->chat),
		                        .from_us = (int64_t)s->call.start_us,
		                        .to_us = (int64_t)(s->end_us ? s->end_us : wall_us()),
		                        .limit = MESSAGES };
}

static void on_found(struct showing *s, const char *business, const struct call_shown *call)
{
	struct arena a = ARENA_OVER(s->room);
	s->call = *call;
	if (!arena_keep(&a, call->call, &s->call.call) ||
	    !arena_keep(&a, call->from, &s->call.from) || !arena_keep(&a, call->to, &s->call.to) ||
	    !arena_keep(&a, call->node, &s->call.node) ||
	    !arena_keep(&a, call->carrier, &s->call.carrier) ||
	    !arena_keep(&a, call->counts, &s->call.counts))
		s->call.counts = (struct str){ 0 };
	s->end_us = call->end_us;
	s->step = cli_flag(s->cli, "timeline") ? TELL : DONE;
	if (s->cli->json)
		print_json(business, &call_shown_desc, call);
	s->events = (struct call_events){ .id = call->id, .limit = EVENTS };
}

static bool on_events(struct showing *s, const struct call_timeline *t)
{
	for (uint32_t i = 0; i < t->rows.n; i++) {
		const struct call_event *e = &t->rows.at[i];
		if (s->cli->json)
			print_event(e);
		else if (timeline_add(&s->timeline, e))
			return false;
		s->events.after_epoch = e->epoch;
		s->events.after_seq = e->seq;
	}
	if (t->rows.n < EVENTS)
		look_for_messages(s);
	return true;
}

static bool on_messages(struct showing *s, const struct wa_page *p)
{
	for (uint32_t i = 0; i < p->rows.n; i++) {
		const struct wa_item *row = &p->rows.at[i];
		if (row->body.len &&
		    timeline_message(&s->timeline, (uint64_t)row->t_us, row->from_me, row->body))
			return false;
	}
	s->step = DONE;
	return true;
}

static void head(const struct showing *s, const char *business)
{
	const struct call_shown *c = &s->call;
	char when[32], length[32];
	(void)printf("call %" PRIu64 " of %s, %s\n%s  %.*s → %.*s\n", c->id, business,
	             call_direction_enum.values[c->direction].name, local_text(c->start_us, when),
	             STR(c->from.len ? c->from : str_of("withheld")),
	             STR(c->to.len ? c->to : str_of("-")));
	if (c->state == CALL_STATE_ENDED)
		(void)printf("ended after %s: %s\n", length_text(c->start_us, c->end_us, length),
		             call_cause_enum.values[c->cause].doc);
	else
		(void)printf("%s for %s\n", call_state_enum.values[c->state].name,
		             length_text(c->start_us, 0, length));
	(void)printf("%.*s on %.*s%s%.*s", STR(c->call), STR(c->node),
	             c->carrier.len ? ", carrier: " : "", STR(c->carrier));
	if (c->lead)
		(void)printf(", lead %" PRIu64, c->lead);
	(void)printf("\n");
}

/* {"turns": 3, …} as "turns 3 · …", in lines that fit. */
static void counts(struct str json)
{
	struct json j;
	struct str key, value;
	uint32_t column = 0;
	json_init(&j, json, 0);
	for (bool more = json.len && json_object(&j); more && json_key(&j, &key);) {
		if (!json_raw(&j, &value))
			break;
		uint32_t need = key.len + value.len + 4;
		bool wrap = column && column + need > TIMELINE_COLUMNS;
		(void)printf("%s%.*s %.*s",
		             wrap     ? "\n"
		             : column ? " · "
		                      : "",
		             STR(key), STR(value));
		column = wrap ? need : column + need;
	}
	if (column)
		(void)printf("\n");
}

static bool on_answer(void *ctx, const struct each_business *b, const struct msg *m)
{
	struct showing *s = ctx;
	bool well = true;
	if (s->step == FIND)
		on_found(s, b->name, call_shown_of(m));
	else if (s->step == TELL)
		well = on_events(s, call_timeline_of(m));
	else
		well = on_messages(s, wa_page_of(m));
	if (!well)
		s->code = cli_fail(s->cli, EXIT_PROBLEM, "out of memory");
	if (well && s->step == DONE && !s->cli->json) {
		head(s, b->name);
		counts(s->call.counts);
	}
	return !well || s->step == DONE;
}

enum exit_code cmd_calls_show(struct cli *c)
{
	struct showing s = { .cli = c };
	struct buf out;
	enum exit_code code = each_id(c, c->args[0], "call", &s.show.id);
	struct each each = { c, next_show, on_answer, &s };
	code = code ? code : each_run(&each);
	code = code ? code : s.code;
	if (!code && s.step == FIND)
		code = cli_fail(c, EXIT_UNKNOWN, "there is no call %" PRIu64, s.show.id);
	if (!code && !c->json && cli_flag(c, "timeline")) {
		buf_init(&out, 16 << 20);
		timeline_write(&s.timeline, s.call.start_us, &out);
		(void)printf("\n%.*s", STR(buf_view(&out)));
		buf_done(&out);
	}
	timeline_done(&s.timeline);
	return code;
}

/* ---- hangup
 * -------------------------------------------------------------------------------------- */

struct ending {
	const struct cli *cli;
	struct call_end_order order;
	struct call_end end;
	char call[65];
	bool found, told;
	enum exit_code code;
};

static bool next_end(void *ctx, const struct each_business *b, struct client_turn *ret)
{
	struct ending *e = ctx;
	(void)b;
	if (e->found) {
		ret->to = (struct str){ 0 };
		ret->type = &call_end_desc;
		ret->body = &e->end;
		return true;
	}
	ret->ask = true;
	ret->type = &call_end_order_desc;
	ret->body = &e->order;
	return true;
}

static bool on_told(void *ctx, const struct each_business *b, const struct msg *m)
{
	struct ending *e = ctx;
	(void)b;
	if (e->found) {
		e->told = true;
		return true;
	}
	const struct call_end_ordered *s = call_end_ordered_of(m);
	e->found = true;
	str_keep(e->call, sizeof e->call, s->call);
	e->end = (struct call_end){ .call = str_of(e->call), .cause = CALL_CAUSE_OPERATOR };
	if (s->state < CALL_STATE_ENDED)
		return false;
	e->code = cli_fail(e->cli, EXIT_PROBLEM, "call %" PRIu64 " is over", s->id);
	return true;
}

enum exit_code cmd_calls_hangup(struct cli *c)
{
	struct ending e = { .cli = c };
	enum exit_code code = each_id(c, c->args[0], "call", &e.order.id);
	struct each each = { c, next_end, on_told, &e };
	code = code ? code : each_run(&each);
	code = code ? code : e.code;
	if (!code && !e.found)
		return cli_fail(c, EXIT_UNKNOWN, "there is no call %" PRIu64, e.order.id);
	if (!code)
		(void)printf(c->json ? "{\"id\":%" PRIu64 ",\"call\":\"%s\"}\n"
		                     : "call %" PRIu64 " (%s) is hanging up\n",
		             e.order.id, e.call);
	return code;
}
