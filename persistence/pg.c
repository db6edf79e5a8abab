/*
 * pg.c — pg.h on libpq's asynchronous side: the only file that includes libpq-fe.h.
 *
 *     WAITING ─▶ RESOLVING ─▶ CONNECTING ─▶ IDLE ◀─▶ BUILDING ─▶ BUSY ─▶ (HEALING) ─▶ IDLE
 *        ▲                        │           │                    │          │
 *        └──────────── drop ──────┴───────────┴────────────────────┴──────────┘
 *
 *     HEALING  a unit failed inside its transaction: rolled back before anybody hears of it
 *     SCRIPT   as BUSY, by the simple protocol
 */
#include "persistence/pg.h"
#include "persistence/pg_hosts.h"
#include <assert.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum state { WAITING, RESOLVING, CONNECTING, IDLE, BUILDING, BUSY, HEALING, SCRIPT };

enum {
	PAUSE_LEAST_US = 50 * 1000,
	PAUSE_MOST_US = 400 * 1000, /* back in service within 3 s of the server's return */
	HEAL_US = 2000 * 1000,
	CONNECT_MS = 3000,
	STATEMENT_MS = 5000,
};

enum step_kind { PREPARE, QUERY, DESCRIBE };

struct step {
	uint32_t tag;
	uint16_t statement;
	uint8_t kind;
};

struct pg {
	struct loop *loop;
	struct loop_timer *timer; /* pause, connecting, or the unit's time */
	struct loop_fd *watch;
	struct pg_hosts *hosts;
	PGconn *conn;
	enum state state;
	uint32_t pause_us, first_host;
	char *url, *role, *name;
	uint32_t connect_ms, statement_ms;
	pg_event_fn *on;
	void *ctx;
	bool dropping; /* guards against a drop from within a callback of a drop */

	uint64_t prepared[PG_STATEMENTS / 64]; /* on this connection */
	struct step steps[2 * PG_STEPS]; /* sent, in order; a statement may need a PREPARE before */
	uint32_t n_steps, at_step, n_own;
	pg_result_fn *on_result;
	pg_done_fn *on_done;
	void *unit_ctx;
	struct pg_done done;
	char sqlstate[6], text[512];
};

static void on_socket(void *ctx, int events);
static void connect_start(struct pg *pg, const char *hosts, const char *ports,
                          const char *addresses);

/* ---- what errors mean --------------------------------------------------------------------------
 */

static void note_error(struct pg *pg, uint32_t tag, const char *sqlstate, const char *text)
{
	if (pg->done.e)
		return; /* the first one counts: the rest follow from it */
	pg->done.e = pg_meaning(sqlstate, &pg->done.effect);
	pg->done.tag = tag;
	snprintf(pg->sqlstate, sizeof pg->sqlstate, "%s", sqlstate);
	snprintf(pg->text, sizeof pg->text, "%s", text);
	pg->text[strcspn(pg->text, "\n")] = '\0';
}

/* ---- coming and going ---------------------------------------------------------------------------
 */

static bool in_unit(const struct pg *pg)
{
	return pg->state == BUSY || pg->state == HEALING || pg->state == SCRIPT;
}

/* The unit's one end. The callback may start the next unit. */
static void finish(struct pg *pg)
{
	struct pg_done done = pg->done;
	pg_done_fn *on_done = pg->on_done;
	done.sqlstate = pg->sqlstate;
	done.text = pg->text;
	pg->on_done = NULL;
	if (on_done)
		on_done(pg->unit_ctx, &done);
}

static void close_conn(struct pg *pg)
{
	loop_watch_free(&pg->watch); /* before libpq closes the descriptor */
	PQfinish(pg->conn);
	pg->conn = NULL;
	memset(pg->prepared, 0, sizeof pg->prepared);
}

/* Away with this connection; the next attempt comes after a pause. */
static void drop(struct pg *pg, const char *fmt, const char *why)
{
	char text[512];
	bool was_in_unit = in_unit(pg), healing = pg->state == HEALING;
	if (pg->dropping)
		return;
	pg->dropping = true;
	snprintf(text, sizeof text, fmt, why);
	text[strcspn(text, "\n")] = '\0';
	pg_hosts_cancel(&pg->hosts);
	close_conn(pg);
	if (pg->state >= IDLE)
		pg->pause_us = 0; /* it did work: try at once */
	pg->state = WAITING;
	loop_timer_set(pg->timer, pg->pause_us);
	pg->pause_us = pg->pause_us ? pg->pause_us * 2 : PAUSE_LEAST_US;
	if (pg->pause_us > PAUSE_MOST_US)
		pg->pause_us = PAUSE_MOST_US;
	if (was_in_unit) {
		note_error(pg, 0, "08006", text);
		pg->done.lost = !healing; /* what fails before its commit is known not to be in */
		finish(pg);
	}
	pg->dropping = false;
	if (pg->on)
		pg->on(pg->ctx, PG_DOWN, text);
}

static void rewatch(struct pg *pg, int events)
{
	loop_watch_free(&pg->watch);
	if (loop_watch(pg->loop, PQsocket(pg->conn), events, on_socket, pg, &pg->watch))
		drop(pg, "%s", "the connection's descriptor cannot be watched");
}

static void ready(struct pg *pg)
{
	if (PQsetnonblocking(pg->conn, 1) || !PQenterPipelineMode(pg->conn)) {
		drop(pg, "%s", PQerrorMessage(pg->conn));
		return;
	}
	loop_timer_clear(pg->timer);
	pg->state = IDLE;
	pg->pause_us = 0;
	rewatch(pg, LOOP_READ);
	if (pg->state == IDLE && pg->on)
		pg->on(pg->ctx, PG_UP, PQhost(pg->conn));
}

/* libpq may close its descriptor and open another with the same number within one poll: so it is
 * never watched across one. */
static void connect_poll(struct pg *pg)
{
	loop_watch_free(&pg->watch);
	switch (PQconnectPoll(pg->conn)) {
	case PGRES_POLLING_READING:
		rewatch(pg, LOOP_READ);
		break;
	case PGRES_POLLING_WRITING:
		rewatch(pg, LOOP_WRITE);
		break;
	case PGRES_POLLING_OK:
		ready(pg);
		break;
	default:
		drop(pg, "%s", PQerrorMessage(pg->conn));
	}
}

static void no_notice(void *ctx, const PGresult *r)
{
	(void)ctx;
	(void)r;
}

static const char *option(const PQconninfoOption *all, const char *keyword)
{
	for (; all && all->keyword; all++)
		if (!strcmp(all->keyword, keyword))
			return all->val && *all->val ? all->val : NULL;
	return NULL;
}

static void on_hosts(void *ctx, enum err e, const char *hosts, const char *ports,
                     const char *addresses)
{
	struct pg *pg = ctx;
	pg->hosts = NULL;
	if (e)
		drop(pg, "%s", "no host of the connection string can be resolved");
	else
		connect_start(pg, hosts, ports, addresses);
}

static void connect_start(struct pg *pg, const char *hosts, const char *ports,
                          const char *addresses)
{
	PQconninfoOption *url = PQconninfoParse(pg->url, NULL);
	const char *theirs = option(url, "options");
	char options[1024];
	/* The role is taken here so that no statement ever runs as the login itself. A plan is made
	 * once and kept: made on a table of ten rows it would read all of it, also when it has
	 * grown to millions. */
	snprintf(options, sizeof options,
	         "%s -c search_path=switchboard -c statement_timeout=%u -c lock_timeout=%u"
	         " -c idle_in_transaction_session_timeout=10000 -c timezone=UTC"
	         " -c enable_seqscan=off%s%s",
	         theirs ? theirs : "", pg->statement_ms, pg->statement_ms,
	         pg->role ? " -c role=" : "", pg->role ? pg->role : "");
	/* Later words win; what comes before the url are defaults it may change. */
	const char *words[][2] = {
		{ "target_session_attrs", "read-write" },
		{ "tcp_user_timeout", "10000" },
		{ "keepalives_idle", "10" },
		{ "gssencmode", "disable" }, /* asks a ticket cache, blocking */
		{ "dbname", pg->url },
		{ "options", options },
		{ "application_name", pg->name },
		{ "client_encoding", "UTF8" },
		{ "host", hosts },
		{ "port", ports },
		{ "hostaddr", addresses },
	};
	const char *keys[16] = { NULL }, *values[16] = { NULL };
	size_t n = 0;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (words[i][1]) {
			keys[n] = words[i][0];
			values[n++] = words[i][1];
		}
	pg->state = CONNECTING;
	pg->conn = PQconnectStartParams(keys, values, 1);
	PQconninfoFree(url);
	if (!pg->conn || PQstatus(pg->conn) == CONNECTION_BAD) {
		drop(pg, "%s", pg->conn ? PQerrorMessage(pg->conn) : "out of memory");
		return;
	}
	PQsetNoticeReceiver(pg->conn, no_notice, NULL);
	rewatch(pg, LOOP_WRITE); /* libpq: behave as if it had said WRITING */
}

static void attempt(struct pg *pg)
{
	PQconninfoOption *url = PQconninfoParse(pg->url, NULL);
	const char *hosts = option(url, "host");
	loop_timer_set(pg->timer, (uint64_t)pg->connect_ms * 1000);
	if (hosts && !option(url, "hostaddr") && (pg_hosts_named(hosts) || strchr(hosts, ','))) {
		pg->state = RESOLVING;
		if (pg_hosts_resolve(pg->loop, hosts, option(url, "port"), pg->first_host, on_hosts,
		                     pg, &pg->hosts))
			drop(pg, "%s", "out of memory");
	} else {
		connect_start(pg, NULL, NULL, NULL);
	}
	PQconninfoFree(url);
}

static void on_timer(void *ctx)
{
	struct pg *pg = ctx;
	switch (pg->state) {
	case WAITING:
		attempt(pg);
		break;
	case RESOLVING:
	case CONNECTING:
		pg->first_host++; /* a host that swallows packets must not hide the others */
		drop(pg, "%s", "no connection in time");
		break;
	default:
		drop(pg, "%s", "no answer in time");
	}
}

/* ---- a unit's way down
 * --------------------------------------------------------------------------- */

static void flush(struct pg *pg)
{
	int left = PQflush(pg->conn);
	if (left < 0)
		drop(pg, "%s", PQerrorMessage(pg->conn));
	else
		loop_watch_set(pg->watch, left ? LOOP_READ | LOOP_WRITE : LOOP_READ);
}

static bool is_prepared(const struct pg *pg, uint16_t number)
{
	return pg->prepared[number / 64] >> (number % 64) & 1;
}

static enum err build(struct pg *pg)
{
	if (pg->state == IDLE) {
		pg->state = BUILDING;
		pg->n_steps = pg->at_step = pg->n_own = 0;
	}
	return pg->state != BUILDING ? ERR_UNAVAILABLE : pg->n_own == PG_STEPS ? ERR_FULL : OK;
}

static enum err sent(struct pg *pg, int ok)
{
	if (ok)
		return OK;
	drop(pg, "%s", PQerrorMessage(pg->conn));
	return ERR_UNAVAILABLE;
}

/* Once per connection; counted as there only when the server has said so, for a unit that fails
 * takes the PREPAREs behind the failure with it. */
static enum err prepare(struct pg *pg, const struct pg_statement *s, uint32_t tag)
{
	assert(s->number < PG_STATEMENTS);
	if (is_prepared(pg, s->number))
		return OK;
	for (uint32_t i = 0; i < pg->n_steps; i++)
		if (pg->steps[i].kind == PREPARE && pg->steps[i].statement == s->number)
			return OK;
	pg->steps[pg->n_steps++] = (struct step){ tag, s->number, PREPARE };
	return sent(pg, PQsendPrepare(pg->conn, s->name, s->sql, s->n_types, s->types));
}

enum err pg_step(struct pg *pg, const struct pg_statement *s, const struct pg_value *values,
                 uint32_t tag)
{
	const char *at[UINT8_MAX];
	int len[UINT8_MAX], binary[UINT8_MAX];
	enum err e = build(pg);
	if (e)
		return e;
	if (s->n_types > UINT8_MAX)
		return ERR_TOO_LARGE;
	for (uint16_t i = 0; i < s->n_types; i++) {
		at[i] = values[i].at;
		len[i] = (int)values[i].len;
		binary[i] = 1;
	}
	if ((e = prepare(pg, s, tag)))
		return e;
	pg->steps[pg->n_steps++] = (struct step){ tag, s->number, QUERY };
	pg->n_own++;
	return sent(pg, PQsendQueryPrepared(pg->conn, s->name, s->n_types, at, len, binary, 1));
}

enum err pg_describe(struct pg *pg, const struct pg_statement *s, uint32_t tag)
{
	enum err e = build(pg);
	if (e || (e = prepare(pg, s, tag)))
		return e;
	pg->steps[pg->n_steps++] = (struct step){ tag, s->number, DESCRIBE };
	pg->n_own++;
	return sent(pg, PQsendDescribePrepared(pg->conn, s->name));
}

static void start_unit(struct pg *pg, enum state state, uint64_t within_us, pg_done_fn *on_done,
                       void *ctx)
{
	pg->state = state;
	pg->on_done = on_done;
	pg->unit_ctx = ctx;
	pg->done = (struct pg_done){ 0 };
	pg->sqlstate[0] = pg->text[0] = '\0';
	loop_timer_set(pg->timer, within_us);
}

enum err pg_go(struct pg *pg, uint32_t within_ms, pg_result_fn *on_result, pg_done_fn *on_done,
               void *ctx)
{
	enum err e = build(pg);
	if (!e)
		e = sent(pg, PQpipelineSync(pg->conn));
	if (e)
		return e;
	pg->on_result = on_result;
	start_unit(pg, BUSY, (uint64_t)within_ms * 1000, on_done, ctx);
	/* What cannot be written now is written from the loop: no callback before this returns. */
	loop_watch_set(pg->watch, LOOP_READ | LOOP_WRITE);
	return OK;
}

void pg_abandon(struct pg *pg)
{
	if (pg->state == BUILDING)
		drop(pg, "%s", "a unit was given up");
}

enum err pg_script(struct pg *pg, const char *sql, uint32_t within_ms, pg_done_fn *on_done,
                   void *ctx)
{
	if (pg->state != IDLE)
		return ERR_UNAVAILABLE;
	enum err e = sent(pg, PQexitPipelineMode(pg->conn) && PQsendQuery(pg->conn, sql));
	if (e)
		return e;
	start_unit(pg, SCRIPT, (uint64_t)within_ms * 1000, on_done, ctx);
	loop_watch_set(pg->watch, LOOP_READ | LOOP_WRITE);
	return OK;
}

/* ---- and its way back
 * ----------------------------------------------------------------------------- */

static void fail_step(struct pg *pg, uint32_t tag, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *text = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	/* Without a code it is libpq that speaks: the connection is gone, drop() will say so. */
	if (state)
		note_error(pg, tag, state, text ? text : "");
}

static void take_step(struct pg *pg, PGresult *r)
{
	const struct step *s = &pg->steps[pg->at_step++];
	switch (PQresultStatus(r)) {
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
		if (s->kind == PREPARE)
			pg->prepared[s->statement / 64] |= UINT64_C(1) << (s->statement % 64);
		if (s->kind == PREPARE || !pg->on_result)
			break;
		pg->on_result(pg->unit_ctx, s->tag, (struct pg_result *)r);
		return; /* theirs now */
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		fail_step(pg, s->tag, r);
	}
	PQclear(r);
}

static void idle_again(struct pg *pg)
{
	if (pg->done.effect == PG_DROP && pg->done.e) {
		pg->state = HEALING; /* so that drop() knows: this unit's end is certain */
		drop(pg, "%s", pg->text);
		return;
	}
	loop_timer_clear(pg->timer);
	pg->state = IDLE;
	finish(pg);
}

/* Everything up to the sync has come. */
static void unit_over(struct pg *pg)
{
	if (pg->state == BUSY && pg->done.e && PQtransactionStatus(pg->conn) == PQTRANS_INERROR) {
		pg->state = HEALING;
		pg->n_steps = pg->at_step = 0;
		loop_timer_set(pg->timer, HEAL_US);
		if (PQsendQueryParams(pg->conn, "rollback", 0, NULL, NULL, NULL, NULL, 1) &&
		    PQpipelineSync(pg->conn))
			flush(pg);
		else
			drop(pg, "%s", PQerrorMessage(pg->conn));
		return;
	}
	idle_again(pg);
}

static void script_over(struct pg *pg)
{
	if (PQstatus(pg->conn) == CONNECTION_BAD || !PQenterPipelineMode(pg->conn))
		drop(pg, "%s", PQerrorMessage(pg->conn));
	else
		idle_again(pg);
}

static void take_results(struct pg *pg)
{
	const PGconn *conn = pg->conn;
	int ends = 0; /* one NULL stands between two steps */
	while (in_unit(pg) && pg->conn == conn && !PQisBusy(pg->conn)) {
		PGresult *r = PQgetResult(pg->conn);
		ends = r ? 0 : ends + 1;
		if (!r && pg->state == SCRIPT) {
			script_over(pg);
		} else if (!r && ends > 2) {
			drop(pg, "%s", "the connection lost step");
		} else if (!r) {
			/* the next one comes */
		} else if (pg->state == SCRIPT) {
			if (PQresultStatus(r) == PGRES_FATAL_ERROR)
				fail_step(pg, 0, r);
			PQclear(r);
		} else if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
			PQclear(r);
			unit_over(pg);
		} else if (pg->at_step < pg->n_steps) {
			take_step(pg, r);
		} else { /* of the sync itself, or of a connection that ends */
			fail_step(pg, 0, r);
			PQclear(r);
		}
		if (pg->conn == conn && PQstatus(pg->conn) == CONNECTION_BAD)
			drop(pg, "%s", PQerrorMessage(pg->conn));
	}
}

static void on_socket(void *ctx, int events)
{
	struct pg *pg = ctx;
	if (pg->state == CONNECTING) {
		connect_poll(pg);
		return;
	}
	if ((events & LOOP_READ) && !PQconsumeInput(pg->conn)) {
		/* What came before the end still counts: it may say why. */
		take_results(pg);
		if (pg->conn && PQstatus(pg->conn) == CONNECTION_BAD)
			drop(pg, "%s", PQerrorMessage(pg->conn));
		return;
	}
	if (events & LOOP_WRITE)
		flush(pg);
	if (pg->conn)
		take_results(pg);
}

/* ---- the API
 * ---------------------------------------------------------------------------------------- */

enum err pg_new(struct loop *l, const struct pg_config *config, struct pg **ret)
{
	PQconninfoOption *url = PQconninfoParse(config->url, NULL);
	if (!url)
		return ERR_INVALID;
	PQconninfoFree(url);
	struct pg *pg = calloc(1, sizeof *pg);
	if (!pg)
		return ERR_MEMORY;
	pg->loop = l;
	pg->url = strdup(config->url);
	pg->role = config->role ? strdup(config->role) : NULL;
	pg->name = strdup(config->name ? config->name : "switchboard");
	pg->connect_ms = config->connect_ms ? config->connect_ms : CONNECT_MS;
	pg->statement_ms = config->statement_ms ? config->statement_ms : STATEMENT_MS;
	pg->on = config->on;
	pg->ctx = config->ctx;
	enum err e = !pg->url || !pg->name || (config->role && !pg->role) ? ERR_MEMORY : OK;
	if (!e)
		e = loop_timer_new(l, on_timer, pg, &pg->timer);
	if (e) {
		pg_free(&pg);
		return e;
	}
	loop_timer_set(pg->timer, 0); /* WAITING */
	*ret = pg;
	return OK;
}

void pg_free(struct pg **at)
{
	struct pg *pg = *at;
	if (!pg)
		return;
	pg_hosts_cancel(&pg->hosts);
	close_conn(pg);
	loop_timer_free(&pg->timer);
	free(pg->url);
	free(pg->role);
	free(pg->name);
	free(pg);
	*at = NULL;
}

bool pg_idle(const struct pg *pg)
{
	return pg->state == IDLE;
}

static const PGresult *raw(const struct pg_result *r)
{
	return (const PGresult *)r;
}

uint32_t pg_rows(const struct pg_result *r)
{
	return (uint32_t)PQntuples(raw(r));
}

uint32_t pg_columns(const struct pg_result *r)
{
	return (uint32_t)PQnfields(raw(r));
}

const char *pg_column(const struct pg_result *r, uint32_t column)
{
	return PQfname(raw(r), (int)column);
}

uint32_t pg_column_type(const struct pg_result *r, uint32_t column)
{
	return PQftype(raw(r), (int)column);
}

uint32_t pg_params(const struct pg_result *r)
{
	return (uint32_t)PQnparams(raw(r));
}

uint32_t pg_param_type(const struct pg_result *r, uint32_t param)
{
	return PQparamtype(raw(r), (int)param);
}

struct pg_value pg_cell(const struct pg_result *r, uint32_t row, uint32_t column)
{
	if (PQgetisnull(raw(r), (int)row, (int)column))
		return (struct pg_value){ 0 };
	return (struct pg_value){ PQgetvalue(raw(r), (int)row, (int)column),
		                  (uint32_t)PQgetlength(raw(r), (int)row, (int)column) };
}

const char *pg_command(const struct pg_result *r)
{
	return PQcmdStatus((PGresult *)(uintptr_t)r);
}

void pg_result_free(struct pg_result **r)
{
	PQclear((PGresult *)*r);
	*r = NULL;
}
