/*
 * config_commands.h — loading the configuration for a command that has --config.
 */
#pragma once
#include "tools/config/config.h"
#include "tools/switchboard/cli.h"

/* Faults have been said when the code is not EXIT_DONE. Free with config_free(). */
enum exit_code config_of(const struct cli *c, const struct config_flag *flags, struct config **ret);
