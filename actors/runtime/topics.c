/*
 * topics.c — publish and subscribe by type: every subscriber here shares one block, and the bus
 * hears once per type that somebody here listens.
 */
#include "actors/runtime/runtime.h"

static struct sub *find(struct actor *a, const struct proto_desc *type)
{
	struct sub *s = a->subs;
	while (s && s->topic->type != type)
		s = s->next_of_actor;
	return s;
}

static enum err topic_of(struct node *n, const struct proto_desc *type, struct topic **ret)
{
	struct topic *t = index_get(&n->topics, type->number);
	if (!t) {
		t = slab_take(&n->slab, sizeof *t);
		if (!t)
			return ERR_MEMORY;
		*t = (struct topic){ .type = type };
		enum err e = index_put(&n->topics, type->number, t);
		if (e) {
			slab_give(&n->slab, t, sizeof *t);
			return e;
		}
	}
	*ret = t;
	return OK;
}

enum err actor_subscribe(struct actor *self, const struct proto_desc *type)
{
	struct node *n = self->node;
	struct topic *t;
	if (self->life == LIFE_ENDS)
		return ERR_STOPPING;
	if (find(self, type))
		return OK;
	if (self->subs_n >= SUBS_MOST)
		return ERR_LIMIT;
	enum err e = topic_of(n, type, &t);
	if (e)
		return e;
	struct sub *s = slab_take(&n->slab, sizeof *s);
	if (!s)
		return ERR_MEMORY;
	*s = (struct sub){
		.next_of_actor = self->subs, .next = t->subs, .actor = self, .topic = t
	};
	if (s->next)
		s->next->prev = s;
	else if (n->bus)
		bus_subscribe(n->bus, type);
	t->subs = s;
	self->subs = s;
	self->subs_n++;
	return OK;
}

void actor_unsubscribe(struct actor *self, const struct proto_desc *type)
{
	struct node *n = self->node;
	struct sub *s = find(self, type);
	if (!s)
		return;
	struct sub **at = &self->subs;
	while (*at != s)
		at = &(*at)->next_of_actor;
	*at = s->next_of_actor;
	if (s->prev)
		s->prev->next = s->next;
	else
		s->topic->subs = s->next;
	if (s->next)
		s->next->prev = s->prev;
	if (!s->topic->subs && n->bus)
		bus_unsubscribe(n->bus, type);
	self->subs_n--;
	slab_give(&n->slab, s, sizeof *s);
}

void subs_drop(struct actor *a)
{
	while (a->subs)
		actor_unsubscribe(a, a->subs->topic->type);
}

void topic_deliver(struct node *n, struct msg *m)
{
	struct topic *t = index_get(&n->topics, m->type->number);
	for (struct sub *s = t ? t->subs : NULL; s; s = s->next)
		if (mailbox_put(s->actor, msg_ref(m)) != OK)
			dead(n, m, s->actor, ERR_FULL);
}

/* The bus has come after its subscribers. */
void topics_join(struct node *n)
{
	for (uint32_t i = 0; i < index_rows(&n->topics); i++) {
		struct topic *t = index_at(&n->topics, i);
		if (t && t->subs)
			bus_subscribe(n->bus, t->type);
	}
}
