/*
 * zpl.h — reads ZPL, the ZeroMQ Property Language (RFC 4/ZPL): names, values, four blanks a level.
 *
 *     listen = 127.0.0.1:8080        # the street door
 *     groups
 *         street
 *             hosts = gateway
 *
 * Ours and not czmq's zconfig, because that keeps no line numbers, and an operator who mistypes a
 * key is told where. The tree points into the text, which must outlive it.
 */
#pragma once
#include "proto/err.h"
#include "proto/str.h"

enum { ZPL_LINES = 4096, ZPL_DEPTH = 8 };

struct zpl {
	struct str name;
	struct str value; /* without quotes; empty for a section */
	uint32_t line;    /* from 1; 0 for the root */
	bool has_value;   /* "name =" has an empty one */
	struct zpl *parent, *child, *next;
};

struct zpl_fault {
	uint32_t line;
	const char *what; /* a whole sentence without its full stop */
};

/* ERR_MALFORMED, ERR_TOO_LARGE with *ret_fault saying where and what; ERR_MEMORY. The tree is one
 * block: free(*ret). */
MUST enum err zpl_parse(struct str text, struct zpl **ret, struct zpl_fault *ret_fault);
