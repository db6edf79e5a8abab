/*
 * zmq_raw.c — bare libzmq at the work of the bus: `zmq_raw TEST TRANSPORT`, one number.
 *
 *     round-trip   200 bytes there and back, blocking, one DEALER and one ROUTER: p50, us
 *     one-way      200-byte messages packed to frames of 64 KiB: messages a second
 *     under-bulk   round trips while the same DEALER sends 1 MiB every 10 ms: p99.9, us
 *
 * TRANSPORT is ipc, tcp, or curve (tcp with CURVE). The other end is a process of its own.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum {
	BODY = 200,
	PACK = 65536,
	PER_PACK = PACK / BODY,
	MARK = 16,
	BULK = 1 << 20,
	BULK_US = 10000
};

static bool curve;
static char server_open[41], server_secret[41], client_open[41], client_secret[41];

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, zmq_strerror(zmq_errno()));
	exit(1);
}

static void *socket_of(void *context, int type, int mark)
{
	void *s = zmq_socket(context, type);
	zmq_setsockopt(s, ZMQ_SNDHWM, &mark, sizeof mark);
	zmq_setsockopt(s, ZMQ_RCVHWM, &mark, sizeof mark);
	return s;
}

/* The other end: echoes what is short, answers the last of a flood, drops the rest. */
static void far_end(const char *test, int tell, const char *at, uint64_t count)
{
	void *s = socket_of(zmq_ctx_new(), ZMQ_ROUTER, strcmp(test, "one-way") ? 1000 : MARK);
	char last[256], id[64];
	size_t n = sizeof last;
	int on = 1;
	if (curve) {
		zmq_setsockopt(s, ZMQ_CURVE_SERVER, &on, sizeof on);
		zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, server_secret, 41);
	}
	if (zmq_bind(s, at) || zmq_getsockopt(s, ZMQ_LAST_ENDPOINT, last, &n))
		die("bind");
	if (write(tell, last, sizeof last) != sizeof last)
		exit(1);
	uint64_t taken = 0, sum = 0;
	for (;;) {
		zmq_msg_t m;
		zmq_msg_init(&m);
		int id_len = zmq_recv(s, id, sizeof id, 0);
		if (id_len < 0 || zmq_msg_recv(&m, s, 0) < 0)
			die("recv");
		size_t len = zmq_msg_size(&m);
		const char *bytes = zmq_msg_data(&m);
		for (size_t i = 0; i < len && len <= PACK; i += BODY, taken++)
			sum += (unsigned char)bytes[i]; /* each message is looked at */
		zmq_msg_close(&m);
		bool echo = len == BODY || (!strcmp(test, "one-way") && taken >= count);
		if (!echo)
			continue;
		zmq_send(s, id, (size_t)id_len, ZMQ_SNDMORE);
		zmq_send(s, &sum, sizeof sum, 0);
	}
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static double round_trips(void *s, bool bulk, double quantile)
{
	enum { TRIPS = 5000, BULK_TRIPS = 5000 };
	static uint64_t ns[TRIPS];
	static char body[BODY], large[BULK];
	int trips = bulk ? BULK_TRIPS : TRIPS;
	uint64_t next = now_ns();
	for (int i = -100; i < trips; i++) { /* the first hundred warm up */
		if (bulk && now_ns() >= next) {
			zmq_send(s, large, sizeof large, 0);
			next += BULK_US * 1000ull;
		}
		uint64_t from = now_ns(), answer;
		zmq_send(s, body, sizeof body, 0);
		if (zmq_recv(s, &answer, sizeof answer, 0) < 0)
			die("recv");
		ns[i < 0 ? 0 : i] = now_ns() - from;
	}
	qsort(ns, (size_t)trips, sizeof *ns, by_value);
	return (double)ns[(int)(quantile * (trips - 1))] / 1e3;
}

static double one_way(void *s, uint64_t count)
{
	uint64_t from = now_ns(), answer;
	for (uint64_t sent = 0; sent < count; sent += PER_PACK) {
		zmq_msg_t m;
		zmq_msg_init_size(&m, PER_PACK * BODY);
		for (int i = 0; i < PER_PACK; i++) /* as each message is written by somebody */
			memset((char *)zmq_msg_data(&m) + i * BODY, i, BODY);
		if (zmq_msg_send(&m, s, 0) < 0)
			die("send");
	}
	if (zmq_recv(s, &answer, sizeof answer, 0) < 0)
		die("recv");
	return (double)count * 1e9 / (double)(now_ns() - from);
}

int main(int argc, char **argv)
{
	enum { FLOOD = 6000 * PER_PACK };
	char dir[] = "/tmp/zmq-raw-XXXXXX", at[64] = "tcp://127.0.0.1:*", last[256];
	int ready[2];
	if (argc != 3 || !mkdtemp(dir) || pipe(ready))
		return 2;
	curve = !strcmp(argv[2], "curve");
	zmq_curve_keypair(server_open, server_secret);
	zmq_curve_keypair(client_open, client_secret);
	if (!strcmp(argv[2], "ipc"))
		snprintf(at, sizeof at, "ipc://%s/s", dir);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		far_end(argv[1], ready[1], at, FLOOD);
	}
	if (read(ready[0], last, sizeof last) != sizeof last)
		return 1;
	void *s = socket_of(zmq_ctx_new(), ZMQ_DEALER, strcmp(argv[1], "one-way") ? 1000 : MARK);
	if (curve) {
		zmq_setsockopt(s, ZMQ_CURVE_SERVERKEY, server_open, 41);
		zmq_setsockopt(s, ZMQ_CURVE_PUBLICKEY, client_open, 41);
		zmq_setsockopt(s, ZMQ_CURVE_SECRETKEY, client_secret, 41);
	}
	if (zmq_connect(s, last))
		die("connect");
	if (!strcmp(argv[1], "round-trip"))
		printf("%.2f\n", round_trips(s, false, 0.5));
	else if (!strcmp(argv[1], "under-bulk"))
		printf("%.2f\n", round_trips(s, true, 0.999));
	else
		printf("%.0f\n", one_way(s, FLOOD));
	fflush(stdout);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	snprintf(at, sizeof at, "%s/s", dir);
	unlink(at);
	rmdir(dir);
	_exit(0);
}
