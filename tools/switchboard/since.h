/*
 * since.h — the option --since: "90m", or a day or moment in UTC as the API takes it.
 */
#pragma once
#include "tools/switchboard/cli.h"

/* us since the epoch; *ret stays when it is not given. */
enum exit_code since_of(const struct cli *c, uint64_t *ret);
