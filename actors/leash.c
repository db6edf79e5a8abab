/*
 * leash.c — descriptor 3, named in the environment so that nobody takes a stranger's for it.
 */
#include "actors/leash.h"
#include <fcntl.h>
#include <linux/close_range.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEASH_FD = 3 };

struct leash {
	struct loop_fd *watch;
	loop_tick_fn *let_go;
	void *ctx;
};

bool leash_held(void)
{
	const char *fd = getenv("SWITCHBOARD_LEASH");
	return fd && !strcmp(fd, "3");
}

static void on_leash(void *ctx, int events)
{
	(void)events;
	struct leash *l = ctx;
	char bytes[64];
	ssize_t n = recv(LEASH_FD, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n)
		return; /* nothing is ever said in this direction */
	loop_watch_free(&l->watch);
	l->let_go(l->ctx);
}

enum err leash_new(struct loop *loop, loop_tick_fn *let_go, void *ctx, struct leash **ret)
{
	*ret = NULL;
	if (!leash_held())
		return OK;
	struct leash *l = calloc(1, sizeof *l);
	if (!l)
		return ERR_MEMORY;
	*l = (struct leash){ .let_go = let_go, .ctx = ctx };
	(void)close_range(LEASH_FD, LEASH_FD + 8, CLOSE_RANGE_CLOEXEC); /* and what came with it */
	enum err e = loop_watch(loop, LEASH_FD, LOOP_READ, on_leash, l, &l->watch);
	if (e) {
		free(l);
		return e;
	}
	*ret = l;
	return OK;
}

void leash_free(struct leash **l)
{
	if (*l)
		loop_watch_free(&(*l)->watch);
	free(*l);
	*l = NULL;
}

void leash_ready(struct leash *l)
{
	if (l)
		(void)!write(LEASH_FD, "ready\n", 6);
}
