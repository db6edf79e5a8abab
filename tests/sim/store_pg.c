/*
 * store_pg.c — store_pg.h: connections and transactions. The statements are in store_pg_sql.c.
 */
#include "tests/sim/store_pg.h"
#include "tests/sim/store_pg_sql.h"
#include <stdlib.h>

enum state { DOWN, IDLE, BUILDING, WORKING, TELLING };
enum fate {
	FINE,
	LOST_BEFORE,  /* the connection goes before anything was executed */
	LOST_BETWEEN, /* before the commit: some results may have come */
	LOST_AFTER,   /* after it */
	ROLLED_BACK,  /* the commit's answer is no error, and no commit */
	HANG,         /* no word until the time is over; carried out later, or never */
	CHANCE,       /* a step fails, and the server says how */
};

struct pg {
	struct pg *next;
	struct pg_config config;
	struct loop *loop;
	struct loop_timer *timer;
	enum state state;
	enum fate fate;
	struct store_pg_unit unit;
	const char *chance;  /* SQLSTATE */
	uint32_t fail_at;    /* the step that it hits */
	uint32_t told, tell; /* results handed over; of which the connection lives to see so many */
	uint32_t within_ms, refusals;
	const char *names[PG_STATEMENTS];
	pg_result_fn *on_result;
	pg_done_fn *on_done;
	void *ctx;
};

/* A unit whose connection went while the server was still at it. */
struct ghost {
	struct ghost *next;
	struct loop_timer *timer;
	struct store_pg_unit unit;
};

struct store_pg store_pg;
static struct pg *all;
static struct ghost *ghosts;
static uint64_t seed_now;

static uint32_t draw(uint32_t below)
{
	seed_now ^= seed_now << 13; /* xorshift64, Marsaglia 2003 */
	seed_now ^= seed_now >> 7;
	seed_now ^= seed_now << 17;
	return (uint32_t)(seed_now >> 20) % below;
}

static bool one_in(uint32_t n)
{
	return n && draw(n) == 0;
}

static void note(uint64_t what)
{
	store_pg.hash = (store_pg.hash ^ what) * 0x100000001b3u; /* FNV-1a */
}

static void *must(void *at)
{
	if (!at)
		abort();
	return at;
}

/* ---- coming and going
 * ------------------------------------------------------------------------------------ */

static void in_ms(struct pg *pg, uint32_t ms)
{
	loop_timer_set(pg->timer, ms * 1000ull);
}

static void went(struct pg *pg, const char *text)
{
	note(loop_now_us(pg->loop));
	store_pg_unit_done(&pg->unit);
	memset(pg->names, 0, sizeof pg->names);
	pg->state = DOWN;
	in_ms(pg, pg->refusals ? 50u << (pg->refusals < 3 ? pg->refusals : 3) : 0);
	(void)text;
}

static void tell_down(struct pg *pg, const char *text)
{
	if (pg->config.on)
		pg->config.on(pg->config.ctx, PG_DOWN, text);
}

/* The unit's one end. */
static void finish(struct pg *pg, const struct pg_done *how)
{
	pg_done_fn *fn = pg->on_done;
	pg->on_done = NULL;
	note((uint64_t)how->e << 8 | how->lost);
	store_pg.unknown += how->lost;
	fn(pg->ctx, how);
}

static void lose(struct pg *pg)
{
	struct pg_done how = { .lost = true, .sqlstate = "08006", .text = "the connection went" };
	how.e = pg_meaning(how.sqlstate, &how.effect);
	went(pg, how.text);
	finish(pg, &how);
	tell_down(pg, how.text);
}

static void connect_now(struct pg *pg)
{
	if (store_pg.away || one_in(store_pg.refuse_connect)) {
		pg->refusals++;
		went(pg, "");
		tell_down(pg, "nobody listens");
		return;
	}
	pg->refusals = 0;
	pg->state = IDLE;
	if (pg->config.on)
		pg->config.on(pg->config.ctx, PG_UP, "simulated");
}

/* ---- a unit's way
 * ------------------------------------------------------------------------------------ */

static void draw_fate(struct pg *pg)
{
	static const char *const states[] = { "40001", "40P01", "55P03" };
	const struct store_pg *k = &store_pg;
	pg->fate = one_in(k->lose_before)    ? LOST_BEFORE
	           : one_in(k->lose_between) ? LOST_BETWEEN
	           : one_in(k->lose_after)   ? LOST_AFTER
	           : one_in(k->roll_back)    ? ROLLED_BACK
	           : one_in(k->hang)         ? HANG
	                                     : CHANCE;
	pg->chance = one_in(k->serial)        ? states[draw(3)]
	             : one_in(k->time_limit)  ? "57014"
	             : one_in(k->no_space)    ? "53100"
	             : one_in(k->end_session) ? "57P01"
	                                      : NULL;
	if (pg->fate == CHANCE && !pg->chance)
		pg->fate = FINE;
	pg->fail_at = pg->fate == CHANCE ? draw(pg->unit.n) : UINT32_MAX;
	/* Results that still come. With LOST_BETWEEN the commit's own is not among them. */
	pg->tell = pg->fate == LOST_BETWEEN ? draw(pg->unit.n)
	           : pg->fate == LOST_AFTER ? draw(pg->unit.n + 1)
	                                    : UINT32_MAX;
	store_pg.chances += pg->fate == CHANCE;
}

static void ghost_runs(void *ctx)
{
	struct ghost *g = ctx, **at = &ghosts;
	while (*at != g)
		at = &(*at)->next;
	*at = g->next;
	store_pg_execute(&g->unit, UINT32_MAX, NULL, true);
	store_pg_unit_done(&g->unit);
	loop_timer_free(&g->timer);
	free(g);
}

/* The server has it all, the client hears nothing more. */
static void hang(struct pg *pg)
{
	if (draw(3)) {
		struct ghost *g = must(calloc(1, sizeof *g));
		g->unit = pg->unit;
		pg->unit = (struct store_pg_unit){ 0 };
		g->next = ghosts;
		ghosts = g;
		if (loop_timer_new(pg->loop, ghost_runs, g, &g->timer))
			abort();
		loop_timer_set(g->timer, draw(2 * pg->within_ms) * 1000ull);
	}
	in_ms(pg, pg->within_ms);
}

static void execute(struct pg *pg)
{
	struct store_pg_unit *u = &pg->unit;
	bool commits = pg->fate != LOST_BETWEEN;
	/* Told to go at the commit, it may have happened all the same. */
	bool at_commit = pg->fail_at == u->n - 1, ends = pg->chance && !strcmp(pg->chance, "57P01");
	if (pg->fate == ROLLED_BACK)
		store_pg_roll_back(u);
	else
		store_pg_execute(u, at_commit && ends && draw(2) ? UINT32_MAX : pg->fail_at,
		                 pg->chance, commits);
	if (at_commit && ends && pg->fate == CHANCE && !u->sqlstate) {
		u->failed = u->n - 1;
		u->sqlstate = pg->chance;
	}
	pg->state = TELLING;
	in_ms(pg, draw(store_pg.late_ms + 1));
}

static void told_all(struct pg *pg)
{
	struct pg_done how = { .sqlstate = "", .text = "" };
	if (pg->unit.sqlstate) {
		how.sqlstate = pg->unit.sqlstate;
		how.text = "simulated";
		how.e = pg_meaning(how.sqlstate, &how.effect);
		how.tag = pg->unit.steps[pg->unit.failed].tag;
	}
	/* Rolled back before anybody hears of it, and that may be the end of a connection too. */
	if (how.e && (how.effect == PG_DROP || one_in(8))) {
		went(pg, how.text);
		finish(pg, &how);
		tell_down(pg, how.text);
		return;
	}
	store_pg_unit_done(&pg->unit);
	pg->state = IDLE;
	loop_timer_clear(pg->timer);
	finish(pg, &how);
}

/* Some more results: one, or all there are. */
static void tell(struct pg *pg)
{
	struct store_pg_unit *u = &pg->unit;
	uint32_t there = u->sqlstate ? u->failed : u->n;
	uint32_t until = pg->told + 1 + draw(there + 1);
	for (; pg->told < there && pg->told < until && pg->told < pg->tell; pg->told++) {
		struct pg_result *r = u->results[pg->told];
		u->results[pg->told] = NULL;
		pg->on_result(pg->ctx, u->steps[pg->told].tag, r);
	}
	if (pg->told >= pg->tell || (pg->tell != UINT32_MAX && pg->told == there))
		lose(pg);
	else if (pg->told == there)
		told_all(pg);
	else
		in_ms(pg, draw(store_pg.late_ms + 1));
}

static void on_timer(void *ctx)
{
	struct pg *pg = ctx;
	if (pg->state == DOWN)
		connect_now(pg);
	else if (pg->state == WORKING && (pg->fate == LOST_BEFORE || pg->fate == HANG))
		lose(pg);
	else if (pg->state == WORKING)
		execute(pg);
	else if (pg->state == TELLING)
		tell(pg);
}

/* ---- pg.h
 * ---------------------------------------------------------------------------------------- */

enum err pg_new(struct loop *l, const struct pg_config *config, struct pg **ret)
{
	struct pg *pg = must(calloc(1, sizeof *pg));
	pg->config = *config;
	pg->loop = l;
	pg->next = all;
	all = pg;
	if (loop_timer_new(l, on_timer, pg, &pg->timer))
		abort();
	loop_timer_set(pg->timer, draw(50) * 1000ull);
	store_pg.connections++;
	*ret = pg;
	return OK;
}

void pg_free(struct pg **ret)
{
	struct pg *pg = *ret, **at = &all;
	if (!pg)
		return;
	while (*at != pg)
		at = &(*at)->next;
	*at = pg->next;
	/* What is under way may yet be carried out. */
	if (pg->state == WORKING && pg->unit.n && draw(2))
		store_pg_execute(&pg->unit, UINT32_MAX, NULL, true);
	store_pg_unit_done(&pg->unit);
	loop_timer_free(&pg->timer);
	free(pg);
	store_pg.connections--;
	*ret = NULL;
}

bool pg_idle(const struct pg *pg)
{
	return pg->state == IDLE;
}

enum err pg_step(struct pg *pg, const struct pg_statement *s, const struct pg_value *values,
                 uint32_t tag)
{
	CHECK(pg->state == IDLE || pg->state == BUILDING);
	CHECK(s->number < PG_STATEMENTS && pg->unit.n < PG_STEPS);
	CHECK(!pg->names[s->number] || !strcmp(pg->names[s->number], s->name));
	pg->state = BUILDING;
	pg->names[s->number] = s->name;
	if (one_in(store_pg.refuse_step * 16)) {
		went(pg, "");
		tell_down(pg, "the pipe is broken");
		return ERR_UNAVAILABLE;
	}
	store_pg_unit_add(&pg->unit, s, values, tag);
	return OK;
}

enum err pg_go(struct pg *pg, uint32_t within_ms, pg_result_fn *on_result, pg_done_fn *on_done,
               void *ctx)
{
	CHECK(pg->state == BUILDING && within_ms);
	if (one_in(store_pg.refuse_step)) {
		went(pg, "");
		tell_down(pg, "the pipe is broken");
		return ERR_UNAVAILABLE;
	}
	store_pg_unit_check(&pg->unit);
	store_pg.units++;
	pg->state = WORKING;
	pg->told = 0;
	pg->within_ms = within_ms;
	pg->on_result = on_result;
	pg->on_done = on_done;
	pg->ctx = ctx;
	draw_fate(pg);
	note(loop_now_us(pg->loop) << 8 | pg->fate);
	if (pg->fate == HANG)
		hang(pg);
	else
		in_ms(pg, draw(store_pg.work_ms + 1));
	return OK;
}

void pg_abandon(struct pg *pg)
{
	if (pg->state != BUILDING)
		return;
	went(pg, "");
	tell_down(pg, "a unit was given up");
}

/* ---- the test's own
 * ---------------------------------------------------------------------------------- */

void store_pg_reset(uint64_t seed)
{
	memset(&store_pg, 0, sizeof store_pg);
	store_pg.hash = 0xcbf29ce484222325u;
	seed_now = seed * 0x9e3779b97f4a7c15u | 1;
}

void store_pg_end(void)
{
	while (ghosts) {
		struct ghost *g = ghosts;
		ghosts = g->next;
		store_pg_unit_done(&g->unit);
		loop_timer_free(&g->timer);
		free(g);
	}
	CHECK(!all && !store_pg.connections && !store_pg.results);
}

void store_pg_away(bool away)
{
	store_pg.away = away;
	for (struct pg *pg = away ? all : NULL; pg; pg = pg->next)
		if (pg->state == WORKING) { /* a hang has given its unit to a ghost */
			if (pg->fate != HANG)
				pg->fate = LOST_BEFORE;
			in_ms(pg, 0);
		} else if (pg->state == TELLING) {
			pg->tell = pg->told;
			in_ms(pg, 0);
		} else if (pg->state == IDLE) {
			went(pg, "");
			tell_down(pg, "the server went");
		}
}

const struct store_pg_row *store_pg_find(uint64_t business, const char *key)
{
	for (uint32_t i = 0; i < store_pg.n; i++)
		if (store_pg.rows[i].business == business && !strcmp(store_pg.rows[i].key, key))
			return &store_pg.rows[i];
	return NULL;
}
