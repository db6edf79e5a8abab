/*
 * sim_command.c — switchboard sim …: stand-ins for the services outside.
 */
#include "proto/bench.h"
#include "tools/sim/realtime.h"
#include "tools/switchboard/commands.h"
#include <inttypes.h>

struct show {
	const struct cli *c;
	bool quiet;
};

static void show_listening(void *ctx, const char *at)
{
	const struct show *s = ctx;
	if (s->c->json)
		cli_print_json(&bench_listens_desc, &(struct bench_listens){ .at = str_of(at) });
	else
		(void)printf("listening %s\n", at);
	(void)fflush(stdout);
}

static struct bench_spoken spoken_of(const struct session_sights *s)
{
	return (struct bench_spoken){
		.frames = s->frames,
		.plain = s->plain_bytes,
		.broken = s->broken,
		.missing = s->missing,
		.twice = s->twice,
		.others = s->of_others,
		.early = s->early,
		.events = s->events,
		.errors = s->errors,
		.answers = s->answers,
		.interrupted = s->interrupted,
		.functions = s->functions,
		.outputs = s->outputs,
		.truncates = s->truncates,
		.beyond = s->beyond,
		.matched = s->matched,
		.over_ms = s->worst_over_ms,
		.under_ms = s->worst_under_ms,
		.speech = s->speech,
		.forth_p50_ms = (double)spread_at(&s->forth, 0.5) / 1e3,
		.forth_p99_ms = (double)spread_at(&s->forth, 0.99) / 1e3,
		.forth_worst_ms = (double)s->forth.worst / 1e3,
		.clear_p99_ms = (double)spread_at(&s->clear, 0.99) / 1e3,
		.clear_worst_ms = (double)s->clear.worst / 1e3,
	};
}

static void print_spoken(const struct bench_spoken *f)
{
	(void)printf("%" PRIu64 " frames: %" PRIu64 " broken, %" PRIu64 " missing, %" PRIu64
	             " twice, %" PRIu64 " of others, %" PRIu64 " early; forth %.2f ms, p99 %.2f\n"
	             "  %" PRIu64 " events, %" PRIu64 " refused; %" PRIu64 " answers, %" PRIu64
	             " interrupted; %" PRIu64 " truncates, %" PRIu64 " beyond, %" PRIu64
	             " matched: at worst +%" PRIu64 " -%" PRIu64 " ms; clear p99 %.2f ms\n",
	             f->frames, f->broken, f->missing, f->twice, f->others, f->early,
	             f->forth_p50_ms, f->forth_p99_ms, f->events, f->errors, f->answers,
	             f->interrupted, f->truncates, f->beyond, f->matched, f->over_ms, f->under_ms,
	             f->clear_p99_ms);
}

static void show_ended(void *ctx, const struct session *s, const char *why, double seconds)
{
	const struct show *show = ctx;
	if (show->quiet)
		return;
	struct bench_spoken f = spoken_of(&s->sights);
	f.session = s->number;
	f.why = str_of(why);
	f.seconds = seconds;
	f.call = s->call;
	if (show->c->json) {
		cli_print_json(&bench_spoken_desc, &f);
		(void)fflush(stdout);
	} else {
		(void)printf("session %u, %.1f s%s%s: ", s->number, seconds, *why ? ", " : "", why);
		print_spoken(&f);
	}
}

static void show_told(void *ctx, const struct session *s, const char *code, const char *message)
{
	const struct show *show = ctx;
	if (show->quiet)
		return;
	if (show->c->json)
		cli_print_json(&bench_offence_desc,
		               &(struct bench_offence){ .session = s->number,
		                                        .code = str_of(code),
		                                        .message = str_of(message) });
	else
		(void)printf("session %u: %s: %s\n", s->number, code, message);
}

enum exit_code cmd_sim_realtime(struct cli *c)
{
	static struct realtime_result r;
	struct show show = { .c = c, .quiet = cli_flag(c, "quiet") };
	struct realtime_config config = {
		.listen = cli_text(c, "listen"),
		.cert = cli_text(c, "cert"),
		.key = cli_text(c, "cert-key"),
		.bearer = cli_text(c, "bearer"),
		.sessions = (uint32_t)cli_number(c, "sessions"),
		.within_s = (uint32_t)cli_number(c, "within"),
		.far = cli_flag(c, "far"),
		.listening = show_listening,
		.ended = show_ended,
		.told = show_told,
		.ctx = &show,
	};
	for (const char *p; (p = cli_nth(c, "play", config.n_plays)) != NULL;)
		config.plays[config.n_plays++] = str_of(p);
	if (!config.cert != !config.key)
		return cli_fail(c, EXIT_USAGE, "--cert and --cert-key go together");
	enum err e = realtime_run(&config, &r);
	if (e == ERR_INVALID)
		return cli_fail(c, EXIT_USAGE, "%s", r.why);
	if (e == ERR_DENIED)
		return cli_fail(c, EXIT_DENIED, "%s is not loopback: --far allows it",
		                config.listen);
	if (e)
		return cli_fail(c, exit_of(e), "%s: %s", config.listen, err_info(e)->text);
	struct bench_spoken f = spoken_of(&r.all);
	f.sessions = r.sessions;
	f.refused = r.refused;
	if (c->json) {
		cli_print_json(&bench_spoken_desc, &f);
	} else {
		(void)printf("%" PRIu64 " sessions, %" PRIu64 " refused: ", r.sessions, r.refused);
		print_spoken(&f);
	}
	return EXIT_DONE;
}
