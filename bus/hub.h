/*
 * hub.h — the process a node is pointed at: the directory of nodes, and the fabric of topics.
 *
 *     node ── hello ──────────▶ hub        in the roster from here on, every change goes to all
 *     node ◀─ changed…, joined ─ hub
 *     node ── hear, events ───▶ hub ── events ──▶ those who hear that type
 *
 * It keeps nothing on disk and knows no other hub: each node tells all of them. A subscriber that
 * does not keep up misses events, counted and told to it; nobody else is slowed.
 */
#pragma once
#include "bus/bus.h"
#include "bus/row.h"

struct hub;

enum { HUB_WHY_BYTES = 200 };
struct hub_calls {
	/* May this key host these kinds? Writes what it may send into the row. An error is told to
	 * the node, with the text of `why`. NULL: everybody may everything. */
	enum err (*admit)(void *ctx, struct row *row, struct str key, char why[HUB_WHY_BYTES]);
	/* Who came and who left, for a log. May be NULL. */
	void (*joined)(void *ctx, const struct row *row);
	void (*left)(void *ctx, const struct row *row);
};

struct hub_config {
	const char *name; /* "hub" or "hub#2" */
	uint64_t epoch;
	const struct hub_calls *calls; /* may be NULL */
	void *ctx;
};

MUST enum err hub_new(const struct hub_config *config, struct link *link, uint64_t now_us,
                      struct hub **ret);
void hub_free(struct hub **h);

bool hub_drain(struct hub *h, uint64_t now_us);
bool hub_flush(struct hub *h, uint64_t now_us);
uint64_t hub_next_us(const struct hub *h);
/* Some node gave this incarnation up: begin a new one, with a new epoch. The nodes come again. */
bool hub_stale(const struct hub *h);

/* This key is revoked: whoever holds it is dropped here, and all nodes are told. */
void hub_revoke(struct hub *h, const char *key);

struct hub_stats {
	uint64_t nodes, version;  /* now */
	uint64_t events, copies;  /* that came; that went out */
	uint64_t missed;          /* copies that a subscriber was too slow for */
	uint64_t denied, refused; /* events a key may not send; nodes not let in */
	uint64_t malformed;
};
struct hub_stats hub_stats(const struct hub *h);
