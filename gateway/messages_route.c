/*
 * messages_route.c — GET /api/whatsapp/messages: a page of the store becomes a page with a cursor.
 */
#include "gateway/cursor.h"
#include "gateway/days.h"
#include "gateway/inside.h"
#include "proto/fill.h"
#include "proto/http.h"
#include "proto/wa.h"

enum { PAGE = 50, ROOM = 16 * 1024 };

struct asked {
	struct days days;
	struct http_messages_ask ask;
	struct wa_list list;
	char room[ROOM];
};

static enum err on_page(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[CURSOR_TEXT];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	const struct asked *a = x->state;
	const struct wa_page *page = wa_page_of(m);
	struct http_messages reply = { 0 };
	reply.messages.at = page->rows.at;
	reply.messages.n = page->rows.n;
	if (page->rows.n && page->rows.n >= a->list.limit) {
		const struct wa_item *last = &page->rows.at[page->rows.n - 1];
		reply.next_cursor =
			cursor_write((struct cursor){ (uint64_t)last->t_us, last->id }, room);
	}
	return exchange_reply(x, 200, &http_messages_desc, &reply);
}

static enum err ask_page(struct exchange *x, const struct date_range *range)
{
	struct asked *a = x->state;
	if (range->from_us != INT64_MIN)
		a->list.from_us = range->from_us;
	if (range->to_us != INT64_MAX)
		a->list.to_us = range->to_us;
	return exchange_ask_to(x, TO("store"), on_page, 0, &wa_list_desc, &a->list);
}

enum err messages_route(struct exchange *x)
{
	struct asked *a = exchange_state(x, sizeof *a);
	struct json_error error;
	struct cursor at = { 0 };
	if (!a)
		return ERR_MEMORY;
	struct arena arena = ARENA_OVER(a->room);
	enum err e = fill_from_query(&http_messages_ask_desc, x->visit.request->head.query,
	                             JSON_REQUEST, &arena, &a->ask, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	if (cursor_read(a->ask.cursor, &at))
		return exchange_refuse(x, ERR_INVALID, "the cursor is none of ours");
	a->list = (struct wa_list){ .duplicates = a->ask.duplicates,
		                    .chat = a->ask.chat,
		                    .limit = a->ask.limit ? a->ask.limit : PAGE,
		                    .before_us = (int64_t)at.a,
		                    .before_id = at.b };
	a->days = (struct days){ a->ask.from_date, a->ask.to_date, ask_page };
	return days_ask(x, &a->days);
}
