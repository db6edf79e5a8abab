/*
 * store_state.h — what the store actor knows, and how another set of statements gets an actor of
 * its own (the tests do).
 */
#pragma once
#include "actors/actor.h"
#include "persistence/unit.h"

enum { STORE_QUEUE_MOST = 1000000 }; /* of the setting `queue` */

/* Connections of one purpose, and who waits for them. */
struct store_lane {
	struct batch_queue queue;
	struct unit *units;
	uint32_t n;
};

struct store {
	const struct statement_set *set;
	struct loop *loop;
	struct loop_stage *stage;
	struct loop_timer *company; /* when writes that wait for each other have waited enough */
	struct actor_waker *waker;
	struct store_lane lanes[2]; /* writes, reads */
	struct batch_queue bad;     /* could not be bound; refused at the next wake */
	uint64_t seq, batches;
	uint32_t waiting, waiting_most; /* asks not yet answered, under way included */
	uint64_t waiting_bytes, bytes_most;
	uint32_t rows_most;
	uint64_t wait_us;
	bool event, told_up, told_down; /* a connection came or went; what the log said last */
	char down[256];
};

extern const struct actor_setting store_settings[];

/* start and stop of a kind whose state is a struct store *. */
enum err store_begin(struct actor *self, const struct statement_set *set);
enum err store_end(struct actor *self);
