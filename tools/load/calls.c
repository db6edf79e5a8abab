/*
 * calls.c — the run of calls.h: who rings when, the window in which cost is measured, the verdict.
 */
#include "tools/load/call.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

enum { CALLS_MAX = 20000, SECONDS_MAX = 86400, SETTLE_US = 1000000, TICK_US = 500000 };

/* ---- cost ---------------------------------------------------------------------------------- */

static void on_window_opens(void *ctx)
{
	struct carrier *k = ctx;
	k->before = cost_of(k->config->pids, k->config->n_pids);
	k->window_us = plug_now_us();
	k->window_sent = k->ret->late.n;
}

static void on_window_closes(void *ctx)
{
	struct carrier *k = ctx;
	struct load_calls_result *r = k->ret;
	struct cost now = cost_of(k->config->pids, k->config->n_pids);
	double seconds = (double)(plug_now_us() - k->window_us) / 1e6;
	double minutes = (double)(r->late.n - k->window_sent) / 50 / 60;
	if (!now.there || minutes <= 0 || seconds <= 0)
		return;
	r->cpu_per_call_minute = (now.cpu_s - k->before.cpu_s) / minutes;
	r->cpu_share = (now.cpu_s - k->before.cpu_s) / seconds;
	r->idle_kb = (double)k->idle.bytes / 1024;
	r->memory_kb = (double)now.bytes / 1024;
	if (k->live && now.bytes > k->idle.bytes)
		r->kb_per_call = (double)(now.bytes - k->idle.bytes) / 1024 / k->live;
}

static void on_tick(void *ctx)
{
	struct carrier *k = ctx;
	k->config->progress(k->config->ctx, k->live, k->ret->sent);
	plug_alarm_set(k->loop, &k->tick, plug_now_us() + TICK_US);
}

static void on_within(void *ctx)
{
	struct carrier *k = ctx;
	if (!k->ret->why[0])
		(void)snprintf(k->ret->why, sizeof k->ret->why,
		               "not over within %u s: %u of %u calls", k->config->within_s, k->over,
		               k->config->calls);
	plug_loop_stop(k->loop);
}

static void set_alarms(struct carrier *k, uint64_t now)
{
	const struct load_calls *c = k->config;
	uint64_t all = now + c->ramp_ms * 1000ull + SETTLE_US, end = now + c->seconds * 1000000ull;
	k->window[0] = (struct plug_alarm){ .fn = on_window_opens, .ctx = k };
	k->window[1] = (struct plug_alarm){ .fn = on_window_closes, .ctx = k };
	k->tick = (struct plug_alarm){ .fn = on_tick, .ctx = k };
	k->within = (struct plug_alarm){ .fn = on_within, .ctx = k };
	if (c->n_pids && all + SETTLE_US <= end) {
		plug_alarm_set(k->loop, &k->window[0], all);
		plug_alarm_set(k->loop, &k->window[1], end);
	}
	if (c->progress)
		plug_alarm_set(k->loop, &k->tick, now + TICK_US);
	plug_alarm_set(k->loop, &k->within, now + c->within_s * 1000000ull);
	for (uint32_t i = 0; i < c->calls; i++)
		plug_alarm_set(k->loop, &k->calls[i].next,
		               now + (uint64_t)c->ramp_ms * 1000 * i / c->calls);
}

/* ---- the verdict --------------------------------------------------------------------------- */

static void want_none(struct load_calls_result *r, const char *what, uint64_t n)
{
	if (n && !r->why[0])
		(void)snprintf(r->why, sizeof r->why, "%s: %" PRIu64, what, n);
}

static void judge(struct carrier *k)
{
	struct load_calls_result *r = k->ret;
	r->calls = k->config->calls;
	want_none(r, "frames lost", r->lost);
	want_none(r, "frames twice", r->twice);
	want_none(r, "frames changed", r->changed);
	want_none(r, "frames of other calls", r->crossed);
	want_none(r, "frames out of order", r->unordered);
	want_none(r, "frames of answers missing", r->gaps_of_ai);
	want_none(r, "ghosts nobody cut", r->ghosts_left);
	want_none(r, "calls cut", r->cut);
	want_none(r, "calls failed", r->failed);
	if (r->offences && !r->why[0])
		(void)snprintf(r->why, sizeof r->why, "%s", r->offence);
	if (!k->config->may_refuse)
		want_none(r, "calls refused", r->refused);
	if (!k->config->answers && !r->why[0] && !r->back && r->sent)
		(void)snprintf(r->why, sizeof r->why, "nothing came back");
	if (k->config->answers && !r->why[0] && !r->of_ai && r->sent)
		(void)snprintf(r->why, sizeof r->why, "no answer was heard");
	r->exact = !r->why[0];
}

/* ---- preparation --------------------------------------------------------------------------- */

static enum err invalid(struct carrier *k, const char *what)
{
	(void)snprintf(k->ret->why, sizeof k->ret->why, "expected %s", what);
	return ERR_INVALID;
}

static enum err prepare(struct carrier *k)
{
	const struct load_calls *c = k->config;
	const char *host = c->to;
	if (plug_address_read(c->to, &k->to))
		return invalid(k, "an address as 127.0.0.1:8080");
	if (!c->calls || c->calls > CALLS_MAX || !c->seconds || c->seconds > SECONDS_MAX)
		return invalid(k, "1 to 20000 calls of 1 to 86400 seconds");
	if (c->slow + c->ghosts + c->kills > 100)
		return invalid(k, "shares of 100 per cent together");
	if (!c->far && !plug_address_is_loopback(&k->to))
		return ERR_DENIED;
	bool safe = c->tls;
	if (c->public_url) {
		host = strstr(c->public_url, "://");
		safe = str_starts(str_of(c->public_url), "https");
		if (!host)
			return invalid(k, "a public URL as https://example.org");
		host += 3;
	}
	str_keep(k->host, sizeof k->host, str_n(host, strcspn(host, "/")));
	str_keep(k->scheme[0], 8, str_of(safe ? "https" : "http"));
	str_keep(k->scheme[1], 8, str_of(safe ? "wss" : "ws"));
	struct timespec t;
	(void)clock_gettime(CLOCK_REALTIME, &t);
	k->run = (uint32_t)t.tv_sec ^ (uint32_t)t.tv_nsec;
	if (c->account)
		str_keep(k->account, sizeof k->account, str_of(c->account));
	else
		twilio_sid(k->account, "AC", c->seed, 0);
	k->frames_each = c->seconds * 50;
	return OK;
}

static enum err make_calls(struct carrier *k)
{
	struct rlimit files;
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	k->calls = calloc(k->config->calls, sizeof *k->calls);
	if (!k->calls)
		return ERR_MEMORY;
	buf_init(&k->out, 64 << 10);
	enum err e = OK;
	for (uint32_t i = 0; !e && i < k->config->calls; i++)
		e = call_init(&k->calls[i], k, i + 1);
	return e;
}

MUST enum err load_calls(const struct load_calls *config, struct load_calls_result *ret)
{
	struct carrier k = { .config = config, .ret = ret };
	*ret = (struct load_calls_result){ 0 };
	enum err e = prepare(&k);
	if (!e && config->tls)
		e = plug_tls_client(config->ca, &k.tls);
	if (!e)
		e = plug_loop_new(&k.loop);
	if (!e)
		e = make_calls(&k);
	if (!e) {
		uint64_t now = plug_now_us();
		k.idle = cost_of(config->pids, config->n_pids);
		set_alarms(&k, now);
		plug_loop_run(k.loop);
		ret->seconds = (double)(plug_now_us() - now) / 1e6;
		judge(&k);
	}
	for (uint32_t i = 0; k.calls && i < config->calls; i++)
		if (k.calls[i].carrier)
			call_done(&k.calls[i]);
	free(k.calls);
	buf_done(&k.out);
	if (k.tls)
		plug_tls_free(&k.tls);
	plug_loop_free(&k.loop);
	return e;
}
