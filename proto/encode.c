/* encode.c — a struct to canonical msgpack, by its table (codec.h). */
#include "proto/codec.h"
#include "proto/pack.h"

struct encoder {
	struct packer out;
	const struct proto_field *field; /* where it failed */
};

#define AT(type, at) (*(const type *)(at))

/* Is an optional field there? A zero or empty one is absent (desc.h). */
static inline bool is_there(const struct proto_field *f, const char *at)
{
	if (f->list)
		return AT(struct str, at).len;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
	case PROTO_U8:
		return AT(uint8_t, at);
	case PROTO_U16:
		return AT(uint16_t, at);
	case PROTO_U32:
	case PROTO_I32:
	case PROTO_ENUM:
		return AT(uint32_t, at);
	case PROTO_U64:
	case PROTO_I64:
		return AT(uint64_t, at);
	case PROTO_F64:
		return AT(double, at) != 0;
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		return AT(struct str, at).len;
	case PROTO_RECORD:
		break;
	}
	for (uint32_t i = 0; i < f->of_record->n_fields; i++) {
		const struct proto_field *inner = &f->of_record->fields[i];
		if (is_there(inner, at + inner->offset))
			return true;
	}
	return false;
}

static HOT enum err put_unsigned(struct packer *p, const struct proto_field *f, uint64_t v)
{
	if (v < f->from || v > f->to)
		return ERR_RANGE;
	pack_uint(p, v);
	return OK;
}

static HOT enum err put_signed(struct packer *p, const struct proto_field *f, int64_t v)
{
	if (v < f->least || v > f->highest)
		return ERR_RANGE;
	pack_int(p, v);
	return OK;
}

static HOT enum err put_f64(struct packer *p, const struct proto_field *f, double v)
{
	if (!proto_f64_fits(f, v))
		return ERR_RANGE;
	pack_f64(p, v);
	return OK;
}

static HOT enum err put_view(struct packer *p, const struct proto_field *f, struct str s)
{
	if (s.len > f->max)
		return ERR_TOO_LARGE;
	if (f->kind == PROTO_BIN)
		pack_bin(p, s);
	else
		pack_str(p, s);
	return OK;
}

static enum err put_record(struct encoder *e, const struct proto_desc *type, const char *base);

static HOT enum err put_item(struct encoder *e, struct packer *p, const struct proto_field *f,
                             const char *at)
{
	enum err err;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		pack_byte(p, AT(bool, at) ? 0xc3 : 0xc2);
		return OK;
	case PROTO_U8:
		return put_unsigned(p, f, AT(uint8_t, at));
	case PROTO_U16:
		return put_unsigned(p, f, AT(uint16_t, at));
	case PROTO_U32:
		return put_unsigned(p, f, AT(uint32_t, at));
	case PROTO_U64:
		return put_unsigned(p, f, AT(uint64_t, at));
	case PROTO_I32:
		return put_signed(p, f, AT(int32_t, at));
	case PROTO_I64:
		return put_signed(p, f, AT(int64_t, at));
	case PROTO_F64:
		return put_f64(p, f, AT(double, at));
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		return put_view(p, f, AT(struct str, at));
	case PROTO_ENUM:
		if (!proto_enum_has(f->of_enum, AT(uint32_t, at)))
			return ERR_RANGE;
		pack_uint(p, AT(uint32_t, at));
		return OK;
	case PROTO_RECORD:
		e->out = *p;
		err = put_record(e, f->of_record, at);
		*p = e->out;
		return err;
	}
	return ERR_FAULT;
}

static enum err put_list(struct encoder *e, const struct proto_field *f, struct str list)
{
	if (list.len > f->most)
		return ERR_TOO_LARGE;
	size_t step = proto_item_size(f);
	struct packer out = e->out;
	pack_array(&out, list.len);
	for (uint32_t i = 0; i < list.len; i++) {
		enum err err = put_item(e, &out, f, list.at + i * step);
		if (err)
			return err;
	}
	e->out = out;
	return OK;
}

static enum err put_record(struct encoder *e, const struct proto_desc *type, const char *base)
{
	uint64_t there = type->required; /* a bit for each field: 64 at the most (desc.h) */
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		if (f->optional && is_there(f, base + f->offset))
			there |= UINT64_C(1) << i;
	}
	struct packer out = e->out;
	enum err err = OK;
	pack_map(&out, (uint32_t)__builtin_popcountll(there));
	for (; there && !err; there &= there - 1) {
		const struct proto_field *f = &type->fields[__builtin_ctzll(there)];
		const char *at = base + f->offset;
		pack_uint(&out, f->number);
		if (f->list) {
			e->out = out;
			err = put_list(e, f, AT(struct str, at));
			out = e->out;
		} else {
			err = put_item(e, &out, f, at);
		}
		if (err && !e->field)
			e->field = f;
	}
	e->out = out;
	return err;
}

enum err proto_encode(const struct proto_desc *type, const void *body, char *to, size_t room,
                      size_t *ret_len, const struct proto_field **ret_field)
{
	struct encoder e = { .out = { .at = (unsigned char *)to,
		                      .end = (unsigned char *)to + room } };
	enum err err = put_record(&e, type, body);
	if (err) {
		if (ret_field)
			*ret_field = e.field;
		return err;
	}
	*ret_len = (size_t)((char *)e.out.at - to) + e.out.over;
	return e.out.over ? ERR_FULL : OK;
}
