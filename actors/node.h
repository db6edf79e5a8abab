/*
 * node.h — one node: many actors, one thread, no socket, no clock of its own.
 *
 *     messages in ──▶ ┌──────┐ ──▶ messages out
 *     time        ──▶ │ node │ ──▶ log lines, a tap's copies
 *                     └──────┘
 *
 * A node is a pure function of its seed, the times it is given and the messages that arrive: the
 * simulator runs the same code as a process does. A process binds it to bus and loop by host.h.
 */
#pragma once
#include "actors/actor.h"

struct node;
struct bus;
struct bus_calls;

enum log_format { LOG_LOGFMT, LOG_JSON, LOG_HUMAN };

struct node_config {
	const char *name; /* as in bus_config */
	uint64_t epoch, seed;
	const struct actor_kind *const *kinds; /* hosted; ends with NULL */
	const struct actor_kind *const
		*known; /* the program's others, for where they live; NULL: none */
	uint64_t now_us, wall_us;
	uint32_t actors_most; /* alive at once; 0: 4 million. More are refused: ERR_LIMIT */
	struct loop *loop;    /* for actor_loop(); NULL in the simulator */

	/* What the operator set for a kind, or NULL for the default. */
	const char *(*setting)(void *ctx, const char *kind, const char *name);
	/* One finished line, without a newline. NULL: no log. */
	void (*log)(void *ctx, enum actor_level level, struct str line);
	enum log_format log_format;
	enum actor_level log_level; /* 0: LOG_INFO */
	/* An actor that nobody but the node supervises failed too often. It is refused with
	 * ERR_UNAVAILABLE until its restart window is over; a host whose node is useless without it
	 * (kind->at_start) ends the process, so that the process supervisor acts. */
	void (*failed)(void *ctx, const struct actor_kind *kind, struct str name, enum err why);
	/* This incarnation was declared dead by others: what it holds by lease is no longer its
	 * own. The host ends, and is started again with a new epoch. */
	void (*stale)(void *ctx);
	/* A hub does not let this node in; it goes on asking. May be NULL: then it is logged. */
	void (*refused)(void *ctx, enum err e, struct str why);
	void *ctx;
};

/* ERR_INVALID: a kind is not well formed (two handlers of one type, no name …), its name is logged.
 */
MUST enum err node_new(const struct node_config *config, struct node **ret);
/* Join a bus whose calls are node_bus_calls with this node as their ctx. */
void node_join(struct node *n, struct bus *bus);
extern const struct bus_calls node_bus_calls;
/* Stops all actors and answers all that was asked. The bus is still there; it is freed after this.
 */
void node_free(struct node **n);

/* A bounded piece of work at this time. true: more is left to do at once. */
bool node_turn(struct node *n, uint64_t now_us, uint64_t wall_us);
bool node_busy(const struct node *n);        /* is there anything to do at once? */
uint64_t node_next_us(const struct node *n); /* when a timer next wants a turn; UINT64_MAX: never */

/* From now on first messages make no actors: they are refused with ERR_STOPPING. Who lives, works.
 */
void node_drain(struct node *n);
void node_stop(struct node *n); /* every actor stops, the youngest first, children before parents */

const char *node_name(const struct node *n);
uint64_t node_epoch(const struct node *n);
const char *
node_trouble(const struct node *n); /* the last fault, "actor: reason"; empty when none */

/* The node an actor lives on: for the two kinds that look at the node itself, pulse and mirror. */
struct node *actor_host(const struct actor *self);

/* ---- from the host program --------------------------------------------------------------------
 */

#define node_send(n, to, ...) node_send_to(n, TO(to), __VA_ARGS__)
MUST enum err node_send_to(struct node *n, const struct to *to, const struct proto_desc *type,
                           const void *body);
/* Exactly one call of answer within a later turn, or within node_free(); m is borrowed. */
typedef void node_answer_fn(void *ctx, const struct msg *m);
#define node_ask(n, to, within_ms, answer, ctx, ...)                                               \
	node_ask_to(n, TO(to), within_ms, answer, ctx, __VA_ARGS__)
MUST enum err node_ask_to(struct node *n, const struct to *to, uint32_t within_ms,
                          node_answer_fn *answer, void *ctx, const struct proto_desc *type,
                          const void *body);

/* ---- what can be seen ---------------------------------------------------------------------------
 */

/* Called for each message as it is handed to its actor; may take a reference. NULL: off, which
 * costs one predicted branch. Names are views for the time of the call, empty when unknown. Returns
 * how many messages are to pass before it is called again: who samples pays for the sample. */
typedef uint32_t node_tap_fn(void *ctx, const struct msg *m, struct str from, struct str to);
void node_tap(struct node *n, node_tap_fn *tap, void *ctx);

struct node_stats {
	uint64_t turns, handled; /* turns; messages that a handler dealt with */
	uint64_t accepted; /* put into mailboxes: = handled + refused + dropped + dead + queued */
	uint64_t refused;  /* a handler said ERR_… */
	uint64_t dropped;  /* by a full mailbox's policy */
	uint64_t dead;     /* accepted, then nobody was there, or out of date */
	uint64_t rejected; /* not accepted: the sender was told */
	uint64_t lost;     /* left this node and never arrived */
	uint64_t asks;     /* made: = answered + timeouts + failed + abandoned + pending */
	uint64_t answered; /* by the asked one, be it with an error */
	uint64_t timeouts, failed; /* no answer in time; the asked one's node went */
	uint64_t abandoned;        /* the asker ended first */
	uint64_t late;             /* answers that nobody waited for any more */
	uint64_t ticks, faults, restarts, born, ended;
	uint32_t actors, asks_pending, ready;
	uint32_t watches;             /* among the pending: they wait for somebody's end */
	uint64_t queued;              /* in all mailboxes */
	uint64_t bytes;               /* of actors and their tables */
	uint64_t log_lines, log_held; /* written; held back as repeats */
};
struct node_stats node_stats(const struct node *n);

struct node_kind_stats {
	const struct actor_kind *kind;
	uint64_t accepted, rejected, handled, refused, dropped, dead, faults, restarts, born, ended;
	uint64_t queued;
	uint32_t actors, high; /* alive; the deepest any mailbox was */
};
bool node_kind_at(const struct node *n, uint32_t i, struct node_kind_stats *ret);

struct node_actor_stats {
	struct str name;
	struct ref ref, parent; /* parent: all zero when the node is */
	const char *state;      /* "runs", "paused" … */
	uint64_t handled, last_us;
	uint32_t depth, high, asks, holds, watches, restarts;
};
/* Actors one by one, in no order: start with *cursor = 0; false at the end. */
bool node_actor_next(const struct node *n, uint32_t *cursor, struct node_actor_stats *ret);

struct node_dead {
	uint64_t wall_us, id;
	const struct proto_desc *type;
	enum err why;
	char from[48], to[48]; /* cut; a ref when no name is known */
};
uint64_t node_dead_by(const struct node *n, enum err why);
/* The i-th latest dead letter, 0 the newest; false past the end of a short memory. */
bool node_dead_at(const struct node *n, uint32_t i, struct node_dead *ret);
