/* decode.c — foreign bytes into a struct, by its table (codec.h). Nothing here trusts a count. */
#include "proto/codec.h"
#include "proto/pack.h"
#include "proto/utf8.h"

struct decoder {
	struct unpacker in;
	struct arena *arena;
	bool keep; /* views are copied into the arena */
	const struct proto_field *field;
};

static HOT enum err put_unsigned(const struct proto_field *f, struct pack_value v, void *at)
{
	if (v.kind != PACK_UINT)
		return v.kind == PACK_NEGATIVE ? ERR_RANGE : ERR_MALFORMED;
	/* An optional zero is an absent one: its range does not count. */
	if ((v.bits < f->from || v.bits > f->to) && (v.bits || !f->optional || f->list))
		return ERR_RANGE;
	if (f->kind == PROTO_U8)
		*(uint8_t *)at = (uint8_t)v.bits;
	else if (f->kind == PROTO_U16)
		*(uint16_t *)at = (uint16_t)v.bits;
	else if (f->kind == PROTO_U32)
		*(uint32_t *)at = (uint32_t)v.bits;
	else
		*(uint64_t *)at = v.bits;
	return OK;
}

static HOT enum err put_signed(const struct proto_field *f, struct pack_value v, void *at)
{
	if (v.kind != PACK_UINT && v.kind != PACK_NEGATIVE)
		return ERR_MALFORMED;
	int64_t n = (int64_t)v.bits;
	if ((v.kind == PACK_UINT && n < 0) ||
	    ((n < f->least || n > f->highest) && (n || !f->optional || f->list)))
		return ERR_RANGE;
	if (f->kind == PROTO_I32)
		*(int32_t *)at = (int32_t)n;
	else
		*(int64_t *)at = n;
	return OK;
}

static HOT enum err put_f64(const struct proto_field *f, struct pack_value v, double *at)
{
	double n;
	if (v.kind == PACK_FLOAT)
		n = v.f64;
	else if (v.kind == PACK_UINT) /* other languages write 3.0 as 3 */
		n = (double)v.bits;
	else if (v.kind == PACK_NEGATIVE)
		n = (double)(int64_t)v.bits;
	else
		return ERR_MALFORMED;
	if (!proto_f64_fits(f, n) && (n != 0 || !f->optional || f->list))
		return ERR_RANGE;
	*at = n;
	return OK;
}

static HOT enum err put_enum(const struct proto_field *f, struct pack_value v, uint32_t *at)
{
	if (v.kind != PACK_UINT)
		return v.kind == PACK_NEGATIVE ? ERR_RANGE : ERR_MALFORMED;
	if (v.bits > UINT32_MAX ||
	    (!proto_enum_has(f->of_enum, (uint32_t)v.bits) && (v.bits || !f->optional || f->list)))
		return ERR_RANGE;
	*at = (uint32_t)v.bits;
	return OK;
}

/* A text or bytes that stand at `in`. */
static HOT enum err put_view(struct decoder *d, struct unpacker *in, const struct proto_field *f,
                             struct pack_value v, struct str *at)
{
	if (v.kind != (f->kind == PROTO_BIN ? PACK_BIN : PACK_STR))
		return ERR_MALFORMED;
	struct str s = str_n((const char *)in->at, v.bits);
	in->at += v.bits;
	if (v.bits > f->max)
		return ERR_TOO_LARGE;
	if (f->kind != PROTO_BIN && !utf8_valid(s))
		return ERR_MALFORMED;
	if (!s.len)
		*at = (struct str){ 0 };
	else if (!d->keep)
		*at = s;
	else if (!arena_keep(d->arena, s, at))
		return ERR_TOO_LARGE;
	return OK;
}

static enum err take_record(struct decoder *d, const struct proto_desc *type, struct pack_value v,
                            char *base);

/* One value of the field's kind into `at`. */
static HOT enum err take_item(struct decoder *d, struct unpacker *in, const struct proto_field *f,
                              void *at)
{
	struct pack_value v;
	enum err e;
	if (!unpack_usual(in, &v))
		return ERR_MALFORMED;
	switch ((enum proto_kind)f->kind) {
	case PROTO_BOOL:
		if (v.kind != PACK_BOOL)
			return ERR_MALFORMED;
		*(bool *)at = v.bits;
		return OK;
	case PROTO_U8:
	case PROTO_U16:
	case PROTO_U32:
	case PROTO_U64:
		return put_unsigned(f, v, at);
	case PROTO_I32:
	case PROTO_I64:
		return put_signed(f, v, at);
	case PROTO_F64:
		return put_f64(f, v, at);
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		return put_view(d, in, f, v, at);
	case PROTO_ENUM:
		return put_enum(f, v, at);
	case PROTO_RECORD:
		d->in = *in;
		e = take_record(d, f->of_record, v, at);
		*in = d->in;
		return e;
	}
	return ERR_FAULT;
}

static enum err take_list(struct decoder *d, const struct proto_field *f, struct str *at)
{
	struct pack_value v;
	if (!unpack_head(&d->in, &v) || v.kind != PACK_ARRAY)
		return ERR_MALFORMED;
	if (v.bits > f->most)
		return ERR_TOO_LARGE;
	size_t step = proto_item_size(f);
	size_t size = (size_t)v.bits * step;
	char *items = v.bits ? arena_take(d->arena, size, 8) : NULL;
	if (v.bits && !items)
		return ERR_TOO_LARGE;
	struct unpacker in = d->in;
	for (uint32_t i = 0; i < v.bits; i++) {
		enum err e = take_item(d, &in, f, items + i * step);
		if (e)
			return e;
	}
	d->in = in;
	*at = (struct str){ .at = items, .len = (uint32_t)v.bits };
	return OK;
}

/* The field with this number; most bodies come in our own order, so the next one is tried first. */
static inline const struct proto_field *field_of(const struct proto_desc *type, uint64_t number,
                                                 uint32_t next)
{
	if (next < type->n_fields && type->fields[next].number == number)
		return &type->fields[next];
	for (uint32_t i = 0; i < type->n_fields; i++)
		if (type->fields[i].number == number)
			return &type->fields[i];
	return NULL;
}

static enum err check_missing(struct decoder *d, const struct proto_desc *type, uint64_t seen)
{
	uint64_t missing = type->required & ~seen;
	if (!missing)
		return OK;
	d->field = &type->fields[__builtin_ctzll(missing)];
	return ERR_MISSING;
}

enum { USUAL_BYTES = 11 }; /* a field's number and a number's head, read in one step each */

/* A number that is not negative; in->at is at its head, with room for the longest. */
static HOT bool usual_number(struct unpacker *in, uint64_t *ret)
{
	unsigned char b = in->at[0];
	if (b < 0x80) {
		*ret = b;
		in->at++;
		return true;
	}
	unsigned width = b - 0xccu;
	uint64_t big;
	if (width > 3)
		return false;
	memcpy(&big, in->at + 1, 8);
	*ret = __builtin_bswap64(big) >> (64 - (8u << width));
	in->at += 1 + (1u << width);
	return true;
}

/* A text or bytes of up to 255. */
static HOT bool usual_view(struct decoder *d, struct unpacker *in, const struct proto_field *f,
                           struct str *ret)
{
	unsigned char b = in->at[0];
	bool text = f->kind != PROTO_BIN, fixed = (b & 0xe0) == 0xa0;
	if (b != (text ? 0xd9 : 0xc4) && !(text && fixed))
		return false;
	const unsigned char *at = in->at + (fixed ? 1 : 2);
	struct str s = { .at = (const char *)at, .len = fixed ? b & 0x1fu : in->at[1] };
	if (!s.len || s.len > f->max || s.len > (size_t)(in->end - at) || (text && !utf8_valid(s)))
		return false;
	if (!d->keep)
		*ret = s;
	else if (!arena_keep(d->arena, s, ret))
		return false;
	in->at = at + s.len;
	return true;
}

/* The usual field in place: a number or a short text within its bounds; in->at is behind the
 * field's number. false: something else, or something wrong, and nothing has been passed. */
static HOT bool take_usual(struct decoder *d, struct unpacker *in, const struct proto_field *f,
                           char *at)
{
	struct unpacker rest = *in;
	uint64_t v;
	switch (f->list ? PROTO_RECORD : (enum proto_kind)f->kind) {
	case PROTO_STR:
	case PROTO_BIN:
	case PROTO_JSON:
		return usual_view(d, in, f, (struct str *)at);
	case PROTO_U8:
	case PROTO_U16:
	case PROTO_U32:
	case PROTO_U64:
		if (!usual_number(&rest, &v) || v < f->from || v > f->to)
			return false;
		break;
	default:
		return false;
	}
	if (f->kind == PROTO_U64)
		*(uint64_t *)at = v;
	else if (f->kind == PROTO_U32)
		*(uint32_t *)at = (uint32_t)v;
	else if (f->kind == PROTO_U16)
		*(uint16_t *)at = (uint16_t)v;
	else
		*(uint8_t *)at = (uint8_t)v;
	*in = rest;
	return true;
}

/* One field, its number first, in any form and order. */
static enum err take_any(struct decoder *d, const struct proto_desc *type, uint32_t *next,
                         uint64_t *seen, char *base)
{
	struct pack_value key;
	if (!unpack_head(&d->in, &key) || key.kind != PACK_UINT)
		return ERR_MALFORMED;
	const struct proto_field *f = field_of(type, key.bits, *next);
	if (!f)
		return unpack_skip(&d->in) ? OK : ERR_MALFORMED;
	*next = (uint32_t)(f - type->fields);
	if (*seen >> *next & 1) {
		d->field = f;
		return ERR_MALFORMED;
	}
	*seen |= UINT64_C(1) << (*next)++;
	enum err e = f->list ? take_list(d, f, (struct str *)(base + f->offset))
	                     : take_item(d, &d->in, f, base + f->offset);
	if (e && !d->field)
		d->field = f;
	return e;
}

static enum err take_record(struct decoder *d, const struct proto_desc *type, struct pack_value v,
                            char *base)
{
	const uint32_t n_fields = type->n_fields;
	const struct proto_field *fields = type->fields;
	struct unpacker in = d->in;
	uint64_t seen = 0; /* a bit for each field: 64 at the most (desc.h) */
	uint32_t next = 0; /* the field that comes next if they come in our own order */
	if (v.kind != PACK_MAP)
		return ERR_MALFORMED;
	clear_bytes(base, type->size);
	for (uint64_t left = v.bits; left; left--) {
		if (in.end - in.at >= USUAL_BYTES) {
			uint32_t key = *in.at;
			while (next < n_fields && fields[next].number < key)
				next++;
			struct unpacker rest = { in.at + 1, in.end };
			if (key < 0x80 && next < n_fields && fields[next].number == key &&
			    !(seen >> next & 1) &&
			    take_usual(d, &rest, &fields[next], base + fields[next].offset)) {
				in = rest;
				seen |= UINT64_C(1) << next++;
				continue;
			}
		}
		d->in = in;
		enum err e = take_any(d, type, &next, &seen, base);
		in = d->in;
		if (e)
			return e;
	}
	d->in = in;
	return check_missing(d, type, seen);
}

static enum err decode(struct decoder *d, const struct proto_desc *type, void *body,
                       const struct proto_field **ret_field)
{
	struct pack_value v;
	enum err e = ERR_MALFORMED;
	if (unpack_usual(&d->in, &v))
		e = take_record(d, type, v, body);
	if (e && ret_field)
		*ret_field = d->field;
	return e;
}

static struct unpacker unpacker_over(struct str bytes)
{
	const unsigned char *at = (const unsigned char *)(bytes.len ? bytes.at : "");
	return (struct unpacker){ at, at + bytes.len };
}

enum err proto_decode_first(const struct proto_desc *type, struct str *bytes, void *body,
                            struct arena *arena, const struct proto_field **ret_field)
{
	struct decoder d = { .in = unpacker_over(*bytes), .arena = arena };
	enum err e = decode(&d, type, body, ret_field);
	if (!e)
		*bytes = str_n((const char *)d.in.at, (size_t)(d.in.end - d.in.at));
	return e;
}

enum err proto_decode(const struct proto_desc *type, struct str bytes, void *body,
                      struct arena *arena, const struct proto_field **ret_field)
{
	enum err e = proto_decode_first(type, &bytes, body, arena, ret_field);
	return !e && bytes.len ? ERR_MALFORMED : e;
}

enum err proto_decode_kept(const struct proto_desc *type, struct str bytes, void *body,
                           struct arena *arena, const struct proto_field **ret_field)
{
	struct decoder d = { .in = unpacker_over(bytes), .arena = arena, .keep = true };
	enum err e = decode(&d, type, body, ret_field);
	return !e && d.in.at != d.in.end ? ERR_MALFORMED : e;
}

/* ---- how much room ------------------------------------------------------------------------------
 */

static bool room_of_record(struct unpacker *u, const struct proto_desc *type, uint64_t *room);

static bool room_of_list(struct unpacker *u, const struct proto_field *f, uint64_t *room)
{
	struct pack_value v;
	if (!unpack_head(u, &v) || v.kind != PACK_ARRAY || v.bits > f->most)
		return false;
	uint64_t step = proto_item_size(f);
	*room += 7 + v.bits * step;
	bool deeper = f->kind == PROTO_RECORD && f->of_record->lists;
	for (uint64_t i = 0; i < v.bits; i++)
		if (!(deeper ? room_of_record(u, f->of_record, room) : unpack_skip(u)))
			return false;
	return true;
}

static bool room_of_record(struct unpacker *u, const struct proto_desc *type, uint64_t *room)
{
	struct pack_value v, key;
	if (!unpack_head(u, &v) || v.kind != PACK_MAP)
		return false;
	for (uint64_t i = 0; i < v.bits; i++) {
		if (!unpack_head(u, &key) || key.kind != PACK_UINT)
			return false;
		const struct proto_field *f = field_of(type, key.bits, (uint32_t)i);
		bool good;
		if (f && f->list)
			good = room_of_list(u, f, room);
		else if (f && f->kind == PROTO_RECORD && f->of_record->lists)
			good = room_of_record(u, f->of_record, room);
		else
			good = unpack_skip(u);
		if (!good)
			return false;
	}
	return true;
}

enum err proto_room(const struct proto_desc *type, struct str bytes, size_t *ret)
{
	/* The bytes of views are bytes of the body; the items of lists come on top. What is wrong
	 * with the body is the decoder's to say: it stops there too, having taken no more than
	 * this. */
	uint64_t room = bytes.len;
	struct unpacker u = unpacker_over(bytes);
	if (type->lists)
		(void)room_of_record(&u, type, &room);
	if (room > UINT32_MAX / 2)
		return ERR_TOO_LARGE;
	*ret = (size_t)room;
	return OK;
}
