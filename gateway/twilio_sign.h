/*
 * twilio_sign.h — X-Twilio-Signature (facts calls.md 1.7, twilio-node's webhooks): HMAC-SHA1 with
 * the account's auth token, in base64, over the address as the carrier called it and, of a form,
 * its fields sorted by name, names and values run together.
 *
 *     form      URL + name value name value …     a repeated name: its values without twins, sorted
 *     GET       URL
 *     JSON      URL, whose bodySHA256=HEX is that of the raw body
 *
 * The sender is not consistent about the default port, so the address is tried with and without it.
 * Pure; takes the same time for every wrong signature.
 */
#pragma once
#include "proto/arena.h"
#include "proto/err.h"

enum { TWILIO_URL_MAX = 4096, TWILIO_FIELDS = 256 };

struct twilio_request {
	struct str url;  /* scheme, host, path and query as the street knows us: public_url of the
	                    config */
	struct str body; /* raw */
	bool form;       /* its content type is application/x-www-form-urlencoded */
};

/* OK: signed with one of the tokens (empty ones do not count). ERR_UNAUTHENTICATED: not so.
 * ERR_MISSING: no signature at all. ERR_MALFORMED: the body is no form, or has more than
 * TWILIO_FIELDS fields; ERR_TOO_LARGE: the URL, or the arena is full. */
MUST enum err twilio_verify(const struct twilio_request *r, struct str signature,
                            const struct str *tokens, uint32_t n_tokens, struct arena *a);

/* What a carrier would send, 28 characters and a NUL: for tests and the load tool's own check. */
MUST enum err twilio_signature(const struct twilio_request *r, struct str token, struct arena *a,
                               char ret[29]);
