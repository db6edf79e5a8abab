/*
 * deadletter.c — messages that nobody handled: counted by reason, the latest remembered.
 */
#include "actors/runtime/runtime.h"
#include <stdio.h>

static void write_who(char *out, size_t room, const struct node *n, struct ref r, struct str name)
{
	struct actor *a = r.node ? NULL : slot_find(n, r);
	if (name.len || a)
		str_keep(out, room, name.len ? name : name_of(a));
	else if (r.gen)
		snprintf(out, room, "%u:%u.%u", r.node, r.slot, r.gen);
	else
		out[0] = '\0';
}

void dead(struct node *n, const struct msg *m, const struct actor *to, enum err why)
{
	struct node_dead *d = &n->dead[n->dead_n++ % DEAD_RING];
	n->dead_by[(unsigned)why < REASONS ? why : ERR_FAULT]++;
	*d = (struct node_dead){ .wall_us = n->wall_us, .id = m->id, .type = m->type, .why = why };
	write_who(d->from, sizeof d->from, n, m->from, m->from_name);
	write_who(d->to, sizeof d->to, n, m->to, to ? name_of(to) : m->to_name);
}

uint64_t node_dead_by(const struct node *n, enum err why)
{
	return (unsigned)why < REASONS ? n->dead_by[why] : 0;
}

bool node_dead_at(const struct node *n, uint32_t i, struct node_dead *ret)
{
	if (i >= DEAD_RING || i >= n->dead_n)
		return false;
	*ret = n->dead[(n->dead_n - 1 - i) % DEAD_RING];
	return true;
}
