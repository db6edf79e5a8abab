/*
 * call_world.h — what stands around a call in its simulation: a gateway whose wires end at seeded
 * models of a carrier and of the AI, and the truth both of them keep.
 *
 *     carrier ── frames, marks ──▶ ┌─────────┐ ── wire.frame ─▶ ┌──────────────┐
 *        plays what it was sent ◀─ │ gateway │ ◀─ wire.send ─── │ call_session │
 *     AI ── events, audio ───────▶ │ (model) │                  └──────────────┘
 *        checks what it was told ◀ └─────────┘
 *
 * Each 20 ms of audio carries who said it and which one it is, so that loss, order, repetition and
 * cross-talk are seen where it arrives.
 */
#pragma once
#include "actors/actor.h"
#include "proto/call.h"

enum { WORLD_CALLS = 3, WORLD_ITEMS = 160, WORLD_LEGS = 64, WORLD_AIR = 512 };

/* Something on its way, in either direction. */
struct flight {
	struct flight *next;
	uint64_t due_us;
	uint32_t len;
	bool binary, last; /* last: the wire's end comes with it */
	char at[];
};

struct lane {
	struct flight *first, *last;
	uint64_t last_due_us;
	uint32_t bytes;
};

struct item { /* of the AI, as it made it */
	char id[32];
	uint32_t leg, blocks; /* 20 ms each, sent by the AI */
	uint32_t passed;      /* arrived at the carrier: blocks, in order */
	uint32_t heard_bytes; /* played */
	uint64_t cleared_us;
	bool cleared; /* some of it was thrown away by a clear */
	bool truncated;
	uint32_t truncated_ms;
};

struct ai {
	bool open, created, ready, dead;
	uint64_t wire;
	uint32_t serial;
	struct lane to_us, to_it;
	uint64_t created_us, updated_us, dies_us, expires_us; /* 0: never */
	bool mute;                                            /* listens and says nothing */
	bool in_speech, responding;
	uint32_t quiet, response;
	uint32_t item_left, items_left; /* blocks; items after this one */
	int item;                       /* -1: none */
	uint64_t next_us, cancel_us, dead_us;
	bool ends_call;
};

struct carrier {
	uint64_t wire;
	uint32_t stream;
	struct lane to_us, to_it;
	bool started, stopped, stalled, shed;
	uint64_t start_us, next_us, stop_us, reset_us, silent_us, stall_us, stall_to_us, twin_us;
	uint64_t talk_us, hush_us; /* when the caller next begins, and ends, to speak */
	uint32_t chunk, sequence;
	/* its buffer: blocks of items, and marks among them */
	struct {
		char mark[64];
		int item; /* -1: a sound; -2: a mark */
		uint32_t bytes;
	} air[WORLD_AIR];
	uint32_t first, n;
	uint64_t play_us; /* how far playing has come */
	uint64_t heard_us,
		waits_us; /* last sound; since when the caller waits for one; 0: does not */
};

struct world_call {
	char id[36];
	uint64_t expect_us, stream_us;
	struct carrier carrier;
	/* What is ordered of its session, and what came of it. */
	enum { ORDER_NONE, ORDER_HANG_UP, ORDER_DRAIN, ORDER_RETIRE } order;
	uint64_t order_us, end_by_us; /* drained: over then at the latest */
	bool hung_up;                 /* it said so */
	bool cold;                    /* its warm session was told that the stream is elsewhere */
	uint32_t cold_ais, digits;
	uint64_t old_wire; /* a stream that was replaced: what it says must change nothing */
	struct ai ais[WORLD_LEGS];
	uint32_t n_ais;
	struct item items[WORLD_ITEMS];
	uint32_t n_items, item_serial;
	uint32_t said, ai_heard; /* caller's frames: sent; the last one that an AI got */
	uint64_t ai_frames;
	uint64_t down_us, up_us;          /* the AI cannot be dialled between */
	uint64_t dialled_us;              /* the last dial */
	bool tried, reached, over, final; /* dialled while down; and after it */
	uint32_t cut_errors, worst_error_ms, truncates, clears;
};

struct world {
	struct world_call calls[WORLD_CALLS];
	uint64_t last_wire, begin_us;
	uint32_t latency_us; /* at most, each way */
	bool faults;
	uint64_t frames, audio_out, sheds, dead_air_us;
	uint32_t dials, barge_ins, resumed, crossed, orders, digits;
};

extern struct world world;
void world_reset(void);
extern const struct actor_kind world_gateway_actor;
