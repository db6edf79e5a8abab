/*
 * window.h — what one partition remembers of its conversations, and layers 2 and 3 decided on it.
 *
 *     conversation ─┬─ covered stretch of event time: every accepted row in it is known here
 *                   └─ entries: (time, keys, row id), committed or tentative
 *
 * A tentative entry stands for a row whose insert is on its way; it becomes committed with that
 * insert's answer, or is dropped with its failure. So nothing is ever taken for a copy of a row
 * that the database does not have. Verdicts compare with accepted rows alone: suppression cannot
 * chain.
 *
 * Pure: no clock, no messages. Bounded: the conversation not used for longest is forgotten, which
 * costs one load from the database when it comes back. Keys are 128 bits of SHA-256, so nobody can
 * make two of them meet. Rules: shared facts on WhatsApp, "The rules, exactly", in README.md here.
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>

enum {
	WINDOW_NEAR_US = 1000000,  /* layer 2 */
	WINDOW_FAR_US = 10000000,  /* layer 3 */
	WINDOW_KEEP_US = 60000000, /* kept behind the newest: late rows find their past here */
};

/* All zero: none. */
struct window_key {
	uint64_t hi, lo;
};

static inline bool window_key_none(struct window_key k)
{
	return !k.hi && !k.lo;
}
static inline bool window_key_eq(struct window_key a, struct window_key b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

/* A row as the window sees it. */
struct window_row {
	struct window_key print; /* sender and what makes two rows the same; none: never matches */
	struct window_key place; /* policy literal: the raw address of the chat; none otherwise */
	int64_t t_us;
	bool own; /* written by us: it separates an answer from the one before */
};

enum window_say {
	WINDOW_ACCEPT,
	WINDOW_COPY, /* of an accepted row */
	WINDOW_WAIT, /* depends on an insert that is still on its way: ask again after its answer */
};

struct window_verdict {
	enum window_say say;
	uint32_t layer; /* 2 or 3 of a copy */
	uint64_t of;    /* id of the row it repeats; 0: of the insert in hand, at `in` */
	uint32_t in;    /* WINDOW_COPY without `of`: place in the insert in hand */
};

struct window;
struct window_talk;  /* one conversation */
struct window_entry; /* one accepted row */

struct window_limits {
	uint32_t talks;   /* conversations at the most */
	uint32_t entries; /* rows at the most, over all of them */
};

MUST enum err window_new(struct window_limits limits, struct window **ret);
void window_free(struct window **w);

/* The conversation, made when it is not known; it becomes the one used last. NULL: out of memory,
 * or all are pinned. Valid until the next call that may forget one, unless pinned. */
struct window_talk *window_talk(struct window *w, struct window_key key);
struct window_talk *window_find(struct window *w, struct window_key key); /* NULL: not known */
void window_pin(struct window_talk *t);
void window_unpin(struct window_talk *t);

/* Is the past around an event time known? If not, this stretch must be loaded first. `now_us` only
 * tells a live row from an old one: for a live one all that is newer is wanted too. */
struct window_span {
	int64_t from_us, to_us; /* both inclusive */
};
bool window_known(const struct window_talk *t, int64_t t_us, int64_t now_us,
                  struct window_span *ret_missing);
/* While a stretch is on its way from the database nothing may be decided in the conversation: a row
 * committed meanwhile might be missing in what comes. Pins until window_loaded or window_unload. */
void window_load(struct window_talk *t);
void window_unload(struct window_talk *t); /* it failed */
bool window_loading(const struct window_talk *t);
/* A stretch has been loaded; its rows follow by window_past at once. Where it does not meet what
 * was covered, it takes its place. */
void window_loaded(struct window *w, struct window_talk *t, struct window_span span);
MUST enum err window_past(struct window *w, struct window_talk *t, const struct window_row *row,
                          uint64_t id);
/* Something came to light that makes the past of this conversation look different: load it again.
 */
void window_doubt(struct window *w, struct window_talk *t);

/* Layers 2 and 3 for a row that would travel in the insert number `insert`, 1 and up. */
struct window_verdict window_decide(const struct window *w, const struct window_talk *t,
                                    const struct window_row *row, uint64_t insert);

/* The row was accepted and travels at place `in` of that insert. Pins the conversation. *ret is
 * NULL for a row that nothing can match and that separates nothing: it is not kept. */
MUST enum err window_add(struct window *w, struct window_talk *t, const struct window_row *row,
                         uint64_t insert, uint32_t in, struct window_entry **ret);
/* The insert's answer: stored under this id, or not stored as a new row. Unpins; takes NULL. */
void window_commit(struct window *w, struct window_entry *e, uint64_t id);
void window_drop(struct window *w, struct window_entry *e);

/* Forget all that is committed: another may have written since. Tentative entries stay. */
void window_forget(struct window *w);

struct window_stats {
	uint32_t talks, entries, tentative;
	uint64_t forgotten; /* conversations, to make room */
};
struct window_stats window_stats(const struct window *w);
