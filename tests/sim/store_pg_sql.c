/*
 * store_pg_sql.c — the server's half: statements on one table, and their results.
 *
 * The SQL of these statements is in tests/schema/store/sql; here is what it means, by plain loops.
 */
#include "tests/sim/store_pg_sql.h"
#include "tests/sim/store_pg.h"
#include <endian.h>
#include <stdlib.h>

enum { OF_BOOL = 16, OF_INT8 = 20, OF_INT4 = 23, OF_TEXT = 25 };
enum { CELL = 48, COLUMNS = 4, STALE = 17 };

struct column {
	const char *name;
	uint32_t type;
};

struct cell {
	char bytes[CELL];
	uint32_t len;
	bool there;
};

struct pg_result {
	const char *command;
	const struct column *columns;
	uint32_t n_columns, n;
	struct cell *cells;
};

/* The transaction: rows behind the committed ones, and in whose name. */
struct transaction {
	uint32_t top;
	uint64_t business;
};

static void *must(void *at)
{
	if (!at)
		abort();
	return at;
}

/* ---- units
 * ---------------------------------------------------------------------------------------- */

void store_pg_unit_add(struct store_pg_unit *u, const struct pg_statement *s,
                       const struct pg_value *values, uint32_t tag)
{
	size_t bytes = s->n_types * sizeof *values;
	for (uint16_t i = 0; i < s->n_types; i++)
		bytes += values[i].len;
	if (u->n == u->room) {
		u->room = u->room ? u->room * 2 : 16;
		u->steps = must(realloc(u->steps, u->room * sizeof *u->steps));
	}
	struct store_pg_step *step = &u->steps[u->n++];
	*step = (struct store_pg_step){ s, must(malloc(bytes + 1)), tag };
	char *at = (char *)(step->values + s->n_types);
	for (uint16_t i = 0; i < s->n_types; i++) {
		step->values[i] = (struct pg_value){ values[i].at ? at : NULL, values[i].len };
		if (values[i].len)
			memcpy(at, values[i].at, values[i].len);
		at += values[i].len;
	}
}

void store_pg_unit_done(struct store_pg_unit *u)
{
	for (uint32_t i = 0; i < u->n; i++) {
		free(u->steps[i].values);
		if (u->results && u->results[i])
			pg_result_free(&u->results[i]);
	}
	free(u->steps);
	free(u->results);
	*u = (struct store_pg_unit){ 0 };
}

static bool value_is(struct pg_value v, const char *text)
{
	return str_is(str_n(v.at, v.len), text);
}

static uint32_t item_count(struct pg_value array)
{
	uint32_t n;
	memcpy(&n, array.at + 12, sizeof n);
	return be32toh(n);
}

void store_pg_unit_check(const struct store_pg_unit *u)
{
	bool framed = false, writes = !strcmp(u->steps[0].s->sql, "begin");
	uint32_t rows = 0, asks = 0;
	CHECK(u->n >= 3 && (writes || !strcmp(u->steps[0].s->sql, "begin read only")));
	CHECK(!strcmp(u->steps[u->n - 1].s->sql, "commit"));
	for (uint32_t i = 1; i < u->n - 1; i++) {
		const struct store_pg_step *step = &u->steps[i];
		if (!strcmp(step->s->name, "unit.settings")) {
			CHECK(value_is(step->values[0], "switchboard_app"));
			CHECK(step->values[1].len && step->values[2].len);
			framed = true;
		} else if (strcmp(step->s->name, "unit.replan") != 0) {
			CHECK(framed && (!strcmp(step->s->name, "stock.find")) == !writes);
			bool bulk = !strcmp(step->s->name, "stock.put");
			rows += bulk ? item_count(step->values[0]) : 1;
			asks++;
		}
	}
	CHECK(rows <= store_pg.rows_most || asks == 1);
}

/* ---- results
 * -------------------------------------------------------------------------------------- */

static struct pg_result *result_new(const char *command, const struct column *columns,
                                    uint32_t n_columns, uint32_t n)
{
	struct pg_result *r = must(calloc(1, sizeof *r));
	*r = (struct pg_result){ command, columns, n_columns, n, NULL };
	r->cells = must(calloc((size_t)n * n_columns + 1, sizeof *r->cells));
	store_pg.results++;
	return r;
}

static void set(struct pg_result *r, uint32_t row, uint32_t column, const void *at, size_t len)
{
	struct cell *c = &r->cells[row * r->n_columns + column];
	CHECK(len <= CELL);
	memcpy(c->bytes, at, len);
	c->len = (uint32_t)len;
	c->there = true;
}

static void set64(struct pg_result *r, uint32_t row, uint32_t column, uint64_t v)
{
	v = htobe64(v);
	set(r, row, column, &v, sizeof v);
}

static void set32(struct pg_result *r, uint32_t row, uint32_t column, uint32_t v)
{
	v = htobe32(v);
	set(r, row, column, &v, sizeof v);
}

uint32_t pg_rows(const struct pg_result *r)
{
	return r->n;
}

uint32_t pg_columns(const struct pg_result *r)
{
	return r->n_columns;
}

const char *pg_column(const struct pg_result *r, uint32_t column)
{
	return r->columns[column].name;
}

uint32_t pg_column_type(const struct pg_result *r, uint32_t column)
{
	return r->columns[column].type;
}

struct pg_value pg_cell(const struct pg_result *r, uint32_t row, uint32_t column)
{
	const struct cell *c = &r->cells[row * r->n_columns + column];
	return c->there ? (struct pg_value){ c->bytes, c->len } : (struct pg_value){ 0 };
}

const char *pg_command(const struct pg_result *r)
{
	return r->command;
}

void pg_result_free(struct pg_result **ret)
{
	free((*ret)->cells);
	free(*ret);
	*ret = NULL;
	store_pg.results--;
}

/* ---- values
 * --------------------------------------------------------------------------------------- */

static int64_t number(struct pg_value v)
{
	uint64_t be;
	CHECK(v.len == sizeof be);
	memcpy(&be, v.at, sizeof be);
	return (int64_t)be64toh(be);
}

/* Item by item through an array's binary form. */
struct items {
	const char *at, *end;
};

static struct items items_of(struct pg_value array)
{
	CHECK(array.len >= 20);
	return (struct items){ array.at + 20, array.at + array.len };
}

static struct pg_value item(struct items *in)
{
	uint32_t len;
	CHECK(in->end - in->at >= 4);
	memcpy(&len, in->at, sizeof len);
	len = be32toh(len);
	in->at += 4;
	if (len == UINT32_MAX)
		return (struct pg_value){ 0 };
	CHECK((size_t)(in->end - in->at) >= len);
	in->at += len;
	return (struct pg_value){ in->at - len, len };
}

/* ---- the table
 * ------------------------------------------------------------------------------------ */

static struct store_pg_row *find(const struct transaction *t, struct pg_value key)
{
	for (uint32_t i = 0; i < t->top; i++)
		if (store_pg.rows[i].business == t->business && value_is(key, store_pg.rows[i].key))
			return &store_pg.rows[i];
	return NULL;
}

static struct store_pg_row *insert(struct transaction *t, struct pg_value key, int64_t n)
{
	CHECK(t->top < STORE_PG_ROWS && key.len && key.len <= STORE_PG_KEY);
	struct store_pg_row *row = &store_pg.rows[t->top];
	*row = (struct store_pg_row){ .business = t->business, .id = t->top + 1u, .n = n };
	memcpy(row->key, key.at, key.len);
	t->top++;
	return row;
}

/* ---- statements: SQLSTATE, or NULL
 * ------------------------------------------------------------------- */

typedef const char *statement_fn(struct transaction *t, const struct pg_value *v,
                                 struct pg_result **ret);

static struct pg_result *added(const struct store_pg_row *row)
{
	static const struct column columns[] = { { "id", OF_INT8 }, { "business", OF_INT8 } };
	struct pg_result *r = result_new("INSERT 0 1", columns, 2, 1);
	set64(r, 0, 0, row->id);
	set64(r, 0, 1, row->business);
	return r;
}

static const char *run_add(struct transaction *t, const struct pg_value *v, struct pg_result **ret)
{
	if (find(t, v[0]))
		return "23505";
	*ret = added(insert(t, v[0], number(v[1])));
	return NULL;
}

static const char *run_fail(struct transaction *t, const struct pg_value *v, struct pg_result **ret)
{
	if (v[1].len) {
		CHECK(value_is(v[1], "23514"));
		return "23514";
	}
	*ret = added(insert(t, v[0], 0));
	return NULL;
}

/* Of one key within the statement the first is stored; a key that begins with "!" fails it all. */
static const char *run_put(struct transaction *t, const struct pg_value *v, struct pg_result **ret)
{
	static const struct column columns[] = {
		{ "ord", OF_INT4 }, { "id", OF_INT8 }, { "fresh", OF_BOOL }, { "err", OF_INT4 }
	};
	uint32_t n = item_count(v[0]), old = t->top;
	struct items keys = items_of(v[1]), ns = items_of(v[2]);
	struct items leases = items_of(v[4]), epochs = items_of(v[5]);
	struct pg_result *r = result_new("SELECT", columns, COLUMNS, n);
	CHECK((uint64_t)number(v[7]) == t->business);
	for (uint32_t i = 0; i < n; i++) {
		struct pg_value key = item(&keys), many = item(&ns), lease = item(&leases),
				epoch = item(&epochs);
		if (key.at[0] == '!') {
			pg_result_free(&r);
			return "22P02";
		}
		bool stale = lease.at && number(epoch) != STORE_PG_EPOCH;
		const struct store_pg_row *there = find(t, key);
		bool fresh = !stale && !there;
		if (fresh)
			there = insert(t, key, number(many));
		set32(r, i, 0, i);
		/* The snapshot does not show what the statement itself has put. */
		set64(r, i, 1, there && there->id > old && !stale ? there->id : 0);
		set(r, i, 2, fresh ? "\1" : "\0", 1);
		if (stale)
			set32(r, i, 3, STALE);
	}
	*ret = r;
	return NULL;
}

static const char *run_find(struct transaction *t, const struct pg_value *v, struct pg_result **ret)
{
	static const struct column columns[] = { { "key", OF_TEXT },
		                                 { "n", OF_INT8 },
		                                 { "note", OF_TEXT } };
	const struct store_pg_row *row = find(t, v[0]);
	struct pg_result *r = *ret = result_new("SELECT", columns, 3, row ? 1 : 0);
	if (row) {
		set(r, 0, 0, row->key, strlen(row->key));
		set64(r, 0, 1, (uint64_t)row->n);
	}
	return NULL;
}

static const char *run_settings(struct transaction *t, const struct pg_value *v,
                                struct pg_result **ret)
{
	char text[24];
	CHECK(str_keep(text, sizeof text, str_n(v[1].at, v[1].len)));
	t->business = strtoull(text, NULL, 10);
	*ret = result_new("SELECT", NULL, 0, 0);
	return NULL;
}

static const char *run_frame(struct transaction *t, const struct pg_value *v,
                             struct pg_result **ret)
{
	(void)t, (void)v;
	*ret = result_new("BEGIN", NULL, 0, 0);
	return NULL;
}

static const char *run_commit(struct transaction *t, const struct pg_value *v,
                              struct pg_result **ret)
{
	(void)t, (void)v;
	*ret = result_new("COMMIT", NULL, 0, 0);
	return NULL;
}

void store_pg_roll_back(struct store_pg_unit *u)
{
	store_pg_execute(u, UINT32_MAX, NULL, false);
	if (!u->sqlstate)
		u->results[u->n - 1]->command = "ROLLBACK";
}

static statement_fn *statement_named(const char *name)
{
	static const struct {
		const char *name;
		statement_fn *run;
	} known[] = { { "stock.add", run_add },         { "stock.fail", run_fail },
		      { "stock.find", run_find },       { "stock.put", run_put },
		      { "unit.begin", run_frame },      { "unit.begin_read", run_frame },
		      { "unit.replan", run_frame },     { "unit.commit", run_commit },
		      { "unit.settings", run_settings } };
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(known[i].name, name))
			return known[i].run;
	alone_check(false, name, __FILE__, __LINE__);
	return NULL;
}

void store_pg_execute(struct store_pg_unit *u, uint32_t fail_at, const char *chance, bool commits)
{
	struct transaction t = { .top = store_pg.n };
	u->results = must(calloc(u->n + 1, sizeof *u->results));
	for (uint32_t i = 0; i < u->n && !u->sqlstate; i++) {
		const struct store_pg_step *step = &u->steps[i];
		u->sqlstate = i == fail_at ? chance
		                           : statement_named(step->s->name)(&t, step->values,
		                                                            &u->results[i]);
		u->failed = i;
	}
	if (u->sqlstate || !commits)
		return;
	store_pg.n = t.top;
	store_pg.commits++;
}
