/* any.h — any body of any type, from a seed; and whether two bodies say the same. */
#pragma once
#include "proto/arena.h"
#include "proto/desc.h"

/* xorshift64*: the same numbers for the same seed, everywhere. */
struct any {
	uint64_t state; /* not 0 */
	struct arena *arena;
};

uint64_t any_u64(struct any *a);
uint32_t any_below(struct any *a, uint32_t n); /* 0 … n-1; 0 for n = 0 */

/* Fill `body` with values that the type allows; views point into the arena. Texts are short for the
 * most part, optionals are there half of the time. False when the arena is too small. */
bool any_body(struct any *a, const struct proto_desc *type, void *body);

bool same_body(const struct proto_desc *type, const void *a, const void *b);
