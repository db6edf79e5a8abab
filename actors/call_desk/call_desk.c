/*
 * call_desk — one on each node that holds calls: may another be taken, which are live, and which
 * were lost with a node that died.
 *
 *     gateway ── call.admit ──▶ call_desk ── call.settings ──▶ store     (cached)
 *     call_session ── call.arrive ──▶  │  ◀── sys.gone when it ends
 *     other desks ◀── call.busy ──▶    │
 *                                      └── lease.take, lease.keep, call.sweep ──▶ store
 *
 * Each desk holds a lease of a name that is never used again, and a call's row names its desk: when
 * the lease has run out the node is dead, and any desk may say so.
 */
#include "actors/actor.h"
#include "actors/call_desk/ledger.h"
#include "proto/lease.h"
#include "proto/sys.h"
#include <inttypes.h>
#include <stdio.h>

enum {
	TICK_MS = 1000,
	LEASE_MS = 15000,
	KEEP_EVERY = 5,      /* ticks */
	LIMITS = 256,        /* connectors whose limit is remembered, in sets of one */
	LIMIT_US = 10000000, /* for how long */
	ASK_MS = 40,         /* a refusal is out within 50 ms: then the default counts */
	PROMISE_US = 30000000,
	BEAT_MS = 100, /* how late this one comes is the node's load */
	TELL_MS = 5,   /* what changes meanwhile is told at once */
};

struct limit {
	uint64_t business, connector, until_us;
	uint32_t most;
};

struct desk {
	struct ledger ledger;
	struct limit limits[LIMITS];
	char name[129]; /* of the lease, never used again */
	char owner[129];
	uint64_t epoch;                /* 0: the lease is not ours yet */
	uint64_t beat_due_us, late_us; /* late_us: smoothed */
	uint32_t ticks, ended;
	const struct msg *closing; /* the ask to close, answered when the last call is over */
	uint64_t close_us;
	bool closed, cut, tells; /* tells: others are about to hear of a change */
	/* Its node is about to stop (call.drain). */
	bool draining;
	uint64_t drain_us; /* its calls have until then */
};

static enum err on_tick(struct actor *self);
static void tell_soon(struct actor *self);

/* ---- admission ---------------------------------------------------------------------------- */

static enum call_refusal refusal_of(struct actor *self, const struct msg *m, uint32_t most)
{
	struct desk *d = actor_state(self);
	const struct call_admit *a = call_admit_of(m);
	if (d->closed)
		return CALL_REFUSAL_DRAINING;
	if (ledger_find(&d->ledger, a->call)) /* told twice */
		return CALL_REFUSAL_NONE;
	if (d->late_us > (uint64_t)actor_setting_i64(self, "late_ms") * 1000)
		return CALL_REFUSAL_LOAD;
	if (ledger_busy(&d->ledger, m->business, a->connector, actor_now_us(self)) >= most)
		return CALL_REFUSAL_BUSINESS;
	if (ledger_promise(&d->ledger, a->call, m->business, a->connector,
	                   actor_now_us(self) + PROMISE_US))
		return CALL_REFUSAL_NODE;
	tell_soon(self);
	return CALL_REFUSAL_NONE;
}

static enum err admit(struct actor *self, const struct msg *m, uint32_t most)
{
	struct desk *d = actor_state(self);
	enum call_refusal why = refusal_of(self, m, most);
	if (why)
		actor_log(self, LOG_WARN, "call_refused call=%.*s why=%s live=%u",
		          STR(call_admit_of(m)->call), call_refusal_enum.values[why].name,
		          d->ledger.n);
	return actor_reply(self, m, MSG(call_admitted, .refusal = why, .live = d->ledger.n));
}

static struct limit *limit_of(struct desk *d, uint64_t connector)
{
	return &d->limits[connector % LIMITS];
}

static enum err on_settings(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct msg *asked = (const struct msg *)(uintptr_t)msg_tag(m);
	const struct call_admit *a = call_admit_of(asked);
	uint32_t most = (uint32_t)actor_setting_i64(self, "business_most");
	if (!msg_err(m)) {
		if (call_configured_of(m)->most)
			most = call_configured_of(m)->most;
		*limit_of(d, a->connector) =
			(struct limit){ .business = asked->business,
			                .connector = a->connector,
			                .until_us = actor_now_us(self) + LIMIT_US,
			                .most = most };
	}
	return admit(self, asked, most);
}

static enum err on_admit(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct call_admit *a = call_admit_of(m);
	const struct limit *l = limit_of(d, a->connector);
	if (l->connector == a->connector && l->business == m->business &&
	    l->until_us > actor_now_us(self))
		return admit(self, m, l->most);
	const struct msg *held = msg_hold(self, m);
	if (!held)
		return ERR_MEMORY;
	enum err e = actor_ask_tag(self, "store", ASK_MS, on_settings, (uint64_t)(uintptr_t)held,
	                           MSG(call_settings, .connector = a->connector));
	return e ? admit(self, held, (uint32_t)actor_setting_i64(self, "business_most")) : OK;
}

/* ---- those that live ---------------------------------------------------------------------- */

/* Of ourselves, to the other desks and to who waits for the last call. */
static enum err report(struct actor *self)
{
	struct desk *d = actor_state(self);
	struct call_line lines[LEDGER_LINES];
	uint32_t n = ledger_lines(&d->ledger, lines);
	return actor_publish(self, MSG(call_busy, .desk = str_of(d->name), .lines = { lines, n },
	                               .node = str_of(actor_node(self)), .held = d->ledger.n,
	                               .draining = d->draining));
}

static enum err on_tell(struct actor *self)
{
	((struct desk *)actor_state(self))->tells = false;
	return report(self);
}

/* The others count on what they heard: a second's silence would let in as many again as a business
 * may have. A burst of changes is one word. */
static void tell_soon(struct actor *self)
{
	struct desk *d = actor_state(self);
	if (!d->tells)
		actor_after(self, TELL_MS, on_tell);
	d->tells = true;
}

static enum err close_if_empty(struct actor *self)
{
	struct desk *d = actor_state(self);
	if (!d->closing || d->ledger.live)
		return OK;
	return actor_reply(self, msg_take(&d->closing), MSG(call_desk_closed, .ended = d->ended));
}

static enum err on_gone(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct sys_gone *g = sys_gone_of(m);
	if (ledger_left(&d->ledger, g->slot, g->gen))
		d->ended += d->cut;
	tell_soon(self);
	return close_if_empty(self);
}

static enum err tell_drain(struct actor *self, struct ref session)
{
	const struct desk *d = actor_state(self);
	uint64_t now = actor_now_us(self);
	uint32_t left_ms = d->drain_us > now ? (uint32_t)((d->drain_us - now) / 1000) : 0;
	return actor_send(self, session,
	                  MSG(call_drain, .node = str_of(actor_node(self)), .within_ms = left_ms));
}

static enum err on_arrive(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct call_arrive *a = call_arrive_of(m);
	bool moved = !ledger_find(&d->ledger, a->call);
	enum err e = ledger_arrive(&d->ledger, a->call, m->business, a->connector, msg_from(m));
	if (!e)
		e = actor_watch(self, msg_from(m), on_gone);
	if (e)
		return e;
	tell_soon(self);
	if (d->draining && tell_drain(self, msg_from(m)))
		actor_log(self, LOG_WARN, "drain_unheard call=%.*s", STR(a->call));
	/* Promised by another desk, which is about to withdraw it: it hears first that it counts
	 * here, or it would have room for one too many until the next tick. */
	if (moved && (e = report(self)))
		return e;
	/* The lease may be a moment away: no call is swept within its first ten seconds. */
	return actor_reply(self, m, MSG(call_arrived, .desk = str_of(d->name)));
}

static enum err on_hung_up(struct actor *self, const struct msg *m)
{
	(void)self;
	(void)m; /* ended already: its watch tells */
	return OK;
}

static enum err hang_up(struct actor *self, const struct ledger_call *c, enum call_cause cause)
{
	return actor_ask(self, c->session, 5000, on_hung_up,
	                 MSG(call_hangup, .call = str_of(c->call), .cause = cause));
}

/* Of two gateways on one port, one may answer the webhook and the other take the stream: without
 * this each such call would count on both until the promise runs out. */
static enum err on_retire(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct call_retire *r = call_retire_of(m);
	const struct ledger_call *c = ledger_find(&d->ledger, r->call);
	char warm[96];
	if (!c)
		return OK;
	if (!c->until_us)
		return actor_send(self, c->session, &call_retire_desc, r);
	(void)snprintf(warm, sizeof warm, "call_session/%.*s", STR(r->call));
	ledger_withdraw(&d->ledger, r->call);
	return actor_send(self, (const char *)warm, &call_retire_desc, r);
}

/* An operator's word: whoever has the call passes it on. */
static enum err on_hangup(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct call_end *end = call_end_of(m);
	const struct ledger_call *c = ledger_find(&d->ledger, end->call);
	char warm[96];
	if (!c || c->business != m->business)
		return OK;
	if (!c->until_us)
		return hang_up(self, c, end->cause);
	(void)snprintf(warm, sizeof warm, "call_session/%.*s", STR(end->call));
	return actor_ask(self, (const char *)warm, 5000, on_hung_up, &call_hangup_desc,
	                 &(struct call_hangup){ .call = end->call, .cause = end->cause });
}

/* Somebody looks at live calls: those of this node are told, and tell of themselves. */
static enum err on_watch(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	for (uint32_t i = 0; i < d->ledger.n; i++) {
		const struct ledger_call *c = &d->ledger.calls[i];
		char warm[96];
		if (m->business && m->business != c->business)
			continue;
		(void)snprintf(warm, sizeof warm, "call_session/%s", c->call);
		struct to to = c->until_us ? to_text(warm) : to_ref(c->session);
		/* Who is told nothing is missing from one picture of many. */
		(void)!actor_send_to(self, &to, NULL, &call_watch_desc, call_watch_of(m));
	}
	return OK;
}

static enum err on_close(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	if (d->closing)
		return ERR_CONFLICT;
	uint32_t within_ms = call_close_desk_of(m)->within_ms;
	d->closing = msg_hold(self, m);
	if (!d->closing)
		return ERR_MEMORY;
	d->closed = true;
	d->close_us = actor_now_us(self) + within_ms * 1000ULL;
	actor_log(self, LOG_INFO, "desk_closing live=%u within_ms=%u", d->ledger.live, within_ms);
	return close_if_empty(self);
}

/* Its node is about to stop. With another at the street door the gateway takes no new connections
 * and nothing is refused; alone, the carrier is told to say so. */
static enum err on_drain(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct call_drain *said = call_drain_of(m);
	uint64_t until_us = actor_now_us(self) + said->within_ms * UINT64_C(1000);
	if (!str_is(said->node, actor_node(self)))
		return OK;
	d->closed |= said->alone;
	if (d->draining && until_us + TICK_MS * UINT64_C(1000) > d->drain_us &&
	    d->drain_us + TICK_MS * UINT64_C(1000) > until_us)
		return OK; /* said again */
	d->draining = true;
	d->drain_us = until_us;
	actor_log(self, LOG_INFO, "drain live=%u held=%u within_ms=%u alone=%d", d->ledger.live,
	          d->ledger.n, said->within_ms, said->alone);
	enum err e = OK;
	for (uint32_t i = 0; !e && i < d->ledger.n; i++)
		if (!d->ledger.calls[i].until_us)
			e = tell_drain(self, d->ledger.calls[i].session);
	return e ? e : report(self);
}

/* The patience is over: what still lives is told to say good-bye. */
static enum err cut(struct actor *self)
{
	struct desk *d = actor_state(self);
	d->cut = true;
	for (uint32_t i = 0; i < d->ledger.n; i++) {
		const struct ledger_call *c = &d->ledger.calls[i];
		if (c->until_us)
			continue;
		enum err e = hang_up(self, c, CALL_CAUSE_DRAINED);
		if (e)
			return e;
	}
	return OK;
}

/* ---- each second -------------------------------------------------------------------------- */

static enum err on_busy(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	const struct call_busy *said = call_busy_of(m);
	if (str_is(said->desk, d->name))
		return OK;
	return ledger_heard(&d->ledger, said, actor_now_us(self));
}

static enum err on_kept(struct actor *self, const struct msg *m)
{
	struct desk *d = actor_state(self);
	if (msg_err(m) == ERR_STALE)
		return actor_fault(self, "the lease %s was taken by somebody", d->name);
	if (!msg_err(m))
		d->epoch = lease_taken_of(m)->epoch;
	return OK; /* no word: asked again */
}

static enum err on_swept(struct actor *self, const struct msg *m)
{
	if (!msg_err(m) && call_stands_of(m)->rows)
		actor_log(self, LOG_WARN, "calls_lost n=%u", call_stands_of(m)->rows);
	return OK;
}

static void keep_lease(struct actor *self)
{
	struct desk *d = actor_state(self);
	enum err e = d->epoch ? actor_ask(self, "store", 4000, on_kept,
	                                  MSG(lease_keep, .name = str_of(d->name),
	                                      .owner = str_of(d->owner), .epoch = d->epoch,
	                                      .ttl_ms = LEASE_MS))
	                      : actor_ask(self, "store", 4000, on_kept,
	                                  MSG(lease_take, .name = str_of(d->name),
	                                      .owner = str_of(d->owner), .ttl_ms = LEASE_MS));
	if (!e)
		e = actor_ask(self, "store", 4000, on_swept, MSG(call_sweep));
	if (e)
		actor_log(self, LOG_DEBUG, "store_away err=%s", err_info(e)->name);
}

static enum err on_tick(struct actor *self)
{
	struct desk *d = actor_state(self);
	actor_after(self, TICK_MS, on_tick);
	ledger_expire(&d->ledger, actor_now_us(self));
	if (d->ticks++ % (d->epoch ? KEEP_EVERY : 1) == 0)
		keep_lease(self);
	if (d->closing && !d->cut && actor_now_us(self) >= d->close_us) {
		enum err e = cut(self);
		if (e)
			return e;
	}
	return report(self);
}

/* How late the loop comes to what is due: what a frame would wait, too. Smoothed over ten beats. */
static enum err on_beat(struct actor *self)
{
	struct desk *d = actor_state(self);
	uint64_t now = actor_now_us(self);
	uint64_t late = now > d->beat_due_us ? now - d->beat_due_us : 0;
	d->late_us += late > d->late_us ? (late - d->late_us) / 10 : 0;
	d->late_us -= late < d->late_us ? (d->late_us - late) / 10 : 0;
	d->beat_due_us = now + BEAT_MS * UINT64_C(1000);
	actor_after(self, BEAT_MS, on_beat);
	return OK;
}

static enum err on_start(struct actor *self)
{
	struct desk *d = actor_state(self);
	snprintf(d->owner, sizeof d->owner, "%.80s#%016" PRIx64, actor_node(self),
	         actor_random(self));
	snprintf(d->name, sizeof d->name, "calls/%.100s", d->owner);
	enum err e = ledger_init(&d->ledger, (uint32_t)actor_setting_i64(self, "node_most"));
	if (e)
		return e;
	d->beat_due_us = actor_now_us(self) + BEAT_MS * UINT64_C(1000);
	actor_after(self, BEAT_MS, on_beat);
	return on_tick(self);
}

static enum err on_stop(struct actor *self)
{
	ledger_done(&((struct desk *)actor_state(self))->ledger);
	return OK;
}

static const struct actor_on takes[] = {
	{ &call_admit_desc, on_admit },
	{ &call_arrive_desc, on_arrive },
	{ &call_end_desc, on_hangup },
	{ &call_close_desk_desc, on_close },
	{ &call_drain_desc, on_drain },
	{ &call_busy_desc, on_busy },
	{ &call_retire_desc, on_retire },
	{ &call_watch_desc, on_watch },
	{ 0 },
};
static const struct proto_desc *const sends[] = {
	&call_admitted_desc,
	&call_settings_desc,
	&call_arrived_desc,
	&call_hangup_desc,
	&call_desk_closed_desc,
	&call_busy_desc,
	&call_sweep_desc,
	&lease_take_desc,
	&lease_keep_desc,
	&call_retire_desc,
	&call_drain_desc,
	&call_watch_desc,
	NULL,
};
static const struct proto_desc *const hears[] = { &call_busy_desc,   &call_end_desc,
	                                          &call_retire_desc, &call_drain_desc,
	                                          &call_watch_desc,  NULL };

static const struct actor_setting settings[] = {
	{ "node_most", "calls live or promised on one node", "1000", 1, 100000 },
	{ "business_most",
	  "live calls of one connector on all nodes, where its settings say nothing", "100", 1,
	  100000 },
	{ "late_ms", "no call is taken while the node comes so much too late to what is due, ms",
	  "20", 1, 1000 },
	{ 0 },
};

const struct actor_kind call_desk_actor = {
	.name = "call_desk",
	.doc = "admits calls to its node, counts them, gives up the lost ones",
	.state = sizeof(struct desk),
	.start = on_start,
	.stop = on_stop,
	.takes = takes,
	.sends = sends,
	.hears = hears,
	.settings = settings,
	.place = PLACE_HERE, /* on each node that is told to host it */
	.mailbox = { .depth = 4096 },
	.restart = { RESTART_ON_FAULT, .times = 5, .within_ms = 60000, .pause_ms = 100 },
	.asks = 65536, /* each live session is watched */
	.at_start = true,
};
