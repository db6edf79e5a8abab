/*
 * alone.c — one node, a fake clock, and a hash of all that happened.
 */
#include "tests/sim/alone.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t seed_now;

void alone_check(bool holds, const char *what, const char *file, int line)
{
	if (holds)
		return;
	fprintf(stderr, "%s:%d: seed %llu: does not hold: %s\n", file, line,
	        (unsigned long long)seed_now, what);
	abort();
}

static void mix(struct alone *w, const void *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		w->hash = (w->hash ^ ((const unsigned char *)at)[i]) * 0x100000001b3u; /* FNV-1a */
}

static void on_log(void *ctx, enum actor_level level, struct str line)
{
	struct alone *w = ctx;
	(void)level;
	mix(w, line.at, line.len);
	w->log_lines++;
	str_keep(w->last_log, sizeof w->last_log, line);
	if (w->print)
		fprintf(stderr, "%.*s\n", STR(line));
}

static void on_failed(void *ctx, const struct actor_kind *kind, struct str name, enum err why)
{
	struct alone *w = ctx;
	(void)kind, (void)name, (void)why;
	w->failed++;
}

static uint32_t on_message(void *ctx, const struct msg *m, struct str from, struct str to)
{
	struct alone *w = ctx;
	mix(w, &w->now_us, sizeof w->now_us);
	mix(w, m->type->full, strlen(m->type->full));
	mix(w, &m->id, sizeof m->id);
	mix(w, &m->re, sizeof m->re);
	mix(w, &m->err, sizeof m->err);
	mix(w, &m->trace.span, sizeof m->trace.span);
	mix(w, from.at, from.len);
	mix(w, to.at, to.len);
	if (w->print)
		fprintf(stderr, "%10llu %.*s > %.*s  %s #%llu re %llu %s\n",
		        (unsigned long long)w->now_us, STR(from), STR(to), m->type->full,
		        (unsigned long long)m->id, (unsigned long long)m->re,
		        m->err ? err_info(msg_err(m))->name : "");
	return 0;
}

struct alone *alone_new(const struct actor_kind *const *kinds, uint64_t seed)
{
	return alone_new_set(kinds, seed, NULL);
}

struct alone *alone_new_set(const struct actor_kind *const *kinds, uint64_t seed,
                            alone_setting_fn *setting)
{
	return alone_new_on(NULL, kinds, seed, setting);
}

struct alone *alone_new_on(struct loop *loop, const struct actor_kind *const *kinds, uint64_t seed,
                           alone_setting_fn *setting)
{
	struct alone *w = calloc(1, sizeof *w);
	if (!w)
		abort();
	const char *print = getenv("ALONE_PRINT");
	w->now_us = 1000000000;
	w->wall_us = 1767225600000000; /* 2026-01-01 */
	w->hash = 0xcbf29ce484222325u;
	w->print = print && print[0] == '1';
	w->blocks_before = msg_stats().blocks;
	enum err e = node_new(&(struct node_config){ .name = "alone",
	                                             .epoch = 1,
	                                             .seed = seed,
	                                             .kinds = kinds,
	                                             .now_us = w->now_us,
	                                             .wall_us = w->wall_us,
	                                             .log = on_log,
	                                             .failed = on_failed,
	                                             .log_level = LOG_DEBUG,
	                                             .setting = setting,
	                                             .loop = loop,
	                                             .ctx = w },
	                      &w->node);
	if (e) {
		fprintf(stderr, "alone: node: %s\n", err_info(e)->name);
		abort();
	}
	node_tap(w->node, on_message, w);
	return w;
}

void alone_free(struct alone **ret)
{
	struct alone *w = *ret;
	*ret = NULL;
	node_free(&w->node);
	alone_check(msg_stats().blocks == w->blocks_before, "no message block is left", __FILE__,
	            __LINE__);
	free(w);
}

void alone_settle(struct alone *w)
{
	for (uint32_t turns = 0; node_turn(w->node, w->now_us, w->wall_us + w->now_us); turns++)
		alone_check(turns < 100000, "the actors come to rest", __FILE__, __LINE__);
}

void alone_run(struct alone *w, uint32_t ms)
{
	uint64_t until = w->now_us + ms * 1000ull;
	alone_settle(w);
	for (;;) {
		uint64_t next = node_next_us(w->node);
		if (next > until)
			break;
		if (next > w->now_us)
			w->now_us = next;
		alone_settle(w);
	}
	w->now_us = until;
	alone_settle(w);
}

int alone_seeds(int argc, char **argv, const char *what, uint64_t (*run)(uint64_t seed))
{
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 200;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	for (uint64_t s = first; s < first + n; s++) {
		seed_now = s;
		uint64_t once = run(s), again = run(s);
		alone_check(once == again, "the same seed is the same run", __FILE__, __LINE__);
	}
	printf("%s: %llu seeds from %llu\n", what, (unsigned long long)n,
	       (unsigned long long)first);
	return 0;
}
