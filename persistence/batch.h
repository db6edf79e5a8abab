/*
 * batch.h — what of the waiting asks goes down together, and in which order. Pure: no connection,
 * no clock, no actor.
 *
 *     queue:  a1 b1 a2 c1 a3 …        a: one bulk statement, b and c others; of businesses 7 and 8
 *     batch:  7:{a1+a3} 7:{b1} 8:{a2} 8:{c1}
 *
 * Steps go by business, so that it is set once for each, and then in the order their first asks
 * came.
 */
#pragma once
#include "persistence/statement.h"
#include "proto/msg.h"

enum { BATCH_STEPS = 256, BATCH_ASKER = 160 /* an actor's name, cut, and its node's */ };

struct batch_ask {
	struct batch_ask *next;
	const struct msg *m;
	const struct statement *s;
	uint64_t seq;      /* order of arrival */
	uint64_t since_us; /* when it came; monotonic */
	uint32_t rows;     /* that it brings to a bulk statement */
	uint8_t tries;     /* batches it was in that came to nothing */
	bool alone;        /* runs in a batch of its own: it may be the one that fails others */
	enum err err;      /* why it is refused, once it is */
	char asker[BATCH_ASKER]; /* its name, where the statement wants it */
};

/* First in, first out; in order of seq. */
struct batch_queue {
	struct batch_ask *first, *last;
	uint32_t n;
	uint64_t bytes; /* of the messages */
};

void batch_push(struct batch_queue *q, struct batch_ask *a);
struct batch_ask *batch_pop(struct batch_queue *q); /* NULL when empty */
/* Put all of `from` into `q` where they belong by seq; from is empty then. */
void batch_merge(struct batch_queue *q, struct batch_queue *from);

struct batch_step {
	const struct statement *s;
	uint64_t business;
	struct batch_queue asks; /* more than one: merged */
	uint32_t rows;
	uint16_t order;
};

struct batch {
	struct batch_step steps[BATCH_STEPS];
	uint32_t n; /* steps */
	uint32_t asks;
	uint32_t rows; /* an ask without bulk counts for one */
};

struct batch_limits {
	uint32_t asks, rows;
	uint64_t bytes;
};

/* Take from the queue what goes down next: at least one ask if there is one. */
void batch_plan(struct batch *b, struct batch_queue *q, const struct batch_limits *most);
/* All of them again, in order of seq; b is empty then. */
void batch_release(struct batch *b, struct batch_queue *ret);
