/*
 * port.h — actors played by another program: what Erlang calls a port.
 *
 *                  port.carry             packet
 *     asker ──▶ KIND/key ──▶ KIND_port ─────────▶ child      one proxy per actor, one owner per
 * child ◀──          ◀──           ◀───────── socket 3
 *
 * To the rest of the bus an actor behind a port is an actor like any other: it has a name, a
 * mailbox with a bound, stats and a supervisor, and a tap sees what it says. The owner keeps the
 * child in a sandbox (child.h), bounds the queue to it, asks it for a sign of life, ends it when it
 * lies or is silent, and is restarted by its supervisor when the child ends: whatever was asked of
 * it is then answered with an error.
 */
#pragma once
#include "actors/actor.h"
#include "actors/port/child.h"

struct port_spec {
	const char *kind; /* that it plays */
	struct child_spec child;
	enum actor_place place; /* of its actors: PLACE_HERE or PLACE_HASHED */
	bool any_tenant;   /* it may speak for any business, not only for those it was spoken to for
	                    */
	uint32_t hello_ms; /* from start to HELLO; 0: 10,000 */
	uint32_t ping_ms;  /* a sign of life is asked for so often; three missed end it; 0: 5,000 */
	uint32_t queue_bytes; /* that may wait for it; 0: 1 MiB */
};

struct port_kinds {
	char owner_name[72];
	struct actor_kind owner, proxy;
	const struct port_spec *spec; /* borrowed */
};

/* The two kinds a node must host to have the port. The owner starts with the node. ret stays where
 * it is and outlives the node. */
void port_kinds_of(const struct port_spec *spec, struct port_kinds *ret);

/* "kind=COMMAND arg …[;option=value]…" as `switchboard node --port` takes it. Options: memory
 * (MiB), data (MiB), cpu (s), files, processes, write=FOLDER, read=FOLDER (each may come again),
 * network, any-tenant, place=hashed, hello (ms), ping (ms). Free it with port_spec_free(). ret_why:
 * 160 bytes. */
MUST enum err port_spec_parse(const char *text, struct port_spec **ret, char *ret_why);
void port_spec_free(struct port_spec **s);
