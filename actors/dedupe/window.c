/*
 * window.c — conversations, their covered stretch of event time, and the rows accepted in it.
 *
 *     talks: hash by key, and a list by last use ──▶ the idle end is forgotten
 *       └─ entries: one list per conversation; two hashes over all of them:
 *            by (conversation, print)           layers 2 and 3
 *            by (conversation, place, second)   policy literal, layer 2
 *          own entries also stand in a list ordered by time: what lies between two rows
 */
#include "actors/dedupe/window_inside.h"
#include <assert.h>
#include <stdlib.h>

enum { SLOTS_FIRST = 64, TALK_TRIM = 128 };
/* A row this far behind the clock is backlog: what came after it is not wanted as a whole. Ours. */
static const int64_t LIVE_US = 60 * 1000000LL;
/* Backlog comes in order of time: load what the next rows will ask for as well. Ours. */
static const int64_t AHEAD_US = 600 * 1000000LL;

MUST enum err window_new(struct window_limits limits, struct window **ret)
{
	struct window *w = calloc(1, sizeof *w);
	if (!w)
		return ERR_MEMORY;
	w->limits = limits;
	w->talk_slots = w->entry_slots = SLOTS_FIRST;
	w->talks = calloc(SLOTS_FIRST, sizeof *w->talks);
	for (int by = 0; by < WINDOW_BY_N; by++)
		w->slots[by] = calloc(SLOTS_FIRST, sizeof *w->slots[by]);
	if (!w->talks || !w->slots[WINDOW_BY_PRINT] || !w->slots[WINDOW_BY_PLACE]) {
		window_free(&w);
		return ERR_MEMORY;
	}
	*ret = w;
	return OK;
}

static void chain_in(struct window *w, struct window_entry *e)
{
	for (int by = 0; by < WINDOW_BY_N; by++) {
		if (window_key_none(e->key[by]))
			continue;
		struct window_entry **slot = &w->slots[by][window_slot(w, e->talk, by, e->key[by],
		                                                       window_second(e->t_us))];
		e->chain[by] = *slot;
		*slot = e;
	}
}

static void chain_out(struct window *w, struct window_entry *e)
{
	for (int by = 0; by < WINDOW_BY_N; by++) {
		if (window_key_none(e->key[by]))
			continue;
		struct window_entry **at = &w->slots[by][window_slot(w, e->talk, by, e->key[by],
		                                                     window_second(e->t_us))];
		while (*at != e)
			at = &(*at)->chain[by];
		*at = e->chain[by];
	}
}

static void list_in(struct window_entry *e)
{
	struct window_talk *t = e->talk;
	e->all.next = t->all;
	if (t->all)
		t->all->all.prev = e;
	t->all = e;
	t->n++;
	if (!e->is_own)
		return;
	struct window_entry *before = NULL, *after = t->own;
	while (after && after->t_us > e->t_us) {
		before = after;
		after = after->own.next;
	}
	e->own = (struct window_link){ before, after };
	if (before)
		before->own.next = e;
	else
		t->own = e;
	if (after)
		after->own.prev = e;
}

static void list_out(struct window_entry *e)
{
	struct window_talk *t = e->talk;
	if (e->all.prev)
		e->all.prev->all.next = e->all.next;
	else
		t->all = e->all.next;
	if (e->all.next)
		e->all.next->all.prev = e->all.prev;
	t->n--;
	if (!e->is_own)
		return;
	if (e->own.prev)
		e->own.prev->own.next = e->own.next;
	else
		t->own = e->own.next;
	if (e->own.next)
		e->own.next->own.prev = e->own.prev;
}

static void entry_free(struct window *w, struct window_entry *e)
{
	chain_out(w, e);
	list_out(e);
	w->stats.entries--;
	free(e);
}

/* ---- conversations ----------------------------------------------------------------------------
 */

static struct window_talk **talk_slot(const struct window *w, struct window_key key)
{
	return &w->talks[(uint32_t)window_mix(key.lo) & (w->talk_slots - 1)];
}

static void use_out(struct window *w, struct window_talk *t)
{
	*(t->newer ? &t->newer->older : &w->newest) = t->older;
	*(t->older ? &t->older->newer : &w->oldest) = t->newer;
}

static void use_in(struct window *w, struct window_talk *t)
{
	t->newer = NULL;
	t->older = w->newest;
	*(w->newest ? &w->newest->newer : &w->oldest) = t;
	w->newest = t;
}

static void talk_free(struct window *w, struct window_talk *t)
{
	struct window_talk **at = talk_slot(w, t->key);
	while (*at != t)
		at = &(*at)->chain;
	*at = t->chain;
	while (t->all)
		entry_free(w, t->all); /* NOLINT(clang-analyzer-unix.Malloc): unlinks it */
	use_out(w, t);
	w->stats.talks--;
	free(t);
}

void window_free(struct window **pw)
{
	struct window *w = *pw;
	*pw = NULL;
	if (!w)
		return;
	while (w->oldest)
		talk_free(w, w->oldest);
	free(w->talks);
	for (int by = 0; by < WINDOW_BY_N; by++)
		free(w->slots[by]);
	free(w);
}

static void talks_grow(struct window *w)
{
	uint32_t slots = w->talk_slots * 2;
	struct window_talk **talks = calloc(slots, sizeof *talks);
	if (!talks)
		return; /* longer chains, nothing worse */
	free(w->talks);
	w->talks = talks;
	w->talk_slots = slots;
	for (struct window_talk *t = w->oldest; t; t = t->newer) {
		struct window_talk **slot = talk_slot(w, t->key);
		t->chain = *slot;
		*slot = t;
	}
}

static void entries_grow(struct window *w)
{
	uint32_t slots = w->entry_slots * 2;
	struct window_entry **by_print = calloc(slots, sizeof *by_print);
	struct window_entry **by_place = calloc(slots, sizeof *by_place);
	if (!by_print || !by_place) {
		free(by_print);
		free(by_place);
		return; /* longer chains, nothing worse */
	}
	free(w->slots[WINDOW_BY_PRINT]);
	free(w->slots[WINDOW_BY_PLACE]);
	w->slots[WINDOW_BY_PRINT] = by_print;
	w->slots[WINDOW_BY_PLACE] = by_place;
	w->entry_slots = slots;
	for (struct window_talk *t = w->oldest; t; t = t->newer)
		for (struct window_entry *e = t->all; e; e = e->all.next)
			chain_in(w, e);
}

/* Forget the conversation not used for longest, other than `keep` and those in use. */
static bool forget_one(struct window *w, const struct window_talk *keep)
{
	struct window_talk *t = w->oldest;
	while (t && (t->pins || t == keep))
		t = t->newer;
	if (!t)
		return false;
	talk_free(w, t);
	w->stats.forgotten++;
	return true;
}

struct window_talk *window_find(struct window *w, struct window_key key)
{
	struct window_talk *t = *talk_slot(w, key);
	while (t && !window_key_eq(t->key, key))
		t = t->chain;
	if (t && t != w->newest) {
		use_out(w, t);
		use_in(w, t);
	}
	return t;
}

struct window_talk *window_talk(struct window *w, struct window_key key)
{
	struct window_talk *t = window_find(w, key);
	if (t)
		return t;
	if (w->stats.talks >= w->limits.talks && !forget_one(w, NULL))
		return NULL;
	t = calloc(1, sizeof *t);
	if (!t)
		return NULL;
	t->key = key;
	t->newest_us = t->floor_us = INT64_MIN;
	t->trim_at = TALK_TRIM;
	if (w->stats.talks >= w->talk_slots)
		talks_grow(w);
	struct window_talk **slot = talk_slot(w, key);
	t->chain = *slot;
	*slot = t;
	use_in(w, t);
	w->stats.talks++;
	return t;
}

void window_pin(struct window_talk *t)
{
	t->pins++;
}

void window_unpin(struct window_talk *t)
{
	assert(t->pins);
	t->pins--;
}

/* ---- the covered stretch ------------------------------------------------------------------------
 */

bool window_known(const struct window_talk *t, int64_t t_us, int64_t now_us,
                  struct window_span *ret_missing)
{
	bool live = t_us > now_us - LIVE_US;
	struct window_span need = { t_us - WINDOW_FAR_US, t_us + WINDOW_FAR_US };
	struct window_span want = { need.from_us, live ? INT64_MAX : need.to_us + AHEAD_US };
	if (!t->covered || need.from_us > t->to_us || need.to_us < t->from_us) {
		*ret_missing = want;
		return false;
	}
	int64_t from = need.from_us > t->floor_us ? need.from_us : t->floor_us;
	bool left = from<t->from_us, right = need.to_us> t->to_us;
	if (left && !right)
		*ret_missing = (struct window_span){ want.from_us, t->from_us - 1 };
	else if (right && !left)
		*ret_missing = (struct window_span){ t->to_us + 1, want.to_us };
	else if (left)
		*ret_missing = want;
	return !left && !right;
}

/* Drop what is committed and outside; what is tentative stays, wherever it is. */
static void drop_outside(struct window *w, struct window_talk *t, int64_t from_us, int64_t to_us)
{
	for (struct window_entry *e = t->all, *next; e; e = next) {
		next = e->all.next; /* NOLINT(clang-analyzer-unix.Malloc): it is linked */
		if (e->id && (e->t_us < from_us || e->t_us > to_us))
			entry_free(w, e);
	}
}

void window_load(struct window_talk *t)
{
	assert(!t->loading);
	t->loading = true;
	window_pin(t);
}

void window_unload(struct window_talk *t)
{
	assert(t->loading);
	t->loading = false;
	window_unpin(t);
}

bool window_loading(const struct window_talk *t)
{
	return t->loading;
}

void window_loaded(struct window *w, struct window_talk *t, struct window_span s)
{
	if (t->loading)
		window_unload(t);
	bool meets = t->covered && (s.from_us <= t->to_us || s.from_us - 1 == t->to_us) &&
	             (s.to_us >= t->from_us || s.to_us + 1 == t->from_us);
	if (meets) {
		t->from_us = s.from_us < t->from_us ? s.from_us : t->from_us;
		t->to_us = s.to_us > t->to_us ? s.to_us : t->to_us;
		return;
	}
	t->covered = true;
	t->from_us = s.from_us;
	t->to_us = s.to_us;
	t->floor_us = INT64_MIN;
	drop_outside(w, t, s.from_us, s.to_us);
}

void window_doubt(struct window *w, struct window_talk *t)
{
	t->covered = false;
	drop_outside(w, t, INT64_MAX, INT64_MIN);
}

void window_forget(struct window *w)
{
	struct window_talk *t = w->oldest;
	while (t) {
		struct window_talk *next = t->newer;
		if (t->pins)
			window_doubt(w, t);
		else
			talk_free(w, t);
		t = next;
	}
}

static void trim(struct window *w, struct window_talk *t, int64_t before_us)
{
	if (before_us <= t->from_us)
		return;
	drop_outside(w, t, before_us, INT64_MAX);
	t->from_us = before_us;
}

/* Room for one more: other conversations go first, then this one's oldest rows. A chat with more
 * accepted rows in 10 s than `limits.entries` is compared with its newest ones alone. */
static void make_room(struct window *w, struct window_talk *t)
{
	while (w->stats.entries >= w->limits.entries && forget_one(w, t))
		;
	for (int64_t keep = WINDOW_KEEP_US; w->stats.entries >= w->limits.entries && keep;
	     keep /= 2) {
		t->floor_us = t->newest_us - keep;
		trim(w, t, t->floor_us);
	}
}

static struct window_entry *entry_new(struct window *w, struct window_talk *t,
                                      const struct window_row *row)
{
	if (w->stats.entries >= w->limits.entries)
		make_room(w, t);
	struct window_entry *e = calloc(1, sizeof *e);
	if (!e)
		return NULL;
	e->talk = t;
	e->key[WINDOW_BY_PRINT] = row->print;
	e->key[WINDOW_BY_PLACE] = row->place;
	e->t_us = row->t_us;
	e->is_own = row->own;
	if (row->t_us > t->newest_us)
		t->newest_us = row->t_us;
	if (w->stats.entries >= w->entry_slots)
		entries_grow(w);
	chain_in(w, e);
	list_in(e);
	w->stats.entries++;
	return e;
}

/* Rows that nothing can match and that separate nothing need not be kept. */
static bool matters(const struct window_row *row)
{
	return row->own || !window_key_none(row->print) || !window_key_none(row->place);
}

static bool stands(const struct window *w, const struct window_talk *t,
                   const struct window_row *row, uint64_t id)
{
	for (int by = 0; by < WINDOW_BY_N; by++) {
		struct window_key key = by == WINDOW_BY_PRINT ? row->print : row->place;
		if (window_key_none(key))
			continue;
		uint32_t slot = window_slot(w, t, by, key, window_second(row->t_us));
		const struct window_entry *e = w->slots[by][slot];
		while (e && e->id != id)
			e = e->chain[by];
		return e != NULL;
	}
	const struct window_entry *e = t->own;
	while (e && e->t_us >= row->t_us && e->id != id)
		e = e->own.next;
	return e && e->id == id;
}

MUST enum err window_past(struct window *w, struct window_talk *t, const struct window_row *row,
                          uint64_t id)
{
	if (!matters(row) || stands(w, t, row, id))
		return OK;
	struct window_entry *e = entry_new(w, t, row);
	if (!e)
		return ERR_MEMORY;
	e->id = id;
	return OK;
}

/* ---- rows on their way --------------------------------------------------------------------------
 */

MUST enum err window_add(struct window *w, struct window_talk *t, const struct window_row *row,
                         uint64_t insert, uint32_t in, struct window_entry **ret)
{
	*ret = NULL;
	if (!matters(row))
		return OK;
	if (t->n >= t->trim_at && t->to_us == INT64_MAX) {
		trim(w, t, t->newest_us - WINDOW_KEEP_US);
		t->trim_at = t->n < TALK_TRIM ? TALK_TRIM : 2 * t->n;
	}
	struct window_entry *e = entry_new(w, t, row);
	if (!e)
		return ERR_MEMORY;
	e->insert = insert;
	e->in = in;
	w->stats.tentative++;
	window_pin(t);
	*ret = e;
	return OK;
}

void window_commit(struct window *w, struct window_entry *e, uint64_t id)
{
	if (!e)
		return;
	window_unpin(e->talk);
	w->stats.tentative--;
	e->id = id;
}

void window_drop(struct window *w, struct window_entry *e)
{
	if (!e)
		return;
	window_unpin(e->talk);
	w->stats.tentative--;
	entry_free(w, e);
}

struct window_stats window_stats(const struct window *w)
{
	return w->stats;
}
