/*
 * realtime.h — switchboard sim realtime: the speech AI's side of a WebSocket, played strictly.
 *
 *     GET /v1/realtime?model=… ─▶ session.created ─▶ session.update ─▶ session.updated
 *     append, 50 a second ─▶ echo, or turns found by their marks ─▶ answers faster than real time
 *
 * It refuses what the service refuses, counts what a client does wrong, and judges by the stamps in
 * the audio (load/stamp.h) what was lost, changed, told twice or of somebody else. GA and beta.
 */
#pragma once
#include "tools/sim/session.h"

enum { REALTIME_PLAYS = 16 };

struct realtime_config {
	const char *listen;               /* HOST:PORT, numeric; port 0 draws one */
	const char *cert, *key;           /* PEM; both NULL: no TLS */
	const char *bearer;               /* the only API key taken; NULL: any */
	struct str plays[REALTIME_PLAYS]; /* sessions take them in turn */
	uint32_t n_plays;
	uint32_t sessions; /* ends after so many; 0: never */
	uint32_t within_s; /* ends after that; 0: never */
	bool far;          /* others than loopback may come */
	void (*listening)(void *ctx, const char *host_port);
	void (*ended)(void *ctx, const struct session *s, const char *why, double seconds);
	void (*told)(void *ctx, const struct session *s, const char *code, const char *message);
	void *ctx;
};

struct realtime_result {
	uint64_t sessions, refused;
	struct session_sights all;
	char why[128]; /* of ERR_INVALID */
};

/* Until SIGTERM or SIGINT, or what the config bounds. ERR_INVALID: ret->why. ERR_CONFLICT: the
 * address is taken. ERR_DENIED: not loopback. */
MUST enum err realtime_run(const struct realtime_config *c, struct realtime_result *ret);
