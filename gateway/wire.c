/*
 * wire.c — what is said on a wire, and how it ends: once, whatever happens.
 *
 *     bytes ─▶ frames.c ─▶ message ─▶ guest function, or owner      ping ─▶ pong
 *                          close ─▶ echo, LAST                      broken ─▶ close frame, LAST
 */
#include "gateway/wire.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* Its open: the first read comes at once, since TLS may hold bytes that no poll announces. */
void wire_begin(struct wire *w)
{
	struct wires *all = w->all;
	w->state = WIRE_OPEN;
	w->begin_us = w->heard_us = all->now_us;
	w->ping_us = all->now_us + (uint64_t)all->config.ping_ms * 1000;
	w->due_us = 0;
	if (w->guest.run)
		w->due_us = all->now_us + (uint64_t)w->guest.within_ms * 1000;
}

/* ---- to the owner ---------------------------------------------------------------------------- */

static struct to owner_of(const struct wire *w)
{
	if (w->owner->ref.gen)
		return to_ref(w->owner->ref);
	return to_text(w->owner->name);
}

static void act(struct wire *w)
{
	actor_act_for(w->all->self, w->business, w->principal, &w->trace);
}

/* The owner has no room, which passes; anything else says that there is no owner. */
static bool passes(enum err e)
{
	return e == ERR_FULL || e == ERR_BUSY || e == ERR_MEMORY;
}

static enum err send_frame(struct wire *w, struct blob *blob, bool binary)
{
	struct to to = owner_of(w);
	struct blob *moved = blob_ref(blob);
	act(w);
	enum err e = actor_send_to(w->all->self, &to, &moved,
	                           MSG(wire_frame, .wire = w->number, .binary = binary));
	if (!passes(e))
		blob_unref(blob);
	return e;
}

static bool hold(struct wire *w, struct blob *blob, bool binary)
{
	if (w->n_held == w->cap_held) {
		uint32_t cap = w->cap_held ? 2 * w->cap_held : 4;
		struct wire_said *at = realloc(w->held, cap * sizeof *at);
		if (!at)
			return false;
		w->held = at;
		w->cap_held = cap;
	}
	w->held[w->n_held++] = (struct wire_said){ blob, binary };
	return true;
}

/* What was kept goes first, in order. ERR_FULL: the rest is still here. */
enum err wire_deliver_held(struct wire *w)
{
	enum err e = OK;
	uint32_t done = 0;
	while (done < w->n_held && !passes(e))
		if (!passes(e = send_frame(w, w->held[done].blob, w->held[done].binary)))
			done++;
	w->n_held -= done;
	if (w->n_held)
		memmove(w->held, w->held + done, w->n_held * sizeof *w->held);
	w->full = w->n_held > 0;
	wire_watch(w);
	return e;
}

static void deliver(struct wire *w, struct str data, bool binary)
{
	struct blob *blob = wire_blob(data);
	w->received++;
	w->all->stats.received++;
	w->all->stats.received_bytes += data.len;
	if (!blob) {
		wire_close(w, CLOSE_LATER, str_of("out of memory"), true);
		return;
	}
	if (!w->owner && w->guest.run && w->n_held == w->guest.most) {
		blob_unref(blob);
		wire_close(w, CLOSE_POLICY, str_of("too much, too early"), true);
	} else if (w->owner && !w->n_held && !passes(send_frame(w, blob, binary))) {
		return; /* nearly always; whoever is no more is told by its watch */
	} else if (!hold(w, blob, binary)) {
		blob_unref(blob);
		wire_close(w, CLOSE_LATER, str_of("out of memory"), true);
	} else if (w->owner) {
		w->full = true;
		wire_watch(w);
	} else if (w->guest.run) {
		wire_guest_said(w, blob, binary);
	}
}

/* ---- from the other end ---------------------------------------------------------------------- */

/* Of any kind, in a second. */
static bool within_rate(struct wire *w)
{
	struct wires *all = w->all;
	if (all->now_us - w->rate_us >= 1000000) {
		w->rate_us = all->now_us;
		w->rate_n = 0;
	}
	return !all->config.rate || ++w->rate_n <= all->config.rate;
}

static void last(struct wire *w, unsigned code, struct str reason, bool ours)
{
	w->state = WIRE_LAST;
	w->due_us = w->all->now_us + WIRE_LAST_MS * UINT64_C(1000);
	w->code = (uint16_t)code;
	w->ours = ours;
	(void)str_keep(w->reason, sizeof w->reason, reason);
	wire_soil(w);
}

static void on_event(struct wire *w, const struct ws_event *e)
{
	bool open = w->state == WIRE_OPEN;
	switch (e->is) {
	case WS_IS_MESSAGE:
		if (open)
			deliver(w, e->data, e->binary);
		break;
	case WS_IS_PING: /* one who pings, and does not read, is not answered without end */
		if (open && wire_fits(w, ws_bytes(e->data.len, w->client)))
			wire_queue(w, WS_PONG, e->data);
		break;
	case WS_IS_CLOSE:
		if (open)
			wire_queue_close(w, e->code, (struct str){ 0 });
		last(w, e->code, e->data, w->ours);
		break;
	case WS_IS_BROKEN:
		if (open)
			wire_queue_close(w, e->code, e->data);
		last(w, e->code, e->data, true);
		break;
	case WS_IS_PONG:
	case WS_IS_NONE:
		break;
	}
}

/* The rest waits until the owner has room. */
static void stash(struct wire *w, const char *at, size_t n)
{
	if (!n)
		return;
	if (w->ahead.at && at >= w->ahead.at && at < w->ahead.at + w->ahead.cap) {
		memmove(w->ahead.at, at, n);
		w->ahead.len = n;
		return;
	}
	buf_put(&w->ahead, at, n);
	if (buf_err(&w->ahead))
		wire_finish(w, CLOSE_ABNORMAL, "out of memory");
}

void wire_feed(struct wire *w, char *at, size_t n)
{
	struct ws_event e;
	w->heard_us = w->all->now_us;
	while (n && (w->state == WIRE_OPEN || w->state == WIRE_CLOSING) && !w->full) {
		size_t used = ws_read(&w->in, at, n, &e);
		at += used;
		n -= used;
		if (e.is && !within_rate(w) && w->state == WIRE_OPEN)
			wire_close(w, CLOSE_POLICY, str_of("too many messages"), true);
		on_event(w, &e);
	}
	if (w->full)
		stash(w, at, n);
}

static void feed_ahead(struct wire *w)
{
	size_t n = w->ahead.len;
	if (!n || w->full)
		return;
	w->ahead.len = 0;
	wire_feed(w, w->ahead.at, n);
	if (!w->ahead.len)
		buf_done(&w->ahead);
}

/* ---- its turn -------------------------------------------------------------------------------- */

static void read_once(struct wire *w)
{
	size_t n;
	enum wire_read_is is = wire_recv(w, &n);
	if (is == WIRE_GOT && w->state == WIRE_LAST)
		return; /* unheard */
	if (is == WIRE_GOT)
		wire_feed(w, w->all->room, n);
	else if (is == WIRE_END)
		wire_finish(w, CLOSE_ABNORMAL, "the other end left without a close frame");
	else if (is == WIRE_BROKE)
		wire_finish(w, CLOSE_ABNORMAL, "the connection broke");
}

void wire_turn(struct wire *w, int events)
{
	char why[64];
	if (w->state < WIRE_OPEN || w->state == WIRE_OVER)
		return;
	if (w->broken) {
		(void)snprintf(why, sizeof why, "%s", strerror(w->broken));
		wire_finish(w, CLOSE_ABNORMAL, why);
		return;
	}
	if (events & LOOP_WRITE)
		wire_flush(w);
	feed_ahead(w);
	if (events & LOOP_READ && !w->full && w->fd >= 0 && w->state != WIRE_OVER)
		read_once(w);
}

/* Bytes that are here before our 101 went out: its sender did not wait for it (RFC 6455, 4.1). */
void wire_arrived(struct wire *w)
{
	static const struct ws_event early = { .is = WS_IS_BROKEN,
		                               .code = CLOSE_PROTOCOL,
		                               .data = STR_LIT("frames before the 101") };
	size_t n;
	wire_begin(w);
	wire_soil(w);
	enum wire_read_is is = wire_recv(w, &n);
	if (is == WIRE_GOT || w->early)
		on_event(w, &early);
	else if (is != WIRE_NOTHING)
		wire_finish(w, CLOSE_ABNORMAL, "the other end left before the 101");
}

/* ---- to the other end ------------------------------------------------------------------------ */

static void report_shed(struct wire *w)
{
	struct to to;
	if (!w->shed_frames || !w->owner)
		return;
	to = owner_of(w);
	act(w);
	if (!actor_send_to(w->all->self, &to, NULL,
	                   MSG(wire_shed, .wire = w->number, .frames = w->shed_frames,
	                       .audio_ms = w->shed_audio_ms))) {
		w->shed_frames = 0;
		w->shed_audio_ms = 0;
	}
}

void wire_say(struct wire *w, bool binary, struct str data, uint32_t audio_ms)
{
	struct wires_stats *s = &w->all->stats;
	if (w->state != WIRE_OPEN) {
		s->late++;
		return;
	}
	if (w->shedding || !wire_fits(w, ws_bytes(data.len, w->client))) {
		bool first = !w->shedding;
		w->shedding = true;
		w->shed++;
		w->shed_frames++;
		w->shed_audio_ms += audio_ms;
		s->shed++;
		s->shed_audio_ms += audio_ms;
		if (first)
			report_shed(w);
		return;
	}
	wire_queue(w, binary ? WS_BINARY : WS_TEXT, data);
	w->sent++;
	s->sent++;
	s->sent_bytes += data.len;
}

/* Half of it is free again: not at each byte, or shed and room would take turns. */
static void look_for_room(struct wire *w)
{
	uint32_t queued, unsent;
	struct to to;
	wire_queued(w, &queued, &unsent);
	report_shed(w);
	if ((uint64_t)queued + unsent > w->queue_max / 2 || w->shed_frames || !w->owner)
		return;
	to = owner_of(w);
	act(w);
	if (!actor_send_to(w->all->self, &to, NULL, MSG(wire_room, .wire = w->number)))
		w->shedding = false;
}

static void keep_alive(struct wire *w)
{
	uint64_t now = w->all->now_us, every = (uint64_t)w->all->config.ping_ms * 1000;
	if (now < w->ping_us)
		return;
	if (!w->full && now - w->heard_us >= 2 * every + every / 2) {
		wire_finish(w, CLOSE_ABNORMAL, "silent, pings too");
		return;
	}
	w->ping_us = now + every;
	if (wire_fits(w, ws_bytes(0, w->client)))
		wire_queue(w, WS_PING, (struct str){ 0 });
}

void wire_tick(struct wire *w)
{
	bool due = w->due_us && w->all->now_us >= w->due_us;
	switch (w->state) {
	case WIRE_TAKING:
		break;
	case WIRE_DIALLING:
		dial_tick(w);
		break;
	case WIRE_OPEN:
		if (w->full && !passes(wire_deliver_held(w)))
			wire_wake(w, LOOP_READ);
		if (due && w->guest.run) {
			wire_guest_late(w);
			break;
		}
		if (w->shedding)
			look_for_room(w);
		keep_alive(w);
		break;
	case WIRE_CLOSING:
		if (due)
			wire_finish(w, CLOSE_ABNORMAL, "no close frame came back");
		break;
	case WIRE_LAST:
		if (due)
			wire_finish(w, w->code, NULL);
		break;
	case WIRE_OVER:
		wire_tell(w);
		break;
	}
}

/* ---- the end --------------------------------------------------------------------------------- */

void wire_close(struct wire *w, unsigned code, struct str reason, bool ours)
{
	if (w->state == WIRE_DIALLING) {
		dial_drop(w);
		return;
	}
	if (w->state != WIRE_OPEN)
		return;
	wire_queue_close(w, code, reason);
	w->state = WIRE_CLOSING;
	w->due_us = w->all->now_us + WIRE_CLOSE_MS * UINT64_C(1000);
	w->ours = ours;
	w->code = (uint16_t)code;
	(void)str_keep(w->reason, sizeof w->reason, reason);
	w->full = false; /* what it still says is not delivered */
	wire_watch(w);
}

static void drop_held(struct wire *w)
{
	for (uint32_t i = 0; i < w->n_held; i++)
		blob_unref(w->held[i].blob);
	free(w->held);
	w->held = NULL;
	w->n_held = w->cap_held = 0;
	w->full = false;
}

static unsigned code_row(unsigned code)
{
	if (code >= 1000 && code <= 1014)
		return code - 1000;
	return code / 1000 == 3 ? 15 : code / 1000 == 4 ? 16 : 17;
}

static void account(const struct wire *w)
{
	struct wires *all = w->all;
	all->stats.closed[code_row(w->code)]++;
	access_put_wire(all->access,
	                &(struct access_wire){ .wall_us = (int64_t)loop_wall_us(all->loop),
	                                       .path = str_of(w->path),
	                                       .peer = w->peer,
	                                       .dialled = w->client,
	                                       .code = w->code,
	                                       .ours = w->ours,
	                                       .reason = str_of(w->reason),
	                                       .received = w->received,
	                                       .sent = w->sent,
	                                       .shed = w->shed,
	                                       .took_us = all->now_us - w->begin_us,
	                                       .trace = &w->trace });
}

/* No more bytes, in either direction. The code of a close frame that was said or heard stays. */
void wire_finish(struct wire *w, unsigned code, const char *why)
{
	uint32_t queued, unsent;
	if (w->state == WIRE_OVER)
		return;
	if (w->state != WIRE_LAST) {
		w->code = (uint16_t)code;
		if (why)
			(void)str_keep(w->reason, sizeof w->reason, str_of(why));
	}
	wire_queued(w, &queued, &unsent);
	w->unsent = (uint64_t)queued + unsent;
	report_shed(w);
	w->state = WIRE_OVER;
	wire_detach(w);
	ws_done(&w->in);
	buf_done(&w->out);
	buf_done(&w->ahead);
	drop_held(w);
	account(w);
	if (w->guest.run)
		wire_guest_left(w);
	wire_tell(w);
}

/* The last word. While its owner has no room for it, the wire stays. */
void wire_tell(struct wire *w)
{
	struct to to;
	if (w->owner) {
		to = owner_of(w);
		act(w);
		enum err e = actor_send_to(w->all->self, &to, NULL,
		                           MSG(wire_closed, .wire = w->number, .code = w->code,
		                               .reason = str_of(w->reason), .ours = w->ours,
		                               .received = w->received, .sent = w->sent,
		                               .shed = w->shed, .unsent = w->unsent));
		if (passes(e))
			return;
	}
	wire_remove(w);
}
