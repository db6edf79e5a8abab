/*
 * pg_hosts.c — walks the list one host after the other.
 */
#include "persistence/pg_hosts.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { LIST_MAX = 4096, ITEM_MAX = 256 };

struct pg_hosts {
	struct loop *loop;
	pg_hosts_fn *fn; /* NULL: cancelled; the loop still owes us a call */
	void *ctx;
	char *hosts, *ports; /* as given */
	const char *host_at, *port_at;
	char host[ITEM_MAX], port[ITEM_MAX]; /* the one being resolved */
	char ret_hosts[LIST_MAX], ret_ports[LIST_MAX], ret_addresses[LIST_MAX];
	size_t found;
};

static bool is_name(const char *host)
{
	unsigned char address[16];
	return host[0] && host[0] != '/' && host[0] != '@' &&
	       inet_pton(AF_INET, host, address) != 1 && inet_pton(AF_INET6, host, address) != 1;
}

/* The next item of a comma list into item; false past the end. */
static bool next_item(const char **at, char item[ITEM_MAX])
{
	if (!*at)
		return false;
	size_t n = strcspn(*at, ",");
	snprintf(item, ITEM_MAX, "%.*s", (int)n, *at);
	*at = (*at)[n] ? *at + n + 1 : NULL;
	return true;
}

bool pg_hosts_named(const char *hosts)
{
	char host[ITEM_MAX];
	while (next_item(&hosts, host))
		if (is_name(host))
			return true;
	return false;
}

static void append(char list[LIST_MAX], size_t nth, const char *item)
{
	size_t n = strlen(list);
	snprintf(list + n, LIST_MAX - n, "%s%s", nth ? "," : "", item);
}

static void keep(struct pg_hosts *h, const char *address)
{
	append(h->ret_hosts, h->found, h->host);
	append(h->ret_ports, h->found, h->port);
	append(h->ret_addresses, h->found, address);
	h->found++;
}

static void hosts_free(struct pg_hosts *h)
{
	free(h->hosts);
	free(h->ports);
	free(h);
}

static void on_resolved(void *ctx, enum err e, const struct sockaddr *addr, uint32_t len);

/* Go on until a host needs the name server; at the end tell. */
static void walk(struct pg_hosts *h)
{
	const char *all = h->ports; /* one port is for all hosts */
	bool one = !all || !strchr(all, ',');
	while (h->fn && next_item(&h->host_at, h->host)) {
		if (one)
			snprintf(h->port, sizeof h->port, "%s", all ? all : "");
		else
			next_item(&h->port_at, h->port);
		if (!is_name(h->host)) {
			keep(h, h->host[0] == '/' || h->host[0] == '@' ? "" : h->host);
			continue;
		}
		if (!loop_resolve(h->loop, h->host, h->port[0] ? h->port : "5432", on_resolved, h))
			return;
	}
	if (h->fn)
		h->fn(h->ctx, h->found ? OK : ERR_NOT_FOUND, h->ret_hosts, h->ret_ports,
		      h->ret_addresses);
	hosts_free(h);
}

static void on_resolved(void *ctx, enum err e, const struct sockaddr *addr, uint32_t len)
{
	struct pg_hosts *h = ctx;
	char address[64];
	if (!e && !getnameinfo(addr, len, address, sizeof address, NULL, 0, NI_NUMERICHOST))
		keep(h, address);
	walk(h);
}

/* A copy of the list that starts with item number `first`. */
static char *rotated(const char *list, uint32_t first)
{
	uint32_t n = 1;
	for (const char *c = list; *c; c++)
		n += *c == ',';
	const char *from = list;
	for (uint32_t i = first % n; i; i--)
		from = strchr(from, ',') + 1;
	char *copy;
	int skipped = from == list ? 0 : (int)(from - list) - 1;
	int len = asprintf(&copy, "%s%s%.*s", from, skipped ? "," : "", skipped, list);
	return len < 0 ? NULL : copy;
}

enum err pg_hosts_resolve(struct loop *l, const char *hosts, const char *ports, uint32_t first,
                          pg_hosts_fn *fn, void *ctx, struct pg_hosts **ret)
{
	struct pg_hosts *h = calloc(1, sizeof *h);
	if (!h)
		return ERR_MEMORY;
	h->loop = l;
	h->fn = fn;
	h->ctx = ctx;
	h->host_at = h->hosts = rotated(hosts, first);
	h->port_at = h->ports = ports && *ports ? rotated(ports, first) : NULL;
	if (!h->hosts || (ports && *ports && !h->ports)) {
		hosts_free(h);
		return ERR_MEMORY;
	}
	*ret = h;
	walk(h);
	return OK;
}

void pg_hosts_cancel(struct pg_hosts **h)
{
	if (*h)
		(*h)->fn = NULL;
	*h = NULL;
}
