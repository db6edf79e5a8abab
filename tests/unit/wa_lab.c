/*
 * wa_lab.c — see wa_lab.h.
 */
#include "tests/unit/wa_lab.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "actors/host.h"
#include "persistence/migrate.h"
#include "persistence/store.h"

extern const struct actor_kind dedupe_actor;

enum { STREET_ASKS = 1024, STREET_MS = 20000 };

/* ---- the street: sets the business, as the gateway does
 * ---------------------------------------------- */

static uint64_t street_business;

struct street {
	const struct msg *held[STREET_ASKS];
};

static enum err on_answer(struct actor *self, const struct msg *m)
{
	struct street *s = actor_state(self);
	const struct msg *held = msg_take(&s->held[msg_tag(m)]);
	if (msg_err(m))
		return actor_refuse(self, held, msg_err(m));
	return actor_reply(self, held, m->type, msg_body(m));
}

static enum err on_any(struct actor *self, const struct msg *m)
{
	struct street *s = actor_state(self);
	char to[16] = "store";
	uint32_t i = 0;
	while (i < STREET_ASKS && s->held[i])
		i++;
	assert_true(i < STREET_ASKS);
	if (m->type == &wa_batch_desc)
		snprintf(to, sizeof to, "dedupe/%u", (unsigned)wa_batch_of(m)->connector % 64);
	actor_act_for(self, street_business, 0, NULL);
	enum err e = actor_ask_tag(self, to, STREET_MS, on_answer, i, m->type, msg_body(m));
	if (!e)
		s->held[i] = msg_hold(self, m);
	return e;
}

static const struct actor_kind street_actor = {
	.name = "street",
	.doc = "sets the business",
	.state = sizeof(struct street),
	.any = on_any,
	.sets_tenant = true,
	.asks = STREET_ASKS,
	.holds = STREET_ASKS,
	.mailbox = { .depth = STREET_ASKS, .full = FULL_REFUSE },
};

void wa_lab_ask(struct wa_lab *lab, uint64_t business, node_answer_fn *fn, void *ctx,
                const struct proto_desc *type, const void *body)
{
	street_business = business;
	assert_int_equal(node_ask(lab->node, "street", STREET_MS, fn, ctx, type, body), OK);
}

struct call {
	bool done;
	enum err err;
	struct msg *m;
};

static void on_call(void *ctx, const struct msg *m)
{
	struct call *c = ctx;
	c->done = true;
	c->err = msg_err(m);
	c->m = c->err ? NULL : msg_ref(m);
}

enum err wa_lab_call(struct wa_lab *lab, uint64_t business, struct msg **ret,
                     const struct proto_desc *type, const void *body)
{
	struct call c = { 0 };
	wa_lab_ask(lab, business, on_call, &c, type, body);
	assert_true(pg_fixture_until(lab->f, &c.done));
	if (ret)
		*ret = c.m;
	else
		msg_unref(c.m);
	return c.err;
}

/* ---- the lab
 * -----------------------------------------------------------------------------------------------
 */

static const char *url_now;

static const char *setting(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	(void)kind;
	return strcmp(name, "database_url") ? NULL : url_now;
}

static void log_line(void *ctx, enum actor_level level, struct str line)
{
	(void)ctx;
	(void)level;
	if (getenv("WA_LAB_LOG"))
		fprintf(stderr, "%.*s\n", STR(line));
}

void wa_lab_open(struct wa_lab *lab)
{
	static const struct actor_kind *const kinds[] = { &dedupe_actor, &store_actor,
		                                          &street_actor, NULL };
	struct node_config config = { .name = "lab",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(lab->f->loop),
		                      .wall_us = loop_wall_us(lab->f->loop),
		                      .loop = lab->f->loop,
		                      .setting = setting,
		                      .log = log_line };
	url_now = cluster_url(lab->f->cluster);
	assert_int_equal(pg_query_script(lab->q,
	                                 "update switchboard.lease set until = '-infinity', "
	                                 "owner = 'gone' where name <> ''",
	                                 NULL),
	                 OK);
	assert_int_equal(node_new(&config, &lab->node), OK);
	assert_int_equal(host_new(lab->f->loop, lab->node, NULL, &lab->host), OK);
}

void wa_lab_close(struct wa_lab *lab)
{
	host_free(&lab->host);
	node_free(&lab->node);
}

void wa_lab_empty(struct wa_lab *lab)
{
	assert_int_equal(pg_query_script(lab->q,
	                                 "truncate switchboard.wa_message, switchboard.wa_act, "
	                                 "switchboard.wa_alias, switchboard.wa_quarantine",
	                                 NULL),
	                 OK);
}

int wa_lab_up(void **state)
{
	struct wa_lab *lab = calloc(1, sizeof *lab);
	char text[1024];
	pg_fixture_up((void **)&lab->f);
	struct migrate_config config = { .url = cluster_admin_url(lab->f->cluster),
		                         .set = &store_statements };
	if (migrate_run(&config, text, sizeof text))
		fail_msg("%s", text);
	lab->q = pg_query_new(lab->f, cluster_admin_url(lab->f->cluster));
	assert_int_equal(pg_query_script(lab->q,
	                                 "insert into switchboard.business (name) "
	                                 "values ('one'), ('two')",
	                                 NULL),
	                 OK);
	*state = lab;
	return 0;
}

int wa_lab_down(void **state)
{
	struct wa_lab *lab = *state;
	pg_query_free(&lab->q);
	int rc = pg_fixture_down((void **)&lab->f);
	free(lab);
	return rc;
}
