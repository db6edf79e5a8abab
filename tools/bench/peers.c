/*
 * peers.c — other programs at the same work, where they are installed: Erlang/OTP on one scheduler,
 * Redis on a unix socket, NATS on loopback.
 *
 *     bench ── fork ──▶ erlc, erl actors.erl ── one number ──▶ bench
 *           ── fork ──▶ redis-server        ended by its pid, or by the kernel when we end
 *           ── fork ──▶ bench_pubsub ── one number ──▶ bench
 *
 * Everything lies in a folder of its own, which is removed. What the peers do is written in
 * tests/bench/peers, and found beside the binary in the build folder.
 */
#include "tools/bench/runs.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 512 };

static const struct bench_result absent = { .figure = BENCH_ABSENT }, failed = { .figure = NAN };

static bool is_installed(const char *program)
{
	char path[PATH_BYTES];
	const char *at = getenv("PATH");
	while (at && *at) {
		int n = (int)strcspn(at, ":");
		(void)snprintf(path, sizeof path, "%.*s/%s", n, at, program);
		if (!access(path, X_OK))
			return true;
		at += n + (at[n] == ':');
	}
	return false;
}

/* A file of tests/bench/peers in the build folder. */
static bool peer_file(char path[PATH_BYTES], const char *name)
{
	char exe[PATH_BYTES / 2];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof exe - 1);
	if (n <= 0)
		return false;
	exe[n] = '\0';
	*strrchr(exe, '/') = '\0';
	(void)snprintf(path, PATH_BYTES, "%s/tests/bench/peers/%s", exe, name);
	return !access(path, R_OK);
}

/* argv[0] in `dir`; its stdout goes to `out`, nowhere when that is -1. It ends when we do. */
static pid_t start(const char *dir, char *const argv[], int out)
{
	pid_t pid = fork();
	if (pid)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	int null = open("/dev/null", O_RDWR);
	if (chdir(dir) || null < 0 || dup2(null, 0) < 0 || dup2(out < 0 ? null : out, 1) < 0)
		_exit(127);
	if (out < 0)
		(void)dup2(null, 2);
	(void)execvp(argv[0], argv);
	_exit(127);
}

static bool ended_well(pid_t pid)
{
	int status;
	return waitpid(pid, &status, 0) == pid && status == 0;
}

/* The one number that it prints. */
static double number_of(const char *dir, char *const argv[])
{
	char text[64] = "";
	size_t have = 0;
	ssize_t n;
	int ends[2];
	if (pipe(ends))
		return NAN;
	pid_t pid = start(dir, argv, ends[1]);
	(void)close(ends[1]);
	while (pid > 0 && (n = read(ends[0], text + have, sizeof text - 1 - have)) > 0)
		have += (size_t)n;
	(void)close(ends[0]);
	char *end;
	double x = strtod(text, &end);
	return pid > 0 && ended_well(pid) && end != text ? x : NAN;
}

static void remove_folder(const char *dir)
{
	char *const argv[] = { "rm", "-rf", (char *)(uintptr_t)dir, NULL };
	pid_t pid = start("/", argv, -1);
	if (pid > 0)
		(void)ended_well(pid);
}

struct bench_result bench_erlang(const struct bench_source *s, uint64_t count)
{
	char source[PATH_BYTES], dir[] = "/tmp/switchboard-bench-XXXXXX";
	(void)count;
	if (!is_installed("erlc") || !is_installed("erl") || !peer_file(source, "actors.erl"))
		return absent;
	if (!mkdtemp(dir))
		return failed;
	char *const compile[] = { "erlc", source, NULL };
	char *const run[] = { "erl",  "-noshell", "+S",   "1:1",
		              "-run", "actors",   "main", (char *)(uintptr_t)s->word,
		              "-s",   "init",     "stop", NULL };
	pid_t pid = start(dir, compile, -1);
	double figure = pid > 0 && ended_well(pid) ? number_of(dir, run) : NAN;
	remove_folder(dir);
	return (struct bench_result){ .figure = figure };
}

/* ---- servers ------------------------------------------------------------------------------------
 */

/* Does somebody listen there? */
static bool answers(const struct sockaddr *to, socklen_t len)
{
	int fd = socket(to->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes = fd >= 0 && !connect(fd, to, len);
	if (fd >= 0)
		(void)close(fd);
	return yes;
}

/* Its test against a server that is being started; the server is ended. */
static double beside_server(const char *dir, pid_t server, const struct sockaddr *to, socklen_t len,
                            char *const test[])
{
	enum { TRIES = 500, PAUSE_MS = 10 };
	double figure = NAN;
	int tries = 0;
	while (tries < TRIES && !answers(to, len) && !waitpid(server, NULL, WNOHANG)) {
		(void)poll(NULL, 0, PAUSE_MS);
		tries++;
	}
	if (answers(to, len))
		figure = number_of(dir, test);
	(void)kill(server, SIGKILL);
	(void)waitpid(server, NULL, 0);
	return figure;
}

struct bench_result bench_redis(const struct bench_source *s, uint64_t count)
{
	char program[PATH_BYTES], dir[] = "/tmp/switchboard-bench-XXXXXX";
	(void)count;
	if (!is_installed("redis-server") || !peer_file(program, "bench_pubsub"))
		return absent;
	if (!mkdtemp(dir))
		return failed;
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	(void)snprintf(to.sun_path, sizeof to.sun_path, "%s/redis", dir);
	char *const server[] = { "redis-server", "--port", "0", "--unixsocket",
		                 to.sun_path,    "--save", "",  "--appendonly",
		                 "no",           "--dir",  dir, NULL };
	char *const test[] = { program, "redis", to.sun_path, (char *)(uintptr_t)s->word, NULL };
	pid_t pid = start(dir, server, -1);
	double figure =
		pid > 0 ? beside_server(dir, pid, (const struct sockaddr *)&to, sizeof to, test)
			: NAN;
	remove_folder(dir);
	return (struct bench_result){ .figure = figure };
}

/* A port of loopback that nobody holds just now. */
static uint16_t free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof at;
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool good = fd >= 0 && !bind(fd, (struct sockaddr *)&at, len) &&
	            !getsockname(fd, (struct sockaddr *)&at, &len);
	if (fd >= 0)
		(void)close(fd);
	return good ? ntohs(at.sin_port) : 0;
}

struct bench_result bench_nats(const struct bench_source *s, uint64_t count)
{
	char program[PATH_BYTES], dir[] = "/tmp/switchboard-bench-XXXXXX", port[8];
	(void)count;
	if (!is_installed("nats-server") || !peer_file(program, "bench_pubsub"))
		return absent;
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		                  .sin_port = htons(free_port()) };
	if (!to.sin_port || !mkdtemp(dir))
		return failed;
	(void)snprintf(port, sizeof port, "%u", ntohs(to.sin_port));
	char *const server[] = { "nats-server", "-a", "127.0.0.1", "-p", port, NULL };
	char *const test[] = { program, "nats", port, (char *)(uintptr_t)s->word, NULL };
	pid_t pid = start(dir, server, -1);
	double figure =
		pid > 0 ? beside_server(dir, pid, (const struct sockaddr *)&to, sizeof to, test)
			: NAN;
	remove_folder(dir);
	return (struct bench_result){ .figure = figure };
}

struct bench_result bench_zmq(const struct bench_source *s, uint64_t count)
{
	char program[PATH_BYTES], test[32], transport[32];
	(void)count;
	if (!peer_file(program, "bench_zmq_raw") ||
	    sscanf(s->word, "%31s %31s", test, transport) != 2)
		return absent;
	char *const argv[] = { program, test, transport, NULL };
	return (struct bench_result){ .figure = number_of("/", argv) };
}
