/*
 * envelope_fast.h — packet.envelope by hand: what stands before every message that leaves its node
 * is worth three times the speed of the tables.
 *
 *     write   the same bytes as proto_encode, or nothing: then the tables say why
 *     read    what we write ourselves: fields rising, shortest numbers, in range. Whatever else
 *             comes (another order, wider numbers, a newer schema's fields, an error) is not read,
 *             and the tables take it or say what is wrong with it
 *
 * So neither can take or make what the tables would not. tests/unit/proto_envelope_fast.c holds
 * them byte-equal, and fails when the schema gains a field that is not here; tests/fuzz/envelope.c
 * compares them on any bytes. For envelope.c alone.
 */
#pragma once
#include "proto/copy.h"
#include "proto/pack.h"
#include "proto/packet.h"
#include "proto/utf8.h"

/* In the order of wire.msg: the field's number is its place. */
enum envelope_field {
	ENVELOPE_TYPE = 1,
	ENVELOPE_FLAGS,
	ENVELOPE_ID,
	ENVELOPE_RE,
	ENVELOPE_ERR,
	ENVELOPE_FROM_SLOT,
	ENVELOPE_FROM_GEN,
	ENVELOPE_TO_SLOT,
	ENVELOPE_TO_GEN,
	ENVELOPE_FROM_NAME,
	ENVELOPE_TO_NAME,
	ENVELOPE_BUSINESS,
	ENVELOPE_PRINCIPAL,
	ENVELOPE_DEADLINE_MS,
	ENVELOPE_TRACE_ID,
	ENVELOPE_SPAN,
	ENVELOPE_SAMPLED,
	ENVELOPE_BLOB_LEN,
	ENVELOPE_FIELDS = ENVELOPE_BLOB_LEN,
};

enum {
	ENVELOPE_FLAGS_MOST = 255,
	ENVELOPE_ERR_MOST = UINT16_MAX,
	/* A head of 3 bytes, and each field with its number; a step of 8 bytes may go beyond. */
	ENVELOPE_BYTES_MOST = 3 + 14 * 10 + 2 * (1 + 2 + 255) + (1 + 2 + 16) + 2 + 8,
};

/* ---- writing ------------------------------------------------------------------------------------
 */

struct envelope_writer {
	char *at;
	unsigned n; /* fields so far */
};

static HOT void envelope_put_number(struct envelope_writer *w, enum envelope_field field,
                                    uint64_t v)
{
	char *to = w->at;
	w->n++;
	to[0] = (char)field;
	if (v < 0x80) {
		to[1] = (char)v;
		w->at = to + 2;
		return;
	}
	unsigned width = (v > UINT8_MAX) + (v > UINT16_MAX) + (v > UINT32_MAX);
	uint64_t big = __builtin_bswap64(v << (64 - (8u << width)));
	to[1] = (char)(0xcc + width);
	memcpy(to + 2, &big, 8); /* what is written too far is overwritten by the next */
	w->at = to + 2 + (1u << width);
}

static HOT void envelope_put(struct envelope_writer *w, enum envelope_field field, uint64_t v)
{
	if (v)
		envelope_put_number(w, field, v);
}

static HOT void envelope_put_name(struct envelope_writer *w, enum envelope_field field,
                                  struct str s)
{
	char *to = w->at;
	if (!s.len)
		return;
	w->n++;
	*to++ = (char)field;
	if (s.len >= 32)
		*to++ = (char)0xd9;
	*to++ = (char)(s.len < 32 ? 0xa0 | s.len : s.len);
	copy_bytes(to, s.at, s.len);
	w->at = to + s.len;
}

static HOT void envelope_put_trace(struct envelope_writer *w, struct str id)
{
	char *to = w->at;
	if (!id.len)
		return;
	w->n++;
	to[0] = ENVELOPE_TRACE_ID;
	to[1] = (char)0xc4;
	to[2] = PACKET_ENVELOPE_TRACE_ID_MAX;
	memcpy(to + 3, id.at, PACKET_ENVELOPE_TRACE_ID_MAX);
	w->at = to + 3 + PACKET_ENVELOPE_TRACE_ID_MAX;
}

/* The head of the map before its n fields, which stand at to + 1. */
static HOT char *envelope_head(char *to, const struct envelope_writer *w)
{
	if (w->n < 16) {
		*to = (char)(0x80 | w->n);
		return w->at;
	}
	memmove(to + 3, to + 1, (size_t)(w->at - to) - 1);
	to[0] = (char)0xde;
	to[1] = 0;
	to[2] = (char)w->n;
	return w->at + 2;
}

static HOT bool envelope_is_usual(const struct packet_envelope *e)
{
	return e->flags <= ENVELOPE_FLAGS_MOST && e->err <= ENVELOPE_ERR_MOST &&
	       e->from_name.len <= PACKET_ENVELOPE_FROM_NAME_MAX &&
	       e->to_name.len <= PACKET_ENVELOPE_TO_NAME_MAX &&
	       (!e->trace_id.len || e->trace_id.len == PACKET_ENVELOPE_TRACE_ID_MAX);
}

/* The end of what was written; NULL: nothing was, the tables are to do it. */
static HOT char *envelope_write(const struct packet_envelope *e, char *to, size_t room)
{
	if (room < ENVELOPE_BYTES_MOST || !envelope_is_usual(e))
		return NULL;
	struct envelope_writer w = { .at = to + 1 };
	envelope_put_number(&w, ENVELOPE_TYPE, e->type);
	envelope_put(&w, ENVELOPE_FLAGS, e->flags);
	envelope_put(&w, ENVELOPE_ID, e->id);
	envelope_put(&w, ENVELOPE_RE, e->re);
	envelope_put(&w, ENVELOPE_ERR, e->err);
	envelope_put(&w, ENVELOPE_FROM_SLOT, e->from_slot);
	envelope_put(&w, ENVELOPE_FROM_GEN, e->from_gen);
	envelope_put(&w, ENVELOPE_TO_SLOT, e->to_slot);
	envelope_put(&w, ENVELOPE_TO_GEN, e->to_gen);
	envelope_put_name(&w, ENVELOPE_FROM_NAME, e->from_name);
	envelope_put_name(&w, ENVELOPE_TO_NAME, e->to_name);
	envelope_put(&w, ENVELOPE_BUSINESS, e->business);
	envelope_put(&w, ENVELOPE_PRINCIPAL, e->principal);
	envelope_put(&w, ENVELOPE_DEADLINE_MS, e->deadline_ms);
	envelope_put_trace(&w, e->trace_id);
	envelope_put(&w, ENVELOPE_SPAN, e->span);
	if (e->sampled) {
		w.n++;
		*w.at++ = ENVELOPE_SAMPLED;
		*w.at++ = (char)0xc3;
	}
	envelope_put(&w, ENVELOPE_BLOB_LEN, e->blob_len);
	return envelope_head(to, &w);
}

/* ---- reading ------------------------------------------------------------------------------------
 */

struct envelope_reader {
	const unsigned char *at, *end;
	uint32_t left; /* fields still to come */
	bool odd;      /* not as we write it */
};

static HOT bool envelope_next(struct envelope_reader *r, enum envelope_field field)
{
	if (!r->left || r->end - r->at < 2 || r->at[0] != field)
		return false;
	r->left--;
	return true;
}

/* A number of more than 7 bits, in its shortest form. */
static HOT uint64_t envelope_take_long(struct envelope_reader *r)
{
	unsigned width = r->at[1] - 0xccu, bytes = 1u << (width & 3);
	uint64_t v;
	if (width > 3 || (size_t)(r->end - r->at) < 2 + bytes) {
		r->odd = true;
		return 0;
	}
	if (r->end - r->at >= 10) {
		memcpy(&v, r->at + 2, 8);
		v = __builtin_bswap64(v) >> (64 - 8 * bytes);
	} else {
		v = 0;
		for (unsigned i = 0; i < bytes; i++)
			v = v << 8 | r->at[2 + i];
	}
	r->at += 2 + bytes;
	return v;
}

static HOT uint64_t envelope_take(struct envelope_reader *r, enum envelope_field field,
                                  uint64_t most)
{
	if (!envelope_next(r, field))
		return 0;
	uint64_t v = r->at[1];
	if (v < 0x80)
		r->at += 2;
	else
		v = envelope_take_long(r);
	r->odd |= v > most;
	return v;
}

static HOT uint32_t envelope_take_u32(struct envelope_reader *r, enum envelope_field field)
{
	return (uint32_t)envelope_take(r, field, UINT32_MAX);
}

static HOT struct str envelope_take_name(struct envelope_reader *r, enum envelope_field field)
{
	if (!envelope_next(r, field))
		return (struct str){ 0 };
	uint32_t len = r->at[1] - 0xa0u;
	const unsigned char *at = r->at + 2;
	if (r->at[1] == 0xd9 && r->end - r->at > 2)
		len = *at++;
	else if (len >= 32)
		len = UINT32_MAX;
	struct str s = { .at = (const char *)at, .len = len };
	if (!len || len > (size_t)(r->end - at) || !utf8_valid(s)) {
		r->odd = true;
		return (struct str){ 0 };
	}
	r->at = at + len;
	return s;
}

static HOT struct str envelope_take_trace(struct envelope_reader *r)
{
	enum { TRACE = PACKET_ENVELOPE_TRACE_ID_MAX };
	if (!envelope_next(r, ENVELOPE_TRACE_ID))
		return (struct str){ 0 };
	if (r->end - r->at < 3 + TRACE || r->at[1] != 0xc4 || r->at[2] != TRACE) {
		r->odd = true;
		return (struct str){ 0 };
	}
	struct str s = { .at = (const char *)r->at + 3, .len = TRACE };
	r->at += 3 + TRACE;
	return s;
}

static HOT bool envelope_take_sampled(struct envelope_reader *r)
{
	if (!envelope_next(r, ENVELOPE_SAMPLED))
		return false;
	bool yes = r->at[1] == 0xc3;
	r->odd |= !yes;
	r->at += 2;
	return yes;
}

static HOT bool envelope_begin(struct envelope_reader *r)
{
	if (r->end - r->at < 5)
		return false;
	if ((r->at[0] & 0xf0) == 0x80) {
		r->left = *r->at++ & 0x0f;
	} else if (r->at[0] == 0xde && !r->at[1]) {
		r->left = r->at[2];
		r->at += 3;
	}
	return r->left && r->at[0] == ENVELOPE_TYPE;
}

/* true: read, and `bytes` begin behind it. false: the tables are to read it; ret holds no meaning.
 */
static HOT bool envelope_read(struct str *bytes, struct packet_envelope *ret)
{
	struct envelope_reader r = { .at = (const unsigned char *)bytes->at };
	r.end = r.at + bytes->len;
	if (!envelope_begin(&r))
		return false;
	ret->type = envelope_take_u32(&r, ENVELOPE_TYPE);
	ret->flags = (uint32_t)envelope_take(&r, ENVELOPE_FLAGS, ENVELOPE_FLAGS_MOST);
	ret->id = envelope_take(&r, ENVELOPE_ID, UINT64_MAX);
	ret->re = envelope_take(&r, ENVELOPE_RE, UINT64_MAX);
	ret->err = (uint32_t)envelope_take(&r, ENVELOPE_ERR, ENVELOPE_ERR_MOST);
	ret->from_slot = envelope_take_u32(&r, ENVELOPE_FROM_SLOT);
	ret->from_gen = envelope_take_u32(&r, ENVELOPE_FROM_GEN);
	ret->to_slot = envelope_take_u32(&r, ENVELOPE_TO_SLOT);
	ret->to_gen = envelope_take_u32(&r, ENVELOPE_TO_GEN);
	ret->from_name = envelope_take_name(&r, ENVELOPE_FROM_NAME);
	ret->to_name = envelope_take_name(&r, ENVELOPE_TO_NAME);
	ret->business = envelope_take(&r, ENVELOPE_BUSINESS, UINT64_MAX);
	ret->principal = envelope_take(&r, ENVELOPE_PRINCIPAL, UINT64_MAX);
	ret->deadline_ms = envelope_take_u32(&r, ENVELOPE_DEADLINE_MS);
	ret->trace_id = envelope_take_trace(&r);
	ret->span = envelope_take(&r, ENVELOPE_SPAN, UINT64_MAX);
	ret->sampled = envelope_take_sampled(&r);
	ret->blob_len = envelope_take_u32(&r, ENVELOPE_BLOB_LEN);
	if (r.left || r.odd)
		return false;
	*bytes = str_n((const char *)r.at, (size_t)(r.end - r.at));
	return true;
}
