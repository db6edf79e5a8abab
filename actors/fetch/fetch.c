/*
 * fetch — the one outgoing HTTP door: guarded, bounded, repeated where that is safe.
 *
 *     asker ── fetch.request ──▶ fetch ── libcurl on the node's loop ══▶ servers
 *     asker ◀── fetch.answer ───   │
 *                                  └── the asker's end gives its requests up
 */
#include "actors/fetch/work.h"
#include "proto/call.h"

static void wake(void *ctx)
{
	const struct fetch *f = ctx;
	actor_wake(f->waker);
}

static enum err on_wake(struct actor *self)
{
	struct fetch *f = actor_state(self);
	transfers_turn(f->transfers);
	works_turn(self);
	return OK;
}

static enum err on_request(struct actor *self, const struct msg *m)
{
	enum err e = work_new(self, m);
	if (!e)
		works_turn(self);
	return e;
}

static uint32_t number(struct actor *self, const char *name)
{
	return (uint32_t)actor_setting_i64(self, name);
}

static enum err on_start(struct actor *self)
{
	struct fetch *f = actor_state(self);
	struct transfers_config c = {
		.ca_file = actor_setting(self, "ca_file"),
		.proxy = actor_setting(self, "proxy"),
		.pinned = actor_setting(self, "names"),
		.connections = number(self, "connections"),
		.host_connections = number(self, "host_connections"),
		.connect_ms = number(self, "connect_ms"),
		.held_most = (uint64_t)number(self, "held_mb") << 20,
	};
	f->last = &f->first;
	f->proxied = *c.proxy;
	f->running_most = number(self, "running");
	f->host_most = number(self, "host_running");
	f->business_most = number(self, "business_running");
	f->waiting_most = number(self, "waiting");
	if (guard_read(str_of(actor_setting(self, "allow")), str_of(actor_setting(self, "ports")),
	               number(self, "plain"), &f->guard))
		return actor_fault(self, "allow or ports cannot be read: ADDRESS[/BITS][:PORT] and "
		                         "numbers, between commas");
	enum err e = actor_waker_new(self, on_wake, &f->waker);
	if (e)
		return e;
	e = transfers_new(actor_loop(self), &c, wake, f, &f->transfers);
	if (e == ERR_INVALID)
		return actor_fault(self, "ca_file=%s cannot be read", c.ca_file);
	return e;
}

static enum err on_stop(struct actor *self)
{
	struct fetch *f = actor_state(self);
	while (f->first) { /* its ask is answered by the end itself */
		f->first->asker = NULL;
		work_free(f->first);
	}
	askers_free(f);
	transfers_free(&f->transfers);
	actor_waker_free(&f->waker);
	return OK;
}

static const struct actor_on takes[] = { { &fetch_request_desc, on_request },
	                                 { &call_tool_desc, work_tool },
	                                 { 0 } };
static const struct proto_desc *const sends[] = { &fetch_answer_desc, &fetch_request_desc,
	                                          &call_tool_done_desc, NULL };

static const struct actor_setting settings[] = {
	{ "allow",
	  "what may be reached although it is not public: ADDRESS[/BITS][:PORT], IPv6 in brackets, "
	  "between commas; by http, too",
	  "", 0, 0 },
	{ "ports", "ports of public addresses that may be reached", "443, 8443, 80, 8080", 0, 0 },
	{ "plain", "1: http:// to public addresses, too", "0", 0, 1 },
	{ "proxy", "host:port through which all of it goes, and which then guards; empty: none", "",
	  0, 0 },
	{ "ca_file", "certificates believed, a PEM file; empty: the system's", "", 0, 0 },
	{ "names", "names answered without DNS: NAME=ADDRESS, between commas", "", 0, 0 },
	{ "running", "requests under way at once", "64", 1, 1024 },
	{ "host_running", "of them to one host and port", "16", 1, 1024 },
	{ "business_running", "of them of one business", "24", 1, 1024 },
	{ "waiting", "requests that wait; of one business a quarter of it", "1024", 1, 65536 },
	{ "connections", "connections open at once, in use or kept", "128", 1, 4096 },
	{ "host_connections", "of them to one host", "8", 1, 1024 },
	{ "connect_ms", "look-up, connect and TLS together, ms", "5000", 1, 60000 },
	{ "held_mb", "bodies on their way in, all together, MiB", "256", 1, 16384 },
	{ 0 },
};

const struct actor_kind fetch_actor = {
	.name = "fetch",
	.doc = "the one outgoing HTTP door",
	.state = sizeof(struct fetch),
	.start = on_start,
	.stop = on_stop,
	.takes = takes,
	.sends = sends,
	.settings = settings,
	.place = PLACE_HERE, /* each node that hosts it has its own */
	.mailbox = { .depth = 1024 },
	.restart = { RESTART_ON_FAULT, .times = 5, .within_ms = 60000, .pause_ms = 100 },
	.asks = 65536, /* each asker is watched */
	.holds = 131072,
};
