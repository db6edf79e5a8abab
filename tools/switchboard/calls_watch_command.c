/*
 * calls_watch_command.c — calls watch: a short-lived node that asks each second what live calls are
 * like, and redraws them; where its output is no terminal, it says one line for each change.
 *
 *     call.watch ──▶ every call_desk ──▶ its sessions        (published, once a second)
 *     call.pulse ◀── each session ──▶ board.h
 */
#include "actors/actor.h"
#include "actors/seat.h"
#include "bus/loop.h"
#include "proto/call.h"
#include "proto/digest.h"
#include "proto/tenant.h"
#include "tools/calls/board.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/kinds.h"
#include "tools/switchboard/system.h"
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum {
	ASK_MS = 1000,
	EAGER_MS = 100,
	EAGER_TIMES = 10,
	DRAW_MS = 200,
	NAMES = 500,
	OUT_MOST = 8 << 20
};

struct watching {
	const struct cli *cli;
	struct loop *loop;
	struct board board;
	struct buf out;
	struct {
		uint64_t id;
		char name[BOARD_NAME + 1];
	} names[NAMES];
	uint32_t n_names, asked;
	uint64_t after, id, only; /* only: this business; 0: all */
	bool known, screen;
	enum exit_code code;
};

static struct watching *watching_of(const struct actor *self)
{
	return (struct watching *)(uintptr_t)actor_kind_data(self);
}

static enum err on_ask(struct actor *self);
static enum err on_names(struct actor *self);

static void stop(struct watching *w, enum exit_code code)
{
	w->code = code;
	loop_stop(w->loop);
}

static void flush(struct watching *w)
{
	if (w->out.len && fwrite(w->out.at, 1, w->out.len, stdout) != w->out.len)
		loop_stop(w->loop); /* nobody reads us any more */
	if (fflush(stdout))
		loop_stop(w->loop);
	buf_clear(&w->out);
}

/* ---- who has which name
 * --------------------------------------------------------------------------- */

static const char *name_of(const struct watching *w, uint64_t business, char room[BOARD_NAME + 1])
{
	for (uint32_t i = 0; i < w->n_names; i++)
		if (w->names[i].id == business)
			return w->names[i].name;
	(void)snprintf(room, BOARD_NAME + 1, "%llu", (unsigned long long)business);
	return room;
}

static void begin(struct actor *self, struct watching *w)
{
	const char *name = cli_text(w->cli, "business");
	w->known = true;
	for (uint32_t i = 0; name && i < w->n_names; i++)
		if (!strcmp(w->names[i].name, name))
			w->only = w->names[i].id;
	if (name && !w->only)
		stop(w, cli_fail(w->cli, EXIT_UNKNOWN, "there is no business \"%s\"", name));
	else
		(void)on_ask(self);
}

static enum err on_businesses(struct actor *self, const struct msg *m)
{
	struct watching *w = watching_of(self);
	if (msg_err(m)) { /* the store is away: it is asked again */
		actor_after(self, ASK_MS, on_names);
		return OK;
	}
	const struct tenant_businesses *b = tenant_businesses_of(m);
	for (uint32_t i = 0; i < b->rows.n && w->n_names < NAMES; i++) {
		w->names[w->n_names].id = w->after = b->rows.at[i].id;
		str_keep(w->names[w->n_names++].name, BOARD_NAME + 1, b->rows.at[i].name);
	}
	begin(self, w);
	return OK;
}

static enum err on_names(struct actor *self)
{
	struct watching *w = watching_of(self);
	enum err e = actor_ask(self, "store", 5000, on_businesses,
	                       MSG(tenant_business_list, .after = w->after, .limit = NAMES));
	if (e)
		actor_after(self, EAGER_MS, on_names);
	return OK;
}

/* ---- asking and drawing
 * --------------------------------------------------------------------------- */

static const char *clock_text(char out[32])
{
	time_t now = time(NULL);
	struct tm tm;
	if (!localtime_r(&now, &tm) || !strftime(out, 32, "%H:%M:%S", &tm))
		*out = '\0';
	return out;
}

static void draw(struct watching *w, uint64_t now_us)
{
	struct winsize size = { 0 };
	char clock[32];
	uint32_t lines =
		ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row ? size.ws_row : 24;
	board_trim(&w->board, now_us);
	buf_text(&w->out, "\x1b[H\x1b[2J");
	board_draw(&w->board, lines, clock_text(clock), &w->out);
	flush(w);
}

/* A moment after the question, when all have answered. */
static enum err on_draw(struct actor *self)
{
	struct watching *w = watching_of(self);
	char clock[32];
	actor_after(self, DRAW_MS, on_draw);
	if (w->screen) {
		draw(w, actor_now_us(self));
		return OK;
	}
	board_changes(&w->board, actor_now_us(self), clock_text(clock), w->cli->json, &w->out);
	flush(w);
	return OK;
}

/* Eager at first: the hub may not know all listeners yet. */
static enum err on_ask(struct actor *self)
{
	struct watching *w = watching_of(self);
	actor_after(self, w->asked++ < EAGER_TIMES ? EAGER_MS : ASK_MS, on_ask);
	actor_act_for(self, w->only, 0, NULL);
	return actor_publish(self, MSG(call_watch, .watch = w->id));
}

static enum err on_pulse(struct actor *self, const struct msg *m)
{
	struct watching *w = watching_of(self);
	const struct call_pulse *p = call_pulse_of(m);
	char room[BOARD_NAME + 1];
	if (p->watches == w->id && (!w->only || w->only == m->business))
		board_heard(&w->board, m->business, name_of(w, m->business, room), p,
		            actor_now_us(self));
	return OK;
}

static enum err on_start(struct actor *self)
{
	actor_after(self, DRAW_MS, on_draw);
	return on_names(self);
}

static const struct actor_on takes[] = {
	{ &call_pulse_desc, on_pulse },
	{ 0 },
};
static const struct proto_desc *const sends[] = { &call_watch_desc, &tenant_business_list_desc,
	                                          NULL };
static const struct proto_desc *const hears[] = { &call_pulse_desc, NULL };

static void on_signal(void *ctx)
{
	stop(ctx, EXIT_DONE);
}

static void on_broken(void *ctx, const char *why)
{
	struct watching *w = ctx;
	stop(w, cli_fail(w->cli, EXIT_BUS, "%s", why));
}

static enum exit_code watch(struct watching *w, const struct system_place *p)
{
	char tail[32], name[64];
	struct actor_kind watcher = { .name = "calls_watch",
		                      .doc = "shows live calls",
		                      .start = on_start,
		                      .takes = takes,
		                      .sends = sends,
		                      .hears = hears,
		                      .at_start = true,
		                      .sets_tenant = true,
		                      .data = w,
		                      .mailbox = { .depth = 8192, .full = FULL_DROP_OLDEST } };
	const struct actor_kind *kinds[] = { &watcher, NULL };
	struct loop_signal *sigint, *sigterm;
	struct seat *seat;
	(void)snprintf(tail, sizeof tail, "calls.%d", (int)getpid());
	system_name(p, tail, name, sizeof name);
	struct seat_config config = {
		.loop = w->loop,
		.name = name,
		.kinds = kinds,
		.known = all_kinds(),
		.hubs = p->reach.hubs,
		.dir = *p->reach.dir ? p->reach.dir : NULL,
		.tcp = *p->reach.tcp ? p->reach.tcp : NULL,
		.key = p->key,
		.broken = on_broken,
		.ctx = w,
	};
	if (loop_on_signal(w->loop, SIGINT, on_signal, w, &sigint) ||
	    loop_on_signal(w->loop, SIGTERM, on_signal, w, &sigterm))
		return cli_fail(w->cli, EXIT_PROBLEM, "signals cannot be watched");
	enum err e = seat_new(&config, &seat);
	if (e)
		return cli_fail(w->cli, exit_of(e), "no place on the bus: %s", err_info(e)->text);
	loop_run(w->loop);
	seat_free(&seat);
	return w->code;
}

enum exit_code cmd_calls_watch(struct cli *c)
{
	struct system_place p;
	enum exit_code code = system_find(c, &p);
	if (code != EXIT_DONE)
		return code;
	struct watching *w = calloc(1, sizeof *w);
	if (!w || board_init(&w->board) || loop_new(&w->loop)) {
		if (w)
			board_done(&w->board);
		free(w);
		return cli_fail(c, EXIT_PROBLEM, "out of memory");
	}
	w->cli = c;
	w->screen = !c->json && isatty(STDOUT_FILENO);
	buf_init(&w->out, OUT_MOST);
	code = digest_random(&w->id, sizeof w->id) ? cli_fail(c, EXIT_PROBLEM, "no random bytes")
	                                           : watch(w, &p);
	loop_free(&w->loop);
	board_done(&w->board);
	buf_done(&w->out);
	free(w);
	return code;
}
