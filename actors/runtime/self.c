/*
 * self.c — what an actor knows of itself.
 */
#include "actors/runtime/runtime.h"
#include <stdio.h>
#include <stdlib.h>

void actor_sender(const struct actor *self, const struct msg *m, char *ret, size_t cap)
{
	const struct node *n = self->node;
	struct actor *a = m->from.node || m->from_name.len ? NULL : slot_find(n, m->from);
	struct str name = a ? name_of(a) : m->from_name;
	const char *node = m->from.node && n->bus ? bus_peer_name(n->bus, m->from.node) : n->name;
	size_t room = strlen(node) + 2;
	if (name.len + room > cap) /* an actor may be called anything: its node is never cut */
		name.len = room < cap ? (uint32_t)(cap - room) : 0;
	(void)snprintf(ret, cap, "%.*s%s%s", STR(name), name.len ? "@" : "", node);
	for (char *c = ret; *c; c++)
		*c = *c < '!' || *c > '~' ? '?' : *c;
}

_Static_assert(offsetof(struct actor, state) == ACTOR_STATE_AT, "as actor_state() has it");

struct ref actor_ref(const struct actor *self)
{
	return ref_of(self);
}

struct str actor_name(const struct actor *self)
{
	return name_of(self);
}

struct str actor_key(const struct actor *self)
{
	struct str name = name_of(self);
	return str_n(name.at + self->key_at, name.len - self->key_at);
}

const char *actor_node(const struct actor *self)
{
	return self->node->name;
}

struct node *actor_host(const struct actor *self)
{
	return self->node;
}

const void *actor_kind_data(const struct actor *self)
{
	return self->hosted->kind->data;
}

uint64_t actor_now_us(const struct actor *self)
{
	return self->node->now_us;
}

uint64_t actor_wall_us(const struct actor *self)
{
	return self->node->wall_us;
}

uint64_t actor_random(struct actor *self)
{
	return rng_next(&self->node->rng);
}

struct loop *actor_loop(const struct actor *self)
{
	return self->node->config.loop;
}

/* The operator's value, else the declared default. Asking for an undeclared one is a mistake of the
 * program that its first run shows. */
const char *actor_setting(const struct actor *self, const char *name)
{
	const struct node *n = self->node;
	const struct actor_kind *k = self->hosted->kind;
	const struct actor_setting *s = k->settings;
	while (s && s->name && strcmp(s->name, name) != 0)
		s++;
	assert(s && s->name);
	const char *set =
		n->config.setting ? n->config.setting(n->config.ctx, k->name, name) : NULL;
	return set ? set : s->value;
}

int64_t actor_setting_i64(const struct actor *self, const char *name)
{
	const char *value = actor_setting(self, name);
	return value ? strtoll(value, NULL, 10) : 0; /* the config loader has checked it */
}

void actor_act_for(struct actor *self, uint64_t business, uint64_t principal,
                   const struct trace *trace)
{
	struct hand *hand = hand_of(self);
	if (!self->hosted->kind->sets_tenant) {
		actor_fault(self, "sets_tenant_undeclared");
		return;
	}
	if (!hand)
		return;
	if (hand->about != &hand->own)
		hand->own = *hand->about;
	hand->about = &hand->own;
	hand->own.business = business;
	hand->own.principal = principal;
	if (trace)
		hand->own.trace = *trace;
}
