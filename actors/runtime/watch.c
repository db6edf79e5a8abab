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

static bool same(const struct ask *a, struct ref whom, uint64_t name)
{
	return a->is == ASK_WATCH && a->whom_name == name && ref_eq(a->whom, whom);
}

/* Whom `who` means: an actor here by its ref; on another node by ref, or by the hash of the name.
 */
static enum err aim(struct node *n, const struct to *who, struct route *r, struct ref *ret_whom,
                    uint64_t *ret_name)
{
	enum err e = route(n, who, false, r);
	*ret_whom = who->ref;
	*ret_name = 0;
	if (e)
		return e;
	if (r->actor)
		*ret_whom = ref_of(r->actor);
	else if (who->name.len)
		*ret_name = name_hash(n, who->name) | 1;
	return OK;
}

static struct ask *find(struct actor *self, struct ref whom, uint64_t name)
{
	for (struct ask *a = self->asked; a; a = a->next)
		if (!a->event.queued && same(a, whom, name))
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

enum err actor_watch_to(struct actor *self, const struct to *who, actor_fn *gone)
{
	struct node *n = self->node;
	struct route r = { 0 };
	struct ref whom;
	uint64_t name;
	struct ask *a;
	if (self->life == LIFE_ENDS)
		return ERR_STOPPING;
	enum err there = aim(n, who, &r, &whom, &name);
	if (!there && (a = find(self, whom, name))) {
		a->fn = gone;
		return OK;
	}
	enum err e = ask_new(n, self, ASK_WATCH, &a);
	if (e)
		return e;
	struct hand *hand = hand_of(self);
	if (hand)
		a->about = hand->about;
	a->fn = gone;
	a->type = &sys_watch_desc;
	a->whom = whom;
	a->whom_name = name;
	if (!there)
		there = r.actor ? watch_here(a, r.actor) : watch_there(self, a, who, r.peer);
	if (there) /* nobody is there: that is the answer */
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
	struct route r;
	struct ref whom;
	uint64_t name;
	struct ask *a;
	if (aim(self->node, who, &r, &whom, &name) != OK)
		return;
	if ((a = find(self, whom, name))) {
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
