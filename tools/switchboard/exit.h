/*
 * exit.h — how a command ends: 0 to 4 as LSB's init scripts, the rest as sysexits.h.
 */
#pragma once
#include "proto/err.h"

enum exit_code {
	EXIT_DONE = 0,
	EXIT_PROBLEM = 1,     /* it ran and found a problem */
	EXIT_USAGE = 2,       /* not a command line that is understood */
	EXIT_NOT_RUNNING = 3, /* no switchboard runs on that state folder */
	EXIT_UNKNOWN = 4,     /* no such group, process, business, key … */
	EXIT_BUS = 69,        /* the bus cannot be reached */
	EXIT_TRY_LATER = 75,  /* no answer in time, too busy, database away */
	EXIT_DENIED = 77,     /* not allowed */
	EXIT_BAD_CONFIG = 78, /* the configuration has faults */
};

/* What an error means for the caller of a command. */
enum exit_code exit_of(enum err e);
