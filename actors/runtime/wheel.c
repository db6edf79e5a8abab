/*
 * wheel.c — the timer wheel; wheel.h tells how it turns.
 */
#include "actors/runtime/wheel.h"
#include <assert.h>

enum { BITS = 6 };

void wheel_init(struct wheel *w, uint64_t now)
{
	w->now = now;
	for (int l = 0; l < WHEEL_LEVELS; l++) {
		w->used[l] = 0;
		for (int s = 0; s < WHEEL_SLOTS; s++) {
			struct wheel_link *head = &w->slots[l][s];
			head->next = head->prev = head;
		}
	}
}

static void place(struct wheel *w, struct wheel_timer *t)
{
	uint64_t differs = (w->now ^ t->due) | (WHEEL_SLOTS - 1);
	unsigned level = (63u - (unsigned)__builtin_clzll(differs)) / BITS;
	assert(level < WHEEL_LEVELS);
	t->level = (uint8_t)level;
	t->slot = (t->due >> (level * BITS)) & (WHEEL_SLOTS - 1);
	struct wheel_link *head = &w->slots[level][t->slot];
	t->link.next = head;
	t->link.prev = head->prev;
	head->prev->next = &t->link;
	head->prev = &t->link;
	w->used[level] |= 1ull << t->slot;
}

void wheel_arm(struct wheel *w, struct wheel_timer *t, uint64_t due)
{
	wheel_disarm(w, t);
	t->due = due > w->now ? due : w->now + 1;
	place(w, t);
}

void wheel_disarm(struct wheel *w, struct wheel_timer *t)
{
	struct wheel_link *l = &t->link;
	if (!l->next)
		return;
	if (l->next == l->prev) /* the last but its head */
		w->used[t->level] &= ~(1ull << t->slot);
	l->next->prev = l->prev;
	l->prev->next = l->next;
	l->next = l->prev = NULL;
}

/* The first slot in use, and the tick at which it begins. */
static bool first_slot(const struct wheel *w, unsigned *ret_level, unsigned *ret_slot,
                       uint64_t *ret_begins)
{
	for (unsigned l = 0; l < WHEEL_LEVELS; l++) {
		if (!w->used[l])
			continue;
		/* Slots behind now are empty: all that lies here differs from now upward. */
		unsigned shift = l * BITS, slot = (unsigned)__builtin_ctzll(w->used[l]);
		uint64_t base = w->now >> (shift + BITS) << (shift + BITS);
		*ret_level = l;
		*ret_slot = slot;
		*ret_begins = base | ((uint64_t)slot << shift);
		return true;
	}
	return false;
}

struct wheel_timer *wheel_expire(struct wheel *w, uint64_t now)
{
	unsigned level, slot;
	uint64_t begins;
	while (first_slot(w, &level, &slot, &begins) && begins <= now) {
		struct wheel_link *head = &w->slots[level][slot];
		if (begins > w->now)
			w->now = begins;
		if (level == 0) {
			struct wheel_timer *t = (struct wheel_timer *)head->next;
			wheel_disarm(w, t);
			return t;
		}
		while (head->next != head) { /* each goes at least one level down */
			struct wheel_timer *t = (struct wheel_timer *)head->next;
			wheel_disarm(w, t);
			place(w, t);
		}
	}
	if (now > w->now)
		w->now = now;
	return NULL;
}

uint64_t wheel_next(const struct wheel *w)
{
	unsigned level, slot;
	uint64_t begins;
	return first_slot(w, &level, &slot, &begins) ? begins : UINT64_MAX;
}
