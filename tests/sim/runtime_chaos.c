/*
 * runtime_chaos.c — actors that do everything an actor may do, at random, and a ledger outside of
 * the runtime that counts along. What must hold, each by its own count:
 *
 *   1. an ask that was accepted is answered exactly once, unless its asker ended first: then at
 * most once
 *   2. a watch is told exactly once, never while the watched incarnation lives
 *   3. messages accepted = handler runs + dropped + dead, by the ledger and by the node's counters
 *   4. no mailbox is ever deeper than its bound; no actor has more asks pending than its kind may
 *   5. start and stop run once per incarnation, and nothing outside of them
 *   6. nothing is left: no ask, no block, no actor after the node's end
 */
#include "proto/sys.h"
#include "proto/test.h"
#include "tests/sim/alone.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	DEPTH = 6,
	ASKS = 5,
	NAMES = 6,
	FUEL = 1500,
	DEEDS_MOST = 20000,
	LIVES_MOST = 20000,
	KIDS = 4,
	HELD = 4,
	PATIENT_MS = 3600000,
};

/* One ask or watch, by its tag. */
struct deed {
	uint32_t life; /* of the doer; 0: the host */
	uint32_t answers;
	bool patient; /* an ask whose deadline is beyond the run, its own and the inherited one */
	bool hurried; /* it was made while a deadline was inherited */
	bool watch, undone;
	char whom[24]; /* a watch */
};

struct life {
	bool alive;
	struct ref ref;
	char name[24];
};

static struct {
	struct deed deeds[DEEDS_MOST];
	struct life lives[LIVES_MOST];
	uint32_t n_deeds, n_lives, starts, stops;
	uint64_t sent_ok, runs, events, fuel;
	bool hurried; /* what runs now inherits a deadline */
	struct alone *w;
} led;

struct wild {
	uint32_t life; /* 0 before start */
	const struct msg *held[HELD];
	struct ref kids[KIDS];
	struct actor_waker *waker;
	uint64_t timer_us; /* when on_timer is to run; 0: not armed */
	bool let_go;
};

static const struct actor_kind refuses, oldest, newest, parent_all, parent_rest, listener;
static const struct actor_kind *const wilds[] = { &refuses, &oldest, &newest, &parent_all,
	                                          &parent_rest };
enum { WILDS = sizeof wilds / sizeof *wilds };

static uint32_t below(struct actor *self, uint32_t n)
{
	return (uint32_t)((actor_random(self) >> 33) % n);
}

static bool burn(void)
{
	if (!led.fuel)
		return false;
	led.fuel--;
	return true;
}

static struct wild *me(struct actor *self)
{
	struct wild *s = actor_state(self);
	CHECK(s->life && led.lives[s->life].alive); /* 5 */
	return s;
}

static const char *any_name(struct actor *self)
{
	static char name[32];
	snprintf(name, sizeof name, "%s/%u", wilds[below(self, WILDS)]->name, below(self, NAMES));
	return name;
}

/* ---- deeds
 * ---------------------------------------------------------------------------------------- */

static enum err on_answer(struct actor *self, const struct msg *m);
static enum err on_gone(struct actor *self, const struct msg *m);
static enum err on_timer(struct actor *self);
static enum err on_let_go(struct actor *self);
static enum err on_other_timer(struct actor *self);
static void act(struct actor *self);

static uint32_t new_deed(uint32_t life, bool watch)
{
	CHECK(led.n_deeds + 1 < DEEDS_MOST);
	led.deeds[++led.n_deeds] = (struct deed){ .life = life, .watch = watch };
	return led.n_deeds;
}

static void do_send(struct actor *self)
{
	if (actor_send(self, any_name(self), MSG(test_ping, .n = below(self, 100))) == OK)
		led.sent_ok++;
}

/* To whoever lived under this ref: the living one or nobody, never the next in its slot. */
static void do_send_ref(struct actor *self)
{
	uint32_t life = 1 + below(self, led.n_lives);
	enum err e = actor_send(self, led.lives[life].ref, MSG(test_ping, .n = 1000 + life));
	CHECK(led.lives[life].alive || e == ERR_GONE || e == ERR_UNAVAILABLE);
	CHECK(!led.lives[life].alive || e != ERR_GONE);
	led.sent_ok += e == OK;
}

static void do_ask(struct actor *self)
{
	uint32_t tag = new_deed(me(self)->life, false);
	bool patient = below(self, 2);
	led.deeds[tag].patient = patient && !led.hurried;
	led.deeds[tag].hurried = led.hurried;
	enum err e = actor_ask_tag(self, any_name(self), patient ? PATIENT_MS : 1 + below(self, 50),
	                           on_answer, tag, MSG(test_ping, .n = below(self, 100)));
	if (e)
		led.n_deeds--;
	else
		led.sent_ok++;
}

static void do_spawn(struct actor *self)
{
	struct wild *s = me(self);
	char key[16];
	snprintf(key, sizeof key, "%u", below(self, NAMES));
	uint32_t i = below(self, KIDS);
	enum err e = actor_spawn(self, wilds[below(self, WILDS)], str_of(key), &s->kids[i]);
	CHECK(!e || e == ERR_CONFLICT || e == ERR_LIMIT);
}

static void do_stop_child(struct actor *self)
{
	struct wild *s = me(self);
	struct ref *kid = &s->kids[below(self, KIDS)];
	enum err e = actor_stop_child(self, *kid);
	CHECK(!e || e == ERR_NOT_FOUND);
	if (!e)
		CHECK(actor_send(self, *kid, MSG(test_ping, .n = 1)) == ERR_GONE);
	*kid = (struct ref){ 0 };
}

/* A watch has no tag: a life has one at a time. */
static struct deed *watch_of(uint32_t life)
{
	for (uint32_t i = 1; i <= led.n_deeds; i++)
		if (led.deeds[i].watch && led.deeds[i].life == life && !led.deeds[i].answers &&
		    !led.deeds[i].undone)
			return &led.deeds[i];
	return NULL;
}

static void do_watch(struct actor *self)
{
	struct deed *d = watch_of(me(self)->life);
	if (d && below(self, 4) == 0) {
		actor_unwatch(self, d->whom); /* a word that is under way already may still come */
		d->undone = true;
	}
	if (d)
		return;
	d = &led.deeds[new_deed(me(self)->life, true)];
	d->hurried = led.hurried;
	str_keep(d->whom, sizeof d->whom, str_of(any_name(self)));
	CHECK(actor_watch(self, d->whom, on_gone) == OK);
}

static void do_publish(struct actor *self)
{
	CHECK(actor_publish(self, MSG(test_usual, .call = str_of("x"), .seq = below(self, 10))) ==
	      OK);
}

static void arm(struct actor *self, uint32_t ms)
{
	me(self)->timer_us = ms ? actor_now_us(self) + ms * 1000ull : 0;
	actor_after(self, ms, on_timer);
}

static void act(struct actor *self)
{
	static void (*const deeds[])(struct actor *) = { do_send,       do_send_ref, do_send,
		                                         do_ask,        do_ask,      do_spawn,
		                                         do_stop_child, do_watch,    do_publish };
	uint32_t n = below(self, 4);
	while (n-- && burn())
		deeds[below(self, sizeof deeds / sizeof *deeds)](self);
	if (below(self, 8) == 0)
		arm(self, below(self, 30));
	if (below(self, 30) == 0)
		CHECK(actor_subscribe(self, &test_usual_desc) == OK);
	if (below(self, 8) == 0)
		actor_after(self, below(self, 3000), on_other_timer);
	struct wild *s = me(self);
	if (below(self, 10) == 0 && s->waker)
		actor_wake(s->waker);
}

/* ---- handlers
 * -------------------------------------------------------------------------------------- */

static enum err let_go(struct actor *self)
{
	struct wild *s = me(self);
	for (uint32_t i = 0; i < HELD; i++) {
		if (!s->held[i] || below(self, 2))
			continue;
		switch (below(self, 3)) {
		case 0:
			CHECK(actor_refuse(self, msg_take(&s->held[i]), ERR_CONFLICT) == OK);
			break;
		case 1:
			if (actor_forward(self, any_name(self), msg_take(&s->held[i])) == OK)
				led.sent_ok++; /* unless it had been refused: see on_ping */
			break;
		default:
			CHECK(actor_reply(self, msg_take(&s->held[i]), MSG(test_pong, .n = 1)) ==
			      OK);
		}
	}
	return OK;
}

static enum err on_let_go(struct actor *self)
{
	struct wild *s = me(self);
	enum err e = let_go(self);
	for (uint32_t i = 0; i < HELD; i++)
		if (s->held[i])
			actor_after(self, 20, on_let_go);
	return e;
}

static enum err on_timer(struct actor *self)
{
	struct wild *s = me(self);
	CHECK(s->timer_us && actor_now_us(self) >= s->timer_us &&
	      actor_now_us(self) < s->timer_us + 1000);
	s->timer_us = 0;
	led.hurried = false;
	act(self);
	return let_go(self);
}

static enum err on_other_timer(struct actor *self)
{
	me(self);
	if (burn() && below(self, 4) == 0)
		return actor_fault(self, "planned in a timer");
	return let_go(self);
}

static enum err on_wake(struct actor *self)
{
	led.hurried = false;
	act(self);
	return OK;
}

static enum err on_answer(struct actor *self, const struct msg *m)
{
	struct wild *s = me(self);
	struct deed *d = &led.deeds[msg_tag(m)];
	led.hurried = d->hurried;
	CHECK(d->life == s->life); /* an answer never reaches another incarnation */
	CHECK(d->answers++ == 0);  /* 1 */
	CHECK(!d->patient || msg_err(m) != ERR_TIMEOUT); /* 1 */
	if (msg_err(m) == OK)
		CHECK(test_pong_of(m)->n < 100);
	act(self);
	if (burn() && below(self, 40) == 0)
		return actor_fault(self, "planned in an answer");
	return OK;
}

static enum err on_gone(struct actor *self, const struct msg *m)
{
	struct wild *s = me(self);
	struct deed *d = watch_of(s->life);
	struct ref from = msg_from(m);
	CHECK(m->type == &sys_gone_desc && d); /* 2: once */
	d->answers++;
	led.hurried = d->hurried;
	for (uint32_t i = 1; i <= led.n_lives; i++)
		if (ref_eq(led.lives[i].ref, from))
			CHECK(!led.lives[i].alive); /* 2: not before the end */
	if (from.gen)
		CHECK(str_is(sys_gone_of(m)->name, d->whom));
	act(self);
	return OK;
}

static enum err hold(struct actor *self, const struct msg *m)
{
	struct wild *s = me(self);
	for (uint32_t i = 0; i < HELD; i++) {
		if (s->held[i])
			continue;
		s->held[i] = msg_hold(self, m);
		actor_after(self, 1 + below(self, 40), on_let_go);
		return OK;
	}
	return ERR_BUSY;
}

static enum err end_ask(struct actor *self, const struct msg *m)
{
	switch (below(self, 8)) {
	case 0:
		return ERR_CONFLICT;
	case 1:
		return OK; /* the runtime answers ERR_NO_ANSWER */
	case 2:
	case 3:
		return hold(self, m);
	case 4: {
		enum err e = burn() ? actor_forward(self, any_name(self), m) : ERR_LIMIT;
		led.sent_ok += e == OK;
		return e;
	}
	default:
		return actor_reply(self, m, MSG(test_pong, .n = 7));
	}
}

static enum err on_ping(struct actor *self, const struct msg *m)
{
	me(self);
	led.runs++;
	led.hurried = m->flags & MSG_ASK;
	uint64_t n = test_ping_of(m)->n;
	CHECK(n < 1000 || n - 1000 == me(self)->life);
	CHECK(!(m->flags & MSG_ASK) || m->deadline_us > actor_now_us(self));
	act(self);
	uint32_t dice = led.fuel ? below(self, 60) : 59;
	if (dice == 0)
		return actor_fault(self, "planned");
	if (dice == 1) {
		actor_exit(self);
		return OK;
	}
	return m->flags & MSG_ASK ? end_ask(self, m) : OK;
}

static enum err start(struct actor *self)
{
	struct wild *s = actor_state(self);
	CHECK(!s->life && led.n_lives + 1 < LIVES_MOST);
	s->life = ++led.n_lives;
	led.lives[s->life] = (struct life){ .alive = true, .ref = actor_ref(self) };
	str_keep(led.lives[s->life].name, 24, actor_name(self));
	led.starts++;
	if (burn() && below(self, 30) == 0)
		return ERR_UNAVAILABLE;
	return actor_waker_new(self, on_wake, &s->waker);
}

static enum err stop(struct actor *self)
{
	struct wild *s = me(self);
	led.lives[s->life].alive = false;
	led.stops++;
	if (below(self, 2) && s->waker)
		actor_wake(s->waker);
	actor_waker_free(&s->waker);
	for (uint32_t i = 0; i < HELD; i++)
		if (s->held[i] && below(self, 2))
			CHECK(actor_refuse(self, msg_take(&s->held[i]), ERR_STOPPING) == OK);
	if (below(self, 4) == 0 && actor_send(self, any_name(self), MSG(test_ping, .n = 1)) == OK)
		led.sent_ok++;
	return OK;
}

static enum err on_event(struct actor *self, const struct msg *m)
{
	if (!str_is(actor_name(self), "listener")) {
		me(self);
		led.events++;
	}
	CHECK(test_usual_of(m)->seq < 10);
	return OK;
}

static const struct actor_on takes[] = { { &test_ping_desc, on_ping },
	                                 { &test_usual_desc, on_event },
	                                 { 0 } };
static const struct proto_desc *const sends[] = { &test_ping_desc, &test_pong_desc,
	                                          &test_usual_desc, NULL };
#define WILD(kind, policy, how, again)                                                             \
	static const struct actor_kind kind = {                                                    \
		.name = #kind,                                                                     \
		.doc = "does anything",                                                            \
		.state = sizeof(struct wild),                                                      \
		.start = start,                                                                    \
		.stop = stop,                                                                      \
		.takes = takes,                                                                    \
		.sends = sends,                                                                    \
		.family = how,                                                                     \
		.asks = ASKS,                                                                      \
		.holds = HELD,                                                                     \
		.idle_ms = 700,                                                                    \
		.mailbox = { DEPTH, policy },                                                      \
		.restart = { again, .times = 3, .within_ms = 400, .pause_ms = 7 },                 \
	}
WILD(refuses, FULL_REFUSE, ONE_FOR_ONE, RESTART_ON_FAULT);
WILD(oldest, FULL_DROP_OLDEST, ONE_FOR_ONE, RESTART_NEVER);
WILD(newest, FULL_DROP_NEWEST, ONE_FOR_ONE, RESTART_ALWAYS);
WILD(parent_all, FULL_REFUSE, ONE_FOR_ALL, RESTART_ON_FAULT);
WILD(parent_rest, FULL_REFUSE, REST_FOR_ONE, RESTART_ON_FAULT);

static const struct actor_on listener_takes[] = { { &test_usual_desc, on_event }, { 0 } };
static const struct proto_desc *const listener_hears[] = { &test_usual_desc, NULL };
static const struct actor_kind listener = { .name = "listener",
	                                    .doc = "hears",
	                                    .takes = listener_takes,
	                                    .hears = listener_hears,
	                                    .at_start = true,
	                                    .mailbox = { 3, FULL_DROP_OLDEST } };

static const struct actor_kind *const kinds[] = { &refuses,     &oldest,   &newest, &parent_all,
	                                          &parent_rest, &listener, NULL };

/* ---- the run
 * ----------------------------------------------------------------------------------------- */

static void on_host_answer(void *ctx, const struct msg *m)
{
	struct deed *d = ctx;
	(void)m;
	CHECK(d->answers++ == 0);
}

static void host_acts(struct alone *w, uint64_t *state)
{
	char name[32];
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	uint32_t r = (uint32_t)(*state >> 33);
	snprintf(name, sizeof name, "%s/%u", wilds[r % WILDS]->name, r / 7 % NAMES);
	if (r % 3) {
		led.sent_ok += node_send(w->node, name, MSG(test_ping, .n = 5)) == OK;
		return;
	}
	uint32_t tag = new_deed(0, false);
	if (node_ask(w->node, name, 1 + r % 80, on_host_answer, &led.deeds[tag],
	             MSG(test_ping, .n = 5)))
		led.n_deeds--;
	else
		led.sent_ok++;
}

static void check_bounds(struct alone *w)
{
	struct node_actor_stats a;
	uint64_t queued = 0;
	for (uint32_t cursor = 0; node_actor_next(w->node, &cursor, &a);) {
		CHECK(a.high <= DEPTH && a.asks <= ASKS && a.holds <= HELD); /* 4 */
		queued += a.depth;
	}
	CHECK(queued == node_stats(w->node).queued); /* 3: the counters and the mailboxes agree */
}

static bool lives(const char *name)
{
	for (uint32_t i = led.n_lives; i; i--)
		if (led.lives[i].alive && !strcmp(led.lives[i].name, name))
			return true;
	return false;
}

static void check_ledger(struct alone *w)
{
	struct node_stats s = node_stats(w->node);
	struct node_kind_stats k;
	uint64_t accepted = 0, runs = 0, away = 0;
	for (uint32_t i = 0; node_kind_at(w->node, i, &k); i++) {
		if (k.kind == &listener)
			continue;
		accepted += k.accepted;
		runs += k.handled + k.refused;
		away += k.dropped + k.dead;
	}
	CHECK(accepted >= led.sent_ok); /* 3: the rest are events, to each subscriber one */
	CHECK(runs == led.runs + led.events && accepted == runs + away);
	CHECK(s.asks == s.answered + s.timeouts + s.failed + s.abandoned + s.asks_pending);
	CHECK(s.actors == s.born - s.ended ||
	      s.actors > s.born - s.ended); /* barred ones have ended */
	for (uint32_t i = 1; i <= led.n_deeds; i++) {
		struct deed *d = &led.deeds[i];
		bool asker_lives = !d->life || led.lives[d->life].alive;
		CHECK(d->answers <= 1);
		if (!d->watch && asker_lives)
			CHECK(d->answers == 1); /* 1: time enough has passed for all */
		if (d->watch && asker_lives && !d->answers && !d->undone)
			CHECK(lives(d->whom)); /* 2: or it would have been told */
	}
}

static uint64_t run(uint64_t seed)
{
	memset(&led, 0, sizeof led);
	led.fuel = FUEL;
	struct alone *w = led.w = alone_new(kinds, seed);
	uint64_t dice = seed;
	for (uint32_t i = 0; i < 60; i++) {
		for (uint32_t n = (uint32_t)(dice >> 60); n; n--)
			host_acts(w, &dice);
		host_acts(w, &dice);
		check_bounds(w);
		alone_run(w, (uint32_t)(dice >> 59));
		check_bounds(w);
	}
	led.fuel = 0;
	alone_run(w, 6000); /* all deadlines, pauses, bars and idle times pass */
	check_bounds(w);
	check_ledger(w);
	uint64_t hash = w->hash;
	node_stop(w->node);
	CHECK(led.starts == led.stops); /* 5 */
	alone_free(&w);                 /* 6 */
	for (uint32_t i = 1; i <= led.n_deeds; i++)
		CHECK(led.deeds[i].life || led.deeds[i].answers == 1);
	return hash;
}

int main(int argc, char **argv)
{
	return alone_seeds(argc, argv, "runtime chaos", run);
}
