/*
 * pubsub.c — round trip, one way and fan-out of 200 bytes on Redis (unix socket) and NATS core
 * (tcp), as the peers beside our own: `pubsub redis SOCKET TEST` or `pubsub nats PORT TEST`; one
 * number.
 *
 *     round-trip   median, us
 *     one-way      messages a second to one subscriber
 *     fan-out      to eight, received by all together
 *
 * The subscribers live in one forked process on poll(); the publisher writes batches of 64 KiB, and
 * waits when it is 100,000 messages ahead of the slowest, so that neither server drops one.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SUBS = 8, MESSAGES = 1000000, BODY = 200, AHEAD = 100000, TRIPS = 20000 };

static int subs = SUBS;
static bool nats;
static const char *where;
static volatile uint64_t *taken; /* shared: messages seen by each subscriber */

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void put(int fd, const char *at, size_t n)
{
	while (n) {
		ssize_t w = write(fd, at, n);
		if (w <= 0)
			die("write");
		at += w;
		n -= (size_t)w;
	}
}

static int dial(void)
{
	int fd;
	if (nats) {
		struct sockaddr_in a = { .sin_family = AF_INET,
			                 .sin_port = htons((uint16_t)atoi(where)) };
		inet_pton(AF_INET, "127.0.0.1", &a.sin_addr);
		fd = socket(AF_INET, SOCK_STREAM, 0);
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		if (connect(fd, (struct sockaddr *)&a, sizeof a))
			die("connect");
		char info[4096];
		if (read(fd, info, sizeof info) <= 0)
			die("info");
		const char *hello = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
		put(fd, hello, strlen(hello));
	} else {
		struct sockaddr_un a = { .sun_family = AF_UNIX };
		strncpy(a.sun_path, where, sizeof a.sun_path - 1);
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&a, sizeof a))
			die("connect");
	}
	return fd;
}

static void subscribe(int fd, const char *subject)
{
	char line[128];
	int n = nats ? snprintf(line, sizeof line, "SUB %s 1\r\nPING\r\n", subject)
	             : snprintf(line, sizeof line, "SUBSCRIBE %s\r\n", subject);
	put(fd, line, (size_t)n);
	/* both answer: PONG, or the subscription's confirmation */
	if (read(fd, line, sizeof line) <= 0)
		die("subscribe");
}

static size_t message(char *at, const char *subject)
{
	char body[BODY];
	memset(body, 'x', sizeof body);
	int n = nats ? sprintf(at, "PUB %s %d\r\n", subject, BODY)
	             : sprintf(at, "*3\r\n$7\r\nPUBLISH\r\n$%zu\r\n%s\r\n$%d\r\n", strlen(subject),
	                       subject, BODY);
	memcpy(at + n, body, BODY);
	memcpy(at + n + BODY, "\r\n", 2);
	return (size_t)n + BODY + 2;
}

/* Every message has as many 'x' as its body; counting them counts messages, however reads cut. */
static uint64_t count_x(const char *at, ssize_t n)
{
	uint64_t c = 0;
	for (ssize_t i = 0; i < n; i++)
		c += at[i] == 'x';
	return c;
}

static void take_all(int ready)
{
	struct pollfd p[SUBS];
	uint64_t xs[SUBS] = { 0 };
	static char buf[1 << 18];
	for (int i = 0; i < subs; i++) {
		p[i] = (struct pollfd){ .fd = dial(), .events = POLLIN };
		subscribe(p[i].fd, "fan");
	}
	put(ready, "r", 1);
	for (int left = subs; left;) {
		if (poll(p, (nfds_t)subs, 10000) <= 0)
			die("poll");
		for (int i = 0; i < subs; i++) {
			if (!(p[i].revents & POLLIN))
				continue;
			ssize_t n = read(p[i].fd, buf, sizeof buf);
			if (n <= 0)
				die("server cut us off");
			xs[i] += count_x(buf, n);
			taken[i] = xs[i] / BODY;
			if (taken[i] == MESSAGES) {
				p[i].fd = -1;
				left--;
			}
		}
	}
	_exit(0);
}

static uint64_t slowest(void)
{
	uint64_t least = taken[0];
	for (int i = 1; i < subs; i++)
		least = taken[i] < least ? taken[i] : least;
	return least;
}

static void fan_out(void)
{
	int ready[2];
	char c, drain[65536];
	if (pipe(ready))
		die("pipe");
	pid_t pid = fork();
	if (pid == 0)
		take_all(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("subscribers");
	int fd = dial();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	char one[512], *batch = malloc(65536 + 512);
	size_t len = message(one, "fan"), in_batch = 65536 / len;
	for (size_t i = 0; i < in_batch; i++)
		memcpy(batch + i * len, one, len);
	uint64_t from = now_ns(), sent = 0;
	while (sent < MESSAGES) {
		size_t n = MESSAGES - sent < in_batch ? MESSAGES - sent : in_batch, at = 0;
		while (sent > slowest() + AHEAD)
			poll(NULL, 0, 0); /* lets the others run; bounded by their own time-out */
		while (at < n * len) {
			struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
			if (poll(&p, 1, 10000) <= 0)
				die("poll");
			if (p.revents & POLLIN && read(fd, drain, sizeof drain) <= 0)
				die("publisher cut off");
			ssize_t w = p.revents & POLLOUT ? write(fd, batch + at, n * len - at) : 0;
			at += w > 0 ? (size_t)w : 0;
		}
		sent += n;
	}
	int status;
	if (waitpid(pid, &status, 0) != pid || status)
		die("subscribers failed");
	printf("%.0f\n", (double)MESSAGES * subs * 1e9 / (double)(now_ns() - from));
	free(batch);
}

static void echo(int ready)
{
	int in = dial(), out = dial();
	char buf[4096], one[512];
	size_t len = message(one, "pong");
	subscribe(in, "ping");
	put(ready, "r", 1);
	for (uint64_t xs = 0, done = 0; done < TRIPS;) {
		ssize_t n = read(in, buf, sizeof buf);
		if (n <= 0)
			die("echo");
		xs += count_x(buf, n);
		for (; done < xs / BODY; done++)
			put(out, one, len);
	}
	_exit(0);
}

static int by_value(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

static void round_trip(void)
{
	int ready[2];
	char c, buf[4096], one[512];
	static uint64_t ns[TRIPS];
	if (pipe(ready))
		die("pipe");
	pid_t pid = fork();
	if (pid == 0)
		echo(ready[1]);
	if (read(ready[0], &c, 1) != 1)
		die("echo");
	int in = dial(), out = dial();
	subscribe(in, "pong");
	size_t len = message(one, "ping");
	for (int i = 0; i < TRIPS; i++) {
		uint64_t from = now_ns(), xs = 0;
		put(out, one, len);
		while (xs < BODY) {
			ssize_t n = read(in, buf, sizeof buf);
			if (n <= 0)
				die("trip");
			xs += count_x(buf, n);
		}
		ns[i] = now_ns() - from;
	}
	qsort(ns, TRIPS, sizeof *ns, by_value);
	printf("%.1f\n", (double)ns[TRIPS / 2] / 1e3);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	signal(SIGPIPE, SIG_IGN);
	nats = !strcmp(argv[1], "nats");
	where = argv[2];
	subs = strcmp(argv[3], "fan-out") ? 1 : SUBS;
	taken = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (strcmp(argv[3], "round-trip"))
		fan_out();
	else
		round_trip();
	return 0;
}
