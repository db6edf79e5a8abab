/*
 * bench_command.c — the tests of tools/bench/bench.def, each beside its limit, printed as they end.
 */
#include "tools/bench/bench.h"
#include "tools/switchboard/commands.h"
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>

static bool is_wanted(const struct cli *c, const char *name)
{
	for (uint32_t i = 0; i < c->n_args; i++)
		if (!fnmatch(c->args[i], name, 0))
			return true;
	return !c->n_args;
}

static bool is_test(const char *pattern)
{
	for (const struct bench_test *t = bench_tests; t->name; t++)
		if (!fnmatch(pattern, t->name, 0))
			return true;
	return false;
}

/* Three digits that matter, and a thousand's letter: 54.1 M. */
static void figure_text(char to[16], double x)
{
	static const char letters[] = " kMG";
	uint32_t i = 0;
	while (x >= 10000 && i < 3) {
		x /= 1000;
		i++;
	}
	(void)snprintf(to, 16, "%.*f %c", x < 10 ? 2 : x < 1000 ? 1 : 0, x, letters[i]);
}

static const char *verdict_text(enum bench_verdict v)
{
	static const char *const texts[] = { [BENCH_VERDICT_NONE] = "",
		                             [BENCH_VERDICT_MET] = "met",
		                             [BENCH_VERDICT_NOT_MET] = "NOT MET",
		                             [BENCH_VERDICT_ABSENT] = "not installed",
		                             [BENCH_VERDICT_FAILED] = "FAILED" };
	return texts[v];
}

static void print_beside(const struct bench_beside *b)
{
	char figure[16] = "", ratio[16] = "", goal[24] = "";
	if (b->figure > 0)
		figure_text(figure, b->figure);
	if (b->ratio > 0)
		(void)snprintf(ratio, sizeof ratio, "%.2f", b->ratio);
	if (b->goal > 0)
		(void)snprintf(goal, sizeof goal, "%s %.2f", b->at_most ? "<=" : ">=", b->goal);
	(void)printf("  %-20.*s %9s %8s  %-8s %s\n", STR(b->name), figure, ratio, goal,
	             verdict_text(b->verdict));
}

static void print_row(const struct bench_row *r)
{
	char figure[16];
	figure_text(figure, r->figure);
	(void)printf("%-18.*s %9s %-14.*s", STR(r->name), r->figure > 0 ? figure : "FAILED",
	             STR(r->unit));
	for (uint32_t i = 0; i < r->beside.n; i++) {
		if (i)
			(void)printf("%-43s", "");
		print_beside(&r->beside.at[i]);
	}
	if (!r->beside.n)
		(void)printf("\n");
}

static void list_tests(const struct cli *c)
{
	for (const struct bench_test *t = bench_tests; t->name; t++)
		if (is_wanted(c, t->name))
			(void)printf("%-18s %-14s %s\n", t->name, t->unit, t->doc);
}

enum exit_code cmd_bench(struct cli *c)
{
	struct bench_how how = { .rounds = (uint32_t)cli_number(c, "rounds"),
		                 .round_ms = (uint32_t)cli_number(c, "ms") };
	for (uint32_t i = 0; i < c->n_args; i++)
		if (!is_test(c->args[i]))
			return cli_fail(c, EXIT_UNKNOWN,
			                "no test \"%s\"; switchboard bench --list names them",
			                c->args[i]);
	if (cli_flag(c, "list")) {
		list_tests(c);
		return EXIT_DONE;
	}
	if (!c->json)
		(void)printf("%-18s %9s %-14s  %-20s %9s %8s  %s\n", "TEST", "OURS", "", "BESIDE",
		             "ITS", "RATIO", "GOAL");
	for (const struct bench_test *t = bench_tests; t->name; t++) {
		struct bench_row row;
		struct bench_beside room[BENCH_BESIDE];
		if (!is_wanted(c, t->name))
			continue;
		(void)fflush(stdout);
		bench_measure(t, &how, &row, room);
		if (c->json)
			cli_print_json(&bench_row_desc, &row);
		else
			print_row(&row);
	}
	return EXIT_DONE;
}
