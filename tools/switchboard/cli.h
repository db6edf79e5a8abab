/*
 * cli.h — the command line as data: commands.def says what there is, one parser and one printer
 * walk it.
 *
 *     switchboard config check --config my.cfg
 *                 └─ command ┘ └── options ──┘
 *
 * Rules, all tested: --help goes to stdout and ends with 0; what is not understood goes to stderr
 * with the nearest known word and ends with 2; with --json, stdout carries one object or one per
 * line and nothing else, errors included.
 */
#pragma once
#include "proto/buf.h"
#include "proto/desc.h"
#include "tools/switchboard/exit.h"
#include <stdio.h>

enum cli_type {
	CLI_FLAG,   /* --json */
	CLI_TEXT,   /* --state DIR */
	CLI_NUMBER, /* --limit N, within least..most */
};

struct cli_option {
	const char *name;
	enum cli_type type;
	const char *value;    /* what the help calls it: "DIR" */
	const char *fallback; /* NULL: none */
	const char *doc;
	int64_t least, most;
};

struct cli;

struct cli_command {
	const char *name; /* one or two words: "config check" */
	enum exit_code (*run)(struct cli *c);
	const char *args;     /* what stands behind the options: "GROUP=N…" */
	uint32_t least, most; /* how many of those */
	const char *doc;
	const struct cli_option *options; /* ends with { 0 } */
};

extern const struct cli_command cli_commands[]; /* ends with { 0 } */

enum { CLI_OPTIONS = 32, CLI_REPEATS = 16, CLI_WORD = 32 };

/* One parsed command line. */
struct cli {
	const struct cli_command *command;
	const char *given[CLI_OPTIONS][CLI_REPEATS]; /* by index in options */
	uint32_t times[CLI_OPTIONS];
	char **args;
	uint32_t n_args;
	bool json;
};

/* Both end in run's exit code. */
int cli_main(int argc, char **argv);

/* The value of an option that the command declares; the fallback or NULL when it was not given. */
const char *cli_text(const struct cli *c, const char *name);
const char *cli_maybe(const struct cli *c, const char *name); /* NULL when it declares none such */
int64_t cli_number(const struct cli *c, const char *name);
bool cli_flag(const struct cli *c, const char *name);
/* Its i-th value when it may be repeated; NULL past the last. */
const char *cli_nth(const struct cli *c, const char *name, uint32_t i);

/* Print one message as a JSON line. */
void cli_print_json(const struct proto_desc *type, const void *body);

/* Say on stderr (with --json: as a super.fault on stdout) what went wrong, and return the code. */
enum exit_code cli_fail(const struct cli *c, enum exit_code code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* May colours and glyphs be used on stdout: a terminal, and neither NO_COLOR nor TERM=dumb. */
bool cli_colour(void);

void cli_help(const struct cli_command *c);     /* of one command */
void cli_help_all(FILE *to, const char *group); /* of all, or of those that start so */
