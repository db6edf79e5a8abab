/*
 * listen.c — a listening socket from its text form.
 */
#include "gateway/lws.h"
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BACKLOG = 1024 };

static enum err of_errno(void)
{
	return errno == EADDRINUSE                  ? ERR_CONFLICT
	       : errno == EACCES                    ? ERR_DENIED
	       : errno == EMFILE || errno == ENFILE ? ERR_FULL
	                                            : ERR_IO;
}

static enum err bind_and_listen(const struct sockaddr *a, socklen_t len, int *ret_fd)
{
	int one = 1;
	int fd = socket(a->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return of_errno();
	if (a->sa_family != AF_UNIX)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (bind(fd, a, len) || listen(fd, BACKLOG)) {
		enum err e = of_errno();
		close(fd);
		return e;
	}
	*ret_fd = fd;
	return OK;
}

static enum err listen_unix(const char *path, int *ret_fd)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof a.sun_path)
		return ERR_TOO_LARGE;
	memcpy(a.sun_path, path, strlen(path));
	return bind_and_listen((struct sockaddr *)&a, sizeof a, ret_fd);
}

enum err http_listen(const char *address, int *ret_fd)
{
	char host[256];
	if (*address == '/')
		return listen_unix(address, ret_fd);
	const char *colon = strrchr(address, ':');
	size_t n = colon ? (size_t)(colon - address) : 0;
	if (!colon || n >= sizeof host)
		return ERR_INVALID;
	bool brackets = n >= 2 && address[0] == '[' && address[n - 1] == ']';
	(void)snprintf(host, sizeof host, "%.*s", (int)(brackets ? n - 2 : n), address + brackets);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		                  .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE };
	struct addrinfo *found = NULL;
	if (getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found))
		return ERR_INVALID;
	enum err e = bind_and_listen(found->ai_addr, found->ai_addrlen, ret_fd);
	freeaddrinfo(found);
	return e;
}
