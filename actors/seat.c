/*
 * seat.c — wires the rooms' parts together, and watches for the two moments that matter outside:
 * the node has joined, the node has drained.
 */
#include "actors/seat.h"
#include "actors/host.h"
#include "actors/say.h"
#include "bus/serve.h"
#include "proto/digest.h"
#include <stdlib.h>

struct seat {
	struct seat_config config;
	struct node *node;
	struct bus_serve *serve; /* NULL: alone */
	struct host *host;
	struct loop_stage *watch;
	bool joined, broken;
	void (*drained)(void *ctx); /* wanted and not yet said */
};

static void on_failed(void *ctx, const struct actor_kind *kind, struct str name, enum err why)
{
	struct seat *s = ctx;
	(void)name;
	if (!kind->at_start || s->broken)
		return; /* it is refused for a while; others live on */
	s->broken = true;
	s->config.broken(s->config.ctx, err_info(why)->text);
}

static void on_stale(void *ctx)
{
	struct seat *s = ctx;
	bool was_broken = s->broken;
	s->broken = true;
	if (!was_broken && s->config.stale)
		s->config.stale(s->config.ctx);
	else if (!was_broken)
		s->config.broken(s->config.ctx, "the bus has declared this incarnation dead");
}

static void on_refused(void *ctx, enum err e, struct str why)
{
	struct seat *s = ctx;
	s->config.refused(s->config.ctx, e, why);
}

static const char *no_setting(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	(void)kind;
	(void)name;
	return NULL;
}

static const char *setting(void *ctx, const char *kind, const char *name)
{
	struct seat *s = ctx;
	return s->config.setting(s->config.ctx, kind, name);
}

/* Nothing is asked, nothing waits, and peers have what was sent to them. */
static bool is_quiet(const struct seat *s)
{
	struct node_stats st = node_stats(s->node);
	struct bus_peer p;
	if (st.asks_pending > st.watches || st.queued || node_busy(s->node))
		return false;
	for (uint32_t i = 0; s->serve && bus_peer_at(bus_serve_bus(s->serve), i, &p); i++)
		if (p.held)
			return false;
	return true;
}

/* After each turn's flush: has something come true that others wait for? */
static bool on_turn(void *ctx)
{
	struct seat *s = ctx;
	if (!s->joined && (!s->serve || bus_joined(bus_serve_bus(s->serve)))) {
		s->joined = true;
		if (!s->broken && s->config.joined)
			s->config.joined(s->config.ctx);
	}
	if (s->drained && is_quiet(s)) {
		void (*drained)(void *) = s->drained;
		s->drained = NULL;
		drained(s->config.ctx);
	}
	return false;
}

static enum err open_node(struct seat *s)
{
	const struct seat_config *c = &s->config;
	uint64_t seed;
	enum err e = digest_random(&seed, sizeof seed);
	struct node_config config = { .name = c->name,
		                      .epoch = loop_wall_us(c->loop) * 1000,
		                      .seed = seed,
		                      .kinds = c->kinds,
		                      .known = c->known,
		                      .now_us = loop_now_us(c->loop),
		                      .wall_us = loop_wall_us(c->loop),
		                      .loop = c->loop,
		                      .setting = c->setting ? setting : no_setting,
		                      .log = c->log_level ? say_line : NULL,
		                      .log_format = c->log_format,
		                      .log_level = c->log_level,
		                      .failed = on_failed,
		                      .stale = on_stale,
		                      .refused = c->refused ? on_refused : NULL,
		                      .ctx = s };
	return e ? e : node_new(&config, &s->node);
}

static enum err open_bus(struct seat *s)
{
	const struct seat_config *c = &s->config;
	const char *kinds[256];
	uint32_t n = 0;
	for (const struct actor_kind *const *k = c->kinds;
	     *k && n + 1 < sizeof kinds / sizeof *kinds; k++)
		kinds[n++] = (*k)->name;
	kinds[n] = NULL;
	struct bus_serve_config config = { .loop = c->loop,
		                           .name = c->name,
		                           .kinds = kinds,
		                           .hubs = c->hubs,
		                           .dir = c->dir,
		                           .tcp = c->tcp,
		                           .key = c->key,
		                           .calls = &node_bus_calls,
		                           .ctx = s->node };
	return bus_serve_new(&config, &s->serve);
}

enum err seat_new(const struct seat_config *config, struct seat **ret)
{
	struct seat *s = calloc(1, sizeof *s);
	if (!s)
		return ERR_MEMORY;
	s->config = *config;
	enum err e = open_node(s);
	if (!e && config->hubs && *config->hubs)
		e = open_bus(s);
	if (!e)
		e = host_new(config->loop, s->node, s->serve ? bus_serve_bus(s->serve) : NULL,
		             &s->host);
	if (!e)
		e = loop_on_turn(config->loop, LOOP_FLUSH, on_turn, s, &s->watch);
	if (e) {
		seat_free(&s);
		return e;
	}
	*ret = s;
	return OK;
}

void seat_free(struct seat **seat)
{
	struct seat *s = *seat;
	*seat = NULL;
	if (!s)
		return;
	s->broken = true; /* nothing more is said */
	loop_stage_free(&s->watch);
	host_free(&s->host);
	node_free(&s->node);
	bus_serve_free(&s->serve);
	free(s);
}

struct node *seat_node(const struct seat *s)
{
	return s->node;
}

void seat_drain(struct seat *s, void (*drained)(void *ctx))
{
	s->drained = drained;
	node_drain(s->node);
}
