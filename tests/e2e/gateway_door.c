/*
 * gateway_door — the gateway actor in a process of its own, with a store and a heartbeat that
 * answer from a table: permissions of every route, limits, problems, dates, metrics, traces,
 * draining.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/host.h"
#include "gateway/lws.h"
#include "gateway/route.h"
#include "proto/beat.h"
#include "proto/digest.h"
#include "proto/http.h"
#include "proto/json.h"
#include "proto/tenant.h"
#include "proto/wa.h"
#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_MS = 10000 };

/* ---- who stands behind the door ----------------------------------------------------------------
 */

/* Keys, the business each opens, and its scopes. */
static const struct {
	const char *key, *scope;
	uint64_t business;
} keys[] = {
	{ "right-one", NULL, 1 }, /* every scope there is */
	{ "right-two", NULL, 2 },
	{ "wrong", "nothing.useful", 1 },
};

static struct {
	bool revoked, store_down, behind;
} now;

static enum err on_key_find(struct actor *self, const struct msg *m)
{
	const struct tenant_key_find *find = tenant_key_find_of(m);
	struct str all[64];
	uint8_t hash[32];
	if (m->business)
		return ERR_FAULT; /* nobody is anybody yet */
	for (uint32_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		if (digest_sha256(str_of(keys[i].key), hash) || now.revoked ||
		    !str_eq(find->hash, str_n((const char *)hash, sizeof hash)))
			continue;
		uint32_t n = 0;
		if (keys[i].scope)
			all[n++] = str_of(keys[i].scope);
		for (uint32_t k = 0; !keys[i].scope && k < routes_n && n < 32; k++)
			if (routes[k].permit.scope)
				all[n++] = str_of(routes[k].permit.scope);
		return actor_reply(self, m,
		                   MSG(tenant_key, .id = 100 + i, .business = keys[i].business,
		                       .scopes = { all, n }));
	}
	return ERR_UNAUTHENTICATED;
}

static enum err on_business_find(struct actor *self, const struct msg *m)
{
	return actor_reply(self, m,
	                   MSG(tenant_business, .id = m->business, .name = str_of("b"),
	                       .timezone = str_of("Asia/Jerusalem")));
}

static enum err on_schema_find(struct actor *self, const struct msg *m)
{
	if (now.store_down)
		return ERR_UNAVAILABLE;
	return actor_reply(self, m,
	                   MSG(tenant_schema, .number = now.behind ? 8 : 9,
	                       .name = str_of("0009_x"), .wanted = 9));
}

/* Says back what it was asked: the moments as rows' times. */
static enum err on_list(struct actor *self, const struct msg *m)
{
	const struct wa_list *ask = wa_list_of(m);
	struct wa_item rows[2] = { { .id = m->business,
		                     .chat = str_of("c"),
		                     .sender = str_of("s"),
		                     .t_us = ask->from_us,
		                     .body = str_of("\xd7\x90\"\n") },
		                   { .id = ask->before_id,
		                     .chat = str_of("c"),
		                     .sender = str_of("s"),
		                     .t_us = ask->to_us } };
	if (!m->business)
		return ERR_NO_TENANT;
	return actor_reply(self, m, MSG(wa_page, .rows = { rows, 2 }));
}

static enum err on_release(struct actor *self, const struct msg *m)
{
	const struct wa_release *ask = wa_release_of(m);
	if (ask->id == 99) { /* a revocation, from outside the protocol */
		now.revoked = true;
		return ERR_CONFLICT;
	}
	if (ask->id == 97) {
		now.behind = !now.behind;
		return ERR_CONFLICT;
	}
	if (ask->id == 98) {
		now.store_down = true;
		return ERR_CONFLICT;
	}
	if (ask->id != 7 || m->business != 1)
		return ERR_NOT_FOUND;
	return actor_reply(self, m, MSG(wa_released, .id = 7, .fresh = true, .chat = str_of("c")));
}

static enum err on_beats(struct actor *self, const struct msg *m)
{
	struct beat_entry row = {
		.name = str_of("street.1"), .up_ms = 5, .actors = 3, .handled = 9
	};
	return actor_reply(self, m, MSG(beat_page, .entries = { &row, 1 }));
}

static const struct actor_kind store = {
	.name = "store",
	.doc = "answers from a table",
	.takes = (const struct actor_on[]){ { &tenant_key_find_desc, on_key_find },
	                                    { &tenant_business_find_desc, on_business_find },
	                                    { &tenant_schema_find_desc, on_schema_find },
	                                    { &wa_list_desc, on_list },
	                                    { 0 } },
	.mailbox = { .depth = 4096 },
};
static const struct actor_kind dedupe = {
	.name = "dedupe",
	.doc = "releases from a table",
	.takes = (const struct actor_on[]){ { &wa_release_desc, on_release }, { 0 } },
};
static const struct actor_kind heartbeat = {
	.name = "heartbeat",
	.doc = "one node",
	.takes = (const struct actor_on[]){ { &beat_list_desc, on_beats }, { 0 } },
};
extern const struct actor_kind gateway_actor;

/* ---- the process -------------------------------------------------------------------------------
 */

struct door {
	pid_t pid;
	int listener;
	uint16_t port;
	const char *const *settings; /* name, value, …, NULL */
	char access[64];
};

static char fd_text[16];

static const char *setting(void *ctx, const char *kind, const char *name)
{
	const struct door *d = ctx;
	if (strcmp(kind, "gateway") != 0)
		return NULL;
	if (!strcmp(name, "fd"))
		return fd_text;
	if (!strcmp(name, "access_log"))
		return d->access;
	for (const char *const *at = d->settings; at && *at; at += 2)
		if (!strcmp(at[0], name))
			return at[1];
	return NULL;
}

static void on_log(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	if (level <= LOG_WARN || getenv("DOOR_PRINT"))
		(void)fprintf(stderr, "%.*s\n", STR(line));
}

static struct loop *loop;
static struct node *node;

static void on_drained(void *ctx, const struct msg *m)
{
	(void)ctx;
	(void)m;
	loop_stop(loop);
}

static void on_term(void *ctx)
{
	(void)ctx;
	if (node_ask(node, "gateway", 5000, on_drained, NULL, MSG(http_drain)))
		loop_stop(loop);
}

static int serve(struct door *d)
{
	static const struct actor_kind *const kinds[] = { &gateway_actor, &dedupe, &heartbeat,
		                                          &store, NULL };
	struct host *host = NULL;
	struct loop_signal *term;
	(void)snprintf(fd_text, sizeof fd_text, "%d", d->listener);
	if (loop_new(&loop))
		return 2;
	struct node_config config = { .name = "street.1",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(loop),
		                      .wall_us = loop_wall_us(loop),
		                      .loop = loop,
		                      .setting = setting,
		                      .log = on_log,
		                      .ctx = d };
	if (node_new(&config, &node) || host_new(loop, node, NULL, &host) ||
	    loop_on_signal(loop, SIGTERM, on_term, NULL, &term))
		return 3;
	loop_run(loop);
	host_free(&host);
	node_free(&node);
	loop_free(&loop);
	return 0;
}

static void door_open(struct door *d, const char *const *settings)
{
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof a;
	*d = (struct door){ .settings = settings };
	(void)snprintf(d->access, sizeof d->access, "/tmp/gateway_door.%d.access", (int)getpid());
	unlink(d->access);
	assert_int_equal(http_listen("127.0.0.1:0", &d->listener), OK);
	assert_int_equal(getsockname(d->listener, (struct sockaddr *)&a, &len), 0);
	d->port = ntohs(a.sin_port);
	(void)fflush(NULL);
	d->pid = fork();
	for (int sig = SIGILL; !d->pid && sig <= SIGSEGV; sig++)
		(void)signal(sig, SIG_DFL); /* cmocka's handlers would run the other tests here */
	if (!d->pid && !prctl(PR_SET_PDEATHSIG, SIGKILL))
		exit(serve(d)); /* not _exit: leaks are looked for */
	assert_true(d->pid > 0);
}

static void door_close(struct door *d)
{
	int status = -1;
	kill(d->pid, SIGTERM);
	assert_int_equal(waitpid(d->pid, &status, 0), d->pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(d->listener);
	unlink(d->access);
}

/* ---- a client ----------------------------------------------------------------------------------
 */

static char heard[1 << 20];

static int ask(const struct door *d, const char *method, const char *path, const char *headers,
               const char *body)
{
	char head[4096];
	struct sockaddr_in a = { .sin_family = AF_INET,
		                 .sin_port = htons(d->port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), n;
	size_t got = 0;
	n = snprintf(
		head, sizeof head,
		"%s %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s",
		method, path, strlen(body), headers, body);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, head, (size_t)n), n);
	for (ssize_t more; got + 1 < sizeof heard; got += (size_t)more) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		if (poll(&pfd, 1, PATIENCE_MS) != 1)
			fail_msg("no answer in time to %s %s", method, path);
		more = read(fd, heard + got, sizeof heard - 1 - got);
		if (more <= 0)
			break;
	}
	heard[got] = '\0';
	close(fd);
	if (memcmp(heard, "HTTP/1.1 ", 9) != 0)
		fail_msg("no answer to %s %s: %s", method, path, heard);
	return (int)strtol(heard + 9, NULL, 10);
}

static const char *body_of(void)
{
	char *at = strstr(heard, "\r\n\r\n");
	return at ? at + 4 : "";
}

static void has(const char *text)
{
	if (!strstr(heard, text))
		fail_msg("no %s in %s", text, heard);
}

static void is(int got, int want)
{
	if (got != want)
		fail_msg("%d, not %d: %s", got, want, heard);
}

#define OUTSIDE   "X-Forwarded-For: 203.0.113.5\r\n"
#define KEY(name) "Authorization: Bearer " name "\r\n"
#define JSON      "Content-Type: application/json\r\n"

static const char *const as_proxy[] = { "trusted_proxies", "127.0.0.1", NULL };

/* ---- tests -------------------------------------------------------------------------------------
 */

/* What every answer has, errors too. */
static void has_security(void)
{
	has("\r\nX-Content-Type-Options: nosniff\r\n");
	has("\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri "
	    "'none'\r\n");
	has("\r\nReferrer-Policy: no-referrer\r\n");
	has("\r\nCross-Origin-Opener-Policy: same-origin\r\n");
	has("\r\nCache-Control: no-store\r\n");
	has("\r\ntraceparent: 00-");
	assert_null(strstr(heard, "Access-Control-Allow-Origin"));
}

/* Each line of routes.def with no key, a wrong one, one without and one with the scope; from
 * outside, and from this machine. What a route does beyond that is not asked here. */
static void permission_matrix(void **state)
{
	static const struct {
		const char *headers;
		int key, loopback_or; /* 0: let in */
	} who[] = {
		{ OUTSIDE, 401, 401 },
		{ OUTSIDE KEY("no-such-key"), 401, 401 },
		{ OUTSIDE "Authorization: Basic cmlnaHQtb25l\r\n", 401, 401 },
		{ OUTSIDE KEY("right-one") KEY("right-one"), 401, 401 },
		{ OUTSIDE KEY("wrong"), 403, 403 },
		{ OUTSIDE KEY("right-one"), 0, 0 },
		{ "", 401, 0 },
		{ KEY("right-one"), 0, 0 },
		/* not from our machine, whatever it says of itself */
		{ "X-Forwarded-For: 127.0.0.1, 203.0.113.5\r\n", 401, 401 },
	};
	struct door d;
	(void)state;
	door_open(&d, as_proxy);
	for (uint32_t r = 0; r < routes_n; r++) {
		char path[128];
		size_t n = 0;
		for (const char *p = routes[r].path; *p && n + 1 < sizeof path; p++) {
			path[n++] = *p == '{' ? '7' : *p;
			if (*p == '{')
				p = strchr(p, '}');
		}
		path[n] = '\0';
		for (unsigned i = 0; i < sizeof who / sizeof *who; i++) {
			enum permit_kind kind = routes[r].permit.kind;
			int want = kind == PERMIT_KIND_KEY           ? who[i].key
			           : kind == PERMIT_KIND_LOOPBACK_OR ? who[i].loopback_or
			                                             : 0;
			int got = ask(&d, routes[r].method_name, path, who[i].headers, "");
			has_security();
			if (want ? got != want
			         : (got == 401 || got == 403) && kind != PERMIT_KIND_SIGNED)
				fail_msg("%s %s with %s: %d", routes[r].method_name, path,
				         who[i].headers, got);
			if (kind == PERMIT_KIND_SIGNED && got < 400)
				fail_msg("%s takes what is not signed: %d", path, got);
			if (got == 401)
				has("\r\nWWW-Authenticate: Bearer\r\n");
		}
	}
	door_close(&d);
}

/* Strips what differs from request to request. */
static void without_ids(char *to)
{
	const char *from = strstr(heard, "Content-Length");
	char *at;
	memmove(to, from ? from : "", from ? strlen(from) + 1 : 1);
	if ((at = strstr(to, "traceparent: ")))
		memset(at, '-', 13 + 55);
	if ((at = strstr(to, "traceId\":\"")))
		memset(at, '-', 10 + 32);
	if ((at = strstr(to, "RateLimit: ")))
		memmove(at, strchr(at, '\n'), strlen(strchr(at, '\n')) + 1);
}

/* Another business's row answers exactly as one that is not there. */
static void tenants(void **state)
{
	static char one[1 << 16], other[1 << 16];
	struct door d;
	(void)state;
	door_open(&d, as_proxy);
	is(ask(&d, "POST", "/api/whatsapp/messages/7/release", KEY("right-one"), ""), 200);
	assert_string_equal(body_of(), "{\"success\":true,\"id\":7,\"fresh\":true,\"chat\":\"c\"}");
	is(ask(&d, "POST", "/api/whatsapp/messages/7/release", KEY("right-two"), ""), 404);
	without_ids(other);
	is(ask(&d, "POST", "/api/whatsapp/messages/8/release", KEY("right-two"), ""), 404);
	without_ids(one);
	char *at = strstr(one, "/messages/8/");
	assert_non_null(at);
	at[10] = '7';
	assert_string_equal(one, other);
	/* a body cannot name a business */
	is(ask(&d, "POST", "/api/whatsapp/messages/7/release", KEY("right-two") JSON,
	       "{\"business\":1}"),
	   400);
	/* revocation is noticed within 5 s */
	is(ask(&d, "POST", "/api/whatsapp/messages/99/release", KEY("right-one"), ""), 409);
	struct timespec from, at_us;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &at_us);
		assert_true(at_us.tv_sec - from.tv_sec <= 5);
		struct pollfd none = { .fd = -1 };
		poll(&none, 1, 100);
	} while (ask(&d, "POST", "/api/whatsapp/messages/8/release", KEY("right-one"), "") != 401);
	door_close(&d);
}

static void problems(void **state)
{
	struct door d;
	(void)state;
	door_open(&d, as_proxy);
	is(ask(&d, "GET", "/nothing", "", ""), 404);
	has_security();
	has("\r\nContent-Type: application/problem+json\r\n");
	has("{\"type\":\"/problems/not-found\",\"title\":\"no such thing\",\"status\":404,"
	    "\"instance\":\"/nothing\",\"traceId\":\"");
	has("\"success\":false,\"error\":\"no such thing\"}");
	is(ask(&d, "DELETE", "/livez", "", ""), 405);
	has("\r\nAllow: GET, HEAD, OPTIONS\r\n");
	is(ask(&d, "OPTIONS", "/livez", "", ""), 204);
	is(ask(&d, "POST", "/api/whatsapp/messages/7/release",
	       KEY("right-one") "Content-Type: text/plain\r\n", "{}"),
	   415);
	is(ask(&d, "POST", "/api/whatsapp/messages/7/release", KEY("right-one") JSON, "{"), 400);
	has("\"errors\":[{\"pointer\":");
	is(ask(&d, "POST", "/api/whatsapp/messages/x/release", KEY("right-one"), ""), 400);
	has("\"received\":\"x\"");
	is(ask(&d, "GET", "/api/whatsapp/messages?limit=5000", KEY("right-one"), ""), 400);
	has("limit");
	is(ask(&d, "GET", "/api/whatsapp/messages?lmit=5", KEY("right-one"), ""), 400);
	is(ask(&d, "BREW", "/livez", "", ""), 501);
	has_security();
	has("\r\nConnection: close\r\n");
	static char big[70000];
	memset(big, ' ', sizeof big - 1);
	is(ask(&d, "GET", "/livez", "Content-Length: 5\r\n", ""), 400); /* a second length */
	has_security();
	door_close(&d);
}

static void dates(void **state)
{
	struct door d;
	(void)state;
	door_open(&d, as_proxy);
	is(ask(&d, "GET", "/api/whatsapp/messages?from_date=xyz", KEY("right-one"), ""), 400);
	has("\"success\":false,\"error\":\"Invalid from_date format: 'xyz'. Use YYYY-MM-DD\"}");
	is(ask(&d, "GET", "/api/whatsapp/messages?toDate=2024-02-30", KEY("right-one"), ""), 400);
	has("Invalid to_date format: '2024-02-30'. Use YYYY-MM-DD");
	is(ask(&d, "GET", "/api/whatsapp/messages?from_date=2024-03-02&to_date=2024-03-01",
	       KEY("right-one"), ""),
	   400);
	/* 10 January begins in Jerusalem at 22:00 UTC the day before; to_date includes its day */
	is(ask(&d, "GET", "/api/whatsapp/messages?fromDate=2024-01-10&to_date=2024-01-10",
	       KEY("right-one"), ""),
	   200);
	has("\"id\":1,\"chat\":\"c\",\"sender\":\"s\"");
	has("\"t_us\":1704837600000000");
	has("\"t_us\":1704924000000000");
	is(ask(&d, "GET", "/api/whatsapp/messages?from_date=2024-01-10&fromDate=2024-01-11",
	       KEY("right-one"), ""),
	   400);
	/* a full page has a cursor, and it comes back as the keyset */
	is(ask(&d, "GET", "/api/whatsapp/messages?limit=2&to_date=1970-01-01T00:00:00.000005Z",
	       KEY("right-two"), ""),
	   200);
	has("\"next_cursor\":\"00000000000000050000000000000000\"");
	is(ask(&d, "GET", "/api/whatsapp/messages?cursor=00000000000000050000000000000009",
	       KEY("right-two"), ""),
	   200);
	has("\"id\":9");
	is(ask(&d, "GET", "/api/whatsapp/messages?cursor=zz", KEY("right-two"), ""), 400);
	door_close(&d);
}

static void limited(void **state)
{
	static const char *const settings[] = { "trusted_proxies",
		                                "127.0.0.1",
		                                "source_rate",
		                                "1",
		                                "source_burst",
		                                "6",
		                                "blame_burst",
		                                "2",
		                                "key_rate",
		                                "1",
		                                "key_burst",
		                                "3",
		                                NULL };
	struct door d;
	(void)state;
	door_open(&d, settings);
	for (int i = 0; i < 6; i++)
		is(ask(&d, "GET", "/livez", OUTSIDE, ""), 200);
	has("\r\nRateLimit-Policy: \"source\";q=6;w=6\r\n");
	has("\r\nRateLimit: \"source\";r=0;t=");
	is(ask(&d, "GET", "/livez", OUTSIDE, ""), 429);
	has("\r\nRetry-After: 1\r\n");
	has_security();
	/* spoofing does not help, being another one does */
	is(ask(&d, "GET", "/livez", "X-Forwarded-For: 9.9.9.9, 203.0.113.5\r\n", ""), 429);
	is(ask(&d, "GET", "/livez", "X-Forwarded-For: 203.0.113.6\r\n", ""), 200);
	/* bad credentials: refused before they are looked at, even the right one */
	for (int i = 0; i < 2; i++)
		is(ask(&d, "GET", "/api/whatsapp/messages",
		       "X-Forwarded-For: 203.0.113.7\r\n" KEY("guess"), ""),
		   401);
	is(ask(&d, "GET", "/api/whatsapp/messages",
	       "X-Forwarded-For: 203.0.113.7\r\n" KEY("right-one"), ""),
	   429);
	has("bad credentials");
	/* one key from many places has one budget; this machine has none */
	for (int i = 0; i < 3; i++)
		is(ask(&d, "GET", "/api/whatsapp/messages", KEY("right-two"), ""), 200);
	has("\r\nRateLimit: \"key\";r=0;t=");
	is(ask(&d, "GET", "/api/whatsapp/messages", KEY("right-two"), ""), 429);
	for (int i = 0; i < 20; i++)
		is(ask(&d, "GET", "/livez", "", ""), 200);
	door_close(&d);
}

static void traces_and_lines(void **state)
{
	static char lines[1 << 16];
	struct door d;
	(void)state;
	door_open(&d, as_proxy);
	is(ask(&d, "GET", "/api/whatsapp/messages?chat=secret%20one&limit=2",
	       KEY("right-one") "traceparent: "
	                        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n",
	       ""),
	   200);
	has("\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-");
	assert_null(strstr(heard, "00f067aa0ba902b7")); /* the span is ours */
	is(ask(&d, "GET", "/nothing", "traceparent: nonsense\r\n", ""), 404);
	FILE *f = NULL;
	struct timespec from, at;
	clock_gettime(CLOCK_MONOTONIC, &from);
	do {
		clock_gettime(CLOCK_MONOTONIC, &at);
		assert_true(at.tv_sec - from.tv_sec < 5);
		f = fopen(d.access, "re");
		lines[f ? fread(lines, 1, sizeof lines - 1, f) : 0] = '\0';
		if (f)
			(void)fclose(f);
	} while (!strstr(lines, "/nothing"));
	assert_non_null(
		strstr(lines, "method=GET path=/api/whatsapp/messages?chat=&limit= status=200"));
	assert_non_null(
		strstr(lines, "trace=4bf92f3577b34da6a3ce929d0e0e4736 business=1 key=100\n"));
	assert_null(strstr(lines, "secret"));
	assert_null(strstr(lines, "right-one"));
	door_close(&d);
}

static void written(const char *path, const char *text)
{
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	(void)fputs(text, f);
	(void)fclose(f);
}

static void health(void **state)
{
	struct door d;
	char line[256];
	(void)state;
	door_open(&d, as_proxy);
	is(ask(&d, "GET", "/api/health", OUTSIDE, ""), 200);
	assert_string_equal(body_of(), "{\"success\":true,\"status\":\"ok\"}");
	is(ask(&d, "HEAD", "/livez", OUTSIDE, ""), 200);
	assert_string_equal(body_of(), "");
	has("\r\nContent-Length: 30\r\n");
	is(ask(&d, "GET", "/readyz", OUTSIDE, ""), 200);
	assert_string_equal(body_of(), "{\"success\":true,\"status\":\"pass\"}");
	is(ask(&d, "GET", "/readyz?verbose", OUTSIDE, ""), 200);
	assert_string_equal(body_of(), "{\"success\":true,\"status\":\"pass\"}");
	is(ask(&d, "GET", "/readyz?verbose", OUTSIDE KEY("right-one"), ""), 200);
	has("{\"name\":\"database\",\"status\":\"pass\"}");
	has("{\"name\":\"migrations\",\"status\":\"pass\"}");
	is(ask(&d, "POST", "/api/whatsapp/messages/97/release", KEY("right-one"), ""), 409);
	is(ask(&d, "GET", "/readyz", OUTSIDE, ""), 503);
	is(ask(&d, "GET", "/readyz?verbose", OUTSIDE KEY("right-one"), ""), 503);
	has("{\"name\":\"database\",\"status\":\"pass\"}");
	has("{\"name\":\"migrations\",\"status\":\"fail\",\"detail\":\"applied up to 8 of 9\"}");
	is(ask(&d, "POST", "/api/whatsapp/messages/97/release", KEY("right-one"), ""), 409);
	is(ask(&d, "POST", "/api/whatsapp/messages/98/release", KEY("right-one"), ""), 409);
	is(ask(&d, "GET", "/readyz?verbose", "", ""), 503);
	has("{\"name\":\"database\",\"status\":\"fail\",\"detail\":\"a service behind this is not "
	    "there\"}");
	has("{\"name\":\"bus\",\"status\":\"pass\"}");
	is(ask(&d, "GET", "/livez", "", ""), 200);
	is(ask(&d, "GET", "/metrics", "", ""), 200);
	has("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
	has("http_requests_total{route=\"/readyz\",method=\"GET\",code=\"503\"} 3\n");
	has("switchboard_messages_handled_total{node=\"street.1\"} 9\n");
	has("switchboard_build_info{version=");
	written("/tmp/gateway_door.metrics", body_of());
	(void)snprintf(line, sizeof line, "promtool check metrics < /tmp/gateway_door.metrics >&2");
	assert_int_equal(system(line), 0);
	unlink("/tmp/gateway_door.metrics");
	is(ask(&d, "GET", "/openapi.json", OUTSIDE, ""), 200);
	assert_int_equal(json_check(str_of(body_of())), OK);
	has("\"openapi\":\"3.1.0\"");
	has("\"/api/whatsapp/messages/{id}/release\":{\"post\":{\"operationId\":\"");
	has("{\"name\":\"from_date\",\"in\":\"query\"");
	door_close(&d);
}

/* SIGTERM with a request under way on a kept connection: it is answered, then all ends. */
static void drains(void **state)
{
	struct door d;
	(void)state;
	door_open(&d, as_proxy);
	is(ask(&d, "GET", "/livez", "", ""), 200);
	struct sockaddr_in a = { .sin_family = AF_INET,
		                 .sin_port = htons(d.port),
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(write(fd, "GET /livez HTTP/1.1\r\nHost: h\r\n\r\n", 32), 32);
	assert_true(read(fd, heard, sizeof heard) > 0);
	door_close(&d); /* an idle connection does not hold it up */
	assert_int_equal(read(fd, heard, sizeof heard), 0);
	close(fd);
}

int main(int argc, char **argv) /* a pattern: only the tests of such names */
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(permission_matrix),
		cmocka_unit_test(tenants),
		cmocka_unit_test(problems),
		cmocka_unit_test(dates),
		cmocka_unit_test(limited),
		cmocka_unit_test(traces_and_lines),
		cmocka_unit_test(health),
		cmocka_unit_test(drains),
	};
	(void)signal(SIGPIPE, SIG_IGN);
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
