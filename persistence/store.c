/*
 * store.c — the actor that answers every message that has a statement.
 *
 *     ask ─▶ store_on_ask ─▶ lane's queue        writes and reads: a lane each, with connections
 *                                │
 *     end of the loop's turn:   pump ─ batch_plan ─▶ unit ─▶ PostgreSQL
 *                                                     │
 *     answers ◀── on_wake ◀───────────────────────────┘ after the commit
 *
 * While a lane's connections are busy its queue grows, and the next batch is larger: group commit
 * without a timer.
 */
#include "persistence/store.h"
#include "bus/loop.h"
#include "persistence/bind.h"
#include "persistence/store_state.h"
#include <stdlib.h>

enum {
	LOOK_MS = 100,     /* how often those who wait too long are looked for */
	TRIES = 3,         /* batches that an ask may be in before it runs alone, or is given up */
	BATCH_ASKS = 1024, /* in one transaction */
	BATCH_BYTES = 16 << 20,
	COMPANY_ASKS = 128, /* a further connection begins when so many wait for the first, */
	COMPANY_BYTES = 128 << 10,
	COMPANY_US = 10000, /* or so long: who holds it may be waiting for a lock */
};

/* ---- asks
 * ------------------------------------------------------------------------------------------- */

static void refuse(struct actor *self, struct store *st, struct batch_ask *a, enum err why)
{
	st->waiting--;
	st->waiting_bytes -= a->m->size;
	(void)!actor_refuse(self, msg_take(&a->m), why);
	free(a);
}

static void refuse_all(struct actor *self, struct store *st, struct batch_queue *q)
{
	for (struct batch_ask *a; (a = batch_pop(q));)
		refuse(self, st, a, a->err);
}

static bool lane_up(const struct store_lane *lane)
{
	for (uint32_t i = 0; i < lane->n; i++)
		if (pg_idle(lane->units[i].pg) || lane->units[i].under_way)
			return true;
	return false;
}

static enum err on_look(struct actor *self);

enum err store_on_ask(struct actor *self, const struct msg *m)
{
	struct store *st = *(struct store **)actor_state(self);
	const struct statement *s = statement_of(st->set, m->type);
	if (!s || !(m->flags & MSG_ASK))
		return ERR_TYPE;
	if (!m->business && !s->system)
		return ERR_NO_TENANT;
	if (st->waiting >= st->waiting_most || st->waiting_bytes + m->size > st->bytes_most)
		return ERR_BUSY;
	struct batch_ask *a = calloc(1, sizeof *a);
	if (!a)
		return ERR_MEMORY;
	a->m = msg_hold(self, m);
	if (!a->m) {
		free(a);
		return ERR_MEMORY;
	}
	a->s = s;
	a->seq = ++st->seq;
	a->since_us = actor_now_us(self);
	if (s->asker)
		actor_sender(self, m, a->asker, sizeof a->asker);
	a->rows = bind_bulk_rows(s, m);
	batch_push(&st->lanes[!s->write].queue, a);
	if (!st->waiting++)
		actor_after(self, LOOK_MS, on_look);
	st->waiting_bytes += m->size;
	return OK;
}

/* Whose asker has gone, or who has waited long enough. */
static enum err too_late(const struct store *st, const struct store_lane *lane,
                         const struct batch_ask *a, uint64_t now_us)
{
	if (a->m->deadline_us && a->m->deadline_us <= now_us)
		return ERR_TIMEOUT;
	if (now_us - a->since_us < st->wait_us)
		return OK;
	return lane_up(lane) ? ERR_BUSY : ERR_UNAVAILABLE;
}

static enum err on_look(struct actor *self)
{
	struct store *st = *(struct store **)actor_state(self);
	for (struct store_lane *lane = st->lanes; lane < st->lanes + 2; lane++) {
		struct batch_queue all = lane->queue, late = { 0 };
		lane->queue = (struct batch_queue){ 0 };
		for (struct batch_ask *a; (a = batch_pop(&all));) {
			a->err = too_late(st, lane, a, actor_now_us(self));
			batch_push(a->err ? &late : &lane->queue, a);
		}
		refuse_all(self, st, &late);
	}
	if (st->waiting)
		actor_after(self, LOOK_MS, on_look);
	return OK;
}

/* ---- down: at the end of each turn of the loop
 * -------------------------------------------------------- */

static void send_batch(struct store *st, struct store_lane *lane, struct unit *u)
{
	struct batch_limits most = { BATCH_ASKS, st->rows_most, BATCH_BYTES };
	batch_plan(&u->batch, &lane->queue, &most);
	enum err e = unit_send(u, loop_wall_us(st->loop), &st->bad);
	if (!u->under_way) {
		struct batch_queue back;
		batch_release(&u->batch, &back); /* the connection went; or all were bad */
		batch_merge(&lane->queue, &back);
	}
	if (e || st->bad.n)
		actor_wake(st->waker);
}

/* A statement's own cost is that of some twenty rows: a few writes wait for the commit under way,
 * and then go together. One connection took 54 us of CPU a row of single POSTs, two took 74 and
 * were slower. */
static bool has_company(struct store *st, const struct store_lane *lane)
{
	const struct batch_queue *q = &lane->queue;
	uint64_t now = loop_now_us(st->loop), due = q->first->since_us + COMPANY_US;
	bool busy = false;
	for (uint32_t i = 0; i < lane->n; i++)
		busy |= lane->units[i].under_way;
	if (!busy || q->n >= COMPANY_ASKS || q->bytes >= COMPANY_BYTES || now >= due)
		return true;
	loop_timer_set(st->company, due - now);
	return false;
}

/* The turn that it makes is all it is for. */
static void on_company(void *ctx)
{
	(void)ctx;
}

static bool pump(void *ctx)
{
	struct store *st = ctx;
	for (struct store_lane *lane = st->lanes; lane < st->lanes + 2; lane++)
		for (uint32_t i = 0; i < lane->n && lane->queue.n; i++)
			if (!lane->units[i].over && pg_idle(lane->units[i].pg) &&
			    (!lane->units[i].write || has_company(st, lane)))
				send_batch(st, lane, &lane->units[i]);
	return false; /* what is left waits for a connection, whose descriptor wakes us */
}

/* ---- back
 * --------------------------------------------------------------------------------------------- */

static void answer(struct actor *self, struct store *st, struct batch_ask *a, struct bind_rows *b,
                   const int32_t *rows, uint32_t n)
{
	void *body = NULL;
	struct arena arena = { .len = (uint32_t)bind_room(b, rows, n) };
	arena.at = malloc(arena.len);
	enum err e = arena.at ? bind_reply(b, rows, n, &arena, &body) : ERR_MEMORY;
	if (e == ERR_STORAGE)
		actor_log(self, LOG_ERROR, "bad_row what=\"%s\"", b->text);
	if (e) {
		refuse(self, st, a, e);
	} else {
		st->waiting--;
		st->waiting_bytes -= a->m->size;
		(void)!actor_reply(self, msg_take(&a->m), a->s->request->reply, body);
		free(a);
	}
	free(arena.at);
}

static void answer_step(struct actor *self, struct store *st, struct batch_step *step,
                        const struct pg_result *r)
{
	struct bind_rows b;
	bool bulk = step->s->bulk >= 0;
	uint32_t n = bulk ? step->rows : pg_rows(r), from = 0;
	int32_t *rows = malloc(n * sizeof *rows + 1);
	enum err e = rows ? bind_rows(&b, step->s, r) : ERR_MEMORY;
	for (uint32_t i = 0; rows && !bulk && i < n; i++)
		rows[i] = (int32_t)i;
	if (!e && bulk)
		e = bind_deal(&b, n, rows);
	if (e == ERR_STORAGE)
		actor_log(self, LOG_ERROR, "bad_statement what=\"%s\"", b.text);
	for (struct batch_ask *a; (a = batch_pop(&step->asks));) {
		uint32_t mine = bulk ? a->rows : n;
		if (e)
			refuse(self, st, a, e);
		else
			answer(self, st, a, &b, rows + from, mine);
		from += bulk ? mine : 0;
	}
	free(rows);
}

static void fate(struct actor *self, struct store *st, struct batch_queue *q, enum err why)
{
	for (struct batch_ask *a = q->first; a; a = a->next)
		a->err = why;
	refuse_all(self, st, q);
}

/* Again, the same. Who was in too many batches that failed runs alone; alone too often: given up.
 */
static void again(struct actor *self, struct store *st, struct store_lane *lane, struct unit *u)
{
	struct batch_queue back, up = { 0 };
	batch_release(&u->batch, &back);
	struct batch_queue keep = { 0 };
	for (struct batch_ask *a; (a = batch_pop(&back));) {
		a->err = u->how.e;
		a->alone |= ++a->tries >= TRIES;
		batch_push(a->tries > 2 * TRIES ? &up : &keep, a);
	}
	refuse_all(self, st, &up);
	batch_merge(&lane->queue, &keep);
}

/* One step failed: its only ask is refused, several are tried one by one, and all others go again.
 */
static void blame(struct actor *self, struct store *st, struct store_lane *lane, struct unit *u)
{
	struct batch_step *guilty = u->how.tag < u->batch.n ? &u->batch.steps[u->how.tag] : NULL;
	if (u->batch.asks == 1 || (guilty && guilty->asks.n == 1)) {
		const struct statement *s = guilty ? guilty->s : u->batch.steps[0].s;
		if (u->how.e == ERR_STORAGE)
			actor_log(self, LOG_ERROR,
			          "statement_failed name=%s sqlstate=%s text=\"%s\"", s->pg.name,
			          u->sqlstate, u->text);
		fate(self, st, guilty ? &guilty->asks : &u->batch.steps[0].asks, u->how.e);
	}
	for (uint32_t i = 0; i < u->batch.n; i++) {
		bool suspect = !guilty || &u->batch.steps[i] == guilty;
		for (struct batch_ask *a = u->batch.steps[i].asks.first; a; a = a->next)
			a->alone |= suspect;
	}
	again(self, st, lane, u);
}

static void finish(struct actor *self, struct store *st, struct store_lane *lane, struct unit *u)
{
	struct batch_queue all;
	bool unknown = u->how.lost || (u->in_commit && u->how.effect == PG_DROP);
	if (u->committed) {
		for (uint32_t i = 0; i < u->batch.n; i++)
			if (u->batch.steps[i].asks.n)
				answer_step(self, st, &u->batch.steps[i], u->results[i]);
		st->batches++;
	} else if (unknown && u->write) {
		/* Committed or not, nobody knows: never again by ourselves, the asker decides. */
		batch_release(&u->batch, &all);
		fate(self, st, &all, ERR_UNAVAILABLE);
	} else if (unknown || u->how.effect != PG_ASK || !u->how.e) {
		if (!u->how.e)
			u->how.e = ERR_STORAGE;
		again(self, st, lane, u);
	} else {
		blame(self, st, lane, u);
	}
	unit_clear(u);
}

static void tell_events(struct actor *self, struct store *st)
{
	bool up = lane_up(&st->lanes[0]) || lane_up(&st->lanes[1]);
	if (up == st->told_up && !(!up && !st->told_down))
		return;
	if (up)
		actor_log(self, LOG_INFO, "database_up");
	else
		actor_log(self, LOG_WARN, "database_down why=\"%s\"", st->down);
	st->told_up = up;
	st->told_down = !up;
}

static enum err on_wake(struct actor *self)
{
	struct store *st = *(struct store **)actor_state(self);
	refuse_all(self, st, &st->bad);
	for (struct store_lane *lane = st->lanes; lane < st->lanes + 2; lane++)
		for (uint32_t i = 0; i < lane->n; i++)
			if (lane->units[i].over)
				finish(self, st, lane, &lane->units[i]);
	if (st->event)
		tell_events(self, st);
	st->event = false;
	return OK;
}

/* ---- birth and end
 * -------------------------------------------------------------------------------------- */

static void wake(void *ctx)
{
	struct store *st = ctx;
	actor_wake(st->waker);
}

static void on_event(void *ctx, enum pg_event event, const char *text)
{
	struct store *st = ctx;
	if (event == PG_DOWN)
		str_keep(st->down, sizeof st->down, str_of(text));
	st->event = true;
	actor_wake(st->waker);
}

static enum err lane_open(struct actor *self, struct store *st, struct store_lane *lane, bool write,
                          const char *count)
{
	struct pg_config config = { .url = actor_setting(self, "database_url"),
		                    .role = "switchboard_app",
		                    .name = write ? "switchboard write" : "switchboard read",
		                    .on = on_event,
		                    .ctx = st };
	lane->n = (uint32_t)actor_setting_i64(self, count);
	lane->units = calloc(lane->n, sizeof *lane->units);
	enum err e = lane->units ? OK : ERR_MEMORY;
	for (uint32_t i = 0; !e && i < lane->n; i++) {
		lane->units[i].write = write;
		lane->units[i].statement_ms = 5000;
		lane->units[i].wake = wake;
		lane->units[i].ctx = st;
		e = pg_new(st->loop, &config, &lane->units[i].pg);
	}
	return e;
}

enum err store_begin(struct actor *self, const struct statement_set *set)
{
	struct store *st = calloc(1, sizeof *st);
	*(struct store **)actor_state(self) = st;
	if (!st)
		return actor_fault(self, "no_memory");
	st->set = set;
	st->loop = actor_loop(self);
	if (!st->loop)
		return actor_fault(self, "needs_a_loop");
	st->waiting_most = (uint32_t)actor_setting_i64(self, "queue");
	st->bytes_most = (uint64_t)actor_setting_i64(self, "queue_mb") << 20;
	st->rows_most = (uint32_t)actor_setting_i64(self, "rows");
	st->wait_us = (uint64_t)actor_setting_i64(self, "wait_ms") * 1000;
	enum err e = actor_waker_new(self, on_wake, &st->waker);
	if (!e)
		e = lane_open(self, st, &st->lanes[0], true, "connections");
	if (!e)
		e = lane_open(self, st, &st->lanes[1], false, "readers");
	if (!e)
		e = loop_timer_new(st->loop, on_company, st, &st->company);
	if (!e)
		e = loop_on_turn(st->loop, LOOP_FLUSH, pump, st, &st->stage);
	return e ? actor_fault(self, "cannot_start err=%s", err_info(e)->name) : OK;
}

static void drop_asks(struct batch_queue *q)
{
	for (struct batch_ask *a; (a = batch_pop(q));)
		free(a); /* the message is the runtime's, which answers it */
}

enum err store_end(struct actor *self)
{
	struct store *st = *(struct store **)actor_state(self);
	if (!st)
		return OK;
	loop_stage_free(&st->stage);
	loop_timer_free(&st->company);
	for (struct store_lane *lane = st->lanes; lane < st->lanes + 2; lane++) {
		for (uint32_t i = 0; lane->units && i < lane->n; i++) {
			struct batch_queue all;
			pg_free(&lane->units[i].pg);
			batch_release(&lane->units[i].batch, &all);
			drop_asks(&all);
			unit_clear(&lane->units[i]);
		}
		free(lane->units);
		drop_asks(&lane->queue);
	}
	drop_asks(&st->bad);
	actor_waker_free(&st->waker);
	free(st);
	*(struct store **)actor_state(self) = NULL;
	return OK;
}

static enum err start(struct actor *self)
{
	return store_begin(self, &store_statements);
}

const struct actor_setting store_settings[] = {
	{ "database_url", "where PostgreSQL is: postgresql://…, several hosts allowed", NULL, 0,
	  0 },
	{ "connections", "connections for writes; a batch each at a time", "2", 1, 16 },
	{ "readers", "connections for reads", "1", 1, 16 },
	{ "queue", "asks waiting at once; more are refused with BUSY", "4096", 16,
	  STORE_QUEUE_MOST },
	{ "queue_mb", "MiB of asks waiting at once", "64", 1, 4096 },
	{ "rows", "rows in one transaction", "1000", 1, 100000 },
	{ "wait_ms", "how long an ask waits for a connection, ms", "5000", 100, 60000 },
	{ 0 },
};

extern const struct actor_on store_takes[]; /* takes.c, by sqlc */
extern const struct proto_desc *const store_sends[];

const struct actor_kind store_actor = {
	.name = "store",
	.doc = "answers every message that has a statement, from PostgreSQL",
	.state = sizeof(struct store *),
	.start = start,
	.stop = store_end,
	.takes = store_takes,
	.sends = store_sends,
	.settings = store_settings,
	.place = PLACE_HERE,
	.mailbox = { .depth = 4096, .full = FULL_REFUSE },
	.holds = STORE_QUEUE_MOST, /* `queue` is the bound */
	.restart = { RESTART_ON_FAULT, .times = 5, .within_ms = 60000, .pause_ms = 200 },
	.at_start = true,
};
