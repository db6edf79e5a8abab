/*
 * wires — what a WebSocket frame costs through the gateway and an actor, beside a bare epoll loop
 * that echoes it without a thought; both played by the same load in the same run.
 *
 *     bench_wires WIRES_LAB [CONNECTIONS [SECONDS]]
 *
 * Each connection says a 20-ms frame of 380 bytes 50 times a second, as a carrier does.
 */
#include "gateway/frames.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FRAME = 380, SLICES = 10, SLICE_US = 2000, MOST = 4096 };

static void must(bool held, const char *what)
{
	if (held)
		return;
	perror(what);
	exit(1);
}

static double now_s(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- the bare loop: one recv, unmask, one send
 * ----------------------------------------------------- */

static void echo(int fd)
{
	static char in[65536], out[65536];
	static bool open[MOST];
	ssize_t n = recv(fd, in, sizeof in, 0);
	size_t at = 0, m = 0;
	if (n <= 0) {
		close(fd);
		open[fd % MOST] = false;
		return;
	}
	if (!open[fd % MOST]) {
		open[fd % MOST] = true;
		(void)!send(fd, "HTTP/1.1 101 x\r\n\r\n", 18, MSG_NOSIGNAL);
		return;
	}
	while (at + 8 + FRAME <= (size_t)n) { /* 2 + 2 of the length + 4 of the key */
		ws_mask(in + at + 8, FRAME, (const uint8_t *)in + at + 4, 0);
		memcpy(out + m, (char[]){ in[at], 126, FRAME >> 8, (char)(FRAME & 255) }, 4);
		memcpy(out + m + 4, in + at + 8, FRAME);
		at += 8 + FRAME;
		m += 4 + FRAME;
	}
	(void)!send(fd, out, m, MSG_NOSIGNAL);
}

static _Noreturn void bare(int listener)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = listener }, got[256];
	int ep = epoll_create1(0), one = 1;
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(ep, got, 256, -1);
		for (int i = 0; i < n; i++) {
			if (got[i].data.fd != listener) {
				echo(got[i].data.fd);
				continue;
			}
			e.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
			setsockopt(e.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
			epoll_ctl(ep, EPOLL_CTL_ADD, e.data.fd, &e);
		}
	}
}

static pid_t start_bare(uint16_t *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	must(!bind(fd, (struct sockaddr *)&a, len) && !listen(fd, 4096), "listen");
	getsockname(fd, (struct sockaddr *)&a, &len);
	*ret_port = ntohs(a.sin_port);
	pid_t pid = fork();
	if (!pid && !prctl(PR_SET_PDEATHSIG, SIGKILL))
		bare(fd);
	close(fd);
	return pid;
}

static pid_t start_lab(const char *lab, uint16_t *ret_port)
{
	int out[2];
	unsigned port = 0;
	must(!pipe(out), "pipe");
	(void)fcntl(out[1], F_SETPIPE_SZ, 1 << 20); /* nobody reads its last words */
	pid_t pid = fork();
	if (!pid && !prctl(PR_SET_PDEATHSIG, SIGKILL)) {
		dup2(out[1], 1);
		execl(lab, lab, "access_log=", "wire_rate=0", (char *)NULL);
		_exit(127);
	}
	FILE *f = fdopen(out[0], "r"); /* kept open: the lab goes on to print */
	must(f && fscanf(f, "port %u", &port) == 1, lab);
	*ret_port = (uint16_t)port;
	return pid;
}

/* ---- the load
 * --------------------------------------------------------------------------------------- */

static int knock(uint16_t port)
{
	static const char head[] =
		"GET /ws/echo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Protocol: echo\r\n\r\n";
	struct sockaddr_in a = { .sin_family = AF_INET,
		                 .sin_port = htons(port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	char text[1024];
	must(!connect(fd, (struct sockaddr *)&a, sizeof a), "connect");
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	must(write(fd, head, sizeof head - 1) == sizeof head - 1, "write");
	must(read(fd, text, sizeof text) > 12 && !memcmp(text + 9, "101", 3), "no 101");
	must(!fcntl(fd, F_SETFL, O_NONBLOCK), "fcntl");
	return fd;
}

static uint64_t drain(int ep, int wait_ms)
{
	static char in[65536];
	struct epoll_event got[256];
	uint64_t bytes = 0;
	int n = epoll_wait(ep, got, 256, wait_ms);
	for (int i = 0; i < n; i++) {
		ssize_t k = recv(got[i].data.fd, in, sizeof in, 0);
		bytes += k > 0 ? (uint64_t)k : 0;
	}
	return bytes;
}

/* CPU seconds of the server for a frame each way, in us. */
static double play(const char *name, pid_t pid, uint16_t port, int connections, double seconds)
{
	static int fds[MOST];
	char body[FRAME], bytes[FRAME + WS_HEAD];
	struct buf b;
	clockid_t cpu;
	uint64_t said = 0, heard = 0;
	int ep = epoll_create1(EPOLL_CLOEXEC), slice = 0;
	memset(body, 'a', sizeof body);
	buf_over(&b, bytes, sizeof bytes);
	ws_put(&b, WS_BINARY, str_n(body, FRAME), (const uint8_t *)"key!");
	for (int i = 0; i < connections; i++) {
		fds[i] = knock(port);
		struct epoll_event e = { .events = EPOLLIN, .data.fd = fds[i] };
		epoll_ctl(ep, EPOLL_CTL_ADD, fds[i], &e);
	}
	must(!clock_getcpuclockid(pid, &cpu), "clock");
	double from = now_s(CLOCK_MONOTONIC), next = from, spent = now_s(cpu);
	while (next - from < seconds) {
		for (int i = slice; i < connections; i += SLICES, said++)
			must(send(fds[i], b.at, b.len, MSG_NOSIGNAL) == (ssize_t)b.len, "send");
		slice = (slice + 1) % SLICES;
		next += SLICE_US / 1e6;
		do
			heard += drain(ep, now_s(CLOCK_MONOTONIC) < next);
		while (now_s(CLOCK_MONOTONIC) < next);
	}
	while (heard < said * (FRAME + 4) && now_s(CLOCK_MONOTONIC) < next + 5)
		heard += drain(ep, 100);
	spent = now_s(cpu) - spent;
	must(heard >= said * (FRAME + 4), "frames were lost");
	for (int i = 0; i < connections; i++)
		close(fds[i]);
	close(ep);
	double each = spent / (double)said * 1e6;
	(void)printf("%-8s %d connections, %llu frames, %.2f us of CPU each, %.2f core\n", name,
	             connections, (unsigned long long)said, each, spent / seconds);
	return each;
}

int main(int argc, char **argv)
{
	int connections = argc > 2 ? atoi(argv[2]) : 500;
	double seconds = argc > 3 ? atof(argv[3]) : 5, least[2] = { 1e9, 1e9 };
	uint16_t port[2];
	must(argc > 1 && connections > 0 && connections < MOST / 2, "usage");
	pid_t pid[2] = { start_bare(&port[0]), start_lab(argv[1], &port[1]) };
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < 2; i++) {
			double each =
				play(i ? "gateway" : "bare", pid[i], port[i], connections, seconds);
			least[i] = each < least[i] ? each : least[i];
		}
	(void)printf("ratio    %.2f\n", least[1] / least[0]);
	for (int i = 0; i < 2; i++) {
		kill(pid[i], SIGKILL);
		waitpid(pid[i], NULL, 0);
	}
	return 0;
}
