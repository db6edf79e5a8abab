/*
 * pg_proxy.c — see pg_proxy.h. One connection at a time; small messages, so writes block.
 */
#include "tests/unit/pg_proxy.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct pg_proxy {
	struct loop *loop;
	struct loop_fd *on_listen, *on_client, *on_server;
	int listen, client, server; /* -1: none */
	uint32_t up, down;          /* for the next connection */
	uint32_t up_left, down_left;
	struct sockaddr_un real;
	char folder[80];
};

static int unix_socket(const char *folder, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(ret->sun_path, sizeof ret->sun_path, "%.80s/.s.PGSQL.5432", folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert(fd >= 0);
	return fd;
}

static void hang_up(struct pg_proxy *p)
{
	loop_watch_free(&p->on_client);
	loop_watch_free(&p->on_server);
	if (p->client >= 0)
		close(p->client);
	if (p->server >= 0)
		close(p->server);
	p->client = p->server = -1;
}

static void carry(struct pg_proxy *p, int from, int to, uint32_t *left)
{
	char bytes[4096];
	ssize_t n = recv(from, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n > (ssize_t)*left)
		n = *left;
	if (n > 0 && send(to, bytes, (size_t)n, MSG_NOSIGNAL) == n && (*left -= (uint32_t)n))
		return;
	hang_up(p);
}

static void from_client(void *ctx, int events)
{
	struct pg_proxy *p = ctx;
	(void)events;
	carry(p, p->client, p->server, &p->up_left);
}

static void from_server(void *ctx, int events)
{
	struct pg_proxy *p = ctx;
	(void)events;
	carry(p, p->server, p->client, &p->down_left);
}

static void on_listen(void *ctx, int events)
{
	struct pg_proxy *p = ctx;
	struct sockaddr_un unused;
	(void)events;
	hang_up(p);
	p->client = accept(p->listen, NULL, NULL);
	if (p->client < 0)
		return;
	p->server = unix_socket("", &unused);
	if (connect(p->server, (struct sockaddr *)&p->real, sizeof p->real)) {
		hang_up(p);
		return;
	}
	p->up_left = p->up;
	p->down_left = p->down;
	enum err e = loop_watch(p->loop, p->client, LOOP_READ, from_client, p, &p->on_client);
	if (!e)
		e = loop_watch(p->loop, p->server, LOOP_READ, from_server, p, &p->on_server);
	assert(!e);
}

struct pg_proxy *pg_proxy_new(struct loop *l, const char *folder)
{
	struct pg_proxy *p = calloc(1, sizeof *p);
	struct sockaddr_un at;
	char run[80];
	p->loop = l;
	p->client = p->server = -1;
	snprintf(run, sizeof run, "%.60s/run", folder);
	close(unix_socket(run, &p->real));
	snprintf(p->folder, sizeof p->folder, "%.60s/proxy", folder);
	mkdir(p->folder, 0755);
	p->listen = unix_socket(p->folder, &at);
	int rc = bind(p->listen, (struct sockaddr *)&at, sizeof at) || listen(p->listen, 8);
	assert(!rc);
	enum err e = loop_watch(l, p->listen, LOOP_READ, on_listen, p, &p->on_listen);
	assert(!e);
	pg_proxy_cut(p, UINT32_MAX, UINT32_MAX);
	return p;
}

void pg_proxy_free(struct pg_proxy **at)
{
	struct pg_proxy *p = *at;
	hang_up(p);
	loop_watch_free(&p->on_listen);
	close(p->listen);
	free(p);
	*at = NULL;
}

const char *pg_proxy_folder(const struct pg_proxy *p)
{
	return p->folder;
}

void pg_proxy_cut(struct pg_proxy *p, uint32_t up, uint32_t down)
{
	p->up = up;
	p->down = down;
}
