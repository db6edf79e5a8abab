/*
 * handshake.h — the two heads that open a WebSocket (RFC 6455, 4), from either side; pure.
 *
 *     server:  struct http_head ──▶ handshake_check() ──▶ 101, or the status to refuse with
 *     client:  handshake_ask() ──▶ bytes;  bytes ──▶ handshake_answer() ──▶ 101, or what came
 * instead
 *
 * Strict: libwebsockets takes version 12, a key of 15 bytes, POST and HTTP/1.0, and never looks at
 * the Origin (shared facts).
 */
#pragma once
#include "gateway/http.h"
#include "proto/buf.h"

enum {
	HANDSHAKE_KEY = 25,    /* 16 bytes in base64, and a NUL */
	HANDSHAKE_ACCEPT = 29, /* 20 bytes in base64, and a NUL */
};

/* What Sec-WebSocket-Accept must be for a key. */
void handshake_accept(struct str key, char ret[HANDSHAKE_ACCEPT]);

/* ---- the server's side ------------------------------------------------------------------------
 */

struct handshake {
	char accept[HANDSHAKE_ACCEPT];
	struct str protocol; /* the one agreed on, a view into `protocols`; empty: none */
};

/* protocols: those that are spoken, with spaces between; "-" among them: none need be offered.
 * Empty: none may be. origins: from which pages, with spaces between; who sends no Origin is no
 * browser. Returns 101, 400, 403 or 426, and a sentence about it. */
int handshake_check(const struct http_head *h, const char *protocols, const char *origins,
                    struct handshake *ret, const char **ret_why);

/* ---- the client's side ------------------------------------------------------------------------
 */

struct handshake_url {
	bool secure;          /* wss */
	struct str host;      /* without the brackets of an IPv6 address */
	struct str authority; /* host and port as written */
	char port[6];
	struct str target; /* path and query; empty: "/" */
};

/* ws://host[:port][/path][?query]; no user, no fragment. ERR_INVALID. Views into `url`. */
MUST enum err handshake_url(struct str url, struct handshake_url *ret);

struct handshake_line {
	struct str name, value;
};

/* A fresh key, from the kernel. */
MUST enum err handshake_key(char ret[HANDSHAKE_KEY]);
/* The request. The lines are refused (b fails with ERR_INVALID) if they would break out of their
 * line, or if they are the handshake's own. */
void handshake_ask(struct buf *b, const struct handshake_url *to, const char *key,
                   struct str protocol, const struct handshake_line *lines, uint32_t n);

struct handshake_answer {
	int status;
	uint32_t bytes;   /* of the head: what follows is frames, or a body */
	uint32_t length;  /* of the body, UINT32_MAX: unknown */
	uint32_t retry_s; /* Retry-After, 0: none */
	const char *why;  /* NULL: a good 101 */
};

/* Reads the answer's head. false: not whole yet. A head that is none, or too long, has status 0. */
bool handshake_answer(struct str in, const char *key, struct str protocol,
                      struct handshake_answer *ret);
