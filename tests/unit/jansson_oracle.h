/*
 * jansson_oracle.h — jansson behind names of its own: its json_object and ours cannot stand in one
 * file.
 */
#pragma once
#include "proto/str.h"

struct oracle;

/* NULL when jansson refuses; then *ret_why says so, and *ret_meant whether we are meant to differ:
 * a number no double holds, U+0000 in a member's name. Numbers are read as doubles. */
struct oracle *oracle_load(struct str doc, const char **ret_why, bool *ret_meant);
void oracle_free(struct oracle *o);

/* One of { [ " 0 t f n */
char oracle_type(const struct oracle *o);
size_t oracle_size(const struct oracle *o);                                   /* members or items */
const struct oracle *oracle_member(const struct oracle *o, const char *name); /* NULL: none */
const struct oracle *oracle_item(const struct oracle *o, size_t i);
struct str oracle_text(const struct oracle *o);
double oracle_number(const struct oracle *o);
