/*
 * wa_store.h — a store in memory, for the simulation of dedupe: what the statements wa_insert,
 * wa_window and lease_* do, in C and by plain loops, with a database that fails as databases do.
 *
 *     ask ──▶ (delay) ──▶ commit ──▶ (delay) ──▶ answer
 *                 │           └── lost, or "unavailable" although it happened
 *                 └── refused, or never carried out, or much too late
 */
#pragma once
#include "actors/actor.h"
#include "proto/wa.h"

enum { WA_STORE_ROWS = 20000, WA_STORE_LEASES = 8, WA_STORE_PAIRS = 64 };

struct wa_store_row {
	uint64_t business, id, dup_of;
	char provider_id[48], chat[48], sender[48], remote_jid[48];
	uint32_t collision;
	uint8_t class, source, layer, kind;
	bool from_me, was_placeholder;
	int64_t t_us;
	uint8_t fingerprint[32], body_print[16];
	bool has_fingerprint, has_body_print;
};

struct wa_store {
	/* Knobs: one in so many; 0: never. */
	uint32_t refuse, lose_before, lose_after, late, again;
	uint32_t delay_ms; /* of each step, at the most */
	/* The table. */
	struct wa_store_row rows[WA_STORE_ROWS];
	uint32_t n;
	struct {
		char name[64], owner[128];
		uint64_t epoch, until_us;
	} leases[WA_STORE_LEASES];
	struct {
		char lid[48], pn[48];
	} pairs[WA_STORE_PAIRS];
	uint32_t n_pairs;
	uint64_t inserts, stale, loads; /* carried out; refused by the fence; windows loaded */
	uint64_t upgrades;              /* placeholders that became accepted content */
	uint64_t hidden;                /* placeholders that became a copy: one accepted row less */
};

/* The one store of the process: emptied by wa_store_reset. */
extern struct wa_store wa_store;
void wa_store_reset(void);

/* The kind "store". */
extern const struct actor_kind wa_store_actor;
