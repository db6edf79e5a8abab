/*
 * runs.h — what can be measured: one function for each kind of run, its numbers in bench.def.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct bench_source;

struct bench_result {
	double figure;  /* messages a second, us, bytes. NAN: it failed; BENCH_ABSENT: what it needs
	                 * is not installed */
	double seconds; /* that the measured part took; the rest was getting ready */
};
#define BENCH_ABSENT (-1.0)

/* Do `count` pieces of work. */
typedef struct bench_result bench_fn(const struct bench_source *s, uint64_t count);

struct bench_source {
	const char *name; /* as the table shows it */
	bench_fn *run;
	uint32_t a, b, c; /* what run makes of these stands beside it */
	const char *word;
	bool once;     /* one run is enough: it takes a median itself, or takes no chances */
	uint32_t work; /* of a round; 0: found out */
};

double bench_seconds(void);     /* on the wall */
double bench_cpu_seconds(void); /* of this thread: what else the machine does does not count */
static inline struct bench_result bench_rate(uint64_t done, double seconds)
{
	return (struct bench_result){ .figure = (double)done / seconds, .seconds = seconds };
}
bench_fn bench_constant; /* a goal in the unit itself: a */

enum bench_shape { PING_PONG, RING, FAN_IN, BIG, SPAWN };

/* bare.c: a is the shape, b the actors of a ring or of big, c the bytes carried: 0 or 200. */
bench_fn bench_bare;

/* node_bench.c, on a node as users run it: a and b the same, c the body: five fields with 136 bytes
 * of text in place of one number. */
enum bench_body { BODY_SMALL, BODY_USUAL };
bench_fn bench_node;
bench_fn bench_traced; /* ping-pong under a sampled trace */
/* Ping-pong, one message of `a` is encoded for a tap; 0: each is looked at and none is wanted. */
enum { BENCH_TAP_OFF = UINT32_MAX }; /* or it has come and gone */
bench_fn bench_tapped;
bench_fn bench_asks;             /* ask and answer, round trips */
bench_fn bench_supervised_spawn; /* a child begun and stopped */
bench_fn bench_actor_bytes;      /* memory of an idle actor, `a` of them alive, by the system */

/* bus_bench.c: between processes; a is the shape, b the transport. Trips in us: the median, or
 * under bulk the 99.9th of a hundred; the others in messages a second. */
enum bus_shape { BUS_ROUND_TRIP, BUS_ONE_WAY, BUS_UNDER_BULK, BUS_FAN_OUT };
enum bus_transport { BUS_IPC, BUS_CURVE };
bench_fn bench_bus;

/* peers.c: the word is a test of tests/bench/peers/actors.erl. */
bench_fn bench_erlang;
/* A test of tests/bench/peers/pubsub.c. */
bench_fn bench_redis, bench_nats;
/* A test of tests/bench/peers/zmq_raw.c and its transport, with a space between. */
bench_fn bench_zmq;

/* ingest_bench.c: a system of its own each; a messages a POST, b connections: rows a second, and of
 * one POST each, in ms, the 99th of a hundred. */
bench_fn bench_ingest, bench_ingest_p99;
/* The database alone: a rows a transaction, b connections. */
bench_fn bench_unnest;
