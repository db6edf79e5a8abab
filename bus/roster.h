/*
 * roster.h — what bus.c and roster.c share; nobody else includes it.
 */
#pragma once
#include "bus/bus.h"
#include "bus/peers.h"

enum { HUBS_MOST = 4, TYPES_MOST = 1024, WANTED_MOST = 4096, TOLD_MOST = 1024, REVOKED_MOST = 16 };

struct hub_line {
	char endpoint[128];
	uint32_t peer; /* 0: to be dialled */
	uint64_t redial_us;
	bool joined;
	bool was_joined, told_refused;
	uint64_t refused_us;                    /* since when it does not let us in; 0: it does */
	uint32_t wanted[WANTED_MOST], n_wanted; /* types that others hear, rising */
};

/* What the hubs told of a name last. It stays when its node has left: a link may outlive the hub's
 * patience, and its key is good until it is revoked. */
struct told {
	struct row row;
	bool left;
	uint64_t probe_us, pause_us; /* when to ask one that is buried here, and how long between */
};

struct bus {
	struct peers *peers;
	struct bus_config config;
	char hub_key[LINK_KEY_BYTES + 1];
	struct row self;
	struct hub_line hubs[HUBS_MOST];
	uint32_t n_hubs, n_joined;
	struct {
		uint32_t type, times;
	} heard[TYPES_MOST]; /* by rising type */
	uint32_t n_heard;
	bool tell_heard; /* some hub has not been told all of them */
	struct told *told;
	uint32_t n_told;
	char revoked[REVOKED_MOST][LINK_KEY_BYTES + 1], revoked_out[LINK_KEY_BYTES + 1];
	uint32_t n_revoked;
	uint64_t now_us, probe_us;
	struct bus_stats stats;
};

/* The hub that this peer is, or NULL. */
struct hub_line *roster_hub_of(struct bus *b, const struct peer *p);
void roster_joined(struct bus *b, struct hub_line *h, bool joined);
void roster_control(struct bus *b, struct hub_line *h, struct str record);
void roster_probe(struct bus *b);

/* For struct peers_calls. */
enum err roster_admit(void *ctx, struct row *row, struct str key);
bool roster_is_cut_off(void *ctx, const struct peer *p);
void roster_unwelcome(void *ctx, struct peer *p, enum err e);
