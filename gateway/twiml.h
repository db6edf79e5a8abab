/*
 * twiml.h — what the carrier is told to do with a call, in TwiML.
 */
#pragma once
#include "proto/buf.h"

/* Open a stream to us, with a token that comes back in START. Nothing stands after it: when the
 * stream ends, so does the call; or it goes on to `then_dial`, if that is given. */
struct twiml_stream {
	struct str url, status_url, token;
	struct str then_dial;
};
void twiml_stream(struct buf *b, const struct twiml_stream *s);

/* Say something, then dial a number or, without one, hang up. */
void twiml_say(struct buf *b, struct str words, struct str dial);
