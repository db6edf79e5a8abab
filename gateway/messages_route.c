/*
 * messages_route.c — GET /api/whatsapp/messages: days of the business's zone become moments, a page
 * of the store becomes a page with a cursor.
 *
 *     from_date, to_date ──▶ zone of the business (cached) ──▶ wa.list ──▶ store
 *     cursor: 16 bytes as hex, event time and id of the last row; opaque to its holder, and of no
 * use beyond the business whose key reads it
 */
#include "gateway/inside.h"
#include "proto/date.h"
#include "proto/digest.h"
#include "proto/fill.h"
#include "proto/http.h"
#include "proto/tenant.h"
#include "proto/wa.h"
#include "proto/zone.h"
#include <stdlib.h>

enum { ZONES = 16, ZONE_US = 60000000, PAGE = 50, ROOM = 16 * 1024 };

struct zones {
	struct {
		uint64_t business, until_us;
		struct zone zone;
	} cells[ZONES];
};

struct asked {
	struct http_messages_ask ask;
	struct wa_list list;
	char room[ROOM];
};

static const char zones_owner;

/* ---- the cursor --------------------------------------------------------------------------------
 */

static enum err cursor_read(struct str text, struct wa_list *ret)
{
	uint64_t words[2];
	if (!text.len)
		return OK;
	enum err e = digest_unhex(text, words, sizeof words);
	if (e)
		return e;
	ret->before_us = (int64_t)be64toh(words[0]);
	ret->before_id = be64toh(words[1]);
	return OK;
}

static struct str cursor_write(const struct wa_item *last, char room[33])
{
	uint64_t words[2] = { htobe64((uint64_t)last->t_us), htobe64(last->id) };
	digest_hex(words, sizeof words, room);
	return str_n(room, 32);
}

/* ---- asking ------------------------------------------------------------------------------------
 */

static enum err on_page(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char room[33];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	const struct asked *a = x->state;
	const struct wa_page *page = wa_page_of(m);
	bool full = page->rows.n && page->rows.n >= a->list.limit;
	struct str next =
		full ? cursor_write(&page->rows.at[page->rows.n - 1], room) : (struct str){ 0 };
	struct http_messages reply = { .next_cursor = next };
	reply.messages.at = page->rows.at;
	reply.messages.n = page->rows.n;
	return exchange_reply(x, 200, &http_messages_desc, &reply);
}

static enum err ask_page(struct exchange *x, const struct zone *zone)
{
	struct asked *a = x->state;
	struct date_range range;
	char why[128], from[DATE_TEXT_MAX] = "-", to[DATE_TEXT_MAX] = "-";
	enum err e = date_read_range(a->ask.from_date, a->ask.to_date, zone, &range, why);
	if (e)
		return exchange_refuse(x, e, "%s", why);
	if (range.from_us != INT64_MIN)
		date_write(a->list.from_us = range.from_us, from);
	if (range.to_us != INT64_MAX)
		date_write(a->list.to_us = range.to_us, to);
	if (a->ask.from_date.len || a->ask.to_date.len)
		actor_log(exchange_actor(x), LOG_INFO,
		          "date_filter RAW from_date=%.*s to_date=%.*s PARSED from=%s to=%s",
		          STR(a->ask.from_date), STR(a->ask.to_date), from, to);
	return exchange_ask_to(x, TO("store"), on_page, 0, &wa_list_desc, &a->list);
}

/* ---- the zone ----------------------------------------------------------------------------------
 */

static struct zones *zones_of(struct exchange *x)
{
	return exchange_shared(x, &zones_owner, sizeof(struct zones), NULL);
}

static enum err on_business(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char name[65];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	struct zones *z = zones_of(x);
	uint64_t business = exchange_business(x), at = business % ZONES;
	str_keep(name, sizeof name, tenant_business_of(m)->timezone);
	z->cells[at].business = 0;
	if (zone_load(&z->cells[at].zone, name))
		return exchange_refuse(x, ERR_UNAVAILABLE, "the time zone %s cannot be read", name);
	z->cells[at].business = business;
	z->cells[at].until_us = actor_now_us(self) + ZONE_US;
	enum err e = ask_page(x, &z->cells[at].zone);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

static enum err with_zone(struct exchange *x)
{
	struct zones *z = zones_of(x);
	uint64_t business = exchange_business(x), at = business % ZONES;
	if (!z)
		return ERR_MEMORY;
	if (z->cells[at].business == business &&
	    z->cells[at].until_us > actor_now_us(exchange_actor(x)))
		return ask_page(x, &z->cells[at].zone);
	return exchange_ask(x, "store", on_business, 0, MSG(tenant_business_find, .id = business));
}

enum err messages_route(struct exchange *x)
{
	struct asked *a = exchange_state(x, sizeof *a);
	struct json_error error;
	char why[128];
	if (!a)
		return ERR_MEMORY;
	struct arena arena = ARENA_OVER(a->room);
	enum err e = fill_from_query(&http_messages_ask_desc, x->visit.request->head.query,
	                             JSON_REQUEST, &arena, &a->ask, &error);
	if (e)
		return exchange_problem(x, &(struct problem){ .err = e, .field = &error });
	a->list = (struct wa_list){ .duplicates = a->ask.duplicates,
		                    .chat = a->ask.chat,
		                    .limit = a->ask.limit ? a->ask.limit : PAGE };
	if (cursor_read(a->ask.cursor, &a->list))
		return exchange_refuse(x, ERR_INVALID, "the cursor is none of ours");
	if (!a->ask.from_date.len && !a->ask.to_date.len)
		return ask_page(x, NULL);
	/* What is wrong with a date is so in every zone: said before the store is asked. */
	struct date_range range;
	e = date_read_range(a->ask.from_date, a->ask.to_date, NULL, &range, why);
	return e ? exchange_refuse(x, e, "%s", why) : with_zone(x);
}
