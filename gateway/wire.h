/*
 * wire.h — one WebSocket on the loop, from either side, and all of them. Inside this room.
 *
 *     readable ──▶ ready list ──wake──▶ the actor's turn: one recv, frames.c, wire.frame ──▶ owner
 *     wire.send ──▶ out, corked ──▶ the end of the loop's turn: one send for all that was said
 *
 *     TAKING ─▶ OPEN ──close by us──▶ CLOSING ──theirs──▶ LAST ──all sent, FIN──▶ OVER ──told──▶
 * gone DIALLING ─▶ └──close by them, or an error of theirs──▶ LAST             a cut leads to OVER
 *
 * The loop's callbacks only note what happened; everything else runs in the gateway's turns.
 */
#pragma once
#include "bus/loop.h"
#include "gateway/frames.h"
#include "gateway/handshake.h"
#include "gateway/inside.h"
#include "gateway/tls.h"
#include "gateway/wire_route.h"
#include "proto/wire.h"

enum {
	WIRE_TICK_MS = 100,       /* how late a deadline may be noticed */
	WIRE_READ_MAX = 64 << 10, /* bytes of one recv */
	WIRE_PER_TURN = 256,      /* wires served in one turn, so that other actors get theirs */
	WIRE_TLS_TURN_US = 10000, /* of handshakes in one turn of the loop */
	WIRE_LAST_MS = 1000,      /* a peer that has been told may take so long to go */
	WIRE_CLOSE_MS = 5000,     /*   and this long to answer a close frame */
	WIRE_SNDBUF = 32 << 10,   /* of the kernel's, so that our bounds bind (shared facts) */
	WIRE_LOWAT = 16 << 10,
	WIRE_BUCKETS = 4096,
	WIRE_SPARES = 64,
	WIRE_SPARE_MAX = 16 << 10,
	WIRE_CODES = 20, /* metrics: 1000–1014, 3xxx, 4xxx, others */
};

enum wire_state_is {
	WIRE_TAKING,   /* libwebsockets still has its socket */
	WIRE_DIALLING, /* dial.c's */
	WIRE_OPEN,
	WIRE_CLOSING, /* we said good-bye, and wait for theirs */
	WIRE_LAST,    /* nothing is said any more: what is queued goes out, then the end */
	WIRE_OVER,    /* no socket; its owner is still to be told */
};

/* Who a wire belongs to: an actor, known by name until it has spoken. */
struct wire_owner {
	struct wire_owner *next, **link;
	struct ref ref; /* gen 0: not known yet */
	uint64_t tag;   /* of the watch */
	uint32_t wires;
	char name[256];
};

struct wire_said {
	struct blob *blob;
	bool binary;
};

struct dial;

struct wire {
	struct wires *all;
	struct wire *next, **link; /* of all */
	struct wire *next_here;    /* in its bucket */
	struct wire *next_ready, *next_dirty;
	uint64_t number;
	enum wire_state_is state;
	uint8_t events;    /* enum loop_events that came */
	uint8_t watching;  /* those asked for */
	bool ready, dirty; /* in that list */
	bool client;       /* dialled: we mask */
	bool blocked;      /* the kernel takes no more */
	bool full;         /* the owner takes no more: held[0] is next */
	bool early;        /* taken over with bytes before our 101 */
	bool half_closed;
	bool shedding;
	bool ours; /* we began the end */
	bool in_guest;
	int fd;
	int broken; /* errno of a write that failed */
	struct loop_fd *watch;
	struct tls *tls;
	struct ws in;
	struct buf out, ahead; /* to send; read, but not yet looked at */
	size_t out_sent;
	uint32_t queue_max;
	uint32_t kernel_most; /* no more than this is in the kernel */
	uint32_t shed_frames; /* since the last report */
	uint64_t shed_audio_ms;
	uint32_t rate_n; /* messages in the second that began at rate_us */
	uint64_t rate_us;
	uint64_t begin_us, heard_us, ping_us, due_us; /* due: of the state; 0: none */
	struct wire_owner *owner;                     /* NULL: a guest, or nobody any more */
	struct wire_guest guest;
	struct wire_said *held;
	uint32_t n_held, cap_held;
	struct dial *dial;
	uint64_t business, principal;
	struct trace trace;
	void *kept; /* wire_state() */
	uint16_t code;
	uint64_t received, sent, shed, unsent;
	char reason[WS_REASON + 1];
	char path[256], peer[65], protocol[65];
};

struct wires_stats {
	uint64_t received, sent, received_bytes, sent_bytes, shed, shed_audio_ms, late, ghosts;
	uint64_t accepted, dialled, dial_failed, closed[WIRE_CODES];
};

struct wires_config {
	uint32_t most, ping_ms, rate, queue_max, dial_rate;
	const char *origins, *ca_file /* NULL: the system's */, *proxy /* host:port, or empty */;
};

struct wires {
	struct actor *self;
	struct loop *loop;
	struct access *access;
	struct wires_config config;
	struct actor_waker *waker;
	struct loop_stage *flush;
	struct wire *first, **last; /* by age */
	struct wire *buckets[WIRE_BUCKETS];
	struct wire *ready, **ready_last, *dirty;
	struct wire *dead; /* freed at the end of the loop's turn: somebody may still hold them */
	struct wire_owner *owners;
	struct tls_trust *trust;
	uint32_t n, n_guests;
	uint64_t numbers, tags;
	uint64_t now_us;   /* of this turn */
	uint64_t spent_us; /* on handshakes in this turn of the loop */
	uint64_t dial_us;  /* when the next dial may begin */
	bool ticking, cut;
	uint8_t keys[1024]; /* random bytes to mask with */
	uint32_t keys_used;
	struct buf spares[WIRE_SPARES];
	uint32_t n_spares;
	struct wires_stats stats;
	char room[WIRE_READ_MAX];
};

/* wires.c: the set, and what actors say to it */
MUST enum err wires_new(struct actor *self, struct access *a, const struct wires_config *config,
                        struct wires **ret);
void wires_free(struct wires **w); /* cuts what is left, tells the owners */
uint32_t wires_live(const struct wires *all);
uint32_t wires_cut(struct wires *all, unsigned code);     /* says good-bye to all; how many */
void wires_write(const struct wires *all, struct buf *b); /* metrics */
struct wire *wire_new(struct wires *all, bool client);
/* By its number, while it lives: for what was asked in its name. */
struct wire *wires_find(const struct wires *all, uint64_t number);
void wire_remove(struct wire *w);           /* it was told; w is good until the end of the turn */
void wire_wake(struct wire *w, int events); /* have its turn come */
void wire_soil(struct wire *w);             /* something is to be flushed */
enum err wire_own(struct wire *w, const struct to *to);
void wire_disown(struct wire *w);
enum err wires_on_dial(struct actor *self, const struct msg *m);
enum err wires_on_send(struct actor *self, const struct msg *m);
enum err wires_on_close(struct actor *self, const struct msg *m);
enum err wires_on_look(struct actor *self, const struct msg *m);
void wires_taken(void *gateway, const struct http_taken *t); /* http_calls.taken */
struct wires *wires_of(struct actor *self);

/* wire_io.c: its socket */
enum err wire_attach(struct wire *w, int fd, struct tls *tls);
void wire_detach(struct wire *w);
void wire_watch(struct wire *w);
enum wire_read_is { WIRE_GOT, WIRE_NOTHING, WIRE_END, WIRE_BROKE };
enum wire_read_is wire_recv(struct wire *w, size_t *ret_n); /* into all->room */
void wire_flush(struct wire *w);
void wire_queue(struct wire *w, enum ws_op op, struct str data);
void wire_queue_close(struct wire *w, unsigned code, struct str reason);
/* Bytes on our side: in our queue, and in the kernel, not acknowledged. */
void wire_queued(struct wire *w, uint32_t *ret_queued, uint32_t *ret_unsent);
bool wire_fits(struct wire *w, size_t bytes);
struct blob *wire_blob(struct str data);

/* wire.c: what is said on it */
void wire_begin(struct wire *w);   /* it is open */
void wire_arrived(struct wire *w); /* it was taken over: our 101 goes out */
void wire_turn(struct wire *w, int events);
void wire_tick(struct wire *w);
void wire_feed(struct wire *w, char *at, size_t n);
void wire_say(struct wire *w, bool binary, struct str data, uint32_t audio_ms);
void wire_close(struct wire *w, unsigned code, struct str reason, bool ours);
void wire_finish(struct wire *w, unsigned code, const char *why);
void wire_tell(struct wire *w);
enum err wire_deliver_held(struct wire *w);

/* wire_guest.c */
enum err wire_run(struct exchange *x); /* a ROUTE_WS line's way: handshake, then its function */
void wire_guest_said(struct wire *w, struct blob *blob, bool binary);
void wire_guest_late(struct wire *w);
void wire_guest_left(struct wire *w);

/* dial.c */
void dial_turn(struct wire *w, int events);
void dial_tick(struct wire *w);
void dial_fail(struct wire *w, const char *why);
void dial_drop(struct wire *w); /* nobody waits for it any more */
