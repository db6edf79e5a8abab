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
#include "tools/tap/view.h"
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum { RENEW_MS = 1000, EAGER_MS = 100, EAGER_TIMES = 20, OUT_MOST = 4 << 20 };

struct tapping {
	struct loop *loop;
	struct view view;
	struct tap_watch watch; /* views into argv and trace */
	uint8_t trace[16];
	struct buf out;
	uint64_t from_us;
	uint32_t renewed;
	const char *broken;
};

static struct tapping *tapping_of(const struct actor *self)
{
	return (struct tapping *)(uintptr_t)actor_kind_data(self);
}

static void flush(struct tapping *t)
{
	if (t->out.len && fwrite(t->out.at, 1, t->out.len, stdout) != t->out.len)
		loop_stop(t->loop); /* nobody reads us any more */
	if (fflush(stdout))
		loop_stop(t->loop);
	buf_clear(&t->out);
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
	if (!view_show(&t->view, s, &t->out))
		loop_stop(t->loop);
	flush(t);
	return OK;
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

static void sum_up(struct tapping *t)
{
	struct buf summary;
	buf_init(&summary, 4096);
	view_end(&t->view, loop_now_us(t->loop) - t->from_us, &t->out, &summary);
	flush(t);
	(void)fprintf(stderr, "%.*s", STR(buf_view(&summary)));
	buf_done(&summary);
}

static enum exit_code watch(const struct cli *c, struct tapping *t, const struct system_place *p)
{
	char name[64];
	struct actor_kind viewer = viewer_of(t);
	const struct actor_kind *kinds[] = { &viewer, NULL };
	struct loop_signal *sigint, *sigterm;
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
		.ctx = t,
	};
	if (loop_on_signal(t->loop, SIGINT, on_signal, t, &sigint) ||
	    loop_on_signal(t->loop, SIGTERM, on_signal, t, &sigterm))
		return cli_fail(c, EXIT_PROBLEM, "signals cannot be watched");
	enum err e = seat_new(&config, &seat);
	if (e)
		return cli_fail(c, exit_of(e), "no place on the bus: %s", err_info(e)->text);
	t->from_us = loop_now_us(t->loop);
	loop_run(t->loop);
	sum_up(t);
	seat_free(&seat);
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
	buf_init(&t.out, OUT_MOST);
	if (view_init(&t.view, form_of(c), t.watch.reveal, (uint64_t)cli_number(c, "limit")) ||
	    loop_new(&t.loop))
		return cli_fail(c, EXIT_PROBLEM, "out of memory");
	code = watch(c, &t, &p);
	loop_free(&t.loop);
	view_done(&t.view);
	buf_done(&t.out);
	return code;
}
