/*
 * kinds.c — the kinds of all rooms in one table: what a group may host.
 */
#include "tools/switchboard/kinds.h"
#include "actors/kinds.h"
#include "gateway/gateway.h"
#include "persistence/store.h"
#include "tools/supervise/up.h"

enum { KINDS_MOST = 128 };

const struct actor_kind *const *all_kinds(void)
{
	static const struct actor_kind *all[KINDS_MOST + 1];
	uint32_t n = 0;
	for (const struct actor_kind *const *k = actor_kinds; *k && n < KINDS_MOST - 2; k++)
		all[n++] = *k;
	all[n++] = &gateway_actor;
	all[n++] = &store_actor;
	all[n] = NULL;
	return all;
}

const struct actor_kind *const *known_kinds(void)
{
	static const struct actor_kind *known[KINDS_MOST + 2];
	uint32_t n = 0;
	for (const struct actor_kind *const *k = all_kinds(); *k; k++)
		known[n++] = *k;
	known[n++] = &supervisor_actor;
	known[n] = NULL;
	return known;
}

const struct actor_kind *kind_named(struct str name)
{
	for (const struct actor_kind *const *k = all_kinds(); *k; k++)
		if (str_is(name, (*k)->name))
			return *k;
	return NULL;
}
