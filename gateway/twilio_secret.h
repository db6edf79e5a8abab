/*
 * twilio_secret.h — what a telephone line keeps in its connector's one sealed secret: the auth
 * token, the one before it while tokens are being changed, and a fixed stream token for load tests.
 *
 *     AUTH OLD STREAM        words between spaces; "-" for none
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum { TWILIO_TOKEN_MAX = 64, TWILIO_SECRET_MAX = 3 * TWILIO_TOKEN_MAX + 2 };

struct twilio_secret {
	char auth[TWILIO_TOKEN_MAX + 1], old[TWILIO_TOKEN_MAX + 1], stream[TWILIO_TOKEN_MAX + 1];
};

/* ERR_INVALID: not of this form. */
MUST enum err twilio_secret_read(struct str text, struct twilio_secret *ret);
/* ERR_INVALID: no auth token of 16 characters or more, or a token with a space or other than
 * printable ASCII in it, or "-". */
MUST enum err twilio_secret_write(const struct twilio_secret *s, char ret[TWILIO_SECRET_MAX + 1]);
