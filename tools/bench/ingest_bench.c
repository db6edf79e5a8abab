/*
 * ingest_bench.c — POSTs into a whole system, and what its database takes by itself.
 *
 *     switchboard up, its own defaults           PostgreSQL, as `up` configures it
 *       load ─▶ gateway ─▶ dedupe ─▶ store ─▶ PostgreSQL            bench_pg ─▶ PostgreSQL
 *
 * Each run has a system or a server of its own in a folder of its own; commits are durable in both.
 * A run whose counts are not exact, or that had a POST refused, is no figure but a failure.
 */
#include "persistence/cluster.h"
#include "proto/json.h"
#include "tools/bench/pg.h"
#include "tools/bench/runs.h"
#include "tools/load/whatsapp.h"

#include <inttypes.h>
#include <math.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { WARM = 4000, WITHIN_S = 60, ROW_BYTES = 600, PG_MS = 1500 };

struct home {
	char dir[64], state[80];
};

static bool home_make(struct home *h)
{
	(void)snprintf(h->dir, sizeof h->dir, "/tmp/switchboard-bench-XXXXXX");
	const char *dir = mkdtemp(h->dir);
	if (!dir)
		return false;
	(void)snprintf(h->state, sizeof h->state, "%s/state", dir);
	return !chmod(dir, 0711); /* the database's user has to pass */
}

/* A state folder which that user cannot enter has its database elsewhere: persistence/README.md. */
static void home_remove(const struct home *h)
{
	char link[128], to[128], command[320];
	const char *ours = "/var/lib/switchboard/db-";
	(void)snprintf(link, sizeof link, "%s/db/elsewhere", h->state);
	ssize_t n = readlink(link, to, sizeof to - 1);
	to[n > 0 ? n : 0] = 0;
	bool ends = !strncmp(to, ours, strlen(ours)) && !strchr(to + strlen(ours), '/');
	(void)snprintf(command, sizeof command, "rm -rf '%s' '%s'", h->dir, ends ? to : h->dir);
	if (system(command))
		(void)fprintf(stderr, "%s is left\n", h->dir);
}

/* ---- the system --------------------------------------------------------------------------------
 */

struct system_run {
	struct home home;
	pid_t up;
	char listen[32], secret[128];
	uint64_t connector;
};

/* One of ours with its words on a pipe. */
static pid_t begin(const char *const *args, int *ret_out)
{
	int ends[2];
	if (pipe(ends))
		return -1;
	pid_t pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		(void)alarm(0);
		(void)dup2(ends[1], STDOUT_FILENO);
		(void)close(ends[0]);
		(void)close(ends[1]);
		if (!freopen("/dev/null", "w", stderr))
			_exit(1);
		(void)execv("/proc/self/exe", (char *const *)(uintptr_t)args);
		_exit(127);
	}
	(void)close(ends[1]);
	*ret_out = ends[0];
	return pid;
}

static bool wait_ready(int out)
{
	FILE *f = fdopen(out, "r");
	char line[256];
	bool ready = false;
	while (f && !ready && fgets(line, sizeof line, f))
		ready = !strncmp(line, "ready ", 6);
	return ready; /* f stays open: what writes to a closed pipe dies */
}

static bool free_port(char ret[32])
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = fd >= 0 && !bind(fd, (struct sockaddr *)&a, sizeof a) &&
	          !getsockname(fd, (struct sockaddr *)&a, &len);
	(void)close(fd);
	(void)snprintf(ret, 32, "127.0.0.1:%u", ntohs(a.sin_port));
	return ok;
}

static bool read_connector(struct system_run *s, struct str text)
{
	struct json j;
	struct str key, secret = { 0 };
	json_init(&j, text, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "id"))
			json_u64(&j, &s->connector);
		else if (str_is(key, "secret"))
			json_string(&j, NULL, &secret);
		else
			json_skip(&j);
	}
	str_keep(s->secret, sizeof s->secret, secret);
	return !json_end(&j) && s->connector && secret.len;
}

static bool add_connector(struct system_run *s)
{
	const char *args[] = { "switchboard", "connector",  "add",   "--state",
		               s->home.state, "--business", "bench", "--kind",
		               "baileys",     "--json",     NULL };
	char text[512];
	int out, status = -1;
	pid_t pid = begin(args, &out);
	if (pid < 0)
		return false;
	ssize_t n = read(out, text, sizeof text); /* one line, one write */
	(void)close(out);
	return waitpid(pid, &status, 0) == pid && !status && n > 0 &&
	       read_connector(s, str_n(text, (size_t)n));
}

static bool system_begin(struct system_run *s)
{
	int out;
	if (!home_make(&s->home) || !free_port(s->listen))
		return false;
	const char *args[] = { "switchboard", "up",      "--state", s->home.state,
		               "--listen",    s->listen, NULL };
	s->up = begin(args, &out);
	return s->up > 0 && wait_ready(out) && add_connector(s);
}

/* Twice: the second means now. */
static void system_end(struct system_run *s)
{
	if (s->up > 0) {
		(void)kill(s->up, SIGTERM);
		(void)kill(s->up, SIGTERM);
		(void)waitpid(s->up, NULL, 0);
	}
	home_remove(&s->home);
}

static enum err flood(const struct system_run *s, uint32_t n, uint32_t batch, uint32_t connections,
                      uint64_t seed, struct load_whatsapp_result *ret)
{
	struct load_whatsapp l = { .plan = { .n = n,
		                             .batch = batch,
		                             .chats = 200,
		                             .seed = seed,
		                             .now_us = (int64_t)time(NULL) * 1000000 },
		                   .to = s->listen,
		                   .connector = s->connector,
		                   .secret = s->secret,
		                   .connections = connections,
		                   .within_s = WITHIN_S };
	return load_whatsapp(&l, ret);
}

/* A first flood takes the leases and opens what is opened once. */
static enum err measure(const struct bench_source *s, uint64_t count,
                        struct load_whatsapp_result *ret)
{
	struct system_run run = { .up = -1 };
	struct load_whatsapp_result warm;
	enum err e = system_begin(&run) ? OK : ERR_UNAVAILABLE;
	if (!e)
		e = flood(&run, WARM, s->a, s->b < 64 ? s->b : 64, 1, &warm);
	if (!e)
		e = flood(&run, (uint32_t)count, s->a, s->b, 2, ret);
	system_end(&run);
	if (e || !ret->exact || ret->repeats)
		(void)fprintf(stderr, "ingest: %s, %" PRIu64 " repeated, %s\n", err_info(e)->name,
		              e ? 0 : ret->repeats, e ? "no answer" : ret->why);
	return e ? e : !ret->exact || ret->repeats ? ERR_FAULT : OK;
}

struct bench_result bench_ingest(const struct bench_source *s, uint64_t count)
{
	struct load_whatsapp_result r;
	if (measure(s, count, &r))
		return (struct bench_result){ .figure = NAN };
	return bench_rate(r.messages, r.seconds);
}

struct bench_result bench_ingest_p99(const struct bench_source *s, uint64_t count)
{
	struct load_whatsapp_result r;
	if (measure(s, count, &r))
		return (struct bench_result){ .figure = NAN };
	return (struct bench_result){ .figure = r.p99_ms, .seconds = r.seconds };
}

/* ---- the database alone ------------------------------------------------------------------------
 */

struct server_run {
	struct home home;
	struct loop *loop;
	struct cluster *cluster;
	enum cluster_event event;
};

static void on_cluster(void *ctx, enum cluster_event event, const char *text)
{
	struct server_run *s = ctx;
	s->event = event;
	if (event == CLUSTER_FAILED)
		(void)fprintf(stderr, "%s\n", text);
	loop_stop(s->loop);
}

static bool server_begin(struct server_run *s)
{
	if (!home_make(&s->home) || mkdir(s->home.state, 0755) || loop_new(&s->loop))
		return false;
	char folder[96];
	(void)snprintf(folder, sizeof folder, "%s/db", s->home.state);
	struct cluster_config config = { .folder = folder, .on = on_cluster, .ctx = s };
	if (cluster_new(s->loop, &config, &s->cluster) || cluster_start(s->cluster))
		return false;
	loop_run(s->loop);
	return s->event == CLUSTER_READY;
}

static void server_end(struct server_run *s)
{
	if (s->cluster && !cluster_stop(s->cluster, CLUSTER_IMMEDIATE))
		loop_run(s->loop);
	if (s->cluster)
		cluster_free(&s->cluster);
	if (s->loop)
		loop_free(&s->loop);
	home_remove(&s->home);
}

struct bench_result bench_unnest(const struct bench_source *s, uint64_t count)
{
	struct server_run run = { .loop = NULL };
	double rows = NAN;
	(void)count;
	if (server_begin(&run)) {
		struct bench_pg how = { .url = cluster_admin_url(run.cluster),
			                .connections = s->b,
			                .rows = s->a,
			                .row_bytes = ROW_BYTES,
			                .ms = PG_MS };
		if (bench_pg(&how, &rows))
			rows = NAN;
	}
	server_end(&run);
	return (struct bench_result){ .figure = rows, .seconds = PG_MS / 1e3 };
}
