/*
 * serve.h — a hub, and a node's end of the bus, on a loop: sockets, keys and turns wired together.
 * What `switchboard hub` and every node's main() start with.
 */
#pragma once
#include "bus/bus.h"
#include "bus/hub.h"
#include "bus/keys.h"
#include "bus/link_zmq.h"
#include "bus/loop.h"

/* ---- a hub ---------------------------------------------------------------------------------- */

struct hub_serve;
struct hub_serve_config {
	struct loop *loop;
	const char *name; /* "hub", "hub#2" */
	const char *ipc;  /* ipc://PATH in a folder that is 0700; NULL: none */
	const char *tcp;  /* tcp://ADDRESS:PORT; NULL: none; needs keys */
	const char *keys; /* folder of keys, made when missing; NULL: no tcp */
	/* For a log; may be NULL. left: it ended, or was given up. */
	void (*joined)(void *ctx, const struct row *row);
	void (*left)(void *ctx, const struct row *row);
	void *ctx;
};
MUST enum err hub_serve_new(const struct hub_serve_config *config, struct hub_serve **ret);
void hub_serve_free(struct hub_serve **s);
struct hub *hub_serve_hub(struct hub_serve *s);
/* The i-th endpoint it is bound to, port filled in; NULL past the last. */
const char *hub_serve_endpoint(struct hub_serve *s, uint32_t i);

/* ---- a node's end --------------------------------------------------------------------------- */

struct bus_serve;
struct bus_serve_config {
	struct loop *loop;
	const char *name;
	const char *const *kinds; /* ends with NULL */
	const char *const *hubs;  /* endpoints, ends with NULL */
	const char *dir;          /* folder of ipc sockets, 0700; NULL: no ipc */
	const char *tcp;      /* tcp://ADDRESS:0, where other hosts reach this node; NULL: none */
	const char *key;      /* its key file; NULL: ipc only */
	uint32_t peers_after; /* as in bus_config */
	const struct bus_calls *calls;
	void *ctx;
};
/* The incarnation's epoch is drawn from the clock. The caller drives bus_drain() and bus_flush() on
 * serve's bus; connections of revoked keys are dropped by serve itself. */
MUST enum err bus_serve_new(const struct bus_serve_config *config, struct bus_serve **ret);
void bus_serve_free(struct bus_serve **s); /* says BYE */
struct bus *bus_serve_bus(struct bus_serve *s);
struct link *bus_serve_link(struct bus_serve *s);
