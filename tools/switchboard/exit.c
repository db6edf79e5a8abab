/*
 * exit.c — one table: what an error of the system is as the end of a command.
 */
#include "tools/switchboard/exit.h"

enum exit_code exit_of(enum err e)
{
	switch (e) {
	case ERR_OK:
		return EXIT_DONE;
	case ERR_NOT_FOUND:
		return EXIT_UNKNOWN;
	case ERR_NO_ROUTE:
	case ERR_GONE:
		return EXIT_BUS;
	case ERR_TIMEOUT:
	case ERR_BUSY:
	case ERR_FULL:
	case ERR_LIMIT:
	case ERR_STALE:
	case ERR_STOPPING:
	case ERR_UNAVAILABLE:
	case ERR_NO_SPACE:
	case ERR_MEMORY:
		return EXIT_TRY_LATER;
	case ERR_DENIED:
	case ERR_UNAUTHENTICATED:
	case ERR_NO_TENANT:
		return EXIT_DENIED;
	default:
		return EXIT_PROBLEM;
	}
}
