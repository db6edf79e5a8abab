/*
 * cli.c — finds the command, reads its options, runs it.
 */
#include "tools/switchboard/cli.h"
#include "proto/json.h"
#include "proto/msgc/load.h"
#include "proto/super.h"
#include "tools/nearest.h"
#include "tools/switchboard/commands.h"
#include <assert.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#define FLAG(name_, doc_)                                                                          \
	{                                                                                          \
		.name = name_, .type = CLI_FLAG, .doc = doc_                                       \
	}
#define TEXT(name_, value_, fallback_, doc_)                                                       \
	{                                                                                          \
		.name = name_, .type = CLI_TEXT, .value = value_, .fallback = fallback_,           \
		.doc = doc_                                                                        \
	}
#define NUMBER(name_, value_, fallback_, least_, most_, doc_)                                      \
	{                                                                                          \
		.name = name_, .type = CLI_NUMBER, .value = value_, .fallback = fallback_,         \
		.doc = doc_, .least = least_, .most = most_                                        \
	}
#define COMMAND(name_, run_, args_, least_, most_, doc_, ...)                                      \
	{ .name = name_,                                                                           \
	  .run = run_,                                                                             \
	  .args = args_,                                                                           \
	  .least = least_,                                                                         \
	  .most = most_,                                                                           \
	  .doc = doc_,                                                                             \
	  .options = (const struct cli_option[]){ __VA_ARGS__, { 0 } } },

const struct cli_command cli_commands[] = {
#include "tools/switchboard/commands.def"
	{ 0 },
};

/* ---- what a command asks ----------------------------------------------------------------- */

static uint32_t option_index(const struct cli *c, const char *name)
{
	uint32_t i = 0;
	while (c->command->options[i].name && strcmp(c->command->options[i].name, name) != 0)
		i++;
	assert(c->command->options[i].name); /* a command asks only for what its row declares */
	return i;
}

const char *cli_nth(const struct cli *c, const char *name, uint32_t i)
{
	uint32_t option = option_index(c, name);
	return i < c->times[option] ? c->given[option][i] : NULL;
}

const char *cli_text(const struct cli *c, const char *name)
{
	uint32_t option = option_index(c, name);
	return c->times[option] ? c->given[option][c->times[option] - 1]
	                        : c->command->options[option].fallback;
}

const char *cli_maybe(const struct cli *c, const char *name)
{
	for (const struct cli_option *o = c->command->options; o->name; o++)
		if (!strcmp(o->name, name))
			return cli_text(c, name);
	return NULL;
}

bool cli_flag(const struct cli *c, const char *name)
{
	return c->times[option_index(c, name)] > 0;
}

int64_t cli_number(const struct cli *c, const char *name)
{
	const char *text = cli_text(c, name);
	return text ? strtoll(text, NULL, 10) : 0; /* read_option() let only numbers through */
}

/* ---- speaking ---------------------------------------------------------------------------- */

void cli_print_json(const struct proto_desc *type, const void *body)
{
	struct buf b;
	buf_init(&b, 16 << 20);
	if (json_write(&b, type, body, 0) == OK)
		(void)printf("%.*s\n", STR(buf_view(&b)));
	buf_done(&b);
}

static const char *code_name(enum exit_code code)
{
	static const struct {
		enum exit_code code;
		const char *name;
	} names[] = { { EXIT_PROBLEM, "PROBLEM" },
		      { EXIT_USAGE, "USAGE" },
		      { EXIT_NOT_RUNNING, "NOT_RUNNING" },
		      { EXIT_UNKNOWN, "UNKNOWN" },
		      { EXIT_BUS, "BUS" },
		      { EXIT_TRY_LATER, "TRY_LATER" },
		      { EXIT_DENIED, "DENIED" },
		      { EXIT_BAD_CONFIG, "CONFIG" } };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].code == code)
			return names[i].name;
	return "DONE";
}

enum exit_code cli_fail(const struct cli *c, enum exit_code code, const char *fmt, ...)
{
	char text[400];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	if (c->json)
		cli_print_json(&super_fault_desc,
		               &(struct super_fault){ .error = str_of(code_name(code)),
		                                      .detail = str_of(text) });
	else
		(void)fprintf(stderr, "switchboard: %s\n", text);
	return code;
}

bool cli_colour(void)
{
	const char *term = getenv("TERM");
	const char *no = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(no && *no) && term && strcmp(term, "dumb") != 0;
}

/* ---- reading the command line ------------------------------------------------------------ */

static bool is_number(const char *text, int64_t least, int64_t most)
{
	char *end;
	if (!*text)
		return false;
	long long n = strtoll(text, &end, 10);
	return !*end && n >= least && n <= most && text[0] != '+' && text[0] != ' ';
}

static enum exit_code unknown_option(const struct cli *c, struct str name)
{
	struct nearest near = nearest_of(name);
	(void)nearest_try(&near, "help");
	for (const struct cli_option *o = c->command->options; o->name; o++)
		(void)nearest_try(&near, o->name);
	if (near.best)
		return cli_fail(c, EXIT_USAGE, "%s: unknown option --%.*s; did you mean --%s?",
		                c->command->name, STR(name), near.best);
	return cli_fail(c, EXIT_USAGE, "%s: unknown option --%.*s; see switchboard %s --help",
	                c->command->name, STR(name), c->command->name);
}

/* One option at *at, which then stands on the last word it took. */
static enum exit_code read_option(struct cli *c, char **argv, int *at)
{
	char *word = argv[*at] + 2, *equals = strchr(word, '=');
	struct str name = equals ? str_n(word, (size_t)(equals - word)) : str_of(word);
	uint32_t i = 0;
	const struct cli_option *o = c->command->options;
	while (o[i].name && !str_is(name, o[i].name))
		i++;
	if (!o[i].name)
		return unknown_option(c, name);
	const char *value = equals ? equals + 1 : "";
	if (o[i].type == CLI_FLAG && equals)
		return cli_fail(c, EXIT_USAGE, "--%s takes no value", o[i].name);
	if (o[i].type != CLI_FLAG && !equals) {
		if (!argv[*at + 1])
			return cli_fail(c, EXIT_USAGE, "--%s needs a value: --%s %s", o[i].name,
			                o[i].name, o[i].value);
		value = argv[++*at];
	}
	if (o[i].type == CLI_NUMBER && !is_number(value, o[i].least, o[i].most))
		return cli_fail(c, EXIT_USAGE, "--%s %s: not a number from %lld to %lld", o[i].name,
		                value, (long long)o[i].least, (long long)o[i].most);
	if (c->times[i] == CLI_REPEATS)
		return cli_fail(c, EXIT_USAGE, "--%s more than %d times", o[i].name, CLI_REPEATS);
	c->given[i][c->times[i]++] = value;
	return EXIT_DONE;
}

/* --schema: types that this program was not compiled with. */
static enum exit_code read_schemas(const struct cli *c)
{
	const char *paths[CLI_REPEATS];
	uint32_t n = 0;
	if (!cli_maybe(c, "schema"))
		return EXIT_DONE;
	for (const char *path; n < CLI_REPEATS && (path = cli_nth(c, "schema", n)) != NULL;)
		paths[n++] = path;
	if (!schema_load(paths, n, stderr))
		return cli_fail(c, EXIT_USAGE, "--schema: not a sound schema");
	return EXIT_DONE;
}

static bool wants_help(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (!strcmp(*argv, "--help") || !strcmp(*argv, "-h"))
			return true;
	return false;
}

static bool wants_json(char **argv)
{
	for (; *argv && strcmp(*argv, "--") != 0; argv++)
		if (!strcmp(*argv, "--json"))
			return true;
	return false;
}

static enum exit_code read_line(struct cli *c, int argc, char **argv)
{
	c->args = calloc((size_t)argc + 1, sizeof *c->args);
	if (!c->args)
		return cli_fail(c, EXIT_TRY_LATER, "out of memory");
	bool options = true;
	for (int i = 0; i < argc; i++) {
		enum exit_code code = EXIT_DONE;
		if (options && !strcmp(argv[i], "--"))
			options = false;
		else if (options && !strncmp(argv[i], "--", 2))
			code = read_option(c, argv, &i);
		else if (options && argv[i][0] == '-' && argv[i][1])
			code = cli_fail(c, EXIT_USAGE,
			                "%s: unknown option %s; see switchboard %s --help",
			                c->command->name, argv[i], c->command->name);
		else
			c->args[c->n_args++] = argv[i];
		if (code != EXIT_DONE)
			return code;
	}
	if (c->n_args < c->command->least)
		return cli_fail(c, EXIT_USAGE, "%s needs %s; see switchboard %s --help",
		                c->command->name, c->command->args, c->command->name);
	if (c->n_args > c->command->most)
		return cli_fail(c, EXIT_USAGE,
		                "%s: \"%s\" is one word too many; see switchboard %s --help",
		                c->command->name, c->args[c->command->most], c->command->name);
	return EXIT_DONE;
}

/* The command these words name, and how many words that took; NULL for none. */
static const struct cli_command *find(char **argv, int *ret_words)
{
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		const char *blank = strchr(k->name, ' ');
		struct str first =
			blank ? str_n(k->name, (size_t)(blank - k->name)) : str_of(k->name);
		if (!str_is(first, argv[0]) ||
		    (blank && (!argv[1] || strcmp(blank + 1, argv[1]) != 0)))
			continue;
		*ret_words = blank ? 2 : 1;
		return k;
	}
	return NULL;
}

static bool is_group(const char *word)
{
	size_t n = strlen(word);
	for (const struct cli_command *k = cli_commands; k->name; k++)
		if (!strncmp(k->name, word, n) && k->name[n] == ' ')
			return true;
	return false;
}

/* No command: say which was probably meant. Of a group ("config chekc"), compare both words. */
static enum exit_code unknown_command(const struct cli *c, char **argv)
{
	char typed[128];
	bool group = is_group(argv[0]);
	if (group && !argv[1]) {
		cli_help_all(stderr, argv[0]);
		return EXIT_USAGE;
	}
	(void)snprintf(typed, sizeof typed, "%s%s%s", argv[0], group ? " " : "",
	               group ? argv[1] : "");
	struct nearest near = nearest_of(str_of(typed));
	char first[CLI_WORD] = "";
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		char word[CLI_WORD];
		str_keep(word, sizeof word, str_n(k->name, strcspn(k->name, " ")));
		if (!group && nearest_try(&near, word))
			near.best = memcpy(first, word, sizeof first);
		(void)nearest_try(&near, k->name);
	}
	if (near.best)
		return cli_fail(c, EXIT_USAGE, "unknown command \"%s\"; did you mean \"%s\"?",
		                typed, near.best);
	return cli_fail(c, EXIT_USAGE, "unknown command \"%s\"; see switchboard help", typed);
}

int cli_main(int argc, char **argv)
{
	struct cli c = { .json = wants_json(argv + 1) };
	if (argc < 2) {
		cli_help_all(stderr, NULL);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")) {
		cli_help_all(stdout, NULL);
		return EXIT_DONE;
	}
	if (!strcmp(argv[1], "--version"))
		argv[1] = argv[1] + 2;
	int words = 0;
	c.command = find(argv + 1, &words);
	if (!c.command && is_group(argv[1]) && wants_help(argv + 2)) {
		cli_help_all(stdout, argv[1]);
		return EXIT_DONE;
	}
	if (!c.command)
		return unknown_command(&c, argv + 1);
	if (wants_help(argv + 1 + words)) {
		cli_help(c.command);
		return EXIT_DONE;
	}
	(void)signal(SIGPIPE, SIG_DFL); /* `switchboard … | head` ends in silence */
	enum exit_code code = read_line(&c, argc - 1 - words, argv + 1 + words);
	if (code == EXIT_DONE)
		code = read_schemas(&c);
	if (code == EXIT_DONE)
		code = c.command->run(&c);
	free(c.args);
	if (fflush(stdout) && code == EXIT_DONE)
		code = EXIT_PROBLEM;
	return code;
}
