/*
 * traffic.c — asks of the store, many at once, and what their answers change.
 *
 *     pump ──▶ wa.insert ──▶ stored: rows done, entries committed
 *       ▲                 └▶ refused: entries dropped, the batch fails, its sender repeats it
 *       │                 └▶ no word: the same, and the lease is renewed with a new epoch, so that
 *       │                    what may still be under way cannot commit behind our back
 *       └── wa.window ◀── conversations not known
 */
#include "actors/dedupe/part.h"

#include <stdlib.h>

enum {
	INSERT_MS = 8000,
	LOAD_MS = 5000,
	TOGETHER = 64, /* conversations in one wa.window: 128 rows of each */
	ALONE = 2,     /* when that was not enough: 4096 of each */
	MOST = 4096,
	FULL_MS = 2, /* until the way to the store is tried again */
};

/* What the pump of one partition decides in one call; no partition keeps it. */
static struct decided scratch;

/* ---- inserts
 * -------------------------------------------------------------------------------------- */

static struct flight *flight_take(struct part *p, uint64_t number)
{
	struct flight **at = &p->flights;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	struct flight *f = *at;
	if (f)
		*at = f->next;
	return f;
}

static void keep_known(struct part *p, const struct wa_row *r, const struct work *w)
{
	/* What repeats a placeholder may still become content: only the table knows. */
	if (!window_key_none(w->id) && r->class != WA_CLASS_PLACEHOLDER)
		ids_keep(p->ids, w->id);
	for (int i = 0; i < 2; i++)
		if (!window_key_none(w->pairs[i]))
			ids_keep(p->pairs, w->pairs[i]);
}

static void one_stored(struct part *p, struct batch *b, uint32_t i, const struct wa_stored *s)
{
	struct work *w = &b->work[i];
	struct window_entry *e = w->entry;
	w->entry = NULL;
	part_land(p, b, w);
	bool fresh = s->outcome == WA_OUTCOME_INSERTED || s->outcome == WA_OUTCOME_UPGRADED ||
	             s->outcome == WA_OUTCOME_COLLISION;
	if (fresh && s->id)
		window_commit(p->window, e, s->id);
	else
		window_drop(p->window, e);
	if (s->outcome == WA_OUTCOME_AGAIN) {
		if (++w->tries >= PART_TRIES)
			b->err = ERR_CONFLICT;
		return;
	}
	keep_known(p, &b->body->rows.at[i], w);
	batch_done(b, w, s->outcome);
}

/* Who reacts to new messages hears of them here, never of history. */
static enum err tell_fresh(struct actor *self, const struct flight *f, const struct wa_inserted *in)
{
	static struct str chats[PART_ROWS];
	static uint64_t ids[PART_ROWS];
	uint32_t n = 0;
	for (uint32_t k = 0; k < f->n; k++) {
		const struct wa_stored *s = &in->stored.at[k];
		const struct wa_row *r = &f->batch->body->rows.at[f->rows[k]];
		bool fresh = s->outcome == WA_OUTCOME_INSERTED ||
		             s->outcome == WA_OUTCOME_UPGRADED ||
		             s->outcome == WA_OUTCOME_COLLISION;
		if (!fresh || r->source == WA_SOURCE_HISTORY)
			continue;
		chats[n] = r->chat;
		ids[n++] = s->id;
	}
	if (!n)
		return OK;
	return actor_publish(self, MSG(wa_fresh, .chats = { chats, n }, .ids = { ids, n }));
}

/* The store says no: nothing of it was stored. Anything else leaves that open. */
static bool refused_for_good(enum err e)
{
	switch (e) {
	case ERR_BUSY:
	case ERR_FULL:
	case ERR_NO_ROUTE:
	case ERR_TYPE:
	case ERR_RANGE:
	case ERR_TOO_LARGE:
	case ERR_MISSING:
	case ERR_INVALID:
	case ERR_NO_TENANT:
	case ERR_DENIED:
	case ERR_STALE:
	case ERR_STORAGE:
	case ERR_NO_SPACE:
	case ERR_CONFLICT:
		return true;
	default:
		return false;
	}
}

static void flight_failed(struct actor *self, struct flight *f, enum err e)
{
	struct part *p = actor_state(self);
	struct batch *b = f->batch;
	for (uint32_t k = 0; k < f->n; k++) {
		struct work *w = &b->work[f->rows[k]];
		window_drop(p->window, w->entry);
		w->entry = NULL;
		part_land(p, b, w);
		if (e == ERR_STALE && ++w->tries >= PART_TRIES)
			b->err = ERR_STALE;
	}
	if (e == ERR_STALE) {
		owner_lost(self); /* and the rows are decided anew, if it can be had again */
		return;
	}
	b->err = e;
	if (!refused_for_good(e))
		owner_doubt(self);
}

static enum err on_inserted(struct actor *self, const struct msg *m)
{
	struct part *p = actor_state(self);
	struct flight *f = flight_take(p, msg_tag(m));
	if (!f)
		return OK;
	struct batch *b = f->batch;
	enum err e = msg_err(m);
	const struct wa_inserted *in = e ? NULL : wa_inserted_of(m);
	if (in && in->stored.n != f->n)
		e = ERR_FAULT;
	if (e) {
		flight_failed(self, f, e);
	} else {
		for (uint32_t k = 0; k < f->n; k++)
			one_stored(p, b, f->rows[k], &in->stored.at[k]);
		(void)!tell_fresh(self, f, in); /* at most once: who missed it reads the table */
	}
	free(f);
	b->asks--;
	actor_wake(p->pump);
	return batch_settle(self, b);
}

static enum err send_insert(struct actor *self, struct batch *b, uint64_t number)
{
	struct part *p = actor_state(self);
	struct decided *d = &scratch;
	struct flight *f = calloc(1, sizeof *f + d->n_rows * sizeof *f->rows);
	enum err e = f ? OK : ERR_MEMORY;
	if (f) {
		*f = (struct flight){ .batch = b, .number = number, .n = d->n_rows };
		memcpy(f->rows, d->rows, d->n_rows * sizeof *f->rows);
		e = actor_ask_tag(self, "store", INSERT_MS, on_inserted, number,
		                  MSG(wa_insert, .lease = str_of(p->lease.name),
		                      .epoch = p->lease.epoch, .number = number,
		                      .connector = b->body->connector,
		                      .rows = { d->out, d->n_rows }));
	}
	if (!e) {
		f->next = p->flights;
		p->flights = f;
		b->asks++;
		return OK;
	}
	for (uint32_t k = 0; k < d->n_rows; k++) {
		struct work *w = &b->work[d->rows[k]];
		window_drop(p->window, w->entry);
		w->entry = NULL;
		part_land(p, b, w);
	}
	free(f);
	return e;
}

/* ---- loads
 * ---------------------------------------------------------------------------------------- */

static struct load *load_take(struct part *p, uint64_t number)
{
	struct load **at = &p->loads;
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	struct load *l = *at;
	if (l)
		*at = l->next;
	return l;
}

static void load_drop(struct load *l)
{
	for (uint32_t i = 0; i < l->n; i++)
		window_unload(l->spans[i].talk);
}

/* One stretch: all of it, or, cut at `most` rows, what is whole of it. More than MOST rows of one
 * chat with one and the same time are known in part: nothing hangs for it. */
static enum err put_past(struct part *p, const struct load *l, uint32_t i,
                         const struct wa_past *rows, uint32_t n)
{
	struct window_talk *t = l->spans[i].talk;
	struct window_span s = l->spans[i].span;
	enum err e = OK;
	bool cut = n && n == l->most, stuck = cut && rows[n - 1].t_us <= s.from_us + 1;
	if (stuck && l->most < MOST) {
		l->batch->alone = true;
		window_unload(t);
		return OK;
	}
	if (cut)
		s.to_us = rows[n - 1].t_us - !stuck;
	window_loaded(p->window, t, s);
	for (uint32_t k = 0; k < n && !e; k++) {
		const struct wa_past *r = &rows[k];
		struct wa_row as = {
			.sender = r->sender,
			.from_me = r->own,
			.t_us = r->t_us,
			.fingerprint = r->fingerprint,
			.body_print = r->body_print,
			.remote_jid = r->remote_jid,
		};
		struct window_row row = part_row(&as, l->batch->body->policy);
		e = window_past(p->window, t, &row, r->id);
	}
	return e;
}

static enum err load_put(struct part *p, const struct load *l, const struct wa_windows *in)
{
	enum err e = OK;
	uint32_t at = 0;
	for (uint32_t i = 0; i < l->n; i++) {
		uint32_t n = 0;
		while (at + n < in->rows.n && in->rows.at[at + n].span == i)
			n++;
		if (!e)
			e = put_past(p, l, i, n ? &in->rows.at[at] : NULL, n);
		else
			window_unload(l->spans[i].talk);
		at += n;
	}
	return e;
}

static enum err on_windows(struct actor *self, const struct msg *m)
{
	struct part *p = actor_state(self);
	struct load *l = load_take(p, msg_tag(m));
	if (!l)
		return OK;
	struct batch *b = l->batch;
	enum err e = msg_err(m);
	if (e || l->round != p->round)
		load_drop(l); /* of an older round: another owner may have written since */
	else
		e = load_put(p, l, wa_windows_of(m));
	if (e && !b->err)
		b->err = e;
	free(l);
	b->asks--;
	actor_wake(p->pump);
	return batch_settle(self, b);
}

static uint32_t fill_window(const struct batch *b, uint32_t first, uint32_t n,
                            struct wa_span *spans, struct str *lids, struct str *pns)
{
	uint32_t pairs = 0;
	for (uint32_t i = 0; i < n; i++) {
		const struct wa_row *r = &b->body->rows.at[scratch.span_rows[first + i]];
		spans[i] = (struct wa_span){
			.chat = r->chat,
			.lid = r->chat_lid,
			.from_us = scratch.spans[first + i].span.from_us,
			.to_us = scratch.spans[first + i].span.to_us,
		};
		if (!r->sender_lid.len)
			continue;
		lids[pairs] = r->sender_lid;
		pns[pairs++] = r->sender;
	}
	return pairs;
}

static enum err send_load(struct actor *self, struct batch *b, uint32_t first, uint32_t n)
{
	struct wa_span spans[TOGETHER];
	struct str lids[TOGETHER], pns[TOGETHER];
	struct part *p = actor_state(self);
	uint32_t most = PART_PAST / n < MOST ? PART_PAST / n : MOST;
	uint32_t pairs = fill_window(b, first, n, spans, lids, pns);
	struct load *l = calloc(1, sizeof *l + n * sizeof *l->spans);
	enum err e = l ? OK : ERR_MEMORY;
	if (l) {
		*l = (struct load){ .batch = b, .number = ++p->number, .round = p->round, .n = n };
		l->most = most;
		memcpy(l->spans, scratch.spans + first, n * sizeof *l->spans);
		e = actor_ask_tag(self, "store", LOAD_MS, on_windows, l->number,
		                  MSG(wa_window, .spans = { spans, n }, .most = most,
		                      .lids = { lids, pairs }, .pns = { pns, pairs }));
	}
	if (!e) {
		l->next = p->loads;
		p->loads = l;
		b->asks++;
		return OK;
	}
	for (uint32_t i = 0; i < n; i++)
		window_unload(scratch.spans[first + i].talk);
	free(l);
	return e;
}

/* ---- the pump
 * -------------------------------------------------------------------------------------- */

static enum err on_full(struct actor *self)
{
	return traffic_pump(self);
}

static enum err step(struct actor *self, struct batch *b)
{
	struct part *p = actor_state(self);
	const struct msg *m = b->held;
	if (m->deadline_us && m->deadline_us <= actor_now_us(self) && !b->err)
		b->err = ERR_TIMEOUT;
	if (b->err || b->waiting == b->flying)
		return batch_settle(self, b);
	actor_act_for(self, m->business, m->principal, &m->trace);
	uint64_t number = ++p->number;
	enum err e = decide(p, b, number, (int64_t)actor_wall_us(self), &scratch), sent = OK;
	if (e) /* out of memory: what is decided goes on its way, the sender repeats the rest */
		b->err = e;
	if (scratch.n_rows)
		sent = send_insert(self, b, number);
	uint32_t each = b->alone ? ALONE : TOGETHER;
	for (uint32_t i = 0; i < scratch.n_spans; i += each) {
		uint32_t left = scratch.n_spans - i, n = left < each ? left : each;
		enum err loaded = send_load(self, b, i, n);
		sent = sent ? sent : loaded;
	}
	if (sent == ERR_FULL) /* nothing of it has gone: once more, within the batch's time */
		actor_after(self, FULL_MS, on_full);
	else if (sent && !b->err)
		b->err = sent;
	return batch_settle(self, b);
}

enum err traffic_pump(struct actor *self)
{
	struct part *p = actor_state(self);
	enum err e = OK;
	if (!p->first)
		return OK;
	if (p->lease.state != LEASE_HELD)
		return owner_take(self);
	for (struct batch *b = p->first, *next; b && p->lease.state == LEASE_HELD && !e; b = next) {
		next = b->next;
		if (!b->history)
			e = step(self, b);
	}
	/* History comes after what is live, one batch at a time. */
	struct batch *b = p->n_history ? p->first : NULL;
	while (b && !b->history)
		b = b->next;
	if (!e && b && p->lease.state == LEASE_HELD)
		e = step(self, b);
	return e;
}

void traffic_free(struct part *p)
{
	for (struct flight *f = p->flights, *next; f; f = next) {
		next = f->next;
		for (uint32_t k = 0; k < f->n; k++)
			window_drop(p->window, f->batch->work[f->rows[k]].entry);
		free(f);
	}
	for (struct load *l = p->loads, *next; l; l = next) {
		next = l->next;
		load_drop(l);
		free(l);
	}
	p->flights = NULL;
	p->loads = NULL;
	while (p->first)
		batch_free(p, p->first);
}
