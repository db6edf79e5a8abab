/*
 * pg.h against a real server: units, errors, time limits, and connections cut at every byte.
 */
#include "persistence/pg.h"
#include "tests/unit/pg_fixture.h"
#include "tests/unit/pg_proxy.h"
#include <arpa/inet.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT = 25, INT4 = 23, INT8 = 20 };

#define STATEMENT(id, text, ...)                                                                   \
	{                                                                                          \
		.name = "test." text, .sql = text, .types = (const uint32_t[]){ __VA_ARGS__ },     \
		.n_types = sizeof((const uint32_t[]){ __VA_ARGS__ }) / sizeof(uint32_t),           \
		.number = id                                                                       \
	}

static const struct pg_statement begin = { .name = "begin", .sql = "begin", .number = 0 };
static const struct pg_statement commit = { .name = "commit", .sql = "commit", .number = 1 };
static const struct pg_statement put = STATEMENT(2, "insert into kv values ($1, $2)", INT4, TEXT);
static const struct pg_statement count = { .name = "count",
	                                   .sql = "select count(*) from kv",
	                                   .number = 3 };
static const struct pg_statement has = STATEMENT(7, "select count(*) from kv where k = $1", INT4);
static const struct pg_statement nap = { .name = "nap", .sql = "select pg_sleep(30)", .number = 4 };
static const struct pg_statement pid = { .name = "pid",
	                                 .sql = "select pg_backend_pid()::int8",
	                                 .number = 5 };
static const struct pg_statement clear = { .name = "clear", .sql = "delete from kv", .number = 6 };

struct seen {
	struct pg_fixture *f;
	struct pg *pg;
	bool up, down, said, done;
	int ups, downs, dones, results;
	struct pg_done how;
	char sqlstate[6], text[512];
	int64_t number; /* of the last result's first cell */
};

static void on_event(void *ctx, enum pg_event event, const char *text)
{
	struct seen *s = ctx;
	s->up = event == PG_UP;
	s->down = !s->up;
	s->said = true;
	s->ups += s->up;
	s->downs += s->down;
	if (s->down)
		snprintf(s->text, sizeof s->text, "%s", text);
}

static void on_result(void *ctx, uint32_t tag, struct pg_result *r)
{
	struct seen *s = ctx;
	(void)tag;
	s->results++;
	if (pg_rows(r) && pg_columns(r)) {
		struct pg_value v = pg_cell(r, 0, 0);
		if (v.at && v.len == 8) {
			uint64_t n;
			memcpy(&n, v.at, 8);
			s->number = (int64_t)be64toh(n);
		}
	}
	pg_result_free(&r);
}

static void on_done(void *ctx, const struct pg_done *how)
{
	struct seen *s = ctx;
	s->how = *how;
	snprintf(s->sqlstate, sizeof s->sqlstate, "%s", how->sqlstate);
	snprintf(s->text, sizeof s->text, "%s", how->text);
	s->done = true;
	s->dones++;
}

static void connect_to(struct seen *s, struct pg_fixture *f, const char *url)
{
	struct pg_config config = { .url = url, .on = on_event, .ctx = s, .statement_ms = 2000 };
	*s = (struct seen){ .f = f };
	assert_int_equal(pg_new(f->loop, &config, &s->pg), OK);
}

static void up(struct seen *s, struct pg_fixture *f)
{
	connect_to(s, f, cluster_admin_url(f->cluster));
	if (!pg_fixture_until(f, &s->up))
		fail_msg("%s", s->text);
}

static enum err run(struct seen *s)
{
	s->done = false;
	s->results = 0;
	enum err e = pg_go(s->pg, 5000, on_result, on_done, s);
	if (e)
		return e;
	assert_true(pg_fixture_until(s->f, &s->done));
	return s->how.e;
}

static enum err script(struct seen *s, const char *sql)
{
	s->done = false;
	assert_int_equal(pg_script(s->pg, sql, 5000, on_done, s), OK);
	assert_true(pg_fixture_until(s->f, &s->done));
	return s->how.e;
}

static enum err step_put(struct seen *s, int key, const char *text)
{
	uint32_t be = htonl((uint32_t)key);
	struct pg_value v[] = { { (char *)&be, 4 }, { text, text ? (uint32_t)strlen(text) : 0 } };
	return pg_step(s->pg, &put, v, (uint32_t)key);
}

static enum err step(struct seen *s, const struct pg_statement *statement)
{
	return pg_step(s->pg, statement, NULL, 1000u + statement->number);
}

static enum err put_txn(struct seen *s, int from, int n)
{
	enum err e = step(s, &begin);
	for (int i = from; !e && i < from + n; i++)
		e = step_put(s, i, "x");
	return e ? e : step(s, &commit);
}

static int64_t rows(struct seen *s)
{
	assert_int_equal(step(s, &count), OK);
	assert_int_equal(run(s), OK);
	return s->number;
}

static int up_with_table(void **state)
{
	struct seen s;
	int rc = pg_fixture_up(state);
	up(&s, *state);
	assert_int_equal(script(&s,
	                        "create schema switchboard; create table kv (k int primary key, v "
	                        "text not null)"),
	                 OK);
	pg_free(&s.pg);
	return rc;
}

static bool has_row(struct seen *s, int key)
{
	uint32_t be = htonl((uint32_t)key);
	assert_int_equal(pg_step(s->pg, &has, &(struct pg_value){ (char *)&be, 4 }, 0), OK);
	assert_int_equal(run(s), OK);
	return s->number == 1;
}

static void clean(struct seen *s)
{
	assert_int_equal(step(s, &clear), OK);
	assert_int_equal(run(s), OK);
}

static void unit_runs(void **state)
{
	struct seen s;
	up(&s, *state);
	assert_true(pg_idle(s.pg));
	assert_int_equal(put_txn(&s, 0, 100), OK);
	assert_false(pg_idle(s.pg));
	assert_int_equal(run(&s), OK);
	assert_true(pg_idle(s.pg));
	assert_int_equal(s.results, 102);
	assert_int_equal(rows(&s), 100);
	clean(&s);
	pg_free(&s.pg);
	assert_null(s.pg);
}

/* The guilty step is named, nothing of the unit stays, and the connection is idle again. */
static void failed_unit_is_rolled_back(void **state)
{
	struct seen s;
	up(&s, *state);
	assert_int_equal(step(&s, &begin), OK);
	for (int i = 0; i < 10; i++)
		assert_int_equal(step_put(&s, i, i == 7 ? NULL : "x"), OK); /* NOT NULL */
	assert_int_equal(step(&s, &commit), OK);
	assert_int_equal(run(&s), ERR_INVALID);
	assert_string_equal(s.sqlstate, "23502");
	assert_int_equal(s.how.tag, 7);
	assert_int_equal(s.how.effect, PG_ASK);
	assert_false(s.how.lost);
	assert_true(pg_idle(s.pg));
	assert_int_equal(rows(&s), 0);
	/* `commit` was prepared behind the failure: the server never saw it. */
	assert_int_equal(put_txn(&s, 0, 1), OK);
	assert_int_equal(run(&s), OK);
	assert_int_equal(step(&s, &begin), OK);
	assert_int_equal(step_put(&s, 0, "twin"), OK);
	assert_int_equal(run(&s), ERR_CONFLICT);
	clean(&s);
	pg_free(&s.pg);
}

static void statement_has_its_time(void **state)
{
	struct seen s;
	up(&s, *state);
	assert_int_equal(step(&s, &nap), OK);
	assert_int_equal(run(&s), ERR_TIMEOUT); /* the server's limit: 2 s */
	assert_string_equal(s.sqlstate, "57014");
	assert_true(pg_idle(s.pg));
	assert_int_equal(step(&s, &nap), OK);
	assert_int_equal(pg_go(s.pg, 200, on_result, on_done, &s), OK); /* ours */
	s.done = s.up = false;
	assert_true(pg_fixture_until(s.f, &s.done));
	assert_int_equal(s.how.e, ERR_UNAVAILABLE);
	assert_true(s.how.lost);
	assert_false(pg_idle(s.pg));
	assert_true(pg_fixture_until(s.f, &s.up));
	assert_int_equal(rows(&s), 0);
	pg_free(&s.pg);
}

static void killed_backend_is_replaced(void **state)
{
	struct seen s;
	up(&s, *state);
	assert_int_equal(step(&s, &pid), OK);
	assert_int_equal(run(&s), OK);
	int64_t was = s.number;
	assert_int_equal(step(&s, &nap), OK);
	assert_int_equal(pg_go(s.pg, 5000, on_result, on_done, &s), OK);
	s.done = s.up = false;
	kill((pid_t)was, SIGTERM); /* admin shutdown: it still says why */
	assert_true(pg_fixture_until(s.f, &s.done));
	assert_int_equal(s.how.e, ERR_UNAVAILABLE);
	assert_true(pg_fixture_until(s.f, &s.up));
	assert_int_equal(step(&s, &pid), OK);
	assert_int_equal(run(&s), OK);
	assert_int_not_equal(s.number, was);
	pg_free(&s.pg);
}

static void server_goes_and_comes(void **state)
{
	struct pg_fixture *f = *state;
	struct seen s;
	up(&s, f);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(put_txn(&s, i, 1), OK);
		assert_int_equal(run(&s), OK);
		assert_int_equal(step(&s, &nap), OK);
		assert_int_equal(pg_go(s.pg, 5000, on_result, on_done, &s), OK);
		s.done = s.up = s.down = false;
		pg_fixture_stop(f, i ? CLUSTER_IMMEDIATE : CLUSTER_FAST);
		assert_true(pg_fixture_until(f, &s.down));
		assert_true(s.done);
		assert_int_equal(s.how.e, ERR_UNAVAILABLE);
		assert_int_equal(step(&s, &count), ERR_UNAVAILABLE);
		pg_fixture_start(f);
		assert_true(pg_fixture_until(f, &s.up));
	}
	assert_int_equal(rows(&s), 2);
	clean(&s);
	pg_free(&s.pg);
}

static void hosts_are_tried_in_turn(void **state)
{
	struct pg_fixture *f = *state;
	struct seen s;
	char url[256];
	snprintf(url, sizeof url, "postgresql://postgres@/switchboard?host=/nowhere,%s/run",
	         f->folder);
	connect_to(&s, f, url);
	assert_true(pg_fixture_until(f, &s.up));
	pg_free(&s.pg);
	snprintf(url, sizeof url,
	         "postgresql://postgres@/switchboard?host=name.invalid,127.0.0.1,%s/"
	         "run&port=1,1,5432",
	         f->folder);
	connect_to(&s, f, url);
	assert_true(pg_fixture_until(f, &s.up));
	assert_true(s.downs < 3);
	pg_free(&s.pg);
}

static void bad_urls_are_told(void **state)
{
	struct pg_fixture *f = *state;
	struct seen s;
	struct pg *pg;
	struct pg_config config = { .url = "postgresql://a:b:c@x/y?nonsense=1" };
	char url[256];
	assert_int_equal(pg_new(f->loop, &config, &pg), ERR_INVALID);
	snprintf(url, sizeof url, "postgresql://stranger@/switchboard?host=%s/run", f->folder);
	connect_to(&s, f, url);
	assert_true(pg_fixture_until(f, &s.down));
	assert_non_null(strstr(s.text, "stranger"));
	pg_free(&s.pg);
}

/* Cut the stream after n bytes, either way, for every n: each unit has one end, what it says is
 * true, and the next connection works. */
static void cut_at_every_byte(void **state)
{
	struct pg_fixture *f = *state;
	struct seen truth, s;
	char url[256];
	int acknowledged = 0;
	struct pg_proxy *proxy = pg_proxy_new(f->loop, f->folder);
	snprintf(url, sizeof url, "postgresql://postgres@/switchboard?host=%s",
	         pg_proxy_folder(proxy));
	up(&truth, f);
	for (uint32_t n = 1; n < 1100; n += n < 400 ? 13 : 3) {
		pg_proxy_cut(proxy, n % 2 ? n : UINT32_MAX, n % 2 ? UINT32_MAX : n);
		connect_to(&s, f, url);
		assert_true(pg_fixture_until(f, &s.said));
		if (s.up && !put_txn(&s, (int)n, 1)) {
			enum err e = run(&s);
			assert_int_equal(s.dones, 1);
			if (!e) {
				assert_true(has_row(&truth, (int)n));
				acknowledged++;
			} else {
				assert_true(s.how.lost);
			}
		}
		pg_proxy_cut(proxy, UINT32_MAX, UINT32_MAX);
		s.up = pg_idle(s.pg);
		assert_true(pg_fixture_until(f, &s.up));
		pg_free(&s.pg);
	}
	int64_t unknown = rows(&truth) - acknowledged;
	print_message("acknowledged %d, committed but unanswered %d\n", acknowledged, (int)unknown);
	assert_true(acknowledged > 10);
	assert_true(unknown > 1);
	clean(&truth);
	pg_free(&truth.pg);
	pg_proxy_free(&proxy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unit_runs),
		cmocka_unit_test(failed_unit_is_rolled_back),
		cmocka_unit_test(statement_has_its_time),
		cmocka_unit_test(killed_backend_is_replaced),
		cmocka_unit_test(server_goes_and_comes),
		cmocka_unit_test(hosts_are_tried_in_turn),
		cmocka_unit_test(bad_urls_are_told),
		cmocka_unit_test(cut_at_every_byte),
	};
	return cmocka_run_group_tests_name("persistence pg", tests, up_with_table, pg_fixture_down);
}
