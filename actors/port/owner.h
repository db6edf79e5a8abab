/*
 * owner.h — the state of a port's owner: what dialogue.c (what is said) and owner.c (descriptors,
 * life) both see.
 */
#pragma once
#include "actors/port/frames.h"
#include "actors/port/private.h"
#include "proto/envelope.h"

enum { ASKED_MOST = 512 /* carried asks under way to the child */ };

struct carried {
	const struct msg *asked; /* held port.carry; NULL: free */
	uint32_t gen; /* so that an answer to the slot's earlier tenant is known as such */
	bool sent;
};

struct owner {
	struct child child;
	struct frames io;
	struct loop_fd *sock, *log, *ended;
	struct actor_waker *io_waker, *log_waker;
	struct carried asked[ASKED_MOST];
	uint32_t waiting; /* carried asks, all */
	uint32_t says;    /* asks of the child, under way */
	uint32_t strikes; /* harmless nonsense so far */
	uint32_t missed;  /* signs of life */
	uint32_t lines, lines_held;
	uint64_t second_us; /* when the running second of `lines` began */
	bool ready;         /* it has said hello */
	bool over;          /* its end of the socket was closed, or it ended */
};

static inline const struct port_spec *spec_of(const struct actor *self)
{
	return ((const struct port_kinds *)actor_kind_data(self))->spec;
}

/* A message of our own to the child. ERR_BUSY: its queue is full. */
MUST enum err port_write(struct owner *o, const struct proto_desc *type, const void *body);
/* One packet of the child's. An error is the end of it: actor_fault() has been said. */
MUST enum err port_packet(struct actor *self, const struct packet *p);
/* Give up what nobody waits for any more. */
void port_expire(struct actor *self);
/* A proxy's message for the child. */
actor_fn port_on_carry;
