/*
 * bind.h — between messages and PostgreSQL's binary values, by the tables of both: parameters out
 * of asks, replies out of rows. Knows no connection.
 */
#pragma once
#include "persistence/statement.h"
#include "proto/arena.h"
#include "proto/msg.h"

enum { BIND_PARAMS = 64, BIND_COLUMNS = 64 };

/* ---- asks to parameters
 * --------------------------------------------------------------------------- */

struct bind_params {
	struct pg_value values[BIND_PARAMS]; /* point into the asks, or into bytes */
	char *bytes;
};

/* Of one ask, or of several that a bulk statement takes together. `asker` has its name, if the
 * statement wants it, and lives as long as the parameters. ERR_RANGE: a number that
 * PostgreSQL cannot hold; ERR_MALFORMED: JSON that is none; ERR_TOO_LARGE: above a quarter of what
 * it takes in one piece; ERR_MEMORY.
 */
MUST enum err bind_params(const struct statement *s, const struct msg *const *asks, uint32_t n,
                          const char *asker, uint64_t now_us, struct bind_params *ret);
void bind_params_done(struct bind_params *p);

/* Rows that an ask brings to its bulk statement; 0 for a statement without bulk. */
uint32_t bind_bulk_rows(const struct statement *s, const struct msg *ask);

/* ---- rows to replies
 * ------------------------------------------------------------------------------- */

enum bind_to { TO_FIELD, TO_MEMBER, TO_ORD, TO_ERR };

struct bind_column {
	const struct proto_field *f; /* of the reply or of its list's record; NULL otherwise */
	enum bind_to to;
	enum sql_type type;
	bool array;
};

/* A result whose columns are understood. */
struct bind_rows {
	const struct statement *s;
	const struct pg_result *r;
	const struct proto_field *list; /* of the reply; NULL: it takes one row */
	const struct proto_field *ord;  /* of the list's record; NULL: it does not want it */
	uint32_t n_columns;
	struct bind_column columns[BIND_COLUMNS];
	char text[160]; /* what is wrong, when something is */
};

/* ERR_STORAGE: a column that is no field, or of another type, or one is missing. */
MUST enum err bind_rows(struct bind_rows *b, const struct statement *s, const struct pg_result *r);

/* ret_row[i] becomes the row that says whose it is by its column ord = i, -1 for none.
 * ERR_STORAGE: no such column, or an ord that is out of range or comes twice. */
MUST enum err bind_deal(struct bind_rows *b, uint32_t n, int32_t *ret_row);

/* How much arena bind_reply() needs for these rows, the body included. */
size_t bind_room(const struct bind_rows *b, const int32_t *rows, uint32_t n);

/* The reply for an ask whose rows these are (-1: skipped); the i-th is the ask's row i. Its body is
 * in the arena, its views in the result. The error that the rows say (column err), the statement's
 * `none` when there is none, or ERR_STORAGE for values that the reply cannot hold. */
MUST enum err bind_reply(struct bind_rows *b, const int32_t *rows, uint32_t n, struct arena *a,
                         void **ret_body);
