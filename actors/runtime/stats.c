/*
 * stats.c — what an operator can see of a node. The turn counts per kind; sums are made here.
 */
#include "actors/runtime/runtime.h"

bool node_kind_at(const struct node *n, uint32_t i, struct node_kind_stats *ret)
{
	if (i >= n->n_hosted)
		return false;
	struct node_kind_stats s = n->hosted[i].stats;
	s.queued = s.accepted - s.handled - s.refused - s.dropped - s.dead;
	*ret = s;
	return true;
}

struct node_stats node_stats(const struct node *n)
{
	struct node_stats s = n->stats;
	struct node_kind_stats k;
	for (uint32_t i = 0; node_kind_at(n, i, &k); i++) {
		s.accepted += k.accepted;
		s.handled += k.handled;
		s.refused += k.refused;
		s.dropped += k.dropped;
		s.dead += k.dead;
		s.queued += k.queued;
		s.faults += k.faults;
		s.restarts += k.restarts;
		s.born += k.born;
		s.ended += k.ended;
	}
	s.asks_pending = n->asks.n;
	s.watches = n->watches;
	for (const struct actor *a = n->ready; a; a = a->ready_next)
		s.ready++;
	s.bytes = n->slab.bytes + n->n_slots * sizeof(struct slot) +
	          (n->names ? (n->names_mask + 1) * sizeof(struct name_row) : 0) +
	          (index_rows(&n->asks) + index_rows(&n->owed) + index_rows(&n->watched) +
	           index_rows(&n->topics)) *
	                  sizeof(struct index_row);
	s.log_lines = n->log.lines;
	s.log_held = n->log.held;
	return s;
}

static const char *life_name(const struct actor *a)
{
	switch ((enum actor_life)a->life) {
	case LIFE_BORN:
		return "born";
	case LIFE_RUNS:
		return "runs";
	case LIFE_ENDS:
		return "ends";
	case LIFE_PAUSED:
		return "paused";
	case LIFE_BARRED:
		return "barred";
	case LIFE_DEAD:
		break;
	}
	return "dead";
}

bool node_actor_next(const struct node *n, uint32_t *cursor, struct node_actor_stats *ret)
{
	while (*cursor < n->n_slots && !n->slots[*cursor].actor)
		++*cursor;
	if (*cursor >= n->n_slots)
		return false;
	const struct actor *a = n->slots[(*cursor)++].actor;
	const struct actor *parent = a->family ? a->family->parent : NULL;
	*ret = (struct node_actor_stats){ .name = name_of(a),
		                          .ref = ref_of(a),
		                          .state = life_name(a),
		                          .handled = a->handled,
		                          .last_us = a->last_us,
		                          .depth = a->mailbox.depth,
		                          .high = a->mailbox.high,
		                          .asks = a->asks,
		                          .holds = a->holds,
		                          .watches = a->watches,
		                          .restarts = a->restarts };
	if (parent)
		ret->parent = ref_of(parent);
	return true;
}
