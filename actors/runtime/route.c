/*
 * route.c — where somebody lives: from a name or a ref to an actor here or a peer.
 *
 *     ref ───────────────▶ slot and generation, or the peer it names
 *     name ─▶ its kind's place ─┬─ here     this node if it hosts the kind, else the least loaded
 *                               ├─ hashed   the bus's rendezvous hash of the name
 *                               ├─ single   the same of the kind alone
 *                               └─ every    this node's own; "kind/NODE": the one of that node
 */
#include "actors/runtime/runtime.h"
#include "proto/sys.h"

static const struct actor_kind *known(const struct node *n, struct str kind)
{
	for (const struct actor_kind *const *k = n->config.known; k && *k; k++)
		if (str_is(kind, (*k)->name))
			return *k;
	return NULL;
}

static enum err peer_named(struct node *n, struct str name, uint32_t *ret_peer)
{
	struct bus_peer p;
	for (uint32_t i = 0; bus_peer_at(n->bus, i, &p); i++) {
		if (str_is(name, p.name) && p.state != BUS_PEER_GONE) {
			*ret_peer = p.peer;
			return OK;
		}
	}
	return ERR_NO_ROUTE;
}

/* The peer where kind/key lives; 0 for here. */
static enum err place(struct node *n, const struct hosted *h, struct str kind, struct str *key,
                      uint32_t *ret_peer)
{
	const struct actor_kind *k = h ? h->kind : known(n, kind);
	enum actor_place how = k ? k->place : key->len ? PLACE_HASHED : PLACE_HERE;
	*ret_peer = 0;
	if (how == PLACE_EVERY && key->len) {
		struct str node = *key;
		*key = (struct str){ 0 };
		if (str_is(node, n->name))
			return h ? OK : ERR_NO_ROUTE;
		return n->bus ? peer_named(n, node, ret_peer) : ERR_NO_ROUTE;
	}
	if (!n->bus || (h && (how == PLACE_HERE || how == PLACE_EVERY)))
		return h ? OK : ERR_NO_ROUTE;
	switch (how) {
	case PLACE_HASHED:
		return bus_place(n->bus, kind, *key, BUS_HASHED, ret_peer);
	case PLACE_SINGLE:
		return bus_place(n->bus, kind, *key, BUS_SINGLE, ret_peer);
	case PLACE_HERE:
	case PLACE_EVERY:
		break;
	}
	return bus_place(n->bus, kind, *key, BUS_HERE, ret_peer);
}

static bool stays(const struct node *n, const struct actor *a)
{
	enum actor_place p = a->hosted->kind->place;
	return !n->bus || p == PLACE_HERE || p == PLACE_EVERY;
}

/* `name` lives here, or shall. */
static enum err here(struct node *n, struct hosted *h, struct str name, struct str key,
                     uint64_t hash, bool make, struct actor **ret)
{
	struct actor *a = name_find(n, name, hash);
	if (a) {
		*ret = a;
		return OK;
	}
	if (!h)
		return ERR_NO_ROUTE;
	if (!make)
		return ERR_GONE;
	if (n->draining || n->stopping)
		return ERR_STOPPING;
	return actor_new(n, h, key, hash, NULL, ret);
}

static enum err by_name(struct node *n, struct str name, bool make, struct route *ret)
{
	struct str kind, key;
	uint64_t hash = name_hash(n, name);
	struct actor *a = name_find(n, name, hash);
	if (a && stays(n, a)) {
		ret->actor = a;
		return OK;
	}
	enum err e = name_check(name, &kind, &key);
	if (e)
		return e;
	struct hosted *h = hosted_of(n, kind);
	struct str placed = key;
	e = place(n, h, kind, &placed, &ret->peer);
	if (e || ret->peer)
		return e;
	if (placed.len != key.len) /* "kind/NODE", and that is us */
		return here(n, h, kind, placed, name_hash(n, kind), make, &ret->actor);
	return here(n, h, name, key, hash, make, &ret->actor);
}

enum err route(struct node *n, const struct to *to, bool make, struct route *ret)
{
	*ret = (struct route){ 0 };
	if (to->name.len)
		return by_name(n, to->name, make, ret);
	if (to->ref.node) {
		ret->peer = to->ref.node;
		return n->bus ? OK : ERR_NO_ROUTE;
	}
	ret->actor = slot_find(n, to->ref);
	if (ret->actor)
		return OK;
	return to->ref.gen ? ERR_GONE : ERR_NO_ROUTE;
}

/* For what arrives: it was sent here, so here it is looked for; nothing is sent in circles. */
enum err route_arrived(struct node *n, const struct msg *m, struct actor **ret)
{
	struct str kind, key;
	if (!m->to_name.len) {
		*ret = slot_find(n, (struct ref){ .slot = m->to.slot, .gen = m->to.gen });
		return *ret ? OK : ERR_GONE;
	}
	enum err e = name_check(m->to_name, &kind, &key);
	if (e)
		return e;
	struct hosted *h = hosted_of(n, kind);
	struct str name = m->to_name;
	if (h && h->kind->place == PLACE_EVERY) { /* "kind/NODE" */
		name = kind;
		key = (struct str){ 0 };
	}
	return here(n, h, name, key, name_hash(n, name), m->type != &sys_watch_desc, ret);
}
