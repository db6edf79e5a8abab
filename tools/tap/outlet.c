/*
 * outlet.c — outlet.h.
 *
 * O_NONBLOCK belongs to the open file, which we share with the shell and others: so a pipe or a
 * terminal is opened once more (proc(5), /proc/self/fd). Where that is not allowed, poll(2) says
 * that a pipe takes PIPE_BUF bytes at once.
 */
#include "tools/tap/outlet.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

void outlet_init(struct outlet *o, int fd, size_t most)
{
	char path[40];
	struct stat st;
	*o = (struct outlet){ .fd = fd, .own = -1 };
	buf_init(&o->buf, most);
	(void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	if (!fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISCHR(st.st_mode)))
		o->own = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
}

void outlet_done(struct outlet *o)
{
	if (o->own >= 0)
		(void)close(o->own);
	o->own = -1;
	buf_done(&o->buf);
}

bool outlet_room(const struct outlet *o, size_t bytes)
{
	return o->buf.len + bytes <= o->buf.max;
}

bool outlet_waits(const struct outlet *o)
{
	return o->gone < o->buf.len;
}

/* What has gone makes room, when that is cheap. */
static void compact(struct outlet *o)
{
	size_t left = o->buf.len - o->gone;
	if (left && o->gone < o->buf.max / 2)
		return;
	memmove(o->buf.at, o->buf.at + o->gone, left);
	o->buf.len = left;
	o->gone = 0;
}

static bool flow(struct outlet *o, int wait_ms)
{
	int fd = o->own >= 0 ? o->own : o->fd;
	while (outlet_waits(o)) {
		struct pollfd p = { .fd = fd, .events = POLLOUT };
		int n = poll(&p, 1, wait_ms);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return !n;
		size_t left = o->buf.len - o->gone;
		ssize_t took = write(fd, o->buf.at + o->gone, left < PIPE_BUF ? left : PIPE_BUF);
		if (took < 0 && errno != EAGAIN && errno != EINTR)
			return false;
		if (took < 0 && !wait_ms)
			return true;
		o->gone += took > 0 ? (size_t)took : 0;
	}
	return true;
}

bool outlet_flow(struct outlet *o)
{
	bool read = flow(o, 0);
	if (o->gone)
		compact(o);
	return read;
}

bool outlet_finish(struct outlet *o)
{
	return flow(o, -1);
}
