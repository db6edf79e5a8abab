/*
 * pg.c — the limit of pg.h: insert … select from unnest, a durable commit each, prepared, binary.
 */
#include "tools/bench/pg.h"
#include "persistence/pg.h"
#include <arpa/inet.h>
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

enum { CONNECTIONS = 16, TEXT = 25, INT8 = 20, INT8S = 1016, TEXTS = 1009 };

struct lane {
	struct bench *bench;
	struct pg *pg;
	char *keys, *texts; /* binary arrays, built once; the numbers within keys change */
	size_t keys_len, texts_len;
};

struct bench {
	const struct bench_pg *how;
	struct loop *loop;
	struct lane lanes[CONNECTIONS];
	uint32_t up, n_lanes;
	uint64_t next_key, rows, from_us, until_us;
	enum err e;
};

static const char make_sql[] =
	"create schema if not exists switchboard;"
	"drop table if exists bench_limit;"
	"create table bench_limit (business_id bigint, key bigint, body text,"
	" primary key (business_id, key))";
static const char drop_sql[] = "drop table bench_limit";
static const struct pg_statement insert = {
	.name = "bench.insert",
	.sql = "insert into bench_limit select 1, * from unnest($1, $2) on conflict do nothing",
	.types = (const uint32_t[]){ INT8S, TEXTS },
	.n_types = 2,
	.number = 0
};

/* PostgreSQL's binary array of n items of len bytes each. */
static char *array_of(uint32_t oid, uint32_t n, uint32_t len, size_t *ret_len)
{
	uint32_t head[] = { htonl(1), 0, htonl(oid), htonl(n), htonl(1) }, be = htonl(len);
	*ret_len = sizeof head + (size_t)n * (4 + len);
	char *at = malloc(*ret_len);
	if (!at)
		return NULL;
	memcpy(at, head, sizeof head);
	for (uint32_t i = 0; i < n; i++) {
		char *item = at + sizeof head + (size_t)i * (4 + len);
		memcpy(item, &be, 4);
		for (uint32_t c = 0; c < len; c++)
			item[4 + c] = (char)('a' + (i * 7 + c * 13) % 26);
	}
	return at;
}

static void end(struct bench *b, enum err e)
{
	if (!b->e)
		b->e = e;
	loop_stop(b->loop);
}

static void on_done(void *ctx, const struct pg_done *how);

static void send_rows(struct lane *l)
{
	struct bench *b = l->bench;
	for (uint32_t i = 0; i < b->how->rows; i++) {
		uint64_t be = htobe64(b->next_key++);
		memcpy(l->keys + 20 + (size_t)i * 12 + 4, &be, 8);
	}
	struct pg_value values[] = { { l->keys, (uint32_t)l->keys_len },
		                     { l->texts, (uint32_t)l->texts_len } };
	enum err e = pg_step(l->pg, &insert, values, 0);
	if (!e)
		e = pg_go(l->pg, 60000, NULL, on_done, l);
	if (e)
		end(b, e);
}

static void on_done(void *ctx, const struct pg_done *how)
{
	struct lane *l = ctx;
	struct bench *b = l->bench;
	uint64_t now = loop_now_us(b->loop);
	if (how->e) {
		end(b, how->e);
	} else if (now < b->until_us) {
		b->rows += b->how->rows;
		send_rows(l);
	} else {
		end(b, OK); /* what is still under way is not counted */
	}
}

static void on_made(void *ctx, const struct pg_done *how)
{
	struct bench *b = ctx;
	if (how->e) {
		fprintf(stderr, "%s\n", how->text);
		end(b, how->e);
		return;
	}
	b->from_us = loop_now_us(b->loop);
	b->until_us = b->from_us + (uint64_t)b->how->ms * 1000;
	for (uint32_t i = 0; i < b->n_lanes; i++)
		send_rows(&b->lanes[i]);
}

static void on_event(void *ctx, enum pg_event event, const char *text)
{
	struct lane *l = ctx;
	struct bench *b = l->bench;
	if (event == PG_DOWN) {
		fprintf(stderr, "%s\n", text);
		end(b, ERR_UNAVAILABLE);
	} else if (++b->up == b->n_lanes &&
	           pg_script(b->lanes[0].pg, make_sql, 10000, on_made, b)) {
		end(b, ERR_UNAVAILABLE);
	}
}

static enum err lane_open(struct bench *b, struct lane *l)
{
	struct pg_config config = { .url = b->how->url, .name = "bench", .on = on_event, .ctx = l };
	l->bench = b;
	l->keys = array_of(INT8, b->how->rows, 8, &l->keys_len);
	l->texts = array_of(TEXT, b->how->rows, b->how->row_bytes, &l->texts_len);
	if (!l->keys || !l->texts)
		return ERR_MEMORY;
	return pg_new(b->loop, &config, &l->pg);
}

static void on_dropped(void *ctx, const struct pg_done *how)
{
	struct bench *b = ctx;
	(void)how;
	loop_stop(b->loop);
}

/* What other lanes have under way goes with their connections; then the table goes. */
static void clean_up(struct bench *b)
{
	for (uint32_t i = 1; i < b->n_lanes; i++)
		pg_free(&b->lanes[i].pg);
	if (b->lanes[0].pg && pg_idle(b->lanes[0].pg) &&
	    !pg_script(b->lanes[0].pg, drop_sql, 60000, on_dropped, b))
		loop_run(b->loop);
	for (uint32_t i = 0; i < b->n_lanes; i++) {
		pg_free(&b->lanes[i].pg);
		free(b->lanes[i].keys);
		free(b->lanes[i].texts);
	}
}

enum err bench_pg(const struct bench_pg *how, double *ret_rows_per_second)
{
	struct bench b = { .how = how };
	if (!how->connections || how->connections > CONNECTIONS)
		return ERR_RANGE;
	enum err e = loop_new(&b.loop);
	if (e)
		return e;
	for (; !e && b.n_lanes < how->connections; b.n_lanes++)
		e = lane_open(&b, &b.lanes[b.n_lanes]);
	if (!e) {
		loop_run(b.loop);
		e = b.e;
	}
	double seconds = (double)(loop_now_us(b.loop) - b.from_us) / 1e6;
	clean_up(&b);
	loop_free(&b.loop);
	if (!e)
		*ret_rows_per_second = (double)b.rows / seconds;
	return e;
}
