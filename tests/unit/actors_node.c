/*
 * actors_node.c — the everyday of a node: making actors, speaking, asking, bounds, timers.
 */
#include "proto/sys.h"
#include "proto/test.h"
#include "tests/sim/alone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct {
	uint64_t pings, last, ticks, answers, tag;
	uint64_t tick_us[8];
	enum err err, sent;
	bool lane_is_control;
} seen;

/* ---- echo: answers; with n over 100 it does something else ----------------------------------- */

enum {
	REFUSE = 101,
	SILENT = 102,
	FAULT = 103,
	EXIT = 104,
	HOLD = 105,
	HOLD_EXIT = 106,
	HOLD_FAULT = 107,
	TWICE = 108,
	HOLD_REFUSE = 109,
	UNDECLARED = 110,
	TENANT = 111
};

struct echo {
	const struct msg *held;
	uint32_t n;
};

static enum err let_go(struct actor *self)
{
	struct echo *e = actor_state(self);
	uint64_t n = test_ping_of(e->held)->n;
	if (n == HOLD_EXIT)
		return actor_exit(self), OK;
	if (n == HOLD_FAULT)
		return actor_fault(self, "planned");
	return actor_reply(self, msg_take(&e->held), MSG(test_pong, .n = n));
}

static enum err on_special(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	switch (test_ping_of(m)->n) {
	case REFUSE:
		return ERR_CONFLICT;
	case SILENT:
		return OK;
	case FAULT:
		return actor_fault(self, "planned");
	case EXIT:
		actor_exit(self);
		return OK;
	case TWICE:
		(void)!actor_reply(self, m, MSG(test_pong, .n = 1));
		return actor_reply(self, m, MSG(test_pong, .n = 2));
	case UNDECLARED:
		return actor_publish(self, MSG(test_usual, .seq = 1));
	case TENANT:
		actor_act_for(self, 7, 0, NULL);
		return OK;
	case HOLD_REFUSE:
		e->held = msg_hold(self, m);
		actor_after(self, 10, let_go);
		return ERR_LIMIT;
	default:
		e->held = msg_hold(self, m);
		actor_after(self, 10, let_go);
		return OK;
	}
}

static enum err on_ping(struct actor *self, const struct msg *m)
{
	struct echo *e = actor_state(self);
	seen.pings++;
	e->n++;
	seen.last = test_ping_of(m)->n;
	if (seen.last > 100)
		return on_special(self, m);
	return m->flags & MSG_ASK ? actor_reply(self, m, MSG(test_pong, .n = seen.last + 1000))
	                          : OK;
}

static const struct actor_on echo_takes[] = { { &test_ping_desc, on_ping }, { 0 } };
static const struct proto_desc *const echo_sends[] = { &test_pong_desc, NULL };
static const struct actor_kind echo = {
	.name = "echo",
	.doc = "answers",
	.state = sizeof(struct echo),
	.takes = echo_takes,
	.sends = echo_sends,
	.mailbox = { .depth = 4, .full = FULL_REFUSE },
};
static const struct actor_kind oldest = {
	.name = "oldest",
	.doc = "drops the oldest",
	.state = sizeof(struct echo),
	.takes = echo_takes,
	.sends = echo_sends,
	.mailbox = { .depth = 4, .full = FULL_DROP_OLDEST },
};
static const struct actor_kind newest = {
	.name = "newest",
	.doc = "drops the newest",
	.state = sizeof(struct echo),
	.takes = echo_takes,
	.sends = echo_sends,
	.mailbox = { .depth = 4, .full = FULL_DROP_NEWEST },
};
static const struct actor_kind strict = {
	.name = "strict",
	.doc = "for tenants only",
	.state = sizeof(struct echo),
	.takes = echo_takes,
	.sends = echo_sends,
	.needs_tenant = true,
};

/* ---- timed: one timer per function
 * ---------------------------------------------------------------- */

static enum err on_tick(struct actor *self)
{
	seen.tick_us[seen.ticks++ % 8] = actor_now_us(self);
	return OK;
}

static enum err on_never(struct actor *self)
{
	return actor_fault(self, "a timer that was disarmed ran");
}

static enum err timed_start(struct actor *self)
{
	actor_after(self, 50, on_never);
	actor_after(self, 50, on_tick);
	actor_after(self, 5, on_tick);
	actor_after(self, 0, on_never);
	return OK;
}

static const struct actor_kind timed = {
	.name = "timed", .doc = "ticks", .start = timed_start, .at_start = true, .idle_ms = 1000
};

/* ---- holder: keeps all it is asked; leaves when idle; is woken
 * ------------------------------------- */

static struct actor_waker *waker;

static enum err on_wake(struct actor *self)
{
	(void)self;
	seen.ticks++;
	return OK;
}

static enum err holder_start(struct actor *self)
{
	return actor_waker_new(self, on_wake, &waker);
}

static enum err on_keep(struct actor *self, const struct msg *m)
{
	seen.pings++;
	if (!(m->flags & MSG_ASK))
		return actor_exit(self), OK;
	return msg_hold(self, m) ? OK : ERR_MEMORY;
}
static const struct actor_on holder_takes[] = { { &test_ping_desc, on_keep }, { 0 } };
static const struct actor_kind holder = { .name = "holder",
	                                  .doc = "keeps",
	                                  .start = holder_start,
	                                  .takes = holder_takes,
	                                  .holds = 2,
	                                  .idle_ms = 20 };

static const struct actor_kind *const kinds[] = { &holder, &echo,  &oldest, &newest,
	                                          &strict, &timed, NULL };

/* ---- the tests
 * -------------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct msg *m)
{
	(void)ctx;
	seen.answers++;
	seen.lane_is_control &= (m->flags & MSG_CONTROL) != 0;
	seen.err = msg_err(m);
	seen.last = seen.err ? 0 : test_pong_of(m)->n;
}

static struct alone *begin(void)
{
	memset(&seen, 0, sizeof seen);
	seen.lane_is_control = true;
	return alone_new(kinds, 1);
}

static void first_message_makes_the_actor(void **state)
{
	(void)state;
	struct alone *w = begin();
	struct node_actor_stats a;
	uint32_t cursor = 0, found = 0;
	assert_int_equal(node_send(w->node, "echo/a", MSG(test_ping, .n = 5)), OK);
	assert_int_equal(node_send(w->node, "echo/a", MSG(test_ping, .n = 6)), OK);
	alone_settle(w);
	assert_int_equal(seen.pings, 2);
	assert_int_equal(seen.last, 6);
	while (node_actor_next(w->node, &cursor, &a))
		found += str_is(a.name, "echo/a") && a.handled == 2;
	assert_int_equal(found, 1);
	assert_int_equal(node_send(w->node, "nobody", MSG(test_ping, .n = 1)), ERR_NO_ROUTE);
	assert_int_equal(node_send(w->node, "echo/", MSG(test_ping, .n = 1)), ERR_INVALID);
	assert_int_equal(node_send(w->node, "echo/\n", MSG(test_ping, .n = 1)), ERR_INVALID);
	alone_free(&w);
}

static enum err asked(struct alone *w, uint64_t n)
{
	assert_int_equal(node_ask(w->node, "echo", 1000, on_answer, NULL, MSG(test_ping, .n = n)),
	                 OK);
	seen.answers = 0;
	alone_run(w, 5000);
	assert_int_equal(seen.answers, 1);
	return seen.err;
}

static void every_ask_has_one_answer(void **state)
{
	(void)state;
	struct alone *w = begin();
	assert_int_equal(asked(w, 7), OK);
	assert_int_equal(seen.last, 1007);
	assert_int_equal(asked(w, REFUSE), ERR_CONFLICT);
	assert_int_equal(asked(w, SILENT), ERR_NO_ANSWER);
	assert_int_equal(asked(w, FAULT), ERR_FAULT);
	assert_int_equal(asked(w, EXIT), ERR_NO_ANSWER);
	assert_int_equal(asked(w, HOLD), OK);
	assert_int_equal(seen.last, HOLD);
	assert_int_equal(asked(w, HOLD_EXIT), ERR_GONE);
	assert_int_equal(asked(w, HOLD_FAULT), ERR_FAULT);
	assert_int_equal(asked(w, TWICE), OK);
	assert_int_equal(asked(w, HOLD_REFUSE), ERR_LIMIT);
	assert_int_equal(asked(w, UNDECLARED), ERR_FAULT);
	assert_int_equal(asked(w, TENANT), ERR_FAULT);
	assert_int_equal(node_stats(w->node).faults, 5);
	assert_int_equal(node_stats(w->node).asks_pending, 0);
	assert_true(seen.lane_is_control); /* or an answer could be shed behind bulk */
	alone_free(&w);
}

static void a_late_answer_is_dropped(void **state)
{
	(void)state;
	struct alone *w = begin();
	assert_int_equal(node_ask(w->node, "echo", 5, on_answer, NULL, MSG(test_ping, .n = HOLD)),
	                 OK);
	alone_run(w, 100);
	assert_int_equal(seen.answers, 1);
	assert_int_equal(seen.err, ERR_TIMEOUT);
	assert_int_equal(node_stats(w->node).late, 1);
	alone_free(&w);
}

static void mailboxes_are_bounded(void **state)
{
	(void)state;
	struct alone *w = begin();
	for (uint64_t i = 0; i < 6; i++) {
		assert_int_equal(node_send(w->node, "echo", MSG(test_ping, .n = i)),
		                 i < 4 ? OK : ERR_FULL);
		assert_int_equal(node_send(w->node, "oldest", MSG(test_ping, .n = i)), OK);
		assert_int_equal(node_send(w->node, "newest", MSG(test_ping, .n = i)), OK);
	}
	assert_int_equal(node_ask(w->node, "echo", 5, on_answer, NULL, MSG(test_ping, .n = 1)),
	                 ERR_BUSY);
	alone_settle(w);
	assert_int_equal(seen.pings, 12);
	struct node_stats s = node_stats(w->node);
	assert_int_equal(s.accepted, 16);
	assert_int_equal(s.handled, 12);
	assert_int_equal(s.dropped, 4);
	assert_int_equal(s.rejected, 3);
	assert_int_equal(s.queued, 0);
	assert_int_equal(node_dead_by(w->node, ERR_FULL), 4);
	alone_free(&w);
}

static void a_tenant_may_be_required(void **state)
{
	(void)state;
	struct alone *w = begin();
	assert_int_equal(node_ask(w->node, "strict", 5, on_answer, NULL, MSG(test_ping, .n = 1)),
	                 OK);
	alone_settle(w);
	assert_int_equal(seen.err, ERR_NO_TENANT);
	assert_int_equal(seen.pings, 0);
	alone_free(&w);
}

static void one_timer_per_function(void **state)
{
	(void)state;
	struct alone *w = begin();
	uint64_t from = w->now_us;
	alone_run(w, 900);
	assert_int_equal(seen.ticks, 1);
	assert_int_equal(seen.tick_us[0], from + 5000);
	assert_int_equal(node_stats(w->node).actors, 1);
	alone_run(w, 1000); /* and leaves when it has been idle for a second */
	assert_int_equal(node_stats(w->node).actors, 0);
	assert_int_equal(node_stats(w->node).faults, 0);
	alone_free(&w);
}

static void holds_are_bounded_and_keep_one_alive(void **state)
{
	(void)state;
	struct alone *w = begin();
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			node_ask(w->node, "holder", 500, on_answer, NULL, MSG(test_ping, .n = 1)),
			OK);
	alone_run(w, 100);
	assert_int_equal(seen.answers, 0);
	assert_int_equal(node_ask(w->node, "holder", 500, on_answer, NULL, MSG(test_ping, .n = 1)),
	                 ERR_BUSY);
	alone_run(w, 1000);
	assert_int_equal(seen.answers, 2);
	assert_int_equal(seen.err, ERR_TIMEOUT);
	actor_waker_free(&waker);
	alone_free(&w);
}

static void a_waker_may_outlive_its_actor(void **state)
{
	(void)state;
	struct alone *w = begin();
	assert_int_equal(node_ask(w->node, "holder", 50, on_answer, NULL, MSG(test_ping, .n = 1)),
	                 OK);
	alone_settle(w);
	actor_wake(waker);
	actor_wake(waker);
	assert_true(node_busy(w->node));
	alone_settle(w);
	assert_int_equal(seen.ticks, 1);
	actor_wake(waker);
	assert_int_equal(node_send(w->node, "holder", MSG(test_ping, .n = 1)), OK);
	alone_settle(w); /* ends with the holder gone */
	assert_int_equal(seen.err, ERR_GONE);
	actor_wake(waker);
	assert_false(node_busy(w->node));
	actor_waker_free(&waker);
	actor_waker_free(&waker);
	alone_free(&w);
}

/* Names come and go at random; each is found exactly while it lives. */
static void names_are_found(void **state)
{
	(void)state;
	enum { NAMES = 500 };
	struct alone *w = begin();
	uint32_t n_of[NAMES] = { 0 };
	uint64_t dice = 1;
	char name[32];
	for (int i = 0; i < 20000; i++) {
		dice = dice * 6364136223846793005u + 1442695040888963407u;
		uint32_t k = (uint32_t)(dice >> 40) % NAMES;
		bool end = dice >> 62 == 0;
		snprintf(name, sizeof name, "echo/k%u", k);
		uint64_t born = node_stats(w->node).born;
		assert_int_equal(node_send(w->node, name, MSG(test_ping, .n = end ? EXIT : 1)), OK);
		assert_int_equal(node_stats(w->node).born - born, n_of[k] ? 0 : 1);
		alone_settle(w);
		n_of[k] = end ? 0 : n_of[k] + 1;
	}
	alone_free(&w);
}

/* ---- the node's own desk
 * -------------------------------------------------------------------------- */

static uint64_t desk_seen[4];

static void on_stats(void *ctx, const struct msg *m)
{
	(void)ctx;
	assert_int_equal(msg_err(m), OK);
	const struct sys_stats_are *s = sys_stats_are_of(m);
	assert_true(str_is(s->node, "alone"));
	for (uint32_t i = 0; i < s->kinds.n; i++)
		if (str_is(s->kinds.at[i].name, "echo"))
			desk_seen[0] = s->kinds.at[i].handled;
}

static void on_actors(void *ctx, const struct msg *m)
{
	(void)ctx;
	const struct sys_actors_are *a = sys_actors_are_of(m);
	desk_seen[1] += a->rows.n;
	desk_seen[2] = a->next;
}

static void on_dead(void *ctx, const struct msg *m)
{
	(void)ctx;
	const struct sys_dead_are *d = sys_dead_are_of(m);
	assert_int_equal(d->rows.n, 1);
	assert_true(str_is(d->rows.at[0].to, "oldest"));
	assert_int_equal(d->rows.at[0].why, ERR_FULL);
}

static void on_done(void *ctx, const struct msg *m)
{
	(void)ctx;
	desk_seen[3] = msg_err(m);
}

static void a_node_tells_of_itself(void **state)
{
	(void)state;
	struct alone *w = begin();
	struct node *n = w->node;
	char name[32];
	memset(desk_seen, 0, sizeof desk_seen);
	for (int i = 0; i < 150; i++) {
		snprintf(name, sizeof name, "echo/%d", i);
		assert_int_equal(node_send(n, name, MSG(test_ping, .n = 1)), OK);
	}
	for (int i = 0; i < 5; i++)
		assert_int_equal(node_send(n, "oldest", MSG(test_ping, .n = 1)), OK);
	alone_settle(w);
	assert_int_equal(node_ask(n, "node/alone", 100, on_stats, NULL, MSG(sys_stats)), OK);
	assert_int_equal(node_ask(n, "node", 100, on_dead, NULL, MSG(sys_dead)), OK);
	alone_settle(w);
	assert_int_equal(desk_seen[0], 150);
	do {
		assert_int_equal(node_ask(n, "node", 100, on_actors, NULL,
		                          MSG(sys_actors, .from = (uint32_t)desk_seen[2],
		                              .kind = str_of("echo"))),
		                 OK);
		alone_settle(w);
	} while (desk_seen[2]);
	assert_int_equal(desk_seen[1], 150);
	assert_int_equal(
		node_ask(n, "node", 100, on_done, NULL, MSG(sys_restart, .name = str_of("echo/7"))),
		OK);
	alone_settle(w);
	assert_int_equal(desk_seen[3], OK);
	assert_int_equal(node_stats(n).faults, 1);
	assert_int_equal(
		node_ask(n, "node", 100, on_done, NULL, MSG(sys_restart, .name = str_of("echo/7"))),
		OK);
	alone_settle(w);
	assert_int_equal(desk_seen[3], ERR_NOT_FOUND);
	assert_int_equal(node_ask(n, "node", 100, on_done, NULL, MSG(sys_drain)), OK);
	alone_settle(w);
	assert_int_equal(node_send(n, "echo/new", MSG(test_ping, .n = 1)), ERR_STOPPING);
	assert_int_equal(node_send(n, "echo/8", MSG(test_ping, .n = 1)), OK);
	alone_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_message_makes_the_actor),
		cmocka_unit_test(every_ask_has_one_answer),
		cmocka_unit_test(a_late_answer_is_dropped),
		cmocka_unit_test(mailboxes_are_bounded),
		cmocka_unit_test(a_tenant_may_be_required),
		cmocka_unit_test(one_timer_per_function),
		cmocka_unit_test(holds_are_bounded_and_keep_one_alive),
		cmocka_unit_test(a_waker_may_outlive_its_actor),
		cmocka_unit_test(names_are_found),
		cmocka_unit_test(a_node_tells_of_itself),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
