/*
 * twilio_line.h — which telephone line a webhook is for, and whether the carrier really sent it.
 *
 *     form ─▶ AccountSid ─▶ connector (store, cached) ─▶ signature over URL and fields ─▶ `known`
 *
 * All three voice webhooks begin here. A missing signature is 400; a wrong one, an account that
 * nobody has, and a connector of another kind are 403, told apart by nobody.
 */
#pragma once
#include "gateway/exchange.h"
#include "gateway/twilio_secret.h"
#include "proto/arena.h"

enum { LINE_ROOM = 16384 };

struct line {
	uint64_t id, business, until_us;
	char account[65];
	struct twilio_secret tokens;
};

/* What every voice webhook keeps while it is answered; first in a route's own state. */
struct line_visit {
	struct line line;
	struct arena a;
	char room[LINE_ROOM];
	exchange_fn *known;
};

/* Find and verify; `known` runs when the request is the carrier's, under the line's business. */
enum err line_verify(struct exchange *x, struct line_visit *v, exchange_fn *known);

/* The first field of that name, decoded; empty when there is none. */
struct str line_field(struct exchange *x, struct line_visit *v, const char *name);

/* The address as the carrier called it: setting `public_url`, else scheme and Host of the request,
 * with `target`; "wss" instead of "https" when `socket`. */
struct str line_url(struct exchange *x, bool socket, struct str target, char *room, size_t cap);
