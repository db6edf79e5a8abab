/*
 * help.c — what is made from the table of commands: help, completions, the version.
 */
#include "tools/switchboard/commands.h"
#include <stdio.h>
#include <stdlib.h>

enum { DOC_COLUMN = 26, WIDTH = 100 };

/* Text from a column on, broken between words. The cursor stands at `at` already. */
static void print_doc(FILE *to, const char *doc, int at)
{
	if (at >= DOC_COLUMN) {
		(void)fprintf(to, "\n");
		at = 0;
	}
	(void)fprintf(to, "%*s", DOC_COLUMN - at, "");
	at = DOC_COLUMN;
	while (*doc) {
		int len = (int)strcspn(doc, " ");
		if (at + len > WIDTH) {
			(void)fprintf(to, "\n%*s", DOC_COLUMN, "");
			at = DOC_COLUMN;
		}
		(void)fprintf(to, "%.*s%s", len, doc, doc[len] ? " " : "");
		at += len + 1;
		doc += len + !!doc[len];
	}
	(void)fprintf(to, "\n");
}

void cli_help(const struct cli_command *c)
{
	(void)printf("usage: switchboard %s [options]%s%s\n\n%s\n\noptions\n", c->name,
	             *c->args ? " " : "", c->args, c->doc);
	for (const struct cli_option *o = c->options; o->name; o++) {
		char doc[512];
		int at = printf("  --%s%s%s", o->name, o->value ? " " : "",
		                o->value ? o->value : "");
		(void)snprintf(doc, sizeof doc, "%s%s%s%s", o->doc,
		               o->fallback ? " (default: " : "", o->fallback ? o->fallback : "",
		               o->fallback ? ")" : "");
		print_doc(stdout, doc, at);
	}
	print_doc(stdout, "this text", printf("  -h, --help"));
}

void cli_help_all(FILE *to, const char *group)
{
	size_t n = group ? strlen(group) : 0;
	(void)fprintf(to, "usage: switchboard %s%sCOMMAND [options]\n\n", group ? group : "",
	              group ? " " : "");
	for (const struct cli_command *k = cli_commands; k->name; k++)
		if (!group || (!strncmp(k->name, group, n) && k->name[n] == ' '))
			print_doc(to, k->doc, fprintf(to, "  %s", k->name));
	(void)fprintf(to, "\nswitchboard COMMAND --help says more about each.\n");
}

enum exit_code cmd_help(struct cli *c)
{
	char name[128];
	if (!c->n_args) {
		cli_help_all(stdout, NULL);
		return EXIT_DONE;
	}
	(void)snprintf(name, sizeof name, "%s%s%s", c->args[0], c->n_args > 1 ? " " : "",
	               c->n_args > 1 ? c->args[1] : "");
	size_t n = strlen(name);
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		if (!strcmp(k->name, name)) {
			cli_help(k);
			return EXIT_DONE;
		}
		if (!strncmp(k->name, name, n) && k->name[n] == ' ') {
			cli_help_all(stdout, name);
			return EXIT_DONE;
		}
	}
	return cli_fail(c, EXIT_USAGE, "unknown command \"%s\"; see switchboard help", name);
}

enum exit_code cmd_version(struct cli *c)
{
	(void)printf(c->json ? "{\"version\":\"%s\"}\n" : "switchboard %s\n", SWITCHBOARD_VERSION);
	return EXIT_DONE;
}

/* ---- completions ------------------------------------------------------------------------- */

/* The first row of those that share their first word. */
static bool is_first(const struct cli_command *k)
{
	size_t n = strcspn(k->name, " ");
	return k == cli_commands || strncmp(k[-1].name, k->name, n) != 0 || k[-1].name[n] != ' ';
}

static void complete_bash(void)
{
	(void)printf("# switchboard completion for bash, made by: switchboard completion bash\n"
	             "_switchboard() {\n"
	             "\tlocal cur=${COMP_WORDS[COMP_CWORD]} line=\"${COMP_WORDS[*]:1:COMP_CWORD-1} "
	             "\" words=\n"
	             "\tcase $line in\n");
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		(void)printf("\t\"%s \"*) words=\"--help", k->name);
		for (const struct cli_option *o = k->options; o->name; o++)
			(void)printf(" --%s", o->name);
		(void)printf("\" ;;\n");
	}
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		const char *blank = strchr(k->name, ' ');
		if (blank)
			(void)printf("\t\"%.*s \") words+=\" %s\" ;;&\n", (int)(blank - k->name),
			             k->name, blank + 1);
	}
	(void)printf("\t\" \") words=\"");
	for (const struct cli_command *k = cli_commands; k->name; k++)
		if (is_first(k))
			(void)printf("%s%.*s", k == cli_commands ? "" : " ",
			             (int)strcspn(k->name, " "), k->name);
	(void)printf("\" ;;\n\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n"
	             "complete -o default -F _switchboard switchboard\n");
}

static void complete_fish(void)
{
	(void)printf("# switchboard completion for fish, made by: switchboard completion fish\n");
	for (const struct cli_command *k = cli_commands; k->name; k++) {
		int first = (int)strcspn(k->name, " ");
		const char *second = k->name[first] ? k->name + first + 1 : NULL;
		if (second)
			(void)printf("complete -c switchboard -n '__fish_seen_subcommand_from "
			             "%.*s' -a %s -d '%s'\n",
			             first, k->name, second, k->doc);
		else
			(void)printf(
				"complete -c switchboard -n __fish_use_subcommand -a %s -d '%s'\n",
				k->name, k->doc);
		for (const struct cli_option *o = k->options; o->name; o++)
			(void)printf("complete -c switchboard -n '__fish_seen_subcommand_from %s' "
			             "-l %s%s -d '%s'\n",
			             second ? second : k->name, o->name,
			             o->type == CLI_FLAG ? "" : " -r", o->doc);
	}
}

static void complete_zsh(void)
{
	(void)printf("#compdef switchboard\n# made by: switchboard completion zsh\n"
	             "autoload -U bashcompinit && bashcompinit\n");
	complete_bash();
}

enum exit_code cmd_completion(struct cli *c)
{
	if (!strcmp(c->args[0], "bash"))
		complete_bash();
	else if (!strcmp(c->args[0], "zsh"))
		complete_zsh();
	else if (!strcmp(c->args[0], "fish"))
		complete_fish();
	else
		return cli_fail(c, EXIT_USAGE, "no completions for \"%s\": bash, zsh or fish",
		                c->args[0]);
	return EXIT_DONE;
}
