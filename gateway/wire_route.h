/*
 * wire_route.h — a stranger's WebSocket until it has an owner: for functions that ROUTE_WS lines
 * name.
 *
 *     stranger ──▶ guards ──▶ permit ──▶ handshake ──▶ your function ── wire_accept() ──▶ 101
 *     stranger ══▶ your guest function ══ wire_give() ══▶ an actor: wire.frame, wire.closed
 *
 * The function (of type exchange_fn) may look, ask and refuse as any other; at its end it accepts.
 * What the stranger says then is shown to the guest function, and kept; once it knows whose wire
 * this is it gives it away: the actor gets that first message, then all that was said, in order,
 * then what follows, each as wire.frame. It speaks back by wire.send to the sender
 * (proto/schema/wire.msg).
 *
 *     static void on_media(struct wire *w, enum wire_moment now, struct str said, bool binary)
 *     {
 *             if (now == WIRE_SAID && is_start(said))
 *                     wire_give(w, "call_session/CA1", MSG(call_stream, .wire = wire_number(w),
 * …)); else if (now == WIRE_LATE) wire_end(w, 1008, "no start in time");
 *     }
 *
 *     enum err media_route(struct exchange *x)
 *     {
 *             return wire_accept(x, &(struct wire_guest){ on_media, 5000, 8 }, NULL);
 *     }
 */
#pragma once
#include "gateway/exchange.h"

struct wire;

enum wire_moment {
	WIRE_SAID, /* one whole message; it is kept for the owner */
	WIRE_LATE, /* the time is up: what is not given away now is closed with 1008 */
	WIRE_LEFT, /* it has gone, without ever having had an owner: the last call */
};

typedef void wire_guest_fn(struct wire *w, enum wire_moment now, struct str said, bool binary);

struct wire_guest {
	wire_guest_fn *run;
	uint32_t within_ms; /* from the 101 until it must have an owner */
	uint32_t most;      /* messages kept until then; one more closes it with 1008 */
};

/* Answers the exchange with 101. *ret (or NULL) is the wire, for wire_state(). ERR_BUSY: there are
 * too many. The exchange's business and principal are the wire's, too. */
enum err wire_accept(struct exchange *x, const struct wire_guest *guest, struct wire **ret);

/* Give it to an actor, by name: wire_give(w, "call_session/CA1", MSG(call_stream, …)). An error:
 * it is still here, and nothing was sent. */
#define wire_give(w, to, ...) wire_give_to(w, TO(to), __VA_ARGS__)
MUST enum err wire_give_to(struct wire *w, const struct to *to, const struct proto_desc *type,
                           const void *body);
/* Say good-bye; the guest function is called no more but for WIRE_LEFT. */
void wire_end(struct wire *w, unsigned code, const char *reason);

/* For whom it is, once what it said has proved that; before wire_give(). */
void wire_act_for(struct wire *w, uint64_t business, uint64_t principal);

uint64_t wire_number(const struct wire *w);
struct str wire_path(const struct wire *w);
struct str wire_peer(const struct wire *w);     /* address, through trusted proxies */
struct str wire_protocol(const struct wire *w); /* agreed on; may be empty */
struct actor *wire_actor(const struct wire *w); /* the gateway: for time, logs, settings */
/* Zeroed, made by the first call with that size, freed with the wire. NULL: out of memory. */
void *wire_state(struct wire *w, size_t bytes);
