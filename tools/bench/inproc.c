/*
 * inproc.c — the table of tests within one node, run in turn with their bare twins; medians.
 */
#include "tools/bench/inproc.h"
#include <stdlib.h>
#include <string.h>

struct spec {
	const char *name;
	enum bench_shape shape;
	uint32_t actors;
	enum bench_body body;
	double goal; /* facts of shared measurement: 0.40 of the bare loop, with the same bytes for
	                usual */
};

static const struct spec specs[] = {
	{ "ping-pong small", PING_PONG, 2, BODY_SMALL, 0.40 },
	{ "ping-pong usual", PING_PONG, 2, BODY_USUAL, 0.40 },
	{ "ring of 100 small", RING, 100, BODY_SMALL, 0.40 },
	{ "ring of 100 usual", RING, 100, BODY_USUAL, 0.40 },
	{ "ring of 10000 small", RING, 10000, BODY_SMALL, 0.40 },
	{ "fan-in 8 to 1, bound 1000, small", FAN_IN, 0, BODY_SMALL, 0.40 },
	{ "fan-in 8 to 1, bound 1000, usual", FAN_IN, 0, BODY_USUAL, 0.40 },
	{ "big, 120 actors, small", BIG, 120, BODY_SMALL, 0.40 },
	{ "big, 120 actors, usual", BIG, 120, BODY_USUAL, 0.40 },
	{ "spawn by name, one message, stop", SPAWN, 0, BODY_SMALL, 0.40 },
};

enum { MOST_ROUNDS = 31 };

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, uint32_t n)
{
	qsort(values, n, sizeof *values, by_size);
	return n % 2 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

static double rate(struct bench_run r)
{
	return r.seconds > 0 ? r.count / r.seconds : 0;
}

/* How many make a round of about that long, from a first short run. */
static uint64_t count_for(struct bench_run first, uint32_t ms)
{
	double n = rate(first) * ms / 1000;
	return n < 1000 ? 1000 : (uint64_t)n;
}

static void measure(const struct spec *s, const struct bench_how *how, struct bench_row *row)
{
	double ours[MOST_ROUNDS], bare[MOST_ROUNDS], carrying[MOST_ROUNDS];
	uint32_t rounds = how->rounds < MOST_ROUNDS ? how->rounds : MOST_ROUNDS;
	uint64_t mine = count_for(bench_node(s->shape, s->actors, s->body, 100000), how->round_ms);
	uint64_t theirs = count_for(bench_bare(s->shape, s->actors, 0, 100000), how->round_ms);
	for (uint32_t i = 0; i < rounds; i++) {
		bare[i] = rate(bench_bare(s->shape, s->actors, 0, theirs));
		carrying[i] = s->body == BODY_USUAL
		                      ? rate(bench_bare(s->shape, s->actors, 200, theirs))
		                      : 0;
		ours[i] = rate(bench_node(s->shape, s->actors, s->body, mine));
	}
	*row = (struct bench_row){ .name = s->name,
		                   .what = "messages/s",
		                   .ours = median(ours, rounds),
		                   .bare = median(bare, rounds),
		                   .goal = s->goal };
	row->carrying = median(carrying, rounds);
}

typedef struct bench_run alone_fn(uint64_t count);

static void measure_alone(const char *name, const char *what, alone_fn *run,
                          const struct bench_how *how, struct bench_row *row)
{
	double ours[MOST_ROUNDS];
	uint32_t rounds = how->rounds < MOST_ROUNDS ? how->rounds : MOST_ROUNDS;
	uint64_t count = count_for(run(20000), how->round_ms);
	for (uint32_t i = 0; i < rounds; i++)
		ours[i] = rate(run(count));
	*row = (struct bench_row){ .name = name, .what = what, .ours = median(ours, rounds) };
}

static bool wanted(const struct bench_how *how, const char *name)
{
	return !how->only || strstr(name, how->only);
}

uint32_t bench_inproc(const struct bench_how *how, struct bench_row rows[BENCH_ROWS],
                      FILE *progress)
{
	static const struct {
		const char *name, *what;
		alone_fn *run;
	} alone[] = {
		{ "ping-pong small, traced", "messages/s", bench_traced },
		{ "ask and answer", "round trips/s", bench_asks },
		{ "supervised spawn, stop", "children/s", bench_supervised_spawn },
	};
	uint32_t n = 0;
	if (wanted(how, "memory")) /* first: pages that others have freed would hide in it */
		rows[n++] = (struct bench_row){ .name = "memory of an idle actor, a million alive",
			                        .what = "bytes",
			                        .ours = bench_actor_bytes(1000000),
			                        .goal = 300,
			                        .less = true };
	for (uint32_t i = 0; i < sizeof specs / sizeof *specs; i++) {
		if (!wanted(how, specs[i].name))
			continue;
		measure(&specs[i], how, &rows[n++]);
		if (progress)
			fprintf(progress, "%s\n", specs[i].name);
	}
	for (uint32_t i = 0; i < sizeof alone / sizeof *alone; i++)
		if (wanted(how, alone[i].name))
			measure_alone(alone[i].name, alone[i].what, alone[i].run, how, &rows[n++]);
	return n;
}

/* ---- showing
 * ---------------------------------------------------------------------------------------- */

static double ratio(const struct bench_row *r)
{
	double limit = r->carrying > 0 ? r->carrying : r->bare;
	return limit > 0 ? r->ours / limit : 0;
}

static const char *verdict(const struct bench_row *r)
{
	if (r->goal <= 0)
		return "";
	bool met = r->less ? r->ours <= r->goal : ratio(r) >= r->goal;
	return met ? "met" : "MISSED";
}

static void number(char out[32], double x, bool millions)
{
	if (x <= 0)
		snprintf(out, 32, "-");
	else
		snprintf(out, 32, millions ? "%.1f M" : "%.0f", millions ? x / 1e6 : x);
}

void bench_table(FILE *out, const struct bench_row *rows, uint32_t n)
{
	fprintf(out, "%-42s %-14s %10s %10s %10s %6s %6s\n", "test", "what", "ours", "C loop",
	        "+200 bytes", "ratio", "goal");
	for (uint32_t i = 0; i < n; i++) {
		const struct bench_row *r = &rows[i];
		char ours[32], bare[32], carrying[32], share[32] = "-", goal[32] = "";
		number(ours, r->ours, !r->less);
		number(bare, r->bare, true);
		number(carrying, r->carrying, true);
		if (ratio(r) > 0)
			snprintf(share, sizeof share, "%.2f", ratio(r));
		if (r->goal > 0)
			snprintf(goal, sizeof goal, r->less ? "<=%.0f" : ">=%.2f", r->goal);
		fprintf(out, "%-42s %-14s %10s %10s %10s %6s %6s %s\n", r->name, r->what, ours,
		        bare, carrying, share, goal, verdict(r));
	}
}

void bench_json(FILE *out, const struct bench_row *rows, uint32_t n)
{
	fprintf(out, "{\"bench\":\"inproc\",\"rows\":[");
	for (uint32_t i = 0; i < n; i++) {
		const struct bench_row *r = &rows[i];
		fprintf(out,
		        "%s{\"test\":\"%s\",\"what\":\"%s\",\"ours\":%.0f,\"bare\":%.0f,"
		        "\"carrying\":%.0f,"
		        "\"ratio\":%.3f,\"goal\":%.2f,\"verdict\":\"%s\"}",
		        i ? "," : "", r->name, r->what, r->ours, r->bare, r->carrying, ratio(r),
		        r->goal, verdict(r));
	}
	fprintf(out, "]}\n");
}
