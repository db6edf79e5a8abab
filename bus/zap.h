/*
 * zap.h — the ZAP handler of one ZeroMQ context (ZeroMQ RFC 27): asks whether a key is known.
 *
 * libzmq 4.3.4 lets everybody in when no handler answers, unless ZMQ_ZAP_ENFORCE_DOMAIN is on: so
 * it is bound before any server socket, and the option is set on each of these.
 */
#pragma once
#include "bus/loop.h"

struct zap;
struct zap_config {
	void *context; /* of ZeroMQ */
	struct loop *loop;
	bool (*known)(void *ctx, const char *key);
	void *ctx;
};
MUST enum err zap_new(const struct zap_config *config, struct zap **ret);
void zap_free(struct zap **z);
bool zap_stirred(const struct zap *z); /* its descriptor fired since the last zap_turn() */
void zap_turn(struct zap *z);          /* answers all that wait */
uint64_t zap_refused(const struct zap *z);

#define ZAP_DOMAIN "switchboard"
/* On a server socket, before its bind. */
MUST enum err zap_guard(void *socket, const char *secret_z85);
