/*
 * peer.h — what peers.c, peer_out.c and peer_in.c share; nobody else includes it.
 */
#pragma once
#include "bus/peers.h"

struct grave {
	uint64_t epoch;
	uint32_t number;
	char name[BUS_ROW_NAME_MAX + 1];
};

struct peers {
	struct row self;
	char hello[ROW_BODY_BYTES]; /* self as bus.hello */
	uint32_t hello_len, load;
	struct link *link;
	const struct peers_calls *calls;
	void *ctx;
	struct peer *live[PEERS_MOST]; /* by rising number */
	uint32_t n_live, last_number;
	struct peer *latest;               /* asked for */
	struct grave graves[PEERS_GRAVES]; /* a ring: only the latest can still be heard */
	uint32_t n_graves;
	uint64_t now_us, next_us;
	uint64_t looked_us; /* the clock of looking: stands while this process is busy */
	bool doubt;         /* we stood still, and what came meanwhile is not read yet */
	bool dead;          /* somebody is to be swept */
	bool ended;         /* this incarnation is over */
	struct probe {
		uint32_t line;
		uint64_t epoch, until_us;
	} probes[PEERS_PROBES];
	uint32_t n_probes;
	struct frame *spare[PEERS_SPARE]; /* packs to fill again */
	uint32_t n_spare;
	struct peers_stats stats;
};

/* ---- peer_out.c: packs, window, bulk ---- */
void peer_say(struct peers *ps, struct peer *p, enum frame_kind kind, uint32_t flags);
void peer_mute(struct peers *ps, struct peer *p);
void peer_hello(struct peers *ps, struct peer *p, uint32_t flags);
void peers_answer(struct peers *ps, uint32_t line, enum frame_kind kind, uint32_t flags,
                  uint64_t to, uint64_t seq);
void peer_acked(struct peers *ps, struct peer *p, uint64_t ack);
void peer_rewind(struct peers *ps, struct peer *p);
bool peer_pump(struct peers *ps, struct peer *p, bool idle); /* true: more can be done at once */
void peer_out_done(struct peers *ps, struct peer *p, bool tell);

/* ---- peer_in.c: events of the link ---- */
void peers_event(struct peers *ps, const struct link_event *ev);

/* ---- peers.c ---- */
struct peer *peers_by_epoch(const struct peers *ps, uint64_t epoch);
struct peer *peers_by_name(const struct peers *ps, const char *name);
struct peer *peers_by_line(const struct peers *ps, uint32_t line);
struct probe *peers_probe_of(struct peers *ps, uint32_t line);
