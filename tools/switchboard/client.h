/*
 * client.h — one question to the running system: a node for the time of a command.
 */
#pragma once
#include "actors/actor.h"
#include "tools/switchboard/cli.h"

/* The answer; never an error. What it returns ends the command. */
typedef enum exit_code client_fn(void *ctx, const struct cli *c, const struct msg *m);

/* Find the system, ask, and hear the answer; what fails is said. The command declares --state,
 * --bus,
 * --key. */
enum exit_code client_ask(const struct cli *c, const char *to, uint32_t within_ms,
                          client_fn *answer, void *ctx, const struct proto_desc *type,
                          const void *body);

/* For client_ask: print the answer as JSON. */
client_fn client_print_json;
