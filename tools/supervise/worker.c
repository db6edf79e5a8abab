/*
 * worker.c — how each process of the crew is started: by the commands an operator could type, with
 * what must not be seen in a list of processes handed over in descriptors.
 *
 *     3 leash   4 lock of the children   5 configuration (memfd, ZPL)   6 door (gateways only)
 */
#include "proto/buf.h"
#include "tools/config/write.h"
#include "tools/supervise/cgroup.h"
#include "tools/supervise/up.h"
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WORDS = 32, TEXT_BYTES = 8192, CONFIG_FD = 5, DOOR_FD = 6, CONFIG_BYTES = 256 << 10 };
#define DOOR_TEXT "6"

/* A command line, and the memory of its words. */
struct words {
	char *at[WORDS + 1];
	uint32_t n;
	char text[TEXT_BYTES];
	size_t used;
};

static void word(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void word(struct words *w, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	size_t room = sizeof w->text - w->used;
	int len = vsnprintf(w->text + w->used, room, fmt, args);
	va_end(args);
	if (len < 0 || (size_t)len >= room || w->n == WORDS)
		return; /* the command then complains about what is missing */
	w->at[w->n++] = w->text + w->used;
	w->used += (size_t)len + 1;
}

static bool hosts(const struct config_group *g, const char *kind)
{
	for (const char *const *h = g->hosts; *h; h++)
		if (!strcmp(*h, kind))
			return true;
	return false;
}

/* ---- command lines ------------------------------------------------------------------------------
 */

static void hub_words(const struct worker *w, struct words *to)
{
	const struct up *u = w->up;
	char address[STATE_ENDPOINT], keys[PATH_MAX + 8];
	word(to, "hub");
	word(to, "--name=%s", w->member->name);
	word(to, "--ipc=%s/%s", u->state.run, w->member->name);
	word(to, "--log=%s", u->with.config->log_form);
	if (far_hub(u, w->index, address, sizeof address)) {
		far_keys(u, keys, sizeof keys);
		word(to, "--tcp=%s", address);
		word(to, "--keys=%s", keys);
	}
}

static void node_words(const struct worker *w, struct words *to)
{
	const struct up *u = w->up;
	char hubs[1024] = "", key[PATH_MAX + 64], address[STATE_ENDPOINT];
	size_t len = 0;
	for (uint32_t i = 1; i <= u->with.config->hubs && len < sizeof hubs; i++)
		len += (size_t)snprintf(hubs + len, sizeof hubs - len,
		                        i == 1 ? "ipc://%s/hub" : ",ipc://%s/hub#%u", u->state.run,
		                        i);
	word(to, "node");
	word(to, "--name=%s", w->member->name);
	for (const char *const *h = w->group->hosts; *h; h++)
		word(to, "--host=%s", *h);
	word(to, "--bus=%s", hubs);
	word(to, "--run=%s", u->state.run);
	word(to, "--config=/proc/self/fd/%d", CONFIG_FD);
	if (far_node(u, w->member->name, key, sizeof key, address, sizeof address)) {
		word(to, "--key=%s", key);
		word(to, "--address=%s", address);
	}
}

static void make_words(const struct worker *w, struct words *to)
{
	word(to, "switchboard");
	if (w->work == WORK_HUB)
		hub_words(w, to);
	else if (w->work == WORK_NODE)
		node_words(w, to);
	else
		word(to, "migrate");
	to->at[to->n] = NULL;
}

/* ---- what else they get ------------------------------------------------------------------ */

/* Our environment without what the configuration was read from: its values are in the memfd. */
static char **make_environment(const struct worker *w, char *url, size_t cap)
{
	static const char *const own[] = { "SWITCHBOARD_", "DATABASE_URL", "ENCRYPTION_KEY",
		                           "OPENAI_API_KEY" };
	size_t n = 0, kept = 0;
	while (environ[n])
		n++;
	char **e = calloc(n + 3, sizeof *e);
	for (size_t i = 0; e && i < n; i++) {
		bool ours = false;
		for (size_t k = 0; k < sizeof own / sizeof *own; k++)
			ours |= !strncmp(environ[i], own[k], strlen(own[k]));
		if (!ours)
			e[kept++] = environ[i];
	}
	if (!e)
		return NULL;
	e[kept++] = (char *)(uintptr_t) "SWITCHBOARD_LEASH=3";
	if (w->work == WORK_MIGRATE) {
		(void)snprintf(url, cap, "DATABASE_URL=%s", database_url(w->up, true));
		e[kept] = url;
	}
	return e;
}

static enum err make_config(const struct worker *w, int *ret_fd)
{
	struct buf b;
	const struct up *u = w->up;
	static const struct config_handed door[] = { { "gateway", "fd", DOOR_TEXT }, { 0 } };
	buf_init(&b, CONFIG_BYTES);
	if (w->work == WORK_NODE)
		config_write(u->with.config, w->group, u->with.kinds,
		             hosts(w->group, "gateway") ? u->listen : NULL,
		             hosts(w->group, "store") ? database_url(u, false) : NULL,
		             hosts(w->group, "gateway") ? u->encryption_key : NULL, door, &b);
	enum err e = buf_err(&b);
	int fd = e ? -1 : memfd_create("switchboard-config", MFD_CLOEXEC);
	if (!e && (fd < 0 || write(fd, b.at ? b.at : "", b.len) != (ssize_t)b.len)) {
		e = ERR_IO;
		if (fd >= 0)
			(void)close(fd);
	}
	if (b.at)
		explicit_bzero(b.at, b.len);
	buf_done(&b);
	if (!e)
		*ret_fd = fd;
	return e;
}

/* ---- the process ------------------------------------------------------------------------- */

static void on_said(void *ctx, struct str line)
{
	struct worker *w = ctx;
	if (str_is(line, "ready"))
		crew_ready(w->member);
}

static void on_ended(void *ctx, const char *how)
{
	struct worker *w = ctx;
	process_free(&w->process);
	if (w->member->once && !strcmp(how, "exit 0"))
		crew_done(w->member);
	else
		crew_died(w->member, how);
}

static enum err start(struct worker *w, char *const *argv, char *const *env, int config)
{
	static const struct process_calls calls = { on_said, on_ended };
	const struct up *u = w->up;
	int fds[] = { u->children_lock, config, u->door };
	struct process_plan plan = {
		.program = u->with.program, .argv = argv, .env = env, .fds = fds, .n_fds = 2
	};
	char procs[CGROUP_PATH];
	if (w->work == WORK_NODE) {
		plan.n_fds += u->door >= 0 && hosts(w->group, "gateway");
		plan.limits = (struct process_limits){ .memory_bytes = w->group->memory_bytes,
			                               .files = w->group->files,
			                               .nice = (int)w->group->nice };
	}
	if (w->work == WORK_NODE && w->group->cpu_percent) {
		enum err e =
			cgroups_limit(u->cgroups, w->member->name, w->group->cpu_percent, procs);
		if (e)
			return e;
		plan.limits.cgroup = procs;
	}
	return process_start(w->up->loop, &plan, &calls, w, &w->process);
}

static enum err spawn(void *owner)
{
	struct worker *w = owner;
	struct words words = { 0 };
	char url[2048];
	int config;
	make_words(w, &words);
	enum err e = make_config(w, &config);
	if (e)
		return e;
	char **env = make_environment(w, url, sizeof url);
	e = env ? start(w, words.at, env, config) : ERR_MEMORY;
	(void)close(config);
	free(env);
	explicit_bzero(url, sizeof url);
	return e;
}

static void term(void *owner)
{
	process_signal(((struct worker *)owner)->process, SIGTERM);
}

static void end(void *owner)
{
	process_signal(((struct worker *)owner)->process, SIGKILL);
}

static uint32_t pid(void *owner)
{
	const struct worker *w = owner;
	return w->process ? (uint32_t)process_pid(w->process) : 0;
}

static const struct member_ops ops = { spawn, term, end, pid };

/* ---- its place in the crew --------------------------------------------------------------- */

enum { LAYER_MIGRATE = 1, LAYER_HUB, LAYER_STORE, LAYER_NODE, LAYER_STREET };

static uint32_t layer_of(enum work work, const struct config_group *g)
{
	switch (work) {
	case WORK_MIGRATE:
		return LAYER_MIGRATE;
	case WORK_HUB:
		return LAYER_HUB;
	case WORK_NODE:
		break;
	}
	return hosts(g, "gateway") ? LAYER_STREET : hosts(g, "store") ? LAYER_STORE : LAYER_NODE;
}

static void name_of(const struct worker *w, char *ret, size_t cap)
{
	if (w->work == WORK_MIGRATE)
		(void)snprintf(ret, cap, "migrate");
	else if (w->work == WORK_NODE)
		(void)snprintf(ret, cap, "%s.%u", w->group->name, w->index);
	else
		(void)snprintf(ret, cap, w->index == 1 ? "hub" : "hub#%u", w->index);
}

struct worker *worker_add(struct up *u, enum work work, const struct config_group *group,
                          uint32_t index)
{
	char name[CREW_NAME];
	struct worker *w = u->n_workers < CREW_MOST ? calloc(1, sizeof *w) : NULL;
	if (!w)
		return NULL;
	*w = (struct worker){ .up = u, .work = work, .group = group, .index = index };
	name_of(w, name, sizeof name);
	w->member = crew_add(u->crew, name, work == WORK_NODE ? group->name : name,
	                     layer_of(work, group), &ops, w);
	if (!w->member) {
		free(w);
		return NULL;
	}
	w->member->once = work == WORK_MIGRATE;
	w->member->vital = work != WORK_NODE;
	u->workers[u->n_workers++] = w;
	return w;
}
