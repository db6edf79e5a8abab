/*
 * link_parts.h — what link_zmq.c, link_line.c and link_inbox.c share; nobody else includes it.
 *
 * A socket whose descriptor fired, or that was used, is stirred: it is read until nothing is left,
 * or its events are, before the loop may sleep. One that was forgotten would stay readable and the
 * loop would spin, or never be readable again and stall: so each tenth of a second all are stirred.
 */
#pragma once
#include "bus/link_zmq.h"
#include "bus/zap.h"
#include <stdlib.h>
#include <sys/socket.h>
#include <zmq.h>

/* A DEALER to one peer, and its monitor. */
struct line {
	uint32_t number;
	void *socket, *monitor;
	struct loop_fd *fd, *monitor_fd;
	zmq_msg_t held; /* met a full pipe: goes first, the very same */
	bool is_held, up;
	bool stirred, monitor_stirred;
	char endpoint[128], key[LINK_KEY_BYTES + 1]; /* key "": no CURVE */
	uint64_t redial_us, pause_us;
};

/* A ROUTER for all who dial us. */
struct inbox {
	void *socket;
	struct loop_fd *fd;
	char endpoint[128];
	bool curve, stirred;
};

/* Connections by descriptor, as last seen: what a revoked key still holds open. The number alone
 * may be another's by now, the address at its end is not. */
struct seen {
	char key[LINK_KEY_BYTES + 1];
	char id[8]; /* libzmq's number of the connection: a new one is looked at anew */
	int fd;
	struct sockaddr_storage at;
};
enum { SEEN_MOST = 1024 };

struct link_zmq {
	struct link link;
	struct loop *loop;
	void *context;
	struct zap *zap;
	struct key_pair key;
	bool has_key;
	struct inbox inboxes[2];
	uint32_t n_inboxes;
	struct line **lines;
	uint32_t n_lines, cap_lines, last_line;
	uint32_t at_line, at_inbox; /* how far this turn has read */
	zmq_msg_t in;               /* the frame lent by the last event */
	bool is_in;
	void *back; /* where an answer goes: the ROUTER, with the id, or NULL */
	char back_id[256];
	size_t back_len;
	uint64_t now_us, stir_us;
	struct seen seen[SEEN_MOST];
	uint32_t n_seen;
	struct link_zmq_stats stats;
};

static inline struct link_zmq *link_own(struct link *l)
{
	return (struct link_zmq *)l;
}

/* ---- link_zmq.c ---- */
int link_events_of(void *socket);
bool link_set(void *socket, int option, int value);
bool link_set_common(void *socket);
enum err link_watch(struct link_zmq *l, void *socket, bool *stirred, struct loop_fd **ret);

/* ---- link_line.c ---- */
enum err line_dial(struct link *link, const struct link_addr *to, uint32_t *ret_line);
void line_close(struct link *link, uint32_t line);
void line_hang_up(struct line *n);
enum err line_send(struct link *link, uint32_t line, struct frame *f);
bool line_event(struct link_zmq *l, struct line *n, struct link_event *ret);
bool line_frame(struct link_zmq *l, struct line *n, struct link_event *ret);
bool line_turn(struct link_zmq *l, struct line *n, uint64_t now_us);

/* ---- link_inbox.c ---- */
enum err inbox_bind_ipc(struct link_zmq *l, const struct link_zmq_config *c);
enum err inbox_bind_tcp(struct link_zmq *l, const struct link_zmq_config *c);
bool inbox_frame(struct link_zmq *l, struct inbox *in, struct link_event *ret);
enum err inbox_answer(struct link *link, struct frame *f);
