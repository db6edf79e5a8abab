/*
 * source.h — whose request is it: the address of the connection, or what a trusted proxy says of
 * it.
 *
 * X-Forwarded-For is a list that anybody may have begun; only entries written by our own proxies
 * count. So it is read from the right: as long as the speaker is a trusted proxy, the entry it
 * appended is the next speaker. Pure.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum { SOURCE_NETS = 32, SOURCE_TEXT = 48 };

struct source_net {
	uint8_t address[16]; /* IPv4 as ::ffff:a.b.c.d */
	uint8_t bits;
};

struct source_nets {
	struct source_net at[SOURCE_NETS];
	uint32_t n;
};

/* "10.0.0.0/8, ::1": ERR_INVALID, ERR_TOO_LARGE. */
MUST enum err source_nets_read(struct str text, struct source_nets *ret);
/* "unix" is in every net list that holds 127.0.0.1. */
bool source_in(const struct source_nets *nets, const char *address);
bool source_is_loopback(const char *address);

/* `forwarded` holds the values of all X-Forwarded-For headers in order. Unreadable entries end the
 * walk: what is left of them was not said by a proxy of ours. */
void source_of(const struct source_nets *trusted, const char *peer, struct str forwarded,
               char ret[SOURCE_TEXT]);

/* What one limit counts as one source: the address, of IPv6 its first 64 bits. */
struct str source_bucket(const char *address, char room[SOURCE_TEXT]);
