/*
 * owner.c — the partition's lease: taken when work comes, kept while it does, left to run out
 * after.
 *
 *     NONE ── take ──▶ ASKED ──▶ HELD ── an insert without a word ──▶ DROPPED ── drop ──▶ NONE
 *       ▲                          │
 *       └── stale, or idle ────────┘
 *
 * The lease only keeps two owners from working against each other. That they cannot both write is
 * the fence's doing: every insert names the epoch, and locks the lease's row until it has
 * committed.
 */
#include "actors/dedupe/part.h"

#include <inttypes.h>
#include <stdio.h>

#include "proto/lease.h"

enum { ASK_MS = 3000, RETRY_MS = 150, REFUSED_MS = 5000 };

static uint32_t ttl_ms(const struct actor *self)
{
	return (uint32_t)actor_setting_i64(self, "lease_ms");
}

static enum err on_keep_due(struct actor *self);

static enum err on_retry(struct actor *self)
{
	return traffic_pump(self);
}

static void forget(struct part *p)
{
	p->round++;
	window_forget(p->window);
}

void owner_start(struct actor *self)
{
	struct part *p = actor_state(self);
	snprintf(p->lease.name, sizeof p->lease.name, "dedupe/%.*s", STR(actor_key(self)));
	snprintf(p->lease.owner, sizeof p->lease.owner, "%s#%016" PRIx64 "%016" PRIx64,
	         actor_node(self), actor_random(self), actor_random(self));
}

static enum err taken_by_another(struct actor *self)
{
	struct part *p = actor_state(self);
	uint64_t now = actor_now_us(self);
	if (!p->lease.refused_us)
		p->lease.refused_us = now;
	if (now - p->lease.refused_us < REFUSED_MS * 1000ULL) {
		actor_after(self, RETRY_MS, on_retry);
		return OK;
	}
	actor_log(self, LOG_WARN, "lease_refused name=%s", p->lease.name);
	p->lease.refused_us = 0;
	batch_fail_all(self, ERR_BUSY);
	return OK;
}

static enum err on_taken(struct actor *self, const struct msg *m)
{
	struct part *p = actor_state(self);
	enum err e = msg_err(m);
	p->lease.state = LEASE_NONE;
	if (e == ERR_CONFLICT)
		return taken_by_another(self);
	p->lease.refused_us = 0;
	if (e) {
		batch_fail_all(self, e);
		return OK;
	}
	uint64_t epoch = lease_taken_of(m)->epoch;
	if (epoch != p->lease.epoch) {
		forget(p);
		actor_log(self, LOG_DEBUG, "lease_taken name=%s epoch=%" PRIu64, p->lease.name,
		          epoch);
	}
	p->lease.epoch = epoch;
	p->lease.state = LEASE_HELD;
	actor_after(self, ttl_ms(self) / 3, on_keep_due);
	if (p->lease.doubt)
		owner_doubt(self);
	actor_wake(p->pump);
	return OK;
}

static enum err on_kept(struct actor *self, const struct msg *m)
{
	if (msg_err(m) == ERR_STALE)
		owner_lost(self);
	return OK; /* no word: the fence holds whether the lease does or not */
}

static enum err on_keep_due(struct actor *self)
{
	struct part *p = actor_state(self);
	if (p->lease.state != LEASE_HELD)
		return OK;
	if (!p->first && actor_now_us(self) - p->used_us > ttl_ms(self) * 1000ULL) {
		p->lease.state =
			LEASE_NONE; /* it runs out; taken again by us, the epoch is the same */
		return OK;
	}
	actor_after(self, ttl_ms(self) / 3, on_keep_due);
	(void)!actor_ask(self, "store", ASK_MS, on_kept, /* the next one is due soon */
	                 MSG(lease_keep, .name = str_of(p->lease.name),
	                     .owner = str_of(p->lease.owner), .epoch = p->lease.epoch,
	                     .ttl_ms = ttl_ms(self)));
	return OK;
}

enum err owner_take(struct actor *self)
{
	struct part *p = actor_state(self);
	if (p->lease.state != LEASE_NONE)
		return OK;
	p->lease.state = LEASE_ASKED;
	enum err e = actor_ask(self, "store", ASK_MS, on_taken,
	                       MSG(lease_take, .name = str_of(p->lease.name),
	                           .owner = str_of(p->lease.owner), .ttl_ms = ttl_ms(self)));
	if (e) {
		p->lease.state = LEASE_NONE;
		batch_fail_all(self, e);
	}
	return OK;
}

static enum err on_dropped(struct actor *self, const struct msg *m)
{
	struct part *p = actor_state(self);
	enum err e = msg_err(m);
	p->lease.state = LEASE_NONE;
	/* STALE: another owner has raised the epoch for us. No word: try until there is one. */
	if (!e || e == ERR_STALE)
		p->lease.doubt = false;
	else
		batch_fail_all(self, e);
	actor_wake(p->pump);
	return OK;
}

void owner_doubt(struct actor *self)
{
	struct part *p = actor_state(self);
	p->lease.doubt = true;
	forget(p);
	if (p->lease.state != LEASE_HELD)
		return; /* on_taken comes back here */
	p->lease.state = LEASE_DROPPED;
	actor_act_for(self, 0, 0, NULL); /* the lease is nobody's business */
	if (actor_ask(self, "store", ASK_MS, on_dropped,
	              MSG(lease_drop, .name = str_of(p->lease.name),
	                  .owner = str_of(p->lease.owner), .epoch = p->lease.epoch)))
		p->lease.state = LEASE_NONE;
}

void owner_lost(struct actor *self)
{
	struct part *p = actor_state(self);
	if (p->lease.state == LEASE_HELD)
		p->lease.state = LEASE_NONE;
	forget(p);
	actor_wake(p->pump);
}
