/*
 * lws.h — HTTP/1.1 on one listening socket; the one door to libwebsockets.
 *
 *     listening fd ─accept4─▶ libwebsockets (bytes, TLS) ─▶ http.h (grammar) ─▶ struct http_request
 *                                                                                  │ calls->request
 *     peer ◀─────────────────── libwebsockets ◀──────────── http_request_answer() ◀┘
 *
 * Knows no route, no actor. One request of a connection is under way at a time; what a peer sends
 * ahead waits, within a bound. Every wait has an end: see struct http_limits. No HTTP/2: this
 * libwebsockets can be killed through it (shared facts), so ALPN offers http/1.1 alone.
 *
 * All calls come from the loop or from http_server_drain(); none from http_server_new and _free.
 */
#pragma once
#include "bus/loop.h"
#include "gateway/http.h"

struct http_server;

struct http_request {
	struct http_head head; /* zero when it could not be read */
	struct str body;
	uint32_t body_max; /* lowered in calls->head to take less than limits.body_max */
	const char *peer;  /* numeric address of the other end; "unix" */
	bool secure;
	uint64_t start_us; /* when its first byte came, loop_now_us() */
	void *owner;       /* the caller's own */
};

/* A connection that is no longer HTTP. */
struct http_taken {
	int fd;          /* the taker's to close; -1: it broke meanwhile */
	struct tls *tls; /* the taker's to free; NULL: plain */
	bool early;      /* bytes came behind the request: the peer did not wait */
	void *owner;     /* of the request */
};

struct http_calls {
	/* The head is here, the body is not: refuse early by answering, or do nothing. Views are
	 * good during the call only. */
	void (*head)(void *ctx, struct http_request *r);
	/* All is here. Views are good until the answer. Answer now or later, once. */
	void (*request)(void *ctx, struct http_request *r);
	/* Grammar, a limit or the time was broken: answer at once. The connection closes after it.
	 */
	void (*refuse)(void *ctx, struct http_request *r, int status, const char *why);
	/* The peer has left before its answer: r is no more. */
	void (*gone)(void *ctx, struct http_request *r);
	/* After http_server_drain(): the last connection has ended. */
	void (*drained)(void *ctx);
	/* After http_request_take(): here it is, once. Not when the server is freed before. */
	void (*taken)(void *ctx, const struct http_taken *t);
};

struct http_limits {
	uint32_t head_ms;    /* from accept, or a request's first byte, to its last header: 408 */
	uint32_t body_ms;    /* for the whole body: 408 */
	uint32_t idle_ms;    /* between two requests */
	uint32_t grace_ms;   /* an answer may take this long */
	uint32_t least_rate; /*   and as much more as it takes at so many bytes a second */
	uint32_t linger_ms; /* a refused peer may still talk so long, unheard, to read its answer */
	uint32_t body_max;  /* bytes: 413 */
	uint64_t held_max;  /* bytes of all requests being received: 503 */
	uint32_t connections; /* at once; more are not accepted until some have ended */
};

struct http_config {
	struct loop *loop;
	int fd; /* listening, non-blocking; the server's from here on, even on failure */
	const char *cert_file, *key_file; /* PEM; NULL: no TLS */
	struct http_limits limits;
	const struct http_calls *calls;
	void *ctx;
};

/* ERR_INVALID when the certificate cannot be used; ERR_MEMORY; ERR_IO. */
MUST enum err http_server_new(const struct http_config *config, struct http_server **ret);
/* Accept no more, close what is idle, let the rest finish: calls->drained tells. */
void http_server_drain(struct http_server *s);
/* Cuts what is left, without calling back. The memory goes when the loop has closed its handles,
 * some turns later (libwebsockets must be destroyed twice, with the loop drained in between). */
void http_server_free(struct http_server **s);

struct http_answer {
	int status;
	struct str headers; /* whole lines, each with its CRLF; no framing headers, no Date */
	struct str body;    /* left out for HEAD; its length is told */
	bool close;
};

/* Once for each request; r is no more afterwards. Returns the bytes queued, head included. */
uint64_t http_request_answer(struct http_request *r, const struct http_answer *a);

/* Instead of an answer: nothing is said, and calls->taken brings the connection some turns later. r
 * is no more. */
void http_request_take(struct http_request *r);

struct http_server_stats {
	uint64_t accepted, requests, refused, timeouts, resets, stalls /* out of descriptors */;
	uint32_t connections, busy;
};
struct http_server_stats http_server_stats(const struct http_server *s);

/* A listening socket for "127.0.0.1:8080", "[::1]:0" or a path to a unix socket. SO_REUSEADDR;
 * never SO_REUSEPORT: several gateways share one inherited socket (shared facts, gateway.md 4). */
MUST enum err http_listen(const char *address, int *ret_fd);
