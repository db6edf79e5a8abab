/*
 * inproc.h — messages within one node, each test beside its physical limit in the same run: a bare
 * loop in C with an intrusive mailbox per actor and nothing else (bare.c).
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct bench_row {
	const char *name, *what; /* "ping-pong small"; what is counted: "messages/s" */
	double ours, bare,
		goal;    /* medians of the rounds; goal: the least ours / bare, 0 for none */
	double carrying; /* bare, carrying the same bytes; 0: not measured */
	bool less;       /* less is better: goal is then the most `ours` itself */
};

struct bench_how {
	uint32_t rounds;   /* of each test, in turn with its bare twin; medians are reported */
	uint32_t round_ms; /* about how long one takes */
	const char *only;  /* tests whose name holds this; NULL: all */
};

enum { BENCH_ROWS = 24 };

/* Runs all tests; returns the number of rows. Progress goes to `progress` unless NULL. */
uint32_t bench_inproc(const struct bench_how *how, struct bench_row rows[BENCH_ROWS],
                      FILE *progress);

void bench_table(FILE *out, const struct bench_row *rows, uint32_t n);
void bench_json(FILE *out, const struct bench_row *rows, uint32_t n); /* one object */

/* One test: messages, or whatever it counts, and the seconds they took. */
struct bench_run {
	double count, seconds;
};
enum bench_shape { PING_PONG, RING, FAN_IN, BIG, SPAWN };

/* bare.c; `bytes` carried by each message: 0 or 200. actors: of a ring or of big. */
struct bench_run bench_bare(enum bench_shape shape, uint32_t actors, uint32_t bytes,
                            uint64_t count);
/* node_bench.c; usual: five fields with 136 bytes of text in place of one number. */
enum bench_body { BODY_SMALL, BODY_USUAL };
struct bench_run bench_node(enum bench_shape shape, uint32_t actors, enum bench_body body,
                            uint64_t count);
struct bench_run bench_asks(uint64_t count);             /* ask and answer, round trips */
struct bench_run bench_supervised_spawn(uint64_t count); /* a child begun and stopped */
struct bench_run bench_traced(uint64_t count);           /* ping-pong under a sampled trace */
double bench_actor_bytes(uint32_t actors); /* of memory per idle actor, by the system */
double bench_seconds(void);
