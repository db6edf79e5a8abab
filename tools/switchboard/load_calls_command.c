/*
 * load_calls_command.c — switchboard load calls: the carrier's side of many calls, and its verdict.
 *
 * Without --auth-token and --stream-token it makes a business with a telephone line of its own on
 * the system of --state: so one command on a fresh system says whether calls are held.
 */
#include "gateway/twilio_secret.h"
#include "proto/bench.h"
#include "proto/digest.h"
#include "proto/super.h"
#include "proto/tenant.h"
#include "tools/load/calls.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/sealing.h"
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MS = 5000, SPARE_S = 30 };

struct target {
	char to[128], account[40], auth[40];
	struct load_calls *load;
};

/* The door, and what serves behind it. */
static enum exit_code on_tree(void *ctx, const struct cli *c, const struct msg *m)
{
	struct target *t = ctx;
	const struct super_tree *tree = super_tree_of(m);
	if (!tree->listen.len)
		return cli_fail(c, EXIT_NOT_RUNNING,
		                "the system has no street door: --to HOST:PORT");
	str_keep(t->to, sizeof t->to, tree->listen);
	for (uint32_t i = 0; i < tree->children.n && t->load->n_pids < COST_PIDS; i++)
		if (tree->children.at[i].pid)
			t->load->pids[t->load->n_pids++] = (pid_t)tree->children.at[i].pid;
	return EXIT_DONE;
}

static void show_progress(void *ctx, uint32_t live, uint64_t frames)
{
	(void)ctx;
	(void)fprintf(stderr, "\r%u calls live, %" PRIu64 " frames sent", live, frames);
	(void)fflush(stderr);
}

static double ms_at(const struct spread *s, double share)
{
	return (double)spread_at(s, share) / 1e3;
}

static struct bench_calls calls_of(const struct load_calls_result *r)
{
	return (struct bench_calls){
		.exact = r->exact,
		.why = str_of(r->why),
		.calls = r->calls,
		.live = r->live_most,
		.ended = r->ended,
		.cut = r->cut,
		.failed = r->failed,
		.refused = r->refused,
		.ghosts = r->ghosts,
		.ghosts_left = r->ghosts_left,
		.killed = r->killed,
		.slow = r->slow,
		.sent = r->sent,
		.back = r->back,
		.lost = r->lost,
		.twice = r->twice,
		.changed = r->changed,
		.crossed = r->crossed,
		.unordered = r->unordered,
		.of_ai = r->of_ai,
		.gaps = r->gaps_of_ai,
		.offences = r->offences,
		.marks = r->marks,
		.clears = r->clears,
		.turns = r->turns,
		.digits = r->digits,
		.trip_p50_ms = ms_at(&r->trip, 0.5),
		.trip_p99_ms = ms_at(&r->trip, 0.99),
		.trip_p999_ms = ms_at(&r->trip, 0.999),
		.trip_worst_ms = ms_at(&r->trip, 1),
		.forth_p50_ms = ms_at(&r->forth, 0.5),
		.forth_p99_ms = ms_at(&r->forth, 0.99),
		.back_p50_ms = ms_at(&r->back_trip, 0.5),
		.back_p99_ms = ms_at(&r->back_trip, 0.99),
		.webhook_p50_ms = ms_at(&r->webhook, 0.5),
		.webhook_p99_ms = ms_at(&r->webhook, 0.99),
		.first_p50_ms = ms_at(&r->first, 0.5),
		.first_worst_ms = ms_at(&r->first, 1),
		.refusal_p99_ms = ms_at(&r->refusal, 0.99),
		.ghost_p50_ms = ms_at(&r->ghost, 0.5),
		.ghost_worst_ms = ms_at(&r->ghost, 1),
		.late_p99_ms = ms_at(&r->late, 0.99),
		.late_worst_ms = ms_at(&r->late, 1),
		.seconds = r->seconds,
		.cpu_per_call_minute = r->cpu_per_call_minute,
		.cores = r->cpu_share,
		.kb_per_call = r->kb_per_call,
		.idle_kb = r->idle_kb,
		.memory_kb = r->memory_kb,
	};
}

static void print(const struct bench_calls *f)
{
	(void)printf("calls    %u: %u ended, %u cut, %u failed, %u refused; %u live at once\n",
	             f->calls, f->ended, f->cut, f->failed, f->refused, f->live);
	(void)printf("frames   %" PRIu64 " sent, %" PRIu64 " back: %" PRIu64 " lost, %" PRIu64
	             " twice, %" PRIu64 " changed, %" PRIu64 " of other calls, %" PRIu64
	             " out of order\n",
	             f->sent, f->back, f->lost, f->twice, f->changed, f->crossed, f->unordered);
	if (f->of_ai)
		(void)printf("answers  %" PRIu64 " frames, %" PRIu64 " missing; %" PRIu64
		             " turns of the callers, %" PRIu64 " clears, %" PRIu64 " marks\n",
		             f->of_ai, f->gaps, f->turns, f->clears, f->marks);
	(void)printf("ms       there and back %.2f, p99 %.2f, p99.9 %.2f, worst %.2f; forth %.2f, "
	             "p99 %.2f; back %.2f, p99 %.2f\n",
	             f->trip_p50_ms, f->trip_p99_ms, f->trip_p999_ms, f->trip_worst_ms,
	             f->forth_p50_ms, f->forth_p99_ms, f->back_p50_ms, f->back_p99_ms);
	(void)printf("         webhook %.2f, p99 %.2f; first audio %.1f, worst %.1f; our own "
	             "lateness p99 %.2f, worst %.2f\n",
	             f->webhook_p50_ms, f->webhook_p99_ms, f->first_p50_ms, f->first_worst_ms,
	             f->late_p99_ms, f->late_worst_ms);
	if (f->ghosts)
		(void)printf("ghosts   %u, cut after %.0f ms, at the latest %.0f; %u not\n",
		             f->ghosts, f->ghost_p50_ms, f->ghost_worst_ms, f->ghosts_left);
	if (f->refused)
		(void)printf("refused  within %.1f ms, 99 of 100\n", f->refusal_p99_ms);
	if (f->cpu_per_call_minute > 0)
		(void)printf(
			"cost     %.4f s of CPU per call-minute, %.2f cores, %.1f kB per call\n",
			f->cpu_per_call_minute, f->cores, f->kb_per_call);
	(void)printf("%s%s%.*s\n", f->exact ? "exact" : "NOT EXACT", f->exact ? "" : ": ",
	             STR(f->why));
}

/* A line of a business of its own. */
static enum exit_code make_line(const struct cli *c, struct target *t)
{
	uint8_t random[32];
	char business[64], secret[TWILIO_SECRET_MAX + 1];
	struct twilio_secret s = { 0 };
	uint64_t id, of;
	enum err e = digest_random(random, sizeof random);
	memcpy(t->account, "AC", 2);
	digest_hex(random, 16, t->account + 2);
	digest_hex(random + 16, 16, t->auth);
	str_keep(s.auth, sizeof s.auth, str_of(t->auth));
	if (!e)
		e = twilio_secret_write(&s, secret);
	if (e)
		return cli_fail(c, exit_of(e), "no line could be made: %s", err_info(e)->text);
	(void)snprintf(business, sizeof business, "load-%" PRIx64 "-%d", (uint64_t)time(NULL),
	               (int)getpid());
	t->load->account = t->account;
	t->load->auth_token = t->auth;
	return sealing_connector_add(
		c,
		&(struct sealing_connector){ .business = business,
	                                     .kind = TENANT_CONNECTOR_KIND_TWILIO,
	                                     .label = "switchboard load calls",
	                                     .secret = secret,
	                                     .account = t->account },
		&id, &of);
}

static enum exit_code read_pids(const struct cli *c, struct load_calls *l)
{
	const char *p;
	for (uint32_t i = 0; (p = cli_nth(c, "pid", i)) != NULL; i++) {
		char *end;
		long pid = strtol(p, &end, 10);
		if (*end || pid <= 0 || l->n_pids == COST_PIDS)
			return cli_fail(c, EXIT_USAGE, "--pid %s: not a process id", p);
		l->pids[l->n_pids++] = (pid_t)pid;
	}
	return EXIT_DONE;
}

static enum exit_code find_target(const struct cli *c, struct load_calls *l, struct target *t)
{
	t->load = l;
	enum exit_code code = read_pids(c, l);
	l->to = t->to;
	if (cli_text(c, "to")) {
		str_keep(t->to, sizeof t->to, str_of(cli_text(c, "to")));
		return code;
	}
	if (code == EXIT_DONE)
		code = client_ask(c, "supervisor", ANSWER_MS, on_tree, t, MSG(super_status));
	if (code == EXIT_DONE && !l->auth_token && !l->stream_token)
		code = make_line(c, t);
	return code;
}

static enum exit_code failed(const struct cli *c, const struct load_calls *l, enum err e,
                             const char *why)
{
	if (e == ERR_DENIED)
		return cli_fail(c, EXIT_DENIED, "%s is not loopback: --far allows it", l->to);
	if (e == ERR_INVALID)
		return cli_fail(c, EXIT_USAGE, "%s", why);
	return cli_fail(c, exit_of(e), "%s: %s", e == ERR_NOT_FOUND ? l->ca : l->to,
	                err_info(e)->text);
}

enum exit_code cmd_load_calls(struct cli *c)
{
	static struct load_calls_result r;
	struct target t = { 0 };
	struct load_calls l = {
		.path = cli_text(c, "path"),
		.account = cli_text(c, "account"),
		.auth_token = cli_text(c, "auth-token"),
		.stream_token = cli_text(c, "stream-token"),
		.public_url = cli_text(c, "public-url"),
		.called = "+15550100",
		.tls = cli_text(c, "ca") != NULL,
		.ca = cli_text(c, "ca"),
		.calls = (uint32_t)cli_number(c, "n"),
		.seconds = (uint32_t)cli_number(c, "seconds"),
		.ramp_ms = (uint32_t)cli_number(c, "ramp"),
		.jitter_ms = (uint32_t)cli_number(c, "jitter"),
		.slow = (uint32_t)cli_number(c, "slow-readers"),
		.ghosts = (uint32_t)cli_number(c, "ghosts"),
		.kills = (uint32_t)cli_number(c, "kills"),
		.answers = cli_flag(c, "answers"),
		.barge_ms = (uint32_t)cli_number(c, "barge-in"),
		.digits = cli_text(c, "dtmf"),
		.grace_ms = (uint32_t)cli_number(c, "grace"),
		.may_refuse = cli_flag(c, "may-refuse"),
		.far = cli_flag(c, "far"),
		.seed = (uint64_t)cli_number(c, "seed"),
		.within_s = (uint32_t)cli_number(c, "within"),
	};
	if (l.digits && !*l.digits)
		return cli_fail(c, EXIT_USAGE, "--dtmf needs digits");
	if (!l.within_s)
		l.within_s = l.seconds + (l.ramp_ms + l.grace_ms) / 1000 + SPARE_S;
	enum exit_code code = find_target(c, &l, &t);
	if (code != EXIT_DONE)
		return code;
	bool shown = !c->json && isatty(STDERR_FILENO);
	l.progress = shown ? show_progress : NULL;
	do {
		enum err e = load_calls(&l, &r);
		if (shown)
			(void)fputs("\r\033[K", stderr);
		if (e)
			return failed(c, &l, e, r.why);
		struct bench_calls f = calls_of(&r);
		if (c->json)
			cli_print_json(&bench_calls_desc, &f);
		else
			print(&f);
		(void)fflush(stdout);
		l.seed++;
	} while (cli_flag(c, "again"));
	return r.exact ? EXIT_DONE : EXIT_PROBLEM;
}
