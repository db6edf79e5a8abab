/*
 * link.h — THE SEAM: frames to a peer and events from all of them. What stands above knows no more
 * of the network; link_zmq.c is the real one, tests/sim/link_sim.c loses, repeats, delays, reorders
 * and cuts under a fake clock.
 *
 *          line 1 ──────────▶ inbox of a peer          a line is dialled and carries frames one
 * way; me   line 2 ──────────▶ inbox of another         only an answer comes back on it. inbox
 * ◀────────── their lines to me
 *
 * A line is never reported dead for good: it goes up and down, and dials anew by itself until it is
 * closed. Frames given to it may be lost when it goes down; within one "up" none is lost, repeated
 * or overtaken by the real link, and nothing above relies on that.
 */
#pragma once
#include "bus/frame.h"

enum { LINK_KEY_BYTES = 40 }; /* a CURVE public key in Z85 (ZeroMQ RFC 32) */

enum link_what {
	LINK_FRAME,   /* bytes came in */
	LINK_UP,      /* this line now carries frames; what it carried before may be lost */
	LINK_DOWN,    /* it broke */
	LINK_REFUSED, /* the other side does not know our key, or speaks none; dialled anew later */
};

struct link_event {
	enum link_what what;
	uint32_t line;    /* UP, DOWN, REFUSED; of a FRAME: the line it answers, 0 for the inbox */
	struct str bytes; /* FRAME; lent until the next call of link_next() */
	struct str
		key; /* FRAME: the sender's key as authenticated; empty where none is asked for */
};

/* Where a node can be reached. */
struct link_addr {
	const char *const *endpoints; /* ends with NULL; the link picks the nearest it can reach */
	const char *key;              /* the key its CURVE endpoints have; "" for none */
};

struct link;
struct link_ops {
	enum err (*dial)(struct link *l, const struct link_addr *to, uint32_t *ret_line);
	void (*close)(struct link *l, uint32_t line);
	enum err (*send)(struct link *l, uint32_t line, struct frame *f);
	enum err (*answer)(struct link *l, struct frame *f);
	bool (*next)(struct link *l, struct link_event *ret);
	bool (*turn)(struct link *l, uint64_t now_us);
	const char *(*endpoint)(struct link *l, uint32_t i);
	const char *(*key)(struct link *l);
	void (*free)(struct link *l);
};
struct link { /* the first member of each implementation */
	const struct link_ops *ops;
};

/* ERR_NO_ROUTE: none of the endpoints can be used from here. Lines are numbered from 1, no number
 * is used again. */
MUST static inline enum err link_dial(struct link *l, const struct link_addr *to,
                                      uint32_t *ret_line)
{
	return l->ops->dial(l, to, ret_line);
}

/* What is still in its buffers is dropped. */
static inline void link_close(struct link *l, uint32_t line)
{
	l->ops->close(l, line);
}

/* OK: the link keeps a reference of its own. ERR_FULL: not taken, come again after the next turn.
 * ERR_GONE: no such line. */
MUST static inline enum err link_send(struct link *l, uint32_t line, struct frame *f)
{
	return l->ops->send(l, line, f);
}

/* Back to where the last LINK_FRAME came from, with little hope: it may be dropped. */
MUST static inline enum err link_answer(struct link *l, struct frame *f)
{
	return l->ops->answer(l, f);
}

/* The next event; false: nothing is left now. */
static inline bool link_next(struct link *l, struct link_event *ret)
{
	return l->ops->next(l, ret);
}

/* The end of a turn: sends what was waiting, dials what is due. true: more can be done at once. */
static inline bool link_turn(struct link *l, uint64_t now_us)
{
	return l->ops->turn(l, now_us);
}

/* The i-th endpoint others may dial; NULL past the last. */
static inline const char *link_endpoint(struct link *l, uint32_t i)
{
	return l->ops->endpoint(l, i);
}

/* Our own public key, "" for none. */
static inline const char *link_key(struct link *l)
{
	return l->ops->key(l);
}

/* What was sent just before (a BYE) still has a moment to leave. */
static inline void link_free(struct link **l)
{
	if (*l)
		(*l)->ops->free(*l);
	*l = NULL;
}
