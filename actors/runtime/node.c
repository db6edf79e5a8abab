/*
 * node.c — a node from its making to its end.
 */
#include "actors/runtime/runtime.h"
#include <stdlib.h>

enum { ACTORS_MOST = 4 << 20 };

static enum err begin_all(struct node *n)
{
	enum err e = OK;
	struct actor *a;
	for (uint32_t i = 0; i < n->n_hosted && !e; i++) {
		const struct actor_kind *k = n->hosted[i].kind;
		bool elsewhere = k->place == PLACE_HASHED || k->place == PLACE_SINGLE;
		if (k->at_start && !elsewhere)
			e = actor_new(n, &n->hosted[i], (struct str){ 0 },
			              name_hash(n, str_of(k->name)), NULL, &a);
	}
	return e;
}

enum err node_new(const struct node_config *config, struct node **ret)
{
	struct node *n = calloc(1, sizeof *n);
	if (!n)
		return ERR_MEMORY;
	n->config = *config;
	if (!n->config.actors_most)
		n->config.actors_most = ACTORS_MOST;
	if (!n->config.log_level)
		n->config.log_level = LOG_INFO;
	str_keep(n->name, sizeof n->name, str_of(config->name));
	n->now_us = n->started_us = config->now_us;
	n->wall_us = config->wall_us;
	n->log.next_us = UINT64_MAX;
	rng_init(&n->rng, config->seed);
	n->names_seed = rng_next(&n->rng);
	wheel_init(&n->wheel, 0);
	enum err e = hosted_new(n, config->kinds);
	if (!e)
		e = begin_all(n);
	if (e) {
		node_free(&n);
		return e;
	}
	*ret = n;
	return OK;
}

void node_join(struct node *n, struct bus *bus)
{
	n->bus = bus;
	topics_join(n);
}

const char *node_name(const struct node *n)
{
	return n->name;
}

uint64_t node_epoch(const struct node *n)
{
	return n->config.epoch;
}

const char *node_trouble(const struct node *n)
{
	return n->trouble;
}

void node_tap(struct node *n, node_tap_fn *tap, void *ctx)
{
	n->tap = tap;
	n->tap_pass = 0;
	n->tap_ctx = ctx;
}

void node_drain(struct node *n)
{
	n->draining = true;
}

/* Top of the trees only, the youngest first: generations of slots do not tell age, so by number of
 * birth would need a list. Kinds are stopped in the reverse of their order in the config, which is
 * the order in which they were begun; of one kind the higher slot first. */
void node_stop(struct node *n)
{
	n->stopping = true;
	for (uint32_t k = n->n_hosted; k-- > 0;) {
		for (uint32_t i = n->n_slots; i-- > 0;) {
			struct actor *a = n->slots[i].actor;
			if (!a || a->hosted != &n->hosted[k] || (a->family && a->family->parent))
				continue;
			if (!a->end)
				a->end = END_STOPPED;
			actor_halt(a);
			actor_bury(a);
		}
	}
	while (n->ready) { /* the dead that still stood in the queue */
		struct actor *a = n->ready;
		n->ready = a->ready_next;
		a->ready = false;
		actor_bury(a);
	}
}

static void free_topics(struct node *n)
{
	for (uint32_t i = 0; i < index_rows(&n->topics); i++) {
		struct topic *t = index_at(&n->topics, i);
		if (t)
			slab_give(&n->slab, t, sizeof *t);
	}
	index_done(&n->topics);
}

/* What the host and other nodes asked through us: answered, not dropped. */
static void end_ownerless(struct node *n)
{
	for (uint32_t i = 0; i < index_rows(&n->asks);) {
		struct ask *a = index_at(&n->asks, i);
		if (a)
			ask_fail(n, a->id, ERR_STOPPING, NULL, &n->stats.failed);
		if (!a || a == index_at(&n->asks, i))
			i++;
	}
	host_answers(n);
}

void node_free(struct node **ret)
{
	struct node *n = *ret;
	*ret = NULL;
	if (!n)
		return;
	node_stop(n);
	end_ownerless(n);
	far_done(n);
	free_topics(n);
	index_done(&n->asks);
	index_done(&n->owed);
	index_done(&n->watched);
	hosted_free(n);
	free(n->slots);
	free(n->names);
	slab_done(&n->slab);
	free(n);
}
