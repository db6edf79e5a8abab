/*
 * bench.h — figures beside their limits: each test of bench.def is measured in turn with what it is
 * held against, in the same run, and medians are compared.
 *
 *     round 1:  ours, C loop, Erlang        each in a process of its own, so that no test finds the
 *     round 2:  ours, C loop                memory, the pages or the sockets of another; a peer
 * that …                                     takes its own median runs once
 *
 * A run is a function of how much work to do; the driver finds out how much fills a round.
 */
#pragma once
#include "proto/bench.h"
#include "tools/bench/runs.h"

struct bench_goal {
	struct bench_source of; /* run NULL ends a list */
	double ratio;           /* ours by its; 0: only shown */
	bool at_most;           /* the greatest ratio, not the least */
};

enum { BENCH_BESIDE = 5, BENCH_ROUNDS_MOST = 31 };

struct bench_test {
	const char *name, *unit, *doc;
	struct bench_source ours;
	struct bench_goal beside[BENCH_BESIDE]; /* ends with { 0 } */
};

extern const struct bench_test bench_tests[]; /* bench.def; ends with { 0 } */

struct bench_how {
	uint32_t rounds, round_ms;
};

/* Measure one test. The row's views point into the test and into `room`. */
void bench_measure(const struct bench_test *t, const struct bench_how *how, struct bench_row *ret,
                   struct bench_beside room[BENCH_BESIDE]);
