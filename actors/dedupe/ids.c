/*
 * ids.c — sets of four keys, newest first.
 */
#include "actors/dedupe/ids.h"

#include <stdlib.h>
#include <string.h>

enum { WAYS = 4 };

struct ids {
	uint32_t sets; /* a power of two */
	struct window_key at[][WAYS];
};

MUST enum err ids_new(uint32_t keys, struct ids **ret)
{
	uint32_t sets = 1;
	while (sets * WAYS < keys && sets < 1u << 24)
		sets *= 2;
	struct ids *i = calloc(1, sizeof *i + sets * sizeof *i->at);
	if (!i)
		return ERR_MEMORY;
	i->sets = sets;
	*ret = i;
	return OK;
}

void ids_free(struct ids **i)
{
	free(*i);
	*i = NULL;
}

bool ids_has(const struct ids *i, struct window_key key)
{
	const struct window_key *set = i->at[key.lo & (i->sets - 1)];
	for (int way = 0; way < WAYS; way++)
		if (window_key_eq(set[way], key))
			return !window_key_none(key);
	return false;
}

void ids_keep(struct ids *i, struct window_key key)
{
	struct window_key *set = i->at[key.lo & (i->sets - 1)];
	if (ids_has(i, key))
		return;
	memmove(set + 1, set, (WAYS - 1) * sizeof *set);
	set[0] = key;
}
