/*
 * pg.h — what PostgreSQL can take by itself: rows committed per second by multi-row statements,
 * with nothing of ours between but the connection. The limit that ingest is measured against.
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>

struct bench_pg {
	const char *url;      /* of a login that may create a table; it is dropped afterwards */
	uint32_t connections; /* each with one statement under way */
	uint32_t rows;        /* of a statement, which is a transaction */
	uint32_t row_bytes;   /* of text in a row */
	uint32_t ms;          /* about how long */
};

/* ERR_UNAVAILABLE: no server, or it refused. */
MUST enum err bench_pg(const struct bench_pg *how, double *ret_rows_per_second);
