/*
 * route.h — routes.def as a table, and which of its lines a request means.
 */
#pragma once
#include "gateway/exchange.h"
#include "gateway/http.h"
#include "proto/arena.h"

enum permit_kind {
	PERMIT_KIND_OPEN,        /* anybody */
	PERMIT_KIND_LOOPBACK_OR, /* anybody on this machine, or a key with the scope */
	PERMIT_KIND_SIGNED,      /* the function verifies a signature over the raw body */
	PERMIT_KIND_KEY,         /* a key with the scope */
};

struct permit {
	enum permit_kind kind;
	const char *scope; /* as in an API key; NULL where there is none */
};

struct route {
	enum http_method method;
	const char *method_name;
	const char *path;               /* segments; {name} takes any one */
	const struct proto_desc *takes; /* query and JSON body; NULL: not described */
	const struct proto_desc *gives; /* JSON answer; NULL: not described */
	const char *to;                 /* the actor that is asked; NULL: run it */
	exchange_fn *run;
	struct permit permit;
	const char *protocols; /* of a WebSocket: handshake.h; NULL: it is none */
	uint32_t body_max;     /* bytes; of a WebSocket's message */
	uint32_t within_ms;
	const char *doc;
};

enum { ROUTE_PARAMS = 4, ROUTE_ANSWER_MS = 10000, ROUTE_BODY = 64 * 1024 };

extern const struct route routes[];
extern const uint32_t routes_n;

struct route_param {
	struct str name, value; /* the value decoded */
};

struct route_match {
	const struct route *route; /* NULL: none; then `methods` tells 404 from 405 */
	unsigned methods;          /* of all routes with this path */
	struct route_param params[ROUTE_PARAMS];
	uint32_t n_params;
};

/* HEAD is matched as GET. Values with escapes are decoded into the arena, which needs path.len
 * bytes. */
void route_find(enum http_method method, struct str path, struct arena *a, struct route_match *ret);

/* "GET, HEAD, POST": for the Allow header. */
void route_allow(unsigned methods, char *to, size_t cap);
