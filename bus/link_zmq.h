/*
 * link_zmq.h — the link over ZeroMQ: one ROUTER inbox for each transport, one DEALER for each peer.
 */
#pragma once
#include "bus/keys.h"
#include "bus/link.h"
#include "bus/loop.h"

struct link_zmq_config {
	struct loop *loop; /* is woken by it */
	/* ipc: a folder of ours, 0700, where the socket carries name and epoch; or one fixed path
	 * for a hub, whose folder is guarded the same. Both NULL: no ipc. */
	const char *dir, *name;
	uint64_t epoch;
	const char *ipc;
	/* tcp://ADDRESS:PORT, port 0 for any; NULL: none. Always CURVE: refused without a key. */
	const char *tcp;
	const struct key_pair *key; /* also for dialling others' tcp endpoints */
	/* May this key connect? Asked for each handshake on tcp. */
	bool (*known)(void *ctx, const char *key);
	void *ctx;
};

/* ERR_INVALID: a configuration that cannot be; ERR_DENIED: the folder is open to others, or not
 * ours; ERR_CONFLICT: the address is taken; ERR_RANGE: a path too long for a unix socket. */
MUST enum err link_zmq_new(const struct link_zmq_config *config, struct link **ret);

/* This key is not known any more: drop its live connections. */
void link_zmq_drop(struct link *l, const char *key);

struct link_zmq_stats {
	uint64_t refused;  /* handshakes that the ZAP handler answered with no */
	uint64_t breaches; /* frames on a CURVE inbox without an authenticated key: dropped */
	uint64_t again;    /* sends that met a full pipe */
};
struct link_zmq_stats link_zmq_stats(const struct link *l);
