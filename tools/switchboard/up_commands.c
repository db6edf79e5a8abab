/*
 * up_commands.c — up, down, restart, scale, status, migrate: the system as a whole.
 */
#include "persistence/migrate.h"
#include "proto/field.h"
#include "proto/super.h"
#include "tools/state.h"
#include "tools/supervise/up.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/config_commands.h"
#include "tools/switchboard/kinds.h"
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, END_MS = 60000, END_STEP_MS = 20 };

/* ---- up ---------------------------------------------------------------------------------- */

/* Tell whoever started us: systemd by its socket (sd_notify(3)), a person and a script by stdout.
 */
static void notify(const char *what)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (!path || !str_keep(a.sun_path, sizeof a.sun_path, str_of(path)))
		return;
	if (*path == '@')
		a.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	(void)sendto(fd, what, strlen(what), MSG_NOSIGNAL, (struct sockaddr *)&a,
	             (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path)));
	(void)close(fd);
}

static void on_ready(void *ctx, const char *url)
{
	(void)ctx;
	(void)printf(*url ? "ready %s\n" : "ready%s\n", url);
	(void)fflush(stdout);
	notify("READY=1");
}

enum exit_code cmd_up(struct cli *c)
{
	struct config_flag flags[4];
	uint32_t n = 0;
	static const char *const names[] = { "listen", "state", "log" };
	for (uint32_t i = 0; i < 3; i++)
		if (cli_text(c, names[i]))
			flags[n++] = (struct config_flag){ names[i], cli_text(c, names[i]) };
	flags[n] = (struct config_flag){ 0 };

	char program[PATH_MAX], why[512];
	struct config *config;
	enum exit_code code = config_of(c, flags, &config);
	if (code != EXIT_DONE)
		return code;
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	program[len > 0 ? len : 0] = '\0';
	struct up_config with = { .config = config,
		                  .kinds = all_kinds(),
		                  .program = program,
		                  .say = say_of(config->log_form, config->log_level, "supervisor"),
		                  .ready = on_ready };
	struct up *u;
	enum err e = up_new(&with, &u, why, sizeof why);
	if (e) {
		code = cli_fail(c, e == ERR_DENIED ? EXIT_DENIED : EXIT_PROBLEM, "%s", why);
	} else {
		up_run(u);
		notify("STOPPING=1");
		code = up_failed(u) ? EXIT_PROBLEM : EXIT_DONE;
		up_free(&u);
	}
	config_free(&config);
	return code;
}

/* ---- migrate ----------------------------------------------------------------------------- */

static void on_migrate_line(void *ctx, const char *line)
{
	const struct cli *c = ctx;
	(void)fprintf(c->json ? stderr : stdout, "%s\n", line);
}

enum exit_code cmd_migrate(struct cli *c)
{
	extern const struct statement_set store_statements;
	char why[400];
	const char *url = getenv("DATABASE_URL");
	if (!url || !*url)
		return cli_fail(c, EXIT_USAGE,
		                "migrate needs DATABASE_URL; a private database is migrated by: "
		                "switchboard up");
	struct migrate_config config = { .url = url,
		                         .set = &store_statements,
		                         .dry = cli_flag(c, "dry-run"),
		                         .say = on_migrate_line,
		                         .ctx = c };
	enum err e = migrate_run(&config, why, sizeof why);
	return e ? cli_fail(c, exit_of(e), "%s", why) : EXIT_DONE;
}

/* ---- orders ------------------------------------------------------------------------------ */

static enum exit_code on_done(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	if (c->json)
		cli_print_json(m->type, msg_body(m));
	return EXIT_DONE;
}

/* The drain is the supervisor's: it goes on without us. */
static void on_interrupt(int signal)
{
	static const char words[] = "\nthe drain goes on; see it with: switchboard status\n";
	(void)!write(STDERR_FILENO, words, sizeof words - 1);
	_exit(128 + signal);
}

/* How a restart with --drain goes on, told whenever it changes. */
struct progress {
	const struct cli *cli;
	char told[256];
	bool over;
	enum exit_code code;
};

static bool next_progress(void *ctx, struct client_turn *ret)
{
	static const struct super_await await;
	*ret = (struct client_turn){ .to = str_of("supervisor"),
		                     .type = &super_await_desc,
		                     .body = &await,
		                     .ask = true,
		                     .within_ms = ANSWER_MS };
	return !((const struct progress *)ctx)->over;
}

static void show_progress(struct progress *p, const struct super_tree *t)
{
	char now[sizeof p->told] = "";
	p->over = true;
	for (uint32_t i = 0; i < t->children.n; i++) {
		const struct super_child *k = &t->children.at[i];
		if (!k->awaited)
			continue;
		p->over = false;
		if (k->state == SUPER_STATE_DRAINING && !now[0])
			(void)snprintf(now, sizeof now, "%.*s: %u calls left", STR(k->name),
			               k->calls);
		else if (k->state != SUPER_STATE_UP)
			(void)snprintf(now, sizeof now, "%.*s: %s", STR(k->name),
			               field_enum_name(&super_state_enum, k->state));
	}
	if (*now && strcmp(now, p->told) != 0)
		(void)fprintf(stderr, "%s\n", now);
	if (*now)
		(void)snprintf(p->told, sizeof p->told, "%s", now);
}

static void on_progress(void *ctx, enum err e, const struct msg *m)
{
	struct progress *p = ctx;
	e = e ? e : msg_err(m);
	if (!e) {
		show_progress(p, super_tree_of(m));
		return;
	}
	p->over = true;
	p->code = client_refused(p->cli, str_of("supervisor"), ANSWER_MS, e);
}

static enum exit_code wait_for_drain(const struct cli *c)
{
	struct progress p = { .cli = c };
	const struct client_talk talk = { .next = next_progress, .ended = on_progress, .ctx = &p };
	enum exit_code code = client_run(c, &talk);
	if (code == EXIT_DONE)
		code = p.code;
	if (code == EXIT_DONE && !c->json)
		(void)fprintf(stderr, "up again\n");
	return code;
}

enum exit_code cmd_restart(struct cli *c)
{
	enum exit_code code = EXIT_DONE;
	bool drain = cli_flag(c, "drain");
	if (drain)
		(void)signal(SIGINT, on_interrupt);
	for (uint32_t i = 0; code == EXIT_DONE && i < c->n_args; i++)
		code = client_ask(c, "supervisor", ANSWER_MS, on_done, NULL,
		                  MSG(super_restart, .pattern = str_of(c->args[i]), .drain = drain,
		                      .within_ms = (uint32_t)cli_number(c, "within") * 1000));
	return code == EXIT_DONE && drain ? wait_for_drain(c) : code;
}

enum exit_code cmd_scale(struct cli *c)
{
	enum exit_code code = EXIT_DONE;
	for (uint32_t i = 0; code == EXIT_DONE && i < c->n_args; i++) {
		char *end, *equals = strchr(c->args[i], '=');
		unsigned long count = equals ? strtoul(equals + 1, &end, 10) : 0;
		if (!equals || !equals[1] || *end || count > 64)
			return cli_fail(c, EXIT_USAGE, "\"%s\" is not GROUP=N with N from 0 to 64",
			                c->args[i]);
		code = client_ask(c, "supervisor", ANSWER_MS, on_done, NULL,
		                  MSG(super_scale,
		                      .group = str_n(c->args[i], (size_t)(equals - c->args[i])),
		                      .count = (uint32_t)count));
	}
	return code;
}

/* Its answer is the order's; the folder is free when its processes have ended. */
static enum exit_code wait_for_end(const struct cli *c, const struct state *s)
{
	pid_t pid = state_holder(s, "supervisor");
	for (int ms = 0; pid && ms < END_MS; ms += END_STEP_MS) {
		(void)poll(NULL, 0, END_STEP_MS);
		pid = state_holder(s, "supervisor");
	}
	return pid ? cli_fail(c, EXIT_TRY_LATER, "pid %d is still stopping after %d s", pid,
	                      END_MS / 1000)
	           : EXIT_DONE;
}

enum exit_code cmd_down(struct cli *c)
{
	struct state s;
	bool here = !cli_text(c, "bus") && !state_find(cli_text(c, "state"), &s);
	enum exit_code code =
		client_ask(c, "supervisor", ANSWER_MS, on_done, NULL, MSG(super_down));
	return code == EXIT_DONE && here ? wait_for_end(c, &s) : code;
}
