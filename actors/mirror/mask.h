/*
 * mask.h — a message's body without what its schema calls secret.
 */
#pragma once
#include "proto/desc.h"

enum {
	MASK_MOST = 4096
}; /* bytes of the largest struct that is masked; a larger one is left out */

/* Copy the struct, with secret texts as "***", secret numbers as their least value, and lists of
 * records that hold secrets empty. The views of what is left are the original's. false: too large.
 */
bool mask_copy(const struct proto_desc *type, const void *body, void *ret);
bool mask_needed(const struct proto_desc *type);
