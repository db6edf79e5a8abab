/*
 * family.c — parents and children, in order of birth.
 */
#include "actors/runtime/runtime.h"

static size_t bytes(const struct actor *a)
{
	return sizeof(struct family) + a->hosted->times * sizeof(uint64_t);
}

enum err family_of(struct actor *a, struct family **ret)
{
	if (!a->family) {
		struct family *f = slab_take(&a->node->slab, bytes(a));
		if (!f)
			return ERR_MEMORY;
		*f = (struct family){ .self = a, .restart = { .is = TIMER_RESTART } };
		f->restarts_us = (uint64_t *)(f + 1);
		a->family = f;
	}
	*ret = a->family;
	return OK;
}

enum err family_join(struct actor *parent, struct actor *child)
{
	struct family *p, *c;
	if (parent->family && parent->family->depth + 1 >= TREE_DEPTH)
		return ERR_LIMIT;
	enum err e = family_of(parent, &p);
	if (!e)
		e = family_of(child, &c);
	if (e)
		return e;
	c->parent = parent;
	c->depth = (uint8_t)(p->depth + 1);
	c->prev = p->last;
	if (p->last)
		p->last->family->next = child;
	else
		p->first = child;
	p->last = child;
	return OK;
}

void family_leave(struct actor *child)
{
	struct family *c = child->family;
	if (!c)
		return;
	assert(!c->first);
	wheel_disarm(&child->node->wheel, &c->restart);
	if (c->parent) {
		struct family *p = c->parent->family;
		if (c->prev)
			c->prev->family->next = c->next;
		else
			p->first = c->next;
		if (c->next)
			c->next->family->prev = c->prev;
		else
			p->last = c->prev;
	}
	slab_give(&child->node->slab, c, bytes(child));
	child->family = NULL;
}

enum err actor_stop_child(struct actor *self, struct ref child)
{
	struct actor *c = child.node ? NULL : slot_find(self->node, child);
	if (!c || !c->family || c->family->parent != self || c->life == LIFE_ENDS)
		return ERR_NOT_FOUND;
	if (!c->end)
		c->end = END_STOPPED;
	actor_halt(c);
	actor_bury(c);
	return OK;
}
