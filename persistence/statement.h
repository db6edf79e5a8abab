/*
 * statement.h — the statements and schema files of a program, as data. Made by sqlc from
 * persistence/statements and persistence/schema; how they are written: README.md.
 */
#pragma once
#include "persistence/pg.h"
#include "proto/desc.h"

/* Where a parameter's value comes from. */
enum statement_source {
	FROM_FIELD,     /* request->fields[field] */
	FROM_MEMBER,    /* of that record, or of each record of that list: .fields[member] */
	FROM_ORD,       /* bulk: the row's number among all rows merged */
	FROM_BUSINESS,  /* the envelope's */
	FROM_PRINCIPAL, /* the envelope's */
	FROM_TRACE,     /* the envelope's id, 16 bytes; NULL without one */
	FROM_ASKER,     /* "ACTOR@NODE" */
	FROM_NOW,       /* us since the epoch */
	FROM_SCHEMA,    /* .field itself: number of the newest migration of the set */
};

/* How PostgreSQL types are called, their numbers, and those of their arrays. */
enum sql_type {
#define SQLTYPE(id, oid, array, names) SQL_##id,
#include "persistence/sqltype.def"
#undef SQLTYPE
	SQL_TYPES
};

struct sql_type_info {
	uint32_t oid, array;
	const char *names; /* "bigint int8": as casts say them */
};
extern const struct sql_type_info sql_types[SQL_TYPES];

/* The type a field is bound as when no cast says otherwise. */
enum sql_type sql_type_of(const struct proto_field *f);
/* Can a field be bound as this type, or be read from it? */
bool sql_type_fits(enum sql_type type, const struct proto_field *f);
/* By number, of a type or of its array. False: not one of ours. */
bool sql_type_by_oid(uint32_t oid, enum sql_type *ret, bool *ret_array);

struct statement_param {
	enum statement_source source;
	uint16_t field, member;
	enum sql_type type; /* of one item when it is an array */
	bool array;         /* a list, or one item per row */
};

struct statement {
	const struct proto_desc *request; /* its reply: request->reply */
	struct pg_statement pg;           /* named as the message, numbered from 0 in the set */
	const struct statement_param *params;
	uint32_t timeout_ms; /* 0: the connection's own */
	int16_t bulk;        /* field whose rows are merged over asks; -1: none */
	bool write;
	bool system; /* allowed without a business */
	bool asker;  /* some parameter is FROM_ASKER */
	bool lists;  /* no row is an empty list; else it is `none` */
	enum err none;
};

struct migration {
	uint32_t number; /* rises */
	const char *name, *sql;
};

struct statement_set {
	const struct statement *at; /* by number of the request */
	const struct migration *migrations;
	uint16_t n, n_migrations;
};

/* Those of the store actor. */
extern const struct statement_set store_statements;

/* NULL: no statement answers this type. */
const struct statement *statement_of(const struct statement_set *set,
                                     const struct proto_desc *type);

/* The reply's list of records, to which many rows go; NULL when it takes one row. */
const struct proto_field *statement_list_of(const struct proto_desc *reply);
