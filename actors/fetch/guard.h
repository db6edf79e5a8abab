/*
 * guard.h — where a request may go. Pure.
 *
 *     text ─▶ guard_url ─▶ scheme, host, port, target ─▶ written anew ─▶ the library
 *                                                   each address a socket is made for ─▶ guard_why
 *
 * An address that a stranger gave is a way into our own network (SSRF). Two things hold it off.
 * Only one spelling of each address is taken, and it is written anew from its parts, so that what
 * the library reads is what was read here. And names are not judged at all: what is judged is each
 * address at the moment a socket is made for it, so that a name that means something else the
 * second time gains nothing by it.
 */
#pragma once
#include "proto/buf.h"

enum { GUARD_URL_MAX = 4096, GUARD_HOST_MAX = 253, GUARD_ALLOWED = 64, GUARD_PORTS = 16 };

struct guard_addr {
	uint8_t at[16]; /* IPv4: the first four */
	bool six;
};

struct guard_url {
	bool secure;  /* https */
	bool literal; /* the host is an address: this one */
	struct guard_addr addr;
	uint16_t port;
	char host[GUARD_HOST_MAX + 1]; /* lower case; IPv6 without brackets */
	struct str target;             /* view of the text: "", "/path", "?query", "/path?query" */
};

/* Absolute, http or https, no user, printable ASCII, a host of LDH labels (and '_') or an address
 * in its one spelling: 127.1, 0177.0.0.1, 2130706433, 0x7f.1 are refused. What is behind '#' is
 * left away. ERR_INVALID: *ret_why says what it is not. */
MUST enum err guard_url(struct str text, struct guard_url *ret, const char **ret_why);
/* The same address in its one spelling; a default port is left out. */
void guard_url_write(struct buf *b, const struct guard_url *u);
/* Scheme, host and port are the same. */
bool guard_same_origin(const struct guard_url *a, const struct guard_url *b);
/* What was sent to `a` may be sent to `b`: the same origin, or http become https on default ports.
 */
bool guard_may_follow(const struct guard_url *a, const struct guard_url *b);

/* NULL: of the public internet; else what it is instead: "loopback", "private", … */
const char *guard_addr_is(const struct guard_addr *a);
/* Dotted decimal without leading zeros, or RFC 4291 text without brackets and zone. */
bool guard_addr_read(struct str text, struct guard_addr *ret);

struct guard {
	bool plain; /* http:// to public addresses, too */
	uint16_t ports[GUARD_PORTS];
	uint32_t n_ports;
	struct guard_allowed {
		struct guard_addr addr;
		uint8_t bits;
		uint16_t port; /* 0: any */
	} allowed[GUARD_ALLOWED];
	uint32_t n_allowed;
};

/* `allow`: words ADDRESS[/BITS][:PORT] between commas or spaces, IPv6 in brackets: what may be
 * reached although it is not public, by http, too, on any port or that one. `ports`: where public
 * addresses may be reached. ERR_INVALID. */
MUST enum err guard_read(struct str allow, struct str ports, bool plain, struct guard *ret);

/* NULL: a socket may be made for it; else why not. */
const char *guard_why(const struct guard *g, bool secure, const struct guard_addr *a,
                      uint16_t port);
/* What can be said before its address is known: NULL, or why it would be refused whatever its
 * addresses are. All that is checked of a name that a proxy looks up. */
const char *guard_name_why(const struct guard *g, const struct guard_url *u);
