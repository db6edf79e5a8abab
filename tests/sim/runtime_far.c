/*
 * runtime_far.c — three nodes and a hub, actors that live by the hash of their names on whichever
 * node, ask, forward, hold and watch each other; nodes that are killed in the middle of it and come
 * back.
 *
 * Held, by a ledger outside of the runtime:
 *   1. an ask is answered exactly once while its asker lives, and never by its deadline when that
 * is far away: a node's death answers it;
 *   2. what was sent once is handled at most once;
 *   3. a watch on another node is told exactly once, and in the end only those that watch a living
 * one have not been told;
 *   4. a deadline, a business and a principal travel: who handles has those of who asked;
 *   5. one seed is one run, and no message block is left.
 */
#include "actors/node.h"
#include "bus/hub.h"
#include "proto/sys.h"
#include "proto/test.h"
#include "tests/sim/alone.h"
#include "tests/sim/link_sim.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	NODES = 3,
	NAMES = 10,
	DEEDS_MOST = 20000,
	LIVES_MOST = 4000,
	HELD = 4,
	PATIENT_MS = 3600000,
	SECOND = 1000000,
	DAY_US = 6 * SECOND,
	EVENING_US = 8 * SECOND,
};

struct deed {
	uint32_t life, answers, runs;
	bool watch, patient, sent;
	uint64_t business;
	uint32_t target; /* the one life of that name as it was watched; 0: none, or several */
	char whom[24];
};

struct life {
	bool alive;
	char name[24];
};

struct proc {
	bool alive, is_stale;
	uint32_t index, last_peer;
	uint64_t epoch, next_us;
	struct link *link;
	struct bus *bus;
	struct node *node;
};

static struct {
	struct sim_net *net;
	struct proc procs[NODES];
	struct link *hub_link;
	struct hub *hub;
	uint64_t epochs, started_us, changed_us; /* changed: a node came or went */
	struct deed deeds[DEEDS_MOST];
	struct life lives[LIVES_MOST];
	uint32_t n_deeds, n_lives;
	uint64_t answered, gone, told, runs, hash;
} led;

struct one {
	uint32_t life;
	const struct msg *held[HELD];
};

static bool day(void)
{
	return sim_now_us(led.net) < led.started_us + DAY_US;
}

static uint32_t below(struct actor *self, uint32_t n)
{
	return (uint32_t)((actor_random(self) >> 33) % n);
}

static struct one *me(struct actor *self)
{
	struct one *s = actor_state(self);
	CHECK(s->life && led.lives[s->life].alive);
	return s;
}

static const char *any_name(struct actor *self)
{
	static char name[24];
	uint32_t n = below(self, NAMES + NODES);
	if (n < NAMES)
		snprintf(name, sizeof name, "peer/%u", n);
	else
		snprintf(name, sizeof name, "driver/n#%u", n - NAMES); /* that node's own */
	return name;
}

static uint32_t new_deed(struct actor *self)
{
	CHECK(led.n_deeds + 1 < DEEDS_MOST);
	led.deeds[++led.n_deeds] = (struct deed){ .life = me(self)->life };
	return led.n_deeds;
}

/* ---- deeds
 * ---------------------------------------------------------------------------------------- */

static enum err on_answer(struct actor *self, const struct msg *m)
{
	struct one *s = me(self);
	struct deed *d = &led.deeds[msg_tag(m)];
	CHECK(d->life == s->life && d->answers++ == 0); /* 1 */
	CHECK(!d->patient || msg_err(m) != ERR_TIMEOUT);
	led.answered++;
	led.gone += msg_err(m) == ERR_GONE;
	return OK;
}

static struct deed *watch_of(uint32_t life)
{
	for (uint32_t i = 1; i <= led.n_deeds; i++)
		if (led.deeds[i].watch && led.deeds[i].life == life && !led.deeds[i].answers)
			return &led.deeds[i];
	return NULL;
}

static enum err on_gone(struct actor *self, const struct msg *m)
{
	struct deed *d = watch_of(me(self)->life);
	CHECK(m->type == &sys_gone_desc && d && d->answers++ == 0); /* 3 */
	if (d && sim_now_us(led.net) > led.changed_us + SECOND)
		CHECK(!d->target || !led.lives[d->target].alive); /* nor while it lives */
	led.told++;
	return OK;
}

static void do_ask(struct actor *self)
{
	uint32_t tag = new_deed(self);
	struct deed *d = &led.deeds[tag];
	d->patient = below(self, 4) != 0;
	d->business = 1 + below(self, 1000);
	actor_act_for(self, d->business, tag, NULL);
	if (actor_ask_tag(self, any_name(self), d->patient ? PATIENT_MS : 1 + below(self, 30),
	                  on_answer, tag, MSG(test_ping, .n = tag)))
		led.n_deeds--;
}

static void do_send(struct actor *self)
{
	uint32_t tag = new_deed(self);
	led.deeds[tag].sent = true;
	if (actor_send(self, any_name(self), MSG(test_ping, .n = tag)))
		led.n_deeds--;
}

/* Of a node's own actor, and only while all nodes know of each other: a hashed one may still live
 * where it belonged before, and be looked for where it belongs now. */
static uint32_t only_life(const char *name)
{
	uint32_t found = 0, n = 0;
	if (sim_now_us(led.net) < led.changed_us + SECOND || name[0] != 'd')
		return 0;
	for (uint32_t i = 1; i <= led.n_lives; i++) {
		if (led.lives[i].alive && !strcmp(led.lives[i].name, name)) {
			found = i;
			n++;
		}
	}
	return n == 1 ? found : 0;
}

static void do_watch(struct actor *self)
{
	if (watch_of(me(self)->life))
		return;
	struct deed *d = &led.deeds[new_deed(self)];
	d->watch = true;
	str_keep(d->whom, sizeof d->whom, str_of(any_name(self)));
	d->target = only_life(d->whom);
	if (actor_watch(self, d->whom, on_gone) != OK)
		led.n_deeds--;
}

static enum err on_drive(struct actor *self)
{
	if (!day())
		return OK;
	for (uint32_t n = below(self, 6); n; n--)
		below(self, 3) ? do_ask(self) : do_send(self);
	if (below(self, 5) == 0)
		do_watch(self);
	actor_after(self, 1 + below(self, 60), on_drive);
	return OK;
}

/* ---- handlers
 * -------------------------------------------------------------------------------------- */

static enum err let_go(struct actor *self)
{
	struct one *s = me(self);
	for (uint32_t i = 0; i < HELD; i++) {
		if (!s->held[i])
			continue;
		if (below(self, 3) == 0 && day())
			(void)!actor_forward(self, any_name(self), msg_take(&s->held[i]));
		else
			(void)!actor_reply(self, msg_take(&s->held[i]), MSG(test_pong, .n = 1));
	}
	return OK;
}

static enum err hold(struct actor *self, const struct msg *m)
{
	struct one *s = me(self);
	for (uint32_t i = 0; i < HELD; i++) {
		if (s->held[i])
			continue;
		s->held[i] = msg_hold(self, m);
		actor_after(self, 1 + below(self, 300), let_go);
		return OK;
	}
	return ERR_BUSY;
}

static enum err on_ping(struct actor *self, const struct msg *m)
{
	struct deed *d = &led.deeds[test_ping_of(m)->n];
	me(self);
	led.runs++;
	if (d->sent)
		CHECK(d->runs++ == 0); /* 2 */
	if (!(m->flags & MSG_ASK))
		return below(self, 40) ? OK : actor_fault(self, "planned");
	CHECK(m->business == d->business && m->principal == test_ping_of(m)->n); /* 4 */
	CHECK(m->deadline_us && m->deadline_us <= actor_now_us(self) + PATIENT_MS * 1000ull);
	switch (below(self, 8)) {
	case 0:
		return ERR_CONFLICT;
	case 1:
	case 2:
		return hold(self, m);
	case 3:
		return actor_forward(self, any_name(self), m);
	case 4:
		actor_exit(self);
		return actor_reply(self, m, MSG(test_pong, .n = 1));
	default:
		return actor_reply(self, m, MSG(test_pong, .n = 1));
	}
}

static enum err start(struct actor *self)
{
	struct one *s = actor_state(self);
	CHECK(!s->life && led.n_lives + 1 < LIVES_MOST);
	s->life = ++led.n_lives;
	led.lives[s->life].alive = true;
	str_keep(led.lives[s->life].name, 24, actor_name(self));
	if (!actor_key(self).len)
		snprintf(led.lives[s->life].name, 24, "driver/%s", actor_node(self));
	actor_after(self, 1 + below(self, 60), on_drive);
	return OK;
}

static enum err stop(struct actor *self)
{
	led.lives[me(self)->life].alive = false;
	return OK;
}

static const struct actor_on takes[] = { { &test_ping_desc, on_ping }, { 0 } };
static const struct proto_desc *const sends[] = { &test_ping_desc, &test_pong_desc, NULL };
#define KIND(kind, where, begun)                                                                   \
	static const struct actor_kind kind = { .name = #kind,                                     \
		                                .doc = "lives somewhere",                          \
		                                .state = sizeof(struct one),                       \
		                                .start = start,                                    \
		                                .stop = stop,                                      \
		                                .takes = takes,                                    \
		                                .sends = sends,                                    \
		                                .place = where,                                    \
		                                .at_start = begun,                                 \
		                                .sets_tenant = true,                               \
		                                .asks = 256,                                       \
		                                .restart = { RESTART_ON_FAULT, 32, 1000, 5 } }
KIND(peer, PLACE_HASHED, false);
KIND(driver, PLACE_EVERY, true);
static const struct actor_kind *const kinds[] = { &peer, &driver, NULL };

/* ---- processes
 * --------------------------------------------------------------------------------------- */

static void mix(const void *at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		led.hash = (led.hash ^ ((const unsigned char *)at)[i]) * 0x100000001b3u;
}

static uint32_t on_message(void *ctx, const struct msg *m, struct str from, struct str to)
{
	uint64_t now = sim_now_us(led.net);
	(void)ctx;
	mix(&now, sizeof now);
	mix(&m->id, sizeof m->id);
	mix(&m->err, sizeof m->err);
	mix(from.at, from.len);
	mix(to.at, to.len);
	return 0;
}

static void on_stale(void *ctx)
{
	((struct proc *)ctx)->is_stale = true;
}

static void proc_start(struct proc *p)
{
	static const char *const names[] = { "peer", "driver", NULL };
	const char *hubs[] = { "sim://hub", NULL };
	char name[8];
	uint64_t now = sim_now_us(led.net);
	snprintf(name, sizeof name, "n#%u", p->index);
	p->alive = true;
	led.changed_us = now;
	p->is_stale = false;
	p->epoch = ++led.epochs;
	p->next_us = now;
	p->link = sim_link_new(led.net, name, p->epoch, p->index, false);
	struct node_config nc = { .name = name,
		                  .epoch = p->epoch,
		                  .seed = sim_random(led.net),
		                  .kinds = kinds,
		                  .now_us = now,
		                  .wall_us = now,
		                  .stale = on_stale,
		                  .ctx = p };
	CHECK(node_new(&nc, &p->node) == OK);
	struct bus_config bc = { .name = name,
		                 .epoch = p->epoch,
		                 .kinds = names,
		                 .hubs = hubs,
		                 .peers_after = p->last_peer,
		                 .calls = &node_bus_calls,
		                 .ctx = p->node };
	CHECK(bus_new(&bc, p->link, now, &p->bus) == OK);
	node_join(p->node, p->bus);
	node_tap(p->node, on_message, NULL);
}

static void proc_end(struct proc *p, bool kill)
{
	if (!p->alive)
		return;
	led.changed_us = sim_now_us(led.net);
	if (kill)
		sim_link_kill(p->link);
	node_free(&p->node);
	p->last_peer = bus_last_peer(p->bus);
	bus_free(&p->bus);
	link_free(&p->link);
	p->alive = false;
}

static void proc_turn(struct proc *p)
{
	uint64_t now = sim_now_us(led.net);
	for (bool more = true; more && !p->is_stale;) {
		more = bus_drain(p->bus, now);
		more |= node_turn(p->node, now, now);
		more |= bus_flush(p->bus, now, !node_busy(p->node));
		more |= node_busy(p->node);
	}
	if (p->is_stale) {
		proc_end(p, false);
		proc_start(p);
		return;
	}
	uint64_t bus = bus_next_us(p->bus), node = node_next_us(p->node);
	p->next_us = bus < node ? bus : node;
	if (p->next_us <= now)
		p->next_us = now + 500;
}

static void run_until(uint64_t to_us)
{
	while (sim_now_us(led.net) < to_us) {
		uint64_t next = sim_next_us(led.net), hub = hub_next_us(led.hub),
			 now = sim_now_us(led.net);
		next = hub < next ? hub : next;
		for (uint32_t i = 0; i < NODES; i++)
			if (led.procs[i].alive && led.procs[i].next_us < next)
				next = led.procs[i].next_us;
		next = next <= now ? now + 100 : next;
		sim_advance(led.net, next < to_us ? next : to_us);
		now = sim_now_us(led.net);
		for (bool busy = true; busy;) {
			busy = hub_drain(led.hub, now);
			busy = hub_flush(led.hub, now) || busy;
		}
		for (uint32_t i = 0; i < NODES; i++)
			if (led.procs[i].alive &&
			    (led.procs[i].next_us <= now || sim_link_ready(led.procs[i].link)))
				proc_turn(&led.procs[i]);
	}
}

static bool lives(const char *name)
{
	for (uint32_t i = led.n_lives; i; i--)
		if (led.lives[i].alive && !strcmp(led.lives[i].name, name))
			return true;
	return false;
}

static void check(void)
{
	for (uint32_t i = 1; i <= led.n_deeds; i++) {
		struct deed *d = &led.deeds[i];
		if (d->sent || !led.lives[d->life].alive)
			continue;
		if (d->watch)
			CHECK(d->answers == 1 || lives(d->whom)); /* 3 */
		else
			CHECK(d->answers == 1); /* 1 */
	}
	CHECK(led.answered > 100 && led.runs > 100);
}

static void night(void)
{
	for (uint32_t i = 0; i < NODES; i++)
		proc_end(&led.procs[i], false);
	hub_free(&led.hub);
	link_free(&led.hub_link);
	sim_net_free(&led.net);
}

static uint64_t run(uint64_t seed)
{
	uint64_t blocks = msg_stats().blocks;
	memset(&led, 0, sizeof led);
	led.hash = 0xcbf29ce484222325u;
	led.net = sim_net_new(seed);
	sim_net_weather(led.net, &(struct sim_weather){ .delay_least_us = 50,
	                                                .delay_most_us = 2000,
	                                                .twin = seed % 3 ? 0 : 20000 });
	led.hub_link = sim_link_new(led.net, "hub", 1000, NODES, true);
	CHECK(hub_new(&(struct hub_config){ .name = "hub", .epoch = 1000 }, led.hub_link,
	              sim_now_us(led.net), &led.hub) == OK);
	for (uint32_t i = 0; i < NODES; i++) {
		led.procs[i].index = i;
		proc_start(&led.procs[i]);
	}
	led.started_us = sim_now_us(led.net);
	for (uint32_t i = 0; i < 3; i++) { /* each time somebody falls, by kill or in good order */
		run_until(led.started_us + (i + 1) * SECOND + sim_below(led.net, SECOND));
		struct proc *p = &led.procs[sim_below(led.net, NODES)];
		proc_end(p, sim_below(led.net, 4) != 0);
		run_until(sim_now_us(led.net) + sim_below(led.net, SECOND / 2));
		proc_start(p);
	}
	run_until(led.started_us + DAY_US + EVENING_US);
	check();
	night();
	CHECK(msg_stats().blocks == blocks); /* 5 */
	mix(&led.answered, sizeof led.answered);
	if (getenv("FAR_PRINT"))
		fprintf(stderr,
		        "seed %llu: asks answered %llu, gone %llu, told %llu, runs %llu, lives "
		        "%u\n",
		        (unsigned long long)seed, (unsigned long long)led.answered,
		        (unsigned long long)led.gone, (unsigned long long)led.told,
		        (unsigned long long)led.runs, led.n_lives);
	return led.hash;
}

int main(int argc, char **argv)
{
	return alone_seeds(argc, argv, "runtime far", run);
}
