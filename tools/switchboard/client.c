/*
 * client.c — a seat with one actor, which says what the command has to say.
 */
#include "tools/switchboard/client.h"
#include "actors/node.h"
#include "actors/seat.h"
#include "tools/switchboard/kinds.h"
#include "tools/switchboard/system.h"
#include <pwd.h>
#include <unistd.h>

/* The system may be starting: who is spoken to is looked for again until this is over. */
enum { JOIN_MS = 3000, AGAIN_MS = 50, JOINS_MOST = 3 };

struct client {
	const struct cli *cli;
	const struct client_talk *talk;
	struct system_place place;
	struct loop *loop;
	struct loop_timer *timer;
	struct seat *seat;
	struct actor_waker *waker;
	struct client_turn turn;
	uint64_t sent, until_us;
	uint32_t joins;
	bool holds_turn; /* taken from the talk, not yet said */
	bool spoken;     /* somebody may have heard us: never twice */
	bool anew;
	enum exit_code code;
};

static struct client *client_of(const struct actor *self)
{
	return (struct client *)(uintptr_t)actor_kind_data(self);
}

/* ---- its actor ------------------------------------------------------------------------------- */

static void on_drained(void *ctx)
{
	struct client *k = ctx;
	loop_stop(k->loop);
}

static enum err say_turn(struct actor *self);

/* Nobody there: perhaps not yet. */
static bool again(struct actor *self, enum err e)
{
	struct client *k = client_of(self);
	if (e != ERR_NO_ROUTE || loop_now_us(k->loop) >= k->until_us)
		return false;
	actor_after(self, AGAIN_MS, say_turn);
	return true;
}

static enum err on_answer(struct actor *self, const struct msg *m)
{
	struct client *k = client_of(self);
	if (again(self, msg_err(m)))
		return OK;
	k->talk->ended(k->talk->ctx, OK, m);
	actor_wake(k->waker);
	return OK;
}

static enum err put_turn(struct actor *self, const struct client_turn *t)
{
	actor_act_for(self, t->business, 0, NULL);
	if (t->ask)
		return actor_ask_to(self, TO(t->to), NULL, t->within_ms, on_answer, 0, t->type,
		                    t->body);
	if (!t->to.len)
		return actor_publish(self, t->type, t->body);
	return actor_send_to(self, TO(t->to), NULL, t->type, t->body);
}

static enum err say_turn(struct actor *self)
{
	struct client *k = client_of(self);
	enum err e = put_turn(self, &k->turn);
	k->spoken |= !e;
	if (again(self, e))
		return OK;
	k->holds_turn = false;
	if (!e && k->turn.ask)
		return OK;
	k->sent += !e;
	k->talk->ended(k->talk->ctx, e, NULL);
	actor_wake(k->waker);
	return OK;
}

static enum err on_next(struct actor *self)
{
	struct client *k = client_of(self);
	if (!k->holds_turn) {
		k->turn = (struct client_turn){ 0 };
		k->holds_turn = k->talk->next(k->talk->ctx, &k->turn);
	}
	if (k->holds_turn)
		return say_turn(self);
	seat_drain(k->seat, on_drained);
	return OK;
}

static enum err on_start(struct actor *self)
{
	return actor_waker_new(self, on_next, &client_of(self)->waker);
}

static enum err on_stop(struct actor *self)
{
	actor_waker_free(&client_of(self)->waker);
	return OK;
}

static struct actor_kind kind_of(const struct client *k)
{
	static const struct actor_on takes[] = { { 0 } };
	return (struct actor_kind){
		.name = "cli",
		.doc = "speaks for a command",
		.start = on_start,
		.stop = on_stop,
		.takes = takes,
		.at_start = true,
		.sets_tenant = true,
		.data = k,
	};
}

/* ---- its node -------------------------------------------------------------------------------- */

static void fail(struct client *k, enum exit_code code)
{
	k->code = code;
	loop_stop(k->loop);
}

static void on_joined(void *ctx)
{
	struct client *k = ctx;
	loop_timer_clear(k->timer);
	actor_wake(k->waker);
}

static void on_broken(void *ctx, const char *why)
{
	struct client *k = ctx;
	fail(k, cli_fail(k->cli, EXIT_BUS, "%s", why));
}

/* On a busy machine we may be declared dead before we have said anything: then we begin anew. */
static void on_stale(void *ctx)
{
	struct client *k = ctx;
	k->anew = !k->spoken && k->joins < JOINS_MOST;
	if (k->anew)
		loop_stop(k->loop);
	else
		on_broken(k, "the bus has declared this command dead");
}

static void on_refused(void *ctx, enum err e, struct str why)
{
	struct client *k = ctx;
	fail(k, cli_fail(k->cli, exit_of(e), "%.*s", STR(why)));
}

static void on_late(void *ctx)
{
	struct client *k = ctx;
	fail(k, cli_fail(k->cli, EXIT_BUS, "no hub let us in within %d ms (%s)", JOIN_MS,
	                 k->place.reach.hubs[0]));
}

static enum err join(struct client *k, const struct actor_kind *kind)
{
	char tail[48], name[64];
	const struct passwd *user = getpwuid(getuid());
	const struct actor_kind *kinds[] = { kind, NULL };
	/* Who it is, for the audit trail: nobody else's word for it than that of who may join. */
	(void)snprintf(tail, sizeof tail, "cli.%.16s.%d", user ? user->pw_name : "-", getpid());
	system_name(&k->place, tail, name, sizeof name);
	struct seat_config config = { .name = name,
		                      .kinds = kinds,
		                      .known = known_kinds(),
		                      .hubs = k->place.reach.hubs,
		                      .dir = *k->place.reach.dir ? k->place.reach.dir : NULL,
		                      .tcp = *k->place.reach.tcp ? k->place.reach.tcp : NULL,
		                      .key = k->place.key,
		                      .joined = on_joined,
		                      .broken = on_broken,
		                      .stale = on_stale,
		                      .refused = on_refused,
		                      .ctx = k };
	enum err e = loop_new(&k->loop);
	config.loop = k->loop;
	if (!e)
		e = loop_timer_new(k->loop, on_late, k, &k->timer);
	if (!e)
		loop_timer_set(k->timer, JOIN_MS * 1000ULL);
	k->until_us = e ? 0 : loop_now_us(k->loop) + JOIN_MS * 1000ULL;
	return e ? e : seat_new(&config, &k->seat);
}

enum exit_code client_run(const struct cli *c, const struct client_talk *talk)
{
	struct client k = { .cli = c, .talk = talk };
	struct actor_kind kind = kind_of(&k);
	enum exit_code code = system_find(c, &k.place);
	if (code != EXIT_DONE)
		return code;
	enum err e;
	uint64_t lost;
	do {
		k.anew = false;
		k.joins++;
		e = join(&k, &kind);
		if (!e)
			loop_run(k.loop);
		lost = k.seat && k.sent ? node_stats(seat_node(k.seat)).lost : 0;
		seat_free(&k.seat);
		loop_timer_free(&k.timer);
		loop_free(&k.loop);
	} while (!e && k.anew);
	if (e)
		return cli_fail(c, exit_of(e), "cannot join the bus: %s", err_info(e)->text);
	if (k.code == EXIT_DONE && lost)
		return cli_fail(c, EXIT_BUS, "%llu not taken by the node they were for",
		                (unsigned long long)lost);
	return k.code;
}

/* ---- one question ---------------------------------------------------------------------------- */

struct question {
	const struct cli *cli;
	struct client_turn turn;
	client_fn *answer;
	void *ctx;
	bool asked;
	enum exit_code code;
};

enum exit_code client_refused(const struct cli *c, struct str to, uint32_t within_ms, enum err e)
{
	if (e == ERR_NO_ROUTE)
		return cli_fail(c, EXIT_BUS, "nobody on the bus is called %.*s", STR(to));
	if (e == ERR_TIMEOUT)
		return cli_fail(c, EXIT_TRY_LATER, "%.*s did not answer within %u ms", STR(to),
		                within_ms);
	return cli_fail(c, exit_of(e), "%.*s: %s (%s)", STR(to), err_info(e)->text,
	                err_info(e)->name);
}

static bool next_question(void *ctx, struct client_turn *ret)
{
	struct question *q = ctx;
	bool first = !q->asked;
	q->asked = true;
	*ret = q->turn;
	return first;
}

static void on_ended(void *ctx, enum err e, const struct msg *m)
{
	struct question *q = ctx;
	e = e ? e : msg_err(m);
	q->code = e ? client_refused(q->cli, q->turn.to, q->turn.within_ms, e)
	            : q->answer(q->ctx, q->cli, m);
}

enum exit_code client_ask(const struct cli *c, const char *to, uint32_t within_ms,
                          client_fn *answer, void *ctx, const struct proto_desc *type,
                          const void *body)
{
	struct question q = { .cli = c,
		              .turn = { .to = str_of(to),
		                        .type = type,
		                        .body = body,
		                        .ask = true,
		                        .within_ms = within_ms },
		              .answer = answer,
		              .ctx = ctx };
	struct client_talk talk = { .next = next_question, .ended = on_ended, .ctx = &q };
	enum exit_code code = client_run(c, &talk);
	return code != EXIT_DONE ? code : q.code;
}

enum exit_code client_print_json(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	(void)c;
	cli_print_json(m->type, msg_body(m));
	return EXIT_DONE;
}
