/*
 * unit.h — one batch on one connection: a transaction sent in one piece, and what came of it.
 *
 *     begin │ set role, business, time │ statement … │ set … │ statement … │ commit │ sync
 *
 * Knows no actor: whoever owns it is woken, and looks.
 */
#pragma once
#include "persistence/batch.h"

struct unit {
	struct pg *pg;
	struct batch batch;
	struct pg_result *results[BATCH_STEPS]; /* one for each step, kept until the end */
	bool write;
	bool under_way;
	bool over;      /* it has ended: how, tells of it */
	bool committed; /* the server said so */
	bool in_commit; /* the failure came at the commit itself */
	uint64_t sent;  /* batches so far */
	struct pg_done how;
	char sqlstate[6], text[256];
	uint32_t statement_ms; /* for statements without a timeout */
	void (*wake)(void *ctx);
	void *ctx;
};

/* Send u->batch. Asks whose values cannot be bound go to `bad`, with err set. Anything but OK means
 * that nothing was or will be done; with OK and nothing under way, all of them were bad. */
MUST enum err unit_send(struct unit *u, uint64_t wall_us, struct batch_queue *bad);

/* The end is dealt with: the results go, and the next batch may come. The asks must be gone. */
void unit_clear(struct unit *u);
