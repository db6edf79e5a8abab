/*
 * pg_query.c — see pg_query.h.
 */
#include "tests/unit/pg_query.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct pg_query {
	struct pg_fixture *f;
	struct pg *pg;
	bool up, done, null;
	enum err e;
	uint16_t next;
	char text[8192];
};

static void on_event(void *ctx, enum pg_event event, const char *text)
{
	struct pg_query *q = ctx;
	q->up = event == PG_UP;
	snprintf(q->text, sizeof q->text, "%s", text);
}

static void on_result(void *ctx, uint32_t tag, struct pg_result *r)
{
	struct pg_query *q = ctx;
	(void)tag;
	struct pg_value v = pg_rows(r) ? pg_cell(r, 0, 0) : (struct pg_value){ "", 0 };
	q->null = !v.at;
	str_keep(q->text, sizeof q->text, str_n(v.at, v.len));
	pg_result_free(&r);
}

static void on_done(void *ctx, const struct pg_done *how)
{
	struct pg_query *q = ctx;
	q->done = true;
	q->e = how->e;
	if (how->e)
		snprintf(q->text, sizeof q->text, "%s", how->text);
}

struct pg_query *pg_query_new(struct pg_fixture *f, const char *url)
{
	struct pg_query *q = calloc(1, sizeof *q);
	struct pg_config config = { .url = url, .on = on_event, .ctx = q };
	q->f = f;
	assert_int_equal(pg_new(f->loop, &config, &q->pg), OK);
	if (!pg_fixture_until(f, &q->up))
		fail_msg("%s", q->text);
	return q;
}

void pg_query_free(struct pg_query **q)
{
	pg_free(&(*q)->pg);
	free(*q);
	*q = NULL;
}

enum err pg_query_script(struct pg_query *q, const char *sql, const char **ret_text)
{
	q->done = false;
	q->text[0] = '\0';
	if (!pg_idle(q->pg)) /* the server was restarted meanwhile */
		assert_true(pg_fixture_until(q->f, &q->up));
	assert_int_equal(pg_script(q->pg, sql, 20000, on_done, q), OK);
	assert_true(pg_fixture_until(q->f, &q->done));
	if (ret_text)
		*ret_text = q->text;
	return q->e;
}

const char *pg_query_text(struct pg_query *q, const char *sql)
{
	char name[16];
	snprintf(name, sizeof name, "q%u", q->next);
	struct pg_statement s = { .name = name, .sql = sql, .number = q->next++ };
	q->done = q->null = false;
	q->text[0] = '\0';
	if (!pg_idle(q->pg))
		assert_true(pg_fixture_until(q->f, &q->up));
	assert_int_equal(pg_step(q->pg, &s, NULL, 0), OK);
	assert_int_equal(pg_go(q->pg, 20000, on_result, on_done, q), OK);
	assert_true(pg_fixture_until(q->f, &q->done));
	if (q->e)
		fail_msg("%s: %s", sql, q->text);
	return q->null ? NULL : q->text;
}
