/*
 * gateway — the street door: HTTP requests become messages, replies become answers.
 *
 *     peer ◀──▶ lws.c ──▶ intake.c ──▶ queue ──wake──▶ begin() ──▶ permit ──▶ route ──▶ actors
 *
 * One on each node that hosts it. The loop's callbacks only queue; everything that speaks to actors
 * happens in the actor's own turns. How to add a route: gateway/README.md.
 */
#include "gateway/gateway.h"
#include "gateway/wire.h"
#include "proto/call.h"
#include "proto/digest.h"
#include "proto/http.h"
#include <sys/resource.h>
#include <unistd.h>

static enum err denied(struct exchange *x, enum err why, const char *detail)
{
	struct problem p = { .err = why, .detail = detail };
	if (why == ERR_LIMIT)
		p.retry_s = (x->visit.budget.retry_ms + 999) / 1000;
	return exchange_problem(x, &p);
}

static enum err run(struct exchange *x)
{
	if (x->match.route->protocols)
		return wire_run(x);
	return x->match.route->to ? message_route(x) : x->match.route->run(x);
}

static void begin(struct exchange *x)
{
	enum err e = permit_check(x, &x->match.route->permit, run, denied);
	if (e)
		exchange_refuse(x, e, NULL);
}

/* ---- turns
 * --------------------------------------------------------------------------------------- */

static enum err drain_ends(struct actor *self)
{
	struct gateway *g = actor_state(self);
	if (!g->drained || !g->draining || (wires_live(g->wires) && !g->drain_over))
		return OK;
	return actor_reply(self, msg_take(&g->draining), MSG(http_drained, .cut = g->drain_cut));
}

static enum err on_tick(struct actor *self)
{
	struct gateway *g = actor_state(self);
	uint64_t now = loop_now_us(g->loop);
	struct exchange *next;
	for (struct exchange *x = g->live; x; x = next) {
		next = x->next;
		if (now >= x->deadline_us)
			exchange_refuse(x, ERR_TIMEOUT, NULL);
	}
	access_flush(g->access);
	if (g->live)
		actor_after(self, GATEWAY_TICK_MS, on_tick);
	return OK;
}

static enum err on_wake(struct actor *self)
{
	struct gateway *g = actor_state(self);
	for (unsigned i = 0; g->queue && i < GATEWAY_PER_WAKE; i++) {
		struct exchange *x = g->queue;
		g->queue = x->queued;
		if (!g->queue)
			g->queue_last = NULL;
		x->queued = NULL;
		x->waits = false;
		begin(x);
	}
	if (g->queue)
		actor_wake(g->waker);
	else
		access_flush(g->access);
	if (g->live)
		actor_after(self, GATEWAY_TICK_MS, on_tick);
	spend_due(g);
	return drain_ends(self);
}

/* ---- draining
 * ------------------------------------------------------------------------------------- */

static enum err on_drain_over(struct actor *self)
{
	struct gateway *g = actor_state(self);
	g->drain_cut = g->n_live + wires_cut(g->wires, CLOSE_RESTART);
	g->drain_over = true;
	while (g->live)
		exchange_refuse(g->live, ERR_STOPPING, NULL);
	g->drained = true;
	return drain_ends(self);
}

/* Our node is about to stop, and others stand at the same door: what comes anew is theirs. What is
 * here stays. */
static enum err on_calls_drain(struct actor *self, const struct msg *m)
{
	struct gateway *g = actor_state(self);
	const struct call_drain *d = call_drain_of(m);
	if (!d->alone && str_is(d->node, actor_node(self)) && !g->closed) {
		g->closed = true;
		actor_log(self, LOG_INFO, "door_closed live=%u", g->n_live);
		http_server_drain(g->http);
	}
	return OK;
}

static enum err on_drain(struct actor *self, const struct msg *m)
{
	struct gateway *g = actor_state(self);
	if (g->draining)
		return ERR_BUSY;
	g->draining = msg_hold(self, m);
	http_server_drain(g->http);
	actor_after(self, (uint32_t)actor_setting_i64(self, "drain_ms"), on_drain_over);
	return drain_ends(self);
}

/* ---- birth and end
 * -------------------------------------------------------------------------------- */

static uint32_t number(struct actor *self, const char *name)
{
	return (uint32_t)actor_setting_i64(self, name);
}

static const char *file_or_null(struct actor *self, const char *name)
{
	const char *text = actor_setting(self, name);
	return *text ? text : NULL;
}

/* Peers may not take all our descriptors: the bus needs some, and libzmq aborts when it has none to
 * accept with (4.3.4, ipc_listener.cpp). */
static uint32_t connections(struct actor *self)
{
	enum { KEEP_LEAST = 64, KEEP_MOST = 1024 };
	struct rlimit files;
	uint32_t wished = number(self, "connections");
	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_cur == RLIM_INFINITY)
		return wished;
	rlim_t keep = files.rlim_cur / 4;
	keep = keep < KEEP_LEAST ? KEEP_LEAST : keep > KEEP_MOST ? KEEP_MOST : keep;
	rlim_t most = files.rlim_cur > keep ? files.rlim_cur - keep : 1;
	return wished < most ? wished : (uint32_t)most;
}

static enum err listen_on(struct actor *self)
{
	struct gateway *g = actor_state(self);
	struct http_config config = { .loop = g->loop,
		                      .fd = (int)actor_setting_i64(self, "fd"),
		                      .cert_file = file_or_null(self, "tls_cert"),
		                      .key_file = file_or_null(self, "tls_key"),
		                      .calls = &gateway_calls,
		                      .ctx = g };
	config.limits = (struct http_limits){ .head_ms = number(self, "head_ms"),
		                              .body_ms = number(self, "body_ms"),
		                              .idle_ms = number(self, "idle_ms"),
		                              .grace_ms = number(self, "grace_ms"),
		                              .least_rate = number(self, "least_rate"),
		                              .linger_ms = number(self, "linger_ms"),
		                              .body_max = number(self, "body_kb") * 1024,
		                              .held_max = (uint64_t)number(self, "held_mb") << 20,
		                              .connections = connections(self) };
	/* An inherited socket is shared and outlives us: we keep a descriptor of our own for it. */
	if (config.fd >= 0)
		config.fd = dup(config.fd);
	else if (http_listen(actor_setting(self, "listen"), &config.fd))
		config.fd = -1;
	if (config.fd < 0)
		return actor_fault(self, "cannot_listen address=%s fd=%s",
		                   actor_setting(self, "listen"), actor_setting(self, "fd"));
	enum err e = http_server_new(&config, &g->http);
	if (e)
		return actor_fault(self, "cannot_serve err=%s cert=%s", err_info(e)->name,
		                   config.cert_file ? config.cert_file : "");
	actor_log(self, LOG_INFO, "serving listen=%s tls=%d", actor_setting(self, "listen"),
	          config.cert_file != NULL);
	return OK;
}

static enum err nets(struct actor *self, const char *name, struct source_nets *ret)
{
	const char *text = actor_setting(self, name);
	if (source_nets_read(str_of(text), ret))
		return actor_fault(self, "bad_setting name=%s value=%s", name, text);
	return OK;
}

static enum err wires(struct actor *self)
{
	struct gateway *g = actor_state(self);
	struct wires_config config = { .most = number(self, "wires"),
		                       .ping_ms = number(self, "ping_ms"),
		                       .rate = number(self, "wire_rate"),
		                       .queue_max = number(self, "wire_queue_kb") * 1024,
		                       .dial_rate = number(self, "dial_rate"),
		                       .origins = actor_setting(self, "origins"),
		                       .proxy = actor_setting(self, "proxy"),
		                       .ca_file = file_or_null(self, "ca_file") };
	enum err e = wires_new(self, g->access, &config, &g->wires);
	if (e)
		return actor_fault(self, "no_wires err=%s ca_file=%s", err_info(e)->name,
		                   config.ca_file ? config.ca_file : "");
	return OK;
}

static enum err on_start(struct actor *self)
{
	struct gateway *g = actor_state(self);
	g->self = self;
	g->loop = actor_loop(self);
	if (!g->loop)
		return actor_fault(self, "no_loop");
	g->source_rate =
		(struct limits_rate){ number(self, "source_rate"), number(self, "source_burst") };
	g->key_rate = (struct limits_rate){ number(self, "key_rate"), number(self, "key_burst") };
	g->blame_rate = (struct limits_rate){ 1, number(self, "blame_burst") };
	const char *key = actor_setting(self, "encryption_key");
	if (*key && seal_keys_read(str_of(key), &g->seals))
		return actor_fault(self, "bad_setting name=encryption_key");
	enum err e = nets(self, "trusted_proxies", &g->trusted);
	e = e ? e : nets(self, "unlimited", &g->unlimited);
	e = e ? e : digest_random(&g->random, sizeof g->random);
	e = e ? e : exchanges_new(g, number(self, "requests"));
	e = e ? e : limits_new(number(self, "sources"), g->random, &g->limits);
	e = e ? e : key_cache_new(&g->keys);
	e = e ? e : metrics_new(&g->metrics);
	e = e ? e : access_new(actor_setting(self, "access_log"), &g->access);
	e = e ? e : actor_waker_new(self, on_wake, &g->waker);
	e = e ? e : actor_subscribe(self, &http_spent_desc);
	e = e ? e : wires(self);
	return e ? e : listen_on(self);
}

static enum err on_stop(struct actor *self)
{
	struct gateway *g = actor_state(self);
	if (g->slots)
		exchanges_free(g);
	wires_free(&g->wires);
	http_server_free(&g->http);
	actor_waker_free(&g->waker);
	access_free(&g->access);
	metrics_free(&g->metrics);
	key_cache_free(&g->keys);
	limits_free(&g->limits);
	seal_keys_forget(&g->seals);
	return OK;
}

static const struct actor_setting settings[] = {
	{ "listen", "address and port, or the path of a unix socket", "127.0.0.1:8080", 0, 0 },
	{ "fd", "number of an inherited listening socket; -1: make our own", "-1", -1, 65535 },
	{ "tls_cert", "certificate chain, a PEM file; empty: no TLS", "", 0, 0 },
	{ "public_url",
	  "how carriers reach this door, https://HOST: what they sign, and where their streams "
	  "go; empty: as each request names it",
	  "", 0, 0 },
	{ "encryption_key", "64 hex digits that open sealed secrets; several between commas", "", 0,
	  0 },
	{ "tls_key", "its private key, a PEM file", "", 0, 0 },
	{ "access_log", "where each request's line goes: - stderr, empty nowhere, or a file", "-",
	  0, 0 },
	{ "trusted_proxies", "networks whose X-Forwarded-For is believed", "", 0, 0 },
	{ "unlimited", "networks without a limit for each source", "127.0.0.0/8, ::1", 0, 0 },
	{ "source_rate", "requests a second for one address; 0: no limit", "100", 0, 1000000 },
	{ "source_burst", "requests at once for one address", "200", 1, 1000000 },
	{ "key_rate", "requests a second for one API key; 0: no limit", "2000", 0, 1000000 },
	{ "key_burst", "requests at once for one API key", "4000", 1, 1000000 },
	{ "blame_burst", "bad credentials of one address at once; one more each second", "20", 1,
	  1000000 },
	{ "sources", "addresses and keys whose use is remembered", "65536", 16, 16777216 },
	{ "requests", "requests under way at once", "4096", 1, 65535 },
	{ "connections", "connections at once; never so many that the bus lacks descriptors",
	  "10000", 1, 1000000 },
	{ "body_kb", "largest body of any request, KiB; a route may take less", "4096", 1, 65536 },
	{ "held_mb", "bytes of all requests being received, MiB", "256", 1, 65536 },
	{ "head_ms", "time for a request's head, ms", "10000", 1, 600000 },
	{ "body_ms", "time for a request's body, ms", "30000", 1, 600000 },
	{ "idle_ms", "time between two requests of a connection, ms", "60000", 1, 3600000 },
	{ "grace_ms", "time for an answer to be taken, ms, beside its size", "10000", 1, 600000 },
	{ "least_rate", "bytes a second an answer must be taken at", "4096", 1, 1000000000 },
	{ "linger_ms", "time a refused peer has to read its answer, ms", "1000", 1, 60000 },
	{ "wires", "WebSockets at once, both ways", "8192", 0, 1000000 },
	{ "origins", "pages that may open WebSockets, as in Origin, with spaces between", "", 0,
	  0 },
	{ "ping_ms", "a WebSocket is pinged so often, and cut after two silent ones, ms", "20000",
	  100, 3600000 },
	{ "wire_rate", "frames a second from one WebSocket's other end; 0: no limit", "1000", 0,
	  1000000 },
	{ "wire_queue_kb", "bytes that may wait for a stranger's WebSocket, KiB", "96", 1, 4096 },
	{ "dial_rate", "WebSockets dialled in a second", "200", 1, 100000 },
	{ "proxy", "host:port through which WebSockets outside are dialled; empty: none", "", 0,
	  0 },
	{ "ca_file", "certificates believed when dialling, a PEM file; empty: the system's", "", 0,
	  0 },
	{ "drain_ms", "time what is under way has to finish when draining, ms", "30000", 1,
	  600000 },
	{ 0 },
};

static const struct actor_on takes[] = {
	{ &http_drain_desc, on_drain },     { &call_drain_desc, on_calls_drain },
	{ &http_spent_desc, spend_heard },  { &wire_dial_desc, wires_on_dial },
	{ &wire_send_desc, wires_on_send }, { &wire_close_desc, wires_on_close },
	{ &wire_look_desc, wires_on_look }, { 0 },
};

static const struct proto_desc *const hears[] = { &call_drain_desc, NULL };

const struct actor_kind gateway_actor = {
	.name = "gateway",
	.doc = "the street door: HTTP in, messages on, answers back",
	.state = sizeof(struct gateway),
	.start = on_start,
	.stop = on_stop,
	.takes = takes,
	.sends = NULL, /* whatever routes.def names */
	.hears = hears,
	.settings = settings,
	.place = PLACE_HERE,
	.mailbox = { .depth = 4096, .full = FULL_REFUSE },
	.restart = { RESTART_ON_FAULT, .times = 5, .within_ms = 60000, .pause_ms = 200 },
	.asks = 65536,
	.holds = 8192, /* dials under way */
	.at_start = true,
	.sets_tenant = true,
};
