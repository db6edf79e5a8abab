/*
 * pg.h — one connection to PostgreSQL that mends itself. The only door to libpq.
 *
 * Everything happens on the loop. Work goes down in *units*: steps are added, then pg_go() sends
 * them in one piece (pipeline mode); one unit is under way at a time. A unit has exactly one end.
 *
 *     pg_step … pg_step ─ pg_go ──▶ on_result per step ──▶ on_done      then idle again, or down
 *
 * A connection that is lost, refuses its work or overruns its time is dropped and made anew, with
 * growing pauses. Binary values both ways; bind.h speaks them.
 */
#pragma once
#include "bus/loop.h"
#include "proto/str.h"

struct pg;
struct pg_result; /* one step's rows */

enum {
	PG_STATEMENTS = 1024, /* distinct statements on one connection */
	PG_STEPS = 2048,      /* in one unit */
};

/* Prepared on a connection when first used there. Read-only; outlives every connection. */
struct pg_statement {
	const char *name, *sql; /* $1 … $n; the name is unique */
	const uint32_t *types;  /* OIDs of the parameters */
	uint16_t n_types;
	uint16_t number; /* unique on its connections, below PG_STATEMENTS */
};

/* One value in PostgreSQL's binary form; at NULL is NULL, so that an empty text has an address. */
struct pg_value {
	const char *at;
	uint32_t len;
};

/* What SQLSTATE means to whoever sent the unit: sqlstate.def. */
enum pg_effect {
	PG_ASK,   /* the statement, or what was asked, is at fault */
	PG_AGAIN, /* chance: the same unit may succeed at once */
	PG_DROP,  /* this connection is of no more use */
};

enum err pg_meaning(const char *sqlstate, enum pg_effect *ret);

/* How a unit ended. */
struct pg_done {
	enum err e; /* OK: every step succeeded */
	enum pg_effect effect;
	bool lost;    /* the connection went: nobody knows whether a commit in it happened */
	uint32_t tag; /* of the first step that failed */
	const char *sqlstate; /* five characters, or empty */
	const char *text;     /* the server's or libpq's words; for the log, never for a peer */
};

typedef void pg_result_fn(void *ctx, uint32_t tag, struct pg_result *r); /* r is the callee's */
typedef void pg_done_fn(void *ctx, const struct pg_done *how);

enum pg_event { PG_UP, PG_DOWN };
typedef void pg_event_fn(void *ctx, enum pg_event event, const char *text);

struct pg_config {
	const char *url;  /* postgresql://… or keyword=value …; several hosts may stand in it */
	const char *role; /* taken at the start of the session; NULL: as whom one logs in */
	const char *name; /* application_name */
	uint32_t connect_ms;   /* one attempt at the most; 0: 3,000 */
	uint32_t statement_ms; /* the server ends a statement after this; 0: 5,000 */
	pg_event_fn *on;       /* PG_DOWN also for each attempt that failed */
	void *ctx;
};

/* Begins to connect. ERR_INVALID: the url is not one. The config's strings are copied. */
MUST enum err pg_new(struct loop *l, const struct pg_config *config, struct pg **ret);
void pg_free(struct pg **pg); /* not from its callbacks; a unit under way gets no end; NULLs *pg */

bool pg_idle(const struct pg *pg); /* up, and no unit is being built or under way */

/* Add a step. What it points to may go after the call. Any error here or in pg_go() means that
 * nothing of the unit was or will be done, and the connection was dropped. */
MUST enum err pg_step(struct pg *pg, const struct pg_statement *s, const struct pg_value *values,
                      uint32_t tag);
/* Add a step that only tells of which types a statement's parameters and columns are. */
MUST enum err pg_describe(struct pg *pg, const struct pg_statement *s, uint32_t tag);
/* Send the unit. After within_ms the connection is dropped, for what hangs must not hang us. A unit
 * that failed inside a transaction is rolled back before on_done. */
MUST enum err pg_go(struct pg *pg, uint32_t within_ms, pg_result_fn *on_result, pg_done_fn *on_done,
                    void *ctx);
/* Give up a unit that is being built: the connection is dropped. Nothing when none is. */
void pg_abandon(struct pg *pg);
/* A unit by itself: many statements in one text, without parameters. For schema files alone. */
MUST enum err pg_script(struct pg *pg, const char *sql, uint32_t within_ms, pg_done_fn *on_done,
                        void *ctx);

uint32_t pg_rows(const struct pg_result *r);
uint32_t pg_columns(const struct pg_result *r);
const char *pg_column(const struct pg_result *r, uint32_t column);   /* its name */
uint32_t pg_column_type(const struct pg_result *r, uint32_t column); /* its OID */
uint32_t pg_params(const struct pg_result *r);                       /* of pg_describe() */
uint32_t pg_param_type(const struct pg_result *r, uint32_t param);
struct pg_value pg_cell(const struct pg_result *r, uint32_t row, uint32_t column);
const char *pg_command(const struct pg_result *r); /* "COMMIT", "UPDATE 1" */
void pg_result_free(struct pg_result **r);
