/*
 * reach.c — endpoints from words, and the one of our addresses that leads to a hub.
 */
#include "bus/reach.h"
#include "proto/str.h"
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

__attribute__((format(printf, 3, 4))) static enum err fail(enum err e, char why[REACH_WHY],
                                                           const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	(void)vsnprintf(why, REACH_WHY, fmt, args);
	va_end(args);
	return e;
}

static enum err add(struct reach *r, uint32_t *n, struct str word, char why[REACH_WHY])
{
	if (!str_starts(word, "tcp://") && !str_starts(word, "ipc://"))
		return fail(ERR_INVALID, why, "%.*s: neither tcp://HOST:PORT nor ipc://PATH",
		            STR(word));
	if (*n == REACH_HUBS || !str_keep(r->endpoints[*n], REACH_BYTES, word))
		return fail(ERR_INVALID, why, "%d hubs at the most, %d bytes each", REACH_HUBS,
		            REACH_BYTES - 1);
	r->hubs[*n] = r->endpoints[*n];
	(*n)++;
	return OK;
}

enum err reach_bus(const char *list, struct reach *ret, char why[REACH_WHY])
{
	enum err e = OK;
	uint32_t n = 0;
	*ret = (struct reach){ 0 };
	while (!e && *(list += strspn(list, ", "))) {
		size_t len = strcspn(list, ", ");
		e = add(ret, &n, str_n(list, len), why);
		list += len;
	}
	return e || n ? e : fail(ERR_INVALID, why, "names no hub");
}

enum err reach_run(const char *run, struct reach *ret, char why[REACH_WHY])
{
	char line[REACH_BYTES + 2], path[REACH_BYTES + 8];
	enum err e = OK;
	uint32_t n = 0;
	*ret = (struct reach){ 0 };
	(void)snprintf(path, sizeof path, "%s/hubs", run);
	if (!str_keep(ret->dir, sizeof ret->dir, str_of(run)))
		return fail(ERR_INVALID, why, "%.40s…: more than %d bytes", run, REACH_BYTES - 1);
	FILE *f = fopen(path, "re");
	if (!f)
		return fail(ERR_NOT_FOUND, why, "nothing runs on %s", run);
	while (!e && fgets(line, sizeof line, f))
		e = add(ret, &n, str_n(line, strcspn(line, "\n")), why);
	(void)fclose(f);
	return e || n ? e : fail(ERR_NOT_FOUND, why, "%s names no hub", path);
}

/* Which of our addresses does the kernel use towards that host? Nothing is sent. */
static bool address_towards(const char *hub, char *ret, socklen_t cap)
{
	char name[REACH_BYTES];
	const char *host = hub + 6, *port = strrchr(host, ':');
	if (!str_starts(str_of(hub), "tcp://") || !port)
		return false;
	bool bracket = host[0] == '[' && port[-1] == ']';
	str_keep(name, sizeof name,
	         str_n(host + bracket, (size_t)(port - host) - (bracket ? 2 : 0)));
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	if (getaddrinfo(name, port + 1, &hints, &found))
		return false;
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && !connect(fd, found->ai_addr, found->ai_addrlen) &&
	            !getsockname(fd, (struct sockaddr *)&own, &len) &&
	            !getnameinfo((struct sockaddr *)&own, len, ret, cap, NULL, 0, NI_NUMERICHOST);
	if (fd >= 0)
		(void)close(fd);
	freeaddrinfo(found);
	return good;
}

/* A node on unix sockets lives beside the hub it joins: that folder is closed to others already. */
static void beside_hub(struct reach *r)
{
	for (uint32_t i = 0; r->hubs[i] && !*r->dir; i++) {
		const char *slash = strrchr(r->hubs[i], '/');
		if (str_starts(str_of(r->hubs[i]), "ipc://") && slash > r->hubs[i] + 6)
			str_keep(r->dir, sizeof r->dir,
			         str_n(r->hubs[i] + 6, (size_t)(slash - r->hubs[i] - 6)));
	}
}

enum err reach_own(struct reach *r, const char *run, const char *key, const char *address,
                   char why[REACH_WHY])
{
	char ip[64];
	bool far = false;
	for (uint32_t i = 0; r->hubs[i]; i++)
		far |= str_starts(str_of(r->hubs[i]), "tcp://");
	if (run && !str_keep(r->dir, sizeof r->dir, str_of(run)))
		return fail(ERR_INVALID, why, "%.40s…: more than %d bytes", run, REACH_BYTES - 1);
	beside_hub(r);
	if (far && !key)
		return fail(
			ERR_INVALID, why,
			"a hub on tcp wants to know who comes: --key FILE (switchboard keys new)");
	if (!key)
		return OK;
	for (uint32_t i = 0; !address && r->hubs[i]; i++)
		if (address_towards(r->hubs[i], ip, sizeof ip))
			address = ip;
	if (!address && far)
		return fail(ERR_INVALID, why, "no address of ours leads to the hubs: --address IP");
	if (address)
		(void)snprintf(r->tcp, sizeof r->tcp,
		               strchr(address, ':') ? "tcp://[%s]:0" : "tcp://%s:0", address);
	return OK;
}
