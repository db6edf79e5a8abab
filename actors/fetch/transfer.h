/*
 * transfer.h — one HTTP request under way, and all of them on the node's loop: what the actor knows
 * of libcurl. A test plays this half with a fake of its own, under a clock that is a variable.
 *
 *     transfer_begin ─▶ the library ─▶ transfers_turn ─▶ done(result)      exactly once,
 *                            └── transfer_stop: never                      unless it was stopped
 */
#pragma once
#include "actors/fetch/guard.h"
#include "proto/fetch.h"
#include "proto/msg.h"

struct loop;
struct transfers;
struct transfer;

struct transfers_config {
	const char *ca_file;  /* NULL: the system's */
	const char *proxy;    /* host:port; NULL: none, whatever the environment says */
	const char *pinned;   /* words NAME=ADDRESS: names answered without DNS; NULL: none */
	uint32_t connections; /* at once, in use or kept */
	uint32_t host_connections;
	uint32_t connect_ms; /* for look-up, connect and TLS */
	uint64_t held_most;  /* bytes of bodies on their way in, of all together */
};

/* Asked for the address of each socket before it is made, and again of the connection each request
 * is about to go out on, whoever opened that one. NULL: yes; else why not. */
typedef const char *transfer_may_fn(void *ctx, const struct guard_addr *a, uint16_t port);

struct transfer_order {
	const struct guard_url *url;
	enum fetch_method method;
	const struct fetch_header *headers;
	uint32_t n_headers;
	struct blob *body; /* NULL: none; a reference is taken */
	bool once;         /* must not be sent a second time by the library: no kept connection */
	uint32_t most;     /* bytes of the body, unpacked */
	uint64_t within_us;
	transfer_may_fn *may;
	void *ctx; /* for may and done */
};

struct transfer_result {
	enum fetch_trouble trouble;
	char why[200];
	uint32_t status;
	struct fetch_header headers[64]; /* views, until done returns */
	uint32_t n_headers;
	struct blob *body; /* the receiver's; NULL: empty */
	char *redirect;    /* absolute, as the library resolved Location; until done returns */
	bool reached, reused, retry_after;
	uint32_t retry_after_s, version;
	uint64_t name_us, connect_us, tls_us, first_us, total_us;
};

/* r->body is the receiver's; what else r points to is lent. A transfer may begin or stop inside. */
typedef void transfer_done_fn(void *ctx, struct transfer_result *r);

/* `wake` is called from the loop's callbacks: transfers_turn is due. ERR_MEMORY; ERR_INVALID: a
 * setting that cannot be used. */
MUST enum err transfers_new(struct loop *loop, const struct transfers_config *c,
                            void (*wake)(void *ctx), void *ctx, struct transfers **ret);
void transfers_free(struct transfers **t); /* stops them all */
void transfers_turn(struct transfers *t);

MUST enum err transfer_begin(struct transfers *t, const struct transfer_order *o,
                             transfer_done_fn *done, struct transfer **ret);
void transfer_stop(struct transfer **t); /* it is gone at once */
