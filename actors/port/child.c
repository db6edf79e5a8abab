/*
 * child.c — fork, put the walls up from outside in, exec.
 *
 * Between fork and exec only system calls are made: other threads of ours (ZeroMQ's) may have held
 * any lock at the moment of the fork. A step that fails is told through a pipe that exec closes.
 */
#include "actors/port/child.h"
#include "actors/port/filter.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT_FD = 3, NOBODY = 65534, ENV_MOST = 64 };

enum step { STEP_FDS, STEP_LIMITS, STEP_NETNS, STEP_LANDLOCK, STEP_UID, STEP_SECCOMP, STEP_EXEC };
static const char *const step_names[] = { "descriptors", "limits",  "network namespace",
	                                  "landlock",    "user id", "seccomp",
	                                  "exec" };

struct failure {
	int step, error;
};

/* All that the child needs, made before the fork. */
struct plan {
	const struct child_spec *spec;
	struct sock_fprog filter;
	const char *env[ENV_MOST + 3];
	char path[256];
	int sock, log, report;
	pid_t parent;
};

static _Noreturn void fail(const struct plan *p, enum step step)
{
	struct failure f = { (int)step, errno };
	if (write(p->report, &f, sizeof f) < 0) {
		/* nobody is left to tell */
	}
	_exit(127);
}

static void wire(const struct plan *p)
{
	int null = open("/dev/null", O_RDONLY);
	/* The report pipe must not be in the way of 0..3: its number is kept above by the parent.
	 */
	if (null < 0 || dup2(null, 0) < 0 || dup2(p->log, 1) < 0 || dup2(p->log, 2) < 0 ||
	    dup2(p->sock, PORT_FD) < 0)
		fail(p, STEP_FDS);
	if (fcntl(PORT_FD, F_SETFD, 0) < 0 || fcntl(p->report, F_SETFD, FD_CLOEXEC) < 0)
		fail(p, STEP_FDS);
	unsigned report = (unsigned)p->report;
	if (syscall(SYS_close_range, PORT_FD + 1, report - 1, 0) < 0 ||
	    syscall(SYS_close_range, report + 1, ~0U, 0) < 0)
		fail(p, STEP_FDS);
	if (chdir(p->spec->folder ? p->spec->folder : "/") < 0)
		fail(p, STEP_FDS);
	umask(077);
}

static void limit(const struct plan *p, int what, uint64_t value)
{
	struct rlimit l = { value, value };
	if (setrlimit((__rlimit_resource_t)what, &l) < 0)
		fail(p, STEP_LIMITS);
}

static void limit_all(const struct plan *p)
{
	const struct child_spec *s = p->spec;
	if (s->memory_bytes)
		limit(p, RLIMIT_AS, s->memory_bytes);
	if (s->data_bytes)
		limit(p, RLIMIT_DATA, s->data_bytes);
	limit(p, RLIMIT_CPU, s->cpu_s ? s->cpu_s : 3600);
	limit(p, RLIMIT_NOFILE, s->files ? s->files : 64);
	limit(p, RLIMIT_NPROC, s->processes ? s->processes : 64);
	limit(p, RLIMIT_FSIZE, s->file_bytes);
	limit(p, RLIMIT_CORE, 0);
}

static bool allow(int rules, const char *path, uint64_t access)
{
	struct landlock_path_beneath_attr at = { .allowed_access = access };
	at.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (at.parent_fd < 0)
		return errno == ENOENT;
	long rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &at, 0);
	if (rc < 0 && errno == EINVAL) { /* a file: the rights of folders do not apply */
		at.allowed_access &= LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE |
		                     LANDLOCK_ACCESS_FS_WRITE_FILE;
		rc = syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &at, 0);
	}
	close(at.parent_fd);
	return rc == 0;
}

static void fence_files(const struct plan *p)
{
	enum {
		READ = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE |
		       LANDLOCK_ACCESS_FS_READ_DIR,
		ALL = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1, /* the rights of its first version */
	};
	struct landlock_ruleset_attr attr = { .handled_access_fs = ALL };
	int rules = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	bool ok = rules >= 0;
	for (const char *const *f = p->spec->read; ok && f && *f; f++)
		ok = allow(rules, *f, READ);
	for (const char *const *f = p->spec->write; ok && f && *f; f++)
		ok = allow(rules, *f, ALL);
	ok = ok &&
	     allow(rules, "/dev/null",
	           LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE) &&
	     allow(rules, "/dev/urandom", LANDLOCK_ACCESS_FS_READ_FILE);
	if ((!ok || syscall(SYS_landlock_restrict_self, rules, 0) < 0) &&
	    !(p->spec->weak & CHILD_LANDLOCK))
		fail(p, STEP_LANDLOCK);
	if (rules >= 0)
		close(rules);
}

static void drop_user(const struct plan *p)
{
	if (geteuid() != 0)
		return;
	/* Raw calls: the library's would signal threads that this process does not have. */
	uid_t uid = p->spec->uid ? p->spec->uid : NOBODY;
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setresgid, uid, uid, uid) < 0 ||
	    syscall(SYS_setresuid, uid, uid, uid) < 0)
		fail(p, STEP_UID);
}

static _Noreturn void become(const struct plan *p)
{
	const struct child_spec *s = p->spec;
	setpgid(0, 0);
	wire(p);
	if (!s->network && geteuid() == 0 && unshare(CLONE_NEWNET) < 0 && !(s->weak & CHILD_NETNS))
		fail(p, STEP_NETNS);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail(p, STEP_SECCOMP);
	fence_files(p);
	drop_user(p);
	limit_all(p);
	/* After the change of user, which clears it; and the parent may have gone meanwhile. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != p->parent)
		_exit(127);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p->filter, 0, 0) < 0 &&
	    !(s->weak & CHILD_SECCOMP))
		fail(p, STEP_SECCOMP);
	execvpe(s->argv[0], (char *const *)(uintptr_t)s->argv, (char *const *)(uintptr_t)p->env);
	fail(p, STEP_EXEC);
}

static enum err told(const struct failure *f, char *why)
{
	(void)snprintf(why, 128, "%s: %s", step_names[f->step], strerror(f->error));
	if (f->step == STEP_EXEC && (f->error == ENOENT || f->error == EACCES))
		return ERR_NOT_FOUND;
	return f->step == STEP_LANDLOCK || f->step == STEP_SECCOMP || f->step == STEP_NETNS
	               ? ERR_UNSUPPORTED
	               : ERR_IO;
}

static void prepare_env(struct plan *p)
{
	uint32_t n = 0;
	const char *path = getenv("PATH");
	(void)snprintf(p->path, sizeof p->path, "PATH=%s", path ? path : "/usr/bin:/bin");
	p->env[n++] = p->path;
	p->env[n++] = "PORT_FD=3";
	for (const char *const *e = p->spec->env; e && *e && n < ENV_MOST; e++)
		p->env[n++] = *e;
	p->env[n] = NULL;
}

static uint32_t layers_of(const struct child_spec *s)
{
	uint32_t l = CHILD_LANDLOCK | CHILD_SECCOMP;
	if (geteuid() == 0)
		l |= CHILD_UID | (s->network ? 0 : CHILD_NETNS);
	return l & ~s->weak;
}

/* Descriptors of one start, -1 where there is none. */
struct ends {
	int sock[2], log[2], report[2];
};

static void close_all(struct ends *e)
{
	int *all = e->sock;
	for (size_t i = 0; i < sizeof *e / sizeof *all; i++)
		if (all[i] >= 0)
			close(all[i]);
}

static bool open_all(struct ends *e)
{
	int high[2];
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->sock) < 0 ||
	    pipe2(e->log, O_CLOEXEC) < 0 || pipe2(high, O_CLOEXEC) < 0)
		return false;
	e->report[0] = high[0];
	e->report[1] = fcntl(high[1], F_DUPFD_CLOEXEC, 64); /* clear of the child's 0..3 */
	close(high[1]);
	return e->report[1] >= 0 && fcntl(e->sock[0], F_SETFL, O_NONBLOCK) == 0 &&
	       fcntl(e->log[0], F_SETFL, O_NONBLOCK) == 0;
}

static enum err start(struct plan *p, struct ends *e, struct child *ret, char *why)
{
	p->sock = e->sock[1];
	p->log = e->log[1];
	p->report = e->report[1];
	p->parent = getpid();
	pid_t pid = fork();
	if (pid < 0)
		return ERR_IO;
	if (pid == 0)
		become(p);
	close(e->report[1]);
	e->report[1] = -1;
	struct failure f;
	ssize_t got;
	do
		got = read(e->report[0], &f, sizeof f); /* ends with the exec */
	while (got < 0 && errno == EINTR);
	struct child c = { .pid = pid, .pidfd = -1, .fd = -1, .log_fd = -1 };
	if (got == sizeof f) {
		child_end(&c, NULL);
		return told(&f, why);
	}
	c.pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (c.pidfd < 0) {
		child_end(&c, NULL);
		return ERR_IO;
	}
	c.fd = e->sock[0];
	c.log_fd = e->log[0];
	c.layers = layers_of(p->spec);
	e->sock[0] = e->log[0] = -1;
	*ret = c;
	return OK;
}

enum err child_start(const struct child_spec *spec, struct child *ret, char *ret_why)
{
	struct plan p = { .spec = spec };
	struct ends e = { { -1, -1 }, { -1, -1 }, { -1, -1 } };
	ret_why[0] = '\0';
	prepare_env(&p);
	enum err err = filter_new(spec->network, &p.filter);
	if (err) {
		(void)snprintf(ret_why, 128, "seccomp: the filter cannot be built");
		return err;
	}
	err = open_all(&e) ? start(&p, &e, ret, ret_why) : ERR_IO;
	if (err && !ret_why[0])
		(void)snprintf(ret_why, 128, "%s", strerror(errno));
	close_all(&e);
	filter_free(&p.filter);
	return err;
}

void child_end(struct child *c, int *ret_status)
{
	int status = 0;
	if (c->pid > 0) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL); /* it may not have made its group yet */
		while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	int fds[] = { c->pidfd, c->fd, c->log_fd };
	for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*c = (struct child){ .pidfd = -1, .fd = -1, .log_fd = -1 };
	if (ret_status)
		*ret_status = status;
}
