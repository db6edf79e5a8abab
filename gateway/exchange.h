/*
 * exchange.h — one request from the street and its one answer: for routes written by hand.
 *
 *     street ──▶ guards ──▶ limits ──▶ permit ──▶ your function ──▶ exchange_ask() ──▶ actors
 *     street ◀── exchange_answer() ◀── your answer functions ◀───────────────────────────┘
 *
 * A line in routes.def, ROUTE_FN(method, path, function, permission, …), names a function of type
 * exchange_fn. It runs as part of a turn of the gateway actor, once the whole body is here. It may
 * answer at once, or ask any number of actors and answer when the last of them has: exactly once,
 * before the route's time is up (504 is answered then). A request whose client has left is dropped:
 * exchange_of() gives NULL, and what was asked goes on without it.
 *
 *     static enum err on_found(struct actor *self, const struct msg *m)
 *     {
 *             struct exchange *x = exchange_of(self, m);
 *             if (!x)
 *                     return OK;                                  (the client has left)
 *             if (msg_err(m))
 *                     return exchange_refuse(x, msg_err(m), NULL);
 *             return exchange_answer(x, 200, str_of("text/plain"), str_of("found\n"));
 *     }
 *
 *     enum err route_find(struct exchange *x)
 *     {
 *             return exchange_ask(x, "store", on_found, 0, MSG(tenant_find, .id = …));
 *     }
 *
 * All views given out live until the exchange is answered.
 */
#pragma once
#include "actors/actor.h"
#include "proto/seal.h"

struct exchange;

/* OK: it is answered, or will be. Any ERR_* is answered as that problem. */
typedef enum err exchange_fn(struct exchange *x);

/* ---- the request --------------------------------------------------------------------------- */

struct str exchange_method(const struct exchange *x); /* "POST"; HEAD shows as GET */
struct str exchange_path(const struct exchange *x);   /* as it was sent, without the query */
struct str exchange_body(const struct exchange *x);   /* the raw bytes, whole */
struct str exchange_peer(const struct exchange *x);   /* address, through trusted proxies */
/* By its name in lower case; empty when absent; a repeated header gives its first value. */
struct str exchange_header(const struct exchange *x, const char *name);
/* The value of {name} in the route's path, percent-decoded; empty when the path has none. */
struct str exchange_param(const struct exchange *x, const char *name);
/* The first value of a query parameter, decoded; false when there is none. */
bool exchange_query(const struct exchange *x, const char *name, struct str *ret);

/* ---- who asks -------------------------------------------------------------------------------- */

struct actor *exchange_actor(const struct exchange *x); /* the gateway, for time, logs, settings */
uint64_t exchange_business(const struct exchange *x);   /* 0 until known */
uint64_t exchange_principal(const struct exchange *x);

/* For signed webhooks, which name their connector and prove it by its secret: from here on the
 * exchange asks for this business. Never from a body that was not verified. */
void exchange_act_for(struct exchange *x, uint64_t business, uint64_t principal);

/* A bad signature or unknown connector: counted against the peer, whose next requests are refused
 * with 429 before any signature is computed, once it has too many (gateway/limits.h). */
void exchange_blame(struct exchange *x);

/* A secret of that business, as its column holds it; what is stored unsealed is only copied.
 * ERR_MISSING: under a key that this gateway was not given; ERR_DENIED: it was sealed for something
 * else. */
MUST enum err exchange_unseal(struct exchange *x, uint64_t business, const char *what,
                              struct str stored, char ret[SEAL_PLAIN_MAX + 1]);

/* ---- memory ---------------------------------------------------------------------------------- */

/* Zeroed, made by the first call with that size, freed with the exchange. NULL when out of memory.
 */
void *exchange_state(struct exchange *x, size_t bytes);
/* The same for all exchanges of this gateway (a cache of connectors, say): one block for each
 * `owner`, the address of a static; freed with the gateway by `done`, which may be NULL. */
void *exchange_shared(struct exchange *x, const void *owner, size_t bytes, void (*done)(void *at));

/* ---- asking ---------------------------------------------------------------------------------- */

/* actor_ask() in the name of this exchange's business, principal and trace, answered before its
 * time is up. `part` comes back by exchange_part(), to tell several asks apart. */
#define exchange_ask(x, to, answer, part, ...) exchange_ask_to(x, TO(to), answer, part, __VA_ARGS__)
MUST enum err exchange_ask_to(struct exchange *x, const struct to *to, actor_fn *answer,
                              uint16_t part, const struct proto_desc *type, const void *body);

/* In an answer function: whose answer it is; NULL when that exchange is over. */
struct exchange *exchange_of(struct actor *self, const struct msg *m);
uint16_t exchange_part(const struct msg *m);

/* ---- answering: x is gone afterwards. All return OK, to be returned. ---------------------------
 */

/* Adds a header to the answer to come. Values are refused (ERR_INVALID) with CR, LF or NUL in them.
 */
MUST enum err exchange_add_header(struct exchange *x, const char *name, struct str value);

enum err exchange_answer(struct exchange *x, int status, struct str content_type, struct str body);
/* A message as JSON, by its table: exchange_reply(x, 200, MSG(wa_summary, .accepted = n)). */
enum err exchange_reply(struct exchange *x, int status, const struct proto_desc *type,
                        const void *body);
/* A problem (RFC 9457) by err.def; `detail` says more, or NULL. */
enum err exchange_refuse(struct exchange *x, enum err why, const char *detail, ...)
	__attribute__((format(printf, 3, 4)));

/* ---- every function that routes.def names ------------------------------------------------------
 */

#define ROUTE(...)
#define ROUTE_FN(method, path, takes, gives, function, ...) exchange_fn function;
#define ROUTE_WS(path, function, ...)                       exchange_fn function;
#include "gateway/routes.def"
#undef ROUTE
#undef ROUTE_FN
#undef ROUTE_WS
