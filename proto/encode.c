/* encode.c — a struct to canonical msgpack, by its table (codec.h). */
#include "proto/codec.h"
#include "proto/field.h"
#include "proto/pack.h"

struct encoder {
	struct packer out;
	const struct proto_field *field; /* where it failed */
};

#define AT(type, at) (*(const type *)(at))

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

static HOT unsigned char *put_number(unsigned char *to, uint64_t v)
{
	if (v < 0x80) {
		*to = (unsigned char)v;
		return to + 1;
	}
	unsigned width = (v > UINT8_MAX) + (v > UINT16_MAX) + (v > UINT32_MAX);
	uint64_t big = __builtin_bswap64(v << (64 - (8u << width)));
	*to = (unsigned char)(0xcc + width);
	memcpy(to + 1, &big, 8); /* what is written too far is overwritten by the next */
	return to + 1 + (1u << width);
}

enum { USUAL_BYTES = 16, USUAL_TEXT = UINT8_MAX }; /* a number and what it stands for, with slack */

/* A text or bytes of up to 255, its field's number before it; there is room. */
static HOT unsigned char *put_text(unsigned char *to, const struct proto_field *f, struct str s)
{
	*to++ = (unsigned char)f->number;
	if (f->kind == PROTO_BIN)
		*to++ = 0xc4;
	else if (s.len >= 32)
		*to++ = 0xd9;
	*to++ = (unsigned char)(f->kind != PROTO_BIN && s.len < 32 ? 0xa0 | s.len : s.len);
	copy_bytes((char *)to, s.at, s.len);
	return to + s.len;
}

/* The usual field in place: a number that is not negative, a short text, with room to spare; or an
 * absent optional, then *ret_n stays. false: another kind, or out of bounds; nothing is written. */
static HOT bool put_usual(struct packer *p, const struct proto_field *f, const char *at,
                          uint32_t *ret_n)
{
	size_t room = (size_t)(p->end - p->at);
	uint64_t v;
	if (f->list || f->number >= 0x80 || room < USUAL_BYTES)
		return false;
	switch ((enum proto_kind)f->kind) {
	case PROTO_U8:
		v = AT(uint8_t, at);
		break;
	case PROTO_U16:
		v = AT(uint16_t, at);
		break;
	case PROTO_U32:
		v = AT(uint32_t, at);
		break;
	case PROTO_U64:
		v = AT(uint64_t, at);
		break;
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		v = AT(struct str, at).len;
		if (v || !f->optional) {
			if (v > f->max || v > USUAL_TEXT || v > room - USUAL_BYTES)
				return false;
			p->at = put_text(p->at, f, AT(struct str, at));
			++*ret_n;
		}
		return true;
	default:
		return false;
	}
	if (v || !f->optional) {
		if (v < f->from || v > f->to)
			return false;
		*p->at = (unsigned char)f->number;
		p->at = put_number(p->at + 1, v);
		++*ret_n;
	}
	return true;
}

static enum err put_field(struct encoder *e, const struct proto_field *f, const char *at)
{
	pack_uint(&e->out, f->number);
	enum err err = f->list ? put_list(e, f, AT(struct str, at)) : put_item(e, &e->out, f, at);
	if (err && !e->field)
		e->field = f;
	return err;
}

static uint32_t count_there(const struct proto_desc *type, const char *base)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < type->n_fields; i++) {
		const struct proto_field *f = &type->fields[i];
		n += !f->optional || !field_is_empty(f, base + f->offset);
	}
	return n;
}

/* One pass: up to 15 fields the head of the map is one byte, filled in when they are counted. */
static enum err put_record(struct encoder *e, const struct proto_desc *type, const char *base)
{
	enum { ONE_BYTE = 15 };
	uint32_t left = type->n_fields;
	struct packer out = e->out;
	unsigned char *head = out.at;
	uint32_t n = 0;
	pack_map(&out, type->n_fields <= ONE_BYTE ? 0 : count_there(type, base));
	for (const struct proto_field *f = type->fields; left; f++, left--) {
		const char *at = base + f->offset;
		if (put_usual(&out, f, at, &n) || (f->optional && field_is_empty(f, at)))
			continue;
		n++;
		e->out = out;
		enum err err = put_field(e, f, at);
		out = e->out;
		if (err)
			return err;
	}
	if (type->n_fields <= ONE_BYTE && head < out.at)
		*head = (unsigned char)(0x80 | n);
	e->out = out;
	return OK;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): written through the encoder */
enum err proto_encode(const struct proto_desc *type, const void *body, char *to, size_t room,
                      size_t *ret_len, const struct proto_field **ret_field)
{
	unsigned char *at = (unsigned char *)to;
	struct encoder e = { .out = { .at = at, .end = room ? at + room : at } };
	enum err err = put_record(&e, type, body);
	if (err) {
		if (ret_field)
			*ret_field = e.field;
		return err;
	}
	*ret_len = (size_t)((char *)e.out.at - to) + e.out.over;
	return e.out.over ? ERR_FULL : OK;
}
