/*
 * kinds.c — from a port's description to the two kinds that run it.
 */
#include "actors/port/private.h"
#include "proto/codec.h"
#include <stdio.h>
#include <stdlib.h>

void port_kinds_of(const struct port_spec *spec, struct port_kinds *ret)
{
	*ret = (struct port_kinds){ .spec = spec };
	(void)snprintf(ret->owner_name, sizeof ret->owner_name, "%.63s_port", spec->kind);
	port_owner_kind(ret);
	port_proxy_kind(ret);
}

enum err port_body_open(struct port_body *b, const struct proto_desc *type, struct str bytes)
{
	size_t room;
	enum err e = proto_room(type, bytes, &room);
	if (e)
		return e;
	size_t head = (type->size + 15U) & ~(size_t)15;
	char *at = calloc(1, head + room + 16);
	if (!at)
		return ERR_MEMORY;
	struct arena arena = { .at = at + head, .len = (uint32_t)(room + 16) };
	e = proto_decode_kept(type, bytes, at, &arena, NULL);
	if (e)
		free(at);
	else
		b->at = at;
	return e;
}

void port_body_close(struct port_body *b)
{
	free(b->at);
	b->at = NULL;
}
