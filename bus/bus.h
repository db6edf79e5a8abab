/*
 * bus.h — one node's place on the bus: who else is there, and how messages reach them.
 *
 * The runtime (actors/) stands on this; it knows no socket. Everything happens inside bus_drain()
 * and bus_flush(), given the time: so the same code runs over link_zmq and over the simulator's
 * link, under a fake clock.
 *
 * Peers are numbered by this node, from 1, one number for each incarnation it ever met; a number is
 * never used again. 0 is this node. Promises: bus/README.md.
 */
#pragma once
#include "proto/msg.h"

struct bus;
struct link; /* link.h: THE SEAM */

/* What the bus tells its node; called only from within bus_drain(), bus_flush() and bus_send(). */
struct bus_calls {
	/* A message from another node; the callee owns the reference. m->from.node is the peer. */
	void (*deliver)(void *ctx, struct msg *m);
	/* A message accepted by bus_send() that is known not to have been taken by its peer. Each
	 * accepted message is either delivered there or lost here. Borrowed, and equal to what was
	 * sent, not the same block. */
	void (*lost)(void *ctx, const struct msg *m, enum err why);
	/* This incarnation is gone for good: answer what was asked of it, tell watchers. */
	void (*gone)(void *ctx, uint32_t peer);
	/* Who hosts what changed: hashed and single actors may have moved. */
	void (*roster)(void *ctx);
	/* A newer incarnation of this node's name exists, or we were declared dead: draw a new
	 * epoch, drop what is held by lease, join anew with a new link. Said once. */
	void (*stale)(void *ctx);
	/* A hub does not let us in, and says what to change. May be NULL. */
	void (*refused)(void *ctx, enum err e, struct str why);
};

struct bus_config {
	const char *name;         /* of the node: [a-z0-9_.#-]{1,63}, unique on the bus */
	uint64_t epoch;           /* this incarnation: boot time in ns, rises with each start */
	const char *const *kinds; /* hosted kinds, ends with NULL */
	const char *const *hubs;  /* endpoints of the hubs, ends with NULL; none: alone */
	const char *hub_key;      /* public CURVE key of the hubs' tcp endpoints; NULL for none */
	uint32_t peers_after;     /* number peers behind this: bus_last_peer() of the bus before */
	const struct bus_calls *calls;
	void *ctx;
};

MUST enum err bus_new(const struct bus_config *config, struct link *link, uint64_t now_us,
                      struct bus **ret);
void bus_free(struct bus **b); /* says BYE; NULLs *b */

/* The two ends of a turn. true: more is left to do at once. */
bool bus_drain(struct bus *b, uint64_t now_us);
bool bus_flush(struct bus *b, uint64_t now_us, bool actors_idle);
/* When the bus next wants a turn though nothing arrives (beats, suspicion, redial). */
uint64_t bus_next_us(const struct bus *b);

/* Encode m into the peer's pack buffer. ERR_FULL: its window is closed, try after the next drain;
 * ERR_GONE: that incarnation has ended. The message is borrowed: what was encoded is kept as long
 * as the peer has not acknowledged it. */
MUST enum err bus_send(struct bus *b, uint32_t peer, const struct msg *m);

/* The same from a body on the sender's stack, without a block between: `head` is the message but
 * for its body. ERR_TOO_LARGE also when it is one for bus_send(): it fits no pack, or must not
 * overtake one that does not. */
MUST enum err bus_send_body(struct bus *b, uint32_t peer, const struct msg *head, const void *body);

/* Events: to every other node with a subscriber, through one hub (the first that lives). At most
 * once; what its own node hears, the caller delivers itself. OK also when nobody wants it.
 * ERR_UNAVAILABLE: no hub; ERR_FULL: the hub does not keep up. Both are counted. */
MUST enum err bus_publish(struct bus *b, const struct msg *m);
/* Does another node hear this type? One compare while nobody hears any. */
bool bus_wanted(const struct bus *b, const struct proto_desc *type);
/* Each subscription is ended by one bus_unsubscribe(). */
void bus_subscribe(struct bus *b, const struct proto_desc *type);
void bus_unsubscribe(struct bus *b, const struct proto_desc *type);

/* Where does an actor live? Peer number, 0 for here. ERR_NO_ROUTE: nobody hosts the kind.
 * place.c: here = this node if it hosts the kind, else the least loaded that does; hashed =
 * rendezvous hash of kind/key over those that do; single = the same over the kind alone. */
enum bus_place { BUS_HERE, BUS_HASHED, BUS_SINGLE };
MUST enum err bus_place(const struct bus *b, struct str kind, struct str key, enum bus_place how,
                        uint32_t *ret_peer);

/* The roster, for status and the heartbeat actor. */
enum bus_peer_state { BUS_PEER_JOINING, BUS_PEER_UP, BUS_PEER_SUSPECT, BUS_PEER_GONE };
struct bus_peer {
	uint32_t peer;
	const char *name;
	uint64_t epoch;
	enum bus_peer_state state;
	uint64_t sent, received, held; /* messages; held: not yet acknowledged */
	uint32_t load;                 /* actors alive there, as it told last */
	const char *const *kinds;
};
/* The i-th living peer, false past the end; hubs are none. */
bool bus_peer_at(const struct bus *b, uint32_t i, struct bus_peer *ret);
const char *bus_peer_name(const struct bus *b,
                          uint32_t peer); /* also of the gone; "?" if unknown */
bool bus_joined(const struct bus *b);     /* some hub has answered with the roster */

uint32_t bus_last_peer(const struct bus *b);

/* Actors alive here: told to the peers, for placement. */
void bus_load(struct bus *b, uint32_t actors);

/* May this key connect to us? What a link over CURVE asks: the hubs' and those of the roster. */
bool bus_knows_key(const struct bus *b, const char *key);
/* Each key that a hub says is revoked, once; NULL when there is none: its connections are to be
 * dropped (link_zmq_drop). */
const char *bus_revoked(struct bus *b);

struct bus_stats {
	uint64_t frames_in, frames_out, resent;
	uint64_t twins, holes;                /* numbers seen twice, or missing */
	uint64_t malformed, stale, strangers; /* frames not opened: bad, of the dead, of nobody */
	uint64_t denied;                      /* hellos and messages that a key may not send */
	uint64_t unknown;                     /* messages of types or shapes not known here */
	uint64_t events_lost;                 /* published, but no hub took them */
	uint64_t events_missed;               /* left out by a hub because we were slow */
};
struct bus_stats bus_stats(const struct bus *b);
