/*
 * pg_query.h — one question at a time to the test's PostgreSQL, as its superuser.
 */
#pragma once
#include "persistence/pg.h"
#include "tests/unit/pg_fixture.h"

struct pg_query;

struct pg_query *pg_query_new(struct pg_fixture *f, const char *url);
void pg_query_free(struct pg_query **q);

/* Many statements; what the server said is in *ret_text (may be NULL) until the next call. */
enum err pg_query_script(struct pg_query *q, const char *sql, const char **ret_text);
/* The first cell of a select, which must be text; "" for no row, NULL for NULL. Until the next
 * call. */
const char *pg_query_text(struct pg_query *q, const char *sql);
