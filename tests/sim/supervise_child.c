/*
 * supervise_child — a day of a supervised process, drawn from a seed: programs that start slowly,
 * never get ready, ignore TERM or die at any moment, and an operator who changes his mind.
 *
 *     usage: supervise_child SEEDS [FIRST]
 *
 * Held after every step, counted from outside and never by the state machine's own books:
 *   1. at most one process lives, and it is never started twice;
 *   2. who is wanted, not given up and not there comes within the longest pause: nothing gets
 * stuck;
 *   3. given up only after `times` deaths of its own within the window;
 *   4. who is unwanted has ended after the drain time;
 *   5. TERM comes once, and only when the operator wants the process gone or renewed;
 *   6. KILL comes only after TERM and the drain time, after the start time, or in haste.
 */
#include "tools/supervise/child.h"
#include <stdio.h>
#include <stdlib.h>

static const uint64_t STEP_US = 7000;
enum { DAY_STEPS = 40000 };

struct world {
	struct child c;
	struct child_rule rule;
	uint64_t seed, now;
	/* the process, as the kernel would know it */
	bool alive, deaf;
	uint64_t born_us, ready_us, dies_us, term_us, killed_us;
	/* the operator */
	bool wanted, hurry, renew;
	uint64_t unwanted_us, idle_us;
	/* independent books */
	uint64_t own_deaths[4096];
	uint32_t n_own_deaths, spawns;
	uint64_t hash;
};

static uint64_t draw(struct world *w)
{
	w->seed ^= w->seed << 13; /* xorshift64, Marsaglia 2003 */
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed;
}

static bool chance(struct world *w, uint32_t one_in)
{
	return draw(w) % one_in == 0;
}

static uint64_t within(struct world *w, uint32_t least_ms, uint32_t most_ms)
{
	return 1000ULL * (least_ms + draw(w) % (most_ms - least_ms + 1));
}

#define HOLD(w, what)                                                                              \
	do {                                                                                       \
		if (!(what)) {                                                                     \
			printf("at %.3f s: not held: %s (state %s)\n", (double)(w)->now / 1e6,     \
			       #what, child_state_name((w)->c.state));                             \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static void on_spawn(struct world *w)
{
	HOLD(w, !w->alive);
	HOLD(w, w->wanted || w->now - w->unwanted_us < STEP_US * 2);
	w->spawns++;
	w->alive = true;
	w->born_us = w->now;
	w->term_us = w->killed_us = 0;
	w->deaf = chance(w, 4);
	w->ready_us = chance(w, 6) ? UINT64_MAX : w->now + within(w, 1, 1500);
	w->dies_us = chance(w, 3) ? w->now + within(w, 0, 2000) : w->now + within(w, 1000, 200000);
}

static void on_kill(struct world *w)
{
	bool late = w->now - w->born_us >= w->rule.ready_ms * 1000ULL && w->c.guilty;
	bool drained = w->term_us && w->now - w->term_us >= w->rule.drain_ms * 1000ULL;
	HOLD(w, w->alive);
	HOLD(w, late || drained || (w->term_us && w->hurry));
	w->killed_us = w->now;
	w->dies_us = w->now + within(w, 0, 20);
}

static void on_term(struct world *w)
{
	HOLD(w, w->alive && !w->term_us);
	HOLD(w, !w->wanted || w->renew);
	w->renew = false;
	w->term_us = w->now;
	if (!w->deaf)
		w->dies_us = w->now + within(w, 0, 3000);
}

static void process_lives(struct world *w)
{
	if (!w->alive)
		return;
	if (w->ready_us <= w->now) {
		w->ready_us = UINT64_MAX;
		child_ready(&w->c, w->now);
	}
	if (w->dies_us > w->now)
		return;
	bool asked = w->term_us != 0;
	w->alive = w->renew = false;
	w->idle_us = w->now;
	if (!asked)
		w->own_deaths[w->n_own_deaths++ % 4096] = w->now;
	child_died(&w->c, w->now);
}

static void operator_acts(struct world *w)
{
	if (chance(w, 2000)) {
		w->wanted = !w->wanted;
		w->unwanted_us = w->idle_us = w->now;
		child_want(&w->c, w->wanted);
	}
	if (chance(w, 3000)) {
		w->renew = w->alive;
		child_restart(&w->c);
		w->n_own_deaths = 0; /* pardoned */
		w->idle_us = w->now;
	}
	if (!w->hurry && chance(w, 30000)) {
		w->hurry = true;
		child_hurry(&w->c);
	}
}

static void hold(struct world *w)
{
	uint64_t longest = w->rule.pause_most_ms * 1000ULL + STEP_US * 2;
	if (w->wanted && !w->alive && w->c.state != CHILD_GIVEN_UP)
		HOLD(w, w->now - w->idle_us <= longest);
	if (!w->wanted && w->alive)
		HOLD(w, w->now - w->unwanted_us <= (w->rule.drain_ms + w->rule.ready_ms) * 1000ULL +
		                                           20000 + STEP_US * 4);
	HOLD(w, w->alive == child_alive(&w->c));
	if (w->c.state == CHILD_GIVEN_UP && w->c.since_us == w->now) {
		uint32_t n = 0;
		for (uint32_t i = 0; i < w->n_own_deaths; i++)
			n += w->now - w->own_deaths[i] <= w->rule.within_ms * 1000ULL;
		HOLD(w, n >= w->rule.times);
	}
}

static uint64_t run(uint64_t seed, uint32_t *ret_spawns, bool *ret_gave_up)
{
	struct world w = { .seed = seed * 0x9e3779b97f4a7c15ULL + 1,
		           .now = 1000000,
		           .wanted = true };
	w.rule = (struct child_rule){ .ready_ms = 1000,
		                      .drain_ms = 2000,
		                      .times = 3 + (uint32_t)(draw(&w) % 8),
		                      .within_ms = 10000,
		                      .pause_ms = 50,
		                      .pause_most_ms = 1600 };
	child_init(&w.c, &w.rule, w.now);
	child_want(&w.c, true);
	w.idle_us = w.now;
	for (int i = 0; i < DAY_STEPS; i++, w.now += STEP_US) {
		process_lives(&w);
		operator_acts(&w);
		enum child_act act;
		while ((act = child_step(&w.c, w.now)) != CHILD_NOTHING) {
			w.hash = (w.hash ^ (w.now + act)) * 0x100000001b3ULL; /* FNV-1a's prime */
			if (act == CHILD_SPAWN)
				on_spawn(&w);
			else if (act == CHILD_TERM)
				on_term(&w);
			else
				on_kill(&w);
		}
		hold(&w);
		*ret_gave_up |= w.c.state == CHILD_GIVEN_UP;
	}
	*ret_spawns += w.spawns;
	return w.hash;
}

int main(int argc, char **argv)
{
	uint64_t seeds = argc > 1 ? strtoull(argv[1], NULL, 10) : 50;
	uint64_t first = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	uint32_t spawns = 0, days_given_up = 0;
	for (uint64_t seed = first; seed < first + seeds; seed++) {
		bool gave_up = false, again = false;
		uint32_t twice = 0;
		printf("seed %llu\n", (unsigned long long)seed);
		uint64_t hash = run(seed, &spawns, &gave_up);
		if (seed == first && hash != run(seed, &twice, &again)) {
			printf("the same seed went two ways\n");
			return 1;
		}
		days_given_up += gave_up;
	}
	printf("%u starts, given up on %u of %llu days\n", spawns, days_given_up,
	       (unsigned long long)seeds);
	/* A day in which nothing happens proves nothing. */
	return spawns > seeds * 10 && (seeds < 20 || days_given_up > 0) ? 0 : 1;
}
