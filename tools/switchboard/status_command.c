/*
 * status_command.c — the tree of processes, for a person or as JSON.
 */
#include "proto/field.h"
#include "proto/super.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include <time.h>

enum { ANSWER_MS = 5000 };

/* 3s, 12m, 5h, 8d: one unit is enough for a glance. */
static const char *for_how_long(int64_t since_us, char buf[24])
{
	int64_t s = (int64_t)time(NULL) - since_us / 1000000;
	if (s < 0)
		s = 0;
	if (s < 120)
		(void)snprintf(buf, 24, "%llds", (long long)s);
	else if (s < 7200)
		(void)snprintf(buf, 24, "%lldm", (long long)s / 60);
	else if (s < 172800)
		(void)snprintf(buf, 24, "%lldh", (long long)s / 3600);
	else
		(void)snprintf(buf, 24, "%lldd", (long long)s / 86400);
	return buf;
}

static const char *glyph_of(enum super_state state)
{
	switch (state) {
	case SUPER_STATE_UP:
		return "●";
	case SUPER_STATE_DOWN:
		return "○";
	case SUPER_STATE_GIVEN_UP:
		return "✖";
	default:
		return "◐";
	}
}

static const char *colour_of(enum super_state state)
{
	return state == SUPER_STATE_UP         ? "\033[32m"
	       : state == SUPER_STATE_GIVEN_UP ? "\033[31m"
	                                       : "\033[33m";
}

static void print_child(const struct super_child *k, bool last)
{
	char age[24];
	bool colour = cli_colour();
	(void)printf("%s %s%s%s %-14.*s %-9s %6s %7u %5u %8u", last ? "└" : "├",
	             colour ? colour_of(k->state) : "", glyph_of(k->state), colour ? "\033[0m" : "",
	             STR(k->name), field_enum_name(&super_state_enum, k->state),
	             for_how_long(k->since_us, age), k->pid, k->restarts, k->rss_kb / 1024);
	for (uint32_t i = 0; i < k->hosts.n; i++)
		(void)printf("%s%.*s", i ? "," : "  ", STR(k->hosts.at[i]));
	if (k->last.len && k->last_us)
		(void)printf("  last: %.*s, %s ago", STR(k->last), for_how_long(k->last_us, age));
	(void)printf("\n");
}

static enum exit_code on_tree(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	char age[24];
	const struct super_tree *t = super_tree_of(m);
	if (c->json) {
		cli_print_json(m->type, t);
		return t->ready ? EXIT_DONE : EXIT_PROBLEM;
	}
	(void)printf("switchboard %.*s  %s for %s  %.*s  %.*s\n", STR(t->version),
	             t->stopping ? "stopping"
	             : t->ready  ? "ready"
	                         : "not ready",
	             for_how_long(t->since_us, age), STR(t->listen), STR(t->state));
	(void)printf("    %-14s %-9s %6s %7s %5s %8s  %s\n", "NAME", "STATE", "SINCE", "PID",
	             "AGAIN", "MIB", "HOSTS");
	for (uint32_t i = 0; i < t->children.n; i++)
		print_child(&t->children.at[i], i + 1 == t->children.n);
	return t->ready ? EXIT_DONE : EXIT_PROBLEM;
}

enum exit_code cmd_status(struct cli *c)
{
	return client_ask(c, "supervisor", ANSWER_MS, on_tree, NULL, MSG(super_status));
}
