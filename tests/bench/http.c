/*
 * http — a node with the gateway alone, on a port it prints: what http.sh plays wrk against.
 *
 *   bench_http [access log: -, a file, or nothing]
 */
#include "actors/host.h"
#include "gateway/lws.h"
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>

extern const struct actor_kind gateway_actor;

static char fd_text[16];
static const char *access_log = "";

static const char *setting(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	(void)kind;
	if (!strcmp(name, "fd"))
		return fd_text;
	return !strcmp(name, "access_log") ? access_log : NULL;
}

static void on_term(void *loop)
{
	loop_stop(loop);
}

int main(int argc, char **argv)
{
	static const struct actor_kind *const kinds[] = { &gateway_actor, NULL };
	struct sockaddr_in a = { 0 };
	socklen_t len = sizeof a;
	struct loop *loop = NULL;
	struct node *node = NULL;
	struct host *host = NULL;
	struct loop_signal *term;
	int fd = -1;
	if (argc > 1)
		access_log = argv[1];
	if (http_listen("127.0.0.1:0", &fd) || getsockname(fd, (struct sockaddr *)&a, &len) ||
	    loop_new(&loop))
		return 2;
	(void)snprintf(fd_text, sizeof fd_text, "%d", fd);
	struct node_config config = { .name = "bench",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(loop),
		                      .wall_us = loop_wall_us(loop),
		                      .loop = loop,
		                      .setting = setting };
	if (node_new(&config, &node) || host_new(loop, node, NULL, &host) ||
	    loop_on_signal(loop, SIGTERM, on_term, loop, &term))
		return 3;
	(void)printf("%u\n", ntohs(a.sin_port));
	(void)fflush(stdout);
	loop_run(loop);
	return 0;
}
