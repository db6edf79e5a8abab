/*
 * tap_command.c — switchboard tap: a short-lived node whose one actor asks every mirror for copies,
 * and prints what comes. It renews its wish each second; when it is killed, the mirrors forget it.
 */
#include "actors/actor.h"
#include "actors/seat.h"
#include "bus/loop.h"
#include "proto/digest.h"
#include "proto/tap.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/kinds.h"
#include "tools/switchboard/system.h"
#include "tools/tap/outlet.h"
#include "tools/tap/view.h"
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	RENEW_MS = 1000,
	EAGER_MS = 100,
	EAGER_TIMES = 20,
	OUT_MOST = 4 << 20,
	LINE_MOST = 256 << 10,
	FLOW_MS = 20,
	JOINS_MOST = 100
};

struct tapping {
	struct loop *loop;
	struct view view;
	struct tap_watch watch; /* views into argv and trace */
	uint8_t trace[16];
	struct outlet out;
	uint64_t from_us;
	uint32_t renewed, joins;
	bool anew; /* the bus held us for dead: join once more */
	const char *broken;
};

static struct tapping *tapping_of(const struct actor *self)
{
	return (struct tapping *)(uintptr_t)actor_kind_data(self);
}

/* What the reader takes now; the rest a little later. We never wait: the bus would hold us for
 * dead. */
static enum err flow(struct actor *self)
{
	struct tapping *t = tapping_of(self);
	if (!outlet_flow(&t->out))
		loop_stop(t->loop); /* nobody reads us any more */
	else if (outlet_waits(&t->out))
		actor_after(self, FLOW_MS, flow);
	return OK;
}

/* Eager at first: the wish is an event, and the hub may not know all listeners yet. */
static enum err on_renew(struct actor *self)
{
	struct tapping *t = tapping_of(self);
	actor_after(self, t->renewed++ < EAGER_TIMES ? EAGER_MS : RENEW_MS, on_renew);
	return actor_publish(self, &tap_watch_desc, &t->watch);
}

static enum err on_seen(struct actor *self, const struct msg *m)
{
	struct tapping *t = tapping_of(self);
	const struct tap_seen *s = tap_seen_of(m);
	if (s->watch != t->watch.id || t->view.shown >= t->view.limit)
		return OK;
	if (!outlet_room(&t->out, LINE_MOST)) {
		view_skip(&t->view, s);
		return OK;
	}
	if (!view_show(&t->view, s, &t->out.buf))
		loop_stop(t->loop);
	return flow(self);
}

static enum err on_stop(struct actor *self)
{
	return actor_publish(self, MSG(tap_stop, .id = tapping_of(self)->watch.id));
}

static const struct actor_on takes[] = {
	{ &tap_seen_desc, on_seen },
	{ 0 },
};
static const struct proto_desc *const sends[] = { &tap_watch_desc, &tap_stop_desc, NULL };
static const struct proto_desc *const hears[] = { &tap_seen_desc, NULL };

static struct actor_kind viewer_of(const struct tapping *t)
{
	return (struct actor_kind){
		.name = "tap",
		.doc = "prints what mirrors copy",
		.start = on_renew,
		.stop = on_stop,
		.takes = takes,
		.sends = sends,
		.hears = hears,
		.at_start = true,
		.data = t,
		.mailbox = { .depth = 8192, .full = FULL_DROP_OLDEST },
	};
}

static void on_signal(void *ctx)
{
	struct tapping *t = ctx;
	loop_stop(t->loop);
}

static void on_broken(void *ctx, const char *why)
{
	struct tapping *t = ctx;
	t->broken = why;
	loop_stop(t->loop);
}

/* We stood still for seconds, stopped or starved. Nothing was promised to us: we begin again. */
static void on_stale(void *ctx)
{
	struct tapping *t = ctx;
	t->anew = ++t->joins < JOINS_MOST;
	if (t->anew)
		loop_stop(t->loop);
	else
		on_broken(t, "the bus has declared this tap dead again and again: it is too slow "
		             "to stay");
}

static enum view_form form_of(const struct cli *c)
{
	const char *seq = cli_text(c, "seq");
	if (seq)
		return str_is(str_of(seq), "mermaid") ? VIEW_MERMAID : VIEW_SEQUENCE;
	return c->json ? VIEW_JSON : VIEW_TEXT;
}

static enum exit_code read_filter(const struct cli *c, struct tapping *t)
{
	const char *trace = cli_text(c, "trace"), *seq = cli_text(c, "seq");
	t->watch = (struct tap_watch){
		.type = str_of(c->n_args ? c->args[0] : ""),
		.from = str_of(cli_text(c, "from")),
		.to = str_of(cli_text(c, "to")),
		.business = (uint64_t)cli_number(c, "business"),
		.sample = (uint32_t)cli_number(c, "sample"),
		.rate = (uint32_t)cli_number(c, "rate"),
		.reveal = cli_flag(c, "reveal"),
	};
	if (trace && digest_unhex(str_of(trace), t->trace, sizeof t->trace))
		return cli_fail(c, EXIT_USAGE, "--trace wants 32 hex digits, not '%s'", trace);
	if (trace)
		t->watch.trace = str_n((const char *)t->trace, sizeof t->trace);
	if (seq && !str_is(str_of(seq), "text") && !str_is(str_of(seq), "mermaid"))
		return cli_fail(c, EXIT_USAGE, "--seq is text or mermaid, not '%s'", seq);
	if (digest_random(&t->watch.id, sizeof t->watch.id))
		return cli_fail(c, EXIT_PROBLEM, "the kernel has no random bytes");
	return EXIT_DONE;
}

/* We have left the bus, and may wait for the reader; who is tired of it may still end us. */
static void sum_up(struct tapping *t, uint64_t lasted_us)
{
	struct buf diagram, summary;
	buf_init(&diagram, OUT_MOST);
	buf_init(&summary, 4096);
	(void)signal(SIGINT, SIG_DFL);
	(void)signal(SIGTERM, SIG_DFL);
	view_end(&t->view, lasted_us, &diagram, &summary);
	if (outlet_finish(&t->out) && diagram.len)
		(void)fwrite(diagram.at, 1, diagram.len, stdout);
	(void)fflush(stdout);
	(void)fprintf(stderr, "%.*s", STR(buf_view(&summary)));
	buf_done(&diagram);
	buf_done(&summary);
}

/* One life on the bus. */
static enum err live(struct tapping *t, const struct system_place *p)
{
	char name[64];
	struct actor_kind viewer = viewer_of(t);
	const struct actor_kind *kinds[] = { &viewer, NULL };
	struct seat *seat;
	(void)snprintf(name, sizeof name, "tap.%d", (int)getpid());
	struct seat_config config = {
		.loop = t->loop,
		.name = name,
		.kinds = kinds,
		.known = all_kinds(),
		.hubs = p->reach.hubs,
		.dir = *p->reach.dir ? p->reach.dir : NULL,
		.tcp = *p->reach.tcp ? p->reach.tcp : NULL,
		.key = p->key,
		.broken = on_broken,
		.stale = on_stale,
		.ctx = t,
	};
	t->anew = false;
	t->renewed = 0;
	enum err e = seat_new(&config, &seat);
	if (e)
		return e;
	loop_run(t->loop);
	seat_free(&seat);
	return OK;
}

static enum exit_code watch(const struct cli *c, struct tapping *t, const struct system_place *p)
{
	struct loop_signal *sigint, *sigterm;
	enum err e;
	if (loop_on_signal(t->loop, SIGINT, on_signal, t, &sigint) ||
	    loop_on_signal(t->loop, SIGTERM, on_signal, t, &sigterm))
		return cli_fail(c, EXIT_PROBLEM, "signals cannot be watched");
	t->from_us = loop_now_us(t->loop);
	do
		e = live(t, p);
	while (!e && t->anew);
	if (e)
		return cli_fail(c, exit_of(e), "no place on the bus: %s", err_info(e)->text);
	sum_up(t, loop_now_us(t->loop) - t->from_us);
	return t->broken ? cli_fail(c, EXIT_BUS, "%s", t->broken) : EXIT_DONE;
}

enum exit_code cmd_tap(struct cli *c)
{
	struct tapping t = { 0 };
	struct system_place p;
	enum exit_code code = system_find(c, &p);
	if (code == EXIT_DONE)
		code = read_filter(c, &t);
	if (code != EXIT_DONE)
		return code;
	outlet_init(&t.out, STDOUT_FILENO, OUT_MOST);
	if (view_init(&t.view, form_of(c), t.watch.reveal, (uint64_t)cli_number(c, "limit")) ||
	    loop_new(&t.loop))
		return cli_fail(c, EXIT_PROBLEM, "out of memory");
	code = watch(c, &t, &p);
	loop_free(&t.loop);
	view_done(&t.view);
	outlet_done(&t.out);
	return code;
}
