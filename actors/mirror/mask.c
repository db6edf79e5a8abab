/*
 * mask.c — walks the table once; types without secrets are not copied at all.
 */
#include "actors/mirror/mask.h"

bool mask_needed(const struct proto_desc *type)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		if (f->secret || (f->kind == PROTO_RECORD && mask_needed(f->of_record)))
			return true;
	}
	return false;
}

static size_t number_size(uint8_t kind)
{
	static const uint8_t sizes[] = { [PROTO_BOOL] = 1, [PROTO_U8] = 1,  [PROTO_U16] = 2,
		                         [PROTO_U32] = 4,  [PROTO_U64] = 8, [PROTO_I32] = 4,
		                         [PROTO_I64] = 8,  [PROTO_F64] = 8, [PROTO_ENUM] = 4 };
	return kind < sizeof sizes ? sizes[kind] : 0;
}

static void blank(const struct proto_field *f, char *at)
{
	if (f->list || f->kind == PROTO_RECORD) { /* a view and its count, or a whole record */
		memset(at, 0, f->list ? sizeof(struct str) : f->of_record->size);
	} else if (f->kind == PROTO_STR || f->kind == PROTO_BIN || f->kind == PROTO_JSON) {
		struct str *s = (struct str *)(void *)at;
		if (s->len)
			*s = str_of(f->kind == PROTO_JSON ? "null" : "***");
		if (s->len > f->max)
			s->len = f->max;
	} else {
		uint64_t least = f->kind == PROTO_U8 || f->kind == PROTO_U16 ||
		                                 f->kind == PROTO_U32 || f->kind == PROTO_U64
		                         ? f->from
		                         : 0;
		memcpy(at, &least, number_size(f->kind)); /* little-endian, as all our machines */
	}
}

static void mask(const struct proto_desc *type, char *body)
{
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		if (f->secret || (f->list && f->kind == PROTO_RECORD && mask_needed(f->of_record)))
			blank(f, body + f->offset);
		else if (f->kind == PROTO_RECORD && !f->list)
			mask(f->of_record, body + f->offset);
	}
}

bool mask_copy(const struct proto_desc *type, const void *body, void *ret)
{
	if (type->size > MASK_MOST)
		return false;
	memcpy(ret, body, type->size);
	mask(type, ret);
	return true;
}
