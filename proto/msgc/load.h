/*
 * load.h — message types from a schema file while a program runs: the tables that msgc writes as C,
 * made in memory.
 *
 * So switchboard's own commands speak the messages of programs they were not compiled with.
 */
#pragma once
#include "proto/desc.h"
#include "proto/msgc/schema.h"

/* The tables of a checked schema's message or record. They live in the schema's memory. A reply
 * that the registry knows is the registry's. */
const struct proto_desc *schema_desc(struct schema *s, const struct decl *d);

/* Read files or folders, and add what is not yet known to the registry (proto_add), for good.
 * False: what is wrong stands on `complaints`, and nothing was added. */
bool schema_load(const char *const *paths, uint32_t n, FILE *complaints);
