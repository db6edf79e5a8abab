/*
 * birth.c — how an actor comes to be: by its parent, by its first message, or with its node.
 */
#include "actors/runtime/runtime.h"

static void write_name(struct actor *a, struct str kind, struct str key)
{
	char *at = (char *)a + a->hosted->name_at;
	memcpy(at, kind.at, kind.len);
	if (key.len) {
		at[kind.len] = '/';
		memcpy(at + kind.len + 1, key.at, key.len);
		a->key_at = (uint16_t)(kind.len + 1);
	} else {
		a->key_at = a->name_len;
	}
}

static enum err enter(struct node *n, struct actor *a, uint64_t hash)
{
	enum err e = slot_take(n, a);
	if (e)
		return e;
	a->hash = (uint32_t)hash;
	e = name_put(n, a);
	if (e)
		slot_give(n, a);
	return e;
}

enum err actor_new(struct node *n, struct hosted *h, struct str key, uint64_t hash,
                   struct actor *parent, struct actor **ret)
{
	struct str kind = str_n(h->kind->name, h->name_len);
	uint32_t name_len = kind.len + (key.len ? 1 + key.len : 0);
	size_t bytes = h->name_at + name_len;
	struct actor *a = slab_take(&n->slab, bytes);
	if (!a)
		return ERR_MEMORY;
	memset(a, 0, h->name_at);
	a->node = n;
	a->hosted = h;
	a->name_len = (uint16_t)name_len;
	a->last_us = n->now_us;
	a->most = h->depth;
	write_name(a, kind, key);
	enum err e = enter(n, a, hash);
	if (!e && parent && (e = family_join(parent, a)) != OK) {
		name_take(n, a);
		slot_give(n, a);
	}
	if (e) {
		slab_give(&n->slab, a, bytes);
		return e;
	}
	h->stats.born++;
	h->stats.actors++;
	ready(a);
	*ret = a;
	return OK;
}

static void begin_one(struct actor *a)
{
	const struct actor_kind *k = a->hosted->kind;
	enum err e = OK;
	a->life = LIFE_RUNS;
	a->began = true;
	for (const struct proto_desc *const *t = k->hears; t && *t && !e; t++)
		e = actor_subscribe(a, *t);
	if (!e && k->idle_ms)
		e = idle_new(a);
	if (!e && k->start) {
		struct hand outer;
		hand_begin(&outer, a->node, a);
		e = k->start(a);
		hand_end(&outer, a->node);
	}
	if (e && a->end != END_FAULT) { /* a start that says ERR_… did not start */
		node_log(a->node, a, LOG_ERROR, "start_failed err=%s", err_info(e)->name);
		end_request(a, END_FAULT);
	}
}

static bool unborn(const struct actor *a)
{
	return a && a->life == LIFE_BORN && !a->end;
}

/* Siblings start in order of birth, whoever's turn comes first. */
void actor_begin(struct actor *a)
{
	struct actor *first = a;
	while (first->family && unborn(first->family->prev))
		first = first->family->prev;
	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a sibling has a family */
	for (; first != a; first = first->family->next)
		begin_one(first);
	begin_one(a);
}

enum err actor_spawn(struct actor *self, const struct actor_kind *kind, struct str key,
                     struct ref *ret)
{
	struct node *n = self->node;
	struct hosted *h = hosted_of(n, str_of(kind->name));
	char text[256];
	struct str name = str_of(kind->name), of, of_key;
	if (!h || h->kind != kind)
		return ERR_NO_ROUTE;
	if (n->stopping || self->life == LIFE_ENDS)
		return ERR_STOPPING;
	if (key.len) {
		if (name.len + 1 + key.len > sizeof text)
			return ERR_TOO_LARGE;
		memcpy(text, name.at, name.len);
		text[name.len] = '/';
		memcpy(text + name.len + 1, key.at, key.len);
		name = str_n(text, name.len + 1 + key.len);
	}
	enum err e = name_check(name, &of, &of_key);
	if (e)
		return e;
	uint64_t hash = name_hash(n, name);
	if (name_find(n, name, hash))
		return ERR_CONFLICT;
	struct actor *child;
	e = actor_new(n, h, key, hash, self, &child);
	if (!e && ret)
		*ret = ref_of(child);
	return e;
}
