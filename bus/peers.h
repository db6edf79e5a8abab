/*
 * peers.h — the protocol between incarnations, over a link and a given time: numbered frames that
 * are held until acknowledged, and the judgement who is gone.
 *
 *     peer_send ─▶ pack (64 KiB) ─▶ window: 16 frames, held until acknowledged ─▶ line
 *     large ones ─▶ bulk queue ─▶ pieces, 4 of the 16 at the most ──┘
 *
 *     JOINING ──HELLO answered──▶ UP ◀──heard──▶ SUSPECT        down, or silent for 1 s
 *        └──────────┴────────────┴─── GONE ◀────┘               BYE; down for 500 ms; silent for
 *                                                               2.25 s; a newer epoch
 *
 * Both nodes and hubs speak it. Silence is counted only while looking: a process that was busy or
 * stopped accuses nobody. Gone is final: a grave is kept of each epoch, its frames are answered
 * STALE.
 */
#pragma once
#include "bus/bus.h"
#include "bus/row.h"

enum {
	PEERS_MOST = 1024,
	PEERS_GRAVES = 256,
	PEERS_SPARE = 16, /* packs kept for the next: a window of them */
	PEERS_PROBES = 16,
	PEER_WINDOW = 16,      /* frames in flight; below the link's receive water mark of 32 */
	PEER_WINDOW_DATA = 12, /* of them for ordinary messages: the rest is for control */
	PEER_WINDOW_PART = 8,  /* so many on their way: a part-filled pack waits for company */
	PEER_ACK_FRAMES = 6,   /* acknowledged at once: half of those for ordinary messages */
	PEER_WINDOW_BULK = 4,  /* of them for pieces: what a small frame may have to wait behind */
	PEER_BULK_MOST = 256,  /* messages waiting in the bulk queue */
	PEER_BULK_BYTES = 64 << 20,
	PEER_BEAT_US = 250000,
	PEER_ALIVE_US = 600000, /* heard of by the last beat or the one before */
	PEER_SUSPECT_US = 1000000,
	PEER_HELLO_US = 100000, /* an unanswered HELLO is said again */
	PEER_DOWN_US = 500000,
	PEER_SILENT_US = 2250000,
	PEER_DOUBT_US =
		2000000,       /* after so long without a turn we may be given up without knowing */
	PEER_LOOK_US = 100000, /* the most that one turn adds to anybody's silence */
	PEER_PACK_US = 100,    /* a part-filled pack waits so long for company while actors run */
	PEER_ACK_US = 10000,   /* an acknowledgement waits so long for a frame to ride on */
	PEER_RESEND_US = 20000,
	PEER_PROBE_US = 2000000,
};

struct peers;

/* One frame's worth of records: the pack being filled, or one of the window. What is lost with it
 * is read back from its bytes, so that no message has to live until it is acknowledged and each new
 * one finds warm memory. That and using packs again, not measured apart, took a message of 200
 * bytes from 412 to 278 ns of user time in both nodes together (tools/bench/README.md). */
struct held {
	struct frame *frame;
	const struct msg *large; /* whose last piece this is: its bytes are in several frames */
	uint32_t n_msgs, flags;  /* messages: all that the frame holds, or that large one */
	uint8_t kind;
	bool control; /* some of them are for the lane that is never dropped */
	bool stamped; /* its header is written: it may be in the link's hands, unchangeable */
};

struct bulk {
	struct bulk *next;
	const struct msg *m; /* NULL for a record that is not a message of ours */
	uint32_t len, done;
	uint8_t kind, pair;
	char at[];
};

/* One incarnation of another node. Read it; only peer*.c write it. */
struct peer {
	uint32_t number;
	enum bus_peer_state state;
	struct row row; /* epoch 0: dialled by endpoint, not yet answered */
	const char *kinds[ROW_KINDS + 1];
	char key[LINK_KEY_BYTES + 1]; /* that its frames must come with; "" on ipc */
	void *upper;                  /* whoever stands above may leave a pointer here */

	uint32_t line;
	bool connected; /* the line is up */
	bool answered;  /* and our HELLO was answered on it: it may carry frames */
	bool greeted;   /* its own HELLO has come: its frames are taken */
	bool told_up, bye, down;
	bool doubt; /* we stood still: its frames wait until it has answered that we still count */
	/* On the clock of looking: last heard of; unanswered since (0: it is answered). */
	uint64_t heard_looked_us, mute_looked_us;
	uint64_t ask_us; /* answers to HELLOs said before are out of date */
	uint64_t out_us; /* when the last frame left */

	struct held pack;
	uint64_t pack_us; /* when its first record came */
	struct held window[PEER_WINDOW];
	uint64_t acked, sealed, sent, top; /* top: highest ever sent */
	uint32_t pieces;                   /* of the window */
	struct bulk *bulk, **bulk_end;
	uint32_t n_bulk, bulk_bytes;
	uint16_t pairs[64]; /* messages in the bulk queue, by hash of (from, to) */

	uint64_t received, ack_told, ack_since_us, resend_us;
	bool ack_now, hole;
	char *whole; /* a large message being put together */
	uint32_t whole_len, whole_have;

	uint64_t n_sent, n_received, n_held; /* messages */
};

struct peers_calls {
	/* May this incarnation, authenticated by this key, be a peer? Only OK lets it in. What its
	 * key limits is written into the row here: its own word does not count. */
	enum err (*admit)(void *ctx, struct row *row, struct str key);
	void (*up)(void *ctx, struct peer *p); /* once: frames flow both ways */
	/* A whole record of a DATA, EVENT or CONTROL frame; lent. */
	void (*record)(void *ctx, struct peer *p, enum frame_kind kind, struct str record);
	void (*lost)(void *ctx, const struct msg *m, enum err why);
	void (*gone)(void *ctx, struct peer *p); /* the last word of it */
	void (*stale)(void *ctx);
	/* It says that we are gone. true: no, it is the one who was cut off, and is buried. */
	bool (*is_cut_off)(void *ctx, const struct peer *p);
	/* By a hub, at each try: ERR_CONFLICT, somebody of our name lives; ERR_DENIED, our key is
	 * not known there. */
	void (*refused)(void *ctx, struct peer *hub, enum err why);
};

struct peers_stats {
	uint64_t frames_in, frames_out, resent, twins, holes;
	uint64_t malformed, stale, strangers, denied;
};

MUST enum err peers_new(const struct row *self, struct link *link, const struct peers_calls *calls,
                        void *ctx, uint32_t numbers_after, uint64_t now_us, struct peers **ret);
void peers_free(struct peers **ps); /* says BYE to all; nothing is reported lost; NULLs *ps */

/* Know an incarnation from the roster, and dial it. OK also when it was known. ERR_STALE: it is
 * gone, or older than the one known by that name. ERR_FULL, ERR_NO_ROUTE. */
MUST enum err peers_meet(struct peers *ps, const struct row *row, struct peer **ret);
/* Dial a hub, whose incarnation will be known by its answer; tried until it is. */
MUST enum err peers_dial(struct peers *ps, const struct link_addr *to, struct peer **ret);
/* Its row as it is now, the epoch the same. */
void peer_rename(struct peer *p, const struct row *row);
/* Declare it gone now. */
void peers_bury(struct peers *ps, struct peer *p);
bool peers_buried(const struct peers *ps, uint64_t epoch);
/* This incarnation is over: all is lost, all are gone, then our owner is told. */
void peers_end(struct peers *ps);
/* Others still count a buried one among the living. If we are buried there as well, neither would
 * ever speak again: ask. The answer, if any, is that we are stale. */
void peers_probe(struct peers *ps, const struct row *row);
uint32_t peers_last_number(const struct peers *ps);

struct peer *peers_of(struct peers *ps, uint32_t number);  /* NULL when gone or unknown */
struct peer *peers_at(const struct peers *ps, uint32_t i); /* the i-th living, NULL past it */
const char *peers_name(struct peers *ps, uint32_t number);
const struct peers_stats *peers_stats(const struct peers *ps);

/* Actors alive here: told to all with each beat. */
void peers_load(struct peers *ps, uint32_t actors);

bool peers_drain(struct peers *ps, uint64_t now_us);
bool peers_flush(struct peers *ps, uint64_t now_us, bool idle);
uint64_t peers_next_us(const struct peers *ps);

/* ERR_FULL, ERR_GONE, ERR_TOO_LARGE; m is borrowed. */
MUST enum err peer_send(struct peers *ps, struct peer *p, enum frame_kind kind,
                        const struct msg *m);
/* The same of a body that is in no block; ERR_TOO_LARGE also when it fits no pack, or must go
 * behind one that does not: it is to be sent as a message. */
MUST enum err peer_send_body(struct peers *ps, struct peer *p, enum frame_kind kind,
                             const struct msg *head, const void *body);
/* A record that is bytes already, [u32 the rest] included; copied. */
MUST enum err peer_put(struct peers *ps, struct peer *p, enum frame_kind kind, struct str record);
/* A record of CONTROL: a message of group bus. */
MUST enum err peer_control(struct peers *ps, struct peer *p, const struct proto_desc *type,
                           const void *body);
