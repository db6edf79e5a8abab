/*
 * store — askers with all sorts of asks, a database that fails as PostgreSQL does (store_pg.h), and
 * the table of what was really committed.
 *
 *     usage: store SEEDS [FIRST]
 *
 * Held at every answer and at the end, from the askers' own books and from the table:
 *   1. every ask is answered exactly once, also when the store ends with all under way;
 *   2. OK: it is in the table at that moment, made by this very ask, once; ERR_UNAVAILABLE and
 *      ERR_TIMEOUT: wholly in the table, or not at all; any other error: never;
 *   3. an error is the ask's own fault, or chance: nobody hears of a neighbour's. Where nothing
 *      fails, every innocent ask is OK, and every guilty one hears its own error;
 *   4. what one was told is stored, one finds; of a key that many want, one is told that it is his;
 *   5. no more waits than may, and the counts are right; no transaction is larger than it may be.
 */
#include "persistence/store_state.h"
#include "proto/stock.h"
#include "tests/sim/loop_sim.h"
#include "tests/sim/store_pg.h"
#include <stdio.h>
#include <stdlib.h>

enum {
	ASKERS = 6,
	EACH = 14, /* of one asker */
	ASKS = ASKERS * EACH,
	ROWS = 6, /* of a put */
	SHARED = 3,
	BUSINESSES = 2,
	RUN_MS = 3000,
	LATE_US = 250000, /* the store looks for those who wait too long ten times a second */
	CALM_MS = 60000,  /* after which all must have an answer */
};

enum what { ADD, TWIN, FAIL, PUT, PUT_BAD, PUT_STALE, PUT_RANGE, PUT_SHARED, FIND, WHATS };

/* What it deserves to hear when nothing fails by chance; OK for TWIN and FIND: see them. */
static const enum err deserts[WHATS] = { [FAIL] = ERR_INVALID,
	                                 [PUT_BAD] = ERR_MALFORMED,
	                                 [PUT_STALE] = ERR_STALE,
	                                 [PUT_RANGE] = ERR_RANGE };

struct ask {
	enum what what;
	uint64_t business;
	uint32_t rows;        /* with keys of its own */
	uint32_t shared;      /* TWIN, PUT_SHARED */
	const struct ask *of; /* FIND: what it looks for; NULL: a key that nobody has */
	bool made, short_lived, answered;
	enum err e;
};

static struct world {
	struct alone *alone;
	struct loop *loop;
	struct store *store; /* NULL: none is alive */
	struct loop_stage *look;
	struct ask asks[ASKS];
	uint32_t n[ASKERS], open[ASKERS];
	uint32_t owners[BUSINESSES + 1][SHARED]; /* who was told that it made the key */
	uint64_t seed, oks, unknown;
	bool calm, flood, fat;
	char settings[8][8];
} world;

/* Over all seeds: a simulation in which nothing happened proves nothing. */
static struct {
	uint64_t oks, own, busy, late, no_space, units, commits, chances;
	uint64_t unknown_stored, unknown_not, cut_stored, cut_not;
} seen;

static uint32_t draw(uint32_t below)
{
	struct world *w = &world;
	w->seed ^= w->seed << 13; /* xorshift64, Marsaglia 2003 */
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (uint32_t)(w->seed >> 20) % below;
}

static const char *key_of(const struct ask *a, uint32_t row)
{
	static char keys[ROWS + 2][STORE_PG_KEY + 1];
	char *key = keys[row];
	bool shared = a->what == TWIN || (a->what == PUT_SHARED && row == a->rows);
	if (shared)
		snprintf(key, sizeof keys[0], "s%u", a->shared);
	else
		snprintf(key, sizeof keys[0], "%sk%u.%u",
		         a->what == PUT_BAD && row == a->rows - 1 ? "!" : "",
		         (uint32_t)(a - world.asks), row);
	return key;
}

/* ---- the books
 * ------------------------------------------------------------------------------------- */

static uint32_t rows_there(const struct ask *a)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < a->rows; i++)
		n += store_pg_find(a->business, key_of(a, i)) != NULL;
	return n;
}

/* Invariant 2, as far as it can be said at any time. */
static void check_stored(const struct ask *a)
{
	uint32_t n = rows_there(a);
	CHECK(n == 0 || n == a->rows);
	if (!a->answered || a->what == FIND || a->what == TWIN)
		return;
	if (a->e == OK)
		CHECK(n == a->rows);
	else if (a->e != ERR_UNAVAILABLE && a->e != ERR_TIMEOUT)
		CHECK(n == 0);
}

static void check_error(const struct ask *a)
{
	enum err own = deserts[a->what];
	if (own)
		CHECK(a->e != OK);
	if (a->e == own || (a->what == TWIN && a->e == ERR_CONFLICT))
		return;
	if (a->what == FIND && a->e == ERR_NOT_FOUND) {
		CHECK(!a->of);
		return;
	}
	CHECK(!world.calm || (a->e == ERR_BUSY && world.flood) ||
	      (a->e == ERR_TIMEOUT && a->short_lived));
	CHECK(a->e == ERR_BUSY || a->e == ERR_UNAVAILABLE || a->e == ERR_TIMEOUT ||
	      a->e == ERR_NO_SPACE || a->e == ERR_STORAGE);
	world.unknown += a->e == ERR_UNAVAILABLE;
}

static void claim(const struct ask *a)
{
	CHECK(!world.owners[a->business][a->shared]);
	world.owners[a->business][a->shared] = 1;
}

static void check_reply(const struct ask *a, const struct msg *m)
{
	uint32_t n = a->rows + (a->what == PUT_SHARED);
	if (a->what == FIND) {
		CHECK(a->of && str_is(stock_thinged_of(m)->key, key_of(a->of, 0)));
	} else if (a->what == ADD || a->what == TWIN) {
		const struct store_pg_row *row = store_pg_find(a->business, key_of(a, 0));
		CHECK(row && row->id == stock_added_of(m)->id);
		CHECK(stock_added_of(m)->business == a->business);
		if (a->what == TWIN)
			claim(a);
	} else {
		const struct stock_putted *p = stock_putted_of(m);
		CHECK(p->rows.n == n);
		for (uint32_t i = 0; i < n; i++) {
			const struct stock_outcome *o = &p->rows.at[i];
			const struct store_pg_row *row = store_pg_find(a->business, key_of(a, i));
			CHECK(row && o->ord == i && (!o->fresh || o->id == row->id));
			CHECK(o->fresh || i == a->rows);
			if (o->fresh && i == a->rows)
				claim(a);
		}
	}
}

static void answered(struct ask *a, enum err e, const struct msg *m)
{
	CHECK(a->made && !a->answered);
	a->answered = true;
	a->e = e;
	world.open[(a - world.asks) / EACH]--;
	check_error(a);
	check_stored(a);
	if (e)
		return;
	world.oks++;
	check_reply(a, m);
}

/* ---- asker/N
 * --------------------------------------------------------------------------------------- */

struct asker {
	uint32_t number;
};

static enum err on_answer(struct actor *self, const struct msg *m)
{
	(void)self;
	answered(&world.asks[msg_tag(m)], msg_err(m), m);
	return OK;
}

static void count_seen(const struct ask *a)
{
	bool stored = a->rows && rows_there(a) == a->rows;
	if (!a->made || a->what == TWIN || a->what == FIND)
		return;
	seen.oks += a->answered && !a->e;
	seen.own += a->answered && a->e && a->e == deserts[a->what];
	seen.busy += a->e == ERR_BUSY;
	seen.late += a->e == ERR_TIMEOUT;
	seen.no_space += a->e == ERR_NO_SPACE;
	seen.unknown_stored += a->e == ERR_UNAVAILABLE && stored;
	seen.unknown_not += a->e == ERR_UNAVAILABLE && !stored;
	seen.cut_stored += !a->answered && stored;
	seen.cut_not += !a->answered && !stored;
}

static enum err send_put(struct actor *self, struct ask *a, uint32_t within_ms)
{
	static char note[100000];
	struct stock_thing rows[ROWS + 1] = { 0 };
	uint32_t n = a->rows + (a->what == PUT_SHARED);
	for (uint32_t i = 0; i < n; i++)
		rows[i] = (struct stock_thing){ .key = str_of(key_of(a, i)), .n = (int64_t)i };
	memset(note, 'x', sizeof note);
	if (world.fat)
		rows[0].note = str_n(note, 1 + draw(sizeof note));
	struct stock_put put = { .rows = { rows, n } };
	if (a->what == PUT_STALE || (a->what == PUT && draw(2)))
		put.lease = str_of("held");
	put.epoch = a->what == PUT_RANGE   ? UINT64_MAX
	            : a->what == PUT_STALE ? STORE_PG_EPOCH - 1
	                                   : STORE_PG_EPOCH;
	return actor_ask_tag(self, "store", within_ms, on_answer, (uint64_t)(a - world.asks),
	                     &stock_put_desc, &put);
}

static enum err send_one(struct actor *self, struct ask *a, uint32_t within_ms)
{
	uint64_t tag = (uint64_t)(a - world.asks);
	struct str key = str_of(a->of ? key_of(a->of, 0) : "nobody's");
	actor_act_for(self, a->business, 77, NULL);
	switch (a->what) {
	case ADD:
	case TWIN:
		return actor_ask_tag(self, "store", within_ms, on_answer, tag,
		                     MSG(stock_add, .key = str_of(key_of(a, 0)), .n = 1));
	case FAIL:
		return actor_ask_tag(
			self, "store", within_ms, on_answer, tag,
			MSG(stock_fail, .key = str_of(key_of(a, 0)), .state = str_of("23514")));
	case FIND:
		return actor_ask_tag(self, "store", within_ms, on_answer, tag,
		                     MSG(stock_find, .key = key));
	default:
		return send_put(self, a, within_ms);
	}
}

/* Something that its asker was told is stored. */
static const struct ask *stored_one(uint32_t asker, uint64_t business)
{
	const struct ask *a = &world.asks[asker * EACH + draw(EACH)];
	bool is = a->answered && !a->e && (a->what == ADD || a->what == PUT);
	return is && a->business == business ? a : NULL;
}

static void ask_next(struct actor *self, uint32_t asker)
{
	struct ask *a = &world.asks[asker * EACH + world.n[asker]++];
	a->what = draw(3) ? draw(2) ? PUT : ADD : draw(WHATS);
	a->business = 1 + draw(BUSINESSES);
	a->rows = a->what == FIND || a->what == TWIN ? 0 : a->what < PUT ? 1 : 1 + draw(ROWS);
	a->shared = draw(SHARED);
	a->of = a->what == FIND ? stored_one(asker, a->business) : NULL;
	a->short_lived = draw(8) == 0;
	a->made = true;
	world.open[asker]++;
	enum err e = send_one(self, a, a->short_lived ? 1 + draw(100) : 120000);
	if (e)
		answered(a, e, NULL);
}

static enum err on_next(struct actor *self)
{
	uint32_t asker = ((struct asker *)actor_state(self))->number;
	/* Some wait for each answer, some do not. */
	uint32_t burst = world.flood ? EACH : asker % 2 ? 1 : 1 + draw(4);
	bool waits = !world.flood && world.open[asker] && asker % 2;
	for (uint32_t i = 0; !waits && i < burst && world.n[asker] < EACH; i++)
		ask_next(self, asker);
	if (world.n[asker] < EACH)
		actor_after(self, 1 + draw(waits ? 10 : 200), on_next);
	return OK;
}

static enum err on_begin(struct actor *self, const struct msg *m)
{
	((struct asker *)actor_state(self))->number = stock_odd_of(m)->unused;
	actor_after(self, 1 + draw(50), on_next);
	return OK;
}

static const struct actor_on asker_takes[] = { { &stock_odd_desc, on_begin }, { 0 } };
static const struct proto_desc *const asker_sends[] = { &stock_put_desc, &stock_add_desc,
	                                                &stock_fail_desc, &stock_find_desc, NULL };
static const struct actor_kind asker_actor = {
	.name = "asker",
	.doc = "asks for any business",
	.state = sizeof(struct asker),
	.takes = asker_takes,
	.sends = asker_sends,
	.sets_tenant = true,
	.asks = ASKS,
};

/* ---- the store under test
 * --------------------------------------------------------------------------- */

extern const struct statement_set stock_statements;
extern const struct actor_on stock_takes[];
extern const struct proto_desc *const stock_sends[];

static uint32_t count(const struct batch_queue *q, uint64_t *bytes)
{
	uint32_t n = 0;
	for (const struct batch_ask *a = q->first; a; a = a->next, n++)
		*bytes += a->m->size;
	return n;
}

/* Invariant 5, at the end of each turn. */
static bool on_look(void *ctx)
{
	const struct store *st = world.store;
	uint64_t bytes = 0;
	(void)ctx;
	if (!st)
		return false;
	uint32_t n = count(&st->bad, &bytes);
	for (int l = 0; l < 2; l++) {
		n += count(&st->lanes[l].queue, &bytes);
		for (const struct batch_ask *a = st->lanes[l].queue.first; a; a = a->next)
			CHECK(a->tries ||
			      loop_now_us(world.loop) - a->since_us <= st->wait_us + LATE_US);
		for (uint32_t i = 0; i < st->lanes[l].n; i++)
			for (uint32_t s = 0; s < st->lanes[l].units[i].batch.n; s++)
				n += count(&st->lanes[l].units[i].batch.steps[s].asks, &bytes);
	}
	CHECK(n == st->waiting && bytes == st->waiting_bytes);
	CHECK(n <= st->waiting_most && bytes <= st->bytes_most);
	CHECK(n <= (uint32_t)strtoul(world.settings[2], NULL, 10));
	return false;
}

static enum err start(struct actor *self)
{
	enum err e = store_begin(self, &stock_statements);
	world.store = *(struct store **)actor_state(self);
	return e;
}

static enum err stop(struct actor *self)
{
	world.store = NULL;
	return store_end(self);
}

static const struct actor_kind store_kind = {
	.name = "store",
	.doc = "the store with the stock statements",
	.state = sizeof(struct store *),
	.start = start,
	.stop = stop,
	.takes = stock_takes,
	.sends = stock_sends,
	.settings = store_settings,
	.mailbox = { .depth = 4096, .full = FULL_REFUSE },
	.holds = STORE_QUEUE_MOST,
	.at_start = true,
};

static const char *setting(void *ctx, const char *kind, const char *name)
{
	static const char *const names[] = { "connections", "readers", "queue",
		                             "queue_mb",    "rows",    "wait_ms" };
	(void)ctx, (void)kind;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(names[i], name))
			return world.settings[i];
	return "postgresql:///simulated";
}

/* ---- the run
 * --------------------------------------------------------------------------------------- */

static void draw_settings(void)
{
	uint32_t values[] = { 1 + draw(3),
		              1 + draw(2),
		              world.calm && !world.flood ? 4096 : 16 + draw(48),
		              world.fat ? 1 : 8,
		              draw(2) ? 1 + draw(20) : 1000,
		              world.calm ? 30000 : 100 + draw(3000) };
	store_pg.rows_most = values[4];
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		snprintf(world.settings[i], sizeof world.settings[0], "%u", values[i]);
}

static void draw_faults(void)
{
	uint32_t *const knobs[] = { &store_pg.lose_before,   &store_pg.lose_between,
		                    &store_pg.lose_after,    &store_pg.hang,
		                    &store_pg.serial,        &store_pg.time_limit,
		                    &store_pg.no_space,      &store_pg.end_session,
		                    &store_pg.roll_back,     &store_pg.refuse_step,
		                    &store_pg.refuse_connect };
	store_pg.work_ms = 1 + draw(draw(2) ? 5 : 60);
	store_pg.late_ms = draw(3) ? draw(3) : draw(60);
	for (size_t i = 0; !world.calm && i < sizeof knobs / sizeof *knobs; i++)
		*knobs[i] = draw(2) ? 2 + draw(12) : 0;
}

static void calm_down(void)
{
	store_pg.lose_before = store_pg.lose_between = store_pg.lose_after = store_pg.hang = 0;
	store_pg.serial = store_pg.time_limit = store_pg.no_space = store_pg.end_session =
		store_pg.roll_back = 0;
	store_pg.refuse_step = store_pg.refuse_connect = 0;
	store_pg_away(false);
}

static void begin(uint64_t seed)
{
	static const struct actor_kind *const kinds[] = { &store_kind, &asker_actor, NULL };
	memset(&world, 0, sizeof world);
	world.seed = seed * 0x9e3779b97f4a7c15u | 1;
	world.calm = draw(5) == 0;
	world.flood = draw(6) == 0;
	world.fat = draw(12) == 0;
	store_pg_reset(seed);
	draw_settings();
	draw_faults();
	world.loop = loop_sim_new();
	world.alone = alone_new_on(world.loop, kinds, seed, setting);
	loop_sim_bind(world.loop, world.alone);
	CHECK(!loop_on_turn(world.loop, LOOP_FLUSH, on_look, NULL, &world.look));
	for (uint32_t i = 0; i < ASKERS; i++) {
		char name[16];
		snprintf(name, sizeof name, "asker/%u", i);
		CHECK(!node_send(world.alone->node, name, MSG(stock_odd, .unused = i)));
	}
}

/* The server goes for a while. */
static void trouble(void)
{
	bool goes = !world.calm && draw(3) == 0;
	loop_sim_run(world.loop, draw(RUN_MS / 2));
	store_pg_away(goes);
	loop_sim_run(world.loop, draw(RUN_MS));
	if (goes)
		store_pg_away(false);
	loop_sim_run(world.loop, RUN_MS / 2);
}

static void all_answered(void)
{
	calm_down();
	loop_sim_run(world.loop, CALM_MS);
	CHECK(world.store && !world.store->waiting && !world.store->waiting_bytes);
	for (uint32_t i = 0; i < ASKS; i++)
		CHECK(world.asks[i].made && world.asks[i].answered);
	CHECK(world.oks > 0 || world.flood || !world.calm);
}

static uint64_t run(uint64_t seed)
{
	begin(seed);
	trouble();
	/* Some end with all under way: then node_free() is who answers. */
	if (draw(4))
		all_answered();
	uint64_t hash = world.alone->hash;
	alone_free(&world.alone);
	CHECK(!world.store);
	store_pg_end();
	for (uint32_t i = 0; i < ASKS; i++) {
		if (world.asks[i].made)
			check_stored(&world.asks[i]);
		count_seen(&world.asks[i]);
	}
	seen.units += store_pg.units;
	seen.commits += store_pg.commits;
	seen.chances += store_pg.chances;
	loop_stage_free(&world.look);
	loop_sim_free(&world.loop);
	return hash ^ store_pg.hash << 1;
}

#define LLU(x) ((unsigned long long)seen.x)

int main(int argc, char **argv)
{
	int result = alone_seeds(argc, argv, "store", run);
	printf("ok %llu, own fault %llu, busy %llu, late %llu, no space %llu, unknown %llu + %llu,"
	       " cut %llu + %llu (stored + not); %llu units, %llu commits\n",
	       LLU(oks), LLU(own), LLU(busy), LLU(late), LLU(no_space), LLU(unknown_stored),
	       LLU(unknown_not), LLU(cut_stored), LLU(cut_not), LLU(units), LLU(commits));
	if (argc > 1 && strtoul(argv[1], NULL, 10) >= 200)
		CHECK(seen.oks && seen.own && seen.busy && seen.late && seen.no_space &&
		      seen.unknown_stored && seen.unknown_not && seen.cut_stored && seen.cut_not);
	return result;
}
