/*
 * pg_fixture.c — see pg_fixture.h.
 */
#include "tests/unit/pg_fixture.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_US = 20 * 1000 * 1000 };

struct wait {
	struct pg_fixture *f;
	const bool *flag;
	bool late;
};

static void on_cluster(void *ctx, enum cluster_event event, const char *text)
{
	struct pg_fixture *f = ctx;
	f->event = event;
	snprintf(f->text, sizeof f->text, "%s", text);
	loop_stop(f->loop);
}

static void on_late(void *ctx)
{
	struct wait *w = ctx;
	w->late = true;
	loop_stop(w->f->loop);
}

static bool look(void *ctx)
{
	struct wait *w = ctx;
	if (*w->flag)
		loop_stop(w->f->loop);
	return false;
}

bool pg_fixture_until(struct pg_fixture *f, const bool *flag)
{
	struct wait w = { f, flag, false };
	struct loop_timer *timer;
	struct loop_stage *stage;
	assert_int_equal(loop_timer_new(f->loop, on_late, &w, &timer), OK);
	assert_int_equal(loop_on_turn(f->loop, LOOP_FLUSH, look, &w, &stage), OK);
	loop_timer_set(timer, PATIENCE_US);
	while (!*flag && !w.late)
		loop_run(f->loop);
	loop_timer_free(&timer);
	loop_stage_free(&stage);
	return *flag;
}

enum cluster_event pg_fixture_event(struct pg_fixture *f)
{
	loop_run(f->loop);
	return f->event;
}

void pg_fixture_start(struct pg_fixture *f)
{
	assert_int_equal(cluster_start(f->cluster), OK);
	if (pg_fixture_event(f) != CLUSTER_READY)
		fail_msg("%s", f->text);
}

void pg_fixture_stop(struct pg_fixture *f, enum cluster_stop how)
{
	assert_int_equal(cluster_stop(f->cluster, how), OK);
	assert_int_equal(pg_fixture_event(f), CLUSTER_ENDED);
}

static int fixture_up(void **state, bool scratch)
{
	struct pg_fixture *f = calloc(1, sizeof *f);
	strcpy(f->folder, "/tmp/switchboard-test-XXXXXX");
	assert_non_null(mkdtemp(f->folder));
	assert_int_equal(chmod(f->folder, 0755), 0); /* the server is another user */
	assert_int_equal(loop_new(&f->loop), OK);
	struct cluster_config config = {
		.folder = f->folder, .scratch = scratch, .on = on_cluster, .ctx = f
	};
	assert_int_equal(cluster_new(f->loop, &config, &f->cluster), OK);
	pg_fixture_start(f);
	*state = f;
	return 0;
}

int pg_fixture_up(void **state)
{
	return fixture_up(state, !getenv("PG_FIXTURE_SYNC"));
}

int pg_fixture_up_synced(void **state)
{
	return fixture_up(state, false);
}

int pg_fixture_down(void **state)
{
	struct pg_fixture *f = *state;
	char command[128];
	if (cluster_pid(f->cluster))
		pg_fixture_stop(f, CLUSTER_IMMEDIATE);
	cluster_free(&f->cluster);
	loop_free(&f->loop);
	snprintf(command, sizeof command, "rm -rf '%s'", f->folder);
	int rc = system(command);
	free(f);
	return rc;
}
