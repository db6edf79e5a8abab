/*
 * cgroup.c — two versions of one file system; cgroups(7).
 */
#include "tools/supervise/cgroup.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PERIOD_US = 100000 }; /* the kernel's default */

struct cgroups {
	bool v2;
	char dir[CGROUP_PATH / 2]; /* ours; the groups are in it */
};

static bool put(const char *dir, const char *file, const char *text)
{
	char path[CGROUP_PATH + 32];
	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	bool good = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	(void)close(fd);
	return good;
}

static bool has(const char *dir, const char *file, const char *word)
{
	char path[CGROUP_PATH + 32], text[512] = "";
	(void)snprintf(path, sizeof path, "%s/%s", dir, file);
	FILE *f = fopen(path, "re");
	bool found = f && fgets(text, sizeof text, f) && (!word || strstr(text, word));
	if (f)
		(void)fclose(f);
	return found;
}

/* Where this process is: "4:cpu,cpuacct:/user" of v1, "0::/user" of v2. */
static bool own_path(bool v2, char *ret, size_t cap)
{
	char line[CGROUP_PATH];
	bool found = false;
	FILE *f = fopen("/proc/self/cgroup", "re");
	while (f && !found && fgets(line, sizeof line, f)) {
		char *list = strchr(line, ':'), *path = list ? strchr(list + 1, ':') : NULL;
		if (!path)
			continue;
		*path++ = '\0';
		path[strcspn(path, "\n")] = '\0';
		if (v2 ? list[1] == '\0'
		       : !strcmp(list + 1, "cpu") || !strncmp(list + 1, "cpu,", 4)) {
			(void)snprintf(ret, cap, "%s", strcmp(path, "/") != 0 ? path : "");
			found = true;
		}
	}
	if (f)
		(void)fclose(f);
	return found;
}

/* v2 wants processes in leaves only: we move into one of our own before children get theirs. */
static bool open_v2(struct cgroups *c)
{
	char path[CGROUP_PATH / 4], base[CGROUP_PATH / 2], leaf[CGROUP_PATH];
	if (!own_path(true, path, sizeof path))
		return false;
	(void)snprintf(base, sizeof base, "/sys/fs/cgroup%s", path);
	if (!has(base, "cgroup.controllers", "cpu"))
		return false;
	(void)snprintf(c->dir, sizeof c->dir, "%.200s/switchboard.%d", base, getpid());
	(void)snprintf(leaf, sizeof leaf, "%s/supervisor", c->dir);
	return !mkdir(c->dir, 0755) && !mkdir(leaf, 0755) && put(leaf, "cgroup.procs", "0") &&
	       put(base, "cgroup.subtree_control", "+cpu") &&
	       put(c->dir, "cgroup.subtree_control", "+cpu");
}

static bool open_v1(struct cgroups *c)
{
	char path[CGROUP_PATH / 4];
	if (!own_path(false, path, sizeof path) || !has("/sys/fs/cgroup/cpu", "cpu.shares", NULL))
		return false;
	(void)snprintf(c->dir, sizeof c->dir, "/sys/fs/cgroup/cpu%s/switchboard.%d", path,
	               getpid());
	return !mkdir(c->dir, 0755);
}

/* Remove a folder of ours and the groups in it; those with processes stay. */
static void sweep(const char *dir)
{
	DIR *d = *dir ? opendir(dir) : NULL;
	for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (e->d_type == DT_DIR && e->d_name[0] != '.')
			(void)unlinkat(dirfd(d), e->d_name, AT_REMOVEDIR);
	if (d)
		(void)closedir(d);
	(void)rmdir(dir);
}

/* Those of supervisors that were killed. */
static void sweep_dead(const char *own)
{
	char base[CGROUP_PATH], dir[2 * CGROUP_PATH];
	(void)snprintf(base, sizeof base, "%s", own);
	*strrchr(base, '/') = '\0';
	DIR *d = opendir(base);
	for (const struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d)) {
		pid_t pid = strncmp(e->d_name, "switchboard.", 12)
		                    ? 0
		                    : (pid_t)strtol(e->d_name + 12, NULL, 10);
		if (pid <= 0 || !kill(pid, 0) || errno != ESRCH)
			continue;
		(void)snprintf(dir, sizeof dir, "%s/%s", base, e->d_name);
		sweep(dir);
	}
	if (d)
		(void)closedir(d);
}

enum err cgroups_new(struct cgroups **ret)
{
	struct cgroups *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_MEMORY;
	c->v2 = has("/sys/fs/cgroup", "cgroup.controllers", NULL);
	if (c->v2 ? open_v2(c) : open_v1(c)) {
		sweep_dead(c->dir);
		*ret = c;
		return OK;
	}
	cgroups_free(&c);
	return ERR_UNSUPPORTED;
}

void cgroups_free(struct cgroups **c)
{
	if (*c)
		sweep((*c)->dir); /* on v2 we are in it ourselves: it goes with its parent */
	free(*c);
	*c = NULL;
}

enum err cgroups_limit(struct cgroups *c, const char *name, uint32_t cpu_percent,
                       char ret_procs[CGROUP_PATH])
{
	char dir[CGROUP_PATH], quota[64];
	(void)snprintf(dir, sizeof dir, "%s/%s", c->dir, name);
	if (mkdir(dir, 0755) && errno != EEXIST)
		return ERR_IO;
	unsigned long long us = (unsigned long long)cpu_percent * PERIOD_US / 100;
	(void)snprintf(quota, sizeof quota, c->v2 ? "%llu %d" : "%llu", us, PERIOD_US);
	if (!put(dir, c->v2 ? "cpu.max" : "cpu.cfs_quota_us", quota))
		return ERR_IO;
	int len = snprintf(ret_procs, CGROUP_PATH, "%s/cgroup.procs", dir);
	return len < CGROUP_PATH ? OK : ERR_TOO_LARGE;
}
