/*
 * seal.h — secrets that a database may hold: AES-256-GCM under keys it never sees.
 *
 *     v1:KEYID:base64(nonce 12 │ ciphertext │ tag 16)     what a column holds
 *     ENCRYPTION_KEY = NEW,OLD                            the first seals, each of them opens
 *
 * Whose secret it is, and which column's, is authenticated beside it, with the key's id: a sealed
 * text that was moved to another row of another business opens nothing. The nonce is random: 2^32
 * secrets under one key are safe (NIST SP 800-38D 8.3).
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum {
	SEAL_KEY_BYTES = 32,
	SEAL_KEY_HEX = 2 * SEAL_KEY_BYTES,
	SEAL_KEYS = 4,
	SEAL_ID_HEX = 8, /* start of the SHA-256 of the key */
	SEAL_NONCE_BYTES = 12,
	SEAL_TAG_BYTES = 16,
	SEAL_PLAIN_MAX = 200,
	SEAL_TEXT_MAX = 320, /* of a secret of SEAL_PLAIN_MAX, its NUL included */
};

struct seal_keys {
	uint32_t n;
	uint8_t key[SEAL_KEYS][SEAL_KEY_BYTES];
	char id[SEAL_KEYS][SEAL_ID_HEX + 1];
};

/* 64 hex digits each, between commas; spaces and a last newline do not count. ERR_INVALID. */
MUST enum err seal_keys_read(struct str text, struct seal_keys *ret);
void seal_keys_forget(struct seal_keys *k);

/* `what` names the column: "connector.secret". ERR_MISSING: no key; ERR_TOO_LARGE. */
MUST enum err seal(const struct seal_keys *k, uint64_t business, const char *what, struct str plain,
                   char ret[SEAL_TEXT_MAX]);
/* ERR_MISSING: a key we do not have; ERR_DENIED: it was not sealed for this, or was changed. The
 * text ends with NUL. */
MUST enum err seal_open(const struct seal_keys *k, uint64_t business, const char *what,
                        struct str sealed, char ret[SEAL_PLAIN_MAX + 1]);
/* Has it the form of a sealed text? What was stored before there were seals has not. */
bool seal_is(struct str text);
/* Is it under the key that seals now? */
bool seal_is_new(const struct seal_keys *k, struct str sealed);

/* The cipher itself: `ret` has plain.len + SEAL_TAG_BYTES bytes. */
MUST enum err seal_gcm(const uint8_t key[SEAL_KEY_BYTES], const uint8_t nonce[SEAL_NONCE_BYTES],
                       struct str aad, struct str plain, uint8_t *ret);
