/*
 * playout.c — the timeline and its clock; see playout.h. The socket's credit is in credit.c.
 */
#include "actors/call_session/playout.h"
#include "proto/base64.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	MARK_EVERY = 160 * SOUND_PER_MS,   /* the usual size of the AI's pieces */
	MARK_RARELY = 2000 * SOUND_PER_MS, /* when half of the marks are on their way */
	PIECE = 4096,
};

void playout_init(struct playout *p, uint64_t now_us)
{
	*p = (struct playout){ .generation = 1, .open = true, .drained_us = now_us };
}

void playout_done(struct playout *p)
{
	ring_done(&p->held);
}

/* ---- items -------------------------------------------------------------------------------------
 */

static struct playout_item *item_at(const struct playout *p, uint32_t i)
{
	return (struct playout_item *)&p->items[(p->first_item + i) % PLAYOUT_ITEMS];
}

static struct playout_item *newest(const struct playout *p)
{
	return p->n_items ? item_at(p, p->n_items - 1) : NULL;
}

/* Those that the carrier has said were played. */
static void forget_heard(struct playout *p)
{
	while (p->n_items > 1 && item_at(p, 1)->base <= p->echoed) {
		p->first_item = (p->first_item + 1) % PLAYOUT_ITEMS;
		p->n_items--;
	}
}

static struct playout_item *item_for(struct playout *p, struct str id)
{
	struct playout_item *last = newest(p);
	bool same = last && str_is(id, last->id);
	if (same && !(last->ended && !id.len)) /* sounds have no name, but are not all one */
		return last;
	forget_heard(p);
	if (p->n_items == PLAYOUT_ITEMS)
		return NULL;
	p->n_items++;
	struct playout_item *it = newest(p);
	*it = (struct playout_item){ .base = p->got };
	str_keep(it->id, sizeof it->id, id);
	return it;
}

static uint32_t bound_ms(const struct playout *p, uint64_t now_us)
{
	bool stalled = !p->open && now_us > p->drained_us + PLAYOUT_STALL_US;
	return stalled ? PLAYOUT_STALLED_MS : PLAYOUT_DRAINING_MS;
}

enum err playout_take(struct playout *p, struct str id, uint32_t bytes, uint64_t now_us)
{
	struct playout_item *it = item_for(p, id);
	bool fits = p->held.len + bytes <= bound_ms(p, now_us) * SOUND_PER_MS;
	if (!it || it->ended || (!playout_passes(p) && !fits)) {
		if (it)
			it->ended = true; /* what follows would be heard at the wrong place */
		p->dropped += bytes;
		return ERR_FULL;
	}
	it->got += bytes;
	p->got += bytes;
	return OK;
}

void playout_end_item(struct playout *p, struct str id)
{
	for (uint32_t i = 0; i < p->n_items; i++)
		if (!id.len || str_is(id, item_at(p, i)->id))
			item_at(p, i)->ended = true;
}

/* ---- held
 * ---------------------------------------------------------------------------------------- */

bool playout_passes(const struct playout *p)
{
	return playout_may_write(p) && !p->held.len;
}

static enum err hold_piece(struct playout *p, struct str base64)
{
	char bytes[PIECE];
	size_t n;
	if (!base64_read(base64, bytes, &n))
		return ERR_MALFORMED;
	enum err e = ring_room(&p->held, (uint32_t)n, UINT32_MAX);
	if (!e)
		ring_put(&p->held, bytes, (uint32_t)n);
	return e;
}

/* What cannot be held is taken back from the timeline: then its item ends there. */
enum err playout_hold(struct playout *p, struct str base64)
{
	enum { TEXT = PIECE / 3 * 4 - 4 };
	enum err e = OK;
	while (!e && base64.len) {
		uint32_t n = base64.len < TEXT ? base64.len : TEXT;
		e = hold_piece(p, str_n(base64.at, n));
		base64 = str_n(base64.at + n, base64.len - n);
	}
	uint64_t short_of = p->got - p->sent - p->held.len;
	if (!e || !short_of)
		return e;
	struct playout_item *it = newest(p);
	it->got -= short_of;
	it->ended = true;
	p->got -= short_of;
	p->dropped += short_of;
	return e;
}

uint32_t playout_next(struct playout *p, char *out, uint32_t cap)
{
	return playout_may_write(p) ? ring_take(&p->held, out, cap) : 0;
}

void playout_said(struct playout *p, uint32_t bytes, uint32_t wire_bytes)
{
	p->sent += bytes;
	p->since_look += wire_bytes;
}

/* The newest items give up what is not sent, until `held` bytes are left. */
void playout_trim(struct playout *p, uint64_t now_us)
{
	uint32_t most = bound_ms(p, now_us) * SOUND_PER_MS;
	if (p->held.len <= most)
		return;
	uint64_t over = p->held.len - most;
	ring_cut(&p->held, most);
	p->dropped += over;
	p->got -= over;
	for (uint32_t i = p->n_items; i-- && item_at(p, i)->base + item_at(p, i)->got > p->got;) {
		struct playout_item *it = item_at(p, i);
		it->got = it->base < p->got ? p->got - it->base : 0;
		if (it->base > p->got)
			it->base = p->got;
		it->ended = true;
	}
}

/* ---- the clock
 * ------------------------------------------------------------------------------------ */

static struct playout_mark *mark_at(const struct playout *p, uint32_t i)
{
	return (struct playout_mark *)&p->marks[(p->first_mark + i) % PLAYOUT_MARKS];
}

/* Generation and number are what is read again; item and ms are for who watches the wire. */
static bool put_mark(struct playout *p, char name[PLAYOUT_MARK_NAME])
{
	if (p->n_marks == PLAYOUT_MARKS)
		return false;
	const struct playout_item *it = newest(p);
	uint64_t in_item = it && p->sent > it->base ? p->sent - it->base : 0;
	p->n_marks++;
	*mark_at(p, p->n_marks - 1) =
		(struct playout_mark){ .number = ++p->last_number, .at = p->sent };
	p->marked = p->sent;
	(void)snprintf(name, PLAYOUT_MARK_NAME, "%u.%u.%.16s.%u", p->generation, p->last_number,
	               it && it->id[0] ? it->id : "-", sound_ms(in_item));
	return true;
}

/* The carrier has nothing left to play: a run begins with what comes now. Its mark comes back when
 * it does; where one has just been, the time of sending must do, and the next mark corrects it. */
bool playout_mark_before(struct playout *p, uint64_t now_us, char name[PLAYOUT_MARK_NAME])
{
	if (p->n_marks || playout_played(p, now_us) < p->sent)
		return false;
	if (!p->sent || p->sent - p->marked >= MARK_EVERY || newest(p)->base == p->sent)
		return put_mark(p, name);
	p->clock_at = p->sent;
	p->clock_us = now_us;
	return false;
}

bool playout_mark_behind(struct playout *p, bool last, char name[PLAYOUT_MARK_NAME])
{
	uint64_t since = p->sent - p->marked;
	uint64_t every = p->n_marks < PLAYOUT_MARKS / 2 ? MARK_EVERY : MARK_RARELY;
	if (!since || (!last && since < every))
		return false;
	if (!last && p->n_marks >= PLAYOUT_MARKS - 8) /* kept for ends */
		return false;
	return put_mark(p, name);
}

bool playout_echo(struct playout *p, struct str name, uint64_t now_us)
{
	char text[PLAYOUT_MARK_NAME], *end;
	if (!str_keep(text, sizeof text, name))
		return false;
	unsigned long generation = strtoul(text, &end, 10);
	if (*end != '.' || generation != p->generation)
		return false;
	unsigned long number = strtoul(end + 1, &end, 10);
	for (uint32_t i = 0; *end == '.' && i < p->n_marks; i++) {
		if (mark_at(p, i)->number != number)
			continue;
		p->echoed = mark_at(p, i)->at;
		p->clock_at = p->echoed;
		p->clock_us = now_us;
		p->first_mark = (p->first_mark + i + 1) % PLAYOUT_MARKS;
		p->n_marks -= i + 1;
		forget_heard(p);
		return true;
	}
	return false;
}

uint64_t playout_played(const struct playout *p, uint64_t now_us)
{
	uint64_t most = p->n_marks ? mark_at(p, 0)->at : p->sent;
	uint64_t since = now_us > p->clock_us ? now_us - p->clock_us : 0;
	uint64_t at = p->clock_at + since * SOUND_PER_MS / 1000;
	return at < most ? at : most;
}

uint64_t playout_heard_ms(const struct playout *p, uint64_t now_us)
{
	return sound_ms(p->heard + playout_played(p, now_us));
}

uint32_t playout_left_ms(const struct playout *p, uint64_t now_us)
{
	return sound_ms(p->got - playout_played(p, now_us));
}

bool playout_idle(const struct playout *p)
{
	return p->echoed == p->got && !p->n_marks;
}

void playout_cut(struct playout *p, uint64_t now_us, struct playout_cut *ret)
{
	uint64_t played = playout_played(p, now_us);
	ret->n = 0;
	for (uint32_t i = 0; i < p->n_items; i++) {
		const struct playout_item *it = item_at(p, i);
		if (it->base + it->got <= played || !it->id[0])
			continue;
		uint64_t heard = played > it->base ? played - it->base : 0;
		str_keep(ret->items[ret->n].id, PLAYOUT_ID, str_of(it->id));
		ret->items[ret->n].heard_ms = sound_ms(heard);
		ret->items[ret->n++].of_ms = sound_ms(it->got);
	}
	ring_done(&p->held);
	p->generation++;
	p->n_items = p->n_marks = 0;
	p->heard += played;
	p->got = p->sent = p->marked = p->echoed = p->clock_at = p->clock_us = 0;
}
