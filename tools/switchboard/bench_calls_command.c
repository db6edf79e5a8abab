/*
 * bench_calls_command.c — switchboard bench calls: each step printed as it ends, then the goals.
 */
#include "proto/bench.h"
#include "tools/bench/calls_bench.h"
#include "tools/switchboard/commands.h"
#include <stdlib.h>

static const uint32_t usual_steps[] = { 100, 250, 500, 700 };

static void show_step(void *ctx, const struct calls_server *s, const struct calls_step *t)
{
	const struct cli *c = ctx;
	if (c->json) {
		cli_print_json(&bench_bridge_step_desc,
		               &(struct bench_bridge_step){ .server = str_of(s->name),
		                                            .calls = t->calls,
		                                            .exact = t->exact,
		                                            .why = str_of(t->why),
		                                            .p50_ms = t->p50_ms,
		                                            .p99_ms = t->p99_ms,
		                                            .p999_ms = t->p999_ms,
		                                            .worst_ms = t->worst_ms,
		                                            .late_p99_ms = t->late_p99_ms,
		                                            .cpu_per_call_minute = t->cpu,
		                                            .cores = t->cores,
		                                            .kb_per_call = t->kb });
	} else {
		(void)printf("%-14s %5u %8.2f %8.2f %8.2f %8.1f %8.2f %9.4f %6.2f %8.1f  %s%s\n",
		             s->name, t->calls, t->p50_ms, t->p99_ms, t->p999_ms, t->worst_ms,
		             t->late_p99_ms, t->cpu, t->cores, t->kb,
		             t->exact ? "exact" : "NOT EXACT: ", t->exact ? "" : t->why);
	}
	(void)fflush(stdout);
}

static void show_goal(const struct cli *c, const struct calls_goal *g)
{
	bool met = g->measured && (g->at_most ? g->figure <= g->goal : g->figure >= g->goal);
	if (c->json) {
		cli_print_json(
			&bench_bridge_goal_desc,
			&(struct bench_bridge_goal){ .what = str_of(g->what),
		                                     .figure = g->measured ? g->figure : 0,
		                                     .goal = g->goal,
		                                     .at_most = g->at_most,
		                                     .verdict = !g->measured ? BENCH_VERDICT_FAILED
		                                                : met        ? BENCH_VERDICT_MET
		                                                      : BENCH_VERDICT_NOT_MET });
		return;
	}
	char figure[24] = "-";
	if (g->measured)
		(void)snprintf(figure, sizeof figure, "%.3g", g->figure);
	(void)printf("%-56s %9s  %s %-6.3g %s\n", g->what, figure,
	             g->at_most ? "<=" : ">=", g->goal,
	             !g->measured ? "not measured"
	             : met        ? "met"
	                          : "NOT MET");
}

static enum exit_code read_steps(const struct cli *c, struct calls_how *how)
{
	for (uint32_t i = 0; i < sizeof usual_steps / sizeof *usual_steps && !c->n_args; i++)
		how->steps[how->n_steps++] = usual_steps[i];
	for (uint32_t i = 0; i < c->n_args; i++) {
		char *end;
		long n = strtol(c->args[i], &end, 10);
		if (*end || n < 1 || n > 20000 || (i && n <= (long)how->steps[i - 1]))
			return cli_fail(c, EXIT_USAGE, "%s: expected rising numbers of calls",
			                c->args[i]);
		how->steps[how->n_steps++] = (uint32_t)n;
	}
	return EXIT_DONE;
}

enum exit_code cmd_bench_calls(struct cli *c)
{
	static struct calls_figures f;
	struct calls_how how = { .seconds = (uint32_t)cli_number(c, "seconds"),
		                 .server_core = (int)cli_number(c, "server-core"),
		                 .load_core = (int)cli_number(c, "load-core") };
	enum exit_code code = read_steps(c, &how);
	if (code != EXIT_DONE)
		return code;
	if (!c->json)
		(void)printf("%-14s %5s %8s %8s %8s %8s %8s %9s %6s %8s\n", "SERVER", "CALLS",
		             "p50 ms", "p99", "p99.9", "worst", "late p99", "s/c-min", "cores",
		             "kB/call");
	bench_calls(&how, cli_text(c, "only"), show_step, c, &f);
	if (!c->json)
		for (uint32_t i = 0; i < f.n_servers; i++)
			if (*f.servers[i].why)
				(void)printf("%-14s not measured: %s\n", f.servers[i].name,
				             f.servers[i].why);
	if (!c->json)
		(void)printf("\n");
	for (uint32_t i = 0; i < f.n_goals; i++)
		show_goal(c, &f.goals[i]);
	return EXIT_DONE;
}
