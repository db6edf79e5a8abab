/*
 * pg_hosts.h — the hosts of a connection string resolved off the loop: libpq itself would block on
 * the name server.
 */
#pragma once
#include "bus/loop.h"

struct pg_hosts;

/* Comma lists as libpq takes them: of hosts that could be found, their ports and their addresses
 * (an empty item for a unix socket). ERR_NOT_FOUND: none could. Lent until it returns. */
typedef void pg_hosts_fn(void *ctx, enum err e, const char *hosts, const char *ports,
                         const char *addresses);

/* hosts and ports as they stand in the connection string; ports may be NULL, or one for all. The
 * list starts with host number `first`, around and around. fn is called once, perhaps before this
 * returns, unless cancelled. */
MUST enum err pg_hosts_resolve(struct loop *l, const char *hosts, const char *ports, uint32_t first,
                               pg_hosts_fn *fn, void *ctx, struct pg_hosts **ret);
void pg_hosts_cancel(struct pg_hosts **h); /* takes NULL */

/* Is there any name among them, so that resolving is needed? */
bool pg_hosts_named(const char *hosts);
