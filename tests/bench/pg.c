/*
 * The store actor with bulk asks of 100 rows, beside what PostgreSQL takes by itself, in turn on
 * one server whose commits reach the disk. Medians of the rounds.
 *
 *     build/tests/bench/bench_pg [ROUNDS [MS]]
 */
#include "tools/bench/pg.h"
#include "proto/stock.h"
#include "tests/unit/store_lab.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { ROWS = 100, ROW_BYTES = 600, ROUNDS_MOST = 31, IN_FLIGHT = 24 };

struct run {
	struct store_lab *lab;
	uint64_t next, rows, until_us;
	uint32_t business, in_flight;
	bool done;
};

static void on_answer(void *ctx, enum err e, const struct msg *m);

static void ask(struct run *r)
{
	static char keys[ROWS][24], note[ROW_BYTES - 24];
	struct stock_thing rows[ROWS];
	if (!note[0])
		memset(note, 'n', sizeof note);
	for (uint32_t i = 0; i < ROWS; i++) {
		uint64_t n = r->next++;
		snprintf(keys[i], sizeof keys[i], "key-%012llu", (unsigned long long)n);
		rows[i] = (struct stock_thing){ .key = str_of(keys[i]),
			                        .n = (int64_t)n,
			                        .note = str_n(note, sizeof note) };
	}
	r->in_flight++;
	store_lab_ask(r->lab, r->business, on_answer, r, MSG(stock_load, .rows = { rows, ROWS }));
}

static void on_answer(void *ctx, enum err e, const struct msg *m)
{
	struct run *r = ctx;
	r->in_flight--;
	if (e || stock_putted_of(m)->rows.n != ROWS)
		fail_msg("an ask failed: %s", err_info(e)->name);
	if (loop_now_us(r->lab->f->loop) < r->until_us) {
		r->rows += ROWS;
		ask(r);
	}
	r->done = !r->in_flight;
}

static double store_rate(struct store_lab *lab, const char *connections, const char *batch,
                         uint32_t ms)
{
	struct run r = { .lab = lab, .business = 1 };
	assert_int_equal(pg_query_script(lab->q, "truncate switchboard.thing", NULL), OK);
	store_lab_open(lab,
	               (const char *const[]){ "connections", connections, "rows", batch, NULL });
	assert_int_equal(store_lab_call(lab, 1, NULL, MSG(stock_add, .key = str_of("warm"))), OK);
	uint64_t from = loop_now_us(lab->f->loop);
	r.until_us = from + (uint64_t)ms * 1000;
	for (uint32_t i = 0; i < IN_FLIGHT; i++)
		ask(&r);
	assert_true(pg_fixture_until(lab->f, &r.done));
	double seconds = (double)(loop_now_us(lab->f->loop) - from) / 1e6;
	store_lab_close(lab);
	return (double)r.rows / seconds;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, int n)
{
	qsort(values, (size_t)n, sizeof *values, by_size);
	return values[n / 2];
}

int main(int argc, char **argv)
{
	struct store_lab *lab;
	int rounds = argc > 1 ? atoi(argv[1]) : 5;
	uint32_t ms = argc > 2 ? (uint32_t)atoi(argv[2]) : 1500;
	double limit[2][ROUNDS_MOST], ours[2][ROUNDS_MOST], plain[2][ROUNDS_MOST];
	if (rounds < 1 || rounds > ROUNDS_MOST)
		return 2;
	store_lab_up_synced((void **)&lab);
	for (int i = 0; i < rounds; i++)
		for (uint32_t c = 1; c <= 2; c++) {
			struct bench_pg how = { .url = cluster_admin_url(lab->f->cluster),
				                .connections = c,
				                .rows = ROWS,
				                .row_bytes = ROW_BYTES,
				                .ms = ms };
			assert_int_equal(bench_pg(&how, &limit[c - 1][i]), OK);
			ours[c - 1][i] = store_rate(lab, c == 1 ? "1" : "2", "1000", ms);
			plain[c - 1][i] = store_rate(lab, c == 1 ? "1" : "2", "100", ms);
		}
	printf("%-12s %13s %10s %6s %22s %6s\n", "connections", "unnest-100/s", "store/s", "ratio",
	       "store, 100 a commit/s", "ratio");
	for (int c = 0; c < 2; c++) {
		double l = median(limit[c], rounds), o = median(ours[c], rounds),
		       p = median(plain[c], rounds);
		printf("%-12d %13.0f %10.0f %6.2f %22.0f %6.2f\n", c + 1, l, o, o / l, p, p / l);
	}
	return store_lab_down((void **)&lab);
}
