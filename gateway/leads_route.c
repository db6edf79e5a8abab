/*
 * leads_route.c — GET /api/leads: who called, or was called, a page at a time, the newest first.
 */
#include "gateway/cursor.h"
#include "gateway/inside.h"
#include "proto/fill.h"
#include "proto/http.h"

enum { PAGE = 50, ROOM = 1024 };

struct asked {
	struct http_leads_ask ask;
	uint32_t limit;
	char room[ROOM];
};

static enum err on_leads(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[CURSOR_TEXT];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	const struct asked *a = x->state;
	const struct call_leads *page = call_leads_of(m);
	struct http_leads reply = { 0 };
	reply.leads.at = page->rows.at;
	reply.leads.n = page->rows.n;
	if (page->rows.n && page->rows.n >= a->limit)
		reply.next_cursor = cursor_write(
			(struct cursor){ page->rows.at[page->rows.n - 1].lead, 0 }, room);
	return exchange_reply(x, 200, &http_leads_desc, &reply);
}

enum err leads_route(struct exchange *x)
{
	struct asked *a = exchange_state(x, sizeof *a);
	struct json_error error;
	struct cursor at = { 0 };
	if (!a)
		return ERR_MEMORY;
	struct arena arena = ARENA_OVER(a->room);
	enum err e = fill_from_query(&http_leads_ask_desc, x->visit.request->head.query,
	                             JSON_REQUEST, &arena, &a->ask, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	if (cursor_read(a->ask.cursor, &at))
		return exchange_refuse(x, ERR_INVALID, "the cursor is none of ours");
	a->limit = a->ask.limit ? a->ask.limit : PAGE;
	return exchange_ask(
		x, "store", on_leads, 0,
		MSG(call_lead_list, .before = at.a, .limit = a->limit, .number = a->ask.number));
}
