/*
 * process.c — signals and the supervisor's leash, turned into the end of a node.
 */
#include "actors/process.h"
#include "actors/leash.h"
#include <signal.h>

enum {
	FAREWELL_MS = 600000, /* the supervisor's patience ends long before */
	LONELY_US = 5000000,
};

struct process {
	const struct process_config *config;
	struct loop *loop;
	struct leash *leash;
	struct seat *seat;
	struct loop_timer *lonely;
	bool ending, broken, anew;
};

static void on_drained(void *ctx)
{
	struct process *p = ctx;
	loop_stop(p->loop);
}

static void on_farewell(void *ctx, const struct msg *m)
{
	(void)ctx;
	(void)m; /* it was waited for, that is all */
}

static bool hosted(const struct process *p, const char *kind)
{
	for (const struct actor_kind *const *k = p->config->seat.kinds; *k; k++)
		if (!strcmp((*k)->name, kind))
			return true;
	return false;
}

/* Asks that are open keep the seat from being drained. */
static void say_farewells(struct process *p)
{
	static const uint64_t nothing[32]; /* any message's struct, all fields absent */
	for (const struct process_farewell *f = p->config->farewells; f && f->kind; f++) {
		if (!hosted(p, f->kind) || f->ask->size > sizeof nothing)
			continue;
		enum err e = node_ask_to(seat_node(p->seat), TO(f->kind), FAREWELL_MS, on_farewell,
		                         p, f->ask, nothing);
		if (e)
			say(&p->config->say, LOG_WARN, "no_farewell kind=%s err=%s", f->kind,
			    err_info(e)->name);
	}
}

/* The first time: finish what is begun. The second: now. */
static void on_end(void *ctx)
{
	struct process *p = ctx;
	if (p->ending || !p->seat) {
		loop_stop(p->loop);
		return;
	}
	p->ending = true;
	say_farewells(p);
	seat_drain(p->seat, on_drained);
}

/* The supervisor is gone: the kernel is about to kill us, or it let go on purpose. */
static void on_let_go(void *ctx)
{
	struct process *p = ctx;
	loop_stop(p->loop);
}

/* Nobody lets us in, or nobody is there: the operator should know what we wait for. */
static void on_lonely(void *ctx)
{
	struct process *p = ctx;
	const char *const *hubs = p->config->seat.hubs;
	say(&p->config->say, LOG_WARN,
	    "not_joined hub=%s trying on: is it there, and does it know our key?",
	    hubs && *hubs ? *hubs : "");
	loop_timer_set(p->lonely, LONELY_US);
}

static void on_joined(void *ctx)
{
	struct process *p = ctx;
	loop_timer_clear(p->lonely);
	say(&p->config->say, LOG_INFO, "joined");
	leash_ready(p->leash);
}

static void on_broken(void *ctx, const char *why)
{
	struct process *p = ctx;
	say(&p->config->say, LOG_ERROR, "broken why=\"%s\"", why);
	p->broken = true;
	loop_stop(p->loop);
}

/* Whoever was cut off has nothing left that is its own: what it held by lease is another's by now,
 * what it was asked has been answered. So all of it goes, and a new incarnation joins. */
static void on_stale(void *ctx)
{
	struct process *p = ctx;
	say(&p->config->say, LOG_WARN,
	    "begins_anew why=\"the bus has declared this incarnation dead\"");
	p->anew = !p->ending;
	loop_stop(p->loop);
}

static const char *setting(void *ctx, const char *kind, const char *name)
{
	const struct seat_config *c = &((const struct process *)ctx)->config->seat;
	return c->setting ? c->setting(c->ctx, kind, name) : NULL;
}

static enum err sit_down(struct process *p)
{
	struct seat_config seat = p->config->seat;
	p->anew = false;
	loop_timer_set(p->lonely, LONELY_US);
	seat.loop = p->loop;
	seat.setting = setting;
	seat.log_format = p->config->say.format;
	seat.log_level = p->config->say.level;
	seat.joined = on_joined;
	seat.broken = on_broken;
	seat.stale = leash_held() ? NULL : on_stale;
	seat.ctx = p;
	return seat_new(&seat, &p->seat);
}

static enum err start(struct process *p)
{
	struct loop_signal *term, *interrupt;
	enum err e = loop_new(&p->loop);
	if (!e)
		e = loop_on_signal(p->loop, SIGTERM, on_end, p, &term);
	if (!e)
		e = loop_on_signal(p->loop, SIGINT, on_end, p, &interrupt);
	if (!e)
		e = leash_new(p->loop, on_let_go, p, &p->leash);
	if (!e)
		e = loop_timer_new(p->loop, on_lonely, p, &p->lonely);
	return e ? e : sit_down(p);
}

enum err process_run(const struct process_config *config, bool *ret_broken)
{
	struct process p = { .config = config };
	enum err e = start(&p);
	if (!e)
		loop_run(p.loop);
	while (!e && p.anew) {
		seat_free(&p.seat);
		e = sit_down(&p);
		if (!e)
			loop_run(p.loop);
	}
	seat_free(&p.seat);
	loop_timer_free(&p.lonely);
	leash_free(&p.leash);
	loop_free(&p.loop);
	*ret_broken = p.broken;
	return e;
}
