/*
 * inside.h — what the files of the gateway actor share. Nobody outside this room includes it.
 *
 *     lws.c ─▶ intake.c ─▶ queue ─▶ (the actor's turn) permit.c ─▶ a route's function ─▶ exchange.c
 *       ▲                                                                                   │
 *       └────────────────────────── visit.c: headers, metrics, access line ◀────────────────┘
 */
#pragma once
#include "gateway/access.h"
#include "gateway/keys.h"
#include "gateway/limits.h"
#include "gateway/lws.h"
#include "gateway/metrics.h"
#include "gateway/problem.h"
#include "gateway/route.h"
#include "gateway/source.h"
#include "gateway/trace.h"
#include "proto/seal.h"

enum {
	GATEWAY_SHARED = 16,      /* blocks of exchange_shared() */
	GATEWAY_PER_WAKE = 256,   /* requests begun in one turn, so that other actors get theirs */
	GATEWAY_TICK_MS = 100,    /* how late a 504 may be */
	EXCHANGE_HEADERS = 4096,  /* bytes of a route's own headers */
	EXCHANGE_STATE = 1 << 23, /* bytes of a route's own memory */
};

/* What a bucket counts. */
enum { LIMITS_SOURCE = 1, LIMITS_KEY, LIMITS_BLAME };

enum { SPEND_MOST = 256, SPEND_WHO = 64 };

/* Drawn from a budget, not yet told. */
struct spend {
	uint32_t kind, tokens, len;
	char who[SPEND_WHO];
};

struct gateway;
struct wires; /* wire.h */

/* Who comes with what: enough to answer it. */
struct visit {
	struct gateway *gateway;
	struct http_request *request;
	const struct route *route; /* NULL: none fits */
	char source[SOURCE_TEXT];  /* the address its limits count for */
	struct trace trace;
	struct limits_verdict budget; /* of the bucket it drew from last */
	const char *budget_name;      /* NULL: from none */
	struct limits_rate budget_rate;
};

typedef enum err exchange_denied_fn(struct exchange *x, enum err why, const char *detail);

struct exchange {
	struct visit visit;
	struct route_match match;
	uint32_t slot, gen;
	bool live, waits;             /* waits: in the queue for its turn */
	struct exchange *prev, *next; /* of the live ones, by age */
	struct exchange *queued; /* behind it, while it waits for its turn; or the next free one */
	uint64_t business, principal;
	uint64_t deadline_us;
	exchange_fn *granted; /* while its key is looked up */
	exchange_denied_fn *denied;
	const char *scope;
	uint8_t key_hash[32];
	struct buf headers;
	void *state;
	struct arena room; /* path and query, decoded */
};

struct gateway {
	struct actor *self;
	struct loop *loop;
	struct http_server *http;
	struct wires *wires;
	struct actor_waker *waker;
	struct exchange *slots, *free;
	uint32_t most, n_live;
	struct exchange *live; /* the oldest */
	struct exchange *live_last;
	struct exchange *queue, *queue_last;
	struct outbox_ask *outbox, *outbox_last;
	uint64_t outbox_bytes;
	struct limits *limits;
	struct limits_rate source_rate, key_rate, blame_rate;
	struct spend spent[SPEND_MOST];
	uint32_t n_spent;
	bool tells; /* soon */
	struct source_nets trusted, unlimited;
	struct key_cache *keys;
	struct seal_keys seals; /* n 0: none given */
	struct metrics *metrics;
	struct access *access;
	uint64_t random; /* for trace ids: a state of splitmix64 */
	struct {
		const void *owner;
		void *at;
		void (*done)(void *at);
	} shared[GATEWAY_SHARED];
	const struct msg *draining;
	uint32_t drain_cut;
	bool drained, drain_over;
	bool closed; /* the door: others answer at it */
};

/* visit.c */
void visit_begin(struct gateway *g, struct http_request *r, struct visit *ret);
void visit_answer(struct visit *v, int status, struct str type, struct str headers,
                  struct str body);
void visit_problem(struct visit *v, const struct problem *p, struct str headers);
void visit_taken(struct visit *v); /* it is a WebSocket now: 101, told in its own way */
void visit_left(struct visit *v);  /* its peer has gone: counted, logged, not answered */

/* intake.c */
extern const struct http_calls gateway_calls;

/* exchange.c */
enum err exchanges_new(struct gateway *g, uint32_t most);
void exchanges_free(struct gateway *g);
struct exchange *exchange_new(struct gateway *g, const struct visit *v);
void exchange_end(struct exchange *x);
void exchange_taken(struct exchange *x); /* its request has become a WebSocket */
enum err exchange_problem(struct exchange *x, const struct problem *p);
struct exchange *exchange_of_tag(struct gateway *g, uint64_t tag); /* NULL: it is over */
/* One try; ERR_FULL: the way there is. */
MUST enum err exchange_send(struct exchange *x, const struct to *to, actor_fn *answer, uint64_t tag,
                            const struct proto_desc *type, const void *body);

/* spend.c: tokens of a budget that all gateways share; what is due to be told; what others say.
 */
struct limits_verdict spend(struct gateway *g, uint32_t kind, struct str who, uint32_t tokens);
void spend_due(struct gateway *g);
actor_fn spend_heard;

/* outbox.c */
MUST enum err outbox_keep(struct gateway *g, const struct to *to, actor_fn *answer, uint64_t tag,
                          const struct proto_desc *type, const void *body);
void outbox_free(struct gateway *g);

/* permit.c: calls `granted` when the route's permission, or `p`, allows it, else `denied` with
 * UNAUTHENTICATED, DENIED, LIMIT or why it could not be found out. */
enum err permit_check(struct exchange *x, const struct permit *p, exchange_fn *granted,
                      exchange_denied_fn *denied);

/* message_route.c: the way of every ROUTE() line. */
enum err message_route(struct exchange *x);
