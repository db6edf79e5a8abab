/*
 * verdict.c — layers 2 and 3: is this row a copy of one accepted in its conversation?
 *
 *     layer 2   |Δt| <= 1 s                 same sender, direction, kind, reply target, text, media
 *     layer 3   |Δt| <= 10 s, and none of our own messages strictly between the two
 *
 * A match that is committed decides. One in the insert in hand decides under the condition that it
 * is stored; one in another insert cannot decide before that insert's answer.
 */
#include "actors/dedupe/window_inside.h"

enum between { BETWEEN_NONE, BETWEEN_MAYBE, BETWEEN_YES };

/* One of our own messages strictly between two times? */
static enum between own_between(const struct window_talk *t, int64_t a_us, int64_t b_us)
{
	int64_t lo = a_us < b_us ? a_us : b_us, hi = a_us < b_us ? b_us : a_us;
	enum between found = BETWEEN_NONE;
	for (const struct window_entry *e = t->own; e && e->t_us > lo; e = e->own.next) {
		if (e->t_us >= hi)
			continue;
		if (e->id)
			return BETWEEN_YES;
		found = BETWEEN_MAYBE;
	}
	return found;
}

struct search {
	const struct window_entry *stored, *here; /* committed; in the insert in hand */
	uint32_t stored_layer, here_layer;
	int64_t stored_apart;
	bool wait;
};

static void weigh(struct search *s, const struct window_entry *e, uint32_t layer, int64_t d,
                  uint64_t insert)
{
	if (e->id) {
		if (!s->stored || layer < s->stored_layer ||
		    (layer == s->stored_layer && d < s->stored_apart)) {
			s->stored = e;
			s->stored_layer = layer;
			s->stored_apart = d;
		}
	} else if (e->insert == insert) {
		if (!s->here || layer < s->here_layer) {
			s->here = e;
			s->here_layer = layer;
		}
	} else {
		s->wait = true;
	}
}

static void by_print(const struct window *w, const struct window_talk *t,
                     const struct window_row *row, uint64_t insert, struct search *s)
{
	const struct window_entry *e =
		w->slots[WINDOW_BY_PRINT][window_slot(w, t, WINDOW_BY_PRINT, row->print, 0)];
	for (; e; e = e->chain[WINDOW_BY_PRINT]) {
		int64_t d = window_apart(e->t_us, row->t_us);
		if (e->talk != t || d > WINDOW_FAR_US ||
		    !window_key_eq(e->key[WINDOW_BY_PRINT], row->print))
			continue;
		bool literal = !window_key_none(row->place);
		uint32_t layer = d <= WINDOW_NEAR_US && !literal ? 2 : 3;
		enum between own =
			layer == 2 || literal ? BETWEEN_NONE : own_between(t, e->t_us, row->t_us);
		if (own == BETWEEN_MAYBE)
			s->wait = true;
		else if (own == BETWEEN_NONE)
			weigh(s, e, layer, d, insert);
	}
}

static void by_place(const struct window *w, const struct window_talk *t,
                     const struct window_row *row, uint64_t insert, struct search *s)
{
	int64_t second = window_second(row->t_us);
	for (int64_t at = second - 1; at <= second + 1; at++) {
		const struct window_entry *e =
			w->slots[WINDOW_BY_PLACE]
				[window_slot(w, t, WINDOW_BY_PLACE, row->place, at)];
		for (; e; e = e->chain[WINDOW_BY_PLACE]) {
			int64_t d = window_apart(e->t_us, row->t_us);
			if (e->talk == t && d <= WINDOW_NEAR_US && window_second(e->t_us) == at &&
			    window_key_eq(e->key[WINDOW_BY_PLACE], row->place))
				weigh(s, e, 2, d, insert);
		}
	}
}

struct window_verdict window_decide(const struct window *w, const struct window_talk *t,
                                    const struct window_row *row, uint64_t insert)
{
	struct search s = { 0 };
	if (!window_key_none(row->place))
		by_place(w, t, row, insert, &s);
	if (!window_key_none(row->print))
		by_print(w, t, row, insert, &s);
	if (s.stored)
		return (struct window_verdict){ WINDOW_COPY, s.stored_layer, s.stored->id, 0 };
	if (s.here)
		return (struct window_verdict){ WINDOW_COPY, s.here_layer, 0, s.here->in };
	return (struct window_verdict){ .say = s.wait ? WINDOW_WAIT : WINDOW_ACCEPT };
}
