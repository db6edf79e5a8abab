/*
 * sqlc.h — the statement compiler: *.sql in, a table in C out. Runs at build time only.
 */
#pragma once
#include "persistence/statement.h"
#include <stdio.h>

enum { SQLC_PARAMS = 64, SQLC_FILE_MAX = 256 << 10 };

/* One statement file, read. */
struct sqlc_statement {
	const char *path;
	struct statement s; /* params and pg.types point into this struct, pg.sql is owned */
	struct statement_param params[SQLC_PARAMS];
	uint32_t types[SQLC_PARAMS];
	char symbol[128]; /* "lease_take" */
};

/* One schema file. */
struct sqlc_schema {
	const char *path;
	struct migration m;
};

/* Both print "path:line: what is wrong" to stderr and return false. */
bool sqlc_read_statement(const char *path, struct sqlc_statement *ret);
bool sqlc_read_schema(const char *path, struct sqlc_schema *ret);

/* The set `<name>_statements`. */
void sqlc_emit(FILE *out, const char *name, const struct sqlc_statement *statements, size_t n,
               const struct sqlc_schema *schemas, size_t n_schemas);
/* What an actor that answers them takes and sends: `<name>_takes`, `<name>_sends`. */
void sqlc_emit_takes(FILE *out, const char *name, const struct sqlc_statement *statements,
                     size_t n);
