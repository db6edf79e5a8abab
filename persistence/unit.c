/*
 * unit.c — unit.h on pg.h and bind.h.
 */
#include "persistence/unit.h"
#include "persistence/bind.h"
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	GRACE_MS = 2000,
	REPLAN_FIRST = 4, /* batches on one connection; then at 8, 16 … Ours */
	TEXT = 25,
	TAG_FRAME = BATCH_STEPS, /* begin and settings */
	TAG_COMMIT,
};

static const struct pg_statement begin_write = { .name = "unit.begin",
	                                         .sql = "begin",
	                                         .number = PG_STATEMENTS - 1 };
static const struct pg_statement begin_read = { .name = "unit.begin_read",
	                                        .sql = "begin read only",
	                                        .number = PG_STATEMENTS - 2 };
static const struct pg_statement commit = { .name = "unit.commit",
	                                    .sql = "commit",
	                                    .number = PG_STATEMENTS - 3 };
/* Local to the transaction, all three: nothing of it is left for the next one. */
static const struct pg_statement settings = {
	.name = "unit.settings",
	.sql = "select set_config('role', $1, true), set_config('app.business', $2, true),"
	       " set_config('statement_timeout', $3, true)",
	.types = (const uint32_t[]){ TEXT, TEXT, TEXT },
	.n_types = 3,
	.number = PG_STATEMENTS - 4
};

/* A prepared statement keeps its plan. One that was made while its tables were empty may walk any
 * index of them, and is slow for ever: so plans are made anew as the work doubles, a handful of
 * times. */
static const struct pg_statement replan = { .name = "unit.replan",
	                                    .sql = "discard plans",
	                                    .number = PG_STATEMENTS - 5 };

static bool plans_are_due(struct unit *u)
{
	uint64_t n = ++u->sent;
	return n >= REPLAN_FIRST && !(n & (n - 1));
}

/* What the settings say at this point of the unit. */
struct frame {
	bool begun;
	const char *role;
	uint64_t business;
	uint32_t timeout_ms, longest_ms;
};

static struct pg_value text_value(const char *s)
{
	return (struct pg_value){ s, (uint32_t)strlen(s) };
}

static enum err set_frame(struct unit *u, const struct batch_step *step, struct frame *f)
{
	const char *role = step->s->system ? "switchboard_system" : "switchboard_app";
	uint32_t ms = step->s->timeout_ms ? step->s->timeout_ms : u->statement_ms;
	char business[24] = "", timeout[16];
	enum err e = OK;
	if (ms > f->longest_ms)
		f->longest_ms = ms;
	if (!f->begun)
		e = pg_step(u->pg, u->write ? &begin_write : &begin_read, NULL, TAG_FRAME);
	if (!e && !f->begun && plans_are_due(u))
		e = pg_step(u->pg, &replan, NULL, TAG_FRAME);
	if (e ||
	    (f->begun && role == f->role && step->business == f->business && ms == f->timeout_ms))
		return e;
	if (step->business)
		snprintf(business, sizeof business, "%" PRIu64, step->business);
	snprintf(timeout, sizeof timeout, "%u", ms);
	f->begun = true;
	f->role = role;
	f->business = step->business;
	f->timeout_ms = ms;
	return pg_step(
		u->pg, &settings,
		(struct pg_value[]){ text_value(role), text_value(business), text_value(timeout) },
		TAG_FRAME);
}

/* One of several asks cannot be bound: find which, so that the others can go. */
static void screen(struct batch_step *step, uint64_t wall_us, struct batch_queue *bad)
{
	struct batch_queue all = step->asks, bads = { 0 };
	step->asks = (struct batch_queue){ 0 };
	step->rows = 0;
	for (struct batch_ask *a; (a = batch_pop(&all));) {
		struct bind_params p;
		a->err = bind_params(step->s, &a->m, 1, a->asker, wall_us, &p);
		bind_params_done(&p);
		if (!a->err)
			step->rows += a->rows;
		batch_push(a->err ? &bads : &step->asks, a);
	}
	batch_merge(bad, &bads);
}

static enum err bind_step(struct batch_step *step, uint64_t wall_us, struct bind_params *ret)
{
	const struct msg **asks = malloc(step->asks.n * sizeof *asks);
	uint32_t n = 0;
	if (!asks)
		return ERR_MEMORY;
	for (struct batch_ask *a = step->asks.first; a; a = a->next)
		asks[n++] = a->m;
	enum err e = bind_params(step->s, asks, n, step->asks.first->asker, wall_us, ret);
	free(asks);
	return e;
}

static enum err send_step(struct unit *u, uint32_t i, uint64_t wall_us, struct frame *f,
                          struct batch_queue *bad)
{
	struct batch_step *step = &u->batch.steps[i];
	struct bind_params p = { .bytes = NULL };
	enum err e = bind_step(step, wall_us, &p);
	if (e) {
		bind_params_done(&p);
		screen(step, wall_us, bad);
		if (!step->asks.n)
			return OK;
		e = bind_step(step, wall_us, &p);
	}
	if (!e)
		e = set_frame(u, step, f);
	if (!e)
		e = pg_step(u->pg, &step->s->pg, p.values, i);
	bind_params_done(&p);
	return e;
}

static void on_result(void *ctx, uint32_t tag, struct pg_result *r)
{
	struct unit *u = ctx;
	if (tag < BATCH_STEPS) {
		u->results[tag] = r;
		return;
	}
	/* A transaction that had failed answers COMMIT with ROLLBACK. */
	if (tag == TAG_COMMIT)
		u->committed = !strcmp(pg_command(r), "COMMIT");
	pg_result_free(&r);
}

static void on_done(void *ctx, const struct pg_done *how)
{
	struct unit *u = ctx;
	u->how = *how;
	snprintf(u->sqlstate, sizeof u->sqlstate, "%s", how->sqlstate);
	snprintf(u->text, sizeof u->text, "%s", how->text);
	u->how.sqlstate = u->sqlstate;
	u->how.text = u->text;
	u->in_commit = how->e && how->tag == TAG_COMMIT;
	u->under_way = false;
	u->over = true;
	u->wake(u->ctx);
}

enum err unit_send(struct unit *u, uint64_t wall_us, struct batch_queue *bad)
{
	struct frame f = { 0 };
	enum err e = OK;
	assert(!u->under_way && !u->over);
	u->committed = false;
	for (uint32_t i = 0; !e && i < u->batch.n; i++)
		e = send_step(u, i, wall_us, &f, bad);
	if (!e && !f.begun)
		return OK;
	if (!e)
		e = pg_step(u->pg, &commit, NULL, TAG_COMMIT);
	/* The longest statement may use its time, and somebody may hold a lock of the next. */
	if (!e)
		e = pg_go(u->pg, 2 * f.longest_ms + GRACE_MS, on_result, on_done, u);
	u->under_way = !e;
	if (e)
		pg_abandon(u->pg);
	return e;
}

void unit_clear(struct unit *u)
{
	for (uint32_t i = 0; i < BATCH_STEPS; i++)
		if (u->results[i])
			pg_result_free(&u->results[i]);
	u->over = u->under_way = false;
}
