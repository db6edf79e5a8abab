/* emit.h — the tree to files. Each emitter writes one file and knows nothing of the others. */
#pragma once
#include "proto/msgc/schema.h"

typedef void emit_group_fn(struct schema *s, const struct group *g, FILE *to);
typedef void emit_all_fn(struct schema *s, FILE *to);

emit_group_fn emit_header;   /* GROUP.h: structs, enums, bounds, checked downcasts */
emit_group_fn emit_tables;   /* GROUP.c: what the codec and all others walk */
emit_all_fn emit_registry;   /* all.c: every message type by number and by name */
emit_all_fn emit_reference;  /* messages.md */
emit_all_fn emit_dictionary; /* messages.dict: for libFuzzer */
emit_all_fn emit_js;         /* messages.mjs: the tables for proto/js/codec.mjs */
emit_all_fn emit_dts;        /* messages.d.ts: their TypeScript types */

/* A text inside a C or JavaScript string literal, quotes included. */
void emit_quoted(FILE *to, const char *text);
/* The same inside a block comment. */
void emit_comment(FILE *to, const char *text);
void emit_upper(FILE *to, const char *name);
/* Wrap a text at `width` columns; each line after the first begins with `prefix`. */
void emit_wrapped(FILE *to, const char *text, const char *prefix, size_t width);
/* " (8000..48000)", "64 bytes at the most": what a reader must know of a field; "" when nothing. */
const char *emit_bounds(struct schema *s, const struct field *f);
