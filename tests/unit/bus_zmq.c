/*
 * Hub and nodes over real ZeroMQ on one loop: they join, find each other, send, hear events, and
 * know who has left.
 */
#include "bus/bus.h"
#include "bus/hub.h"
#include "bus/link_zmq.h"
#include "proto/beat.h"
#include "proto/lease.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { NODES = 3, PATIENCE_US = 8000000 };

struct node {
	struct world *world;
	struct link *link;
	struct bus *bus;
	struct loop_stage *in, *out;
	uint32_t got, lost, gone, events, last_up_ms, disorder, stale;
	struct str blob_seen;
	uint32_t blob_len;
};

struct world {
	struct loop *loop;
	struct loop_timer *timer;
	char dir[64], hub_at[128];
	struct link *hub_link;
	struct hub *hub;
	struct loop_stage *hub_in, *hub_out;
	struct node nodes[NODES];
	bool (*until)(struct world *w);
	uint64_t deadline_us;
	bool met;
};

static void deliver(void *ctx, struct msg *m)
{
	struct node *n = ctx;
	if (m->type == &beat_pulse_desc) {
		uint32_t up = (uint32_t)beat_pulse_of(m)->up_ms;
		n->disorder += up != n->last_up_ms + 1;
		n->last_up_ms = up;
		n->got++;
	} else {
		n->events += m->flags & MSG_EVENT ? 1 : 0;
	}
	msg_unref(m);
}

static void lost(void *ctx, const struct msg *m, enum err why)
{
	(void)m;
	(void)why;
	((struct node *)ctx)->lost++;
}

static void gone(void *ctx, uint32_t peer)
{
	(void)peer;
	((struct node *)ctx)->gone++;
}

static void roster(void *ctx)
{
	(void)ctx;
}

static void stale(void *ctx)
{
	((struct node *)ctx)->stale++;
}

static const struct bus_calls calls = { deliver, lost, gone, roster, stale, NULL };

static bool node_in(void *ctx)
{
	struct node *n = ctx;
	return n->bus && bus_drain(n->bus, loop_now_us(n->world->loop));
}

static bool node_out(void *ctx)
{
	struct node *n = ctx;
	return n->bus && bus_flush(n->bus, loop_now_us(n->world->loop), true);
}

static bool hub_in(void *ctx)
{
	struct world *w = ctx;
	return w->hub && hub_drain(w->hub, loop_now_us(w->loop));
}

static void tick(void *ctx)
{
	struct world *w = ctx;
	loop_timer_set(w->timer, 5000);
}

static bool hub_out(void *ctx)
{
	struct world *w = ctx;
	bool more = w->hub && hub_flush(w->hub, loop_now_us(w->loop));
	w->met = w->until && w->until(w);
	if (w->met || loop_now_us(w->loop) > w->deadline_us)
		loop_stop(w->loop);
	return more;
}

static void hub_start(struct world *w, uint64_t epoch)
{
	struct link_zmq_config lc = { .loop = w->loop, .ipc = w->hub_at };
	struct hub_config hc = { .name = "hub", .epoch = epoch };
	assert_int_equal(link_zmq_new(&lc, &w->hub_link), OK);
	assert_int_equal(hub_new(&hc, w->hub_link, loop_now_us(w->loop), &w->hub), OK);
}

static void hub_stop(struct world *w)
{
	hub_free(&w->hub);
	link_free(&w->hub_link);
}

static void node_start(struct world *w, uint32_t i, uint64_t epoch)
{
	struct node *n = &w->nodes[i];
	char name[16];
	snprintf(name, sizeof name, "n#%u", i);
	const char *hubs[] = { w->hub_at, NULL }, *kinds[] = { "echo", NULL };
	struct link_zmq_config lc = {
		.loop = w->loop, .dir = w->dir, .name = name, .epoch = epoch
	};
	struct bus_config bc = { .name = name,
		                 .epoch = epoch,
		                 .kinds = kinds,
		                 .hubs = hubs,
		                 .calls = &calls,
		                 .ctx = n };
	n->world = w;
	assert_int_equal(link_zmq_new(&lc, &n->link), OK);
	assert_int_equal(bus_new(&bc, n->link, loop_now_us(w->loop), &n->bus), OK);
}

static void node_stop(struct node *n)
{
	bus_free(&n->bus);
	link_free(&n->link);
}

static void await(struct world *w, bool (*until)(struct world *w))
{
	w->until = until;
	w->deadline_us = loop_now_us(w->loop) + PATIENCE_US;
	loop_run(w->loop);
	assert_true(w->met);
}

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);
	str_keep(w->dir, sizeof w->dir, str_of("/tmp/sb-XXXXXX"));
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->hub_at, sizeof w->hub_at, "ipc://%s/hub", w->dir);
	assert_int_equal(loop_new(&w->loop), OK);
	assert_int_equal(loop_timer_new(w->loop, tick, w, &w->timer), OK);
	loop_timer_set(w->timer, 0);
	for (uint32_t i = 0; i < NODES; i++) {
		struct node *n = &w->nodes[i];
		n->world = w;
		assert_int_equal(loop_on_turn(w->loop, LOOP_DRAIN, node_in, n, &n->in), OK);
		assert_int_equal(loop_on_turn(w->loop, LOOP_FLUSH, node_out, n, &n->out), OK);
	}
	assert_int_equal(loop_on_turn(w->loop, LOOP_DRAIN, hub_in, w, &w->hub_in), OK);
	assert_int_equal(loop_on_turn(w->loop, LOOP_FLUSH, hub_out, w, &w->hub_out), OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (uint32_t i = 0; i < NODES; i++)
		node_stop(&w->nodes[i]);
	hub_stop(w);
	loop_free(&w->loop);
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	test_free(w);
	assert_int_equal(msg_stats().blocks, 0);
	return 0;
}

static bool all_up(struct world *w)
{
	for (uint32_t i = 0; i < NODES; i++) {
		struct bus_peer p;
		uint32_t up = 0;
		for (uint32_t k = 0; w->nodes[i].bus && bus_peer_at(w->nodes[i].bus, k, &p); k++)
			up += p.state == BUS_PEER_UP;
		if (!w->nodes[i].bus || !bus_joined(w->nodes[i].bus) || up < NODES - 1)
			return false;
	}
	return true;
}

static void world_up(struct world *w)
{
	hub_start(w, 1);
	for (uint32_t i = 0; i < NODES; i++)
		node_start(w, i, 100 + i);
	await(w, all_up);
}

static uint32_t peer_named(struct bus *b, const char *name)
{
	struct bus_peer p;
	for (uint32_t i = 0; bus_peer_at(b, i, &p); i++)
		if (!strcmp(p.name, name))
			return p.peer;
	return 0;
}

static struct msg *pulse(uint64_t number)
{
	struct msg *m;
	struct beat_pulse body = { .node = str_of("x"), .up_ms = number };
	assert_int_equal(msg_new(&beat_pulse_desc, &body, &m, NULL), OK);
	m->id = number;
	return m;
}

static bool got_all(struct world *w)
{
	return w->nodes[1].got == 20000;
}

static uint64_t sent_so_far;
static bool send_more(struct world *w)
{
	struct bus *b = w->nodes[0].bus;
	uint32_t to = peer_named(b, "n#1");
	for (int i = 0; i < 1000 && sent_so_far < 20000; i++) {
		struct msg *m = pulse(sent_so_far + 1);
		enum err e = bus_send(b, to, m);
		msg_unref(m);
		if (e == ERR_FULL)
			break;
		assert_int_equal(e, OK);
		sent_so_far++;
	}
	return got_all(w);
}

static void messages_arrive_in_order_and_are_let_go(void **state)
{
	struct world *w = *state;
	world_up(w);
	sent_so_far = 0;
	await(w, send_more);
	assert_int_equal(w->nodes[1].disorder, 0);
	assert_int_equal(w->nodes[0].lost + w->nodes[2].got, 0);
}

static bool gone_seen(struct world *w)
{
	return w->nodes[0].gone == 1 && w->nodes[2].gone == 1;
}

static void a_good_end_is_known_at_once(void **state)
{
	struct world *w = *state;
	world_up(w);
	uint64_t from_us = loop_now_us(w->loop);
	node_stop(&w->nodes[1]);
	await(w, gone_seen);
	assert_true(loop_now_us(w->loop) - from_us < 300000);
	assert_int_equal(w->nodes[0].stale + w->nodes[2].stale, 0);
}

static bool two_heard(struct world *w)
{
	return w->nodes[1].events == 1 && w->nodes[2].events == 1;
}

static bool is_wanted(struct world *w)
{
	return bus_wanted(w->nodes[0].bus, &beat_alive_desc) &&
	       !bus_wanted(w->nodes[0].bus, &beat_back_desc);
}

static void publish_one(struct world *w)
{
	struct msg *m;
	struct beat_alive body = { .name = str_of("x"), .every_ms = 1000 };
	assert_int_equal(msg_new(&beat_alive_desc, &body, &m, NULL), OK);
	m->flags = MSG_EVENT;
	assert_int_equal(bus_publish(w->nodes[0].bus, m), OK);
	msg_unref(m);
}

static void events_reach_those_who_hear_them(void **state)
{
	struct world *w = *state;
	world_up(w);
	assert_false(bus_wanted(w->nodes[0].bus, &beat_alive_desc));
	bus_subscribe(w->nodes[0].bus, &beat_alive_desc); /* its own: it is not told */
	bus_subscribe(w->nodes[1].bus, &beat_alive_desc);
	bus_subscribe(w->nodes[2].bus, &beat_alive_desc);
	await(w, is_wanted);
	while (hub_stats(w->hub).copies < 2) {
		publish_one(w);
		await(w, two_heard);
	}
	assert_int_equal(w->nodes[0].events, 0);
}

static bool hubless(struct world *w)
{
	for (uint32_t i = 0; i < NODES; i++)
		if (bus_joined(w->nodes[i].bus))
			return false;
	return true;
}

/* Without a hub the nodes go on; a new hub hears of all of them again. */
static void a_new_hub_is_joined_by_itself(void **state)
{
	struct world *w = *state;
	world_up(w);
	hub_stop(w);
	await(w, hubless);
	sent_so_far = 0;
	await(w, send_more);
	hub_start(w, 2);
	await(w, all_up);
	assert_int_equal(hub_stats(w->hub).nodes, NODES);
	assert_int_equal(w->nodes[0].gone + w->nodes[0].stale + w->nodes[0].lost, 0);
}

static bool heir_is_in(struct world *w)
{
	return bus_joined(w->nodes[1].bus) && w->nodes[0].gone == 1;
}

static bool elder_is_stale(struct world *w)
{
	return w->nodes[1].stale;
}

/* A name is given away when whoever bears it is stuck; waking, it hears that its time is over. */
static void a_stuck_elder_gives_way(void **state)
{
	struct world *w = *state;
	world_up(w);
	struct node old = w->nodes[1];
	w->nodes[1] = (struct node){ 0 };
	old.world = w;
	w->nodes[1].in = old.in; /* they turn whoever stands here, and the elder not any more */
	w->nodes[1].out = old.out;
	node_start(w, 1, 999);
	await(w, heir_is_in);
	/* the old one's calls go to the new one's record */
	struct loop_stage *in, *out;
	assert_int_equal(loop_on_turn(w->loop, LOOP_DRAIN, node_in, &old, &in), OK);
	assert_int_equal(loop_on_turn(w->loop, LOOP_FLUSH, node_out, &old, &out), OK);
	await(w, elder_is_stale);
	loop_stage_free(&in);
	loop_stage_free(&out);
	node_stop(&old);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(messages_arrive_in_order_and_are_let_go),
		T(a_good_end_is_known_at_once),
		T(events_reach_those_who_hear_them),
		T(a_new_hub_is_joined_by_itself),
		T(a_stuck_elder_gives_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
