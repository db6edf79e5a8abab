/*
 * alone.h — one node without a bus, under a clock that is a variable: what an actor's test needs.
 *
 *     struct alone *w = alone_new(kinds, seed);
 *     node_ask(w->node, "dedupe/3", 1000, on_answer, &seen, MSG(test_ping, .n = 1));
 *     alone_run(w, 5 * 1000);        // five seconds pass, in no time
 *     alone_free(&w);                // fails when a message block is left over
 */
#pragma once
#include "actors/node.h"

struct alone {
	struct node *node;
	uint64_t now_us, wall_us;
	uint64_t hash;          /* of every message handed to an actor, and of every log line */
	uint64_t blocks_before; /* message blocks alive before the node */
	uint32_t log_lines;
	uint32_t failed; /* calls of node_config.failed */
	char last_log[512];
	bool print; /* log lines and messages to stderr: set by ALONE_PRINT=1 in the environment */
};

struct alone *alone_new(const struct actor_kind *const *kinds, uint64_t seed);
/* With settings over the kinds' defaults; NULL: the default stands. */
typedef const char *alone_setting_fn(void *ctx, const char *kind, const char *name);
struct alone *alone_new_set(const struct actor_kind *const *kinds, uint64_t seed,
                            alone_setting_fn *setting);
/* For actors that hang on a loop: loop_sim.h. */
struct alone *alone_new_on(struct loop *loop, const struct actor_kind *const *kinds, uint64_t seed,
                           alone_setting_fn *setting);
void alone_free(struct alone **w);

/* Everything that can happen now happens; no time passes. */
void alone_settle(struct alone *w);
/* The same, and time passes, from timer to timer. */
void alone_run(struct alone *w, uint32_t ms);

/* The n-th seed's test, n from argv: PROGRAM [seeds [first]]. Prints the seed that fails. Each seed
 * runs twice, and its hash must be the same. Returns main's result. */
int alone_seeds(int argc, char **argv, const char *what, uint64_t (*run)(uint64_t seed));

/* In a simulation: as assert, naming the seed. */
void alone_check(bool holds, const char *what, const char *file, int line);
#define CHECK(x) alone_check(x, #x, __FILE__, __LINE__)
