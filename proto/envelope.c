/* envelope.c — struct msg to packet and back (envelope.h draws it). */
#include "proto/envelope.h"
#include "proto/codec.h"
#include "proto/envelope_fast.h"

enum {
	LENGTH_BYTES = 4,
	FLAGS_SENT = MSG_ASK | MSG_ANSWER | MSG_EVENT | MSG_CONTROL,
	TRACE_BYTES = sizeof((struct trace *)0)->id,
};

static void put_length(char *to, size_t n)
{
	for (int i = 0; i < LENGTH_BYTES; i++)
		to[i] = (char)(n >> 8 * i);
}

static uint32_t get_length(const char *from)
{
	uint32_t n = 0;
	for (int i = 0; i < LENGTH_BYTES; i++)
		n |= (uint32_t)(unsigned char)from[i] << 8 * i;
	return n;
}

/* Time left, rounded up; one that has passed is still a deadline. */
static uint32_t ms_left(uint64_t deadline_us, uint64_t now_us)
{
	if (!deadline_us)
		return 0;
	if (deadline_us <= now_us)
		return 1;
	uint64_t ms = (deadline_us - now_us + 999) / 1000;
	return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

static bool is_traced(const struct trace *t)
{
	static const struct trace none;
	return memcmp(t->id, none.id, TRACE_BYTES) != 0;
}

/* Every field by hand: a designated initialiser clears the struct first and is then copied out. */
static void envelope_of(const struct msg *m, uint64_t now_us, struct packet_envelope *ret)
{
	ret->type = m->type ? m->type->number : 0;
	ret->flags = m->flags & FLAGS_SENT;
	ret->id = m->id;
	ret->re = m->re;
	ret->err = m->err;
	ret->from_slot = m->from.slot;
	ret->from_gen = m->from.gen;
	ret->to_slot = m->to.slot;
	ret->to_gen = m->to.gen;
	ret->from_name = m->from_name;
	ret->to_name = m->to_name;
	ret->business = m->business;
	ret->principal = m->principal;
	ret->deadline_ms = ms_left(m->deadline_us, now_us);
	ret->trace_id = str_n((const char *)m->trace.id, is_traced(&m->trace) ? TRACE_BYTES : 0);
	ret->span = m->trace.span;
	ret->sampled = m->trace.sampled;
	ret->blob_len = m->blob ? m->blob->len : 0;
}

/* Where the next part goes, and how much of the room is left: none once a part did not fit. */
static void advance(char **to, size_t *room, size_t n)
{
	n = n < *room ? n : *room;
	if (n)
		*to += n; /* `to` is NULL when the length alone is asked for */
	*room -= n;
}

static inline enum err put_envelope(const struct packet_envelope *envelope, char *to, size_t room,
                                    size_t *ret_len)
{
	const char *end = envelope_write(envelope, to, room);
	if (!end)
		return proto_encode(&packet_envelope_desc, envelope, to, room, ret_len, NULL);
	*ret_len = (size_t)(end - to);
	return OK;
}

enum err packet_put(const struct msg *m, uint64_t now_us, char *to, size_t room, size_t *ret_len)
{
	return packet_put_body(m, msg_body(m), now_us, to, room, ret_len);
}

enum err packet_put_body(const struct msg *m, const void *body, uint64_t now_us, char *to,
                         size_t room, size_t *ret_len)
{
	struct packet_envelope envelope;
	struct str blob = m->blob ? str_n(m->blob->at, m->blob->len) : (struct str){ 0 };
	size_t all = room, n = 0, total = LENGTH_BYTES;
	char *start = to;
	if (m->type && !m->type->number)
		return ERR_TYPE;
	if (blob.len && (!m->type || blob.len > m->type->blob))
		return ERR_TOO_LARGE;
	envelope_of(m, now_us, &envelope);
	advance(&to, &room, LENGTH_BYTES);
	enum err e = put_envelope(&envelope, to, room, &n);
	if (e && e != ERR_FULL)
		return e;
	advance(&to, &room, n);
	total += n;
	if (!m->err) {
		e = proto_encode(m->type, body, to, room, &n, NULL);
		if (e && e != ERR_FULL)
			return e;
		advance(&to, &room, n);
		total += n;
	}
	total += blob.len;
	if (total - LENGTH_BYTES > UINT32_MAX)
		return ERR_TOO_LARGE;
	*ret_len = total;
	if (total > all)
		return ERR_FULL;
	if (blob.len)
		memcpy(to, blob.at, blob.len);
	put_length(start, total - LENGTH_BYTES);
	return OK;
}

static enum err check(struct packet *p, struct str rest)
{
	const struct packet_envelope *e = &p->envelope;
	if (e->blob_len > rest.len || (e->trace_id.len && e->trace_id.len != TRACE_BYTES))
		return ERR_MALFORMED;
	uint32_t body = rest.len - e->blob_len;
	p->body = str_n(rest.at, body);
	p->blob = str_n(rest.at + body, e->blob_len);
	/* A body is never empty, a bare error answer has none. */
	if ((e->err != OK) != (body == 0))
		return ERR_MALFORMED;
	p->type = proto_by_number(e->type);
	if (e->blob_len > (p->type ? p->type->blob : e->err ? 0 : rest.len))
		return ERR_TOO_LARGE;
	return OK;
}

enum err packet_next(struct str *pack, struct packet *ret)
{
	if (pack->len < LENGTH_BYTES || get_length(pack->at) > pack->len - LENGTH_BYTES) {
		*pack = (struct str){ 0 };
		return ERR_MALFORMED;
	}
	struct str rest = str_n(pack->at + LENGTH_BYTES, get_length(pack->at));
	*pack = str_n(rest.at + rest.len, pack->len - LENGTH_BYTES - rest.len);
	enum err e = OK;
	if (!envelope_read(&rest, &ret->envelope))
		e = proto_decode_first(&packet_envelope_desc, &rest, &ret->envelope, NULL, NULL);
	return e ? e : check(ret, rest);
}

/* A view read as it was written, pointer and length apart: passing on what was stored just before
 * as one load waits until both stores have left the core (10 ns for the three). */
static inline struct str parts(const struct str *s)
{
	return str_n(s->at, s->len);
}

enum err packet_open(const struct packet *p, uint64_t now_us, struct msg **ret,
                     const struct proto_field **ret_field)
{
	const struct packet_envelope *e = &p->envelope;
	struct msg *m = NULL;
	if (!p->type && !e->err)
		return ERR_TYPE;
	enum err err = msg_decode(p->type, parts(&p->body), parts(&e->from_name),
	                          parts(&e->to_name), &m, ret_field);
	if (err)
		return err;
	if (p->blob.len && !(m->blob = blob_copy(p->blob.at, p->blob.len))) {
		msg_unref(m);
		return ERR_MEMORY;
	}
	m->flags = (uint8_t)((e->flags & FLAGS_SENT) | MSG_FAR);
	m->err = (uint16_t)e->err;
	m->id = e->id;
	m->re = e->re;
	m->from = (struct ref){ .slot = e->from_slot, .gen = e->from_gen };
	m->to = (struct ref){ .slot = e->to_slot, .gen = e->to_gen };
	m->business = e->business;
	m->principal = e->principal;
	m->deadline_us = e->deadline_ms ? now_us + (uint64_t)e->deadline_ms * 1000 : 0;
	if (e->trace_id.len)
		memcpy(m->trace.id, e->trace_id.at, TRACE_BYTES);
	m->trace.span = e->span;
	m->trace.sampled = e->sampled;
	*ret = m;
	return OK;
}
