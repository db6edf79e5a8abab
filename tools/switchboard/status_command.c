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

/* What was last wrong with it: how it ended, or which of its actors broke. */
static void print_troubles(const struct super_child *k)
{
	char age[24];
	if (k->last.len && k->last_us)
		(void)printf("  last: %.*s, %s ago", STR(k->last), for_how_long(k->last_us, age));
	if (k->trouble.len)
		(void)printf("  trouble: %.*s, %s ago", STR(k->trouble),
		             for_how_long(k->trouble_us, age));
	(void)printf("\n");
}

static void print_child(const struct super_child *k, bool last)
{
	char age[24];
	bool colour = cli_colour();
	(void)printf("%s %s%s%s %-14.*s %-9s %6s ", last ? "└" : "├",
	             colour ? colour_of(k->state) : "", glyph_of(k->state), colour ? "\033[0m" : "",
	             STR(k->name), field_enum_name(&super_state_enum, k->state),
	             for_how_long(k->since_us, age));
	if (k->pid)
		(void)printf("%7u %5u %6u ", k->pid, k->restarts, k->rss_kb / 1024);
	else
		(void)printf("%7s %5u %6s ", "", k->restarts, "");
	if (k->actors) /* a node that has been heard of */
		(void)printf("%7u %7u ", k->waiting, k->rate);
	else
		(void)printf("%7s %7s ", "", "");
	if (k->awaited && k->state == SUPER_STATE_DRAINING)
		(void)printf(" (%u calls left)", k->calls);
	for (uint32_t i = 0; i < k->hosts.n; i++)
		(void)printf("%s%.*s", i ? "," : " ", STR(k->hosts.at[i]));
	print_troubles(k);
}

static void print_guest(const struct super_guest *g, bool last)
{
	char age[24];
	(void)printf("%s ● %-14.*s %-9s %6s %7s %5s %6u %7u %7u  from elsewhere", last ? "└" : "├",
	             STR(g->name), "joined",
	             for_how_long(g->seen_us - (int64_t)g->up_ms * 1000, age), "", "",
	             g->rss_kb / 1024, g->waiting, g->rate);
	if (g->trouble.len)
		(void)printf("  trouble: %.*s", STR(g->trouble));
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
	(void)printf("    %-14s %-9s %6s %7s %5s %6s %7s %7s  %s\n", "NAME", "STATE", "SINCE",
	             "PID", "AGAIN", "MIB", "WAITING", "MSG/S", "HOSTS");
	for (uint32_t i = 0; i < t->children.n; i++)
		print_child(&t->children.at[i], i + 1 == t->children.n && !t->guests.n);
	for (uint32_t i = 0; i < t->guests.n; i++)
		print_guest(&t->guests.at[i], i + 1 == t->guests.n);
	return t->ready ? EXIT_DONE : EXIT_PROBLEM;
}

enum exit_code cmd_status(struct cli *c)
{
	return client_ask(c, "supervisor", ANSWER_MS, on_tree, NULL, MSG(super_status));
}
