/*
 * talk.c — see talk.h.
 */
#include "tools/load/talk.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OUT_MAX = 8 << 20, READ_EACH = 64 << 10 };

struct talk_peer {
	struct sockaddr_storage addr;
	socklen_t len;
};

MUST enum err talk_peer_new(const char *host_port, struct talk_peer **ret)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                  .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char host[128];
	const char *colon = strrchr(host_port, ':');
	size_t n = colon ? (size_t)(colon - host_port) : 0;
	if (!n || n >= sizeof host)
		return ERR_INVALID;
	bool brackets = host_port[0] == '[' && host_port[n - 1] == ']';
	str_keep(host, sizeof host, str_n(host_port + brackets, n - (brackets ? 2 : 0)));
	struct talk_peer *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_MEMORY;
	if (getaddrinfo(host, colon + 1, &hints, &found)) {
		free(p);
		return ERR_INVALID;
	}
	memcpy(&p->addr, found->ai_addr, found->ai_addrlen);
	p->len = found->ai_addrlen;
	freeaddrinfo(found);
	*ret = p;
	return OK;
}

void talk_peer_free(struct talk_peer **p)
{
	free(*p);
	*p = NULL;
}

bool talk_peer_is_loopback(const struct talk_peer *p)
{
	if (p->addr.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)&p->addr;
		return (ntohl(in->sin_addr.s_addr) >> 24) == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)&p->addr)->sin6_addr);
}

void talk_init(struct talk *t)
{
	*t = (struct talk){ .fd = -1 };
	buf_init(&t->out, OUT_MAX);
	buf_init(&t->in, TALK_ANSWER_MAX);
}

static void hang_up(struct talk *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
	t->state = TALK_CLOSED;
}

void talk_done(struct talk *t)
{
	hang_up(t);
	buf_done(&t->out);
	buf_done(&t->in);
}

short talk_wants(const struct talk *t)
{
	return t->state == TALK_READING                                  ? POLLIN
	       : t->state == TALK_CONNECTING || t->state == TALK_SENDING ? POLLOUT
	                                                                 : 0;
}

MUST enum err talk_begin(struct talk *t, const struct talk_peer *p)
{
	int one = 1;
	t->sent = 0;
	t->status = 0;
	buf_clear(&t->in);
	if (buf_err(&t->out))
		return buf_err(&t->out);
	if (t->fd >= 0) {
		t->state = TALK_SENDING;
		return OK;
	}
	t->fd = socket(p->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (t->fd < 0)
		return ERR_LIMIT;
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	t->state = TALK_CONNECTING;
	if (!connect(t->fd, (const struct sockaddr *)&p->addr, p->len) || errno == EINPROGRESS)
		return OK;
	hang_up(t);
	return ERR_GONE;
}

/* ---- the answer
 * ----------------------------------------------------------------------------------- */

/* The value of a header as a number; -1 when it has none. */
static long header(struct str head, const char *name)
{
	size_t n = strlen(name);
	for (const char *at = head.at, *end = head.at + head.len; at < end;) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		size_t len = line ? (size_t)(line - at) : (size_t)(end - at);
		if (len > n && !strncasecmp(at, name, n) && at[n] == ':') {
			char text[16] = "";
			str_keep(text, sizeof text, str_n(at + n + 1, len - n - 1));
			return strtol(text, NULL, 10);
		}
		at += len + 1;
	}
	return -1;
}

static enum err read_answer(struct talk *t)
{
	struct str in = buf_view(&t->in);
	const char *end = in.len ? memmem(in.at, in.len, "\r\n\r\n", 4) : NULL;
	if (!end)
		return in.len > 65536 ? ERR_MALFORMED : OK;
	struct str head = str_n(in.at, (size_t)(end - in.at));
	size_t from = head.len + 4;
	long length = header(head, "content-length");
	if (head.len < 12 || memcmp(head.at, "HTTP/1.1 ", 9) != 0 || length < 0 ||
	    length > TALK_ANSWER_MAX)
		return ERR_MALFORMED;
	if (in.len < from + (size_t)length)
		return OK;
	long retry = header(head, "retry-after");
	t->status = (head.at[9] - '0') * 100 + (head.at[10] - '0') * 10 + (head.at[11] - '0');
	t->retry_s = retry > 0 ? (uint32_t)retry : 0;
	t->body = str_n(in.at + from, (size_t)length);
	t->state = TALK_ANSWERED;
	return OK;
}

static enum err more_in(struct talk *t)
{
	while (t->state == TALK_READING) {
		char *at = buf_room(&t->in, READ_EACH);
		if (!at)
			return ERR_TOO_LARGE;
		ssize_t n = read(t->fd, at, READ_EACH);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return OK;
		if (n <= 0)
			return ERR_GONE;
		buf_took(&t->in, (size_t)n);
		enum err e = read_answer(t);
		if (e)
			return e;
	}
	return OK;
}

static enum err more_out(struct talk *t)
{
	while (t->sent < t->out.len) {
		ssize_t n = send(t->fd, t->out.at + t->sent, t->out.len - t->sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return OK;
		if (n < 0)
			return ERR_GONE;
		t->sent += (size_t)n;
	}
	t->state = TALK_READING;
	return OK;
}

MUST enum err talk_step(struct talk *t)
{
	int error = 0;
	socklen_t len = sizeof error;
	enum err e = OK;
	if (t->state == TALK_CONNECTING) {
		if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &error, &len) || error)
			e = ERR_GONE;
		else
			t->state = TALK_SENDING;
	}
	if (!e && t->state == TALK_SENDING)
		e = more_out(t);
	if (!e && t->state == TALK_READING)
		e = more_in(t);
	if (e)
		hang_up(t);
	return e;
}
