/*
 * rows.c — a talk of as many asks as there are pages.
 */
#include "tools/switchboard/rows.h"
#include "proto/text.h"
#include <assert.h>

enum { ANSWER_MS = 10000 };

struct listing {
	const struct cli *cli;
	rows_next_fn *next;
	uint32_t page;
	uint64_t after;
	bool over;
	enum exit_code code;
};

void rows_put(const struct cli *c, const struct proto_desc *type, const void *row)
{
	struct buf b;
	if (c->json) {
		cli_print_json(type, row);
		return;
	}
	buf_init(&b, 1 << 20);
	text_put(&b, type, row, 0);
	(void)printf("%.*s\n", STR(buf_view(&b)));
	buf_done(&b);
}

static bool next_page(void *ctx, struct client_turn *ret)
{
	struct listing *l = ctx;
	struct rows_ask ask;
	if (l->over || !l->next(l->after, &ask))
		return false;
	*ret = (struct client_turn){ .to = str_of("store"),
		                     .type = ask.type,
		                     .body = ask.body,
		                     .ask = true,
		                     .within_ms = ANSWER_MS };
	return true;
}

static const struct proto_field *field_named(const struct proto_desc *d, const char *name)
{
	uint32_t i = 0;
	while (i < d->n_fields && strcmp(d->fields[i].name, name) != 0)
		i++;
	assert(i < d->n_fields); /* rows.h: the lists of our own schema have them */
	return &d->fields[i];
}

static void on_page(void *ctx, enum err e, const struct msg *m)
{
	struct listing *l = ctx;
	if (!e && m)
		e = msg_err(m);
	l->over = true;
	if (e || !m) {
		l->code = client_refused(l->cli, str_of("store"), ANSWER_MS, e);
		return;
	}
	const struct proto_field *rows = field_named(m->type, "rows");
	const struct proto_field *id = field_named(rows->of_record, "id");
	struct {
		const char *at;
		uint32_t n;
	} list;
	memcpy(&list, (const char *)msg_body(m) + rows->offset, sizeof list);
	for (uint32_t i = 0; i < list.n; i++) {
		const char *row = list.at + (size_t)i * rows->of_record->size;
		rows_put(l->cli, rows->of_record, row);
		memcpy(&l->after, row + id->offset, sizeof l->after);
	}
	l->over = list.n < l->page;
}

enum exit_code rows_print(const struct cli *c, rows_next_fn *next, uint32_t page)
{
	struct listing l = { .cli = c, .next = next, .page = page };
	enum exit_code code = client_run(c, &(struct client_talk){ next_page, on_page, &l });
	return code ? code : l.code;
}
