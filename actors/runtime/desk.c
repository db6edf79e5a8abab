/*
 * desk.c — the actor `node`, which every node has and nobody need host: what an operator may ask
 * and order. `node` is one's own, `node/NAME` that of another node.
 *
 *     switchboard ── sys.stats, sys.actors, sys.dead, sys.restart, sys.drain ──▶ node/NAME
 *
 * It looks through node.h only; but it is the one actor that sees others.
 */
#include "actors/runtime/runtime.h"
#include "proto/sys.h"

enum { ROWS = 64 };

static struct sys_kind_row kind_row(const struct node_kind_stats *k)
{
	return (struct sys_kind_row){ .name = str_of(k->kind->name),
		                      .actors = k->actors,
		                      .queued = k->queued,
		                      .high = k->high,
		                      .accepted = k->accepted,
		                      .handled = k->handled,
		                      .refused = k->refused,
		                      .dropped = k->dropped,
		                      .rejected = k->rejected,
		                      .dead = k->dead,
		                      .faults = k->faults,
		                      .restarts = k->restarts,
		                      .born = k->born,
		                      .ended = k->ended };
}

static enum err on_stats(struct actor *self, const struct msg *m)
{
	struct node *n = self->node;
	struct node_stats s = node_stats(n);
	struct node_kind_stats k;
	struct sys_kind_row rows[ROWS];
	uint32_t count = 0;
	while (count < ROWS && node_kind_at(n, count, &k))
		rows[count++] = kind_row(&k);
	return actor_reply(self, m,
	                   MSG(sys_stats_are, .node = str_of(n->name), .epoch = n->config.epoch,
	                       .up_us = n->now_us - n->started_us, .actors = s.actors,
	                       .turns = s.turns, .handled = s.handled, .dead = n->dead_n,
	                       .lost = s.lost, .asks = s.asks, .pending = s.asks_pending,
	                       .timeouts = s.timeouts, .late = s.late, .bytes = s.bytes,
	                       .log_held = s.log_held, .kinds = { rows, count }));
}

static struct str parent_of(const struct node *n, struct ref parent)
{
	struct actor *a = parent.gen ? slot_find(n, parent) : NULL;
	return a ? name_of(a) : (struct str){ 0 };
}

static enum err on_actors(struct actor *self, const struct msg *m)
{
	struct node *n = self->node;
	const struct sys_actors *ask = sys_actors_of(m);
	struct sys_actor_row rows[ROWS];
	struct node_actor_stats a;
	uint32_t cursor = ask->from, count = 0;
	bool more;
	while ((more = node_actor_next(n, &cursor, &a)) && count < ROWS) {
		struct actor *it = slot_find(n, a.ref);
		if (ask->kind.len && !str_is(ask->kind, it->hosted->kind->name))
			continue;
		rows[count++] = (struct sys_actor_row){ .name = a.name,
			                                .state = str_of(a.state),
			                                .depth = a.depth,
			                                .high = a.high,
			                                .handled = a.handled,
			                                .asks = a.asks,
			                                .holds = a.holds,
			                                .restarts = a.restarts,
			                                .parent = parent_of(n, a.parent),
			                                .idle_us = n->now_us - a.last_us };
	}
	return actor_reply(
		self, m,
		MSG(sys_actors_are, .rows = { rows, count }, .next = more ? cursor - 1 : 0));
}

static enum err on_dead(struct actor *self, const struct msg *m)
{
	struct node_dead d[ROWS];
	struct sys_dead_row rows[ROWS];
	uint32_t count = 0;
	while (count < ROWS && node_dead_at(self->node, count, &d[count])) {
		rows[count] = (struct sys_dead_row){ .at_us = d[count].wall_us,
			                             .type = str_of(d[count].type->full),
			                             .why = d[count].why,
			                             .from = str_of(d[count].from),
			                             .to = str_of(d[count].to),
			                             .id = d[count].id };
		count++;
	}
	return actor_reply(self, m,
	                   MSG(sys_dead_are, .rows = { rows, count }, .total = self->node->dead_n));
}

/* Its end is a fault, so that its kind's policy begins it anew, and what it owes is answered. */
static enum err on_restart(struct actor *self, const struct msg *m)
{
	struct node *n = self->node;
	struct str name = sys_restart_of(m)->name;
	struct actor *a = name_find(n, name, name_hash(n, name));
	if (!a || a == self || a->life != LIFE_RUNS)
		return ERR_NOT_FOUND;
	node_log(n, a, LOG_WARN, "restart_ordered");
	a->end = END_FAULT;
	ready(a);
	return actor_reply(self, m, MSG(sys_done));
}

static enum err on_drain(struct actor *self, const struct msg *m)
{
	node_log(self->node, NULL, LOG_INFO, "draining");
	node_drain(self->node);
	return actor_reply(self, m, MSG(sys_done));
}

static const struct actor_on takes[] = {
	{ &sys_stats_desc, on_stats }, { &sys_actors_desc, on_actors },
	{ &sys_dead_desc, on_dead },   { &sys_restart_desc, on_restart },
	{ &sys_drain_desc, on_drain }, { 0 },
};
static const struct proto_desc *const sends[] = { &sys_stats_are_desc, &sys_actors_are_desc,
	                                          &sys_dead_are_desc, &sys_done_desc, NULL };

const struct actor_kind node_actor = {
	.name = "node",
	.doc = "the node itself: counters, actors, dead letters, orders",
	.takes = takes,
	.sends = sends,
	.place = PLACE_EVERY,
	.mailbox = { .depth = 64, .full = FULL_REFUSE },
	.idle_ms = 60000,
};
