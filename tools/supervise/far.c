/*
 * far.c — what other hosts need to join: keys for our own nodes, and who listens where.
 *
 * With bus.listen set, each hub listens on tcp as well (the second on the next port), and each node
 * of ours can be dialled on tcp by the nodes that join from elsewhere: with a key of its own,
 * which is made once and stays in STATE/keys. On this host all of them go on speaking over unix
 * sockets.
 */
#include "bus/keys.h"
#include "tools/config/value.h"
#include "tools/supervise/up.h"
#include <stdio.h>
#include <unistd.h>

static bool wanted(const struct up *u)
{
	return u->with.config->bus_listen && *u->with.config->bus_listen;
}

void far_keys(const struct up *u, char *ret, size_t cap)
{
	(void)snprintf(ret, cap, "%s/keys", u->state.dir);
}

bool far_hub(const struct up *u, uint32_t index, char *ret, size_t cap)
{
	struct str host;
	uint16_t port;
	if (!wanted(u) || !value_address(str_of(u->with.config->bus_listen), &host, &port))
		return false;
	bool v6 = memchr(host.at, ':', host.len) != NULL;
	(void)snprintf(ret, cap, v6 ? "[%.*s]:%u" : "%.*s:%u", STR(host), port + index - 1);
	return true;
}

/* One key for each process: a key that two share would be two nodes' name for whoever dials them.
 * For all that the node may do, now and after a change of the configuration. */
static enum err key_of(const char *dir, const char *name)
{
	char file[PATH_MAX + 64];
	struct key_card card = { .host = "*", .send = "*" };
	(void)snprintf(file, sizeof file, "%s/%s.cert_secret", dir, name);
	str_keep(card.name, sizeof card.name, str_of(name));
	return access(file, R_OK) == 0 ? OK : keys_new(dir, &card);
}

bool far_node(const struct up *u, const char *name, char *ret_key, size_t key_cap,
              char *ret_address, size_t address_cap)
{
	struct str host;
	uint16_t port;
	char dir[PATH_MAX + 8];
	if (!wanted(u) || !value_address(str_of(u->with.config->bus_listen), &host, &port))
		return false;
	far_keys(u, dir, sizeof dir);
	if (key_of(dir, name))
		return false; /* it is then not to be reached from elsewhere */
	(void)snprintf(ret_key, key_cap, "%s/%s.cert_secret", dir, name);
	str_keep(ret_address, address_cap, host);
	return true;
}

enum err far_open(struct up *u)
{
	char dir[PATH_MAX + 8];
	struct key_pair hub;
	if (!wanted(u))
		return OK;
	far_keys(u, dir, sizeof dir);
	enum err e = keys_hub(dir, &hub);
	if (!e)
		e = key_of(dir, u->with.say.node);
	if (e)
		(void)snprintf(u->why, sizeof u->why, "%.400s: keys cannot be made there: %s", dir,
		               err_info(e)->text);
	return e;
}
