/*
 * release.c — a row that was taken for a copy is shown after all, and told to whoever reacts.
 */
#include "actors/dedupe/part.h"

#include <stdlib.h>

enum { RELEASE_MS = 5000 };

struct release {
	struct release *next;
	const struct msg *held;
	uint64_t number;
};

static struct release *take(struct part *p, uint64_t number)
{
	struct release **at = &p->releases;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	struct release *r = *at;
	if (r)
		*at = r->next;
	return r;
}

static enum err on_released(struct actor *self, const struct msg *m)
{
	struct release *r = take(actor_state(self), msg_tag(m));
	if (!r)
		return OK;
	const struct msg *held = r->held;
	free(r);
	if (msg_err(m))
		return actor_refuse(self, held, msg_err(m));
	const struct wa_released *done = wa_released_of(m);
	if (done->fresh)
		(void)!actor_publish(
			self, MSG(wa_fresh, .chats = { &done->chat, 1 }, .ids = { &done->id, 1 }));
	return actor_reply(self, held, &wa_released_desc, done);
}

enum err release_on_ask(struct actor *self, const struct msg *m)
{
	struct part *p = actor_state(self);
	struct release *r = calloc(1, sizeof *r);
	if (!r)
		return ERR_MEMORY;
	r->number = ++p->number;
	enum err e = actor_ask_tag(self, "store", RELEASE_MS, on_released, r->number,
	                           &wa_release_desc, wa_release_of(m));
	if (e) {
		free(r);
		return e;
	}
	r->held = msg_hold(self, m);
	r->next = p->releases;
	p->releases = r;
	return OK;
}

void release_free(struct part *p)
{
	while (p->releases) {
		struct release *r = p->releases;
		p->releases = r->next;
		free(r);
	}
}
