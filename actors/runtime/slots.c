/*
 * slots.c — handles: a slot and its generation, so that a message to the dead never reaches the
 * next one who lives there.
 */
#include "actors/runtime/runtime.h"
#include <stdlib.h>

enum { FEWEST = 256 };

static enum err grow(struct node *n)
{
	uint32_t most = n->n_slots ? n->n_slots * 2 : FEWEST;
	struct slot *slots = realloc(n->slots, most * sizeof *slots);
	if (!slots)
		return ERR_MEMORY;
	n->slots = slots;
	for (uint32_t i = most; i-- > n->n_slots;) { /* the lowest is taken first */
		/* Generations start apart from 0, which means nobody. */
		slots[i] = (struct slot){ .gen = 1, .next_free = n->free_slot };
		n->free_slot = i + 1;
	}
	n->n_slots = most;
	return OK;
}

enum err slot_take(struct node *n, struct actor *a)
{
	if (n->stats.actors >= n->config.actors_most)
		return ERR_LIMIT;
	if (!n->free_slot) {
		enum err e = grow(n);
		if (e)
			return e;
	}
	uint32_t i = n->free_slot - 1;
	struct slot *s = &n->slots[i];
	n->free_slot = s->next_free;
	s->actor = a;
	a->ref.slot = i;
	a->ref.gen = s->gen;
	n->stats.actors++;
	return OK;
}

void slot_give(struct node *n, struct actor *a)
{
	struct slot *s = &n->slots[a->ref.slot];
	s->actor = NULL;
	s->gen = s->gen + 1 ? s->gen + 1 : 1;
	s->next_free = n->free_slot;
	n->free_slot = a->ref.slot + 1;
	n->stats.actors--;
}
