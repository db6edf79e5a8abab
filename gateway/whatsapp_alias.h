/*
 * whatsapp_alias.h — which phone address belongs to a LID: a gateway's short memory of pairs.
 *
 * A pair never changes, so what is remembered stays true; what is not is asked of the store. Fixed
 * size: sets of four, the oldest gives way.
 */
#pragma once
#include "gateway/whatsapp_parse.h"

enum { ALIAS_SETS = 2048, ALIAS_WAYS = 4, ALIAS_TEXT = 44 };

struct alias_pair {
	uint64_t business;
	char lid[ALIAS_TEXT], pn[ALIAS_TEXT]; /* longer ones are not remembered */
};

struct alias_cache {
	struct alias_pair at[ALIAS_SETS][ALIAS_WAYS];
};

void alias_keep(struct alias_cache *c, uint64_t business, struct str lid, struct str pn);
/* The phone address, a view into the cache until the next alias_keep; empty when not known. */
struct str alias_find(const struct alias_cache *c, uint64_t business, struct str lid);

/* Remember the pairs that rows show; put the phone's address in place of each LID that is known,
 * the copies in `a`. `lids`, with room for WHATSAPP_ROWS, takes those that are not, each once.
 * Returns how many. */
uint32_t alias_resolve(struct alias_cache *c, uint64_t business, struct whatsapp_parsed *p,
                       struct arena *a, struct str *lids);
