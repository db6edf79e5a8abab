/*
 * store_lab.h — a node with a store of the stock statements on a real PostgreSQL, and somebody who
 * asks it in the name of any business.
 */
#pragma once
#include "actors/actor.h"
#include "tests/unit/pg_query.h"

struct store_lab {
	struct pg_fixture *f;
	struct pg_query *q; /* as superuser */
	struct node *node;
	struct host *host;
};

/* cmocka group setup: PostgreSQL, migrated, with the table the stock statements use. */
int store_lab_up(void **state);
int store_lab_up_synced(void **state); /* every commit reaches the disk */
int store_lab_down(void **state);

/* A node on it, with settings "name", "value", … NULL over the defaults; NULL for none. */
void store_lab_open(struct store_lab *lab, const char *const *settings);
void store_lab_close(struct store_lab *lab);

/* What became of an ask. The callback may look at m (NULL when it was not even accepted). */
typedef void store_lab_fn(void *ctx, enum err e, const struct msg *m);
void store_lab_ask(struct store_lab *lab, uint64_t business, store_lab_fn *fn, void *ctx,
                   const struct proto_desc *type, const void *body);
/* Ask and run the loop until it is answered. *ret: to be unref'd; NULL: not wanted. */
enum err store_lab_call(struct store_lab *lab, uint64_t business, struct msg **ret,
                        const struct proto_desc *type, const void *body);
/* Run the loop until every ask has its answer. False: after 20 s one had none. */
bool store_lab_settle(struct store_lab *lab);
uint32_t store_lab_pending(void);
