/*
 * peer_in.c — incoming: who speaks, is it in order, and what does it mean.
 *
 *     LINK_FRAME ─▶ header ─▶ buried? for us? ─▶ known, greeted, same key? ─▶ next number? ─▶
 * records │ STALE              │ WHO                      │ RESEND
 */
#include "bus/peer.h"
#include "proto/codec.h"
#include <stdlib.h>

/* ---- records -------------------------------------------------------------------------------- */

static bool records(struct peers *ps, struct peer *p, enum frame_kind kind, struct str in)
{
	while (in.len) {
		if (in.len < 4 || le_get(in.at, 4) > in.len - 4)
			return false;
		uint32_t total = 4 + (uint32_t)le_get(in.at, 4);
		p->n_received++;
		ps->calls->record(ps->ctx, p, kind, str_n(in.at, total));
		if (p->state == BUS_PEER_GONE) /* by what the record said */
			return true;
		in.at += total;
		in.len -= total;
	}
	return true;
}

/* Pieces come in order, one message at a time. */
static bool piece(struct peers *ps, struct peer *p, uint32_t flags, struct str in)
{
	uint8_t kind = (uint8_t)(flags >> 8);
	if (in.len <= FRAME_PIECE_HEAD_BYTES || kind < FRAME_DATA || kind > FRAME_CONTROL)
		return false;
	uint32_t total = (uint32_t)le_get(in.at, 4), offset = (uint32_t)le_get(in.at + 4, 4);
	in = str_n(in.at + FRAME_PIECE_HEAD_BYTES, in.len - FRAME_PIECE_HEAD_BYTES);
	if (total > PEER_BULK_BYTES || offset != p->whole_have || in.len > total - offset ||
	    (offset && total != p->whole_len))
		return false;
	if (in.len == total)
		return records(ps, p, kind, in);
	if (!offset) {
		p->whole = malloc(total);
		p->whole_len = total;
	}
	if (!p->whole)
		return false;
	memcpy(p->whole + offset, in.at, in.len);
	p->whole_have += in.len;
	if (p->whole_have < total)
		return true;
	char *whole = p->whole;
	p->whole = NULL;
	p->whole_have = 0;
	bool ok = records(ps, p, kind, str_n(whole, total));
	free(whole);
	return ok;
}

static void numbered(struct peers *ps, struct peer *p, const struct frame_head *h, struct str in)
{
	if (p->doubt)
		return;
	if (h->seq != p->received + 1) {
		ps->stats.twins += h->seq <= p->received;
		ps->stats.holes += h->seq > p->received;
		p->hole |= h->seq > p->received;
		p->ack_now |= h->seq <= p->received;
		return;
	}
	if (p->received == p->ack_told)
		p->ack_since_us = ps->now_us;
	p->received++;
	p->hole = false;
	p->ack_now |= h->kind == FRAME_PIECE && p->received - p->ack_told >= 2;
	bool ok = h->kind == FRAME_PIECE ? piece(ps, p, h->flags, in)
	                                 : records(ps, p, (enum frame_kind)h->kind, in);
	if (!ok) { /* it speaks another language: no number of it can be trusted any more */
		ps->stats.malformed++;
		peers_bury(ps, p);
	}
}

/* ---- HELLO ---------------------------------------------------------------------------------- */

static void heard(struct peers *ps, struct peer *p, const struct frame_head *h)
{
	p->heard_looked_us = ps->looked_us;
	if (h->to == ps->self.epoch)
		peer_acked(ps, p, h->ack);
	p->hole |= !frame_numbered(h->kind) && h->kind != FRAME_HELLO && h->seq > p->received;
}

static void maybe_up(struct peers *ps, struct peer *p)
{
	if (p->told_up || !p->answered || !p->greeted)
		return;
	p->told_up = true;
	ps->calls->up(ps->ctx, p);
}

/* Somebody of our own name: the younger one stays. */
static void namesake(struct peers *ps, const struct row *row)
{
	if (row->epoch < ps->self.epoch) {
		peers_answer(ps, 0, FRAME_STALE, FRAME_YOURS, row->epoch, 0);
	} else {
		peers_end(ps);
	}
}

/* A hub gives no name away while whoever bears it lives: the line is up, and a beat or two may have
 * been missed at the most. One that was killed is not waited for, its line is down. */
static bool is_taken(const struct peers *ps, const struct peer *was, const struct row *row)
{
	return ps->self.hub && was && was->greeted && !was->bye && was->row.epoch < row->epoch &&
	       was->state == BUS_PEER_UP && !was->mute_looked_us &&
	       ps->looked_us - was->heard_looked_us < PEER_ALIVE_US;
}

/* On the inbox: somebody dialled us. Hubs are known by the line we dialled, never by calling. */
static void hello_in(struct peers *ps, const struct frame_head *h, struct row *row, struct str key)
{
	struct peer *p = peers_by_epoch(ps, row->epoch);
	struct peer *was = peers_by_name(ps, row->name);
	bool hub = row->hub;
	bool other_key = (p && p->greeted && !str_is(key, p->key)) ||
	                 (!p && was && was->greeted && !str_is(key, was->key));
	if (other_key || (key.len && !str_is(key, row->key)) ||
	    ps->calls->admit(ps->ctx, row, key)) {
		ps->stats.denied++;
		return;
	}
	if (!p && hub)
		return;
	if (!p && is_taken(ps, was, row)) {
		peers_answer(ps, 0, FRAME_TAKEN, 0, row->epoch, 0);
		return;
	}
	if (!p && peers_meet(ps, row, &p) == ERR_STALE)
		peers_answer(ps, 0, FRAME_STALE, FRAME_YOURS, row->epoch, 0);
	if (!p)
		return;
	if (!p->greeted) /* what was admitted stays: a later HELLO cannot claim more */
		peer_rename(p, row);
	p->greeted = true;
	str_keep(p->key, sizeof p->key, key);
	heard(ps, p, h);
	if (h->flags & FRAME_ASK)
		peers_answer(ps, 0, FRAME_HELLO, 0, row->epoch, h->seq);
	maybe_up(ps, p);
}

/* On a line: the answer to ours. It proves the line from end to end. */
static void hello_back(struct peers *ps, struct peer *p, const struct frame_head *h,
                       struct row *row, struct str key)
{
	struct peer *other = peers_by_epoch(ps, row->epoch);
	if (p->row.epoch && p->row.epoch != row->epoch) {
		peers_bury(ps, p); /* another incarnation answers where this one was */
		return;
	}
	if (h->seq < p->ask_us)
		return;
	if ((other && other != p) || (key.len && !str_is(key, row->key)) ||
	    ps->calls->admit(ps->ctx, row, key)) {
		ps->stats.denied++;
		return;
	}
	bool first = !p->row.epoch;
	if (first) {
		struct peer *was = peers_by_name(ps, row->name);
		peer_rename(p, row);
		if (was)
			peers_bury(ps, was);
	}
	p->heard_looked_us = ps->looked_us;
	p->mute_looked_us = 0;
	p->down = false;
	p->hole |= p->doubt;
	p->doubt = false;
	if (!p->answered)
		peer_rewind(ps, p);
	p->answered = true;
	p->state = BUS_PEER_UP;
	maybe_up(ps, p);
}

static void hello(struct peers *ps, struct peer *line, const struct frame_head *h, struct str in,
                  struct str key)
{
	struct row row;
	struct bus_hello said;
	char room[ROW_BODY_BYTES];
	struct arena arena = ARENA_OVER(room);
	if (proto_decode(&bus_hello_desc, in, &said, &arena, NULL) || row_keep(&said.row, &row) ||
	    row.epoch != h->from) {
		ps->stats.malformed++;
		return;
	}
	if (!strcmp(row.name, ps->self.name))
		namesake(ps, &row);
	else if (line)
		hello_back(ps, line, h, &row, key);
	else
		hello_in(ps, h, &row, key);
}

/* ---- dispatch ------------------------------------------------------------------------------- */

/* YOURS: we are gone for good. Otherwise whoever we speak to is, and this is its heir. Taken only
 * on a line of ours, or from a known peer. */
static void on_stale(struct peers *ps, struct peer *p, const struct frame_head *h)
{
	if (!(h->flags & FRAME_YOURS)) {
		if (p->row.epoch && p->row.epoch == h->seq)
			peers_bury(ps, p);
	} else if (h->to == ps->self.epoch) {
		if (ps->calls->is_cut_off(ps->ctx, p))
			peers_bury(ps, p);
		else
			peers_end(ps);
	}
}

static void from_peer(struct peers *ps, struct peer *p, const struct frame_head *h, struct str in)
{
	heard(ps, p, h);
	if (h->kind == FRAME_BEAT) {
		p->row.load = h->flags >> 8;
		if (h->flags & FRAME_RESEND)
			peer_rewind(ps, p);
	} else if (h->kind == FRAME_BYE) {
		p->bye = true;
	} else {
		numbered(ps, p, h, in);
	}
}

/* Answered by nothing, lest two strangers never stop. */
static bool is_last_word(uint8_t kind)
{
	return kind == FRAME_STALE || kind == FRAME_BYE || kind == FRAME_TAKEN;
}

/* Is this frame not for this incarnation, or not from a living one? Then it is not opened. */
static bool misdirected(struct peers *ps, const struct frame_head *h, uint32_t line)
{
	bool buried = peers_buried(ps, h->from);
	bool other = h->to != ps->self.epoch && !(h->kind == FRAME_HELLO && !h->to);
	if (!buried && !other)
		return false;
	ps->stats.stale++;
	if (!is_last_word(h->kind))
		peers_answer(ps, line, FRAME_STALE, buried ? FRAME_YOURS : 0, h->from,
		             buried ? 0 : h->to);
	return true;
}

/* A probe asks one thing: are we buried over there, too? */
static bool on_probe(struct peers *ps, const struct link_event *ev)
{
	struct frame_head h;
	struct str in;
	struct probe *b = ev->line ? peers_probe_of(ps, ev->line) : NULL;
	if (!b)
		return false;
	if (ev->what == LINK_UP)
		peers_answer(ps, ev->line, FRAME_HELLO, FRAME_ASK, b->epoch, 0);
	else if (ev->what != LINK_FRAME)
		return true;
	else if (frame_take(ev->bytes, &h, &in) == OK && h.kind == FRAME_STALE &&
	         h.flags & FRAME_YOURS && h.from == b->epoch && h.to == ps->self.epoch)
		peers_end(ps);
	return true;
}

static void on_frame(struct peers *ps, const struct link_event *ev)
{
	struct frame_head h;
	struct str in;
	ps->stats.frames_in++;
	if (frame_take(ev->bytes, &h, &in)) {
		ps->stats.malformed++;
		return;
	}
	struct peer *line = ev->line ? peers_by_line(ps, ev->line) : NULL;
	if (h.from == ps->self.epoch || (ev->line && !line))
		return;
	if (!(h.kind == FRAME_STALE && line) && misdirected(ps, &h, ev->line))
		return;
	struct peer *p = line ? line : peers_by_epoch(ps, h.from);
	if (h.kind == FRAME_HELLO) {
		hello(ps, line, &h, in, ev->key);
	} else if (h.kind == FRAME_WHO && line) {
		peer_mute(ps, line);
		peer_hello(ps, line, FRAME_ASK);
	} else if (h.kind == FRAME_TAKEN && line && line->row.hub) {
		ps->calls->refused(ps->ctx, line, ERR_CONFLICT);
	} else if (h.kind == FRAME_STALE && p && (line || str_is(ev->key, p->key))) {
		on_stale(ps, p, &h);
	} else if (!line && (!p || !p->greeted || !str_is(ev->key, p->key))) {
		ps->stats.strangers++;
		if (!is_last_word(h.kind))
			peers_answer(ps, 0, FRAME_WHO, 0, h.from, 0);
	} else if (!line && h.kind != FRAME_WHO && h.kind != FRAME_STALE && h.kind != FRAME_TAKEN) {
		from_peer(ps, p, &h, in);
	}
}

void peers_event(struct peers *ps, const struct link_event *ev)
{
	if (ps->ended || on_probe(ps, ev))
		return;
	if (ev->what == LINK_FRAME) {
		on_frame(ps, ev);
		return;
	}
	struct peer *p = peers_by_line(ps, ev->line);
	if (!p)
		return;
	peer_mute(ps, p);
	p->connected = ev->what == LINK_UP;
	p->down |= ev->what == LINK_DOWN;
	if (ev->what == LINK_UP)
		peer_hello(ps, p, FRAME_ASK);
	else if (ev->what == LINK_REFUSED && p->row.hub)
		ps->calls->refused(ps->ctx, p, ERR_DENIED);
}
