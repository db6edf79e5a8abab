/*
 * fill.h — a message filled from what a request brings: parts of its path, its query, its JSON
 * body.
 *
 *     /api/runs/{run_id}?from_date=…      {"limit":5}
 *          fill_param ──┐ fill_query ─┐ ┌─ fill_json
 *                       └─▶ struct of the message's table ──▶ fill_end: is all of it there?
 *
 * In a query a field goes by its own name, by that in camelCase, or by its JSON name; a list by its
 * name repeated. An empty value is an absent optional field. A field given twice must be given the
 * same value; in a path or query and again in the body it is refused. Errors: those of json.h; the
 * pointer names the parameter as the caller wrote it.
 */
#pragma once
#include "proto/json.h"

struct fill {
	const struct proto_desc *type;
	void *body; /* type->size bytes, aligned to 8 */
	struct arena *arena;
	unsigned flags; /* enum json_flags: JSON_REQUEST for our own API */
	uint64_t given; /* one bit per field */
};

void fill_init(struct fill *f, const struct proto_desc *type, unsigned flags, struct arena *a,
               void *body);

/* `value` is decoded already. ERR_INVALID when the table has no such field: our own mistake. */
MUST enum err fill_param(struct fill *f, const char *name, struct str value,
                         struct json_error *ret_error);
MUST enum err fill_query(struct fill *f, struct str raw, struct json_error *ret_error);
MUST enum err fill_json(struct fill *f, struct str doc, struct json_error *ret_error);
MUST enum err fill_end(struct fill *f, struct json_error *ret_error); /* ERR_MISSING */

/* A query alone. On failure the struct is zero. */
MUST enum err fill_from_query(const struct proto_desc *type, struct str raw, unsigned flags,
                              struct arena *a, void *ret, struct json_error *ret_error);
