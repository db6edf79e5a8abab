/*
 * calls.h — switchboard load calls: the carrier's side of N phone calls, and an exact verdict.
 *
 *     POST webhook ─▶ TwiML ─▶ WebSocket: connected, start, media 50 a second … stop ─▶ verdict
 *                                 ▲ media, mark, clear ─▶ playback.h ─▶ marks come back
 *
 * Each frame bears a stamp (stamp.h): against an AI that echoes, every frame sent must come back
 * once, unchanged, in order, on its own call. Against one that answers, its frames must come in
 * order and of this call; what it heard it judges itself (sim/realtime.h).
 * One thread, bounded in calls and time; loopback only, unless told otherwise.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"
#include "tools/load/cost.h"
#include "tools/load/spread.h"

struct load_calls {
	const char *to;         /* HOST:PORT, numeric */
	const char *public_url; /* https://HOST that Twilio would call; NULL: made of `to` */
	const char *path;       /* of the stream, without a webhook: "/ws/twilio-media" */
	const char *account, *auth_token; /* the webhook's; auth_token NULL: no webhook */
	const char *stream_token;         /* goes as the parameter `token`; may be NULL */
	const char *called;               /* number that is called */
	bool tls;
	const char *ca; /* whom to trust */
	uint32_t calls, seconds, ramp_ms;
	uint32_t jitter_ms;
	uint32_t slow, ghosts, kills; /* per cent of the calls */
	bool answers;                 /* the AI answers, it is no echo */
	uint32_t barge_ms;            /* speak so long after an answer is heard, about; 0: wait */
	const char *digits;           /* pressed during each call; NULL: none */
	uint32_t grace_ms;            /* for the last echo */
	bool may_refuse;              /* calls refused are no fault */
	bool far;
	uint64_t seed;
	uint32_t within_s;
	pid_t pids[COST_PIDS]; /* of the servers */
	uint32_t n_pids;
	void (*progress)(void *ctx, uint32_t live,
	                 uint64_t frames); /* twice a second; may be NULL */
	void *ctx;
};

struct load_calls_result {
	bool exact;
	char why[160]; /* not exact: the first thing that is wrong */
	uint32_t calls, live_most, ended, cut, failed, refused, ghosts, ghosts_left, killed, slow;
	uint64_t sent, back, lost, twice, changed, crossed, unordered; /* frames of usual calls */
	uint64_t of_ai, gaps_of_ai; /* frames of answers; and those missing without a clear */
	uint64_t offences;          /* messages that are against Twilio's rules */
	char offence[96];           /* the first */
	uint64_t marks, clears, turns, digits;
	struct spread trip, forth, back_trip; /* us: there and back; to the AI; from the AI */
	struct spread webhook, upgrade, first, refusal, ghost; /* us */
	struct spread late; /* our own: a frame sent after its time, us */
	double seconds;
	double cpu_per_call_minute, cpu_share, kb_per_call; /* 0: no pids, or too short */
	double idle_kb, memory_kb;
};

/* ERR_INVALID: ret->why. ERR_DENIED: not loopback. ERR_NOT_FOUND: the CA. */
MUST enum err load_calls(const struct load_calls *c, struct load_calls_result *ret);
