/*
 * wa_lab.h — WhatsApp ingest without its gateway: dedupe and store in one node, on a real
 * PostgreSQL.
 */
#pragma once
#include "actors/node.h"
#include "proto/wa.h"
#include "tests/unit/pg_query.h"

struct wa_lab {
	struct pg_fixture *f;
	struct pg_query *q; /* as superuser */
	struct node *node;
	struct host *host;
};

/* cmocka group setup: PostgreSQL, migrated, with the businesses 1 and 2 and no node. */
int wa_lab_up(void **state);
int wa_lab_down(void **state);

/* A node, which knows nothing but the tables; the leases of the one before it have run out. */
void wa_lab_open(struct wa_lab *lab);
void wa_lab_close(struct wa_lab *lab);
void wa_lab_empty(struct wa_lab *lab); /* no message, alias, act is left */

/* Ask for a business: wa.batch goes to the partition of its connector's number, all else to the
 * store. *ret (may be NULL) is to be unref'd. */
enum err wa_lab_call(struct wa_lab *lab, uint64_t business, struct msg **ret,
                     const struct proto_desc *type, const void *body);
/* The same without waiting: `fn` is called once. */
void wa_lab_ask(struct wa_lab *lab, uint64_t business, node_answer_fn *fn, void *ctx,
                const struct proto_desc *type, const void *body);
