/*
 * bench.c — rounds, medians, verdicts.
 */
#include "tools/bench/bench.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SHOWN(source)                                                                              \
	{                                                                                          \
		.of = source                                                                       \
	}
#define AT_LEAST(least, source)                                                                    \
	{                                                                                          \
		.of = source, .ratio = least                                                       \
	}
#define AT_MOST(most, source)                                                                      \
	{                                                                                          \
		.of = source, .ratio = most, .at_most = true                                       \
	}
#define ROW(name_, unit_, doc_, ours_, ...)                                                        \
	{ .name = name_, .unit = unit_, .doc = doc_, .ours = ours_, .beside = { __VA_ARGS__ } },

const struct bench_test bench_tests[] = {
#include "tools/bench/bench.def"
	{ 0 },
};

static double seconds_of(clockid_t clock)
{
	struct timespec t;
	(void)clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double bench_seconds(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double bench_cpu_seconds(void)
{
	return seconds_of(CLOCK_THREAD_CPUTIME_ID);
}

struct bench_result bench_constant(const struct bench_source *s, uint64_t count)
{
	(void)count;
	return (struct bench_result){ .figure = s->a };
}

/* ---- one run ------------------------------------------------------------------------------------
 */

/* In a child, which is given two minutes and ends with us. */
static struct bench_result run_apart(const struct bench_source *s, uint64_t count)
{
	enum { PATIENCE_S = 120 };
	struct bench_result r, failed = { .figure = NAN };
	int ends[2];
	if (pipe(ends))
		return failed;
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)alarm(PATIENCE_S);
		r = s->run(s, count);
		_exit(write(ends[1], &r, sizeof r) != sizeof r);
	}
	(void)close(ends[1]);
	bool told = pid > 0 && read(ends[0], &r, sizeof r) == sizeof r;
	(void)close(ends[0]);
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	return told ? r : failed;
}

static bool is_figure(double x)
{
	return !isnan(x) && x >= 0;
}

/* How much work fills a round. */
static uint64_t work_for(const struct bench_source *s, uint32_t round_ms)
{
	enum { FIRST = 1000, TRIES = 8, STEP = 10 };
	double round = round_ms / 1000.0;
	uint64_t count = FIRST;
	for (int i = 0; i < TRIES; i++, count *= STEP) {
		struct bench_result o = run_apart(s, count);
		if (!is_figure(o.figure))
			return count;
		if (o.seconds >= round)
			return count;
		if (o.seconds * STEP >= round)
			return (uint64_t)((double)count * round / o.seconds);
	}
	return count;
}

/* ---- all rounds of one test ---------------------------------------------------------------------
 */

struct series {
	const struct bench_source *source;
	uint64_t count; /* work of a round */
	uint32_t n;
	double figures[BENCH_ROUNDS_MOST];
	bool failed, absent;
};

static void series_init(struct series *s, const struct bench_source *source, uint32_t round_ms)
{
	*s = (struct series){ .source = source };
	s->count = source->work ? source->work : source->once ? 0 : work_for(source, round_ms);
}

static void series_round(struct series *s)
{
	if (s->failed || s->absent || (s->n && s->source->once))
		return;
	double figure = run_apart(s->source, s->count).figure;
	s->failed = isnan(figure);
	s->absent = figure < 0;
	if (is_figure(figure))
		s->figures[s->n++] = figure;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* 0 when there is none. */
static double median(struct series *s)
{
	if (s->failed || s->absent || !s->n)
		return 0;
	qsort(s->figures, s->n, sizeof *s->figures, by_size);
	return s->n % 2 ? s->figures[s->n / 2]
	                : (s->figures[s->n / 2 - 1] + s->figures[s->n / 2]) / 2;
}

static struct bench_beside compare(const struct bench_goal *g, struct series *s, double ours)
{
	struct bench_beside b = { .name = str_of(g->of.name),
		                  .figure = median(s),
		                  .goal = g->ratio,
		                  .at_most = g->at_most };
	b.ratio = b.figure > 0 ? ours / b.figure : 0;
	bool met = g->at_most ? b.ratio <= g->ratio : b.ratio >= g->ratio;
	if (s->absent)
		b.verdict = BENCH_VERDICT_ABSENT;
	else if (b.ratio <= 0)
		b.verdict = BENCH_VERDICT_FAILED;
	else if (g->ratio > 0)
		b.verdict = met ? BENCH_VERDICT_MET : BENCH_VERDICT_NOT_MET;
	return b;
}

void bench_measure(const struct bench_test *t, const struct bench_how *how, struct bench_row *ret,
                   struct bench_beside room[BENCH_BESIDE])
{
	static struct series series[1 + BENCH_BESIDE];
	uint32_t n = 0;
	series_init(&series[0], &t->ours, how->round_ms);
	while (n < BENCH_BESIDE && t->beside[n].of.run) {
		series_init(&series[n + 1], &t->beside[n].of, how->round_ms);
		n++;
	}
	for (uint32_t round = 0; round < how->rounds && round < BENCH_ROUNDS_MOST; round++)
		for (uint32_t i = 0; i <= n; i++)
			series_round(&series[i]);
	double ours = median(&series[0]);
	*ret = (struct bench_row){ .name = str_of(t->name),
		                   .doc = str_of(t->doc),
		                   .unit = str_of(t->unit),
		                   .figure = ours,
		                   .rounds = series[0].n };
	if (ours > 0) {
		ret->least = series[0].figures[0];
		ret->most = series[0].figures[series[0].n - 1];
	}
	for (uint32_t i = 0; i < n; i++)
		room[i] = compare(&t->beside[i], &series[i + 1], ours);
	ret->beside.at = room;
	ret->beside.n = n;
}
