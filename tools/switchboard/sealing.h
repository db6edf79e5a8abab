/*
 * sealing.h — connectors made and sealed anew from the command line, whose end of the bus has the
 * key: ENCRYPTION_KEY or ENCRYPTION_KEY_FILE, else the file in the state folder.
 */
#pragma once
#include "tools/switchboard/client.h"

/* Find or add the business, seal the secret for it, add the connector. */
enum exit_code sealing_connector_add(const struct cli *c, const char *business, uint32_t kind,
                                     const char *label, const char *secret, uint64_t *ret_id,
                                     uint64_t *ret_business);
