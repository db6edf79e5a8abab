/*
 * err.c — the table behind err.h.
 */
#include "proto/err.h"
#include <stddef.h>

static const struct err_info infos[] = {
#define ERR(name, number, text, http, retry) [number] = { #name, text, http, retry },
#include "proto/err.def"
#undef ERR
};

const struct err_info *err_info(enum err e)
{
	static const struct err_info unknown = { "UNKNOWN", "an error this node does not know", 500,
		                                 false };
	size_t at = (size_t)e;
	return at < sizeof infos / sizeof *infos && infos[at].name ? &infos[at] : &unknown;
}
