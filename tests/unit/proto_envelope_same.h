/*
 * proto_envelope_same.h — are two envelopes one, whichever bytes their views point to?
 */
#pragma once
#include "proto/packet.h"

static inline bool envelope_same(const struct packet_envelope *a, const struct packet_envelope *b)
{
	return a->type == b->type && a->flags == b->flags && a->id == b->id && a->re == b->re &&
	       a->err == b->err && a->from_slot == b->from_slot && a->from_gen == b->from_gen &&
	       a->to_slot == b->to_slot && a->to_gen == b->to_gen &&
	       str_eq(a->from_name, b->from_name) && str_eq(a->to_name, b->to_name) &&
	       a->business == b->business && a->principal == b->principal &&
	       a->deadline_ms == b->deadline_ms && str_eq(a->trace_id, b->trace_id) &&
	       a->span == b->span && a->sampled == b->sampled && a->blob_len == b->blob_len;
}
