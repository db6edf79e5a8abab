/*
 * hub_command.c — a hub in this process, until it is told to end.
 */
#include "actors/leash.h"
#include "actors/say.h"
#include "bus/serve.h"
#include "tools/switchboard/commands.h"
#include <signal.h>

struct hub_process {
	struct loop *loop;
	struct leash *leash;
	struct hub_serve *serve;
	struct say say;
};

static void on_end(void *ctx)
{
	struct hub_process *h = ctx;
	loop_stop(h->loop);
}

/* Who hosts nothing asks a question and goes: no news. */
static enum actor_level level_of(const struct row *row)
{
	return row->n_kinds ? LOG_INFO : LOG_DEBUG;
}

static void on_joined(void *ctx, const struct row *row)
{
	const struct hub_process *h = ctx;
	say(&h->say, level_of(row), "joined node=%s", row->name);
}

static void on_left(void *ctx, const struct row *row)
{
	const struct hub_process *h = ctx;
	say(&h->say, level_of(row), "left node=%s", row->name);
}

static enum err open_hub(struct hub_process *h, const struct cli *c)
{
	char ipc[256], tcp[256];
	struct loop_signal *term, *interrupt;
	const char *path = cli_text(c, "ipc"), *address = cli_text(c, "tcp");
	(void)snprintf(ipc, sizeof ipc, "ipc://%s", path ? path : "");
	(void)snprintf(tcp, sizeof tcp, "tcp://%s", address ? address : "");
	struct hub_serve_config config = { .name = cli_text(c, "name"),
		                           .ipc = path ? ipc : NULL,
		                           .tcp = address ? tcp : NULL,
		                           .keys = cli_text(c, "keys"),
		                           .joined = on_joined,
		                           .left = on_left,
		                           .ctx = h };
	enum err e = loop_new(&h->loop);
	config.loop = h->loop;
	if (!e)
		e = loop_on_signal(h->loop, SIGTERM, on_end, h, &term);
	if (!e)
		e = loop_on_signal(h->loop, SIGINT, on_end, h, &interrupt);
	if (!e)
		e = leash_new(h->loop, on_end, h, &h->leash);
	return e ? e : hub_serve_new(&config, &h->serve);
}

enum exit_code cmd_hub(struct cli *c)
{
	struct hub_process h = { .say = say_of(cli_text(c, "log"), "info", cli_text(c, "name")) };
	if (!cli_text(c, "ipc") && !cli_text(c, "tcp"))
		return cli_fail(c, EXIT_USAGE, "hub needs --ipc PATH or --tcp ADDRESS");
	if (cli_text(c, "tcp") && !cli_text(c, "keys"))
		return cli_fail(c, EXIT_USAGE,
		                "--tcp needs --keys DIR: over tcp only known keys may join");
	enum err e = open_hub(&h, c);
	if (!e) {
		for (uint32_t i = 0; hub_serve_endpoint(h.serve, i); i++)
			say(&h.say, LOG_INFO, "listening endpoint=%s",
			    hub_serve_endpoint(h.serve, i));
		leash_ready(h.leash);
		loop_run(h.loop);
	}
	hub_serve_free(&h.serve);
	leash_free(&h.leash);
	loop_free(&h.loop);
	if (e == ERR_CONFLICT)
		return cli_fail(c, EXIT_PROBLEM, "the address is taken by somebody else");
	return e ? cli_fail(c, exit_of(e), "the hub cannot start: %s", err_info(e)->text)
	         : EXIT_DONE;
}
