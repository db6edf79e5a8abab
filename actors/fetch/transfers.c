/*
 * transfers.c — libcurl's multi handle on the node's loop.
 *
 *     loop: fd, timer ─▶ noted, wake ┄▶ the actor's turn ─▶ transfers_turn ─▶
 * curl_multi_socket_action └─▶ those that are done: told
 *
 * Callbacks of the loop only note; the library is entered in turns alone, and never from one of its
 * own callbacks.
 */
#include "actors/fetch/transfer_inside.h"
#include "bus/loop.h"
#include <stdlib.h>
#include <unistd.h>

struct watched {
	struct watched *next, *next_ready;
	struct transfers *all;
	struct loop_fd *watch;
	int fd, want, events;
	bool ready;
};

/* ---- sockets ------------------------------------------------------------------------------ */

static void on_fd(void *ctx, int events)
{
	struct watched *w = ctx;
	w->events |= events;
	if (w->ready)
		return;
	w->ready = true;
	w->next_ready = w->all->ready;
	w->all->ready = w;
	w->all->wake(w->all->ctx);
}

static struct watched *find(struct transfers *t, int fd)
{
	struct watched *w = t->watched;
	while (w && w->fd != fd)
		w = w->next;
	return w;
}

static void unwatch(struct transfers *t, int fd)
{
	struct watched **at = &t->watched, **ready = &t->ready;
	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	struct watched *w = *at;
	if (!w)
		return;
	*at = w->next;
	while (w->ready && *ready && *ready != w)
		ready = &(*ready)->next_ready;
	if (w->ready && *ready)
		*ready = w->next_ready;
	loop_watch_free(&w->watch);
	free(w);
}

static int watch(struct transfers *t, int fd, int want)
{
	struct watched *w = find(t, fd);
	if (!w) {
		w = calloc(1, sizeof *w);
		if (!w || loop_watch(t->loop, fd, want, on_fd, w, &w->watch)) {
			free(w);
			return -1;
		}
		w->all = t;
		w->fd = fd;
		w->next = t->watched;
		t->watched = w;
	} else if (w->want != want) {
		loop_watch_set(w->watch, want);
	}
	w->want = want;
	return 0;
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *ctx, void *unused)
{
	(void)easy;
	(void)unused;
	switch (what) {
	case CURL_POLL_REMOVE:
		unwatch(ctx, fd);
		return 0;
	case CURL_POLL_IN:
		return watch(ctx, fd, LOOP_READ);
	case CURL_POLL_OUT:
		return watch(ctx, fd, LOOP_WRITE);
	default:
		return watch(ctx, fd, LOOP_READ | LOOP_WRITE);
	}
}

int transfers_close(void *all, curl_socket_t fd)
{
	unwatch(all, fd);
	return close(fd);
}

/* ---- time --------------------------------------------------------------------------------- */

static void due(struct transfers *t)
{
	t->timer_due = true;
	t->wake(t->ctx);
}

static void on_timer(void *ctx)
{
	due(ctx);
}

static int on_timer_set(CURLM *multi, long ms, void *ctx)
{
	struct transfers *t = ctx;
	(void)multi;
	t->timer_due = false;
	loop_timer_clear(t->timer);
	if (ms == 0)
		due(t);
	else if (ms > 0)
		loop_timer_set(t->timer, (uint64_t)ms * 1000);
	return 0;
}

/* ---- turns -------------------------------------------------------------------------------- */

static void act(struct transfers *t)
{
	int running;
	while (t->ready) {
		struct watched *w = t->ready;
		int fd = w->fd, events = w->events;
		t->ready = w->next_ready;
		w->ready = false;
		w->events = 0;
		(void)curl_multi_socket_action(t->multi, fd,
		                               (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		                                       (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0),
		                               &running);
		w = find(t, fd); /* after an error the loop has paused it */
		if (w && events == (LOOP_READ | LOOP_WRITE))
			loop_watch_set(w->watch, w->want);
	}
	if (!t->timer_due)
		return;
	t->timer_due = false;
	(void)curl_multi_socket_action(t->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

void transfers_turn(struct transfers *t)
{
	CURLMsg *m;
	int left;
	act(t);
	while ((m = curl_multi_info_read(t->multi, &left))) {
		struct transfer *one = NULL;
		CURLcode code = m->data.result; /* m is the library's, and gone with the handle */
		if (m->msg == CURLMSG_DONE &&
		    !curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&one))
			transfer_finish(one, code);
	}
}

/* ---- life --------------------------------------------------------------------------------- */

static bool keep(char **to, const char **in)
{
	if (!*in || !**in) {
		*in = NULL;
		return true;
	}
	*to = strdup(*in);
	*in = *to;
	return *to != NULL;
}

static bool set_up(struct transfers *t)
{
	const struct transfers_config *c = &t->config;
	CURLM *m = t->multi;
	return !curl_multi_setopt(m, CURLMOPT_SOCKETFUNCTION, on_socket) &&
	       !curl_multi_setopt(m, CURLMOPT_SOCKETDATA, t) &&
	       !curl_multi_setopt(m, CURLMOPT_TIMERFUNCTION, on_timer_set) &&
	       !curl_multi_setopt(m, CURLMOPT_TIMERDATA, t) &&
	       !curl_multi_setopt(m, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX) &&
	       !curl_multi_setopt(m, CURLMOPT_MAXCONNECTS, (long)c->connections) &&
	       !curl_multi_setopt(m, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)c->connections) &&
	       !curl_multi_setopt(m, CURLMOPT_MAX_HOST_CONNECTIONS, (long)c->host_connections);
}

enum err transfers_new(struct loop *loop, const struct transfers_config *c, void (*wake)(void *ctx),
                       void *ctx, struct transfers **ret)
{
	static bool begun; /* the library as a whole; never taken down, as others may use it */
	struct transfers *t = calloc(1, sizeof *t);
	if (!t || (!begun && curl_global_init(CURL_GLOBAL_DEFAULT))) {
		free(t);
		return ERR_MEMORY;
	}
	begun = true;
	*t = (struct transfers){ .config = *c, .loop = loop, .wake = wake, .ctx = ctx };
	t->multi = curl_multi_init();
	bool ok = t->multi && keep(&t->ca_file, &t->config.ca_file) &&
	          keep(&t->proxy, &t->config.proxy) && keep(&t->pinned, &t->config.pinned) &&
	          !loop_timer_new(loop, on_timer, t, &t->timer) && set_up(t);
	if (!ok) {
		transfers_free(&t);
		return ERR_MEMORY;
	}
	if (t->ca_file && access(t->ca_file, R_OK)) {
		transfers_free(&t);
		return ERR_INVALID;
	}
	*ret = t;
	return OK;
}

void transfers_free(struct transfers **ret)
{
	struct transfers *t = *ret;
	*ret = NULL;
	if (!t)
		return;
	while (t->first)
		transfer_free(t->first);
	if (t->multi)
		(void)curl_multi_cleanup(t->multi); /* closes what it kept, by transfers_close */
	while (t->watched)
		unwatch(t, t->watched->fd);
	loop_timer_free(&t->timer);
	free(t->ca_file);
	free(t->proxy);
	free(t->pinned);
	free(t);
}
