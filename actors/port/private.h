/*
 * private.h — what the owner, the proxies and the maker of both share.
 */
#pragma once
#include "actors/port/port.h"
#include "proto/port.h"

void port_owner_kind(struct port_kinds *k);
void port_proxy_kind(struct port_kinds *k);

/* A body of a type known only now, decoded from foreign bytes into memory of its own. */
struct port_body {
	void *at;
};
MUST enum err port_body_open(struct port_body *b, const struct proto_desc *type, struct str bytes);
void port_body_close(struct port_body *b);
