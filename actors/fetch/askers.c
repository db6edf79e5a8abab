/*
 * askers.c — an asker that ends while its request is under way needs no answer: it is given up.
 */
#include "actors/fetch/work.h"
#include <stdlib.h>

static struct asker *find(struct fetch *f, uint64_t serial)
{
	struct asker *a = f->askers;
	while (a && a->serial != serial)
		a = a->next;
	return a;
}

static void forget(struct fetch *f, struct asker *gone)
{
	struct asker **at = &f->askers;
	while (*at != gone)
		at = &(*at)->next;
	*at = gone->next;
	free(gone);
}

/* Its works' held asks end with it: nobody waits for an answer. */
static enum err on_gone(struct actor *self, const struct msg *m)
{
	struct fetch *f = actor_state(self);
	struct asker *a = find(f, msg_tag(m));
	uint32_t given_up = 0;
	if (!a)
		return OK;
	for (struct work *w = f->first, *next; w; w = next) {
		next = w->next;
		if (w->asker != a)
			continue;
		w->asker = NULL;
		(void)!actor_refuse(self, msg_take(&w->asked), ERR_GONE);
		work_free(w);
		given_up++;
	}
	forget(f, a);
	actor_log(self, LOG_DEBUG, "asker_gone given_up=%u", given_up);
	works_turn(self);
	return OK;
}

enum err asker_of(struct actor *self, const struct msg *m, struct asker **ret)
{
	struct fetch *f = actor_state(self);
	*ret = NULL;
	/* the process, or this actor itself: neither ends before us */
	if (!msg_from(m).gen || ref_eq(msg_from(m), actor_ref(self)))
		return OK;
	for (struct asker *a = f->askers; a; a = a->next) {
		if (!ref_eq(a->ref, msg_from(m)))
			continue;
		a->works++;
		*ret = a;
		return OK;
	}
	struct asker *a = calloc(1, sizeof *a);
	if (!a)
		return ERR_MEMORY;
	*a = (struct asker){ .ref = msg_from(m), .serial = ++f->serials, .works = 1 };
	enum err e = actor_watch_tag(self, a->ref, on_gone, a->serial);
	if (e) {
		free(a);
		return e;
	}
	a->next = f->askers;
	f->askers = a;
	*ret = a;
	return OK;
}

void asker_left(struct actor *self, struct asker *a)
{
	if (--a->works)
		return;
	actor_unwatch(self, a->ref);
	forget(actor_state(self), a);
}

void askers_free(struct fetch *f)
{
	while (f->askers)
		forget(f, f->askers);
}
