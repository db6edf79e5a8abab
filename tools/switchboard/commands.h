/*
 * commands.h — the functions behind commands.def.
 */
#pragma once
#include "tools/switchboard/cli.h"

#define COMMAND(name, run, ...) enum exit_code run(struct cli *c);
#include "tools/switchboard/commands.def"
#undef COMMAND
