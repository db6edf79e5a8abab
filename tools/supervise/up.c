/*
 * up.c — opens what must be there before the first process starts, then lets the crew run.
 */
#include "tools/supervise/up.h"
#include "gateway/lws.h"
#include "persistence/cluster.h"
#include "proto/seal.h"
#include "tools/supervise/cgroup.h"
#include "tools/supervise/pulses.h"
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LEFTOVERS_MS = 10000, LEFTOVERS_STEP_MS = 20 };

#define WHY(u, ...) (void)snprintf((u)->why, sizeof(u)->why, __VA_ARGS__)

/* ---- the crew's news --------------------------------------------------------------------- */

static void on_changed(void *ctx, const struct member *m)
{
	const struct up *u = ctx;
	switch (m->child.state) {
	case CHILD_STARTING:
		say(&u->with.say, LOG_DEBUG, "starting name=%s", m->name);
		break;
	case CHILD_PAUSING:
		say(&u->with.say, m->child.stillborn > 1 ? LOG_ERROR : LOG_WARN,
		    "died name=%s how=\"%s\" again_in_ms=%llu", m->name, m->how,
		    (unsigned long long)(m->child.until_us - m->child.since_us) / 1000);
		break;
	case CHILD_UP:
	case CHILD_DRAINING:
	case CHILD_ENDING:
	case CHILD_DOWN:
		say(&u->with.say, LOG_INFO, "%s name=%s", child_state_name(m->child.state),
		    m->name);
		break;
	case CHILD_GIVEN_UP:
		break; /* said by on_gave_up */
	}
}

static void on_gave_up(void *ctx, const struct member *m)
{
	struct up *u = ctx;
	say(&u->with.say, LOG_ERROR, "GIVEN UP name=%s deaths=%u last=\"%s\" %s", m->name,
	    m->child.deaths, m->how,
	    m->vital ? "nothing works without it: going down"
	             : "left alone until: switchboard restart");
	super_gave_up(u, m);
	if (m->vital) {
		u->failed = true;
		crew_stop(u->crew);
	}
}

void up_tell_ready(struct up *u)
{
	char url[160];
	if (u->told_ready || !u->joined || !crew_is_ready(u->crew))
		return;
	u->told_ready = true;
	(void)snprintf(url, sizeof url, "http://%s", u->listen);
	u->with.ready(u->with.ctx, u->door >= 0 ? url : "");
}

static void on_ready(void *ctx)
{
	struct up *u = ctx;
	say(&u->with.say, LOG_INFO, "all up");
	up_tell_ready(u);
}

static void on_down(void *ctx)
{
	struct up *u = ctx;
	loop_stop(u->loop);
}

static const struct crew_calls crew_calls = { on_changed, on_ready, on_gave_up, on_down,
	                                      drain_begin };

static void on_end(void *ctx)
{
	up_down(ctx);
}

/* ---- opening ----------------------------------------------------------------------------- */

/* Processes of a supervisor that was killed are killed by the kernel: they need a moment to go. */
static enum err take_children_lock(struct up *u)
{
	pid_t pid = 0;
	enum err e = ERR_CONFLICT;
	for (int ms = 0; e == ERR_CONFLICT && ms < LEFTOVERS_MS; ms += LEFTOVERS_STEP_MS) {
		e = state_lock(&u->state, "children", &u->children_lock, &pid);
		if (e == ERR_CONFLICT)
			(void)poll(NULL, 0, LEFTOVERS_STEP_MS);
	}
	if (e == ERR_CONFLICT)
		WHY(u, "processes of an earlier switchboard still hold %s", u->state.dir);
	return e;
}

static enum err open_state(struct up *u)
{
	const char *dir = u->with.config->state;
	pid_t pid = 0;
	enum err e = state_open(dir, &u->state);
	if (e == ERR_DENIED)
		WHY(u, "the state folder %s must be ours and closed to others (chmod 700)", dir);
	else if (e)
		WHY(u, "the state folder %s cannot be made: %s", dir, err_info(e)->text);
	if (!e) {
		e = state_lock(&u->state, "supervisor", &u->supervisor_lock, &pid);
		if (e == ERR_CONFLICT)
			WHY(u, "another switchboard (pid %d) runs on the state folder %s", pid,
			    u->state.dir);
	}
	return e ? e : take_children_lock(u);
}

/* Groups of no nodes count, too: they may be scaled up. */
static bool any_hosts(const struct config *c, const char *kind)
{
	for (uint32_t i = 0; i < c->n_groups; i++)
		for (const char *const *h = c->groups[i].hosts; *h; h++)
			if (!strcmp(*h, kind))
				return true;
	return false;
}

/* With port 0 the kernel has chosen one: what is shown must be true. */
static void fill_in_port(struct up *u)
{
	struct sockaddr_storage a = { 0 };
	socklen_t len = sizeof a;
	const char *text = u->with.config->listen, *colon = strrchr(text, ':');
	uint16_t port = 0;
	if (!getsockname(u->door, (struct sockaddr *)&a, &len))
		port = a.ss_family == AF_INET6  ? ntohs(((struct sockaddr_in6 *)&a)->sin6_port)
		       : a.ss_family == AF_INET ? ntohs(((struct sockaddr_in *)&a)->sin_port)
		                                : 0;
	(void)snprintf(u->listen, sizeof u->listen, "%.*s:%u", (int)(colon - text), text, port);
}

static enum err open_door(struct up *u)
{
	const char *address = u->with.config->listen;
	if (!any_hosts(u->with.config, "gateway"))
		return OK;
	enum err e = http_listen(address, &u->door);
	if (e == ERR_CONFLICT)
		WHY(u, "%s is taken by another process; --listen ADDRESS chooses another address",
		    address);
	else if (e == ERR_DENIED)
		WHY(u, "%s needs more rights than we have", address);
	else if (e)
		WHY(u, "cannot listen on %s: %s", address, err_info(e)->text);
	else
		fill_in_port(u);
	return e;
}

static enum err add_members(struct up *u)
{
	const struct config *c = u->with.config;
	bool stores = any_hosts(c, "store"), full = false;
	enum err e = stores ? database_open(u) : OK;
	if (e)
		return e;
	if (stores)
		full = !worker_add(u, WORK_MIGRATE, NULL, 1);
	for (uint32_t i = 1; i <= c->hubs; i++)
		full |= !worker_add(u, WORK_HUB, NULL, i);
	for (uint32_t g = 0; g < c->n_groups; g++)
		for (uint32_t i = 1; i <= c->groups[g].count; i++)
			full |= !worker_add(u, WORK_NODE, &c->groups[g], i);
	if (full)
		WHY(u, "more than %d processes", CREW_MOST);
	return full ? ERR_FULL : OK;
}

static enum err open_cgroups(struct up *u)
{
	const struct config *c = u->with.config;
	for (uint32_t i = 0; i < c->n_groups; i++) {
		enum err e =
			c->groups[i].cpu_percent && !u->cgroups ? cgroups_new(&u->cgroups) : OK;
		if (e) {
			WHY(u,
			    "groups.%s.cpu cannot be enforced here: control groups need root or, "
			    "under systemd, Delegate=yes",
			    c->groups[i].name);
			return e;
		}
	}
	return OK;
}

static enum err tell_hubs(struct up *u)
{
	char endpoints[STATE_HUBS][STATE_ENDPOINT];
	const char *list[STATE_HUBS + 1];
	uint32_t n = u->with.config->hubs;
	for (uint32_t i = 0; i < n; i++) {
		(void)snprintf(endpoints[i], STATE_ENDPOINT,
		               i ? "ipc://%.100s/hub#%u" : "ipc://%.100s/hub", u->state.run, i + 1);
		list[i] = endpoints[i];
	}
	list[n] = NULL;
	enum err e = state_put_hubs(&u->state, list);
	if (e)
		WHY(u, "%s/hubs cannot be written", u->state.run);
	return e;
}

static enum err open_key(struct up *u)
{
	struct seal_keys keys;
	const char *given = config_find(u->with.config, "encryption.key")->text;
	enum err e = OK;
	if (*given)
		str_keep(u->encryption_key, sizeof u->encryption_key, str_of(given));
	else
		e = state_encryption_key(&u->state, true, u->encryption_key);
	if (e) {
		WHY(u, "%s/encryption.key: %s", u->state.dir,
		    e == ERR_DENIED ? "it must be ours, and nobody else may read it"
		                    : err_info(e)->text);
		return e;
	}
	u->encryption_key[strcspn(u->encryption_key, "\n")] = '\0';
	e = seal_keys_read(str_of(u->encryption_key), &keys);
	if (e)
		WHY(u, "%s holds no key: 64 hex digits, or several such between commas",
		    *given ? "encryption.key" : "STATE/encryption.key");
	seal_keys_forget(&keys);
	return e;
}

static enum err open_all(struct up *u)
{
	const struct config *c = u->with.config;
	struct child_rule rule = { .ready_ms = c->ready_ms,
		                   .drain_ms = c->drain_ms,
		                   .times = c->times,
		                   .within_ms = c->within_ms,
		                   .pause_ms = c->pause_ms,
		                   .pause_most_ms = c->pause_most_ms };
	struct loop_signal *term, *interrupt;
	enum err e = open_state(u);
	if (!e)
		e = open_key(u);
	if (!e)
		e = open_cgroups(u);
	if (!e)
		e = open_door(u);
	if (!e)
		e = tell_hubs(u);
	if (!e)
		e = far_open(u);
	if (!e)
		e = loop_new(&u->loop);
	if (!e)
		e = loop_on_signal(u->loop, SIGTERM, on_end, u, &term);
	if (!e)
		e = loop_on_signal(u->loop, SIGINT, on_end, u, &interrupt);
	if (!e)
		e = crew_new(u->loop, &rule, &crew_calls, u, &u->crew);
	if (!e)
		e = add_members(u);
	if (!e)
		e = super_open(u);
	return e;
}

enum err up_new(const struct up_config *config, struct up **ret, char *ret_why, size_t cap)
{
	struct up *u = calloc(1, sizeof *u);
	if (!u)
		return ERR_MEMORY;
	u->with = *config;
	u->supervisor_lock = u->children_lock = u->door = -1;
	enum err e = open_all(u);
	if (!e) {
		u->since_us = (int64_t)loop_wall_us(u->loop);
		*ret = u;
		return OK;
	}
	(void)snprintf(ret_why, cap, "%s", *u->why ? u->why : err_info(e)->text);
	up_free(&u);
	return e;
}

void up_run(struct up *u)
{
	crew_run(u->crew);
	loop_run(u->loop);
}

bool up_failed(const struct up *u)
{
	return u->failed;
}

void up_down(struct up *u)
{
	say(&u->with.say, LOG_INFO, crew_stopping(u->crew) ? "stopping in haste" : "stopping");
	crew_stop(u->crew);
}

enum err up_scale(struct up *u, struct str group, uint32_t count)
{
	const struct config *c = u->with.config;
	uint32_t g = 0, have = 0;
	while (g < c->n_groups && !str_is(group, c->groups[g].name))
		g++;
	if (g == c->n_groups)
		return ERR_NOT_FOUND;
	for (uint32_t i = 0; i < u->n_workers; i++) {
		const struct worker *w = u->workers[i];
		if (w->work != WORK_NODE || w->group != &c->groups[g])
			continue;
		have = w->index > have ? w->index : have;
		crew_wish(w->member, w->index <= count);
	}
	for (uint32_t i = have + 1; i <= count; i++) {
		struct worker *w = worker_add(u, WORK_NODE, &c->groups[g], i);
		if (!w)
			return ERR_FULL;
		crew_wish(w->member, true);
	}
	return OK;
}

void up_free(struct up **up)
{
	struct up *u = *up;
	*up = NULL;
	if (!u)
		return;
	seat_free(&u->seat);
	pulses_free(&u->pulses);
	for (uint32_t i = 0; i < u->n_workers; i++) {
		process_free(&u->workers[i]->process);
		free(u->workers[i]);
	}
	cgroups_free(&u->cgroups);
	cluster_free(&u->cluster);
	crew_free(&u->crew);
	loop_free(&u->loop);
	explicit_bzero(u->encryption_key, sizeof u->encryption_key);
	if (u->door >= 0)
		(void)close(u->door);
	if (u->children_lock >= 0)
		(void)close(u->children_lock);
	if (u->supervisor_lock >= 0)
		(void)close(u->supervisor_lock);
	free(u);
}
