/*
 * call_ticket.h — what the TwiML gives along to the stream it asks for: which call, whose, from
 * whom to whom. Sealed, so a stream can be opened by nobody else, for no other call, and by any
 * gateway: none of them keeps a list.
 *
 *     BUSINESS.v1:KEYID:base64          the seal covers the business, too (proto/seal.h)
 *
 * It is good for TICKET_S from the webhook on. One call's second stream with the same ticket
 * retires the first one, so a ticket is worth one call.
 */
#pragma once
#include "proto/call.h"
#include "proto/seal.h"

enum { TICKET_S = 120, TICKET_TEXT = 24 + SEAL_TEXT_MAX, TICKET_SID = 40, TICKET_PARTY = 32 };

struct call_ticket {
	uint64_t business, connector;
	enum call_direction direction;
	char call[TICKET_SID + 1], account[TICKET_SID + 1];
	char from[TICKET_PARTY + 1], to[TICKET_PARTY + 1]; /* empty: withheld */
};

/* ERR_INVALID: a part with a space in it; ERR_TOO_LARGE; those of seal(). */
MUST enum err ticket_write(const struct seal_keys *k, const struct call_ticket *t, uint64_t now_s,
                           char ret[TICKET_TEXT]);
/* ERR_MALFORMED: no ticket. ERR_DENIED: not ours, or changed. ERR_STALE: too old. */
MUST enum err ticket_read(const struct seal_keys *k, struct str text, uint64_t now_s,
                          struct call_ticket *ret);
