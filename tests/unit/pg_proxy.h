/*
 * pg_proxy.h — stands between a client and the test's PostgreSQL and cuts the line after so many
 * bytes.
 */
#pragma once
#include "bus/loop.h"

struct pg_proxy;

/* Its socket is in a folder of its own below `folder`. */
struct pg_proxy *pg_proxy_new(struct loop *l, const char *folder);
void pg_proxy_free(struct pg_proxy **p);
const char *pg_proxy_folder(const struct pg_proxy *p);

/* For connections accepted from now on: bytes let through to the server, and back, before the cut.
 */
void pg_proxy_cut(struct pg_proxy *p, uint32_t up, uint32_t down);
