/*
 * store_lab.c — see store_lab.h.
 */
#include "tests/unit/store_lab.h"
#include "actors/host.h"
#include "persistence/migrate.h"
#include "persistence/store.h"
#include "persistence/store_state.h"
#include "proto/stock.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct actor_on stock_takes[];
extern const struct proto_desc *const stock_sends[];
extern const struct statement_set stock_statements;

/* ---- the store under test: the same actor, other statements -----------------------------------
 */

static enum err store_start(struct actor *self)
{
	return store_begin(self, &stock_statements);
}

static const struct actor_kind stock_store = {
	.name = "store",
	.doc = "the store with the stock statements",
	.state = sizeof(struct store *),
	.start = store_start,
	.stop = store_end,
	.takes = stock_takes,
	.sends = stock_sends,
	.settings = store_settings,
	.mailbox = { .depth = 100000, .full = FULL_REFUSE },
	.holds = STORE_QUEUE_MOST,
	.at_start = true,
};

/* ---- who asks
 * ------------------------------------------------------------------------------------ */

struct job {
	struct job *next;
	uint64_t business;
	store_lab_fn *fn;
	void *ctx;
	struct msg *m; /* the body to ask with */
};

static struct {
	struct job *first, **last;
	struct actor_waker *waker;
	uint32_t pending;
	bool none; /* pending */
	bool up;
} asker;

static void answered(struct job *job, enum err e, const struct msg *m)
{
	asker.none = !--asker.pending;
	job->fn(job->ctx, e, m);
	msg_unref(job->m);
	free(job);
}

static enum err on_answer(struct actor *self, const struct msg *m)
{
	(void)self;
	answered((struct job *)(uintptr_t)msg_tag(m), msg_err(m), m);
	return OK;
}

static enum err on_jobs(struct actor *self)
{
	struct job *job = asker.first;
	asker.first = NULL;
	asker.last = &asker.first;
	for (struct job *next; job; job = next) {
		next = job->next;
		actor_act_for(self, job->business, 77, NULL);
		enum err e =
			actor_ask_tag(self, "store", 60000, on_answer, (uint64_t)(uintptr_t)job,
		                      job->m->type, msg_body(job->m));
		if (e)
			answered(job, e, NULL);
	}
	return OK;
}

static enum err asker_start(struct actor *self)
{
	asker.up = true;
	return actor_waker_new(self, on_jobs, &asker.waker);
}

static enum err asker_stop(struct actor *self)
{
	(void)self;
	actor_waker_free(&asker.waker);
	return OK;
}

static enum err on_nothing(struct actor *self, const struct msg *m)
{
	(void)self;
	(void)m;
	return ERR_TYPE;
}

static const struct actor_on asker_takes[] = { { &stock_odd_desc, on_nothing }, { 0 } };
static const struct proto_desc *const asker_sends[] = { &stock_every_desc, &stock_maybe_desc,
	                                                &stock_lists_desc, &stock_put_desc,
	                                                &stock_add_desc,   &stock_all_desc,
	                                                &stock_fail_desc,  &stock_nap_desc,
	                                                &stock_total_desc, &stock_wrong_desc,
	                                                &stock_find_desc,  &stock_odd_desc,
	                                                &stock_load_desc,  NULL };
static const struct actor_kind asker_kind = {
	.name = "asker",
	.doc = "asks for any business",
	.start = asker_start,
	.stop = asker_stop,
	.takes = asker_takes,
	.sends = asker_sends,
	.at_start = true,
	.sets_tenant = true,
	.asks = 200000,
};

void store_lab_ask(struct store_lab *lab, uint64_t business, store_lab_fn *fn, void *ctx,
                   const struct proto_desc *type, const void *body)
{
	(void)lab;
	struct job *job = calloc(1, sizeof *job);
	*job = (struct job){ .business = business, .fn = fn, .ctx = ctx };
	assert_int_equal(msg_new(type, body, &job->m, NULL), OK);
	*asker.last = job;
	asker.last = &job->next;
	asker.pending++;
	asker.none = false;
	actor_wake(asker.waker);
}

struct call {
	bool done;
	enum err e;
	struct msg *m;
};

static void on_call(void *ctx, enum err e, const struct msg *m)
{
	struct call *c = ctx;
	c->done = true;
	c->e = e;
	c->m = m && !e ? msg_ref(m) : NULL;
}

enum err store_lab_call(struct store_lab *lab, uint64_t business, struct msg **ret,
                        const struct proto_desc *type, const void *body)
{
	struct call c = { 0 };
	store_lab_ask(lab, business, on_call, &c, type, body);
	assert_true(pg_fixture_until(lab->f, &c.done));
	if (ret)
		*ret = c.m;
	else
		msg_unref(c.m);
	return c.e;
}

bool store_lab_settle(struct store_lab *lab)
{
	return pg_fixture_until(lab->f, &asker.none);
}

uint32_t store_lab_pending(void)
{
	return asker.pending;
}

/* ---- the lab
 * --------------------------------------------------------------------------------------- */

static const char *const *settings_now;
static const char *url_now;

static const char *setting(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	(void)kind;
	for (const char *const *s = settings_now; s && s[0]; s += 2)
		if (!strcmp(s[0], name))
			return s[1];
	return strcmp(name, "database_url") ? NULL : url_now;
}

static void log_line(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	(void)level;
	if (getenv("STORE_LAB_LOG"))
		fprintf(stderr, "%.*s\n", STR(line));
}

void store_lab_open(struct store_lab *lab, const char *const *settings)
{
	static const struct actor_kind *const kinds[] = { &stock_store, &asker_kind, NULL };
	struct node_config config = { .name = "lab",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(lab->f->loop),
		                      .wall_us = loop_wall_us(lab->f->loop),
		                      .loop = lab->f->loop,
		                      .setting = setting,
		                      .log = log_line };
	settings_now = settings;
	url_now = cluster_url(lab->f->cluster);
	asker.first = NULL;
	asker.last = &asker.first;
	asker.pending = 0;
	asker.none = true;
	assert_int_equal(node_new(&config, &lab->node), OK);
	assert_int_equal(host_new(lab->f->loop, lab->node, NULL, &lab->host), OK);
	assert_true(pg_fixture_until(lab->f, &asker.up));
}

void store_lab_close(struct store_lab *lab)
{
	host_free(&lab->host);
	node_free(&lab->node);
	asker.up = false;
}

static const char table_sql[] =
	"set role switchboard_owner; set search_path = switchboard;"
	"create table thing (id bigint generated always as identity,"
	" business_id bigint not null default current_business(), key text not null, n bigint not "
	"null,"
	" note text, primary key (business_id, key));"
	"call tenant_table('thing');"
	"grant select, insert, update on thing to switchboard_app;"
	"create function raise_state(state text) returns bool language plpgsql as $$"
	" begin if state is not null then raise exception 'asked for' using errcode = state; end "
	"if;"
	" return true; end $$;";

static int lab_up(void **state, int fixture_up(void **))
{
	struct store_lab *lab = calloc(1, sizeof *lab);
	char text[1024];
	fixture_up((void **)&lab->f);
	struct migrate_config config = { .url = cluster_admin_url(lab->f->cluster),
		                         .set = &store_statements };
	if (migrate_run(&config, text, sizeof text))
		fail_msg("%s", text);
	lab->q = pg_query_new(lab->f, cluster_admin_url(lab->f->cluster));
	assert_int_equal(pg_query_script(lab->q, table_sql, NULL), OK);
	assert_int_equal(pg_query_script(lab->q, "reset role", NULL), OK);
	*state = lab;
	return 0;
}

int store_lab_up(void **state)
{
	return lab_up(state, pg_fixture_up);
}

int store_lab_up_synced(void **state)
{
	return lab_up(state, pg_fixture_up_synced);
}

int store_lab_down(void **state)
{
	struct store_lab *lab = *state;
	pg_query_free(&lab->q);
	int rc = pg_fixture_down((void **)&lab->f);
	free(lab);
	return rc;
}
