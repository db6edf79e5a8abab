/*
 * work.h — the requests of a fetch actor, from ask to answer.
 *
 *     ask ─▶ WAITS ─▶ RUNS ─▶ answer
 *              ▲        ├── redirect: judged anew ─▶ WAITS
 *              │        └── may be made again ─▶ PAUSED ─ time ─┐
 *              └───────────────────────────────────────────────┘
 *     the asker has ended, or its time is over: gone from wherever it is
 */
#pragma once
#include "actors/actor.h"
#include "actors/fetch/plan.h"
#include "actors/fetch/transfer.h"

enum { FETCH_BUDGETS = 512, FETCH_MARGIN_US = 20000 };

enum work_state { WORK_WAITS, WORK_RUNS, WORK_PAUSED };

/* Who asks, watched while anything is under way for it. */
struct asker {
	struct asker *next;
	struct ref ref;
	uint64_t serial;
	uint32_t works;
};

struct work {
	struct work *next, **link; /* in the order they came */
	struct actor *self;
	struct asker *asker;     /* NULL: nobody who could end */
	const struct msg *asked; /* held */
	enum work_state state;
	char *text; /* what url views */
	struct guard_url url, base;
	bool based;    /* the asker has named a base */
	bool stripped; /* another origin than the first: its headers stay behind */
	enum fetch_method method;
	bool bodiless; /* since a redirect made a GET of it */
	uint32_t tries, hops;
	uint64_t host; /* hash of host and port */
	uint64_t begin_us, due_us, since_us,
		next_us; /* since: in this state; next: end of the pause */
	uint64_t waited_us;
	bool reached; /* by any try */
	struct transfer *transfer;
};

struct fetch {
	struct transfers *transfers;
	struct actor_waker *waker;
	struct guard guard;
	bool proxied; /* names are looked up elsewhere: all that can be judged is their text */
	struct work *first, **last;
	uint32_t n, running;
	struct asker *askers;
	uint64_t serials;
	struct plan_budget budgets[FETCH_BUDGETS];
	uint32_t running_most, host_most, business_most, waiting_most;
};

/* The ask becomes a work, or is refused. */
MUST enum err work_new(struct actor *self, const struct msg *m);
/* tool.c: a call.tool becomes a request of our own. */
MUST enum err work_tool(struct actor *self, const struct msg *m);
void work_free(struct work *w); /* with what runs for it, and without an answer */

/* Those that may, begin; those whose time is over are answered; the next moment is awaited. */
void works_turn(struct actor *self);

/* ---- askers.c: who hears of whose end ------------------------------------------------------ */

MUST enum err asker_of(struct actor *self, const struct msg *m, struct asker **ret);
void asker_left(struct actor *self, struct asker *a); /* one of its works is over */
void askers_free(struct fetch *f);
