/*
 * gateway_street — the raw-socket probe: what a stranger may send to the street door, byte by byte,
 * over plain TCP and over TLS (by openssl s_client), against a small server in a child process.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "gateway/lws.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000 };

/* ---- the server: a child process ------------------------------------------------------------- */

struct server {
	struct loop *loop;
	struct http_server *http;
	struct http_request *held; /* GET /hold: answered by GET /release, or never */
	unsigned gone;
	bool drained;
	int fd; /* the listening one */
	struct http_config config;
};

static void answer(struct http_request *r, int status, const char *text, size_t n)
{
	struct http_answer a = { .status = status,
		                 .headers = str_of("Content-Type: text/plain\r\n"),
		                 .body = str_n(text, n) };
	http_request_answer(r, &a);
}

static void on_head(void *ctx, struct http_request *r)
{
	(void)ctx;
	if (str_is(r->head.path, "/early"))
		answer(r, 403, "no\n", 3);
	else if (str_is(r->head.path, "/small"))
		r->body_max = 4;
}

static void on_request(void *ctx, struct http_request *r)
{
	struct server *s = ctx;
	char text[64];
	if (str_is(r->head.path, "/hold")) {
		s->held = r;
	} else if (str_is(r->head.path, "/release")) {
		if (s->held)
			answer(s->held, 200, "held", 4);
		s->held = NULL;
		answer(r, 200, "released", 8);
	} else if (str_is(r->head.path, "/gone")) {
		int n = snprintf(text, sizeof text, "%u", s->gone);
		answer(r, 200, text, (size_t)n);
	} else if (str_is(r->head.path, "/big")) {
		size_t n = 8 << 20;
		char *big = calloc(1, n);
		answer(r, 200, big, n);
		free(big);
	} else if (r->body.len) {
		answer(r, 200, r->body.at, r->body.len);
	} else {
		answer(r, 200, "ok", 2);
	}
}

static void on_refuse(void *ctx, struct http_request *r, int status, const char *why)
{
	(void)ctx;
	for (uint32_t i = 0; i < r->head.n_headers; i++) /* what the gateway does with them, too */
		if (http_is(r->head.headers[i].name, "no-such-name"))
			abort();
	answer(r, status, why, strlen(why));
}

static void on_gone(void *ctx, struct http_request *r)
{
	struct server *s = ctx;
	s->gone++;
	if (s->held == r)
		s->held = NULL;
}

static void on_drained(void *ctx)
{
	struct server *s = ctx;
	s->drained = true;
	loop_stop(s->loop);
}

static void on_term(void *ctx)
{
	struct server *s = ctx;
	http_server_drain(s->http);
}

static void on_int(void *ctx) /* now, whatever is under way */
{
	struct server *s = ctx;
	loop_stop(s->loop);
}

static void on_usr1(void *ctx) /* ends as on a fault, and begins anew at once on the same loop */
{
	struct server *s = ctx;
	int fd = dup(s->fd);
	http_server_free(&s->http);
	s->held = NULL;
	s->config.fd = fd;
	if (fd < 0 || http_server_new(&s->config, &s->http))
		exit(4);
}

static const struct http_calls calls = { on_head, on_request, on_refuse, on_gone, on_drained };

/* Those that are not there yet wait until a child listens to them: a signal that comes sooner would
 * kill it. */
static void signals(int how)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGUSR1);
	(void)sigprocmask(how, &set, NULL);
}

static int serve(int fd, const char *cert, const char *key, unsigned files)
{
	struct server s = { .fd = fd };
	struct loop_signal *term, *intr, *usr1;
	struct loop_timer *timer = NULL;
	s.config = (struct http_config){ .fd = dup(fd),
		                         .cert_file = cert,
		                         .key_file = key,
		                         .limits = { .head_ms = 400,
		                                     .body_ms = 400,
		                                     .idle_ms = 600,
		                                     .grace_ms = 500,
		                                     .least_rate = 8 << 20,
		                                     .linger_ms = 300,
		                                     .body_max = 1 << 20,
		                                     .held_max = 4 << 20,
		                                     .connections = 4000 },
		                         .calls = &calls,
		                         .ctx = &s };
	if (files) {
		struct rlimit few = { files, files };
		(void)setrlimit(RLIMIT_NOFILE, &few);
	}
	if (loop_new(&s.loop) || (s.config.loop = s.loop, http_server_new(&s.config, &s.http)) ||
	    loop_on_signal(s.loop, SIGTERM, on_term, &s, &term) ||
	    loop_on_signal(s.loop, SIGINT, on_int, &s, &intr) ||
	    loop_on_signal(s.loop, SIGUSR1, on_usr1, &s, &usr1) ||
	    loop_timer_new(s.loop, on_int, &s, &timer))
		return 2;
	signals(SIG_UNBLOCK);
	loop_run(s.loop);
	http_server_free(&s.http);
	if (!s.drained) { /* else the loop goes before libwebsockets is buried: that must do as well
		           */
		loop_timer_set(timer, 200000);
		loop_run(s.loop);
	}
	loop_free(&s.loop);
	return 0;
}

struct door {
	pid_t pid;
	int listener;
	uint16_t port;
	bool tls;
};

static const char *cert_file, *key_file; /* made once, by openssl */

static void door_open(struct door *d, bool tls, unsigned files, int shared)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof a;
	d->tls = tls;
	d->listener = shared;
	if (shared < 0)
		assert_int_equal(http_listen("127.0.0.1:0", &d->listener), OK);
	assert_int_equal(getsockname(d->listener, (struct sockaddr *)&a, &len), 0);
	d->port = ntohs(a.sin_port);
	(void)fflush(NULL);
	signals(SIG_BLOCK);
	d->pid = fork();
	if (d->pid)
		signals(SIG_UNBLOCK);
	for (int sig = SIGILL; !d->pid && sig <= SIGSEGV; sig++)
		(void)signal(sig, SIG_DFL); /* cmocka's handlers would run the other tests here */
	if (!d->pid && !prctl(PR_SET_PDEATHSIG, SIGKILL))
		exit(serve(d->listener, tls ? cert_file : NULL, tls ? key_file : NULL, files));
	assert_true(d->pid > 0);
}

/* Its exit status: 0, and nothing leaked when built with a sanitizer. */
static void door_close(struct door *d, int sig)
{
	int status = -1;
	kill(d->pid, sig);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(d->listener);
}

/* ---- the stranger ------------------------------------------------------------------------------
 */

struct peer {
	int in, out; /* the same socket; or the pipes of s_client */
	pid_t pid;
};

static int dial_plain(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		                 .sin_port = htons(port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void dial(const struct door *d, struct peer *p)
{
	*p = (struct peer){ 0 };
	if (!d->tls) {
		p->in = p->out = dial_plain(d->port);
		return;
	}
	int to[2], from[2];
	char address[32];
	(void)snprintf(address, sizeof address, "127.0.0.1:%u", d->port);
	assert_int_equal(pipe2(to, O_CLOEXEC) | pipe2(from, O_CLOEXEC), 0);
	p->pid = fork();
	if (!p->pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(to[0], 0);
		dup2(from[1], 1);
		(void)freopen("/dev/null", "w", stderr);
		execlp("openssl", "openssl", "s_client", "-quiet", "-nocommands", "-connect",
		       address, "-alpn", "h2,http/1.1", NULL);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	p->out = to[1];
	p->in = from[0];
}

static void hang_up(struct peer *p)
{
	close(p->in);
	if (p->out != p->in)
		close(p->out);
	if (p->pid) {
		kill(p->pid, SIGKILL);
		waitpid(p->pid, NULL, 0);
	}
}

static void say(struct peer *p, const char *at, size_t n)
{
	while (n) {
		ssize_t put = write(p->out, at, n);
		if (put <= 0)
			return; /* the other end has closed: what it said is read next */
		at += put;
		n -= (size_t)put;
	}
}

/* Reads until the text has been seen `times` times, or the end. Returns the bytes read. */
static size_t hear(struct peer *p, char *to, size_t cap, const char *until, unsigned times)
{
	size_t n = 0;
	to[0] = '\0';
	while (n + 1 < cap) {
		struct pollfd pfd = { .fd = p->in, .events = POLLIN };
		unsigned seen = 0;
		for (char *at = to; until && (at = strstr(at, until)); at++)
			seen++;
		if (until && seen >= times)
			break;
		if (poll(&pfd, 1, PATIENCE_MS) != 1)
			fail_msg("no answer in time, after: %s", to);
		ssize_t got = read(p->in, to + n, cap - 1 - n);
		if (got <= 0)
			break;
		n += (size_t)got;
		to[n] = '\0';
	}
	return n;
}

#define GET(rest)  "GET / HTTP/1.1\r\nHost: h\r\n" rest "\r\n"
#define POST(rest) "POST / HTTP/1.1\r\nHost: h\r\n" rest "\r\n"
#define LAST       "Connection: close\r\n"

/* Each is sent on a connection of its own. What comes back is one answer with this status, and the
 * connection's end. */
static const struct {
	const char *name, *bytes;
	int status;
} probes[] = {
	{ "get", GET(LAST), 200 },
	{ "post", POST(LAST "Content-Length: 5\r\n") "hello", 200 },
	{ "put", "PUT / HTTP/1.1\r\nHost: h\r\n" LAST "Content-Length: 1\r\n\r\nx", 200 },
	{ "1.0", "GET / HTTP/1.0\r\n\r\n", 200 },
	{ "get with a body", GET(LAST "Content-Length: 5\r\n") "hello", 200 },
	{ "both lengths", POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n") "0\r\n\r\n",
	  400 },
	{ "chunked", POST("Transfer-Encoding: chunked\r\n") "5\r\nhello\r\n0\r\n\r\n", 411 },
	{ "two lengths", POST("Content-Length: 5\r\nContent-Length: 40\r\n") "hello", 400 },
	{ "plus", POST("Content-Length: +5\r\n") "hello", 400 },
	{ "minus", POST("Content-Length: -5\r\n") "hello", 400 },
	{ "twenty digits", POST("Content-Length: 18446744073709551617\r\n") "hello", 400 },
	{ "no length", POST(""), 411 },
	{ "space before the colon", POST("Content-Length : 5\r\n") "hello", 400 },
	{ "folded", GET("X: a\r\n b\r\n"), 400 },
	{ "folded length", POST("Content-Length:\r\n 5\r\n") "hello", 400 },
	{ "bare LF", "GET / HTTP/1.1\nHost: h\n\n", 400 },
	{ "bare LF, no end", "GET / HTTP/1.1\r\nHost: h\nX", 400 },
	{ "no host", "GET / HTTP/1.1\r\n\r\n", 400 },
	{ "two hosts", GET("Host: i\r\n"), 400 },
	{ "dots", "GET /a/../b HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "nul", "GET /%00 HTTP/1.1\r\nHost: h\r\n\r\n", 400 },
	{ "connect", "CONNECT h:1 HTTP/1.1\r\nHost: h\r\n\r\n", 405 },
	{ "unknown method", "BREW / HTTP/1.1\r\nHost: h\r\n\r\n", 501 },
	{ "h2c",
	  GET("Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n"),
	  400 },
	{ "h2 by prior knowledge", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 501 },
	{ "http/2.0", "GET / HTTP/2.0\r\nHost: h\r\n\r\n", 505 },
	{ "tls hello or noise", "\x16\x03\x01\x02\n", 400 },
	{ "miracle", POST("Expect: miracle\r\nContent-Length: 5\r\n") "hello", 417 },
	{ "too long a body", POST("Content-Length: 1048577\r\n"), 413 },
	{ "too long for the route",
	  "POST /small HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello", 413 },
	{ "refused before its body",
	  "POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\nhel", 403 },
	{ "slow head", "GET / HTTP/1.1\r\nHos", 408 },
	{ "slow body", POST("Content-Length: 5\r\n") "hel", 408 },
};

static void probe(const struct door *d, const char *name, const char *bytes, size_t n, int status)
{
	struct peer p;
	static char heard[1 << 16];
	char want[32];
	dial(d, &p);
	say(&p, bytes, n);
	hear(&p, heard, sizeof heard, NULL, 0);
	hang_up(&p);
	(void)snprintf(want, sizeof want, "HTTP/1.1 %d ", status);
	if (strncmp(heard, want, strlen(want)) != 0)
		fail_msg("%s: not %d but: %s", name, status, heard);
	for (char *at = heard + 1; (at = strstr(at, "HTTP/1.1 ")); at++)
		if (at[9] >= '0' && at[9] <= '9')
			fail_msg("%s: more than one answer: %s", name, heard);
	if (!strstr(heard, "\r\nConnection: close\r\n"))
		fail_msg("%s: does not say that it closes: %s", name, heard);
}

static void probe_all(bool tls)
{
	struct door d;
	door_open(&d, tls, 0, -1);
	for (unsigned i = 0; i < sizeof probes / sizeof *probes; i++)
		probe(&d, probes[i].name, probes[i].bytes, strlen(probes[i].bytes),
		      probes[i].status);
	char *big = test_malloc(40000);
	memset(big, 'a', 40000);
	for (unsigned i = 0; i < 5; i++)
		big[i] = "GET /"[i];
	probe(&d, "long line", big, 40000, 414);
	static const char start[] = "GET / HTTP/1.1\r\nX:";
	for (unsigned i = 0; start[i]; i++)
		big[i] = start[i];
	probe(&d, "large head", big, 40000, 431);
	test_free(big);
	door_close(&d, SIGTERM);
}

static void strangers_plain(void **state)
{
	(void)state;
	probe_all(false);
}

static void strangers_tls(void **state)
{
	(void)state;
	probe_all(true);
}

/* ---- what one connection may do
 * ------------------------------------------------------------------ */

static void pipelined(bool tls)
{
	struct door d;
	struct peer p;
	static char heard[1 << 16];
	static const char three[] = GET("")
		POST("Content-Length: 3\r\n") "two"
					      "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n" GET(LAST);
	door_open(&d, tls, 0, -1);
	dial(&d, &p);
	say(&p, three, strlen(three));
	hear(&p, heard, sizeof heard, NULL, 0);
	char *at = strstr(heard, "\r\n\r\nok");
	assert_non_null(at);
	at = strstr(at, "\r\n\r\ntwo");
	assert_non_null(at);
	at = strstr(at + 7, "Content-Length: 2\r\n"); /* HEAD: the length and no body */
	assert_non_null(at);
	at = strstr(at, "\r\n\r\n");
	assert_memory_equal(at + 4, "HTTP/1.1 200", 12);
	assert_string_equal(strstr(at + 4, "\r\n\r\n"), "\r\n\r\nok");
	hang_up(&p);
	door_close(&d, SIGTERM);
}

static void several_on_one(void **state)
{
	(void)state;
	pipelined(false);
	pipelined(true);
}

static void continues(void **state)
{
	struct door d;
	struct peer p;
	static char heard[4096];
	static const char head[] = POST("Expect: 100-continue\r\nContent-Length: 5\r\n");
	(void)state;
	door_open(&d, false, 0, -1);
	dial(&d, &p);
	say(&p, head, strlen(head));
	hear(&p, heard, sizeof heard, "\r\n\r\n", 1);
	assert_string_equal(heard, "HTTP/1.1 100 Continue\r\n\r\n");
	say(&p, "hello", 5);
	hear(&p, heard, sizeof heard, "hello", 1);
	assert_memory_equal(heard, "HTTP/1.1 200 OK", 15);
	hang_up(&p);
	door_close(&d, SIGTERM);
}

static uint64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Drips bytes: the deadline is for the whole, it is not renewed by each piece. */
static void drip(const struct door *d, const char *start)
{
	struct peer p;
	static char heard[4096];
	uint64_t from = now_ms();
	dial(d, &p);
	say(&p, start, strlen(start));
	for (;;) {
		struct pollfd pfd = { .fd = p.in, .events = POLLIN };
		if (poll(&pfd, 1, 50) == 1)
			break;
		assert_true(now_ms() - from < PATIENCE_MS);
		say(&p, "x", 1);
	}
	hear(&p, heard, sizeof heard, "\r\n\r\n", 1);
	assert_memory_equal(heard, "HTTP/1.1 408", 12);
	hang_up(&p);
}

/* Half of a large body, in a buffer that has moved many times. */
static void stall_in_body(const struct door *d)
{
	static const char head[] =
		POST("X-Long: yyyyyyyyyyyyyyyyyyyyyyyyyy\r\nContent-Length: 900000\r\n");
	static char part[300000], heard[4096];
	struct peer p;
	dial(d, &p);
	say(&p, head, strlen(head));
	say(&p, part, sizeof part);
	hear(&p, heard, sizeof heard, "\r\n\r\n", 1);
	assert_memory_equal(heard, "HTTP/1.1 408", 12);
	hang_up(&p);
}

static void slow_peers(void **state)
{
	struct door d;
	(void)state;
	door_open(&d, false, 0, -1);
	drip(&d, "GET / HTTP/1.1\r\nX: ");
	drip(&d, POST("Content-Length: 500\r\n"));
	stall_in_body(&d);
	door_close(&d, SIGTERM);
}

/* Many bodies at once: what all of them may take together is bounded, and freed again. */
static void much_at_once(void **state)
{
	static const char head[] = POST("Content-Length: 1000000\r\n");
	static char part[900000], heard[4096];
	struct door d;
	struct peer p[8];
	unsigned refused = 0, late = 0;
	(void)state;
	door_open(&d, false, 0, -1);
	for (unsigned i = 0; i < 8; i++) {
		dial(&d, &p[i]);
		say(&p[i], head, strlen(head));
		say(&p[i], part, sizeof part);
	}
	for (unsigned i = 0; i < 8; i++) {
		hear(&p[i], heard, sizeof heard, "\r\n\r\n", 1);
		refused += !memcmp(heard, "HTTP/1.1 503", 12);
		late += !memcmp(heard, "HTTP/1.1 408", 12);
		hang_up(&p[i]);
	}
	assert_true(refused >= 1 && refused + late == 8);
	probe(&d, "after that", GET(LAST), strlen(GET(LAST)), 200);
	door_close(&d, SIGTERM);
}

/* 8 MiB for a reader that takes nothing: the kernel's buffers fill, the rate is missed, it is cut.
 */
static void slow_reader(void **state)
{
	struct door d;
	struct peer p;
	static char heard[1 << 16];
	int small = 4096;
	size_t total = 0, got;
	(void)state;
	door_open(&d, false, 0, -1);
	dial(&d, &p);
	setsockopt(p.in, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	say(&p, "GET /big HTTP/1.1\r\nHost: h\r\n\r\n", 30);
	uint64_t from = now_ms();
	struct pollfd pfd = { .fd = p.in, .events = POLLRDHUP };
	assert_true(poll(&pfd, 1, PATIENCE_MS) == 1); /* cut while we read nothing */
	assert_in_range(now_ms() - from, 1000, 3500);
	while ((got = hear(&p, heard, sizeof heard, NULL, 0)))
		total += got;
	assert_true(total < (8u << 20));
	hang_up(&p);
	/* A good reader gets it all. */
	dial(&d, &p);
	say(&p, "GET /big HTTP/1.1\r\nHost: h\r\n" LAST "\r\n", 49);
	for (total = 0; (got = hear(&p, heard, sizeof heard, NULL, 0));)
		total += got;
	assert_true(total > (8u << 20));
	hang_up(&p);
	door_close(&d, SIGTERM);
}

static void left_early(void **state)
{
	struct door d;
	struct peer p;
	static char heard[4096];
	(void)state;
	door_open(&d, false, 0, -1);
	dial(&d, &p);
	say(&p, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n", 31);
	say(&p, GET(""), strlen(GET(""))); /* ahead of its answer */
	hang_up(&p);
	for (uint64_t from = now_ms(); strstr(heard, "\r\n\r\n1") == NULL;) {
		assert_true(now_ms() - from < PATIENCE_MS);
		dial(&d, &p);
		say(&p, "GET /gone HTTP/1.1\r\nHost: h\r\n" LAST "\r\n", 50);
		hear(&p, heard, sizeof heard, NULL, 0);
		hang_up(&p);
	}
	door_close(&d, SIGTERM);
}

static void held_then_released(void **state)
{
	struct door d;
	struct peer p, q;
	static char heard[4096];
	(void)state;
	door_open(&d, false, 0, -1);
	dial(&d, &p);
	say(&p, "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n", 31);
	say(&p, POST("Content-Length: 5\r\n") "hel", strlen(POST("Content-Length: 5\r\n")) + 3);
	dial(&d, &q);
	do {
		say(&q, "GET /release HTTP/1.1\r\nHost: h\r\n\r\n", 34);
		hear(&q, heard, sizeof heard, "released", 1);
		struct pollfd pfd = { .fd = p.in, .events = POLLIN };
		if (poll(&pfd, 1, 10) == 1)
			break;
	} while (true);
	hear(&p, heard, sizeof heard, "held", 1);
	say(&p, "lo", 2);
	hear(&p, heard, sizeof heard, "hello", 1);
	hang_up(&p);
	hang_up(&q);
	door_close(&d, SIGTERM);
}

/* ---- the door itself
 * ----------------------------------------------------------------------------- */

/* Few descriptors: more peers than can be held; the rest wait and are served when some leave. */
static void out_of_descriptors(void **state)
{
	struct door d;
	struct peer p[60];
	static char heard[4096];
	struct timespec cpu0, cpu1;
	clockid_t clock;
	(void)state;
	door_open(&d, false, 40, -1);
	for (unsigned i = 0; i < 60; i++)
		dial(&d, &p[i]);
	say(&p[0], GET(""), strlen(GET("")));
	hear(&p[0], heard, sizeof heard, "ok", 1);
	assert_int_equal(clock_getcpuclockid(d.pid, &clock), 0);
	clock_gettime(clock, &cpu0);
	struct pollfd none = { .fd = -1 };
	poll(&none, 1, 300); /* not synchronisation: the time over which it must not spin */
	clock_gettime(clock, &cpu1);
	int64_t spent = (cpu1.tv_sec - cpu0.tv_sec) * 1000000000 + (cpu1.tv_nsec - cpu0.tv_nsec);
	assert_true(spent < 100000000);
	for (unsigned i = 0; i < 50; i++)
		hang_up(&p[i]);
	say(&p[59], GET(""), strlen(GET("")));
	hear(&p[59], heard, sizeof heard, "ok", 1);
	for (unsigned i = 50; i < 60; i++)
		hang_up(&p[i]);
	door_close(&d, SIGTERM);
}

/* Two processes on one inherited socket; one drains, the other takes what comes. */
static void shared_socket(void **state)
{
	struct door a, b;
	struct peer p;
	static char heard[4096];
	(void)state;
	door_open(&a, false, 0, -1);
	door_open(&b, false, 0, fcntl(a.listener, F_DUPFD_CLOEXEC, 3));
	for (int i = 0; i < 20; i++)
		probe(&a, "either", GET(LAST), strlen(GET(LAST)), 200);
	dial(&a, &p);
	say(&p, GET(""), strlen(GET("")));
	hear(&p, heard, sizeof heard, "ok", 1);
	door_close(&a, SIGTERM); /* an idle connection does not hold it up */
	hang_up(&p);
	for (int i = 0; i < 20; i++)
		probe(&b, "the other", GET(LAST), strlen(GET(LAST)), 200);
	door_close(&b, SIGTERM);
}

/* A drain lets a request finish; an interrupt does not wait. No leak either way. */
static void stopping(bool tls, int sig)
{
	struct door d;
	struct peer p[8];
	static char heard[4096];
	door_open(&d, tls, 0, -1);
	for (unsigned i = 0; i < 8; i++) {
		static const char *const last[4] = { "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n",
			                             "GET / HT", POST("Content-Length: 9\r\n") "1",
			                             "GET /big HTTP/1.1\r\nHost: h\r\n\r\n" };
		dial(&d, &p[i]);
		say(&p[i], GET(""), strlen(GET("")));
		hear(&p[i], heard, sizeof heard, "ok", 1);
		if (i && i % 4 == 0)
			continue; /* a second hold would replace the first one */
		say(&p[i], last[i % 4], strlen(last[i % 4]));
	}
	hear(&p[3], heard, sizeof heard, "\r\n\r\n", 1); /* so /hold, sent before, is there too */
	uint64_t from = now_ms();
	kill(d.pid, sig);
	if (sig == SIGTERM) {
		struct pollfd pfd = { .fd = p[4].in, .events = POLLIN };
		assert_int_equal(poll(&pfd, 1, PATIENCE_MS), 1); /* the idle one is closed */
		assert_int_equal(waitpid(d.pid, NULL, WNOHANG), 0);
		hang_up(&p[0]); /* the held one leaves: nothing is under way any more */
	}
	door_close(&d, 0);
	assert_true(now_ms() - from < PATIENCE_MS);
	for (unsigned i = sig == SIGTERM; i < 8; i++)
		hang_up(&p[i]);
}

static void stops(void **state)
{
	(void)state;
	stopping(false, SIGTERM);
	stopping(false, SIGINT);
	stopping(true, SIGTERM);
	stopping(true, SIGINT);
}

/* Ended with connections in every state and begun anew on the same loop, several times. */
static void reborn(bool tls)
{
	struct door d;
	struct peer p[4];
	static char heard[4096];
	door_open(&d, tls, 0, -1);
	for (unsigned round = 0; round < 3; round++) {
		for (unsigned i = 0; i < 4; i++) {
			dial(&d, &p[i]);
			say(&p[i], GET(""), strlen(GET("")));
			hear(&p[i], heard, sizeof heard, "ok", 1);
		}
		say(&p[0], "GET /hold HTTP/1.1\r\nHost: h\r\n\r\n", 31);
		say(&p[1], "GET /big HTTP/1.1\r\nHost: h\r\n\r\n", 30);
		say(&p[2], "GET", 3);
		kill(d.pid, SIGUSR1);
		for (unsigned i = 0; i < 4; i++) {
			while (hear(&p[i], heard, sizeof heard, NULL, 0))
				continue;
			hang_up(&p[i]);
		}
	}
	probe(&d, "after all that", GET(LAST), strlen(GET(LAST)), 200);
	door_close(&d, SIGTERM);
}

static void begun_anew(void **state)
{
	(void)state;
	reborn(false);
	reborn(true);
}

static int make_certificate(void **state)
{
	static char dir[] = "/tmp/gateway_street.XXXXXX", cert[64], key[64], line[512];
	(void)state;
	(void)signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir))
		return -1;
	(void)snprintf(cert, sizeof cert, "%s/cert.pem", dir);
	(void)snprintf(key, sizeof key, "%s/key.pem", dir);
	(void)snprintf(
		line, sizeof line,
		"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		"-subj /CN=localhost -keyout %s -out %s 2>/dev/null",
		key, cert);
	cert_file = cert;
	key_file = key;
	return system(line);
}

static int drop_certificate(void **state)
{
	(void)state;
	unlink(cert_file);
	unlink(key_file);
	char dir[64];
	(void)snprintf(dir, sizeof dir, "%.*s", (int)(strrchr(cert_file, '/') - cert_file),
	               cert_file);
	return rmdir(dir);
}

int main(int argc, char **argv) /* a pattern: only the tests of such names */
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strangers_plain),    cmocka_unit_test(strangers_tls),
		cmocka_unit_test(several_on_one),     cmocka_unit_test(continues),
		cmocka_unit_test(slow_peers),         cmocka_unit_test(much_at_once),
		cmocka_unit_test(slow_reader),        cmocka_unit_test(left_early),
		cmocka_unit_test(held_then_released), cmocka_unit_test(out_of_descriptors),
		cmocka_unit_test(shared_socket),      cmocka_unit_test(stops),
		cmocka_unit_test(begun_anew),
	};
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, make_certificate, drop_certificate);
}
