/*
 * Every statement of the tree, prepared on a real server with the real schema, as the role it runs
 * as: it parses, its tables and columns are there, its parameters are of the types we send, and its
 * columns are fields of the reply. And the directory's own statements, from adding a business to
 * losing a lease.
 */
#include "actors/host.h"
#include "persistence/bind.h"
#include "persistence/migrate.h"
#include "persistence/store.h"
#include "proto/lease.h"
#include "proto/tenant.h"
#include "tests/unit/pg_query.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- described
 * ------------------------------------------------------------------------------------- */

struct described {
	const struct statement *s;
	bool done;
	int wrong;
};

static void on_result(void *ctx, uint32_t tag, struct pg_result *r)
{
	struct described *d = ctx;
	struct bind_rows b;
	if (tag) {
		if (bind_rows(&b, d->s, r)) {
			print_error("%s\n", b.text);
			d->wrong++;
		}
		for (uint32_t i = 0; i < pg_params(r); i++)
			if (pg_param_type(r, i) != d->s->pg.types[i]) {
				print_error("%s: $%u is of type %u\n", d->s->pg.name, i + 1,
				            pg_param_type(r, i));
				d->wrong++;
			}
	}
	pg_result_free(&r);
}

static void on_done(void *ctx, const struct pg_done *how)
{
	struct described *d = ctx;
	d->done = true;
	if (how->e) {
		print_error("%s: %s\n", d->s->pg.name, how->text);
		d->wrong++;
	}
}

static void on_event(void *ctx, enum pg_event event, const char *text)
{
	(void)text;
	*(bool *)ctx = event == PG_UP;
}

static int migrated(void **state)
{
	char text[1024];
	int rc = pg_fixture_up(state);
	struct pg_fixture *f = *state;
	struct migrate_config config = { .url = cluster_admin_url(f->cluster),
		                         .set = &store_statements };
	if (migrate_run(&config, text, sizeof text))
		fail_msg("%s", text);
	return rc;
}

static void statements_fit_the_schema(void **state)
{
	static const struct pg_statement as_system = { .name = "as_system",
		                                       .sql = "set role switchboard_system",
		                                       .number = PG_STATEMENTS - 1 };
	static const struct pg_statement as_app = { .name = "as_app",
		                                    .sql = "set role switchboard_app",
		                                    .number = PG_STATEMENTS - 2 };
	struct pg_fixture *f = *state;
	struct pg *pg;
	bool up = false;
	int wrong = 0;
	struct pg_config config = { .url = cluster_url(f->cluster),
		                    .role = "switchboard_app",
		                    .on = on_event,
		                    .ctx = &up };
	assert_int_equal(pg_new(f->loop, &config, &pg), OK);
	assert_true(pg_fixture_until(f, &up));
	assert_true(store_statements.n > 10);
	for (uint16_t i = 0; i < store_statements.n; i++) {
		struct described d = { .s = &store_statements.at[i] };
		assert_int_equal(pg_step(pg, d.s->system ? &as_system : &as_app, NULL, 0), OK);
		assert_int_equal(pg_describe(pg, &d.s->pg, 1), OK);
		assert_int_equal(pg_go(pg, 5000, on_result, on_done, &d), OK);
		assert_true(pg_fixture_until(f, &d.done));
		wrong += d.wrong;
	}
	pg_free(&pg);
	assert_int_equal(wrong, 0);
}

/* ---- asked
 * ------------------------------------------------------------------------------------------- */

static struct pg_fixture *fixture;

static const char *setting(void *ctx, const char *kind, const char *name)
{
	(void)ctx;
	(void)kind;
	return strcmp(name, "database_url") ? NULL : cluster_url(fixture->cluster);
}

struct lab {
	struct node *node;
	struct host *host;
	bool done;
	struct msg *answer;
} lab;

static void on_answer(void *ctx, const struct msg *m)
{
	(void)ctx;
	lab.answer = msg_ref(m);
	lab.done = true;
}

/* The answer lives until the next. */
static enum err ask(const struct proto_desc *type, const void *body)
{
	msg_unref(lab.answer);
	lab.answer = NULL;
	lab.done = false;
	assert_int_equal(node_ask(lab.node, "store", 10000, on_answer, NULL, type, body), OK);
	assert_true(pg_fixture_until(fixture, &lab.done));
	return msg_err(lab.answer);
}

static int open_lab(void **state)
{
	static const struct actor_kind *const kinds[] = { &store_actor, NULL };
	fixture = *state;
	struct node_config config = { .name = "lab",
		                      .epoch = 1,
		                      .seed = 1,
		                      .kinds = kinds,
		                      .now_us = loop_now_us(fixture->loop),
		                      .wall_us = loop_wall_us(fixture->loop),
		                      .loop = fixture->loop,
		                      .setting = setting };
	assert_int_equal(node_new(&config, &lab.node), OK);
	assert_int_equal(host_new(fixture->loop, lab.node, NULL, &lab.host), OK);
	return 0;
}

static int close_lab(void **state)
{
	(void)state;
	msg_unref(lab.answer);
	lab.answer = NULL;
	host_free(&lab.host);
	node_free(&lab.node);
	return 0;
}

#define S(lit) str_of(lit)

static void business_and_connector(void **state)
{
	(void)state;
	assert_int_equal(ask(MSG(tenant_business_add, .name = S("Acme"),
	                         .dedupe = TENANT_DEDUPE_LITERAL, .timezone = S("Asia/Jerusalem"))),
	                 OK);
	uint64_t acme = tenant_business_of(lab.answer)->id;
	assert_true(tenant_business_of(lab.answer)->fresh);
	assert_int_equal(ask(MSG(tenant_business_add, .name = S("Acme"))), OK);
	assert_int_equal(tenant_business_of(lab.answer)->id, acme);
	assert_false(tenant_business_of(lab.answer)->fresh);
	assert_int_equal(tenant_business_of(lab.answer)->dedupe, TENANT_DEDUPE_LITERAL);

	const char *sealed = "v1:01234567:c2VhbGVkIGVsc2V3aGVyZSwgc3RvcmVkIGFzIGl0IGlz";
	assert_int_equal(ask(MSG(tenant_connector_add, .name = S("Acme"), .label = S("shop"))),
	                 ERR_INVALID);
	assert_int_equal(ask(MSG(tenant_connector_add, .name = S("Acme"), .label = S("shop"),
	                         .secret = str_of(sealed))),
	                 OK);
	const struct tenant_connector_added *added = tenant_connector_added_of(lab.answer);
	uint64_t connector = added->id;
	char secret[321];
	assert_int_equal(added->business, acme);
	assert_true(str_is(added->secret, sealed));
	str_keep(secret, sizeof secret, added->secret);
	assert_int_equal(ask(MSG(tenant_connector_find, .id = connector)), OK);
	const struct tenant_connector *found = tenant_connector_of(lab.answer);
	assert_true(str_is(found->secret, secret));
	assert_int_equal(found->dedupe, TENANT_DEDUPE_LITERAL);
	assert_true(str_is(found->timezone, "Asia/Jerusalem"));
	assert_int_equal(ask(MSG(tenant_connector_find, .id = 999999)), ERR_NOT_FOUND);
	struct str anew = S("v1:89abcdef:c2VhbGVkIHVuZGVyIHRoZSBrZXkgb2YgdG9kYXk=");
	assert_int_equal(ask(MSG(tenant_connector_reseal, .id = connector, .old = str_of(secret),
	                         .new = anew)),
	                 OK);
	assert_int_equal(ask(MSG(tenant_connector_reseal, .id = connector, .old = str_of(secret),
	                         .new = anew)),
	                 ERR_CONFLICT);

	/* A name that is new brings its business along; the secret may be the caller's, if long
	 * enough. */
	assert_int_equal(ask(MSG(tenant_connector_add, .name = S("New"),
	                         .secret = S("0123456789abcdef0123456789abcdef"))),
	                 OK);
	assert_int_not_equal(tenant_connector_added_of(lab.answer)->business, acme);
	assert_int_equal(ask(MSG(tenant_connector_add, .name = S("New"), .secret = S("short"))),
	                 ERR_INVALID);
	assert_int_equal(ask(MSG(tenant_connector_list, .business_id = acme, .limit = 10)), OK);
	assert_int_equal(tenant_connectors_of(lab.answer)->rows.n, 1);
	assert_true(str_is(tenant_connectors_of(lab.answer)->rows.at[0].label, "shop"));
	assert_int_equal(ask(MSG(tenant_business_list, .limit = 500)), OK);
	assert_int_equal(tenant_businesses_of(lab.answer)->rows.n, 2);
	assert_int_equal(ask(MSG(tenant_business_find, .name = S("New"))), OK);
	assert_int_equal(ask(MSG(tenant_business_find, .id = 0)), ERR_NOT_FOUND);
}

static void keys_open_until_revoked(void **state)
{
	(void)state;
	struct str scopes[] = { S("messages.read"), S("messages.release") };
	char hash[32] = "this would be a SHA-256 of a key";
	assert_int_equal(ask(MSG(tenant_key_add, .name = S("Nobody"), .prefix = S("sb_1"),
	                         .hash = str_n(hash, 32), .scopes = { scopes, 2 })),
	                 ERR_NOT_FOUND);
	assert_int_equal(ask(MSG(tenant_key_add, .name = S("Acme"), .prefix = S("sb_1"),
	                         .hash = str_n(hash, 32), .scopes = { scopes, 2 })),
	                 OK);
	uint64_t key = tenant_key_added_of(lab.answer)->id;
	assert_int_equal(ask(MSG(tenant_key_add, .name = S("Acme"), .prefix = S("sb_1"),
	                         .hash = str_n(hash, 32), .scopes = { scopes, 2 })),
	                 ERR_CONFLICT);
	assert_int_equal(ask(MSG(tenant_key_find, .hash = str_n(hash, 32))), OK);
	assert_int_equal(tenant_key_of(lab.answer)->id, key);
	assert_int_equal(tenant_key_of(lab.answer)->scopes.n, 2);
	assert_true(str_is(tenant_key_of(lab.answer)->scopes.at[1], "messages.release"));
	assert_int_equal(ask(MSG(tenant_key_revoke, .id = key)), OK);
	uint64_t at = tenant_key_revoked_of(lab.answer)->revoked_us;
	assert_int_equal(ask(MSG(tenant_key_revoke, .id = key)), OK);
	assert_int_equal(tenant_key_revoked_of(lab.answer)->revoked_us, at);
	assert_int_equal(ask(MSG(tenant_key_find, .hash = str_n(hash, 32))), ERR_UNAUTHENTICATED);
	assert_int_equal(ask(MSG(tenant_key_list, .limit = 10)), OK);
	assert_int_equal(tenant_keys_of(lab.answer)->rows.at[0].revoked_us, at);
	assert_int_equal(ask(MSG(tenant_key_revoke, .id = 999999)), ERR_NOT_FOUND);
}

static enum err take(const char *owner, uint32_t ttl_ms)
{
	return ask(MSG(lease_take, .name = S("dedupe/1"), .owner = S(owner), .ttl_ms = ttl_ms));
}

static void lease_has_one_owner(void **state)
{
	(void)state;
	struct pg_query *q = pg_query_new(fixture, cluster_admin_url(fixture->cluster));
	assert_int_equal(take("a", 60000), OK);
	assert_int_equal(lease_taken_of(lab.answer)->epoch, 1);
	assert_int_equal(take("b", 60000), ERR_CONFLICT);
	assert_int_equal(take("a", 60000), OK); /* mine already: the epoch stands */
	assert_int_equal(lease_taken_of(lab.answer)->epoch, 1);
	assert_int_equal(
		pg_query_script(q, "update switchboard.lease set until = now() - interval '1 s'",
	                        NULL),
		OK);
	/* Run out, but nobody came: still mine. */
	assert_int_equal(ask(MSG(lease_keep, .name = S("dedupe/1"), .owner = S("a"), .epoch = 1,
	                         .ttl_ms = 1000)),
	                 OK);
	assert_int_equal(
		pg_query_script(q, "update switchboard.lease set until = now() - interval '1 s'",
	                        NULL),
		OK);
	assert_int_equal(take("b", 60000), OK);
	assert_int_equal(lease_taken_of(lab.answer)->epoch, 2);
	assert_int_equal(ask(MSG(lease_keep, .name = S("dedupe/1"), .owner = S("a"), .epoch = 1,
	                         .ttl_ms = 1000)),
	                 ERR_STALE);
	assert_int_equal(ask(MSG(lease_drop, .name = S("dedupe/1"), .owner = S("a"), .epoch = 1)),
	                 ERR_STALE);
	assert_int_equal(ask(MSG(lease_drop, .name = S("dedupe/1"), .owner = S("b"), .epoch = 2)),
	                 OK);
	assert_int_equal(take("b", 60000),
	                 OK); /* given back and taken again is a change of owner */
	assert_int_equal(lease_taken_of(lab.answer)->epoch, 3);
	pg_query_free(&q);
}

/* Who was killed and comes again need not wait for itself; another node must. */
static void lease_of_an_earlier_life(void **state)
{
	(void)state;
	assert_int_equal(ask(MSG(lease_drop, .name = S("dedupe/1"), .owner = S("b"), .epoch = 3)),
	                 OK);
	assert_int_equal(take("in#1#aa", 60000), OK);
	assert_int_equal(lease_taken_of(lab.answer)->epoch, 4);
	assert_int_equal(take("in#1#bb", 60000), OK);
	assert_int_equal(lease_taken_of(lab.answer)->epoch, 5);
	assert_int_equal(take("in#2#aa", 60000), ERR_CONFLICT);
	assert_int_equal(take("in", 60000), ERR_CONFLICT);
	assert_int_equal(ask(MSG(lease_keep, .name = S("dedupe/1"), .owner = S("in#1#aa"),
	                         .epoch = 4, .ttl_ms = 1000)),
	                 ERR_STALE);
}

static void audit_and_schema(void **state)
{
	(void)state;
	assert_int_equal(
		ask(MSG(tenant_audit_add, .action = S("key.revoke"), .detail = S("{\"n\":1}"))),
		OK);
	assert_true(tenant_audit_added_of(lab.answer)->id > 0);
	assert_int_equal(ask(MSG(tenant_schema_find)), OK);
	assert_int_equal(tenant_schema_of(lab.answer)->number, store_statements.n_migrations);
	assert_int_equal(tenant_schema_of(lab.answer)->wanted, store_statements.n_migrations);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_lab, close_lab)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(statements_fit_the_schema),
		TEST(business_and_connector),
		TEST(keys_open_until_revoked),
		TEST(lease_has_one_owner),
		TEST(lease_of_an_earlier_life),
		TEST(audit_and_schema),
	};
	return cmocka_run_group_tests_name("persistence statements", tests, migrated,
	                                   pg_fixture_down);
}
