/*
 * peer_out.c — outgoing: packs, the held window, pieces of large messages, acknowledgements.
 *
 *      acked          sent          sealed
 *        │ held: in the │ held: not    │
 *        │ link's hands │ yet taken    │ pack, part-filled
 *     ───┴──────────────┴──────────────┴──────────▶ numbers
 *
 * A line that came up anew, and a receiver that misses a number, set `sent` back to `acked`: what
 * arrives twice is dropped there by its number.
 */
#include "bus/peer.h"
#include "proto/codec.h"
#include "proto/envelope.h"
#include <stdlib.h>

/* ---- frames without a number ---------------------------------------------------------------- */

static struct frame_head head_to(const struct peers *ps, const struct peer *p, uint8_t kind,
                                 uint32_t flags)
{
	return (struct frame_head){
		.kind = kind,
		.flags = flags,
		.from = ps->self.epoch,
		.to = p->row.epoch,
		.seq = p->top,
		.ack = p->received,
	};
}

static void told(struct peer *p)
{
	p->ack_told = p->received;
	p->ack_now = false;
}

static void say(struct peers *ps, struct peer *p, struct frame *f, enum frame_kind kind,
                uint32_t flags)
{
	struct frame_head head = head_to(ps, p, (uint8_t)kind, flags);
	if (kind == FRAME_HELLO)
		head.seq = ps->now_us;
	frame_stamp(f, &head);
	if (link_send(ps->link, p->line, f) == OK) {
		p->out_us = ps->now_us;
		ps->stats.frames_out++;
		told(p);
	}
	frame_unref(f);
}

void peer_say(struct peers *ps, struct peer *p, enum frame_kind kind, uint32_t flags)
{
	struct frame *f = frame_new(FRAME_HEAD_BYTES);
	if (f)
		say(ps, p, f, kind, flags);
}

static struct frame *hello_new(const struct peers *ps)
{
	struct frame *f = frame_new(FRAME_HEAD_BYTES + ps->hello_len);
	if (f) {
		memcpy(f->at + FRAME_HEAD_BYTES, ps->hello, ps->hello_len);
		f->len += ps->hello_len;
	}
	return f;
}

void peer_hello(struct peers *ps, struct peer *p, uint32_t flags)
{
	struct frame *f = hello_new(ps);
	if (f)
		say(ps, p, f, FRAME_HELLO, flags);
}

/* Nothing numbered goes out on its line until a HELLO is answered there. */
void peer_mute(struct peers *ps, struct peer *p)
{
	p->answered = false;
	p->ask_us = ps->now_us;
	if (!p->mute_looked_us)
		p->mute_looked_us = ps->looked_us;
}

/* To somebody who is no peer, or no more: on this line, or (0) the way the last frame came. */
void peers_answer(struct peers *ps, uint32_t line, enum frame_kind kind, uint32_t flags,
                  uint64_t to, uint64_t seq)
{
	struct frame *f = kind == FRAME_HELLO ? hello_new(ps) : frame_new(FRAME_HEAD_BYTES);
	if (!f)
		return;
	struct frame_head head = {
		.kind = (uint8_t)kind, .flags = flags, .from = ps->self.epoch, .to = to, .seq = seq
	};
	frame_stamp(f, &head);
	if ((line ? link_send(ps->link, line, f) : link_answer(ps->link, f)) == OK)
		ps->stats.frames_out++;
	frame_unref(f);
}

/* ---- the window ----------------------------------------------------------------------------- */

static uint32_t used(const struct peer *p)
{
	return (uint32_t)(p->sealed - p->acked);
}

static struct held *slot(struct peer *p, uint64_t seq)
{
	return &p->window[seq % PEER_WINDOW];
}

static struct frame *pack_take(struct peers *ps)
{
	return ps->n_spare ? ps->spare[--ps->n_spare] : frame_new(FRAME_PACK_BYTES);
}

/* A pack's memory is warm and its pages are there: malloc would give them back to the system. */
static void frame_give(struct peers *ps, struct frame *f)
{
	if (f && f->cap == FRAME_PACK_BYTES && ps->n_spare < PEERS_SPARE && frame_is_sole(f)) {
		f->len = FRAME_HEAD_BYTES;
		ps->spare[ps->n_spare++] = f;
	} else {
		frame_unref(f);
	}
}

static void held_done(struct peers *ps, struct held *h)
{
	msg_unref(h->large);
	frame_give(ps, h->frame);
	*h = (struct held){ 0 };
}

void peer_acked(struct peers *ps, struct peer *p, uint64_t ack)
{
	if (ack > p->top) { /* of frames never sent */
		ps->stats.malformed++;
		return;
	}
	while (p->acked < ack) {
		struct held *h = slot(p, ++p->acked);
		p->pieces -= h->kind == FRAME_PIECE;
		p->n_held -= h->n_msgs;
		held_done(ps, h);
	}
	if (p->sent < p->acked)
		p->sent = p->acked;
}

void peer_rewind(struct peers *ps, struct peer *p)
{
	ps->stats.resent += p->sent - p->acked;
	p->sent = p->acked;
}

/* The pack takes the next number. */
static void seal(struct peer *p, struct held *h)
{
	struct held *at = slot(p, ++p->sealed);
	*at = *h;
	*h = (struct held){ 0 };
	p->pieces += at->kind == FRAME_PIECE;
}

/* A pack may take one of the places kept for control only if it holds some. */
static bool seal_pack(struct peer *p)
{
	if (!p->pack.frame)
		return true;
	if (used(p) >= (p->pack.control ? PEER_WINDOW : PEER_WINDOW_DATA))
		return false;
	seal(p, &p->pack);
	return true;
}

static void transmit(struct peers *ps, struct peer *p)
{
	while (p->answered && p->sent < p->sealed) {
		struct held *h = slot(p, p->sent + 1);
		if (!h->stamped) {
			struct frame_head head = head_to(ps, p, h->kind, h->flags);
			head.seq = p->sent + 1;
			frame_stamp(h->frame, &head);
		}
		if (link_send(ps->link, p->line, h->frame) != OK)
			return;
		if (!h->stamped)
			told(p);
		h->stamped = true;
		p->sent++;
		p->top = p->sent > p->top ? p->sent : p->top;
		p->out_us = ps->now_us;
		ps->stats.frames_out++;
	}
}

/* ---- bulk ----------------------------------------------------------------------------------- */

/* What X sends to Y after a large message must not overtake it: pairs with a message in the bulk
 * queue are counted, by hash; a collision only costs the detour. */
static uint8_t pair_of(const struct msg *m)
{
	uint32_t x = m->from.slot * 0x9e3779b1u ^ m->to.slot * 0x85ebca6bu;
	for (uint32_t i = 0; i < m->to_name.len && i < 64; i++)
		x = x * 31 + (unsigned char)m->to_name.at[i];
	return (uint8_t)((x ^ x >> 16) % 64);
}

static enum err bulk_add(struct peer *p, const struct msg *m, struct bulk *b)
{
	if (p->n_bulk == PEER_BULK_MOST || b->len > PEER_BULK_BYTES - p->bulk_bytes ||
	    !seal_pack(p)) { /* the pack holds what was sent before */
		free(b);
		return ERR_FULL;
	}
	if (m) {
		b->m = msg_ref(m);
		b->pair = pair_of(m);
		p->pairs[b->pair]++;
		p->n_held++;
	}
	*p->bulk_end = b;
	p->bulk_end = &b->next;
	p->n_bulk++;
	p->bulk_bytes += b->len;
	return OK;
}

static enum err bulk_msg(struct peers *ps, struct peer *p, enum frame_kind kind,
                         const struct msg *m)
{
	size_t len;
	enum err e = packet_put(m, ps->now_us, NULL, 0, &len);
	if (e != ERR_FULL)
		return e ? e : ERR_TOO_LARGE;
	if (len > PEER_BULK_BYTES)
		return ERR_TOO_LARGE;
	struct bulk *b = malloc(sizeof *b + len);
	if (!b)
		return ERR_MEMORY;
	*b = (struct bulk){ .kind = (uint8_t)kind, .len = (uint32_t)len };
	e = packet_put(m, ps->now_us, b->at, len, &len);
	if (e) {
		free(b);
		return e;
	}
	return bulk_add(p, m, b);
}

static void bulk_pop(struct peer *p)
{
	struct bulk *b = p->bulk;
	p->bulk = b->next;
	if (!p->bulk)
		p->bulk_end = &p->bulk;
	p->n_bulk--;
	p->bulk_bytes -= b->len;
	if (b->m)
		p->pairs[b->pair]--;
	msg_unref(b->m);
	free(b);
}

/* One piece of the first in the queue becomes a frame of the window; the last one carries the
 * reference. */
static bool bulk_piece(struct peer *p)
{
	struct bulk *b = p->bulk;
	uint32_t n = b->len - b->done;
	if (b->len > FRAME_LONE_BYTES && n > FRAME_PACK_BYTES)
		n = FRAME_PACK_BYTES;
	struct held h = { .frame = frame_new(FRAME_HEAD_BYTES + FRAME_PIECE_HEAD_BYTES + n),
		          .kind = FRAME_PIECE,
		          .flags = (uint32_t)b->kind << 8 };
	bool last = b->done + n == b->len;
	if (!h.frame)
		return false;
	if (last && b->m) {
		h.large = msg_ref(b->m);
		h.n_msgs = 1;
	}
	char *to = h.frame->at + h.frame->len;
	le_put(to, b->len, 4);
	le_put(to + 4, b->done, 4);
	memcpy(to + FRAME_PIECE_HEAD_BYTES, b->at + b->done, n);
	h.frame->len += FRAME_PIECE_HEAD_BYTES + n;
	b->done += n;
	seal(p, &h);
	if (last)
		bulk_pop(p);
	return true;
}

/* ---- taking messages ------------------------------------------------------------------------ */

/* A pack with room for at least one record of this kind; ERR_FULL when the window is closed. */
static enum err pack_open(struct peers *ps, struct peer *p, enum frame_kind kind, bool control)
{
	p->pack.control |= p->pack.frame && control;
	if (p->pack.frame && p->pack.kind != kind && !seal_pack(p))
		return ERR_FULL;
	if (p->pack.frame)
		return OK;
	p->pack.frame = pack_take(ps);
	if (!p->pack.frame)
		return ERR_MEMORY;
	p->pack.kind = (uint8_t)kind;
	p->pack.control = control;
	p->pack.stamped = false;
	p->pack.flags = 0;
	p->pack_us = ps->now_us;
	return OK;
}

static bool pack_empty(const struct peer *p)
{
	return p->pack.frame->len == FRAME_HEAD_BYTES;
}

static enum err pack_msg(struct peers *ps, struct peer *p, enum frame_kind kind,
                         const struct msg *head, const void *body)
{
	enum err e = pack_open(ps, p, kind, head->flags & MSG_CONTROL);
	if (e)
		return e;
	struct frame *f = p->pack.frame;
	size_t n;
	e = packet_put_body(head, body, ps->now_us, f->at + f->len, f->cap - f->len, &n);
	if (!e) {
		f->len += (uint32_t)n;
		p->pack.n_msgs++;
		p->n_held++;
	}
	return e;
}

enum err peer_send_body(struct peers *ps, struct peer *p, enum frame_kind kind,
                        const struct msg *head, const void *body)
{
	if (p->state == BUS_PEER_GONE)
		return ERR_GONE;
	if (p->bulk && !(head->flags & MSG_CONTROL) && p->pairs[pair_of(head)])
		return ERR_TOO_LARGE;
	enum err e = pack_msg(ps, p, kind, head, body);
	if (e == ERR_FULL && p->pack.frame && !pack_empty(p) && seal_pack(p))
		e = pack_msg(ps, p, kind, head, body);
	if (e == ERR_FULL && p->pack.frame && pack_empty(p))
		e = ERR_TOO_LARGE;
	p->n_sent += e == OK;
	return e;
}

enum err peer_send(struct peers *ps, struct peer *p, enum frame_kind kind, const struct msg *m)
{
	enum err e = peer_send_body(ps, p, kind, m, msg_body(m));
	if (e != ERR_TOO_LARGE)
		return e;
	e = bulk_msg(ps, p, kind, m);
	p->n_sent += e == OK;
	return e;
}

enum err peer_put(struct peers *ps, struct peer *p, enum frame_kind kind, struct str r)
{
	if (p->state == BUS_PEER_GONE)
		return ERR_GONE;
	bool control = kind == FRAME_CONTROL;
	if (r.len > FRAME_PACK_BYTES - FRAME_HEAD_BYTES) {
		struct bulk *b = malloc(sizeof *b + r.len);
		if (!b)
			return ERR_MEMORY;
		*b = (struct bulk){ .kind = (uint8_t)kind, .len = r.len };
		memcpy(b->at, r.at, r.len);
		return bulk_add(p, NULL, b);
	}
	enum err e = pack_open(ps, p, kind, control);
	if (!e && r.len > p->pack.frame->cap - p->pack.frame->len)
		e = seal_pack(p) ? pack_open(ps, p, kind, control) : ERR_FULL;
	if (e)
		return e;
	struct frame *f = p->pack.frame;
	memcpy(f->at + f->len, r.at, r.len);
	f->len += r.len;
	p->n_sent++;
	return OK;
}

enum err peer_control(struct peers *ps, struct peer *p, const struct proto_desc *type,
                      const void *body)
{
	char small[ROW_BODY_BYTES], *at = small;
	size_t n = 0;
	enum err e = proto_encode(type, body, small + 8, sizeof small - 8, &n, NULL);
	if (e == ERR_FULL) {
		at = malloc(8 + n);
		e = at ? proto_encode(type, body, at + 8, n, &n, NULL) : ERR_MEMORY;
	}
	if (!e) {
		le_put(at, 4 + n, 4);
		le_put(at + 4, type->number, 4);
		e = peer_put(ps, p, FRAME_CONTROL, str_n(at, 8 + n));
	}
	if (at != small)
		free(at);
	return e;
}

/* ---- the end of a turn ---------------------------------------------------------------------- */

static bool ack_due(const struct peers *ps, const struct peer *p)
{
	uint64_t owed = p->received - p->ack_told;
	return p->ack_now || owed >= PEER_ACK_FRAMES ||
	       (owed && ps->now_us >= p->ack_since_us + PEER_ACK_US);
}

/* With half a window on its way a part-filled pack waits, as in Nagle's algorithm: the receiver
 * acknowledges each six at once, and that lets it go. Else a stream of little packs would use up a
 * window that is counted in frames. */
bool peer_pump(struct peers *ps, struct peer *p, bool idle)
{
	bool due = idle || ps->now_us >= p->pack_us + PEER_PACK_US;
	if (p->pack.frame && due && (used(p) < PEER_WINDOW_PART || p->pack.control))
		seal_pack(p);
	while (p->bulk && p->pieces < PEER_WINDOW_BULK && used(p) < PEER_WINDOW_DATA)
		if (!bulk_piece(p))
			break;
	transmit(ps, p);
	bool silent = ps->now_us >= p->out_us + PEER_BEAT_US;
	if (p->answered && p->hole && ps->now_us >= p->resend_us + PEER_RESEND_US) {
		peer_say(ps, p, FRAME_BEAT, ps->load << 8 | FRAME_RESEND);
		p->resend_us = ps->now_us;
		p->hole = false;
	} else if (p->answered && (silent || ack_due(ps, p))) {
		peer_say(ps, p, FRAME_BEAT, ps->load << 8);
	} else if (p->connected && !p->answered && ps->now_us >= p->out_us + PEER_HELLO_US) {
		peer_hello(ps, p, FRAME_ASK);
	}
	return p->pack.frame && used(p) < PEER_WINDOW_PART;
}

/* The messages of a frame, as they were sent, in their order. Where memory ends an asker is
 * answered by its deadline. */
static void tell_lost(struct peers *ps, const struct peer *p, const struct held *h)
{
	struct str rest = str_n(h->frame->at, h->frame->len);
	struct packet k;
	struct msg *m;
	rest = str_n(rest.at + FRAME_HEAD_BYTES, rest.len - FRAME_HEAD_BYTES);
	for (uint32_t i = 0; i < h->n_msgs; i++) {
		if (packet_next(&rest, &k) || packet_open(&k, ps->now_us, &m, NULL))
			continue;
		m->flags &= (uint8_t)~MSG_FAR; /* it is ours */
		m->to.node = p->number;
		ps->calls->lost(ps->ctx, m, ERR_GONE);
		msg_unref(m);
	}
}

/* What is still held: told as lost, in the order it was sent, or only let go of. */
static void held_end(struct peers *ps, const struct peer *p, struct held *h, bool tell)
{
	if (tell && h->large)
		ps->calls->lost(ps->ctx, h->large, ERR_GONE);
	else if (tell && h->n_msgs)
		tell_lost(ps, p, h);
	held_done(ps, h);
}

void peer_out_done(struct peers *ps, struct peer *p, bool tell)
{
	while (p->acked < p->sealed)
		held_end(ps, p, slot(p, ++p->acked), tell);
	p->sent = p->acked;
	held_end(ps, p, &p->pack, tell);
	while (p->bulk) {
		if (tell && p->bulk->m)
			ps->calls->lost(ps->ctx, p->bulk->m, ERR_GONE);
		bulk_pop(p);
	}
	p->n_held = 0;
	p->pieces = 0;
}
