/*
 * schema.h — what the schema says, as a tree: the one thing all parts of msgc share.
 *
 *     *.msg ─ lex ─▶ parse ─▶ tree ─▶ check ─▶ lock ─▶ emit_* ─▶ .h .c .md .mjs .d.ts .dict
 *
 * Errors are collected with their place and printed together, so that one run shows all of them.
 * Memory comes from one arena that ends with the schema.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum {
	SCHEMA_NAME_MAX = 63,
	SCHEMA_GROUPS_MAX = 255,
	SCHEMA_MESSAGES_MAX = 1023, /* the registry has one slot for each number */
	SCHEMA_NUMBER_MAX = 1000,   /* of a field */
	SCHEMA_FIELDS_MAX = 64,     /* readers keep one bit for each field seen */
	SCHEMA_BYTES_MAX = 16 << 20,
	SCHEMA_ITEMS_MAX = 65535,
	SCHEMA_BLOB_MAX = 64 << 20,
	SCHEMA_DEPTH_MAX = 8, /* records in records, foreign groups only */
	SCHEMA_ERRORS_MAX = 100,
	SCHEMA_FILE_MAX = 1 << 20,
};

struct place {
	const char *file;
	uint32_t line;
};

/* The order is that of enum proto_kind (proto/desc.h). */
enum kind {
	KIND_BOOL,
	KIND_U8,
	KIND_U16,
	KIND_U32,
	KIND_U64,
	KIND_I32,
	KIND_I64,
	KIND_F64,
	KIND_STR,
	KIND_BIN,
	KIND_JSON,
	KIND_ENUM,
	KIND_RECORD,
	KIND_NAMED, /* not yet resolved; none is left after the check */
};

struct decl;
struct group;

struct field {
	struct field *next;
	struct place at;
	const char *name, *json, *doc;
	uint32_t number;
	enum kind kind;
	const char *type;      /* as written */
	const struct decl *of; /* the enum or record */
	bool optional, secret, list, bounded;
	int64_t least, highest; /* signed numbers and f64 */
	uint64_t from, to;      /* unsigned numbers */
	uint32_t max, most;     /* bytes of one; items of a list */
};

struct value {
	struct value *next;
	struct place at;
	const char *name, *doc;
	uint32_t number;
};

/* A number that was given up: never to be used again. */
struct retired {
	struct retired *next;
	struct place at;
	uint32_t number;
	const char *doc;
};

enum decl_kind { DECL_ENUM, DECL_RECORD, DECL_MESSAGE };

struct decl {
	struct decl *next;
	struct place at;
	enum decl_kind kind;
	struct group *group;
	const char *name, *doc;
	uint32_t number;        /* messages */
	const char *reply_name; /* as written; NULL for none */
	const struct decl *reply;
	struct field *fields;
	struct value *values;
	struct retired *retired;
	uint32_t n_fields, n_values, blob;
	uint32_t depth; /* of records in it, plus one; 0: not yet known */
	const char *blob_doc;
};

struct group {
	struct group *next;
	struct place at;
	const char *name;
	uint32_t number;
	bool foreign;  /* JSON only, never on the bus */
	bool borrowed; /* known and in the registry, but emitted by another run */
	struct decl *decls;
	struct retired *retired;
};

struct schema_error {
	struct place at;
	const char *text;
};

struct schema {
	struct group *groups; /* in order of their numbers after the check */
	struct schema_error errors[SCHEMA_ERRORS_MAX];
	uint32_t n_errors;
	struct schema_chunk *chunks;
};

void schema_init(struct schema *s);
void schema_done(struct schema *s);
void *schema_alloc(struct schema *s, size_t n); /* zeroed; ends with the schema */
const char *schema_printf(struct schema *s, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

void schema_error(struct schema *s, struct place at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void schema_print_errors(struct schema *s, FILE *to); /* `file:line: text`, in order */

/* " (did you mean X?)", or "" when none of the candidates is near. */
const char *schema_near(struct schema *s, const char *word, const char *const *among, size_t n);

/* One file's text, which must outlive the call only. `name` must outlive the schema. */
void schema_parse(struct schema *s, const char *name, const char *text, size_t len, bool borrowed);

/* Resolve names, enforce the rules that need more than one line. */
void schema_check(struct schema *s);

/* Compare with the number lock; `ret_new` is the lock's new text when lines were added, else NULL.
 */
void schema_lock(struct schema *s, const char *name, const char *text, const char **ret_new);

const char *schema_full(struct schema *s, const struct decl *d);  /* "call.open" */
const char *schema_type(struct schema *s, const struct field *f); /* "str", "call.leg[]" */
bool decl_holds_views(const struct decl *d);
