/*
 * rows.h — long lists: asked for page by page, printed row by row.
 */
#pragma once
#include "tools/switchboard/client.h"

struct rows_ask {
	const struct proto_desc
		*type;    /* its reply has one list of records, `rows`, with an id each */
	const void *body; /* lives until the next call */
};

/* The ask for the page behind this id, 0 for the first. */
typedef bool rows_next_fn(uint64_t after, struct rows_ask *ret);

/* Print all pages, of `page` rows each: with --json one object a line, else a line of text form. */
enum exit_code rows_print(const struct cli *c, rows_next_fn *next, uint32_t page);

/* Print one row. */
void rows_put(const struct cli *c, const struct proto_desc *type, const void *row);
