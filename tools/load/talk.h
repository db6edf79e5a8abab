/*
 * talk.h — one keep-alive HTTP/1.1 connection of a load tool: a request goes out, its answer comes
 * in.
 *
 * Non-blocking; whoever owns it polls `fd` for what talk_wants says. Plain TCP to a numeric
 * address. It understands our own gateway's answers (Content-Length) and calls all else
 * ERR_MALFORMED.
 */
#pragma once
#include "proto/buf.h"

enum { TALK_ANSWER_MAX = 16 << 20 };

struct talk_peer;                                                           /* an address */
MUST enum err talk_peer_new(const char *host_port, struct talk_peer **ret); /* "127.0.0.1:8080" */
void talk_peer_free(struct talk_peer **p);
bool talk_peer_is_loopback(const struct talk_peer *p);

enum talk_state { TALK_CLOSED, TALK_CONNECTING, TALK_SENDING, TALK_READING, TALK_ANSWERED };

struct talk {
	int fd; /* -1: none */
	enum talk_state state;
	struct buf out, in;
	size_t sent;
	int status;       /* TALK_ANSWERED */
	struct str body;  /* of the answer, until the next request */
	uint32_t retry_s; /* Retry-After; 0: none */
};

void talk_init(struct talk *t);
void talk_done(struct talk *t);

/* The request is in t->out (head and body): send it, on a new connection where there is none. The
 * connection may turn out closed by the other side: talk_step says ERR_GONE, send it again. */
MUST enum err talk_begin(struct talk *t, const struct talk_peer *p);
/* After poll: go on. OK: look at t->state. An error closes the connection; out stays as it was. */
MUST enum err talk_step(struct talk *t);
short talk_wants(const struct talk *t); /* POLLIN, POLLOUT or 0 */
