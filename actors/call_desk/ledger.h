/*
 * ledger.h — which calls this node holds or was promised, and how many the others hold. Pure: time
 * is a parameter.
 *
 *     admitted ──▶ PROMISED ──arrived──▶ LIVE ──its session ended──▶ gone
 *                      ├── its stream came to another node ──────▶ gone
 *                      └── until_us passed: the stream never came ─▶ gone
 *
 * A promise counts as a call, so a hundred webhooks of one instant cannot slip under a limit
 * together. What other nodes hold is what they last said, for as long as it is fresh: a limit of a
 * business over several nodes is exact to what was admitted elsewhere within the last second.
 */
#pragma once
#include "proto/call.h"
#include "proto/msg.h"

enum {
	LEDGER_OTHERS = 64,           /* desks of other nodes */
	LEDGER_LINES = 512,           /* connectors with live calls, of one node (call.busy) */
	LEDGER_FRESH_US = 3 * 1000000 /* three of their reports */
};

struct ledger_call {
	char call[65];
	uint64_t business, connector;
	uint64_t until_us; /* of a promise; 0: live */
	struct ref session;
};

struct ledger_other {
	char desk[129];
	uint64_t heard_us;
	uint32_t n;
	struct call_line *lines;
};

struct ledger {
	struct ledger_call *calls;
	uint32_t n, most, live;
	struct ledger_other others[LEDGER_OTHERS];
	uint32_t n_others;
};

MUST enum err ledger_init(struct ledger *l, uint32_t most);
void ledger_done(struct ledger *l);

/* Keep a place. Told twice is one place. ERR_FULL: `most` calls are live or promised. */
MUST enum err ledger_promise(struct ledger *l, struct str call, uint64_t business,
                             uint64_t connector, uint64_t until_us);
/* Its session is here; a stream may come to a node that promised nothing. ERR_FULL. */
MUST enum err ledger_arrive(struct ledger *l, struct str call, uint64_t business,
                            uint64_t connector, struct ref session);
/* The session has ended; false when it was none of ours. */
bool ledger_left(struct ledger *l, uint32_t slot, uint32_t gen);
/* Its stream came to another node: the promise is over, a live call stays. */
void ledger_withdraw(struct ledger *l, struct str call);
void ledger_expire(struct ledger *l, uint64_t now_us); /* promises whose time is over */

/* NULL: not here. */
const struct ledger_call *ledger_find(const struct ledger *l, struct str call);

/* Live and promised calls of a connector, here and on all nodes heard of lately. */
uint32_t ledger_busy(const struct ledger *l, uint64_t business, uint64_t connector,
                     uint64_t now_us);
/* Ours, by connector; at most LEDGER_LINES of them. Returns how many. */
uint32_t ledger_lines(const struct ledger *l, struct call_line *ret);
/* What another desk said of itself. Beyond LEDGER_OTHERS the one not heard of longest gives way. */
MUST enum err ledger_heard(struct ledger *l, const struct call_busy *said, uint64_t now_us);
