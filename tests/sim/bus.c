/*
 * bus — nodes and hubs through a bad day drawn from a seed: frames lost, repeated, late; lines that
 * break; processes killed, stopped and too busy to look; cables cut.
 *
 *     usage: bus SEEDS [FIRST]
 *
 * Held, by books kept outside of the bus:
 *   1. a message is delivered at most once, and only to the incarnation it was sent to;
 *   2. from X to Y in the order of sending, without a gap;
 *   3. in the end each accepted message was delivered, or told as lost: neither is forgotten, and
 *      both only if the receiver was given up, and what was told as lost is not delivered later
 *      (except over a cut cable, or by one who heard that he is given up himself: nobody can know);
 *   4. nobody who lives, however busy, is given up while nothing was cut, stopped or killed;
 *   5. whoever is killed, stopped or cut off is given up by all who look on within 3 s;
 *   6. an event reaches a subscriber at most once, and never one that does not hear its type;
 *   7. in the end every node sees exactly the others that live, and no message block is left.
 */
#include "bus/hub.h"
#include "proto/beat.h"
#include "proto/port.h"
#include "tests/sim/link_sim.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	NODES = 5,
	HUBS = 2,
	PROCS = NODES + HUBS,
	ACTORS = 3,
	SENT_MOST = 1 << 16,
	DUES_MOST = 4096,
	BURIED_MOST = 256,
	SECOND = 1000000,
	DAY_US = 14 * SECOND,
	EVENING_US = 25 * SECOND, /* calm weather, no traffic: all is to settle */
	GONE_WITHIN_US = 3 * SECOND,
};

enum day { CALM, BUSY, RAIN, BREAKS, KILLS, STOPS, CUTS, ALL, DAYS };
static const char *const day_names[] = { "calm",  "busy",  "rain", "breaks",
	                                 "kills", "stops", "cuts", "all" };

/* What was accepted for sending: the books of the outside. */
struct sent {
	uint64_t to_epoch, from_epoch;
	uint32_t before; /* what the same X sent to the same Y before; 0: nothing */
	uint8_t delivered, lost;
};

struct event {
	uint8_t heard[NODES];
	uint8_t from;
};

struct proc {
	struct world *world;
	uint32_t index;
	bool alive, stopped, is_stale, hears;
	uint64_t epoch, next_us, busy_until_us, stopped_until_us;
	struct link *link;
	struct bus *bus; /* of a node */
	struct hub *hub; /* of a hub */
	uint32_t last_peer, gone, buried[BURIED_MOST];
	struct {
		uint64_t epoch;
		uint32_t last[ACTORS][ACTORS];
	} pairs[NODES];
};

/* Somebody who has to give up somebody by a certain time. */
struct duty {
	uint32_t observer, peer;
	uint64_t observer_epoch, by_us;
};

struct world {
	struct sim_net *net;
	uint64_t seed, epochs;
	enum day day;
	bool evening;
	struct proc procs[PROCS];
	struct sent *sent;
	struct event *events;
	uint32_t n_sent, n_events;
	struct duty duties[DUES_MOST];
	uint32_t n_duties;
	uint64_t cut_until_us, killed_us, mishap_us;
	uint32_t cut_a, cut_b;
	uint64_t delivered, lost, both, gone, stale, heard;
	bool failed;
};

#define HOLD(w, what, ...)                                                                         \
	do {                                                                                       \
		if (!(what) && !(w)->failed) {                                                     \
			printf("seed %llu (%s) at %.3f s: not held: %s: ",                         \
			       (unsigned long long)(w)->seed, day_names[(w)->day],                 \
			       (double)sim_now_us((w)->net) / 1e6, #what);                         \
			printf(__VA_ARGS__);                                                       \
			printf("\n");                                                              \
			(w)->failed = true;                                                        \
		}                                                                                  \
	} while (0)

static bool sender_lives(const struct world *w, uint64_t epoch)
{
	for (uint32_t i = 0; i < NODES; i++)
		if (w->procs[i].epoch == epoch)
			return true;
	return false;
}

/* ---- what a node's bus tells ----------------------------------------------------------------- */

static void on_event(struct proc *p, const struct msg *m)
{
	struct world *w = p->world;
	HOLD(w, m->id && m->id <= w->n_events, "event %llu", (unsigned long long)m->id);
	struct event *e = &w->events[m->id - 1];
	e->heard[p->index]++;
	w->heard++;
	HOLD(w, e->heard[p->index] == 1, "event %llu twice", (unsigned long long)m->id);
	HOLD(w, e->from != p->index, "its own event");
}

static void deliver(void *ctx, struct msg *m)
{
	struct proc *p = ctx;
	struct world *w = p->world;
	if (m->flags & MSG_EVENT) {
		on_event(p, m);
		msg_unref(m);
		return;
	}
	HOLD(w, m->id && m->id <= w->n_sent, "message %llu", (unsigned long long)m->id);
	struct sent *s = &w->sent[m->id - 1];
	s->delivered++;
	w->delivered++;
	sim_trace_add(w->net, m->id);
	w->both += s->lost;
	HOLD(w, !s->lost || w->day == CUTS || w->day == ALL || !sender_lives(w, s->from_epoch),
	     "told as lost, delivered later");
	HOLD(w, s->delivered == 1, "message %llu twice", (unsigned long long)m->id);
	HOLD(w, s->to_epoch == p->epoch, "for another incarnation");
	HOLD(w, !s->before || w->sent[s->before - 1].delivered, "%llu before %u",
	     (unsigned long long)m->id, s->before);
	msg_unref(m);
}

static void lost(void *ctx, const struct msg *m, enum err why)
{
	struct proc *p = ctx;
	struct world *w = p->world;
	(void)why;
	struct sent *s = &w->sent[m->id - 1];
	s->lost++;
	w->lost++;
	w->both += s->delivered;
	HOLD(w, s->lost == 1, "lost twice");
	HOLD(w, s->from_epoch == p->epoch, "lost by another");
}

static void gone(void *ctx, uint32_t peer)
{
	struct proc *p = ctx;
	struct world *w = p->world;
	for (uint32_t i = 0; i < p->gone && i < BURIED_MOST; i++)
		HOLD(w, p->buried[i] != peer, "peer %u gone twice", peer);
	p->buried[p->gone % BURIED_MOST] = peer;
	w->gone++;
	p->gone++;
	sim_trace_add(w->net, (uint64_t)p->index << 32 | peer);
	for (uint32_t i = 0; i < w->n_duties;) {
		struct duty *d = &w->duties[i];
		if (d->observer == p->index && d->observer_epoch == p->epoch && d->peer == peer)
			*d = w->duties[--w->n_duties];
		else
			i++;
	}
}

static void roster(void *ctx)
{
	(void)ctx;
}

static void stale(void *ctx)
{
	struct proc *p = ctx;
	p->is_stale = true;
	p->world->stale++;
}

static const struct bus_calls calls = { deliver, lost, gone, roster, stale, NULL };

/* ---- processes ------------------------------------------------------------------------------- */

static void proc_start(struct world *w, uint32_t i)
{
	struct proc *p = &w->procs[i];
	uint32_t last_peer = p->last_peer;
	bool hears = p->hears;
	*p = (struct proc){ .world = w, .index = i, .alive = true, .last_peer = last_peer };
	char name[16];
	p->epoch = ++w->epochs * 1000 + i;
	p->next_us = sim_now_us(w->net);
	if (i >= NODES) {
		snprintf(name, sizeof name, "hub#%u", i - NODES);
		p->link = sim_link_new(w->net, name, p->epoch, i, true);
		struct hub_config hc = { .name = name, .epoch = p->epoch };
		HOLD(w, hub_new(&hc, p->link, sim_now_us(w->net), &p->hub) == OK, "hub_new");
		return;
	}
	snprintf(name, sizeof name, "n#%u", i);
	p->link = sim_link_new(w->net, name, p->epoch, i, false);
	const char *hubs[] = { "sim://hub#0", "sim://hub#1", NULL }, *kinds[] = { "echo", NULL };
	struct bus_config bc = { .name = name,
		                 .epoch = p->epoch,
		                 .kinds = kinds,
		                 .hubs = hubs,
		                 .peers_after = last_peer,
		                 .calls = &calls,
		                 .ctx = p };
	HOLD(w, bus_new(&bc, p->link, sim_now_us(w->net), &p->bus) == OK, "bus_new");
	p->hears = hears || i % 2;
	if (p->hears)
		bus_subscribe(p->bus, &beat_alive_desc);
}

static void proc_end(struct proc *p, bool kill)
{
	if (!p->alive)
		return;
	if (kill)
		sim_link_kill(p->link);
	if (p->bus)
		p->last_peer = bus_last_peer(p->bus);
	bus_free(&p->bus);
	hub_free(&p->hub);
	link_free(&p->link);
	p->alive = false;
}

/* ---- traffic --------------------------------------------------------------------------------- */

static struct msg *draw_message(struct world *w)
{
	static char bytes[600 << 10];
	struct msg *m;
	uint64_t kind = sim_below(w->net, 100);
	if (kind < 90) {
		struct beat_pulse pulse = { .node = str_of("somebody"), .up_ms = kind };
		if (msg_new(&beat_pulse_desc, &pulse, &m, NULL))
			abort();
		return m;
	}
	struct port_carried carried = { .type = 1 };
	if (msg_new(&port_carried_desc, &carried, &m, NULL))
		abort();
	uint64_t most = kind < 96 ? 3000 : kind < 99 ? 150 << 10 : sizeof bytes;
	m->blob = blob_copy(bytes, 1 + sim_below(w->net, most));
	return m;
}

static uint32_t index_of(const char *name)
{
	return (uint32_t)atoi(name + 2);
}

static void send_one(struct proc *p)
{
	struct world *w = p->world;
	struct bus_peer to;
	uint32_t n = 0;
	while (bus_peer_at(p->bus, n, &to))
		n++;
	if (!n || w->n_sent == SENT_MOST ||
	    !bus_peer_at(p->bus, (uint32_t)sim_below(w->net, n), &to))
		return;
	uint32_t from = (uint32_t)sim_below(w->net, ACTORS),
		 actor = (uint32_t)sim_below(w->net, ACTORS);
	struct msg *m = draw_message(w);
	m->from = (struct ref){ .slot = from + 1, .gen = 1 };
	m->to = (struct ref){ .slot = actor + 1, .gen = 1 };
	m->id = w->n_sent + 1;
	enum err e = bus_send(p->bus, to.peer, m);
	msg_unref(m);
	HOLD(w, e == OK || e == ERR_FULL, "send: %s", err_info(e)->name);
	if (e)
		return;
	uint32_t target = index_of(to.name);
	if (p->pairs[target].epoch != to.epoch)
		memset(&p->pairs[target], 0, sizeof p->pairs[target]);
	p->pairs[target].epoch = to.epoch;
	uint32_t *last = &p->pairs[target].last[from][actor];
	w->sent[w->n_sent++] =
		(struct sent){ .to_epoch = to.epoch, .from_epoch = p->epoch, .before = *last };
	*last = w->n_sent;
}

static void publish_one(struct proc *p)
{
	struct world *w = p->world;
	struct msg *m;
	struct beat_alive alive = { .name = str_of("x"), .every_ms = 1000 };
	if (w->n_events == SENT_MOST)
		return;
	if (msg_new(&beat_alive_desc, &alive, &m, NULL))
		abort();
	w->events[w->n_events++] = (struct event){ .from = (uint8_t)p->index };
	m->id = w->n_events;
	m->flags = MSG_EVENT;
	enum err e = bus_publish(p->bus, m);
	HOLD(w, e == OK || e == ERR_FULL || e == ERR_UNAVAILABLE, "publish: %s", err_info(e)->name);
	msg_unref(m);
}

static void traffic(struct proc *p)
{
	struct world *w = p->world;
	if (w->evening || !sim_chance(w->net, 150000))
		return;
	for (uint64_t n = sim_below(w->net, 12); n; n--)
		send_one(p);
	if (sim_chance(w->net, 300000))
		publish_one(p);
}

/* ---- a turn ---------------------------------------------------------------------------------- */

static void proc_turn(struct proc *p)
{
	struct world *w = p->world;
	uint64_t now_us = sim_now_us(w->net);
	bool more = true;
	for (int i = 0; more && i < 50 && !p->is_stale; i++) {
		more = p->bus ? bus_drain(p->bus, now_us) : hub_drain(p->hub, now_us);
		if (p->bus && !p->is_stale)
			traffic(p);
		more |= p->bus ? bus_flush(p->bus, now_us, true) : hub_flush(p->hub, now_us);
	}
	if (p->hub && hub_stale(p->hub))
		p->is_stale = true;
	if (p->is_stale) {
		proc_end(p, false);
		proc_start(w, p->index);
		return;
	}
	p->next_us = p->bus ? bus_next_us(p->bus) : hub_next_us(p->hub);
	if (p->next_us <= now_us)
		p->next_us = now_us + 1000;
	uint64_t most_us = w->day == BUSY || w->day == CALM ? SECOND
	                   : w->day == ALL                  ? SECOND / 20
	                                                    : 2000;
	if (!w->evening && sim_chance(w->net, w->day == BUSY ? 500000 : 2000))
		p->busy_until_us = now_us + sim_below(w->net, most_us);
}

static uint64_t proc_next_us(const struct proc *p)
{
	if (!p->alive || p->stopped)
		return p->alive ? p->stopped_until_us : UINT64_MAX;
	uint64_t at_us = sim_link_ready(p->link) ? 0 : p->next_us;
	return at_us > p->busy_until_us ? at_us : p->busy_until_us;
}

/* ---- mishaps --------------------------------------------------------------------------------- */

/* All who look on and know it must give it up. */
static void oblige(struct world *w, uint32_t who)
{
	struct bus_peer peer;
	for (uint32_t i = 0; i < NODES; i++) {
		struct proc *p = &w->procs[i];
		if (i == who || !p->alive || p->stopped || w->n_duties == DUES_MOST)
			continue;
		for (uint32_t k = 0; bus_peer_at(p->bus, k, &peer); k++)
			if (peer.epoch == w->procs[who].epoch && peer.state == BUS_PEER_UP)
				w->duties[w->n_duties++] =
					(struct duty){ i, peer.peer, p->epoch,
					               sim_now_us(w->net) + GONE_WITHIN_US };
	}
}

/* Who does not look on himself is excused. */
static void excuse(struct world *w, uint32_t who)
{
	for (uint32_t i = 0; i < w->n_duties;)
		if (w->duties[i].observer == who)
			w->duties[i] = w->duties[--w->n_duties];
		else
			i++;
}

static void check_duties(struct world *w)
{
	for (uint32_t i = 0; i < w->n_duties;) {
		struct duty *d = &w->duties[i];
		const struct proc *p = &w->procs[d->observer];
		if (!p->alive || p->epoch != d->observer_epoch) {
			*d = w->duties[--w->n_duties];
			continue;
		}
		HOLD(w, sim_now_us(w->net) <= d->by_us, "node %u still believes in peer %u (%s)",
		     d->observer, d->peer, bus_peer_name(p->bus, d->peer));
		i++;
	}
}

static void mishap_kill(struct world *w)
{
	uint32_t i = (uint32_t)sim_below(w->net, w->day == ALL ? PROCS : NODES);
	struct proc *p = &w->procs[i];
	if (!p->alive || p->stopped)
		return;
	bool kill = sim_chance(w->net, 700000);
	if (i < NODES && w->day == KILLS)
		oblige(w, i);
	excuse(w, i);
	proc_end(p, kill);
	w->killed_us = sim_now_us(w->net);
}

static void mishap_stop(struct world *w)
{
	struct proc *p = &w->procs[sim_below(w->net, w->day == ALL ? PROCS : NODES)];
	if (!p->alive || p->stopped)
		return;
	uint64_t for_us = sim_below(w->net, 6 * SECOND);
	if (p->bus && w->day == STOPS && for_us > GONE_WITHIN_US + SECOND / 2)
		oblige(w, p->index);
	excuse(w, p->index);
	p->stopped = true;
	p->stopped_until_us = sim_now_us(w->net) + for_us;
}

static void mishap_cut(struct world *w)
{
	uint32_t a = (uint32_t)sim_below(w->net, PROCS), b = (uint32_t)sim_below(w->net, PROCS);
	bool alone = sim_chance(w->net, 500000);
	if (a == b || w->cut_until_us)
		return;
	for (uint32_t i = 0; i < PROCS; i++)
		if (i != a && (alone || i == b))
			sim_cut(w->net, a, i, true);
	w->cut_until_us = sim_now_us(w->net) + sim_below(w->net, 6 * SECOND);
}

static void heal(struct world *w)
{
	for (uint32_t a = 0; a < PROCS; a++)
		for (uint32_t b = 0; b < PROCS; b++)
			sim_cut(w->net, a, b, false);
	w->cut_until_us = 0;
}

static void mishaps(struct world *w)
{
	uint64_t now_us = sim_now_us(w->net);
	for (uint32_t i = 0; i < PROCS; i++) {
		struct proc *p = &w->procs[i];
		if (!p->alive && now_us > w->killed_us + SECOND / 4 &&
		    (w->evening || sim_chance(w->net, 2000)))
			proc_start(w, i);
		if (p->stopped && now_us >= p->stopped_until_us)
			p->stopped = false;
	}
	if (w->cut_until_us && now_us >= w->cut_until_us)
		heal(w);
	if (w->evening || now_us < w->mishap_us)
		return;
	w->mishap_us = now_us + sim_below(w->net, 2 * SECOND);
	uint32_t which = w->day == ALL ? KILLS + (uint32_t)sim_below(w->net, 3) : w->day;
	if (which == KILLS)
		mishap_kill(w);
	else if (which == STOPS)
		mishap_stop(w);
	else if (which == CUTS)
		mishap_cut(w);
}

/* ---- a day ----------------------------------------------------------------------------------- */

static void run_until(struct world *w, uint64_t until_us)
{
	enum { STEP_MOST_US = 20000 };
	while (sim_now_us(w->net) < until_us && !w->failed) {
		uint64_t next_us = sim_next_us(w->net), now_us = sim_now_us(w->net);
		for (uint32_t i = 0; i < PROCS; i++)
			next_us = proc_next_us(&w->procs[i]) < next_us ? proc_next_us(&w->procs[i])
			                                               : next_us;
		if (next_us > now_us + STEP_MOST_US)
			next_us = now_us + STEP_MOST_US;
		sim_advance(w->net, next_us > now_us ? next_us : now_us + 1);
		mishaps(w);
		for (uint32_t i = 0; i < PROCS; i++)
			if (w->procs[i].alive && proc_next_us(&w->procs[i]) <= sim_now_us(w->net) &&
			    !w->procs[i].stopped)
				proc_turn(&w->procs[i]);
		check_duties(w);
	}
}

static void check_roster(struct world *w, const struct proc *p)
{
	struct bus_peer peer;
	uint32_t n = 0;
	for (; bus_peer_at(p->bus, n, &peer); n++) {
		const struct proc *other = &w->procs[index_of(peer.name)];
		HOLD(w, peer.epoch == other->epoch && peer.state == BUS_PEER_UP,
		     "node %u sees %s in state %d", p->index, peer.name, (int)peer.state);
		HOLD(w, peer.held == 0, "node %u still holds %llu for %s", p->index,
		     (unsigned long long)peer.held, peer.name);
	}
	HOLD(w, n == NODES - 1, "node %u sees %u others", p->index, n);
	HOLD(w, bus_joined(p->bus), "node %u has no hub", p->index);
}

/* SIM_TELL=1: how all stand in the end of a red day. */
static void tell(const struct proc *p)
{
	struct bus_peer peer;
	printf("  %u epoch %llu alive %d stopped %d joined %d\n", p->index,
	       (unsigned long long)p->epoch, p->alive, p->stopped, p->bus && bus_joined(p->bus));
	for (uint32_t n = 0; p->bus && bus_peer_at(p->bus, n, &peer); n++)
		printf("    %s epoch %llu state %d\n", peer.name, (unsigned long long)peer.epoch,
		       (int)peer.state);
	if (p->hub)
		printf("    nodes %llu version %llu\n", (unsigned long long)hub_stats(p->hub).nodes,
		       (unsigned long long)hub_stats(p->hub).version);
}

static void check_books(struct world *w)
{
	for (uint32_t i = 0; i < w->n_sent; i++) {
		const struct sent *s = &w->sent[i];
		HOLD(w, s->delivered || s->lost || !sender_lives(w, s->from_epoch),
		     "message %u forgotten", i + 1);
	}
	if (w->day < KILLS && w->day != BREAKS) {
		HOLD(w, !w->gone && !w->stale, "%llu given up, %llu stale",
		     (unsigned long long)w->gone, (unsigned long long)w->stale);
		HOLD(w, !w->lost && w->delivered == w->n_sent, "%llu lost, %llu of %u delivered",
		     (unsigned long long)w->lost, (unsigned long long)w->delivered, w->n_sent);
	}
}

static struct sim_weather weather_of(enum day day)
{
	struct sim_weather w = { .delay_least_us = 50, .delay_most_us = 500 };
	if (day == RAIN || day == BREAKS || day == ALL) {
		w.loss = 5000;
		w.twin = 5000;
		w.late = 10000;
		w.delay_most_us = 5000;
	}
	if (day == BREAKS || day == ALL)
		w.breaks = 200;
	return w;
}

static uint64_t one_day(uint64_t seed, bool loud, bool *failed)
{
	struct world *w = calloc(1, sizeof *w);
	w->sent = calloc(SENT_MOST, sizeof *w->sent);
	w->events = calloc(SENT_MOST, sizeof *w->events);
	w->seed = seed;
	w->day = (enum day)(seed % DAYS);
	w->net = sim_net_new(seed);
	struct sim_weather weather = weather_of(w->day);
	sim_net_weather(w->net, &weather);
	for (uint32_t i = PROCS; i--;)
		proc_start(w, i);
	uint64_t start_us = sim_now_us(w->net);
	run_until(w, start_us + DAY_US);
	w->evening = true;
	weather = weather_of(CALM);
	sim_net_weather(w->net, &weather);
	heal(w);
	run_until(w, start_us + DAY_US + EVENING_US);
	for (uint32_t i = 0; i < NODES && !w->failed; i++)
		check_roster(w, &w->procs[i]);
	if (w->failed && getenv("SIM_TELL"))
		for (uint32_t i = 0; i < PROCS; i++)
			tell(&w->procs[i]);
	if (!w->failed)
		check_books(w);
	if (loud)
		printf("seed %llu %s: %u sent, %llu delivered, %llu lost (%llu both), %llu gone, "
		       "%llu stale, %u "
		       "events, %llu heard, trace %016llx\n",
		       (unsigned long long)seed, day_names[w->day], w->n_sent,
		       (unsigned long long)w->delivered, (unsigned long long)w->lost,
		       (unsigned long long)w->both, (unsigned long long)w->gone,
		       (unsigned long long)w->stale, w->n_events, (unsigned long long)w->heard,
		       (unsigned long long)sim_trace(w->net));
	for (uint32_t i = 0; i < PROCS; i++)
		proc_end(&w->procs[i], true);
	HOLD(w, msg_stats().blocks == 0, "%llu blocks left",
	     (unsigned long long)msg_stats().blocks);
	uint64_t trace = sim_trace(w->net);
	*failed = w->failed;
	sim_net_free(&w->net);
	free(w->sent);
	free(w->events);
	free(w);
	return trace;
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 40;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint64_t red = 0;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		bool failed;
		uint64_t trace = one_day(seed, seeds <= 2 * DAYS || argc > 3, &failed);
		red += failed;
		if (seed - first >= DAYS || failed)
			continue;
		if (one_day(seed, false, &failed) != trace) {
			printf("seed %llu: not the same day twice\n", (unsigned long long)seed);
			red++;
		}
	}
	printf("%llu days, %llu red\n", (unsigned long long)seeds, (unsigned long long)red);
	return red != 0;
}
