/*
 * watch.c — who wants to hear of whose end. A watch is an ask without a deadline, whose answer is
 * sys.gone: so "exactly once" is the same promise, kept by the same code.
 *
 *     watcher ── ask (ASK_WATCH) ◀──▶ debt ── watched          in one node, linked to each other
 *     watcher ── ask ── sys.watch ──▶ │ node │ ──▶ debt         across nodes; sys.gone comes back
 */
#include "actors/runtime/runtime.h"
#include "proto/sys.h"

struct msg *watch_gone_msg(struct node *n, struct ref who, struct str name, enum err why)
{
	struct sys_gone body = { .name = name, .slot = who.slot, .gen = who.gen, .why = why };
	const struct proto_field *field;
	struct msg *m;
	(void)n;
	return msg_new(&sys_gone_desc, &body, &m, &field) == OK ? m : NULL;
}

/* ---- the watcher ----------------------------------------------------------------------------- */

/* What a watch is known by: the name it was set on, or the ref. */
static uint64_t name_of_watch(const struct node *n, const struct to *who)
{
	return who->name.len ? name_hash(n, who->name) | 1 : 0;
}

static bool same(const struct ask *a, const struct to *who, uint64_t name)
{
	return a->is == ASK_WATCH && a->fn && a->whom_name == name &&
	       (name || ref_eq(a->whom, who->ref));
}

static struct ask *find(struct actor *self, const struct to *who, uint64_t name)
{
	for (struct ask *a = self->asked; a; a = a->next)
		if (same(a, who, name))
			return a;
	return NULL;
}

static enum err watch_here(struct ask *a, struct actor *target)
{
	struct debt *d;
	enum err e = debt_new(target, &d);
	if (e)
		return e;
	d->watched = true;
	d->watch = a;
	a->debt = d;
	return OK;
}

static enum err watch_there(struct actor *self, struct ask *a, const struct to *who, uint32_t peer)
{
	struct msg *m;
	enum err e = speak_new(self->node, self, &sys_watch_desc, &(struct sys_watch){}, NULL,
	                       MSG_ASK | MSG_CONTROL, &m);
	if (e)
		return e;
	m->id = a->id;
	m->deadline_us = 0;
	m->to = who->name.len ? (struct ref){ .node = peer } : who->ref;
	a->peer = peer;
	e = far_send(self->node, peer, m, name_of(self), who->name);
	msg_unref(m);
	return e;
}

static enum err watch_somewhere(struct actor *self, struct ask *a, const struct to *who)
{
	struct route r;
	enum err e = route(self->node, who, false, &r);
	if (e)
		return e;
	if (!r.actor)
		return watch_there(self, a, who, r.peer);
	a->whom = ref_of(r.actor);
	return watch_here(a, r.actor);
}

enum err actor_watch_to(struct actor *self, const struct to *who, actor_fn *gone)
{
	return actor_watch_tag_to(self, who, gone, 0);
}

enum err actor_watch_tag_to(struct actor *self, const struct to *who, actor_fn *gone, uint64_t tag)
{
	struct node *n = self->node;
	uint64_t name = name_of_watch(n, who);
	struct ask *a = find(self, who, name);
	if (self->life == LIFE_ENDS)
		return ERR_STOPPING;
	if (a && !a->event.queued) {
		a->fn = gone;
		a->tag = tag;
		return OK;
	}
	enum err e = ask_new(n, self, ASK_WATCH, &a);
	if (e)
		return e;
	struct hand *hand = hand_of(self);
	if (hand)
		a->about = *hand->about;
	a->fn = gone;
	a->tag = tag;
	a->type = &sys_watch_desc;
	a->whom = who->ref;
	a->whom_name = name;
	e = watch_somewhere(self, a, who);
	if (e == ERR_FULL || e == ERR_MEMORY) { /* which says nothing about who is watched */
		ask_undo(n, a);
		return e;
	}
	if (e) /* nobody is there: that is the answer */
		ask_fail(n, a->id, ERR_GONE, NULL, &n->stats.failed);
	return OK;
}

void watch_withdraw(struct node *n, struct ask *watch)
{
	struct msg *m;
	if (!watch->peer || watch->answer || !n->bus)
		return;
	struct sys_unwatch body = { .id = watch->id };
	if (speak_new(n, NULL, &sys_unwatch_desc, &body, NULL, MSG_CONTROL, &m) == OK)
		far_answer(n, watch->peer, m, (struct str){ 0 });
}

void actor_unwatch_to(struct actor *self, const struct to *who)
{
	uint64_t name = name_of_watch(self->node, who);
	struct ask *a;
	while ((a = find(self, who, name))) {
		a->fn = NULL; /* word of an end that waits already is not handed over either */
		if (a->event.queued)
			continue;
		watch_withdraw(self->node, a);
		ask_free(self->node, a);
	}
}

/* ---- the watched ------------------------------------------------------------------------------
 */

void watch_pay(struct actor *ended, struct debt *d, enum err why)
{
	struct node *n = ended->node;
	struct ask *watch = d->watch;
	struct msg *m = watch_gone_msg(n, ref_of(ended), name_of(ended), why);
	if (watch) {
		d->watch = NULL;
		watch->debt = NULL;
	}
	if (!m && watch) { /* told later, without the name */
		ask_fail(n, watch->id, why, ended, &n->stats.answered);
		return;
	}
	if (!m)
		return;
	m->flags = MSG_ANSWER | MSG_CONTROL;
	m->id = ++n->last_id;
	m->re = watch ? watch->id : d->m->id;
	m->from = ref_of(ended);
	m->to = watch ? ref_of(watch->owner) : d->m->from;
	if (watch)
		ask_answer(n, watch->id, m);
	else
		far_answer(n, d->m->from.node, m, name_of(ended));
}

void watch_asked(struct node *n, struct actor *target, struct msg *m)
{
	struct debt *d;
	if (target && n->watched.n < WATCHES_MOST && !index_get(&n->watched, watch_key(m)) &&
	    debt_new(target, &d) == OK) {
		d->watched = true;
		if (index_put(&n->watched, watch_key(m), d) == OK) {
			d->m = m;
			return;
		}
		debt_free(n, d);
	}
	answer_err(n, target, m, target ? ERR_BUSY : ERR_GONE);
	msg_unref(m);
}

void watch_forget(struct node *n, uint32_t peer, uint64_t id)
{
	struct debt *d = index_get(&n->watched, (uint64_t)peer << 44 | id);
	if (d)
		debt_free(n, d);
}

void watch_forget_peer(struct node *n, uint32_t peer)
{
	for (uint32_t i = 0; i < index_rows(&n->watched);) {
		struct debt *d = index_at(&n->watched, i);
		if (d && d->m->from.node == peer)
			debt_free(n, d); /* another one may move here */
		else
			i++;
	}
}
