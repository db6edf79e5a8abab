/*
 * each.c — each.h.
 */
#include "tools/switchboard/each.h"
#include "proto/tenant.h"
#include <stdlib.h>

enum { PAGE = 500, ANSWER_MS = 10000, NAME = 200 };

struct walk {
	const struct each *each;
	struct tenant_business_list list;
	struct tenant_business_find find;
	struct {
		uint64_t id;
		char name[NAME + 1];
	} names[PAGE];
	uint32_t n, at;
	bool asked, last, over; /* asked: a page of businesses; last: there is no other */
	struct str to;          /* of the question under way */
	enum exit_code code;
};

static struct each_business business_of(const struct walk *w)
{
	return (struct each_business){ w->names[w->at].id, w->names[w->at].name };
}

static void ask_names(struct walk *w, struct client_turn *ret)
{
	*ret = (struct client_turn){ .ask = true, .type = &tenant_business_list_desc };
	ret->body = &w->list;
	if (w->find.name.len) {
		ret->type = &tenant_business_find_desc;
		ret->body = &w->find;
	}
	w->asked = true;
}

static bool next_turn(void *ctx, struct client_turn *ret)
{
	struct walk *w = ctx;
	for (; !w->over && w->at < w->n; w->at++) {
		struct each_business b = business_of(w);
		*ret = (struct client_turn){ .to = str_of("store"), .business = b.id };
		if (!w->each->next(w->each->ctx, &b, ret))
			continue;
		ret->within_ms = ANSWER_MS;
		w->to = ret->to;
		return true;
	}
	if (w->over || w->last)
		return false;
	ask_names(w, ret);
	w->to = ret->to = str_of("store");
	ret->within_ms = ANSWER_MS;
	return true;
}

static void keep(struct walk *w, uint64_t id, struct str name)
{
	w->names[w->n].id = id;
	str_keep(w->names[w->n++].name, NAME + 1, name);
}

static void on_names(struct walk *w, enum err e, const struct msg *m)
{
	w->asked = false;
	w->n = w->at = 0;
	w->last = true;
	if (e == ERR_NOT_FOUND && w->find.name.len) {
		w->code = cli_fail(w->each->cli, EXIT_UNKNOWN, "there is no business \"%.*s\"",
		                   STR(w->find.name));
	} else if (e) {
		w->code = client_refused(w->each->cli, w->to, ANSWER_MS, e);
	} else if (w->find.name.len) {
		keep(w, tenant_business_of(m)->id, tenant_business_of(m)->name);
	} else {
		const struct tenant_businesses *b = tenant_businesses_of(m);
		for (uint32_t i = 0; i < b->rows.n && i < PAGE; i++)
			keep(w, w->list.after = b->rows.at[i].id, b->rows.at[i].name);
		w->last = w->n < PAGE;
	}
}

static void on_ended(void *ctx, enum err e, const struct msg *m)
{
	struct walk *w = ctx;
	if (!e && m)
		e = msg_err(m);
	if (w->asked) {
		on_names(w, e, m);
		return;
	}
	struct each_business b = business_of(w);
	if (e == ERR_NOT_FOUND) {
		w->at++;
	} else if (e) {
		w->over = true;
		w->code = client_refused(w->each->cli, w->to, ANSWER_MS, e);
	} else if (w->each->answer(w->each->ctx, &b, m)) {
		w->over = true;
	}
}

enum exit_code each_run(const struct each *each)
{
	const char *name = cli_text(each->cli, "business");
	struct walk *w = calloc(1, sizeof *w);
	if (!w)
		return cli_fail(each->cli, EXIT_PROBLEM, "out of memory");
	w->each = each;
	w->list.limit = PAGE;
	w->find.name = str_of(name);
	struct client_talk talk = { next_turn, on_ended, w };
	enum exit_code code = client_run(each->cli, &talk);
	code = code ? code : w->code;
	free(w);
	return code;
}

enum exit_code each_id(const struct cli *c, const char *text, const char *what, uint64_t *ret)
{
	char *end;
	*ret = strtoull(text, &end, 10);
	if (*text < '1' || *text > '9' || *end)
		return cli_fail(c, EXIT_USAGE, "\"%s\" is no id of a %s", text, what);
	return EXIT_DONE;
}
