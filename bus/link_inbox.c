/*
 * link_inbox.c — inboxes: where they lie, who comes in, and who is put out again.
 *
 *     ROUTER ipc ◀═════ one host        guarded by the folder's mode
 *     ROUTER tcp ◀═════ other hosts     CURVE, known keys; a revoked one's connections are shut
 */
#include "bus/link_parts.h"
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err bind_to(struct link_zmq *l, const char *endpoint, bool curve)
{
	struct inbox *in = &l->inboxes[l->n_inboxes];
	in->curve = curve;
	in->socket = zmq_socket(l->context, ZMQ_ROUTER);
	if (!in->socket)
		return ERR_IO;
	l->n_inboxes++;
	if (!link_set_common(in->socket) || !link_set(in->socket, ZMQ_ROUTER_MANDATORY, 1))
		return ERR_IO;
	if (curve && zap_guard(in->socket, l->key.secret))
		return ERR_INVALID;
	if (zmq_bind(in->socket, endpoint))
		return errno == EADDRINUSE ? ERR_CONFLICT : ERR_INVALID;
	size_t n = sizeof in->endpoint;
	if (zmq_getsockopt(in->socket, ZMQ_LAST_ENDPOINT, in->endpoint, &n))
		return ERR_RANGE;
	return link_watch(l, in->socket, &in->stirred, &in->fd);
}

/* The folder is the guard of a unix socket: ours, and closed to others. */
static enum err guard_folder(const char *path)
{
	char dir[128];
	str_keep(dir, sizeof dir, str_of(path));
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return ERR_DENIED;
	*slash = '\0';
	if (mkdir(dir, 0700) && errno != EEXIST)
		return ERR_NOT_FOUND;
	struct stat st;
	if (lstat(dir, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || st.st_mode & 077)
		return ERR_DENIED;
	return OK;
}

enum err inbox_bind_ipc(struct link_zmq *l, const struct link_zmq_config *c)
{
	enum { PATH_MOST = 107 }; /* sun_path, unix(7) */
	char endpoint[256];
	int n = c->ipc ? snprintf(endpoint, sizeof endpoint, "%s", c->ipc)
	               : snprintf(endpoint, sizeof endpoint, "ipc://%s/node-%s-%llx", c->dir,
	                          c->name, (unsigned long long)c->epoch);
	if (strncmp(endpoint, "ipc://", 6))
		return ERR_INVALID;
	if (n < 0 || n - 6 > PATH_MOST)
		return ERR_RANGE;
	enum err e = guard_folder(endpoint + 6);
	return e ? e : bind_to(l, endpoint, false);
}

enum err inbox_bind_tcp(struct link_zmq *l, const struct link_zmq_config *c)
{
	if (!l->has_key || !c->known || strncmp(c->tcp, "tcp://", 6) || strchr(c->tcp, '*'))
		return ERR_INVALID;
	return bind_to(l, c->tcp, true);
}

/* ---- frames --------------------------------------------------------------------------------- */

static bool far_end(int fd, struct sockaddr_storage *ret)
{
	socklen_t n = sizeof *ret;
	memset(ret, 0, sizeof *ret);
	return getpeername(fd, (struct sockaddr *)ret, &n) == 0;
}

static void saw(struct link_zmq *l, const char *key, int fd)
{
	char id[8] = { 0 };
	memcpy(id, l->back_id, l->back_len < sizeof id ? l->back_len : sizeof id);
	uint32_t i = 0;
	while (i < l->n_seen && l->seen[i].fd != fd)
		i++;
	if (i == SEEN_MOST || (i < l->n_seen && !memcmp(l->seen[i].id, id, sizeof id)))
		return;
	struct seen *s = &l->seen[i];
	if (!far_end(fd, &s->at))
		return;
	l->n_seen += i == l->n_seen;
	s->fd = fd;
	memcpy(s->id, id, sizeof id);
	str_keep(s->key, sizeof s->key, str_of(key));
}

/* [id of the connection][frame]; a frame of any other shape is not ours. */
bool inbox_frame(struct link_zmq *l, struct inbox *in, struct link_event *ret)
{
	for (;;) {
		int len = zmq_recv(in->socket, l->back_id, sizeof l->back_id, ZMQ_DONTWAIT);
		if (len < 0)
			return false;
		l->back_len = (size_t)len;
		if (zmq_msg_recv(&l->in, in->socket, ZMQ_DONTWAIT) < 0)
			return false;
		bool shape = !zmq_msg_more(&l->in);
		while (zmq_msg_more(&l->in))
			zmq_msg_recv(&l->in, in->socket, ZMQ_DONTWAIT);
		const char *key = in->curve ? zmq_msg_gets(&l->in, "User-Id") : "";
		if (in->curve && (!key || !*key)) {
			l->stats.breaches++;
			continue;
		}
		if (!shape)
			continue;
		if (in->curve)
			saw(l, key, zmq_msg_get(&l->in, ZMQ_SRCFD));
		*ret = (struct link_event){
			.what = LINK_FRAME,
			.bytes = str_n(zmq_msg_data(&l->in), zmq_msg_size(&l->in)),
			.key = str_of(key),
		};
		l->back = in->socket;
		return true;
	}
}

/* MANDATORY: a ROUTER would drop in silence; here it says so, and an answer is only worth a try. */
enum err inbox_answer(struct link *link, struct frame *f)
{
	struct link_zmq *l = link_own(link);
	if (!l->back)
		return ERR_NO_ROUTE;
	l->inboxes[l->at_inbox].stirred = true;
	if (zmq_send(l->back, l->back_id, l->back_len, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0)
		return errno == EAGAIN ? ERR_FULL : ERR_NO_ROUTE;
	return zmq_send(l->back, f->at, f->len, ZMQ_DONTWAIT) < 0 ? ERR_IO : OK;
}

void link_zmq_drop(struct link *link, const char *key)
{
	struct link_zmq *l = link_own(link);
	for (uint32_t i = 0; i < l->n_seen;) {
		struct seen *s = &l->seen[i];
		struct sockaddr_storage now;
		if (strcmp(s->key, key)) {
			i++;
			continue;
		}
		if (far_end(s->fd, &now) && !memcmp(&now, &s->at, sizeof now))
			shutdown(s->fd, SHUT_RDWR);
		*s = l->seen[--l->n_seen];
	}
}
