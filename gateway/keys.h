/*
 * keys.h — API keys as the store knew them a moment ago: by their hash, for a few seconds.
 *
 * A key that was revoked is believed no longer than KEYS_GOOD_US; one that is unknown is remembered
 * for less, so that a new one works soon. Fixed size: another key in the same cell takes it over.
 * Only hashes are here; the key itself is nowhere. Pure: time is a parameter.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum {
	KEYS_CELLS = 2048,
	KEYS_GOOD_US = 4000000, /* revocation takes effect within 5 s: facts/security.md */
	KEYS_BAD_US = 1000000,
	KEYS_SCOPES = 512, /* bytes of all scopes of a key, each with a space behind it */
	KEYS_TEXT = 200,   /* bytes of a key at the most */
};

struct key_cache;

struct key {
	uint8_t hash[32];
	uint64_t until_us;
	uint64_t id, business; /* id 0: no such key */
	char scopes[KEYS_SCOPES];
};

MUST enum err key_cache_new(struct key_cache **ret);
void key_cache_free(struct key_cache **k);

const struct key *key_cache_find(const struct key_cache *k, const uint8_t hash[32],
                                 uint64_t now_us);
/* `scopes` are copied; those that do not fit are left out: less is allowed, never more. */
const struct key *key_cache_put(struct key_cache *k, const uint8_t hash[32], uint64_t id,
                                uint64_t business, const struct str *scopes, uint32_t n,
                                uint64_t now_us);

/* Has it exactly this scope? No wildcards. */
bool key_may(const struct key *key, const char *scope);

/* The credentials of "Bearer CREDENTIALS" (RFC 6750, 2.1); empty when it is none of that form. */
struct str key_bearer(struct str authorization);
