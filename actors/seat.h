/*
 * seat.h — a node in this process: its loop, its place on the bus, its actors, its log.
 *
 *     seat ── loop ──┬── bus (to hubs and other nodes)
 *                    └── node (actors)
 *
 * `switchboard node`, the supervisor and every command that asks something of a running system have
 * one. A seat without hubs is a node alone.
 */
#pragma once
#include "actors/node.h"
#include "bus/loop.h"

struct seat;

struct seat_config {
	struct loop *loop;
	const char *name;
	const struct actor_kind *const *kinds; /* hosted; ends with NULL */
	const struct actor_kind *const *known; /* of the program; ends with NULL */
	const char *const *hubs;               /* endpoints; ends with NULL; none: alone */
	const char *dir;                       /* of unix sockets; NULL: none */
	const char *tcp, *key;                 /* as in bus/serve.h */
	const char *(*setting)(void *ctx, const char *kind, const char *name); /* NULL: defaults */
	enum log_format log_format;
	enum actor_level log_level; /* 0: nothing is logged */
	void (*joined)(
		void *ctx); /* once, when the bus knows us and the actors of the start are up */
	/* It cannot go on: an actor of the start is given up, or the bus thinks we died. */
	void (*broken)(void *ctx, const char *why);
	/* The bus thinks we died, and a new seat may begin anew. NULL: that is `broken`. */
	void (*stale)(void *ctx);
	void (*refused)(void *ctx, enum err e, struct str why); /* NULL: it is logged */
	void *ctx;
};

MUST enum err seat_new(const struct seat_config *config, struct seat **ret);
void seat_free(struct seat **s);
struct node *seat_node(const struct seat *s);

/* Stop taking new work; `drained` once nobody is asked or asking any more. */
void seat_drain(struct seat *s, void (*drained)(void *ctx));
