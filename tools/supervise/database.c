/*
 * database.c — the private PostgreSQL as a member of the crew.
 */
#include "persistence/cluster.h"
#include "tools/supervise/up.h"
#include <stdio.h>

static enum err spawn(void *owner)
{
	return cluster_start(((struct up *)owner)->cluster);
}

static void stop(struct up *u, enum cluster_stop how)
{
	enum err e = cluster_stop(u->cluster, how);
	if (e) /* nothing runs */
		crew_died(u->database, err_info(e)->text);
}

static void term(void *owner)
{
	stop(owner, CLUSTER_FAST);
}

static void end(void *owner)
{
	stop(owner, CLUSTER_IMMEDIATE);
}

static uint32_t pid(void *owner)
{
	return (uint32_t)cluster_pid(((struct up *)owner)->cluster);
}

static const struct member_ops ops = { spawn, term, end, pid };

static void on_event(void *ctx, enum cluster_event event, const char *text)
{
	struct up *u = ctx;
	if (event == CLUSTER_READY)
		crew_ready(u->database);
	else
		crew_died(u->database, text);
}

enum err database_open(struct up *u)
{
	char folder[PATH_MAX + 8];
	if (*u->with.config->database_url)
		return OK;
	(void)snprintf(folder, sizeof folder, "%s/db", u->state.dir);
	struct cluster_config config = { .folder = folder, .on = on_event, .ctx = u };
	enum err e = cluster_new(u->loop, &config, &u->cluster);
	if (e) {
		(void)snprintf(
			u->why, sizeof u->why,
			e == ERR_NOT_FOUND
				? "no PostgreSQL is installed here, and DATABASE_URL names none"
				: "the folder %s cannot hold a database: %s",
			folder, err_info(e)->text);
		return e;
	}
	say(&u->with.say, LOG_INFO, "database folder=%s", cluster_folder(u->cluster));
	u->database = crew_add(u->crew, "database", "database", 0, &ops, u);
	if (!u->database)
		return ERR_MEMORY;
	u->database->vital = true;
	u->database->patient =
		true; /* a full disk is made room on, and nobody need start us again */
	return OK;
}

const char *database_url(const struct up *u, bool admin)
{
	if (!u->cluster)
		return u->with.config->database_url;
	return admin ? cluster_admin_url(u->cluster) : cluster_url(u->cluster);
}
