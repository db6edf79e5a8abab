/*
 * store_pg.h — persistence/pg.h without a PostgreSQL: connections that fail as connections do, over
 * one table that knows what was really committed.
 *
 *     pg_go ─▶ (work) ─▶ executed at one instant, committed or not ─▶ (results, piece by piece) ─▶
 * end │                  │                                      │ └── lost           └── refused:
 * chance, or its own fault  └── lost: who knows?
 *
 * It understands the statements stock.add, stock.put, stock.find, stock.fail, and refuses to be
 * spoken to in a way that PostgreSQL or pg.h would not have: see the CHECKs.
 */
#pragma once
#include "persistence/pg.h"
#include "tests/sim/alone.h"

enum { STORE_PG_ROWS = 8192, STORE_PG_KEY = 40, STORE_PG_EPOCH = 7 };

struct store_pg_row {
	char key[STORE_PG_KEY + 1];
	uint64_t business, id;
	int64_t n;
};

struct store_pg {
	/* Knobs: one unit in so many; 0: never. */
	uint32_t lose_before, lose_between, lose_after, hang; /* nobody is told what was done */
	uint32_t serial, time_limit, no_space, end_session;   /* the server says that nothing was */
	uint32_t roll_back; /* COMMIT is answered, but with ROLLBACK */
	uint32_t refuse_step, refuse_connect;
	uint32_t work_ms, late_ms; /* at the most: until executed; until each further result */
	uint32_t rows_most;        /* what a transaction may bring; CHECKed */

	/* The truth. */
	struct store_pg_row rows[STORE_PG_ROWS];
	uint32_t n;

	uint64_t units, commits, unknown, chances;
	uint64_t hash;
	uint32_t connections, results; /* alive */
	bool away;
};

extern struct store_pg store_pg;

void store_pg_reset(uint64_t seed);
/* What was cut off from its connection and not yet carried out never is. */
void store_pg_end(void);
/* The server goes, and all connections with it; or it is back. */
void store_pg_away(bool away);
/* NULL: no such row has been committed. */
const struct store_pg_row *store_pg_find(uint64_t business, const char *key);
