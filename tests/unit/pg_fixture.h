/*
 * pg_fixture.h — a real PostgreSQL of its own in a temporary folder, for one test program.
 */
#pragma once
#include "bus/loop.h"
#include "persistence/cluster.h"

struct pg_fixture {
	struct loop *loop;
	struct cluster *cluster;
	char folder[64];
	enum cluster_event event; /* the last */
	char text[2048];
};

/* cmocka group setup and teardown. PostgreSQL is ready; nothing is in it. */
int pg_fixture_up(void **state);        /* quick: synced to disk only if PG_FIXTURE_SYNC is set */
int pg_fixture_up_synced(void **state); /* as users have it: every commit reaches the disk */
int pg_fixture_down(void **state);

/* Run the loop until the cluster says something. */
enum cluster_event pg_fixture_event(struct pg_fixture *f);
void pg_fixture_start(struct pg_fixture *f);
void pg_fixture_stop(struct pg_fixture *f, enum cluster_stop how);

/* Run the loop until *flag, for 20 s at the most: false when it did not come. */
bool pg_fixture_until(struct pg_fixture *f, const bool *flag);
