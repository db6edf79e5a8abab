/*
 * system.c — finds the hubs, and the address by which they would reach us.
 */
#include "tools/switchboard/system.h"
#include "tools/config/value.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

static enum exit_code read_bus(const struct cli *c, struct system_place *p)
{
	struct str list = str_of(cli_text(c, "bus")), word;
	uint32_t n = 0;
	while (value_next(&list, &word)) {
		if (n == STATE_HUBS || !str_keep(p->endpoints[n], STATE_ENDPOINT, word))
			return cli_fail(c, EXIT_USAGE, "--bus: %d hubs at the most, %d bytes each",
			                STATE_HUBS, STATE_ENDPOINT - 1);
		if (!str_starts(word, "tcp://") && !str_starts(word, "ipc://"))
			return cli_fail(c, EXIT_USAGE,
			                "--bus %.*s: neither tcp://HOST:PORT nor ipc://PATH",
			                STR(word));
		p->hubs[n] = p->endpoints[n];
		n++;
	}
	p->hubs[n] = NULL;
	return n ? EXIT_DONE : cli_fail(c, EXIT_USAGE, "--bus names no hub");
}

static enum exit_code read_state(const struct cli *c, struct system_place *p)
{
	struct state s;
	enum err e = state_find(cli_text(c, "state"), &s);
	if (!e && !state_holder(&s, "supervisor"))
		e = ERR_NOT_FOUND;
	if (!e)
		e = state_hubs(&s, p->endpoints, p->hubs);
	if (e == ERR_DENIED)
		return cli_fail(c, EXIT_DENIED, "the state folder %s belongs to somebody else",
		                cli_text(c, "state"));
	if (e)
		return cli_fail(c, EXIT_NOT_RUNNING,
		                "no switchboard runs on %s (--state DIR, or --bus ADDRESS)",
		                cli_text(c, "state"));
	str_keep(p->dir, sizeof p->dir, str_of(s.run));
	return EXIT_DONE;
}

/* Which of our addresses does the kernel use towards that host? Nothing is sent. */
static bool address_towards(const char *hub, char *ret, size_t cap)
{
	struct str host;
	uint16_t port;
	char name[STATE_ENDPOINT], number[8];
	if (!str_starts(str_of(hub), "tcp://") || !value_address(str_of(hub + 6), &host, &port))
		return false;
	str_keep(name, sizeof name, host);
	(void)snprintf(number, sizeof number, "%u", port);
	struct addrinfo hints = { .ai_socktype = SOCK_DGRAM }, *found;
	if (getaddrinfo(name, number, &hints, &found))
		return false;
	struct sockaddr_storage own;
	socklen_t len = sizeof own;
	int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool good = fd >= 0 && !connect(fd, found->ai_addr, found->ai_addrlen) &&
	            !getsockname(fd, (struct sockaddr *)&own, &len) &&
	            !getnameinfo((struct sockaddr *)&own, len, ret, (socklen_t)cap, NULL, 0,
	                         NI_NUMERICHOST);
	if (fd >= 0)
		(void)close(fd);
	freeaddrinfo(found);
	return good;
}

static enum exit_code read_tcp(const struct cli *c, struct system_place *p)
{
	char ip[64];
	const char *address = cli_maybe(c, "address");
	p->key = cli_text(c, "key");
	bool far = false;
	for (uint32_t i = 0; p->hubs[i]; i++)
		far |= str_starts(str_of(p->hubs[i]), "tcp://");
	if (far && !p->key)
		return cli_fail(
			c, EXIT_USAGE,
			"a hub on tcp wants to know who comes: --key FILE (switchboard keys new)");
	if (!p->key)
		return EXIT_DONE;
	for (uint32_t i = 0; !address && p->hubs[i]; i++)
		if (address_towards(p->hubs[i], ip, sizeof ip))
			address = ip;
	if (!address)
		return cli_fail(c, EXIT_USAGE,
		                "no address of ours leads to the hubs: --address IP");
	(void)snprintf(p->tcp, sizeof p->tcp, strchr(address, ':') ? "tcp://[%s]:0" : "tcp://%s:0",
	               address);
	return EXIT_DONE;
}

enum exit_code system_find(const struct cli *c, struct system_place *ret)
{
	*ret = (struct system_place){ 0 };
	enum exit_code code = cli_text(c, "bus") ? read_bus(c, ret) : read_state(c, ret);
	if (code == EXIT_DONE && cli_maybe(c, "run"))
		str_keep(ret->dir, sizeof ret->dir, str_of(cli_maybe(c, "run")));
	return code == EXIT_DONE ? read_tcp(c, ret) : code;
}
