/*
 * decide.c — what can be said of each row of a batch now. Pure: window and ids in, a list out.
 *
 * Rows are taken in their order. Where one must wait, the later ones of its conversation wait too;
 * other conversations go on.
 */
#include "actors/dedupe/part.h"

enum say { SAY_DUPLICATE, SAY_WAIT, SAY_LOAD, SAY_SEND };

static bool new_pair(const struct part *p, const struct work *w)
{
	for (int i = 0; i < 2; i++)
		if (!window_key_none(w->pairs[i]) && !ids_has(p->pairs, w->pairs[i]))
			return true;
	return false;
}

static enum say by_window(struct part *p, struct batch *b, struct work *w, uint64_t insert,
                          int64_t wall_us, struct wa_row *out, struct window_span *ret_missing,
                          enum err *ret_err)
{
	struct window_talk *t = b->talks[w->talk].talk;
	if (window_loading(t))
		return SAY_WAIT;
	/* An address just learned: what stands under the other one is this conversation's too. */
	if (!w->pairs_told && new_pair(p, w))
		window_doubt(p->window, t);
	if (!window_known(t, w->row.t_us, wall_us, ret_missing))
		return SAY_LOAD;
	struct window_verdict v = window_decide(p->window, t, &w->row, insert);
	if (v.say == WINDOW_WAIT)
		return SAY_WAIT;
	if (v.say == WINDOW_ACCEPT) {
		*ret_err = window_add(p->window, t, &w->row, insert, out->place, &w->entry);
		return SAY_SEND;
	}
	if (b->body->policy == TENANT_DEDUPE_LITERAL)
		return v.of ? SAY_DUPLICATE : SAY_WAIT; /* discarded, once the other is stored */
	out->layer = v.layer;
	out->dup_of = v.of;
	out->dup_in = v.of ? 0 : v.in;
	return SAY_SEND;
}

static enum say one(struct part *p, struct batch *b, struct work *w, uint64_t insert,
                    int64_t wall_us, struct wa_row *out, struct window_span *ret_missing,
                    enum err *ret_err)
{
	if (part_flies(p, w->id))
		return SAY_WAIT;
	if (ids_has(p->ids, w->id))
		return SAY_DUPLICATE;
	if (!w->windowed)
		return SAY_SEND;
	return by_window(p, b, w, insert, wall_us, out, ret_missing, ret_err);
}

static void send(struct part *p, struct batch *b, struct decided *d, struct work *w, uint32_t i)
{
	part_fly(p, b, w);
	d->rows[d->n_rows++] = (uint16_t)i;
}

static void load(struct batch *b, struct decided *d, struct work *w, uint32_t i,
                 struct window_span missing)
{
	struct window_talk *t = b->talks[w->talk].talk;
	window_load(t);
	w->pairs_told = true;
	d->span_rows[d->n_spans] = (uint16_t)i;
	d->spans[d->n_spans++] = (struct load_span){ t, missing };
}

enum err decide(struct part *p, struct batch *b, uint64_t insert, int64_t wall_us,
                struct decided *d)
{
	enum err e = OK;
	d->n_rows = d->n_spans = 0;
	for (uint32_t i = 0; i < b->n_talks; i++)
		b->talks[i].blocked = false;
	for (uint32_t i = 0; i < b->n && !e; i++) {
		struct work *w = &b->work[i];
		struct batch_talk *t = &b->talks[w->talk];
		struct window_span missing;
		if (w->state != WORK_WAITING || t->blocked)
			continue;
		struct wa_row *out = &d->out[d->n_rows];
		*out = b->body->rows.at[i];
		out->place = d->n_rows + 1;
		out->layer = out->dup_in = 0;
		out->dup_of = 0;
		switch (one(p, b, w, insert, wall_us, out, &missing, &e)) {
		case SAY_DUPLICATE:
			batch_done(b, w, WA_OUTCOME_DUPLICATE);
			break;
		case SAY_SEND:
			if (!e)
				send(p, b, d, w, i);
			break;
		case SAY_LOAD:
			load(b, d, w, i, missing);
			t->blocked = true;
			break;
		case SAY_WAIT:
			t->blocked = true;
			break;
		}
	}
	return e;
}
