/*
 * calls_bench.c — see calls_bench.h.
 */
#include "tools/bench/calls_bench.h"
#include "proto/bench.h"
#include "proto/json.h"
#include "tools/bench/crew.h"
#include <fnmatch.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PATH_BYTES = 512, LINE = 8192, ARGS = 48, P99_MOST_MS = 60, RAMP_MS_A_CALL = 8 };

struct bench {
	const struct calls_how *how;
	char self[PATH_BYTES], peers[PATH_BYTES], folder[64], log[PATH_BYTES];
	char ai_port[8], to[80], state[PATH_BYTES];
	struct crew_member ai, server;
	bool ours;
	double idle_kb; /* of the server, before its first call ever: what it grew by it keeps */
};

#define ARGV(...) ((char *[]){ __VA_ARGS__, NULL })

static char *text_of(const char *s)
{
	return (char *)(uintptr_t)s;
}

/* ---- programs ------------------------------------------------------------------------------ */

static bool run(struct bench *b, int core, int within_s, char *ret, char *const argv[])
{
	struct crew_member m;
	return crew_start(&m, core, b->log, argv) && crew_result(&m, within_s, ret, LINE) == 0;
}

/* What one command of ours says, as JSON; false: it refused. */
static bool ask(struct bench *b, char *ret, char *const words[])
{
	char *argv[ARGS] = { b->self };
	int n = 1;
	for (; words[n - 1]; n++)
		argv[n] = words[n - 1];
	argv[n++] = text_of("--state");
	argv[n++] = b->state;
	argv[n++] = text_of("--json");
	return run(b, b->how->load_core, 30, ret, argv);
}

static bool start_ai(struct bench *b)
{
	char line[LINE];
	if (!crew_start(&b->ai, b->how->load_core, b->log,
	                ARGV(b->self, "sim", "realtime", "--quiet", "--within", "7200")) ||
	    !crew_line(&b->ai, "listening ", 10, line, sizeof line))
		return false;
	str_keep(b->ai_port, sizeof b->ai_port, str_of(strrchr(line, ':') + 1));
	return true;
}

static bool start_peer(struct bench *b, struct calls_server *s, char *const argv[])
{
	char line[LINE];
	if (crew_start(&b->server, b->how->server_core, b->log, argv) &&
	    crew_line(&b->server, "listening ", 20, line, sizeof line)) {
		str_keep(b->to, sizeof b->to, str_of(line + strlen("listening ")));
		return true;
	}
	crew_end(&b->server, 1);
	s->absent = true;
	str_keep(s->why, sizeof s->why, str_of("it does not start: is what it needs installed?"));
	return false;
}

static bool start_bare(struct bench *b, struct calls_server *s)
{
	char path[PATH_BYTES + 16];
	(void)snprintf(path, sizeof path, "%s/bench_bridge", b->peers);
	return start_peer(b, s, ARGV(path, b->ai_port));
}

/* npm's packages come by their lock file, once. */
static bool start_node(struct bench *b, struct calls_server *s)
{
	char folder[PATH_BYTES + 8], modules[PATH_BYTES + 32], bridge[PATH_BYTES + 32], line[LINE];
	(void)snprintf(folder, sizeof folder, "%s/node", b->peers);
	(void)snprintf(modules, sizeof modules, "%s/node_modules/ws", folder);
	(void)snprintf(bridge, sizeof bridge, "%s/bridge.mjs", folder);
	if (access(modules, R_OK))
		(void)run(b, -1, 120, line,
		          ARGV("npm", "ci", "--ignore-scripts", "--silent", "--prefix", folder));
	return start_peer(b, s, ARGV("node", bridge, b->ai_port));
}

static bool start_fastapi(struct bench *b, struct calls_server *s)
{
	char path[PATH_BYTES + 32];
	(void)snprintf(path, sizeof path, "%s/fastapi_bridge.py", b->peers);
	return start_peer(b, s, ARGV("/usr/bin/python3", path, b->ai_port));
}

/* The whole system, every feature on: its own database, store, gateway, sessions. */
static bool start_ours(struct bench *b, struct calls_server *s)
{
	char url[64], line[LINE], token[PATH_BYTES];
	(void)snprintf(url, sizeof url, "ws://127.0.0.1:%s/v1/realtime", b->ai_port);
	(void)setenv("REALTIME_URL", url, 1);
	(void)setenv("OPENAI_API_KEY", "sk-bench", 1);
	(void)snprintf(token, sizeof token, "%.400s/token", b->folder);
	FILE *f = fopen(token, "we");
	if (f) {
		(void)fputs("bench-auth-token", f);
		(void)fclose(f);
	}
	bool up = crew_start(&b->server, b->how->server_core, b->log,
	                     ARGV(b->self, "up", "--state", b->state, "--listen", "127.0.0.1:0"));
	if (!up || !crew_line(&b->server, "ready http://", 60, line, sizeof line)) {
		str_keep(s->why, sizeof s->why, str_of("switchboard up does not come up"));
	} else {
		str_keep(b->to, sizeof b->to, str_of(line + strlen("ready http://")));
		if (ask(b, line,
		        ARGV("connector", "add", "--business", "bench", "--kind", "twilio",
		             "--account", "AC00000000000000000000000000000001", "--auth-token-file",
		             token, "--stream-token", "bench-stream")))
			return true;
		str_keep(s->why, sizeof s->why, str_of("it takes no connector of kind twilio"));
	}
	s->absent = true;
	crew_end(&b->server, 30);
	return false;
}

/* ---- one load ------------------------------------------------------------------------------ */

static struct bench_calls read_calls(const char *line, char why[160])
{
	static char memory[1024];
	struct arena a = ARENA_OVER(memory);
	struct bench_calls f = { 0 };
	if (json_decode(&bench_calls_desc, str_of(line), 0, &a, &f, NULL))
		f.why = str_of("load calls said nothing that can be read");
	str_keep(why, 160, f.why);
	return f;
}

/* more: options beside the usual ones; may be NULL. */
static struct bench_calls load(struct bench *b, uint32_t calls, uint32_t seconds,
                               char *const more[], char why[160])
{
	char n[12], s[12], ramp[12], pid[12], line[LINE] = "";
	(void)snprintf(n, sizeof n, "%u", calls);
	(void)snprintf(ramp, sizeof ramp, "%u", calls * RAMP_MS_A_CALL);
	(void)snprintf(s, sizeof s, "%u", seconds + calls * RAMP_MS_A_CALL / 1000);
	(void)snprintf(pid, sizeof pid, "%d", (int)b->server.pid);
	char *argv[ARGS] = { b->self,
		             text_of("load"),
		             text_of("calls"),
		             text_of("--json"),
		             text_of("--n"),
		             n,
		             text_of("--seconds"),
		             s,
		             text_of("--ramp"),
		             ramp };
	int at = 10;
	char *const ours[] = { text_of("--state"),
		               b->state,
		               text_of("--account"),
		               text_of("AC00000000000000000000000000000001"),
		               text_of("--auth-token"),
		               text_of("bench-auth-token"),
		               text_of("--stream-token"),
		               text_of("bench-stream"),
		               NULL };
	char *const others[] = { text_of("--to"), b->to, text_of("--pid"), pid, NULL };
	for (char *const *w = b->ours ? ours : others; *w; w++)
		argv[at++] = *w;
	for (; more && *more; more++)
		argv[at++] = *more;
	struct crew_member m;
	if (crew_start(&m, b->how->load_core, b->log, argv))
		(void)crew_result(&m, (int)(seconds + calls * RAMP_MS_A_CALL / 1000) + 60, line,
		                  sizeof line);
	return read_calls(line, why);
}

static struct calls_step step(struct bench *b, uint32_t calls)
{
	char why[160];
	struct bench_calls f = load(b, calls, b->how->seconds, NULL, why);
	if (b->idle_kb <= 0)
		b->idle_kb = f.idle_kb;
	struct calls_step t = { .calls = calls,
		                .exact = f.exact,
		                .lost = f.lost,
		                .p50_ms = f.trip_p50_ms,
		                .p99_ms = f.trip_p99_ms,
		                .p999_ms = f.trip_p999_ms,
		                .worst_ms = f.trip_worst_ms,
		                .late_p99_ms = f.late_p99_ms,
		                .cpu = f.cpu_per_call_minute,
		                .cores = f.cores,
		                .kb = (f.memory_kb - b->idle_kb) / calls };
	str_keep(t.why, sizeof t.why, str_of(why));
	return t;
}

/* ---- one server ---------------------------------------------------------------------------- */

static void measure_ghosts(struct bench *b, struct calls_server *s)
{
	char why[160];
	struct bench_calls f = load(b, 200, 1, ARGV("--ghosts", "100"), why);
	if (f.ghosts_left || !f.ghosts)
		return;
	s->ghost_least_s = f.ghost_p50_ms / 1e3;
	s->ghost_most_s = f.ghost_worst_ms / 1e3;
}

static void measure_slow(struct bench *b, struct calls_server *s)
{
	char why[160];
	uint32_t calls = s->most < 200 ? s->most : 200;
	if (!calls)
		return;
	double without = load(b, calls, b->how->seconds, NULL, why).trip_p99_ms;
	double with =
		load(b, calls, b->how->seconds, ARGV("--slow-readers", "10"), why).trip_p99_ms;
	if (without > 0)
		s->slow_ratio = with / without;
}

typedef void told_fn(void *ctx, const struct calls_server *s, const struct calls_step *t);

static void measure(struct bench *b, struct calls_server *s, told_fn *told, void *ctx)
{
	for (uint32_t i = 0; i < b->how->n_steps; i++) {
		struct calls_step *t = &s->steps[i];
		*t = step(b, b->how->steps[i]);
		told(ctx, s, t);
		if (!t->exact || t->p99_ms >= P99_MOST_MS)
			break;
		s->most = t->calls;
	}
	measure_slow(b, s);
	if (b->ours)
		measure_ghosts(b, s);
}

/* ---- goals: facts of the design, "Calls" --------------------------------------------------- */

static const struct calls_step *at(const struct calls_server *s, uint32_t calls)
{
	for (uint32_t i = 0; i < CALLS_STEPS; i++)
		if (s->steps[i].calls == calls && s->steps[i].exact)
			return &s->steps[i];
	return NULL;
}

static void goal(struct calls_figures *f, bool at_most, double figure, double goal, const char *fmt,
                 ...) __attribute__((format(printf, 5, 6)));

static void goal(struct calls_figures *f, bool at_most, double figure, double goal, const char *fmt,
                 ...)
{
	struct calls_goal *g = &f->goals[f->n_goals++];
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(g->what, sizeof g->what, fmt, args);
	va_end(args);
	g->figure = figure;
	g->goal = goal;
	g->at_most = at_most;
	g->measured = !isnan(figure) && figure > 0;
}

static void goals(struct calls_figures *f, const struct calls_how *how)
{
	static const double shares[CALLS_SERVERS] = { 0, 1.0, 0.25, 0.125 };
	const struct calls_server *us = &f->servers[0];
	uint32_t first = how->steps[0], most = how->steps[how->n_steps - 1];
	const struct calls_step *low = at(us, first), *mid = at(us, 500), *top = at(us, us->most);
	for (uint32_t i = 1; i < f->n_servers; i++) {
		const struct calls_step *its = at(&f->servers[i], first);
		double ratio = low && its && its->cpu > 0 ? low->cpu / its->cpu : NAN;
		goal(f, true, ratio, shares[i], "CPU per call-minute at %u calls by %s's", first,
		     f->servers[i].name);
	}
	goal(f, false, us->most, 700, "calls with no frame lost and p99 below 60 ms (%u tried)",
	     most);
	goal(f, true, top ? top->cores : NAN, 0.6, "cores busy at %u calls", us->most);
	goal(f, true, mid ? mid->p50_ms : NAN, 0.5, "ms there and back at 500 calls, p50");
	goal(f, true, mid ? mid->p99_ms : NAN, 5, "ms there and back at 500 calls, p99");
	goal(f, true, mid ? mid->p999_ms : NAN, 15, "ms there and back at 500 calls, p99.9");
	goal(f, true, top ? top->kb : NAN, 16, "kB per call at %u calls", us->most);
	goal(f, false, us->ghost_least_s, 4.8, "s until a ghost is cut, p50");
	goal(f, true, us->ghost_most_s, 5.2, "s until a ghost is cut, the last of 200");
	goal(f, true, us->slow_ratio, 1.1, "others' p99 with 10 %% slow readers by without");
}

/* ---- all ----------------------------------------------------------------------------------- */

static bool prepare(struct bench *b)
{
	ssize_t n = readlink("/proc/self/exe", b->self, sizeof b->self - 1);
	if (n <= 0)
		return false;
	b->self[n] = '\0';
	(void)snprintf(b->peers, sizeof b->peers, "%.*s/tests/bench/peers",
	               (int)(strrchr(b->self, '/') - b->self), b->self);
	(void)snprintf(b->folder, sizeof b->folder, "/tmp/switchboard-calls-XXXXXX");
	if (!mkdtemp(b->folder) || chmod(b->folder, 0755)) /* PostgreSQL runs as somebody else */
		return false;
	(void)snprintf(b->state, sizeof b->state, "%s/state", b->folder);
	(void)snprintf(b->log, sizeof b->log, "%s/log", b->folder);
	return true;
}

void bench_calls(const struct calls_how *how, const char *only, told_fn *told, void *ctx,
                 struct calls_figures *ret)
{
	static const struct {
		const char *name;
		bool (*start)(struct bench *b, struct calls_server *s);
	} servers[CALLS_SERVERS] = { { "ours", start_ours },
		                     { "bare C bridge", start_bare },
		                     { "Node ws", start_node },
		                     { "FastAPI", start_fastapi } };
	struct bench b = { .how = how };
	char line[LINE];
	*ret = (struct calls_figures){ .n_servers = CALLS_SERVERS };
	bool good = prepare(&b) && start_ai(&b);
	for (uint32_t i = 0; i < CALLS_SERVERS; i++) {
		struct calls_server *s = &ret->servers[i];
		s->name = servers[i].name;
		s->absent = !good || (only && fnmatch(only, s->name, 0) != 0);
		b.ours = !i;
		b.idle_kb = 0;
		if (s->absent || !servers[i].start(&b, s))
			continue;
		measure(&b, s, told, ctx);
		crew_end(&b.server, 40);
	}
	crew_end(&b.ai, 5);
	goals(ret, how);
	if (*b.folder)
		(void)run(&b, -1, 20, line, ARGV("rm", "-rf", b.folder));
}
