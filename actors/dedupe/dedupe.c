/*
 * dedupe — one partition of conversations: decides what is a copy, and answers after the commit.
 *
 *     gateway ── wa.batch ───▶ dedupe/P ── wa.window ──▶ store     cold conversations
 *                              dedupe/P ── wa.insert ──▶ store     rows with their verdicts
 *     gateway ◀─ wa.done ───── dedupe/P ◀─ wa.inserted ─ store
 *                              dedupe/P ── wa.fresh ───▶ (published)
 *
 * One owner per partition, by a lease whose epoch every insert carries. Many batches are on their
 * way at once; what was accepted but not yet committed decides nothing (window.h).
 */
#include "actors/dedupe/part.h"

#include <stdlib.h>

#include "proto/lease.h"

static enum err on_batch(struct actor *self, const struct msg *m)
{
	struct part *p = actor_state(self);
	struct batch *b;
	if (!wa_batch_of(m)->rows.n)
		return actor_reply(self, m, MSG(wa_done, .accepted = 0));
	if (p->n_batches >= (uint32_t)actor_setting_i64(self, "batches"))
		return ERR_BUSY;
	enum err e = batch_new(self, m, &b);
	if (e)
		return e;
	p->used_us = actor_now_us(self);
	actor_wake(p->pump);
	return OK;
}

static enum err start(struct actor *self)
{
	struct part *p = actor_state(self);
	struct window_limits limits = {
		.talks = (uint32_t)actor_setting_i64(self, "conversations"),
		.entries = (uint32_t)actor_setting_i64(self, "rows"),
	};
	enum err e = window_new(limits, &p->window);
	if (!e)
		e = ids_new((uint32_t)actor_setting_i64(self, "ids"), &p->ids);
	if (!e)
		e = ids_new((uint32_t)actor_setting_i64(self, "ids"), &p->pairs);
	if (!e)
		e = actor_waker_new(self, traffic_pump, &p->pump);
	owner_start(self);
	return e ? actor_fault(self, "start err=%s", err_info(e)->name) : OK;
}

static enum err stop(struct actor *self)
{
	struct part *p = actor_state(self);
	traffic_free(p);
	release_free(p);
	if (p->pump)
		actor_waker_free(&p->pump);
	window_free(&p->window);
	ids_free(&p->ids);
	ids_free(&p->pairs);
	return OK;
}

static const struct actor_on takes[] = {
	{ &wa_batch_desc, on_batch },
	{ &wa_release_desc, release_on_ask },
	{ 0 },
};

static const struct proto_desc *const sends[] = {
	&wa_insert_desc, &wa_window_desc,  &wa_release_desc, &wa_done_desc,    &wa_released_desc,
	&wa_fresh_desc,  &lease_take_desc, &lease_keep_desc, &lease_drop_desc, NULL,
};

static const struct actor_setting settings[] = {
	{ "conversations", "conversations remembered by one partition; the others are loaded again",
	  "16384", 16, 1 << 20 },
	{ "rows",
	  "accepted rows remembered by one partition; a chat with more of them within 10 s is "
	  "compared with its newest alone",
	  "65536", 256, 1 << 24 },
	{ "ids",
	  "message ids remembered by one partition: a repeat of one of them asks no database",
	  "8192", 16, 1 << 24 },
	{ "batches", "batches on their way in one partition; more are refused", "256", 1, 4096 },
	{ "lease_ms", "how long a partition stays with an owner that has died, ms", "2000", 300,
	  60000 },
	{ 0 },
};

const struct actor_kind dedupe_actor = {
	.name = "dedupe",
	.doc = "one partition of conversations: what is a copy, and what is new",
	.state = sizeof(struct part),
	.start = start,
	.stop = stop,
	.takes = takes,
	.sends = sends,
	.settings = settings,
	.place = PLACE_HASHED,
	.mailbox = { .depth = 512, .full = FULL_REFUSE },
	.restart = { RESTART_ON_FAULT, .times = 5, .within_ms = 60000, .pause_ms = 100 },
	.asks = 2048,
	/* It speaks for the business of a batch it holds, long after the batch was handled. */
	.sets_tenant = true,
	.needs_tenant = true,
};
