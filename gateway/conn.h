/*
 * conn.h — one HTTP/1.1 connection as a state machine: bytes in, requests up, answers down, bytes
 * out.
 *
 *        ┌───────────── answered, connection kept ─────────────┐
 *        ▼                                                     │
 *      IDLE ──byte──▶ HEAD ──whole──▶ BODY ──whole──▶ BUSY ──answer──▶ LINGER ──▶ END
 *        │ idle_ms      │ 408, 4xx      │ 408, 413                        │ linger_ms
 *        └─────────────▶└───────────────┴── refused: answer, then LINGER ─┘
 *
 *      BUSY ──taken──▶ TAKEN: a WebSocket from here on, and no longer ours
 *
 * No socket and no clock: lws.c brings bytes and time, and after every call does what conn_* says
 * the wire should do next. So all of it can be tested and fuzzed without one.
 */
#pragma once
#include "gateway/lws.h"
#include "proto/buf.h"

enum conn_state { CONN_IDLE, CONN_HEAD, CONN_BODY, CONN_BUSY, CONN_LINGER, CONN_TAKEN, CONN_END };

enum {
	CONN_AHEAD_MAX =
		128 * 1024, /* bytes a peer may send ahead of its answer; then reading pauses */
	CONN_LINGER_MAX = 1 << 20,  /* bytes a refused peer may still send */
	CONN_ANSWER_MAX = 64 << 20, /* bytes of answers in one output queue */
};

struct conn;

/* What all connections of a server share. */
struct conn_env {
	struct http_limits limits;
	const struct http_calls *calls;
	void *ctx;
	bool draining;
	uint64_t (*now_us)(void *clock);
	void (*settle)(struct conn *c); /* something changed outside conn_feed, _tick, _flushed */
	void *clock;
	uint64_t held; /* bytes of requests in all connections' buffers */
	struct http_server_stats stats;
};

struct conn_request;

struct conn {
	struct conn_env *env;
	enum conn_state state;
	bool stepping; /* in conn_step: the answer returns to it */
	bool broken;   /* the request cannot be read on: close after the answer */
	bool stalled;  /* it did not take its answer: reset, or the kernel keeps trying */
	bool early;    /* taken: bytes came behind the request */
	bool unheard;  /* closing, though the peer may still be talking: a close() would reset */
	uint32_t seen; /* bytes of `in` that were searched for the head's end */
	uint32_t lingered;     /* bytes thrown away */
	uint64_t due_us;       /* when this state's patience ends; 0: never */
	uint64_t flush_due_us; /* when what is queued must have been taken */
	size_t sent;           /* of `out` */
	size_t counted;        /* of env->held */
	struct buf in;         /* the request under way */
	struct buf ahead;      /* what came while it was being answered */
	struct buf out;
	struct conn_request *request;
	void *taker; /* the owner of the request that was taken */
	char peer[48];
	bool secure;
};

void conn_init(struct conn *c, struct conn_env *env, const char *peer, bool secure);
/* Frees; tells calls->gone of a request under way, if `tell`. */
void conn_done(struct conn *c, bool tell);

void conn_feed(struct conn *c, const char *at, size_t n);
void conn_tick(struct conn *c, uint64_t now_us); /* when one of the due times has passed */
void conn_drain(struct conn *c);                 /* env->draining was set */

/* What to write next; conn_sent() takes it off. conn_flushed(): the kernel has all of it. */
struct str conn_out(const struct conn *c);
void conn_sent(struct conn *c, size_t n);
void conn_flushed(struct conn *c);

/* Should the wire be read from now; is it to be closed now. */
bool conn_reads(const struct conn *c);
bool conn_ended(const struct conn *c);
/* It is somebody else's, once what is queued has been written: answers to earlier requests. */
bool conn_is_taken(const struct conn *c);
/* Nothing more will be written, but the peer may talk on: tell it so (RFC 9112, 9.6). */
bool conn_half_closes(const struct conn *c);
