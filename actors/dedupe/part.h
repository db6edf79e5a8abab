/*
 * part.h — the state of one partition, and how its files divide the work.
 *
 *     dedupe.c    the kind: messages in, settings
 *     batch.c     a batch's rows: made ready, finished, answered
 *     decide.c    what can be said of each row now: duplicate, wait, load first, or insert
 *     traffic.c   asks of the store and their answers
 *     owner.c     the lease
 *     release.c   a suppressed row is shown after all
 *
 * A row's way:   WAITING ──▶ FLYING ──▶ DONE
 *                   ▲──────────┘  (again; the lease has moved)
 */
#pragma once
#include "actors/actor.h"
#include "actors/dedupe/ids.h"
#include "actors/dedupe/window.h"
#include "proto/wa.h"

enum {
	PART_ROWS = 1024,  /* of one batch: the bound of wa.batch */
	PART_TRIES = 8,    /* a row that is never decided makes its batch fail */
	PART_PAST = 8192,  /* rows of one wa.windows */
	PART_SPANS = 1024, /* conversations of one wa.window */
	PART_FLIES = 512,  /* slots of the table of ids on their way */
};

enum work_state { WORK_WAITING, WORK_FLYING, WORK_DONE };

struct work {
	struct window_key id;       /* layer 1: provider id, chat, sender; none without an id */
	struct window_key pairs[2]; /* of addresses this row shows; none: none */
	struct window_row row;
	struct window_entry *entry; /* tentative, while flying */
	struct work *flies;         /* next in the slot of ids on their way */
	uint32_t talk;              /* index in the batch's conversations */
	uint8_t state, outcome, tries;
	bool windowed;   /* layers 2 and 3 look at it */
	bool pairs_told; /* its pairs have gone along with a load */
};

struct batch_talk {
	struct window_talk *talk; /* pinned */
	bool blocked;             /* in this pass: an earlier row waits */
};

/* One wa.batch, until it is answered. */
struct batch {
	struct batch *next, *prev;
	const struct msg *held;
	const struct wa_batch *body;
	struct batch_talk *talks;
	uint32_t n, n_talks;
	uint32_t waiting, flying; /* rows not done; those of them on their way */
	uint32_t asks;            /* inserts and loads on their way */
	enum err err;             /* the answer, once nothing is on its way */
	bool history;
	bool alone; /* its conversations are loaded few at a time: they are long */
	struct work work[];
};

/* One wa.insert on its way. */
struct flight {
	struct flight *next;
	struct batch *batch;
	uint64_t number;
	uint32_t n;
	uint16_t rows[]; /* their places in the batch */
};

/* One wa.window on its way. */
struct load {
	struct load *next;
	struct batch *batch;
	uint64_t number, round;
	uint32_t n, most;
	struct load_span {
		struct window_talk *talk;
		struct window_span span;
	} spans[];
};

enum lease_state {
	LEASE_NONE,
	LEASE_ASKED, /* take is on its way */
	LEASE_HELD,
	LEASE_DROPPED, /* drop is on its way: the epoch must rise, so that what is lost stays lost
	                */
};

struct part {
	struct window *window;
	struct ids *ids;   /* committed for good: not placeholders */
	struct ids *pairs; /* aliases that are stored */
	struct work *flying[PART_FLIES];
	struct batch *first, *last;
	struct flight *flights;
	struct load *loads;
	struct release *releases;
	struct actor_waker *pump;
	uint32_t n_batches, n_history;
	uint64_t number;  /* of inserts and loads */
	uint64_t round;   /* rises when all that was known is forgotten */
	uint64_t used_us; /* when a batch last came: an idle lease is left to run out */
	struct {
		enum lease_state state;
		uint64_t epoch;      /* as last held */
		uint64_t refused_us; /* since when another holds it; 0: not so */
		bool doubt;          /* as soon as it can be: drop it, take it anew */
		char name[64], owner[128];
	} lease;
};

/* batch.c */
MUST enum err batch_new(struct actor *self, const struct msg *m, struct batch **ret);
void batch_free(struct part *p, struct batch *b);
/* Answer and free it if nothing is left to wait for. */
enum err batch_settle(struct actor *self, struct batch *b);
void batch_done(struct batch *b, struct work *w, enum wa_outcome outcome);
void batch_fail_all(struct actor *self, enum err why);
/* A row as the window sees it. */
struct window_row part_row(const struct wa_row *r, enum tenant_dedupe policy);
/* Ids on their way: a second copy waits for the outcome of the first. */
bool part_flies(const struct part *p, struct window_key id);
void part_fly(struct part *p, struct batch *b, struct work *w);
void part_land(struct part *p, struct batch *b, struct work *w);

/* decide.c: rows to insert into `rows` (their places), stretches to load into `spans`. */
struct decided {
	uint16_t rows[PART_ROWS];
	struct load_span spans[PART_SPANS];
	uint16_t span_rows[PART_SPANS]; /* the row that asked for it */
	uint32_t n_rows, n_spans;
	struct wa_row out[PART_ROWS]; /* as they go to the store */
};
enum err decide(struct part *p, struct batch *b, uint64_t insert, int64_t wall_us,
                struct decided *ret);

/* traffic.c: a tick, so that what it asks inherits no caller's tenant or deadline */
enum err traffic_pump(struct actor *self);
void traffic_free(struct part *p);

/* release.c */
actor_fn release_on_ask;
void release_free(struct part *p);

/* owner.c */
void owner_start(struct actor *self);
enum err owner_take(struct actor *self);
/* An insert's end is not known: whatever it does from now on must not count. */
void owner_doubt(struct actor *self);
/* Another owner has written, or may have. */
void owner_lost(struct actor *self);
