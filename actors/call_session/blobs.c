/*
 * blobs.c — see blobs.h.
 */
#include "actors/call_session/blobs.h"
#include <stdlib.h>

enum {
	ROOM = 2048, /* bytes of one that is kept: 160 ms of audio as the carrier takes it */
	KEPT = 4,    /* more are only out when a socket is slow */
};

struct kept {
	struct blob blob; /* first: the blob is it */
	struct blobs *home;
	char at[ROOM];
};

struct blobs {
	struct kept *idle[KEPT];
	uint32_t n_idle, out;
	bool left; /* the session is gone */
};

static void end_if_last(struct blobs *p)
{
	if (!p->left || p->out)
		return;
	while (p->n_idle)
		free(p->idle[--p->n_idle]);
	free(p);
}

static void come_back(struct blob *b)
{
	struct kept *k = (struct kept *)b;
	struct blobs *p = k->home;
	p->out--;
	if (!p->left && p->n_idle < KEPT)
		p->idle[p->n_idle++] = k;
	else
		free(k);
	end_if_last(p);
}

static void free_large(struct blob *b)
{
	free(b);
}

struct blobs *blobs_new(void)
{
	return calloc(1, sizeof(struct blobs));
}

void blobs_free(struct blobs **ret)
{
	struct blobs *p = *ret;
	*ret = NULL;
	if (!p)
		return;
	p->left = true;
	end_if_last(p);
}

static struct blob *take_large(size_t most, char **ret_at)
{
	struct blob *b = malloc(sizeof *b + most);
	if (!b)
		return NULL;
	*ret_at = (char *)(b + 1);
	*b = (struct blob){ .at = *ret_at, .refs = 1, .free = free_large };
	return b;
}

struct blob *blobs_take(struct blobs *p, size_t most, char **ret_at)
{
	if (most > ROOM)
		return take_large(most, ret_at);
	struct kept *k = p->n_idle ? p->idle[--p->n_idle] : malloc(sizeof *k);
	if (!k)
		return NULL;
	k->blob = (struct blob){ .at = k->at, .refs = 1, .free = come_back };
	k->home = p;
	p->out++;
	*ret_at = k->at;
	return &k->blob;
}
