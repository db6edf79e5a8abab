/*
 * client.c — joins under a name of its own, asks once, leaves.
 */
#include "tools/switchboard/client.h"
#include "actors/seat.h"
#include "tools/switchboard/kinds.h"
#include "tools/switchboard/system.h"
#include <unistd.h>

/* The system may be starting: who is asked is looked for again until this is over. */
enum { JOIN_MS = 3000, AGAIN_MS = 50 };

struct client {
	const struct cli *cli;
	struct loop *loop;
	struct loop_timer *timer;
	struct seat *seat;
	struct system_place place;
	const char *to;
	uint32_t within_ms;
	const struct proto_desc *type;
	const void *body;
	client_fn *answer;
	void *ctx;
	enum exit_code code;
	uint64_t until_us;
	bool joined;
};

static void finish(struct client *k, enum exit_code code)
{
	k->code = code;
	loop_stop(k->loop);
}

static enum exit_code refused(const struct client *k, enum err e)
{
	if (e == ERR_NO_ROUTE)
		return cli_fail(k->cli, EXIT_BUS, "nobody on the bus is called %s", k->to);
	if (e == ERR_TIMEOUT)
		return cli_fail(k->cli, EXIT_TRY_LATER, "%s did not answer within %u ms", k->to,
		                k->within_ms);
	return cli_fail(k->cli, exit_of(e), "%s", err_info(e)->text);
}

static void on_answer(void *ctx, const struct msg *m)
{
	struct client *k = ctx;
	enum err e = msg_err(m);
	if (e == ERR_NO_ROUTE && loop_now_us(k->loop) < k->until_us)
		loop_timer_set(k->timer, AGAIN_MS * 1000ULL);
	else
		finish(k, e ? refused(k, e) : k->answer(k->ctx, k->cli, m));
}

static void ask(struct client *k)
{
	enum err e = node_ask_to(seat_node(k->seat), TO(k->to), k->within_ms, on_answer, k, k->type,
	                         k->body);
	if (e == ERR_NO_ROUTE && loop_now_us(k->loop) < k->until_us)
		loop_timer_set(k->timer, AGAIN_MS * 1000ULL);
	else if (e)
		finish(k, refused(k, e));
}

static void on_joined(void *ctx)
{
	struct client *k = ctx;
	k->joined = true;
	loop_timer_clear(k->timer);
	ask(k);
}

static void on_broken(void *ctx, const char *why)
{
	struct client *k = ctx;
	finish(k, cli_fail(k->cli, EXIT_BUS, "%s", why));
}

static void on_timer(void *ctx)
{
	struct client *k = ctx;
	if (k->joined)
		ask(k);
	else
		finish(k, cli_fail(k->cli, EXIT_BUS, "no hub let us in within %d ms (%s)", JOIN_MS,
		                   k->place.hubs[0]));
}

static enum err open_client(struct client *k)
{
	static const struct actor_kind *const none[] = { NULL };
	char name[32];
	(void)snprintf(name, sizeof name, "cli.%d", getpid());
	struct seat_config config = { .name = name,
		                      .kinds = none,
		                      .known = known_kinds(),
		                      .hubs = k->place.hubs,
		                      .dir = *k->place.dir ? k->place.dir : NULL,
		                      .tcp = *k->place.tcp ? k->place.tcp : NULL,
		                      .key = k->place.key,
		                      .joined = on_joined,
		                      .broken = on_broken,
		                      .ctx = k };
	enum err e = loop_new(&k->loop);
	config.loop = k->loop;
	if (!e)
		e = loop_timer_new(k->loop, on_timer, k, &k->timer);
	if (!e) {
		loop_timer_set(k->timer, JOIN_MS * 1000ULL);
		k->until_us = loop_now_us(k->loop) + JOIN_MS * 1000ULL;
	}
	return e ? e : seat_new(&config, &k->seat);
}

enum exit_code client_ask(const struct cli *c, const char *to, uint32_t within_ms,
                          client_fn *answer, void *ctx, const struct proto_desc *type,
                          const void *body)
{
	struct client k = { .cli = c,
		            .to = to,
		            .within_ms = within_ms,
		            .answer = answer,
		            .ctx = ctx,
		            .type = type,
		            .body = body };
	enum exit_code code = system_find(c, &k.place);
	if (code != EXIT_DONE)
		return code;
	enum err e = open_client(&k);
	if (!e)
		loop_run(k.loop);
	seat_free(&k.seat);
	loop_timer_free(&k.timer);
	loop_free(&k.loop);
	return e ? cli_fail(c, exit_of(e), "cannot join the bus: %s", err_info(e)->text) : k.code;
}

enum exit_code client_print_json(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)ctx;
	(void)c;
	cli_print_json(m->type, msg_body(m));
	return EXIT_DONE;
}
