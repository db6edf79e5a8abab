/*
 * child.h — what becomes of one supervised process: a pure state machine, told the time and what
 * happened, that says what to do next. It knows no process; supervise.c does.
 *
 *              spawn            ready
 *     down ──────────▶ starting ──────▶ up ──┐ stop, restart: TERM
 *      ▲  ▲               │ died, late  │    ▼
 *      │  │               ▼             │  draining ──▶ ending (KILL) after drain_ms
 *      │  └─ gone ── given up ◀─ too ── pausing ◀┘ died      │
 *      │                        often    │ pause over: spawn │ died
 *      └─────────────────────────────────┴───────────────────┘
 *
 * Every death is entered in a tally (the idea of s6-supervise); `times` of them within `within_ms`
 * give the child up until an operator restarts it. The pause before a restart doubles with each
 * death that came before readiness, so a broken program does not eat a core.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { CHILD_TALLY = 64 };

struct child_rule {
	uint32_t ready_ms;      /* from start to ready, or it is killed */
	uint32_t drain_ms;      /* from TERM to its end, or it is killed */
	uint32_t times;         /* deaths, at the most CHILD_TALLY, … */
	uint32_t within_ms;     /* … within this: given up */
	uint32_t pause_ms;      /* before the first restart */
	uint32_t pause_most_ms; /* the pause grows to this */
};

enum child_state {
	CHILD_DOWN,
	CHILD_STARTING,
	CHILD_UP,
	CHILD_DRAINING,
	CHILD_ENDING,
	CHILD_PAUSING,
	CHILD_GIVEN_UP,
};

/* What the caller has to do now. */
enum child_act {
	CHILD_NOTHING,
	CHILD_SPAWN, /* start the process; child_died() at once if that fails */
	CHILD_TERM,  /* ask it to end */
	CHILD_KILL,
};

struct child {
	const struct child_rule *rule;
	enum child_state state;
	bool wanted;
	bool renew;        /* ends in order to be started again */
	bool hurry;        /* no more time for draining */
	bool guilty;       /* being ended for its own fault: counts as a death */
	uint64_t since_us; /* in this state since */
	uint64_t until_us; /* 0: no deadline */
	uint64_t deaths_us[CHILD_TALLY];
	uint32_t deaths;    /* in the tally */
	uint32_t stillborn; /* deaths in a row before readiness */
	uint32_t restarts, spawns;
};

void child_init(struct child *c, const struct child_rule *rule,
                uint64_t now_us); /* down, not wanted */

/* What is wished. */
void child_want(struct child *c, bool wanted);
void child_restart(struct child *c); /* end it well and start it anew; pardons a given-up one */
void child_hurry(struct child *c);   /* whoever drains is ended now */

/* What happened. */
void child_ready(struct child *c, uint64_t now_us);
void child_died(struct child *c, uint64_t now_us);

/* What to do now. Call again until it says CHILD_NOTHING. */
enum child_act child_step(struct child *c, uint64_t now_us);
uint64_t
child_next_us(const struct child *c); /* when to call next though nothing happens; 0: never */

bool child_alive(const struct child *c);                       /* is there a process */
uint32_t child_deaths(const struct child *c, uint64_t now_us); /* within the window */
const char *child_state_name(enum child_state s);
