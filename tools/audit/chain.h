/*
 * chain.h — an audit trail, computed anew from its rows: the first one that does not fit is named.
 *
 *     hash(n) = SHA-256 of hash(n-1), business, n, id, time, key, asker, trace, action, subject,
 * detail
 *
 * each as LENGTH:TEXT, as schema/0008_audit.sql writes it. Pure, and not the database's word: who
 * can change its rows can change its functions, too.
 */
#pragma once
#include "proto/err.h"
#include "proto/tenant.h"

enum { CHAIN_HEX = 64 };

struct chain {
	uint64_t seq; /* the row read last */
	char hash[CHAIN_HEX + 1];
	const char *why;        /* what is wrong with the first that does not fit; NULL: all do */
	uint64_t wrong, row_id; /* its number; its id, 0 when it is missing */
};

/* The next row. False: the chain is broken here. */
bool chain_row(struct chain *c, uint64_t business, const struct tenant_audit_row *row);
/* All rows up to the end's number were given. False: broken. */
bool chain_end(struct chain *c, const struct tenant_audit_head *end);
