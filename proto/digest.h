/*
 * digest.h — SHA-256, its HMAC, hex, comparison without a clock, bytes from the kernel.
 *
 * One of two doors to OpenSSL's libcrypto, beside seal.h (TLS is libwebsockets' affair). Nothing
 * here keeps state.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum { DIGEST_BYTES = 32, DIGEST_HEX = 2 * DIGEST_BYTES, DIGEST_SHA1 = 20 };

/* ERR_MEMORY; ERR_TOO_LARGE for a key of 2 GiB. */
MUST enum err digest_sha256(struct str data, uint8_t ret[DIGEST_BYTES]);
MUST enum err digest_hmac_sha256(struct str key, struct str data, uint8_t ret[DIGEST_BYTES]);
/* For the handshake of WebSockets, which proves nothing by it (RFC 6455, 1.3); for nothing new. */
MUST enum err digest_sha1(struct str data, uint8_t ret[DIGEST_SHA1]);
/* What carriers still sign with (RFC 2104 over SHA-1: not broken by its collisions, RFC 6194 2). */
MUST enum err digest_hmac_sha1(struct str key, struct str data, uint8_t ret[DIGEST_SHA1]);

/* Lower case and a NUL: ret has 2 * n + 1 bytes. */
void digest_hex(const void *at, size_t n, char *ret);
/* Exactly n bytes of hex, either case; ERR_MALFORMED otherwise and *ret is untouched. */
MUST enum err digest_unhex(struct str hex, void *ret, size_t n);

/* The time it takes depends on n alone: for whatever a stranger may guess at. */
MUST bool digest_eq(const void *a, const void *b, size_t n);

/* For keys, tokens and trace ids; never actor_random(), which a seed repeats. */
MUST enum err digest_random(void *ret, size_t n);

/* Overwrites a secret so that no optimiser leaves it behind. */
void digest_forget(void *at, size_t n);
