/*
 * desc.h — what a message type looks like, as data.
 *
 * msgc compiles proto/schema into one struct and one proto_desc per message. Everything that
 * reads or writes a message (codec, text, json, SQL binding, OpenAPI, reference) walks these
 * tables; nothing is written by hand a second time. All of it is read-only and lives for ever.
 *
 * How a field stands in the struct:
 *
 *     bool u8 u16 u32 u64 i32 i64 f64     the C type of that name
 *     an enum                             enum GROUP_NAME, four bytes
 *     str bin json                        struct str: a view, `max` bytes at the most
 *     a record                            struct GROUP_RECORD, embedded
 *     a list of any of them               struct { const T *at; uint32_t n; }, `most` items
 *
 * A message or record has at most 64 fields, so that a reader can keep a bit for each one it has
 * seen. An f64 with least == INT64_MIN and highest == INT64_MAX has no bounds but must be finite.
 *
 * An optional field that is zero or empty is absent, and an absent one reads as zero or empty:
 * there is no third state. A required field is always on the wire, whatever its value.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum proto_kind {
	PROTO_BOOL,
	PROTO_U8,
	PROTO_U16,
	PROTO_U32,
	PROTO_U64,
	PROTO_I32,
	PROTO_I64,
	PROTO_F64,
	PROTO_STR,  /* UTF-8 text */
	PROTO_BIN,  /* any bytes; base64 in JSON */
	PROTO_JSON, /* one whole JSON value, kept as its bytes */
	PROTO_ENUM,
	PROTO_RECORD,
};

struct proto_enum_value {
	const char *name, *doc;
	uint32_t number;
};

struct proto_enum {
	const char *group, *name, *doc; /* doc may be NULL */
	const struct proto_enum_value *values;
	uint32_t n_values;
};

struct proto_desc;

/* What a codec reads of it stands first, within one cache line. */
struct proto_field {
	uint16_t number; /* on the wire; rises within a message, never reused */
	uint8_t kind;    /* enum proto_kind, of one item when it is a list */
	bool optional;
	bool list;
	bool secret;     /* masked by text form, tap and log */
	uint32_t offset; /* in the struct */
	uint32_t max;    /* bytes: str, bin, json */
	uint32_t most;   /* items of a list; 0 otherwise */
	uint64_t from;   /* unsigned numbers: smallest value */
	uint64_t to;     /*   and greatest */
	int64_t least;   /* signed numbers and f64: smallest value */
	int64_t highest; /*   and greatest */
	const struct proto_desc *of_record;
	const struct proto_enum *of_enum;
	const char *name; /* snake_case, the struct's member */
	const char *json; /* its name in JSON; the same unless the schema says otherwise */
	const char *doc;  /* units included */
};

/* Where the views of a struct are, so that copying a message need not walk all its fields. */
struct proto_view {
	uint32_t offset;
	uint32_t item;                      /* bytes of one item of a list; 1 for str, bin, json */
	uint32_t max;                       /* items or bytes at the most */
	uint32_t each;                      /* bytes of each string of a list of them */
	const struct proto_desc *of_record; /* a list of records that hold views themselves */
	bool of_str;                        /* a list of str, bin or json */
};

/* A message type; a record has the same shape with number 0, and so has a foreign message: it is
 * JSON only and nothing can put it on the bus. */
struct proto_desc {
	const char *group, *name; /* "call", "open" */
	const char *full;         /* "call.open" */
	const char *doc;
	uint32_t number; /* group << 16 | number in the group; unique for ever */
	uint32_t size;   /* of the struct */
	uint32_t blob;   /* bytes of blob it may carry beside it; 0 for none */
	uint16_t n_fields, n_views;
	bool lists;                       /* it, or a record in it, has a list */
	uint64_t required;                /* a bit for each field: not optional */
	const struct proto_field *fields; /* numbers rise */
	const struct proto_view *views;
	const struct proto_desc *reply; /* what answers it; NULL for an event or an answer */
};

/* Bytes of one value of a field in its struct; of one item when it is a list. */
static inline uint32_t proto_item_size(const struct proto_field *f)
{
	static const uint8_t sizes[] = {
		[PROTO_BOOL] = sizeof(bool),       [PROTO_U8] = sizeof(uint8_t),
		[PROTO_U16] = sizeof(uint16_t),    [PROTO_U32] = sizeof(uint32_t),
		[PROTO_U64] = sizeof(uint64_t),    [PROTO_I32] = sizeof(int32_t),
		[PROTO_I64] = sizeof(int64_t),     [PROTO_F64] = sizeof(double),
		[PROTO_STR] = sizeof(struct str),  [PROTO_BIN] = sizeof(struct str),
		[PROTO_JSON] = sizeof(struct str), [PROTO_ENUM] = sizeof(uint32_t),
	};
	return f->kind == PROTO_RECORD ? f->of_record->size : sizes[f->kind];
}

/* Is it a value of the enum? */
static inline bool proto_enum_has(const struct proto_enum *e, uint32_t number)
{
	if (number < e->n_values && e->values[number].number == number)
		return true; /* most enums count from 0 without a gap */
	for (uint32_t i = 0; i < e->n_values; i++)
		if (e->values[i].number == number)
			return true;
	return false;
}

/* Is it finite and in the field's range? */
static inline bool proto_f64_fits(const struct proto_field *f, double v)
{
	return v - v == 0 && (f->least == INT64_MIN || v >= (double)f->least) &&
	       (f->highest == INT64_MAX || v <= (double)f->highest);
}

/* All message types of the program, in order of their numbers. */
extern const struct proto_desc *const proto_all[];
extern const uint32_t proto_all_n;

/* One more, learned while running (proto/msgc/load.h): found from here on, not in proto_all.
 * ERR_CONFLICT: its number or name is taken; ERR_LIMIT. */
MUST enum err proto_add(const struct proto_desc *type);

/* NULL when unknown. */
const struct proto_desc *proto_by_number(uint32_t number);
const struct proto_desc *proto_by_name(struct str full);
