/*
 * program.c — the command line of a program of actors.
 */
#include "actors/program.h"
#include "actors/kinds.h"
#include "actors/process.h"
#include "bus/reach.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>
#include <unistd.h>

enum { USAGE = 2, NOT_RUNNING = 3, KINDS = 96, SETTINGS = 32, NAME_BYTES = 64 };

struct program {
	const char *called; /* argv[0] without its folder */
	const struct actor_kind *const *kinds;
	const struct actor_kind *hosts[KINDS + 1]; /* and those that live on every node */
	const char *bus, *state, *run, *key, *address, *name, *log, *level;
	const char *set[SETTINGS]; /* "kind.name=value" */
	uint32_t n_set;
	struct reach reach;
};

static const struct {
	struct option option;
	const char *value, *doc;
} options[] = {
	{ { "bus", 1, NULL, 'b' },
	  "ADDRESSES",
	  "the hubs, between commas: tcp://HOST:PORT or ipc://PATH; those of --state when left "
	  "out" },
	{ { "state", 1, NULL, 's' }, "DIR", "state folder of the running system (default: state)" },
	{ { "key", 1, NULL, 'k' }, "FILE", "our key (switchboard keys new); needed for tcp" },
	{ { "address", 1, NULL, 'a' },
	  "IP",
	  "where other hosts reach this one; found out when left out" },
	{ { "run", 1, NULL, 'r' }, "DIR", "folder of unix sockets; the hub's when left out" },
	{ { "name", 1, NULL, 'n' },
	  "NAME",
	  "of this node; made of program and process id when left out" },
	{ { "set", 1, NULL, 'S' },
	  "KIND.NAME=VALUE",
	  "a setting of a kind of actor; may be given again" },
	{ { "log", 1, NULL, 'l' }, "FORM", "human, logfmt or json (default: human)" },
	{ { "log-level", 1, NULL, 'L' }, "LEVEL", "error, warn, info or debug (default: info)" },
	{ { "help", 0, NULL, 'h' }, "", "say this" },
};
enum { OPTIONS = sizeof options / sizeof *options };

static void print_help(const struct program *p, FILE *to)
{
	(void)fprintf(to, "usage: %s [OPTION]…\n\nhosts:\n", p->called);
	for (const struct actor_kind *const *k = p->kinds; *k; k++) {
		(void)fprintf(to, "  %-20s %s\n", (*k)->name, (*k)->doc);
		for (const struct actor_setting *s = (*k)->settings; s && s->name; s++)
			(void)fprintf(to, "    %s.%s%s%s  %s\n", (*k)->name, s->name,
			              s->value ? "=" : "", s->value ? s->value : "", s->doc);
	}
	(void)fputs("\noptions:\n", to);
	for (uint32_t i = 0; i < OPTIONS; i++) {
		char left[48];
		(void)snprintf(left, sizeof left, "--%s %s", options[i].option.name,
		               options[i].value);
		(void)fprintf(to, "  %-24s %s\n", left, options[i].doc);
	}
}

static int fail(const struct program *p, int code, const char *what, const char *why)
{
	(void)fprintf(stderr, "%s: %s%s%s\n", p->called, what, *what ? ": " : "", why);
	return code;
}

/* ---- settings ------------------------------------------------------------------------------ */

static const struct actor_setting *declared(const struct program *p, struct str kind,
                                            struct str name)
{
	for (const struct actor_kind *const *k = p->kinds; *k; k++)
		for (const struct actor_setting *s = (*k)->settings; s && s->name; s++)
			if (str_is(kind, (*k)->name) && str_is(name, s->name))
				return s;
	return NULL;
}

static bool fits(const struct actor_setting *s, const char *value)
{
	char *end;
	if (!s->least && !s->most)
		return true;
	long long v = strtoll(value, &end, 10);
	return *value && !*end && v >= s->least && v <= s->most;
}

static int add_setting(struct program *p, const char *text)
{
	const char *dot = strchr(text, '.'), *equals = dot ? strchr(dot, '=') : NULL;
	if (!equals || p->n_set == SETTINGS)
		return fail(p, USAGE, "--set", equals ? "given too often" : "KIND.NAME=VALUE");
	const struct actor_setting *s = declared(p, str_n(text, (size_t)(dot - text)),
	                                         str_n(dot + 1, (size_t)(equals - dot - 1)));
	if (!s)
		return fail(p, USAGE, text, "no such setting here; see --help");
	if (!fits(s, equals + 1))
		return fail(p, USAGE, text, "not a number in its range");
	p->set[p->n_set++] = text;
	return 0;
}

/* The last --set wins. */
static const char *setting(void *ctx, const char *kind, const char *name)
{
	const struct program *p = ctx;
	char path[NAME_BYTES * 2];
	int n = snprintf(path, sizeof path, "%s.%s=", kind, name);
	for (uint32_t i = p->n_set; i-- > 0;)
		if (!strncmp(p->set[i], path, (size_t)n))
			return p->set[i] + n;
	return NULL;
}

static int check_settings(const struct program *p)
{
	for (const struct actor_kind *const *k = p->kinds; *k; k++) {
		for (const struct actor_setting *s = (*k)->settings; s && s->name; s++) {
			char what[NAME_BYTES * 2];
			(void)snprintf(what, sizeof what, "--set %s.%s=…", (*k)->name, s->name);
			if (!s->value && !setting((void *)(uintptr_t)p, (*k)->name, s->name))
				return fail(p, EX_CONFIG, what, "must be given");
		}
	}
	return 0;
}

/* ---- the command line ----------------------------------------------------------------------- */

static int take(struct program *p, int letter, const char *value)
{
	const char **text = letter == 'b'   ? &p->bus
	                    : letter == 's' ? &p->state
	                    : letter == 'k' ? &p->key
	                    : letter == 'a' ? &p->address
	                    : letter == 'r' ? &p->run
	                    : letter == 'n' ? &p->name
	                    : letter == 'l' ? &p->log
	                    : letter == 'L' ? &p->level
	                                    : NULL;
	if (letter == 'S')
		return add_setting(p, value);
	if (!text)
		return USAGE; /* getopt has said why */
	*text = value;
	return 0;
}

/* -1: go on. */
static int read_line(struct program *p, int argc, char **argv)
{
	struct option table[OPTIONS + 1] = { 0 };
	int letter, code = 0;
	for (uint32_t i = 0; i < OPTIONS; i++)
		table[i] = options[i].option;
	optind = 0; /* GNU: begin anew, whoever parsed before */
	while (!code && (letter = getopt_long(argc, argv, "h", table, NULL)) != -1) {
		if (letter == 'h') {
			print_help(p, stdout);
			return 0;
		}
		code = take(p, letter, optarg);
	}
	if (!code && optind < argc)
		code = fail(p, USAGE, argv[optind], "one word too many; see --help");
	return code ? code : -1;
}

static int find_system(struct program *p)
{
	char why[REACH_WHY] = "", run[REACH_BYTES];
	(void)snprintf(run, sizeof run, "%s/run", p->state ? p->state : "state");
	enum err e = p->bus ? reach_bus(p->bus, &p->reach, why) : reach_run(run, &p->reach, why);
	if (!e)
		e = reach_own(&p->reach, p->run, p->key, p->address, why);
	if (e == ERR_NOT_FOUND)
		return fail(p, NOT_RUNNING, why, "give --state DIR, or --bus ADDRESS");
	return e ? fail(p, USAGE, "", why) : 0;
}

/* ---- its life -------------------------------------------------------------------------------- */

static void choose_name(const struct program *p, char name[NAME_BYTES])
{
	if (p->name)
		str_keep(name, NAME_BYTES, str_of(p->name));
	else
		(void)snprintf(name, NAME_BYTES, "%.40s.%d", p->called, getpid());
	for (char *c = name; *c; c++) /* [a-z0-9_.#-] */
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
}

/* Ours, and the ones that show a node to the others: its pulse, its tap. */
static void choose_hosts(struct program *p)
{
	uint32_t n = 0;
	for (const struct actor_kind *const *k = p->kinds; *k && n < KINDS; k++)
		p->hosts[n++] = *k;
	for (const struct actor_kind *const *k = actor_kinds; *k && n < KINDS; k++)
		if ((*k)->place == PLACE_EVERY)
			p->hosts[n++] = *k;
}

static int live(struct program *p)
{
	char name[NAME_BYTES];
	bool broken = false;
	choose_name(p, name);
	choose_hosts(p);
	struct process_config config = {
		.say = say_of(p->log ? p->log : "human", p->level ? p->level : "info", name),
		.seat = { .name = name,
		          .kinds = p->hosts,
		          .known = actor_kinds,
		          .hubs = p->reach.hubs,
		          .dir = *p->reach.dir ? p->reach.dir : NULL,
		          .tcp = *p->reach.tcp ? p->reach.tcp : NULL,
		          .key = p->key,
		          .setting = setting,
		          .ctx = p },
	};
	enum err e = process_run(&config, &broken);
	if (e == ERR_RANGE)
		return fail(p, USAGE, name,
		            "no name for a node: a-z, 0-9, _ . # -, 63 at the most");
	if (e)
		return fail(p, EX_UNAVAILABLE, "cannot start", err_info(e)->text);
	return broken ? 1 : 0;
}

int program_main(int argc, char **argv, const struct actor_kind *const *kinds)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	struct program p = { .called = slash  ? slash + 1
		                       : argc ? argv[0]
		                              : "program",
		             .kinds = kinds };
	int code = read_line(&p, argc, argv);
	if (code >= 0)
		return code;
	code = check_settings(&p);
	if (!code)
		code = find_system(&p);
	return code ? code : live(&p);
}
