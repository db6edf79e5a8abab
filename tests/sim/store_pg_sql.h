/*
 * store_pg_sql.h — what store_pg.c's server does with a unit: for that file alone.
 */
#pragma once
#include "persistence/pg.h"

struct store_pg_step {
	const struct pg_statement *s;
	struct pg_value *values; /* one block with their bytes */
	uint32_t tag;
};

struct store_pg_unit {
	struct store_pg_step *steps;
	struct pg_result **results; /* of the first steps; NULL: handed over */
	uint32_t n, room;
	const char *sqlstate; /* NULL: all went well */
	uint32_t failed;      /* the step that did not */
};

void store_pg_unit_add(struct store_pg_unit *u, const struct pg_statement *s,
                       const struct pg_value *values, uint32_t tag);
void store_pg_unit_done(struct store_pg_unit *u);
/* It begins, sets role and business before each statement, and commits at its end. */
void store_pg_unit_check(const struct store_pg_unit *u);
/* At one instant. Step `fail_at` fails by `chance`; without `commits` nothing of it stays. */
void store_pg_execute(struct store_pg_unit *u, uint32_t fail_at, const char *chance, bool commits);
/* The same, and COMMIT is answered with ROLLBACK. */
void store_pg_roll_back(struct store_pg_unit *u);
