/* registry.h — what msgc writes into all.c, for registry.c alone. Others look types up by desc.h.
 */
#pragma once
#include "proto/desc.h"

enum { PROTO_GROUPS = 256 };

/* The messages of one group, at their numbers; what is not taken is NULL. */
struct proto_slots {
	uint32_t n;
	const struct proto_desc *const *at;
};

extern const struct proto_slots proto_slots[PROTO_GROUPS];
extern const struct proto_desc *const proto_sorted[]; /* by full name, proto_all_n of them */
