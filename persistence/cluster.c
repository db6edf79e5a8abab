/*
 * cluster.c — cluster.h as a small machine on the loop; every wait is a pidfd or a timer.
 *
 *     IDLE ─▶ INITDB ─▶ FOUND ─▶ rename data.new ─▶ ┐
 *      └── data is there ───────────────────────────┴▶ CLEAR ─▶ STARTING ─▶ READY ─▶ STOPPING ─▶
 * IDLE
 *
 *     INITDB   initdb makes data.new          FOUND     single-user server adds database and login
 *     CLEAR    children of a killed server leave data   STARTING  the server says "ready" in its
 * pid file
 */
#include "persistence/cluster.h"
#include "persistence/cluster_home.h"
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum state { IDLE, INITDB, FOUND, CLEAR, STARTING, READY, STOPPING };

enum {
	POLL_US = 10 * 1000,
	CLEAR_US = 10 * 1000 * 1000, /* children of a killed server notice within a second */
	LOG_MAX = 8 << 20,           /* bytes, before a start moves it aside */
	URL_MAX = 3 * PATH_MAX + 128,
};

struct cluster {
	struct loop *loop;
	struct loop_timer *timer;
	struct loop_fd *watch; /* of pidfd */
	struct cluster_home home;
	cluster_fn *on;
	void *ctx;
	char **logins, **set;
	bool scratch;
	enum state state;
	pid_t pid; /* the running child, or the adopted server; 0: none */
	int pidfd; /* -1: none */
	uint64_t clear_until_us;
	char url[URL_MAX], admin_url[URL_MAX];
};

static void on_end(void *ctx, int events);

/* ---- children ----------------------------------------------------------------------------------
 */

static enum err watch_pid(struct cluster *c, pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return ERR_IO;
	enum err e = loop_watch(c->loop, fd, LOOP_READ, on_end, c, &c->watch);
	if (e) {
		close(fd);
		return e;
	}
	c->pid = pid;
	c->pidfd = fd;
	return OK;
}

static void unwatch(struct cluster *c)
{
	loop_watch_free(&c->watch);
	if (c->pidfd >= 0)
		close(c->pidfd);
	c->pidfd = -1;
	c->pid = 0;
}

/* In the child: nothing of ours but stdin and the log. Its own session, so that a Ctrl-C meant for
 * us is not a fast shutdown; it must outlive us to be adopted. */
static _Noreturn void become(const struct cluster_home *h, int in, int log, char *const argv[])
{
	static char *const env[] = { "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", NULL };
	struct sigaction as_born = { .sa_handler = SIG_DFL };
	sigset_t none;
	sigemptyset(&none);
	for (int s = 1; s < NSIG; s++)
		sigaction(s, &as_born, NULL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	umask(077);
	if (dup2(in, 0) < 0 || dup2(log, 1) < 0 || dup2(log, 2) < 0)
		_exit(126);
	close_range(3, ~0U, 0);
	if (geteuid() == 0 && (initgroups(h->user, h->gid) || setgid(h->gid) || setuid(h->uid)))
		_exit(126);
	if (chdir(h->at))
		_exit(126);
	execve(argv[0], argv, env);
	_exit(127);
}

static int open_log(const struct cluster_home *h)
{
	const char *path = cluster_home_path(h, "log/server.log");
	struct stat st;
	if (!stat(path, &st) && st.st_size > LOG_MAX)
		(void)rename(path, cluster_home_path(h, "log/server.log.1"));
	return open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

/* argv[0] is a program of PostgreSQL's; `in` is its whole input, at most a pipe's worth. */
static enum err spawn(struct cluster *c, const char *program, const char *in,
                      const char *const *args)
{
	char path[PATH_MAX + 32];
	const char *argv[16] = { path };
	snprintf(path, sizeof path, "%s/%s", c->home.bin, program);
	for (size_t n = 0; args[n]; n++) {
		assert(n + 2 < sizeof argv / sizeof *argv);
		argv[n + 1] = args[n];
	}
	int ends[2], log = open_log(&c->home);
	if (log < 0)
		return ERR_IO;
	if (pipe2(ends, O_CLOEXEC)) {
		close(log);
		return ERR_IO;
	}
	bool short_write = write(ends[1], in, strlen(in)) != (ssize_t)strlen(in);
	pid_t pid = short_write ? -1 : fork();
	if (pid == 0)
		become(&c->home, ends[0], log, (char *const *)argv);
	close(ends[0]);
	close(ends[1]);
	close(log);
	if (pid < 0)
		return ERR_IO;
	enum err e = watch_pid(c, pid);
	if (e) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return e;
}

/* ---- the machine -------------------------------------------------------------------------------
 */

static void tell(struct cluster *c, enum cluster_event event, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(struct cluster *c, enum cluster_event event, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (event != CLUSTER_READY) {
		loop_timer_clear(c->timer);
		c->state = IDLE;
	}
	c->on(c->ctx, event, text);
}

static void fail(struct cluster *c, const char *what)
{
	char last[1024];
	cluster_home_last_words(&c->home, last, sizeof last);
	tell(c, CLUSTER_FAILED, "%s: %s", what, last[0] ? last : strerror(errno));
}

static enum err found(struct cluster *c)
{
	/* One command a line (postgres(1), single-user mode). */
	static const char commands[] = "create role switchboard login noinherit\n"
				       "create database switchboard\n";
	c->state = FOUND;
	return spawn(c, "postgres", commands,
	             (const char *const[]){ "--single", "-D",
	                                    cluster_home_path(&c->home, "data.new"), "-c",
	                                    "log_min_messages=log", "postgres", NULL });
}

static enum err initdb(struct cluster *c)
{
	enum err e = cluster_home_sweep(&c->home);
	if (e)
		return e;
	c->state = INITDB;
	return spawn(c, "initdb", "",
	             (const char *const[]){ "-D", cluster_home_path(&c->home, "data.new"), "-U",
	                                    "postgres", "-E", "UTF8", "--locale=C.UTF-8",
	                                    "--auth=peer", "--data-checksums",
	                                    c->scratch ? "--no-sync" : NULL, NULL });
}

static enum err keep_new(struct cluster *c)
{
	if (rename(cluster_home_path(&c->home, "data.new"), cluster_home_path(&c->home, "data")))
		return ERR_IO;
	int fd = open(c->home.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	int bad = fsync(fd);
	close(fd);
	return bad ? ERR_IO : OK;
}

static enum err launch(struct cluster *c)
{
	char conf[PATH_MAX + 32];
	snprintf(conf, sizeof conf, "config_file=%s/postgresql.conf", c->home.at);
	/* Nobody works in data: a pid file that is still there names a stranger or the dead. */
	unlink(cluster_home_path(&c->home, "data/postmaster.pid"));
	c->state = STARTING;
	loop_timer_set(c->timer, POLL_US);
	return spawn(c, "postgres", "",
	             (const char *const[]){ "-D", cluster_home_path(&c->home, "data"), "-c", conf,
	                                    c->scratch ? "--fsync=off" : NULL, NULL });
}

static enum err adopt_or_launch(struct cluster *c)
{
	bool ready;
	pid_t pid = cluster_home_pid(&c->home, &ready);
	if (pid) {
		c->state = STARTING;
		loop_timer_set(c->timer, ready ? 0 : POLL_US);
		return watch_pid(c, pid);
	}
	if (!cluster_home_in_use(&c->home))
		return launch(c);
	if (c->state != CLEAR)
		c->clear_until_us = loop_now_us(c->loop) + CLEAR_US;
	else if (loop_now_us(c->loop) > c->clear_until_us)
		return ERR_BUSY;
	c->state = CLEAR;
	loop_timer_set(c->timer, POLL_US);
	return OK;
}

static void on_timer(void *ctx)
{
	struct cluster *c = ctx;
	bool ready = false;
	if (c->state == CLEAR) {
		enum err e = adopt_or_launch(c);
		if (e)
			fail(c, e == ERR_BUSY ? "processes of a former server do not leave its data"
			                      : "cannot start the server");
	} else if (c->state == STOPPING) {
		tell(c, CLUSTER_ENDED, "never started");
	} else if (c->state == STARTING) {
		if (cluster_home_pid(&c->home, &ready) == c->pid && ready) {
			c->state = READY;
			tell(c, CLUSTER_READY, "ready");
		} else {
			loop_timer_set(c->timer, POLL_US);
		}
	}
}

static const char *how_ended(const siginfo_t *info, char *ret, size_t cap)
{
	if (!info->si_pid)
		snprintf(ret, cap, "ended");
	else if (info->si_code == CLD_EXITED)
		snprintf(ret, cap, "exit status %d", info->si_status);
	else
		snprintf(ret, cap, "signal %d", info->si_status);
	return ret;
}

static void on_end(void *ctx, int events)
{
	(void)events;
	struct cluster *c = ctx;
	siginfo_t info = { 0 };
	char how[64];
	waitid(P_PIDFD, (id_t)c->pidfd, &info, WEXITED | WNOHANG); /* ECHILD for an adopted one */
	bool good = info.si_pid && info.si_code == CLD_EXITED && !info.si_status;
	enum state was = c->state;
	how_ended(&info, how, sizeof how);
	unwatch(c);
	if (was == READY || was == STOPPING) {
		tell(c, CLUSTER_ENDED, "%s", how);
		return;
	}
	enum err e = ERR_IO;
	if (good && was == INITDB)
		e = found(c);
	else if (good && was == FOUND && !(e = keep_new(c)))
		e = adopt_or_launch(c);
	if (e)
		fail(c, was == INITDB  ? "initdb failed"
		        : was == FOUND ? "the new cluster could not be set up"
		                       : "the server did not start");
}

/* ---- the API -----------------------------------------------------------------------------------
 */

static char **copy_list(const char *const *list)
{
	size_t n = 0;
	while (list && list[n])
		n++;
	char **copy = calloc(n + 1, sizeof *copy);
	for (size_t i = 0; copy && i < n; i++)
		copy[i] = strdup(list[i]);
	return copy;
}

static void free_list(char **list)
{
	for (char **at = list; at && *at; at++)
		free(*at);
	free(list);
}

/* RFC 3986: what is not unreserved or '/' is written as %XX. */
static void write_url(char url[URL_MAX], const char *login, const char *database, const char *run)
{
	int n = snprintf(url, URL_MAX, "postgresql://%s@/%s?host=", login, database);
	for (; *run && n + 4 < URL_MAX; run++) {
		bool plain = strchr("/-._~", *run) || (*run >= '0' && *run <= '9') ||
		             (*run >= 'A' && *run <= 'Z') || (*run >= 'a' && *run <= 'z');
		n += snprintf(url + n, (size_t)(URL_MAX - n), plain ? "%c" : "%%%02X",
		              (unsigned char)*run);
	}
}

enum err cluster_new(struct loop *l, const struct cluster_config *config, struct cluster **ret)
{
	struct cluster *c = calloc(1, sizeof *c);
	if (!c)
		return ERR_MEMORY;
	c->loop = l;
	c->pidfd = -1;
	c->on = config->on;
	c->ctx = config->ctx;
	c->scratch = config->scratch;
	c->logins = copy_list(config->logins);
	c->set = copy_list(config->set);
	enum err e = c->logins && c->set ? OK : ERR_MEMORY;
	if (!e)
		e = cluster_home_make(&c->home, config->folder, config->user, config->bin);
	if (!e)
		e = loop_timer_new(l, on_timer, c, &c->timer);
	if (e) {
		cluster_free(&c);
		return e;
	}
	write_url(c->url, "switchboard", "switchboard", c->home.run);
	write_url(c->admin_url, "postgres", "switchboard", c->home.run);
	*ret = c;
	return OK;
}

void cluster_free(struct cluster **cp)
{
	struct cluster *c = *cp;
	if (!c)
		return;
	unwatch(c);
	loop_timer_free(&c->timer);
	free_list(c->logins);
	free_list(c->set);
	free(c);
	*cp = NULL;
}

enum err cluster_start(struct cluster *c)
{
	if (c->state != IDLE)
		return ERR_BUSY;
	enum err e = cluster_home_write(&c->home, (const char *const *)c->logins,
	                                (const char *const *)c->set);
	if (e)
		return e;
	bool made = !access(cluster_home_path(&c->home, "data"), F_OK);
	e = made ? adopt_or_launch(c) : initdb(c);
	if (e)
		c->state = IDLE;
	return e;
}

enum err cluster_stop(struct cluster *c, enum cluster_stop how)
{
	if (c->state == IDLE)
		return ERR_GONE;
	if (c->state == INITDB || c->state == FOUND)
		return kill(c->pid, SIGTERM) ? ERR_GONE : OK;
	loop_timer_clear(c->timer);
	if (c->state == CLEAR)
		loop_timer_set(c->timer, 0); /* tells from the loop, not from within this call */
	c->state = STOPPING;
	return !c->pid || !kill(c->pid, how == CLUSTER_FAST ? SIGINT : SIGQUIT) ? OK : ERR_GONE;
}

pid_t cluster_pid(const struct cluster *c)
{
	return c->state >= STARTING ? c->pid : 0;
}

const char *cluster_url(const struct cluster *c)
{
	return c->url;
}

const char *cluster_folder(const struct cluster *c)
{
	return c->home.at;
}

const char *cluster_admin_url(const struct cluster *c)
{
	return c->admin_url;
}
