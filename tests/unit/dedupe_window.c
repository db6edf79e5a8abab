/*
 * dedupe_window — layers 2 and 3 against a list of all rows and a double loop.
 *
 * The oracle knows no conversations, no hashes, no loads and no eviction: it holds every accepted
 * row and compares with each. Floods are random with a printed seed; limits are so small that
 * windows are forgotten and loaded all the time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "actors/dedupe/window.h"

enum { SECOND = 1000000, ROWS = 4000 };
static const int64_t NOW = 1700000000LL * SECOND;

struct row {
	struct window_key talk;
	struct window_row row;
	uint64_t id;
	bool accepted;
};

struct store {
	struct row rows[ROWS];
	uint32_t n;
};

static uint64_t seed;

static uint32_t roll(uint32_t below)
{
	seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(seed >> 33) % below;
}

static struct window_key key(uint64_t n)
{
	return (struct window_key){ n * 0x9e3779b97f4a7c15ULL, n };
}

static int64_t apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

/* ---- the oracle ----------------------------------------------------------------------------- */

static bool own_between(const struct store *s, struct window_key talk, int64_t a, int64_t b)
{
	int64_t lo = a < b ? a : b, hi = a < b ? b : a;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct row *r = &s->rows[i];
		if (r->accepted && r->row.own && window_key_eq(r->talk, talk) && r->row.t_us > lo &&
		    r->row.t_us < hi)
			return true;
	}
	return false;
}

/* 0: accept; 2 or 3: the layer that finds a copy. */
static uint32_t oracle(const struct store *s, struct window_key talk, const struct window_row *row)
{
	uint32_t layer = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct row *r = &s->rows[i];
		if (!r->accepted || !window_key_eq(r->talk, talk) || window_key_none(row->print) ||
		    !window_key_eq(r->row.print, row->print))
			continue;
		int64_t d = apart(r->row.t_us, row->t_us);
		if (d <= SECOND)
			return 2;
		if (d <= 10 * SECOND && !own_between(s, talk, r->row.t_us, row->t_us))
			layer = 3;
	}
	return layer;
}

static uint32_t oracle_literal(const struct store *s, struct window_key talk,
                               const struct window_row *row)
{
	uint32_t layer = 0;
	for (uint32_t i = 0; i < s->n; i++) {
		const struct row *r = &s->rows[i];
		if (!r->accepted || !window_key_eq(r->talk, talk))
			continue;
		int64_t d = apart(r->row.t_us, row->t_us);
		if (d <= SECOND && window_key_eq(r->row.place, row->place))
			return 2;
		if (d <= 10 * SECOND && !window_key_none(row->print) &&
		    window_key_eq(r->row.print, row->print))
			layer = 3;
	}
	return layer;
}

/* ---- what the dedupe actor does, in small -----------------------------------------------------
 */

static void load(struct window *w, const struct store *s, struct window_talk *t,
                 struct window_key talk, int64_t t_us)
{
	struct window_span span;
	for (int round = 0; !window_known(t, t_us, NOW, &span); round++) {
		assert_true(round < 4);
		window_loaded(w, t, span);
		for (uint32_t i = 0; i < s->n; i++) {
			const struct row *r = &s->rows[i];
			if (r->accepted && window_key_eq(r->talk, talk) &&
			    r->row.t_us >= span.from_us && r->row.t_us <= span.to_us)
				assert_int_equal(window_past(w, t, &r->row, r->id), OK);
		}
	}
}

static struct window_row random_row(bool literal, struct window_key *ret_talk)
{
	*ret_talk = key(1 + roll(12));
	struct window_row row = { .own = roll(6) == 0 };
	/* Mostly live and in order, some late, some backlog of long ago. */
	int64_t at = NOW + (int64_t)roll(60) * SECOND;
	if (roll(10) == 0)
		at -= (int64_t)(1 + roll(3)) * 1000 * SECOND + (int64_t)roll(30) * SECOND;
	row.t_us = at + (roll(3) ? 0 : (int64_t)roll(SECOND));
	if (roll(8))
		row.print = key(1000 + roll(5) + (row.own ? 100 : 0));
	if (literal)
		row.place = key(5000 + roll(2));
	if (literal && row.own)
		row.print = (struct window_key){ 0 };
	return row;
}

static void one_order(struct window_limits limits, bool literal)
{
	struct window *w;
	struct store *s = calloc(1, sizeof *s);
	uint32_t seen[4] = { 0 };
	assert_non_null(s);
	assert_int_equal(window_new(limits, &w), OK);
	for (uint32_t i = 0; i < ROWS; i++) {
		struct window_key talk;
		struct window_row row = random_row(literal, &talk);
		struct window_talk *t = window_talk(w, talk);
		assert_non_null(t);
		window_pin(t);
		load(w, s, t, talk, row.t_us);
		struct window_verdict v = window_decide(w, t, &row, 1);
		uint32_t want = literal ? oracle_literal(s, talk, &row) : oracle(s, talk, &row);
		assert_int_equal(v.say, want ? WINDOW_COPY : WINDOW_ACCEPT);
		assert_int_equal(v.layer, want);
		seen[want]++;
		if (want) {
			assert_in_range(v.of, 1, s->n);
			assert_true(s->rows[v.of - 1].accepted);
		}
		s->rows[s->n] = (struct row){ talk, row, s->n + 1, !want };
		s->n++;
		if (!want) {
			struct window_entry *e;
			assert_int_equal(window_add(w, t, &row, 1, 1, &e), OK);
			window_commit(w, e, s->n);
		}
		window_unpin(t);
		assert_true(window_stats(w).talks <= limits.talks);
		assert_true(window_stats(w).entries <= limits.entries);
	}
	/* The flood must have tried all of it. */
	assert_true(seen[0] > 100 && seen[2] > 100 && seen[3] > 100);
	if (limits.talks < 12)
		assert_true(window_stats(w).forgotten > 100);
	window_free(&w);
	assert_null(w);
	free(s);
}

static void agrees_with_the_double_loop(void **state)
{
	(void)state;
	for (uint64_t i = 1; i <= 10; i++) {
		seed = i;
		print_message("seed %d\n", (int)i);
		one_order((struct window_limits){ 1000, 100000 }, false);
		one_order((struct window_limits){ 3, 2000 }, false);
		one_order((struct window_limits){ 1000, 100000 }, true);
		one_order((struct window_limits){ 3, 2000 }, true);
	}
}

/* ---- inserts on their way, that fail ------------------------------------------------------------
 */

enum { FLYING = 6, EACH = 8 };

struct flying {
	uint64_t number; /* 0: free */
	uint32_t n;
	struct row rows[EACH];
	struct window_entry *entries[EACH];
	uint32_t dup_in[EACH]; /* 1 + place; 0: not a copy of a row of this insert */
	uint64_t dup_of[EACH];
};

/* The database commits: what was said of each row must be true of what is there now. */
static void settle(struct window *w, struct store *s, struct flying *f, bool good, uint32_t *again)
{
	bool in[EACH] = { false };
	for (uint32_t i = 0; i < f->n; i++) {
		struct row *r = &f->rows[i];
		/* Layer 1, known to the database alone, may refuse a row that was thought new. */
		bool refused = !good || roll(10) == 0;
		if (f->dup_of[i] || f->dup_in[i]) {
			if (!good || (f->dup_in[i] && !in[f->dup_in[i] - 1])) {
				++*again;
				continue;
			}
			/* One of our own messages may have come between since: no oracle here. */
			uint64_t of = f->dup_of[i] ? f->dup_of[i] : f->rows[f->dup_in[i] - 1].id;
			assert_in_range(of, 1, s->n);
			assert_true(window_key_eq(s->rows[of - 1].row.print, r->row.print));
			assert_true(apart(s->rows[of - 1].row.t_us, r->row.t_us) <= 10 * SECOND);
			continue;
		}
		if (refused) {
			window_drop(w, f->entries[i]);
			continue;
		}
		assert_int_equal(oracle(s, r->talk, &r->row), 0);
		in[i] = true;
		r->id = s->n + 1;
		s->rows[s->n] = *r;
		s->rows[s->n].id = s->n + 1;
		s->rows[s->n].accepted = true;
		window_commit(w, f->entries[i], s->n + 1);
		s->n++;
	}
	f->number = 0;
}

static void tentative_rows_decide_nothing(void **state)
{
	(void)state;
	for (uint64_t round = 1; round <= 20; round++) {
		struct window *w;
		struct store *s = calloc(1, sizeof *s);
		struct flying fly[FLYING] = { 0 };
		uint64_t number = 0;
		uint32_t waited = 0, again = 0, copies = 0;
		seed = round * 77;
		assert_non_null(s);
		assert_int_equal(window_new((struct window_limits){ 40, 5000 }, &w), OK);
		while (s->n < ROWS / 4) {
			struct flying *f = &fly[roll(FLYING)];
			if (f->number)
				settle(w, s, f, roll(5) != 0, &again);
			*f = (struct flying){ .number = ++number };
			while (f->n < EACH) {
				struct window_key talk;
				struct window_row row = random_row(false, &talk);
				struct window_talk *t = window_talk(w, talk);
				assert_non_null(t);
				load(w, s, t, talk, row.t_us);
				struct window_verdict v = window_decide(w, t, &row, f->number);
				if (v.say == WINDOW_WAIT) {
					waited++;
					break;
				}
				f->rows[f->n] = (struct row){ .talk = talk, .row = row };
				if (v.say == WINDOW_COPY) {
					copies++;
					f->dup_of[f->n] = v.of;
					f->dup_in[f->n] = v.of ? 0 : v.in;
				} else {
					assert_int_equal(window_add(w, t, &row, f->number, f->n + 1,
					                            &f->entries[f->n]),
					                 OK);
				}
				f->n++;
			}
		}
		for (int i = 0; i < FLYING; i++)
			if (fly[i].number)
				settle(w, s, &fly[i], false, &again);
		assert_int_equal(window_stats(w).tentative, 0);
		assert_true(waited > 20 && again > 20 && copies > 100);
		window_forget(w);
		assert_int_equal(window_stats(w).talks, 0);
		assert_int_equal(window_stats(w).entries, 0);
		window_free(&w);
		free(s);
	}
}

/* ---- by hand
 * -------------------------------------------------------------------------------------- */

static uint32_t say(struct window *w, uint64_t print, int64_t t_us, bool own)
{
	static uint64_t id;
	struct window_row row = { .t_us = t_us, .own = own };
	if (print)
		row.print = key(print);
	struct window_talk *t = window_talk(w, key(7));
	struct window_span span;
	struct window_entry *e;
	if (!window_known(t, t_us, NOW, &span))
		window_loaded(w, t, span);
	struct window_verdict v = window_decide(w, t, &row, 1);
	if (v.say == WINDOW_COPY)
		return v.layer;
	assert_int_equal(window_add(w, t, &row, 1, 1, &e), OK);
	window_commit(w, e, ++id);
	return 0;
}

static void bounds_chains_and_answers(void **state)
{
	struct window *w;
	(void)state;
	assert_int_equal(window_new((struct window_limits){ 10, 1000 }, &w), OK);
	assert_int_equal(say(w, 1, NOW, false), 0);
	assert_int_equal(say(w, 1, NOW + SECOND, false), 2); /* inclusive */
	assert_int_equal(say(w, 1, NOW - SECOND, false), 2); /* both directions */
	assert_int_equal(say(w, 1, NOW + SECOND + 1, false), 3);
	assert_int_equal(say(w, 1, NOW + 9 * SECOND, false), 3);
	assert_int_equal(say(w, 1, NOW + 18 * SECOND, false), 0); /* no chain */
	assert_int_equal(say(w, 2, NOW, false), 0);               /* other content */
	assert_int_equal(say(w, 0, NOW, false), 0);               /* no fingerprint never matches */
	assert_int_equal(say(w, 0, NOW, false), 0);
	assert_int_equal(say(w, 3, NOW + 100 * SECOND, false), 0);
	assert_int_equal(say(w, 0, NOW + 102 * SECOND, true), 0);  /* we ask again */
	assert_int_equal(say(w, 3, NOW + 104 * SECOND, false), 0); /* so this is an answer */
	assert_int_equal(say(w, 3, NOW + 105 * SECOND, false), 2); /* and this a double tap */
	assert_int_equal(say(w, 3, NOW + 98 * SECOND, false), 3);  /* nothing of ours between */
	assert_int_equal(say(w, 4, NOW + 200 * SECOND, false), 0);
	assert_int_equal(say(w, 4, NOW + 210 * SECOND, false), 3); /* inclusive */
	assert_int_equal(say(w, 4, NOW + 210 * SECOND + 1, false), 0);
	window_free(&w);
}

/* One chat with more rows than there is room for: old ones go, nothing hangs, nothing is invented.
 */
static void one_huge_chat(void **state)
{
	struct window *w;
	(void)state;
	assert_int_equal(window_new((struct window_limits){ 10, 500 }, &w), OK);
	for (uint32_t i = 0; i < 5000; i++) {
		assert_int_equal(say(w, 10 + i, NOW + i * 1000, false), 0);
		assert_int_equal(say(w, 10 + i, NOW + i * 1000, false), 2);
		assert_true(window_stats(w).entries <= 500);
	}
	window_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bounds_chains_and_answers),
		cmocka_unit_test(agrees_with_the_double_loop),
		cmocka_unit_test(tentative_rows_decide_nothing),
		cmocka_unit_test(one_huge_chat),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
