/*
 * node_command.c — a node in this process: what the supervisor starts, and what joins from
 * elsewhere.
 */
#include "actors/port/port.h"
#include "actors/process.h"
#include "proto/http.h"
#include "tools/config/keys.h"
#include "tools/nearest.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/config_commands.h"
#include "tools/switchboard/kinds.h"
#include "tools/switchboard/system.h"
#include <stdlib.h>
#include <unistd.h>

enum { HOSTS = 96, PORTS = 8, NAME_BYTES = 64 };

struct node_process {
	const struct cli *cli;
	struct config *config;
	char name[NAME_BYTES];
	const struct actor_kind *hosts[HOSTS + 1];
	uint32_t n_hosts;
	struct port_spec *specs[PORTS];
	struct port_kinds ports[PORTS];
	uint32_t n_ports;
};

/* ---- what it hosts ----------------------------------------------------------------------- */

static void host(struct node_process *p, const struct actor_kind *kind)
{
	for (uint32_t i = 0; i < p->n_hosts; i++)
		if (p->hosts[i] == kind)
			return;
	if (p->n_hosts < HOSTS)
		p->hosts[p->n_hosts++] = kind;
}

static enum exit_code host_named(struct node_process *p, struct str name)
{
	const struct actor_kind *kind = kind_named(name);
	if (kind) {
		host(p, kind);
		return EXIT_DONE;
	}
	struct nearest near = nearest_of(name);
	for (const struct actor_kind *const *k = all_kinds(); *k; k++)
		(void)nearest_try(&near, (*k)->name);
	return cli_fail(p->cli, EXIT_USAGE, "--host: no kind \"%.*s\"%s%s%s", STR(name),
	                near.best ? "; did you mean \"" : "", near.best ? near.best : "",
	                near.best ? "\"?" : "");
}

static enum exit_code host_port(struct node_process *p, const char *text)
{
	char why[160] = "";
	if (p->n_ports == PORTS)
		return cli_fail(p->cli, EXIT_USAGE, "--port more than %d times", PORTS);
	if (port_spec_parse(text, &p->specs[p->n_ports], why))
		return cli_fail(p->cli, EXIT_USAGE, "--port: %s", why);
	struct port_kinds *k = &p->ports[p->n_ports];
	port_kinds_of(p->specs[p->n_ports++], k);
	host(p, &k->owner);
	host(p, &k->proxy);
	return EXIT_DONE;
}

/* What the command line names, and the kinds that live on every node. */
static enum exit_code choose_hosts(struct node_process *p)
{
	enum exit_code code = EXIT_DONE;
	const char *text;
	for (uint32_t i = 0; code == EXIT_DONE && (text = cli_nth(p->cli, "host", i)); i++) {
		struct str list = str_of(text), name;
		while (code == EXIT_DONE && value_next(&list, &name))
			code = host_named(p, name);
	}
	for (uint32_t i = 0; code == EXIT_DONE && (text = cli_nth(p->cli, "port", i)); i++)
		code = host_port(p, text);
	if (code == EXIT_DONE && !p->n_hosts)
		return cli_fail(p->cli, EXIT_USAGE, "node needs --host KINDS or --port SPEC");
	for (const struct actor_kind *const *k = all_kinds(); *k; k++)
		if ((*k)->place == PLACE_EVERY)
			host(p, *k);
	return code;
}

/* ---- settings ---------------------------------------------------------------------------- */

static const char *setting(void *ctx, const char *kind, const char *name)
{
	const struct node_process *p = ctx;
	const struct actor_kind *k = kind_named(str_of(kind));
	for (const struct actor_setting *s = k ? k->settings : NULL; s && s->name; s++)
		if (!strcmp(s->name, name))
			return config_setting(p->config, "", kind, s);
	return NULL;
}

/* A setting without a default must be told. */
static enum exit_code check_setting(const struct node_process *p, const char *kind,
                                    const struct actor_setting *s)
{
	const char *value = config_setting(p->config, "", kind, s);
	if (s->value || (value && *value))
		return EXIT_DONE;
	const char *given = config_given(kind, s->name);
	if (given)
		return cli_fail(p->cli, EXIT_BAD_CONFIG, "%s needs %s: %s", kind, given, s->doc);
	return cli_fail(p->cli, EXIT_BAD_CONFIG, "%s needs kinds.%s.%s: %s", kind, kind, s->name,
	                s->doc);
}

static enum exit_code check_settings(const struct node_process *p)
{
	enum exit_code code = EXIT_DONE;
	for (uint32_t i = 0; !code && i < p->n_hosts; i++)
		for (const struct actor_setting *s = p->hosts[i]->settings; !code && s && s->name;
		     s++)
			code = check_setting(p, p->hosts[i]->name, s);
	return code;
}

/* ---- its life ---------------------------------------------------------------------------- */

static void choose_name(struct node_process *p, const struct system_place *place)
{
	char host_name[32] = "node", tail[48];
	const char *name = cli_text(p->cli, "name");
	(void)gethostname(host_name, sizeof host_name - 1);
	(void)snprintf(tail, sizeof tail, "%s.%d", host_name, getpid());
	if (name)
		str_keep(p->name, sizeof p->name, str_of(name));
	else
		system_name(place, tail, p->name, sizeof p->name);
}

static enum exit_code run(struct node_process *p)
{
	struct system_place place;
	enum exit_code code = choose_hosts(p);
	if (code == EXIT_DONE)
		code = system_find(p->cli, &place);
	if (code == EXIT_DONE)
		code = config_of(p->cli, NULL, &p->config);
	if (code == EXIT_DONE)
		code = check_settings(p);
	if (code != EXIT_DONE)
		return code;
	choose_name(p, &place);
	static const struct process_farewell farewells[] = { { "gateway", &http_drain_desc },
		                                             { 0 } };
	bool broken;
	struct process_config process = {
		.farewells = farewells,
		.say = say_of(p->config->log_form, p->config->log_level, p->name),
		.seat = { .name = p->name,
		          .kinds = p->hosts,
		          .known = known_kinds(),
		          .hubs = place.reach.hubs,
		          .dir = *place.reach.dir ? place.reach.dir : NULL,
		          .tcp = *place.reach.tcp ? place.reach.tcp : NULL,
		          .key = place.key,
		          .setting = setting,
		          .ctx = p },
	};
	enum err e = process_run(&process, &broken);
	if (e == ERR_RANGE)
		return cli_fail(p->cli, EXIT_USAGE,
		                "\"%s\" is no name for a node: a-z, 0-9, _ . # -, 63 at the most",
		                p->name);
	if (e)
		return cli_fail(p->cli, exit_of(e), "the node cannot start: %s", err_info(e)->text);
	return broken ? EXIT_PROBLEM : EXIT_DONE;
}

enum exit_code cmd_node(struct cli *c)
{
	struct node_process p = { .cli = c };
	enum exit_code code = run(&p);
	for (uint32_t i = 0; i < p.n_ports; i++)
		port_spec_free(&p.specs[i]);
	config_free(&p.config);
	return code;
}
