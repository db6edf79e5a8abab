/*
 * calls_bench.h — switchboard bench calls: the same load of phone calls held by us and by other
 * bridges, one after the other in one run, the server on one core, load and AI on the other.
 *
 *     load calls ─▶ ours | bare epoll bridge in C | Node ws | FastAPI ─▶ sim realtime
 *       steps of more and more calls, until frames are lost or p99 is 60 ms
 *
 * Everything runs in processes of this binary and of tests/bench/peers, and in a folder that is
 * removed.
 */
#pragma once
#include "proto/err.h"
#include <stdbool.h>
#include <stdint.h>

enum { CALLS_STEPS = 8, CALLS_SERVERS = 4, CALLS_GOALS = 24 };

struct calls_how {
	uint32_t seconds; /* of each step */
	uint32_t steps[CALLS_STEPS], n_steps;
	int server_core, load_core;
};

/* What load calls said of one step; calls 0: it was not run. */
struct calls_step {
	uint32_t calls;
	bool exact;
	char why[96];
	uint64_t lost;
	double p50_ms, p99_ms, p999_ms, worst_ms, late_p99_ms;
	double cpu, cores, kb; /* s per call-minute; kB per call */
};

struct calls_server {
	const char *name;
	bool absent; /* what it needs is not installed; or, of ours, not built yet */
	char why[96];
	uint32_t most; /* calls of the last step without loss and with p99 below 60 ms */
	struct calls_step steps[CALLS_STEPS];
	double ghost_least_s, ghost_most_s; /* ours alone; 0: not measured */
	double slow_ratio; /* p99 of the others with 10 % slow readers by without */
};

struct calls_goal {
	char what[64];
	double figure, goal;
	bool at_most, measured;
};

struct calls_figures {
	struct calls_server servers[CALLS_SERVERS]; /* ours first */
	uint32_t n_servers;
	struct calls_goal goals[CALLS_GOALS];
	uint32_t n_goals;
};

/* `only`: a glob over the servers' names; NULL: all. `step` is told each step as it ends. */
void bench_calls(const struct calls_how *how, const char *only,
                 void (*step)(void *ctx, const struct calls_server *s, const struct calls_step *t),
                 void *ctx, struct calls_figures *ret);
