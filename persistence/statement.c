/*
 * statement.c — which SQL types go with which fields, and finding a statement.
 */
#include "persistence/statement.h"
#include <assert.h>

const struct sql_type_info sql_types[SQL_TYPES] = {
#define SQLTYPE(id, oid, array, names) [SQL_##id] = { oid, array, names },
#include "persistence/sqltype.def"
#undef SQLTYPE
};

/* The first is what a field is bound as by itself; it can be read from each. */
static const struct fit {
	uint8_t n;
	uint8_t types[4]; /* enum sql_type */
} fits[] = {
	[PROTO_BOOL] = { 1, { SQL_BOOL } },
	[PROTO_U8] = { 3, { SQL_INT4, SQL_INT8, SQL_INT2 } },
	[PROTO_U16] = { 3, { SQL_INT4, SQL_INT8, SQL_INT2 } },
	[PROTO_I32] = { 3, { SQL_INT4, SQL_INT8, SQL_INT2 } },
	[PROTO_U32] = { 3, { SQL_INT8, SQL_INT4, SQL_INT2 } },
	[PROTO_U64] = { 4, { SQL_INT8, SQL_TIMESTAMPTZ, SQL_INT4, SQL_INT2 } },
	[PROTO_I64] = { 4, { SQL_INT8, SQL_TIMESTAMPTZ, SQL_INT4, SQL_INT2 } },
	[PROTO_F64] = { 1, { SQL_FLOAT8 } },
	[PROTO_STR] = { 1, { SQL_TEXT } },
	[PROTO_BIN] = { 1, { SQL_BYTEA } },
	[PROTO_JSON] = { 2, { SQL_JSONB, SQL_TEXT } },
	[PROTO_ENUM] = { 4, { SQL_INT4, SQL_TEXT, SQL_INT8, SQL_INT2 } },
	[PROTO_RECORD] = { 0, { 0 } },
};

enum sql_type sql_type_of(const struct proto_field *f)
{
	assert(f->kind != PROTO_RECORD);
	return fits[f->kind].types[0];
}

bool sql_type_fits(enum sql_type type, const struct proto_field *f)
{
	for (uint8_t i = 0; i < fits[f->kind].n; i++)
		if (fits[f->kind].types[i] == type)
			return true;
	return false;
}

bool sql_type_by_oid(uint32_t oid, enum sql_type *ret, bool *ret_array)
{
	/* varchar, name and json look like text on the wire. */
	static const uint32_t texts[][2] = { { 1043, 1015 }, { 19, 1003 }, { 114, 199 } };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (oid == texts[i][0] || oid == texts[i][1])
			oid = oid == texts[i][0] ? sql_types[SQL_TEXT].oid
			                         : sql_types[SQL_TEXT].array;
	for (int i = 0; i < SQL_TYPES; i++)
		if (sql_types[i].oid == oid || sql_types[i].array == oid) {
			*ret = (enum sql_type)i;
			*ret_array = sql_types[i].array == oid;
			return true;
		}
	return false;
}

const struct statement *statement_of(const struct statement_set *set, const struct proto_desc *type)
{
	uint16_t low = 0, high = set->n;
	while (low < high) {
		uint16_t middle = (uint16_t)((low + high) / 2);
		const struct statement *s = &set->at[middle];
		if (s->request == type)
			return s;
		if (s->request->number < type->number)
			low = (uint16_t)(middle + 1);
		else
			high = middle;
	}
	return NULL;
}

const struct proto_field *statement_list_of(const struct proto_desc *reply)
{
	for (uint16_t i = 0; i < reply->n_fields; i++)
		if (reply->fields[i].list && reply->fields[i].kind == PROTO_RECORD)
			return &reply->fields[i];
	return NULL;
}
