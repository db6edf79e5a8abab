/*
 * dial.h — one dial on its way, for the three files that bring it there.
 *
 *     dial.c         the ask, its turns and its one deadline, the end either way
 *     dial_reach.c   a name, a connection, a proxy, TLS, and the request on its way
 *     dial_answer.c  what is answered: open, or a status and a bit of its body
 */
#ifndef GATEWAY_DIAL_H
#define GATEWAY_DIAL_H

#include "gateway/wire.h"
#include <sys/socket.h>

enum { DIAL_ANSWER_MAX = HTTP_HEAD_MAX + WIRE_READ_MAX, DIAL_BODY_MAX = 2048 };

enum dial_step {
	DIAL_WAITS,
	DIAL_NAME,
	DIAL_CONNECT,
	DIAL_PROXY,
	DIAL_TLS,
	DIAL_ASK,
	DIAL_REFUSED,
};

struct dial {
	struct wire *wire; /* NULL: given up while its name is looked up */
	struct dial *next_named, **named;
	const struct msg *asked; /* held */
	enum dial_step step;
	bool through; /* a proxy */
	enum err found;
	char *url; /* what `to` points into */
	struct handshake_url to;
	char host[256], protocol[65], key[HANDSHAKE_KEY];
	struct buf request, answer;
	struct handshake_answer head;
	struct sockaddr_storage addr;
	socklen_t addr_len;
};

/* dial.c: each ends the dial; `w` and its dial are gone afterwards. */
void dial_opened(struct wire *w);
void dial_fail_with(struct wire *w, int status,
                    struct str why); /* status 0: it came to no answer */
void dial_free(struct dial *d);

/* dial_reach.c */
void dial_look_up(struct wire *w);
void dial_name_found(struct wire *w);
void dial_connected(struct wire *w);
void dial_secure(struct wire *w);
void dial_shake(struct wire *w);
void dial_unname(struct dial *d); /* its name, if it is being looked up, is told to nobody */

/* dial_answer.c */
void dial_hear(struct wire *w);

#endif
