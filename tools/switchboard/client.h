/*
 * client.h — what a command says to the running system: a node for the time of a conversation.
 *
 *     join ─▶ next: say or ask ─▶ ended: the answer ─▶ next … ─▶ leave, once all is taken
 *
 * The command declares --state, --bus, --key. On the bus it is the actor `cli` of the node
 * cli.USER.PID.
 */
#pragma once
#include "actors/actor.h"
#include "tools/switchboard/cli.h"

struct client_turn {
	struct str to; /* empty: publish */
	const struct proto_desc *type;
	const void *body;
	bool ask;
	uint32_t within_ms; /* of an ask */
	uint64_t business;
};

struct client_talk {
	/* What is said next; false: that was all. */
	bool (*next)(void *ctx, struct client_turn *ret);
	/* Of an ask: the answer, msg_err() may be set. Of a send that was accepted: NULL. With an
	 * error it could not be said. */
	void (*ended)(void *ctx, enum err e, const struct msg *m);
	void *ctx;
};

/* Find the system, join, say it all, leave. What fails of these is said. */
enum exit_code client_run(const struct cli *c, const struct client_talk *talk);

/* Say that an ask of `to` ended so. */
enum exit_code client_refused(const struct cli *c, struct str to, uint32_t within_ms, enum err e);

/* The answer; never an error. What it returns ends the command. */
typedef enum exit_code client_fn(void *ctx, const struct cli *c, const struct msg *m);

/* One question; what fails is said. */
enum exit_code client_ask(const struct cli *c, const char *to, uint32_t within_ms,
                          client_fn *answer, void *ctx, const struct proto_desc *type,
                          const void *body);

/* For client_ask: print the answer as JSON. */
client_fn client_print_json;
