/*
 * twilio.h — what Twilio does before a call is a stream: it signs, posts a form, and reads TwiML.
 *
 * TwiML is read as strictly as Twilio reads it: well-formed, known verbs, known attributes, a
 * stream's url without a query, a parameter within 500 characters.
 */
#pragma once
#include "proto/buf.h"

enum { TWILIO_SID = 35, TWILIO_SIGNATURE = 29, TWIML_MAX = 64 << 10 };

struct twilio_param {
	const char *name;
	struct str value;
};

/* prefix "CA", "MZ" or "AC" and 32 hex digits; the same for the same numbers. */
void twilio_sid(char ret[TWILIO_SID], const char prefix[2], uint64_t seed, uint32_t n);

/* X-Twilio-Signature of a form POST; n 0 is a GET or an upgrade, which sign the URL alone. */
MUST enum err twilio_sign(struct str token, struct str url, const struct twilio_param *params,
                          uint32_t n, char ret[TWILIO_SIGNATURE]);
void twilio_form(struct buf *b, const struct twilio_param *params, uint32_t n);

enum { TWIML_PARAMETERS = 8 };

struct twiml {
	bool stream;    /* <Connect><Stream>; url, and its parameters */
	bool then_some; /* a verb follows <Connect>: Twilio goes on with it afterwards */
	bool say, hangup, reject;
	char dial[64]; /* a number the call goes on to */
	char url[512];
	struct {
		char name[64], value[512];
	} parameters[TWIML_PARAMETERS];
	uint32_t n_parameters;
};

/* ERR_MALFORMED: it is no TwiML, ret_why says what. */
MUST enum err twiml_read(struct str text, struct twiml *ret, char ret_why[96]);
