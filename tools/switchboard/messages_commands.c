/*
 * messages_commands.c — what is stored of a business's WhatsApp, and releasing what was hidden.
 *
 *     business's name ─▶ its id ─▶ wa.list, page by page
 *     every business in turn ─▶ wa.release, until one knows the row
 */
#include "proto/tenant.h"
#include "proto/wa.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/rows.h"
#include <stdlib.h>

enum { ANSWER_MS = 10000, PAGE = 100, BUSINESSES = 500 };

static void ask_store(struct client_turn *t, uint64_t business, const struct proto_desc *type,
                      const void *body)
{
	*t = (struct client_turn){ .to = str_of("store"),
		                   .type = type,
		                   .body = body,
		                   .ask = true,
		                   .within_ms = ANSWER_MS,
		                   .business = business };
}

/* ---- list
 * ------------------------------------------------------------------------------------------ */

struct messages {
	const struct cli *cli;
	uint64_t business; /* 0: not yet found */
	uint64_t left;     /* rows that may still be printed */
	struct tenant_business_find find;
	struct wa_list list;
	bool over;
	enum exit_code code;
};

static bool next_ask(void *ctx, struct client_turn *ret)
{
	struct messages *l = ctx;
	if (l->over)
		return false;
	l->list.limit = l->left < PAGE ? (uint32_t)l->left : PAGE;
	if (l->business)
		ask_store(ret, l->business, &wa_list_desc, &l->list);
	else
		ask_store(ret, 0, &tenant_business_find_desc, &l->find);
	return true;
}

static void on_items(struct messages *l, const struct wa_page *page)
{
	for (uint32_t i = 0; i < page->rows.n; i++) {
		const struct wa_item *row = &page->rows.at[i];
		rows_put(l->cli, &wa_item_desc, row);
		l->list.before_us = row->t_us;
		l->list.before_id = row->id;
	}
	l->left -= page->rows.n;
	l->over = page->rows.n < l->list.limit || !l->left;
}

static void on_answer(void *ctx, enum err e, const struct msg *m)
{
	struct messages *l = ctx;
	e = e ? e : msg_err(m);
	if (e == ERR_NOT_FOUND && !l->business)
		l->code = cli_fail(l->cli, EXIT_UNKNOWN, "there is no business \"%.*s\"",
		                   STR(l->find.name));
	else if (e)
		l->code = client_refused(l->cli, str_of("store"), ANSWER_MS, e);
	if (e)
		l->over = true;
	else if (l->business)
		on_items(l, wa_page_of(m));
	else
		l->business = tenant_business_of(m)->id;
}

enum exit_code cmd_messages_list(struct cli *c)
{
	struct messages l = { .cli = c, .left = (uint64_t)cli_number(c, "limit") };
	if (!cli_text(c, "business"))
		return cli_fail(c, EXIT_USAGE, "messages list needs --business NAME");
	l.find.name = str_of(cli_text(c, "business"));
	l.list = (struct wa_list){ .duplicates = cli_flag(c, "duplicates"),
		                   .chat = str_of(cli_text(c, "chat")) };
	enum exit_code code = client_run(c, &(struct client_talk){ next_ask, on_answer, &l });
	return code ? code : l.code;
}

/* ---- release
 * ----------------------------------------------------------------------------------------- */

struct release {
	const struct cli *cli;
	struct tenant_business_list list;
	struct wa_release ask;
	uint64_t businesses[BUSINESSES];
	uint32_t n, at; /* tried: those before `at` */
	bool listed, last_page, over;
	enum exit_code code;
};

static bool next_try(void *ctx, struct client_turn *ret)
{
	struct release *r = ctx;
	if (r->over)
		return false;
	if (r->at < r->n) {
		ask_store(ret, r->businesses[r->at], &wa_release_desc, &r->ask);
		ret->to = str_of("dedupe/0"); /* any partition: it tells those who react */
		return true;
	}
	if (r->last_page) {
		r->code = cli_fail(r->cli, EXIT_UNKNOWN, "no business has a message %llu",
		                   (unsigned long long)r->ask.id);
		return false;
	}
	r->listed = false;
	ask_store(ret, 0, &tenant_business_list_desc, &r->list);
	return true;
}

static void on_businesses(struct release *r, const struct tenant_businesses *b)
{
	r->n = r->at = 0;
	for (uint32_t i = 0; i < b->rows.n && i < BUSINESSES; i++)
		r->businesses[r->n++] = r->list.after = b->rows.at[i].id;
	r->listed = true;
	r->last_page = r->n < BUSINESSES;
}

static void on_released(struct release *r, const struct wa_released *a)
{
	r->over = true;
	if (r->cli->json)
		cli_print_json(&wa_released_desc, a);
	else
		(void)printf(a->fresh ? "message %llu is visible now\n"
		                      : "message %llu was visible already\n",
		             (unsigned long long)a->id);
}

static void on_tried(void *ctx, enum err e, const struct msg *m)
{
	struct release *r = ctx;
	e = e ? e : msg_err(m);
	if (e == ERR_NOT_FOUND && r->listed) {
		r->at++;
	} else if (e) {
		r->over = true;
		r->code = client_refused(r->cli, str_of("store"), ANSWER_MS, e);
	} else if (r->listed) {
		on_released(r, wa_released_of(m));
	} else {
		on_businesses(r, tenant_businesses_of(m));
	}
}

enum exit_code cmd_messages_release(struct cli *c)
{
	char *end;
	struct release r = { .cli = c, .list = { .limit = BUSINESSES } };
	r.ask.id = strtoull(c->args[0], &end, 10);
	if (c->args[0][0] < '1' || c->args[0][0] > '9' || *end)
		return cli_fail(c, EXIT_USAGE, "\"%s\" is no id of a message", c->args[0]);
	enum exit_code code = client_run(c, &(struct client_talk){ next_try, on_tried, &r });
	return code ? code : r.code;
}
