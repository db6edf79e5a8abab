/*
 * Families: who ends, who lives again, in which order, and what happens when it is too often.
 */
#include "proto/test.h"
#include "tests/sim/alone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What happened, in order: "+a" started, "-a" stopped. */
static char story[512];
static struct ref refs[3];

static void tell(char what, struct actor *self)
{
	struct str key = actor_key(self), name = key.len ? key : actor_name(self);
	size_t n = strlen(story);
	snprintf(story + n, sizeof story - n, "%c%.*s ", what, STR(name));
}

static enum err start(struct actor *self)
{
	tell('+', self);
	return OK;
}

static enum err stop(struct actor *self)
{
	tell('-', self);
	return OK;
}

enum { FAULT = 1, EXIT = 2 };

static enum err on_child(struct actor *self, const struct msg *m)
{
	if (test_ping_of(m)->n == FAULT)
		return actor_fault(self, "planned");
	if (test_ping_of(m)->n == EXIT)
		actor_exit(self);
	return OK;
}
static const struct actor_on child_takes[] = { { &test_ping_desc, on_child }, { 0 } };

#define CHILD(kind, when, pause)                                                                   \
	static const struct actor_kind kind = { .name = #kind,                                     \
		                                .doc = "a child",                                  \
		                                .state = 8,                                        \
		                                .start = start,                                    \
		                                .stop = stop,                                      \
		                                .takes = child_takes,                              \
		                                .restart = { when, 3, 1000, pause } }
CHILD(kid, RESTART_ON_FAULT, 0);
CHILD(slow, RESTART_ON_FAULT, 10);
CHILD(once, RESTART_NEVER, 0);
CHILD(always, RESTART_ALWAYS, 0);

static const struct actor_kind *kind_of_kids;

static enum err on_parent(struct actor *self, const struct msg *m)
{
	(void)m;
	for (int i = 0; i < 3; i++) {
		enum err e = actor_spawn(self, kind_of_kids, str_n(&"abc"[i], 1), &refs[i]);
		if (e)
			return e;
	}
	return OK;
}
static const struct actor_on parent_takes[] = { { &test_ping_desc, on_parent }, { 0 } };
#define PARENT(kind, how)                                                                          \
	static const struct actor_kind kind = { .name = #kind,                                     \
		                                .doc = "a parent",                                 \
		                                .start = start,                                    \
		                                .stop = stop,                                      \
		                                .takes = parent_takes,                             \
		                                .family = how,                                     \
		                                .restart = { RESTART_ON_FAULT, 1, 5000, 0 } }
PARENT(one, ONE_FOR_ONE);
PARENT(all, ONE_FOR_ALL);
PARENT(rest, REST_FOR_ONE);

static const struct actor_kind *const kinds[] = { &kid, &slow, &once, &always,
	                                          &one, &all,  &rest, NULL };

static struct alone *begin(const char *parent, const struct actor_kind *kids)
{
	struct alone *w = alone_new(kinds, 1);
	kind_of_kids = kids;
	assert_int_equal(node_send(w->node, parent, MSG(test_ping, .n = 0)), OK);
	alone_settle(w);
	story[0] = '\0';
	return w;
}

static void tell_child(struct alone *w, const char *name, uint64_t what)
{
	assert_int_equal(node_send(w->node, name, MSG(test_ping, .n = what)), OK);
	alone_settle(w);
}

static void one_for_one(void **state)
{
	(void)state;
	struct alone *w = begin("one", &kid);
	tell_child(w, "kid/b", FAULT);
	assert_string_equal(story, "-b +b ");
	tell_child(w, "kid/a", EXIT);
	assert_string_equal(story, "-b +b -a ");
	/* The reborn has another ref: what was meant for the one before does not reach it. */
	assert_int_equal(node_send(w->node, refs[1], MSG(test_ping, .n = 0)), ERR_GONE);
	alone_free(&w);
	assert_string_equal(story, "-b +b -a -c -b -one ");
}

static void one_for_all(void **state)
{
	(void)state;
	struct alone *w = begin("all", &kid);
	tell_child(w, "kid/b", FAULT);
	assert_string_equal(story, "-b -c -a +a +b +c ");
	assert_int_equal(node_stats(w->node).actors, 4);
	alone_free(&w);
}

static void rest_for_one(void **state)
{
	(void)state;
	struct alone *w = begin("rest", &kid);
	tell_child(w, "kid/b", FAULT);
	assert_string_equal(story, "-b -c +b +c ");
	alone_free(&w);
}

static void never_and_always(void **state)
{
	(void)state;
	struct alone *w = begin("all", &once);
	tell_child(w, "once/b", FAULT);
	assert_string_equal(story, "-b ");
	alone_free(&w);
	w = begin("one", &always);
	tell_child(w, "always/b", EXIT);
	assert_string_equal(story, "-b +b ");
	alone_free(&w);
}

static void the_pause_grows(void **state)
{
	(void)state;
	struct alone *w = begin("one", &slow);
	uint64_t from = w->now_us;
	tell_child(w, "slow/a", FAULT);
	assert_string_equal(story, "-a ");
	tell_child(w, "slow/a", 0); /* waits in its mailbox */
	alone_run(w, 9);
	assert_string_equal(story, "-a ");
	alone_run(w, 1);
	assert_string_equal(story, "-a +a ");
	tell_child(w, "slow/a", FAULT);
	alone_run(w, 19);
	assert_string_equal(story, "-a +a -a ");
	alone_run(w, 1);
	assert_string_equal(story, "-a +a -a +a ");
	assert_int_equal(w->now_us - from, 30000);
	alone_free(&w);
}

/* Three within a second are allowed; the fourth is the parent's fault, and the parent begins anew
 * without children. */
static void too_often_is_the_parents_fault(void **state)
{
	(void)state;
	struct alone *w = begin("one", &kid);
	for (int i = 0; i < 3; i++)
		tell_child(w, "kid/b", FAULT);
	assert_string_equal(story, "-b +b -b +b -b +b ");
	story[0] = '\0';
	tell_child(w, "kid/b", FAULT);
	assert_string_equal(story, "-b -c -a -one +one ");
	assert_int_equal(node_stats(w->node).actors, 1);
	alone_free(&w);
}

static void the_past_is_forgotten(void **state)
{
	(void)state;
	struct alone *w = begin("one", &kid);
	for (int i = 0; i < 8; i++) {
		tell_child(w, "kid/b", FAULT);
		alone_run(w, 400);
	}
	assert_int_equal(node_stats(w->node).restarts, 8);
	assert_int_equal(node_stats(w->node).actors, 4);
	alone_free(&w);
}

static void at_the_top_it_is_barred(void **state)
{
	(void)state;
	struct alone *w = alone_new(kinds, 1);
	story[0] = '\0';
	for (int i = 0; i < 4; i++)
		tell_child(w, "kid/x", FAULT);
	assert_string_equal(story, "+x -x +x -x +x -x +x -x ");
	assert_int_equal(w->failed, 1);
	assert_int_equal(node_send(w->node, "kid/x", MSG(test_ping, .n = 0)), ERR_UNAVAILABLE);
	alone_run(w, 1100);
	tell_child(w, "kid/x", 0); /* a first message makes it again */
	assert_string_equal(story, "+x -x +x -x +x -x +x -x +x ");
	alone_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_for_one),
		cmocka_unit_test(one_for_all),
		cmocka_unit_test(rest_for_one),
		cmocka_unit_test(never_and_always),
		cmocka_unit_test(the_pause_grows),
		cmocka_unit_test(too_often_is_the_parents_fault),
		cmocka_unit_test(the_past_is_forgotten),
		cmocka_unit_test(at_the_top_it_is_barred),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
