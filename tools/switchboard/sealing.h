/*
 * sealing.h — connectors made and sealed anew from the command line, whose end of the bus has the
 * key: ENCRYPTION_KEY or ENCRYPTION_KEY_FILE, else the file in the state folder.
 */
#pragma once
#include "proto/seal.h"
#include "tools/switchboard/client.h"

/* A connector to be: `account` is a carrier's, or NULL. */
struct sealing_connector {
	const char *business, *label, *secret, *account;
	uint32_t kind;
};

/* Find or add the business, seal the secret for it, add the connector. */
enum exit_code sealing_connector_add(const struct cli *c, const struct sealing_connector *what,
                                     uint64_t *ret_id, uint64_t *ret_business);

/* Change a secret: `next` makes the new text from the old one, both plain. */
typedef enum exit_code sealing_next_fn(void *ctx, const struct cli *c, struct str old,
                                       char ret[SEAL_PLAIN_MAX + 1]);
enum exit_code sealing_connector_change(const struct cli *c, uint64_t id, sealing_next_fn *next,
                                        void *ctx);
