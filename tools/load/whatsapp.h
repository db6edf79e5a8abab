/*
 * whatsapp.h — a flood of WhatsApp messages into POST /webhook/incoming, and its verdict.
 *
 *     plan ─▶ connections ─▶ gateway        each POST until it is answered with 200
 *     answers: accepted, duplicates ─┐
 *     GET /api/whatsapp/messages ────┴─▶ exactly what the plan says?
 *
 * One thread, one poll loop, bounded in messages and time; loopback only, unless told otherwise.
 */
#pragma once
#include "tools/load/plan.h"

struct load_whatsapp {
	struct plan_config plan;
	const char *to; /* HOST:PORT, numeric */
	uint64_t connector;
	const char *secret; /* of the connector */
	const char *key;    /* API key with messages.read; NULL: the list is not compared */
	uint32_t connections;
	uint32_t rate;     /* messages a second at the most; 0: as fast as it goes */
	uint32_t within_s; /* given up after that */
	bool far;          /* addresses other than loopback are allowed */
	void (*progress)(void *ctx, uint32_t sent); /* about twice a second; may be NULL */
	void *ctx;
};

struct load_whatsapp_result {
	uint32_t messages, contents, ids;                 /* sent; texts and ids among them */
	uint64_t accepted, duplicates, ignored, rejected; /* by the answers */
	uint64_t posts, repeats; /* answered; sent again, not answered or refused for now */
	double seconds, per_second;
	double p50_ms, p99_ms, worst_ms; /* of a POST, from its first byte to its answer */
	bool listed;
	uint64_t stored, hidden, missing,
		twice; /* listed: ids there, as copies; not there; more than once */
	bool exact;
	char why[160]; /* not exact: the first thing that is wrong */
};

/* ERR_INVALID: the config, ret->why says what. ERR_DENIED: not loopback. ERR_UNAUTHENTICATED:
 * connector, secret or key are wrong. ERR_TIMEOUT: within_s is over. ERR_UNAVAILABLE: nobody there.
 */
MUST enum err load_whatsapp(const struct load_whatsapp *config, struct load_whatsapp_result *ret);
