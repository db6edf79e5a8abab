/*
 * serve.c — hub and node on a loop.
 */
#include "bus/serve.h"
#include "bus/access.h"
#include <stdlib.h>

enum { KEYS_AGAIN_US = 1000000 };

struct hub_serve {
	struct loop *loop;
	struct link *link;
	struct hub *hub;
	struct keys *keys; /* NULL: no tcp */
	struct loop_stage *in, *out;
	struct loop_timer *timer;
	uint64_t keys_us; /* when the folder was read last */
	struct hub_serve_config config;
	struct hub_calls calls;
};

static bool hub_knows(void *ctx, const char *key)
{
	struct hub_serve *s = ctx;
	return keys_find(s->keys, key) != NULL;
}

static enum err hub_admits(void *ctx, struct row *row, struct str key, char why[HUB_WHY_BYTES])
{
	struct hub_serve *s = ctx;
	char open[LINK_KEY_BYTES + 1];
	if (!key.len) /* by ipc: the folder's mode has judged */
		return OK;
	str_keep(open, sizeof open, key);
	const struct key_card *card = keys_find(s->keys, open);
	if (card)
		return access_admit(card, row, why);
	str_keep(why, HUB_WHY_BYTES, str_of("this key is not allowed here"));
	return ERR_DENIED;
}

static void hub_joined(void *ctx, const struct row *row)
{
	struct hub_serve *s = ctx;
	if (s->config.joined)
		s->config.joined(s->config.ctx, row);
}

static void hub_left(void *ctx, const struct row *row)
{
	struct hub_serve *s = ctx;
	if (s->config.left)
		s->config.left(s->config.ctx, row);
}

static void hub_drops(void *ctx, const char *open)
{
	struct hub_serve *s = ctx;
	hub_revoke(s->hub, open);
	link_zmq_drop(s->link, open);
}

static bool hub_in(void *ctx)
{
	struct hub_serve *s = ctx;
	uint64_t now_us = loop_now_us(s->loop);
	if (s->keys && now_us >= s->keys_us + KEYS_AGAIN_US) {
		s->keys_us = now_us;
		if (keys_again(s->keys, hub_drops, s))
			s->keys_us = now_us; /* unreadable for now: the old list stays */
	}
	return hub_drain(s->hub, now_us);
}

static void wake(void *ctx)
{
	(void)ctx;
}

static enum err hub_begin(struct hub_serve *s)
{
	struct hub_config hc = { .name = s->config.name,
		                 .epoch = loop_wall_us(s->loop) * 1000,
		                 .calls = &s->calls,
		                 .ctx = s };
	return hub_new(&hc, s->link, loop_now_us(s->loop), &s->hub);
}

static bool hub_out(void *ctx)
{
	struct hub_serve *s = ctx;
	uint64_t now_us = loop_now_us(s->loop);
	if (hub_stale(s->hub)) {
		struct hub *old = s->hub;
		if (hub_begin(s)) /* out of memory: again next turn */
			s->hub = old;
		else
			hub_free(&old);
	}
	bool more = hub_flush(s->hub, now_us);
	uint64_t next_us = hub_next_us(s->hub);
	if (s->keys && next_us > s->keys_us + KEYS_AGAIN_US)
		next_us = s->keys_us + KEYS_AGAIN_US;
	if (next_us != UINT64_MAX)
		loop_timer_set(s->timer, next_us > now_us ? next_us - now_us : 0);
	return more;
}

static enum err hub_serve_open(struct hub_serve *s)
{
	const struct hub_serve_config *c = &s->config;
	struct key_pair pair;
	enum err e = c->keys ? keys_hub(c->keys, &pair) : OK;
	if (!e && c->keys)
		e = keys_open(c->keys, &s->keys);
	struct link_zmq_config lc = {
		.loop = c->loop,
		.ipc = c->ipc,
		.tcp = c->tcp,
		.key = c->keys ? &pair : NULL,
		.known = hub_knows,
		.ctx = s,
	};
	if (!e)
		e = c->tcp && !c->keys ? ERR_INVALID : link_zmq_new(&lc, &s->link);
	explicit_bzero(&pair, sizeof pair);
	if (!e)
		e = hub_begin(s);
	if (!e)
		e = loop_timer_new(c->loop, wake, s, &s->timer);
	if (!e)
		e = loop_on_turn(c->loop, LOOP_DRAIN, hub_in, s, &s->in);
	if (!e)
		e = loop_on_turn(c->loop, LOOP_FLUSH, hub_out, s, &s->out);
	return e;
}

enum err hub_serve_new(const struct hub_serve_config *config, struct hub_serve **ret)
{
	struct hub_serve *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_MEMORY;
	s->config = *config;
	s->loop = config->loop;
	s->calls = (struct hub_calls){ hub_admits, hub_joined, hub_left };
	enum err e = hub_serve_open(s);
	if (e) {
		hub_serve_free(&s);
		return e;
	}
	*ret = s;
	return OK;
}

void hub_serve_free(struct hub_serve **serve)
{
	struct hub_serve *s = *serve;
	*serve = NULL;
	if (!s)
		return;
	loop_stage_free(&s->in);
	loop_stage_free(&s->out);
	loop_timer_free(&s->timer);
	hub_free(&s->hub);
	link_free(&s->link);
	keys_close(&s->keys);
	free(s);
}

struct hub *hub_serve_hub(struct hub_serve *s)
{
	return s->hub;
}

const char *hub_serve_endpoint(struct hub_serve *s, uint32_t i)
{
	return link_endpoint(s->link, i);
}

/* ---- a node's end --------------------------------------------------------------------------- */

struct bus_serve {
	struct link *link;
	struct bus *bus;
	struct loop_stage *in;
};

static bool node_knows(void *ctx, const char *key)
{
	struct bus_serve *s = ctx;
	return s->bus && bus_knows_key(s->bus, key);
}

static bool drop_revoked(void *ctx)
{
	struct bus_serve *s = ctx;
	const char *key;
	while ((key = bus_revoked(s->bus)) != NULL)
		link_zmq_drop(s->link, key);
	return false;
}

/* Others must be able to dial what the roster says. */
static bool reachable(const char *tcp)
{
	return !tcp || (!strstr(tcp, "//0.0.0.0:") && !strstr(tcp, "//[::]:"));
}

static enum err bus_serve_open(struct bus_serve *s, const struct bus_serve_config *c)
{
	if (!reachable(c->tcp) || (c->tcp && !c->key))
		return ERR_INVALID;
	struct key_pair pair;
	char hub_key[LINK_KEY_BYTES + 1] = "";
	uint64_t epoch = loop_wall_us(c->loop) * 1000;
	enum err e = c->key ? keys_load(c->key, &pair, hub_key) : OK;
	struct link_zmq_config lc = {
		.loop = c->loop,
		.dir = c->dir,
		.name = c->name,
		.epoch = epoch,
		.tcp = c->tcp,
		.key = c->key ? &pair : NULL,
		.known = node_knows,
		.ctx = s,
	};
	if (!e)
		e = link_zmq_new(&lc, &s->link);
	explicit_bzero(&pair, sizeof pair);
	struct bus_config bc = {
		.name = c->name,
		.epoch = epoch,
		.kinds = c->kinds,
		.hubs = c->hubs,
		.hub_key = hub_key,
		.peers_after = c->peers_after,
		.calls = c->calls,
		.ctx = c->ctx,
	};
	if (!e)
		e = bus_new(&bc, s->link, loop_now_us(c->loop), &s->bus);
	if (!e)
		e = loop_on_turn(c->loop, LOOP_DRAIN, drop_revoked, s, &s->in);
	return e;
}

enum err bus_serve_new(const struct bus_serve_config *config, struct bus_serve **ret)
{
	struct bus_serve *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_MEMORY;
	enum err e = bus_serve_open(s, config);
	if (e) {
		bus_serve_free(&s);
		return e;
	}
	*ret = s;
	return OK;
}

void bus_serve_free(struct bus_serve **serve)
{
	struct bus_serve *s = *serve;
	*serve = NULL;
	if (!s)
		return;
	loop_stage_free(&s->in);
	bus_free(&s->bus);
	link_free(&s->link);
	free(s);
}

struct bus *bus_serve_bus(struct bus_serve *s)
{
	return s->bus;
}

struct link *bus_serve_link(struct bus_serve *s)
{
	return s->link;
}
