/*
 * Over tcp only known keys speak, and each only what its card says; key files; what happens when
 * the ZAP handler dies, and when a key is revoked.
 */
#include "bus/access.h"
#include "bus/serve.h"
#include "bus/zap.h"
#include "proto/beat.h"
#include "proto/lease.h"
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

enum { NODES = 3, PATIENCE_US = 8000000 };

struct node {
	struct world *world;
	struct bus_serve *serve;
	struct bus *bus;
	uint32_t got, refused, answers, lost, gone, stale;
	enum err answer, why;
	char text[201];
};

struct world {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_stage *in, *out;
	char dir[64], keys[96];
	struct hub_serve *hub;
	struct node nodes[NODES];
	bool (*until)(struct world *w);
	uint64_t deadline_us;
	bool met;
};

static void deliver(void *ctx, struct msg *m)
{
	struct node *n = ctx;
	n->answers += m->flags & MSG_ANSWER ? 1 : 0;
	n->answer = m->flags & MSG_ANSWER ? (enum err)m->err : n->answer;
	n->got += m->flags & MSG_ANSWER ? 0 : 1;
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

static void nothing(void *ctx)
{
	(void)ctx;
}

static void refused(void *ctx, enum err e, struct str why)
{
	struct node *n = ctx;
	n->refused++;
	n->why = e;
	str_keep(n->text, sizeof n->text, why);
}

static void stale(void *ctx)
{
	((struct node *)ctx)->stale++;
}

static const struct bus_calls calls = { deliver, lost, gone, nothing, stale, refused };

static bool nodes_in(void *ctx)
{
	struct world *w = ctx;
	bool more = false;
	for (int i = 0; i < NODES; i++)
		more |= w->nodes[i].bus && bus_drain(w->nodes[i].bus, loop_now_us(w->loop));
	return more;
}

static bool nodes_out(void *ctx)
{
	struct world *w = ctx;
	bool more = false;
	for (int i = 0; i < NODES; i++)
		more |= w->nodes[i].bus && bus_flush(w->nodes[i].bus, loop_now_us(w->loop), true);
	w->met = w->until && w->until(w);
	if (w->met || loop_now_us(w->loop) > w->deadline_us)
		loop_stop(w->loop);
	return more;
}

static void tick(void *ctx)
{
	struct world *w = ctx;
	loop_timer_set(w->timer, 5000);
}

static void await(struct world *w, bool (*until)(struct world *w))
{
	w->until = until;
	w->deadline_us = loop_now_us(w->loop) + PATIENCE_US;
	loop_run(w->loop);
	assert_true(w->met);
}

static void key_new(struct world *w, const char *name, const char *host, const char *send)
{
	struct key_card card = { 0 };
	str_keep(card.name, sizeof card.name, str_of(name));
	str_keep(card.host, sizeof card.host, str_of(host));
	str_keep(card.send, sizeof card.send, str_of(send));
	assert_int_equal(keys_new(w->keys, &card), OK);
	assert_int_equal(strlen(card.open), LINK_KEY_BYTES);
}

static int setup(void **state)
{
	struct world *w = test_calloc(1, sizeof *w);
	str_keep(w->dir, sizeof w->dir, str_of("/tmp/sb-XXXXXX"));
	assert_non_null(mkdtemp(w->dir));
	snprintf(w->keys, sizeof w->keys, "%s/keys", w->dir);
	assert_int_equal(loop_new(&w->loop), OK);
	assert_int_equal(loop_timer_new(w->loop, tick, w, &w->timer), OK);
	loop_timer_set(w->timer, 0);
	assert_int_equal(loop_on_turn(w->loop, LOOP_DRAIN, nodes_in, w, &w->in), OK);
	assert_int_equal(loop_on_turn(w->loop, LOOP_FLUSH, nodes_out, w, &w->out), OK);
	struct hub_serve_config hc = {
		.loop = w->loop, .name = "hub", .tcp = "tcp://127.0.0.1:0", .keys = w->keys
	};
	assert_int_equal(hub_serve_new(&hc, &w->hub), OK);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	for (int i = 0; i < NODES; i++)
		bus_serve_free(&w->nodes[i].serve);
	hub_serve_free(&w->hub);
	loop_free(&w->loop);
	char command[96];
	snprintf(command, sizeof command, "rm -rf %s", w->dir);
	assert_int_equal(system(command), 0);
	test_free(w);
	return 0;
}

static void node_start(struct world *w, int i, const char *name, const char *key, const char *kind)
{
	struct node *n = &w->nodes[i];
	char file[192];
	const char *hubs[] = { hub_serve_endpoint(w->hub, 0), NULL }, *kinds[] = { kind, NULL };
	snprintf(file, sizeof file, "%s/%s.cert_secret", w->keys, key);
	struct bus_serve_config c = { .loop = w->loop,
		                      .name = name,
		                      .kinds = kinds,
		                      .hubs = hubs,
		                      .tcp = "tcp://127.0.0.1:0",
		                      .key = file,
		                      .calls = &calls,
		                      .ctx = n };
	n->world = w;
	assert_int_equal(bus_serve_new(&c, &n->serve), OK);
	n->bus = bus_serve_bus(n->serve);
}

static uint32_t up(struct world *w, int i)
{
	struct bus_peer p;
	uint32_t n = 0;
	for (uint32_t k = 0; bus_peer_at(w->nodes[i].bus, k, &p); k++)
		n += p.state == BUS_PEER_UP;
	return n;
}

static bool two_up(struct world *w)
{
	return up(w, 0) == 1 && up(w, 1) == 1 && bus_joined(w->nodes[0].bus) &&
	       bus_joined(w->nodes[1].bus);
}

static uint32_t only_peer(struct world *w, int i)
{
	struct bus_peer p;
	assert_true(bus_peer_at(w->nodes[i].bus, 0, &p));
	return p.peer;
}

static void send_ask(struct world *w, int i, const struct proto_desc *type, const void *body)
{
	struct msg *m;
	assert_int_equal(msg_new(type, body, &m, NULL), OK);
	m->flags = MSG_ASK;
	m->id = 1;
	assert_int_equal(bus_send(w->nodes[i].bus, only_peer(w, i), m), OK);
	msg_unref(m);
}

static bool one_got(struct world *w)
{
	return w->nodes[1].got == 1;
}

static bool zero_answered(struct world *w)
{
	return w->nodes[0].answers == 1;
}

static void known_keys_speak_what_they_may(void **state)
{
	struct world *w = *state;
	key_new(w, "talker", "echo", "beat");
	key_new(w, "other", "*", "*");
	node_start(w, 0, "talker#1", "talker", "echo");
	node_start(w, 1, "other", "other", "store");
	await(w, two_up);
	struct beat_alive alive = { .name = str_of("x"), .every_ms = 1000 };
	send_ask(w, 0, &beat_alive_desc, &alive);
	await(w, one_got);
	/* of a group its card does not name: not delivered, and the asker hears why */
	struct lease_take take = { .name = str_of("x"), .owner = str_of("y"), .ttl_ms = 1000 };
	send_ask(w, 0, &lease_take_desc, &take);
	await(w, zero_answered);
	assert_int_equal(w->nodes[0].answer, ERR_DENIED);
	assert_int_equal(w->nodes[1].got, 1);
	assert_int_equal(bus_stats(w->nodes[1].bus).denied, 1);
}

static bool all_up(struct world *w)
{
	return up(w, 0) == 2 && up(w, 1) == 2 && up(w, 2) == 2;
}

static bool two_left(struct world *w)
{
	return w->nodes[1].gone == 1 && w->nodes[2].gone == 1 && up(w, 1) == 1 && up(w, 2) == 1;
}

/* Who a node is, is its name and incarnation; its key only says what it may. */
static void nodes_that_share_a_key_are_two(void **state)
{
	struct world *w = *state;
	key_new(w, "crew", "*", "*");
	key_new(w, "other", "*", "*");
	node_start(w, 0, "crew#1", "crew", "echo");
	node_start(w, 1, "crew#2", "crew", "echo");
	node_start(w, 2, "other", "other", "store");
	await(w, all_up);
	bus_serve_free(&w->nodes[0].serve);
	w->nodes[0].bus = NULL;
	await(w, two_left);
	struct beat_alive alive = { .name = str_of("x"), .every_ms = 1000 };
	w->nodes[0].got = w->nodes[1].got = 0;
	send_ask(w, 2, &beat_alive_desc, &alive);
	await(w, one_got);
}

static bool first_and_last_up(struct world *w)
{
	return up(w, 0) == 1 && up(w, 2) == 1;
}

static bool is_told_the_name_is_taken(struct world *w)
{
	return w->nodes[1].refused == 1;
}

static bool heir_is_in(struct world *w)
{
	return bus_joined(w->nodes[1].bus) && up(w, 1) == 1 && up(w, 2) == 1;
}

/* One name twice: the one that lives stays, the newcomer hears why, and is let in after it. */
static void a_name_that_lives_is_not_given_away(void **state)
{
	struct world *w = *state;
	key_new(w, "crew", "*", "*");
	key_new(w, "other", "*", "*");
	node_start(w, 0, "crew", "crew", "echo");
	node_start(w, 2, "other", "other", "store");
	await(w, first_and_last_up);
	node_start(w, 1, "crew", "crew", "echo");
	await(w, is_told_the_name_is_taken);
	assert_int_equal(w->nodes[1].why, ERR_CONFLICT);
	assert_string_equal(
		w->nodes[1].text,
		"a node called crew is alive on this bus: end it, or take another name");
	assert_false(bus_joined(w->nodes[1].bus));
	assert_int_equal(w->nodes[2].gone, 0);
	assert_int_equal(w->nodes[0].stale, 0);
	bus_serve_free(&w->nodes[0].serve);
	w->nodes[0].bus = NULL;
	await(w, heir_is_in);
}

static bool is_refused(struct world *w)
{
	return w->nodes[0].refused > 0;
}

static void a_kind_not_on_the_card_may_not_join(void **state)
{
	struct world *w = *state;
	key_new(w, "talker", "echo", "beat");
	node_start(w, 0, "talker", "talker", "store");
	await(w, is_refused);
	assert_int_equal(w->nodes[0].why, ERR_DENIED);
	assert_string_equal(w->nodes[0].text, "the key talker may not host store");
	assert_false(bus_joined(w->nodes[0].bus));
	assert_int_equal(hub_stats(hub_serve_hub(w->hub)).nodes, 0);
}

static void a_name_not_on_the_card_may_not_join(void **state)
{
	struct world *w = *state;
	key_new(w, "talker", "*", "*");
	node_start(w, 0, "other", "talker", "echo");
	await(w, is_refused);
	assert_string_equal(w->nodes[0].text, "the key talker is not for a node called other");
}

static bool all_joined_and_up(struct world *w)
{
	return all_up(w) && bus_joined(w->nodes[0].bus) && bus_joined(w->nodes[1].bus) &&
	       bus_joined(w->nodes[2].bus);
}

static bool revoked_dropped(struct world *w)
{
	const char *key = link_key(bus_serve_link(w->nodes[0].serve));
	return hub_stats(hub_serve_hub(w->hub)).nodes == 2 && w->nodes[1].gone == 1 &&
	       w->nodes[2].gone == 1 && !bus_knows_key(w->nodes[1].bus, key) &&
	       !bus_knows_key(w->nodes[2].bus, key);
}

/* Whoever is cut off has nobody left, so all it asked is answered, and it hears why. */
static bool revoked_knows(struct world *w)
{
	return w->nodes[0].gone == 2 && w->nodes[0].refused == 1;
}

static bool heir_is_refused(struct world *w)
{
	return w->nodes[0].refused == 1;
}

static void a_revoked_key_is_dropped_alive(void **state)
{
	enum { DROPPED_US = 2000000, KNOWN_US = 4000000 };
	struct world *w = *state;
	key_new(w, "talker", "*", "*");
	key_new(w, "other", "*", "*");
	key_new(w, "third", "*", "*");
	node_start(w, 0, "talker", "talker", "echo");
	node_start(w, 1, "other", "other", "echo");
	node_start(w, 2, "third", "third", "echo");
	await(w, all_joined_and_up);
	struct beat_alive alive = { .name = str_of("x"), .every_ms = 1000 };
	send_ask(w, 0, &beat_alive_desc, &alive); /* is never answered */
	uint64_t from_us = loop_now_us(w->loop);
	assert_int_equal(keys_revoke(w->keys, "talker"), OK);
	assert_int_equal(keys_revoke(w->keys, "talker"), ERR_NOT_FOUND);
	await(w, revoked_dropped);
	assert_true(loop_now_us(w->loop) - from_us < DROPPED_US);
	await(w, revoked_knows);
	assert_true(loop_now_us(w->loop) - from_us < KNOWN_US);
	assert_int_equal(w->nodes[0].why, ERR_DENIED);
	assert_string_equal(w->nodes[0].text, "the key of this node was revoked");
	assert_false(bus_joined(w->nodes[0].bus));
	/* begun anew it stays outside, and the others never knew a worse hour */
	bus_serve_free(&w->nodes[0].serve);
	w->nodes[0].refused = 0;
	node_start(w, 0, "talker", "talker", "echo");
	await(w, heir_is_refused);
	assert_string_equal(w->nodes[0].text, "the key of this node is not known here");
	assert_int_equal(up(w, 1), 1);
	assert_int_equal(up(w, 2), 1);
	assert_int_equal(w->nodes[1].gone + w->nodes[2].gone, 2);
}

static bool refused_twice(struct world *w)
{
	(void)w;
	return false;
}

/* A node whose key is in no folder: nothing of it reaches the hub. */
static void a_stranger_stays_outside(void **state)
{
	struct world *w = *state;
	key_new(w, "talker", "*", "*");
	node_start(w, 0, "talker", "talker", "echo");
	assert_int_equal(keys_revoke(w->keys, "talker"), OK);
	w->until = refused_twice;
	w->deadline_us = loop_now_us(w->loop) + 1500000;
	loop_run(w->loop);
	assert_false(bus_joined(w->nodes[0].bus));
	assert_int_equal(hub_stats(hub_serve_hub(w->hub)).nodes, 0);
}

static void tcp_without_a_key_cannot_be(void **state)
{
	struct world *w = *state;
	struct link *l = NULL;
	struct link_zmq_config c = { .loop = w->loop, .tcp = "tcp://127.0.0.1:0" };
	assert_int_equal(link_zmq_new(&c, &l), ERR_INVALID);
	struct hub_serve_config hc = { .loop = w->loop, .name = "h", .tcp = "tcp://127.0.0.1:0" };
	struct hub_serve *h = NULL;
	assert_int_equal(hub_serve_new(&hc, &h), ERR_INVALID);
	struct bus_serve_config bc = {
		.loop = w->loop, .name = "n", .tcp = "tcp://127.0.0.1:0", .calls = &calls
	};
	struct bus_serve *b = NULL;
	assert_int_equal(bus_serve_new(&bc, &b), ERR_INVALID);
	assert_null(l);
	assert_null(h);
	assert_null(b);
}

static void an_open_folder_is_refused(void **state)
{
	struct world *w = *state;
	char dir[96];
	snprintf(dir, sizeof dir, "%s/open", w->dir);
	assert_int_equal(mkdir(dir, 0755), 0);
	struct link *l = NULL;
	struct link_zmq_config c = { .loop = w->loop, .dir = dir, .name = "n", .epoch = 1 };
	assert_int_equal(link_zmq_new(&c, &l), ERR_DENIED);
	struct key_pair pair;
	assert_int_equal(keys_hub(dir, &pair), ERR_DENIED);
}

static void secrets_are_private(void **state)
{
	struct world *w = *state;
	char file[192], hub[LINK_KEY_BYTES + 1];
	struct key_pair pair, hubs;
	struct stat st;
	key_new(w, "talker", "echo call_session", "beat call");
	snprintf(file, sizeof file, "%s/talker.cert_secret", w->keys);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(keys_load(file, &pair, hub), OK);
	assert_int_equal(keys_hub(w->keys, &hubs), OK);
	assert_string_equal(hub, hubs.open);
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(keys_load(file, &pair, hub), ERR_DENIED);
	struct key_card again = { .name = "talker" };
	assert_int_equal(keys_new(w->keys, &again), ERR_CONFLICT);
	struct key_card bad = { .name = "../up" };
	assert_int_equal(keys_new(w->keys, &bad), ERR_RANGE);
	struct keys *k;
	assert_int_equal(keys_open(w->keys, &k), OK);
	const struct key_card *card = keys_find(k, pair.open);
	assert_non_null(card);
	assert_string_equal(card->host, "echo call_session");
	assert_true(access_lists(card->send, str_of("call")));
	assert_false(access_lists(card->send, str_of("cal")));
	assert_false(access_lists(card->send, (struct str){ 0 }));
	keys_close(&k);
}

/* ---- the ZAP handler, and its death, with bare sockets ----------------------------------------
 */

struct door {
	struct loop *loop;
	struct key_pair server, client;
	void *context, *socket;
	struct zap *zap;
};

static bool knows_client(void *ctx, const char *key)
{
	return !strcmp(key, ((struct door *)ctx)->client.open);
}

/* Dial with this pair and say a word: did it come through within the time? */
static bool comes_through(struct door *d, const struct key_pair *pair, const char *at, int ms)
{
	void *client_context = zmq_ctx_new(), *s = zmq_socket(client_context, ZMQ_DEALER);
	int none = 0;
	char word[64];
	zmq_setsockopt(s, ZMQ_LINGER, &none, sizeof none);
	zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, d->server.open, LINK_KEY_BYTES + 1);
	zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, pair->open, LINK_KEY_BYTES + 1);
	zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, pair->secret, LINK_KEY_BYTES + 1);
	assert_int_equal(zmq_connect(s, at), 0);
	zmq_send(s, "hello", 5, 0);
	bool came = false;
	uint64_t until = loop_now_us(d->loop) + (uint64_t)ms * 1000;
	while (!came && loop_now_us(d->loop) < until) {
		if (d->zap)
			zap_turn(d->zap);
		zmq_pollitem_t item = { d->socket, 0, ZMQ_POLLIN, 0 };
		zmq_poll(&item, 1, 5);
		while (zmq_recv(d->socket, word, sizeof word, ZMQ_DONTWAIT) >= 0)
			came = true;
	}
	zmq_close(s);
	zmq_ctx_term(client_context);
	return came;
}

static void nobody_comes_in_without_a_handler(void **state)
{
	struct world *w = *state;
	struct door d = { .loop = w->loop };
	struct key_pair stranger;
	char at[128];
	size_t n = sizeof at;
	assert_int_equal(key_pair_new(&d.server), OK);
	assert_int_equal(key_pair_new(&d.client), OK);
	assert_int_equal(key_pair_new(&stranger), OK);
	d.context = zmq_ctx_new();
	struct zap_config zc = {
		.context = d.context, .loop = w->loop, .known = knows_client, .ctx = &d
	};
	assert_int_equal(zap_new(&zc, &d.zap), OK);
	d.socket = zmq_socket(d.context, ZMQ_ROUTER);
	assert_int_equal(zap_guard(d.socket, d.server.secret), OK);
	assert_int_equal(zmq_bind(d.socket, "tcp://127.0.0.1:*"), 0);
	assert_int_equal(zmq_getsockopt(d.socket, ZMQ_LAST_ENDPOINT, at, &n), 0);
	assert_true(comes_through(&d, &d.client, at, 2000));
	assert_false(comes_through(&d, &stranger, at, 500));
	assert_true(zap_refused(d.zap) >= 1);
	zap_free(&d.zap);
	assert_false(comes_through(&d, &stranger, at, 500));
	assert_false(comes_through(&d, &d.client, at, 500));
	zmq_close(d.socket);
	zmq_ctx_term(d.context);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(known_keys_speak_what_they_may),
		T(nodes_that_share_a_key_are_two),
		T(a_name_that_lives_is_not_given_away),
		T(a_kind_not_on_the_card_may_not_join),
		T(a_name_not_on_the_card_may_not_join),
		T(a_revoked_key_is_dropped_alive),
		T(a_stranger_stays_outside),
		T(tcp_without_a_key_cannot_be),
		T(an_open_folder_is_refused),
		T(secrets_are_private),
		T(nobody_comes_in_without_a_handler),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
