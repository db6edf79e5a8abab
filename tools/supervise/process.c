/*
 * process.c — fork, exec, pidfd.
 *
 * Between fork and exec only async-signal-safe calls are made: the supervisor has threads
 * (ZeroMQ's).
 */
#include "tools/supervise/process.h"
#include "proto/str.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE_BYTES = 256, HIGH_FD = 64, EXIT_NO_EXEC = 127 };

struct process {
	pid_t pid;
	int pidfd, leash;
	struct loop_fd *on_end, *on_leash;
	const struct process_calls *calls;
	void *ctx;
	char line[LINE_BYTES];
	uint32_t len;
};

pid_t process_pid(const struct process *p)
{
	return p->pid;
}

void process_signal(const struct process *p, int signum)
{
	(void)pidfd_send_signal(p->pidfd, signum, NULL, 0);
}

/* ---- in the child, before exec ----------------------------------------------------------- */

static void limit(int what, uint64_t to)
{
	struct rlimit r = { .rlim_cur = to, .rlim_max = to };
	if (to && setrlimit(what, &r))
		_exit(EXIT_NO_EXEC);
}

static void join_cgroup(const char *procs)
{
	int fd = procs ? open(procs, O_WRONLY | O_CLOEXEC) : -1;
	if (procs && (fd < 0 || write(fd, "0", 1) != 1))
		_exit(EXIT_NO_EXEC);
}

/* Put the descriptors at 3, 4, …: by way of high numbers, as one may stand in another's place. */
static void place_fds(int leash, const struct process_plan *plan)
{
	int high[PROCESS_FDS + 1];
	for (uint32_t i = 0; i <= plan->n_fds; i++) {
		high[i] = fcntl(i ? plan->fds[i - 1] : leash, F_DUPFD, HIGH_FD);
		if (high[i] < 0)
			_exit(EXIT_NO_EXEC);
	}
	for (uint32_t i = 0; i <= plan->n_fds; i++)
		if (dup2(high[i], PROCESS_LEASH + (int)i) < 0)
			_exit(EXIT_NO_EXEC);
	(void)close_range(PROCESS_LEASH + 1 + plan->n_fds, ~0U, 0);
}

_Noreturn static void become(int leash, const struct process_plan *plan, pid_t parent)
{
	sigset_t none;
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	(void)signal(SIGPIPE, SIG_DFL);
	(void)setpgid(0, 0);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(EXIT_NO_EXEC);
	join_cgroup(plan->limits.cgroup);
	place_fds(leash, plan);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is the supervisor's own */
	if (plan->limits.nice && setpriority(PRIO_PROCESS, 0, plan->limits.nice))
		_exit(EXIT_NO_EXEC);
	limit(RLIMIT_NOFILE, plan->limits.files);
	limit(RLIMIT_AS, plan->limits.memory_bytes);
	(void)execve(plan->program, plan->argv, plan->env);
	_exit(EXIT_NO_EXEC);
}

/* ---- in the supervisor ------------------------------------------------------------------- */

static void hear(struct process *p)
{
	char bytes[LINE_BYTES];
	ssize_t n;
	while ((n = recv(p->leash, bytes, sizeof bytes, MSG_DONTWAIT)) > 0)
		for (ssize_t i = 0; i < n; i++) {
			if (bytes[i] != '\n' && p->len < sizeof p->line)
				p->line[p->len++] = bytes[i];
			if (bytes[i] == '\n') {
				struct str line = str_n(p->line, p->len);
				p->len = 0;
				p->calls->said(p->ctx, line);
			}
		}
	if (!n)
		loop_watch_free(
			&p->on_leash); /* it closed its end; how it fares, the pidfd tells */
}

static void on_leash(void *ctx, int events)
{
	(void)events;
	hear(ctx);
}

static void say_how(const siginfo_t *info, char *buf, size_t cap)
{
	if (info->si_code == CLD_EXITED && info->si_status == EXIT_NO_EXEC)
		(void)snprintf(buf, cap, "could not be executed");
	else if (info->si_code == CLD_EXITED)
		(void)snprintf(buf, cap, "exit %d", info->si_status);
	else
		(void)snprintf(buf, cap, "killed by SIG%s", sigabbrev_np(info->si_status));
}

static void on_end(void *ctx, int events)
{
	(void)events;
	struct process *p = ctx;
	siginfo_t info = { 0 };
	char how[64];
	if (waitid(P_PIDFD, (id_t)p->pidfd, &info, WEXITED | WNOHANG) || !info.si_pid)
		return;
	if (p->on_leash)
		hear(p); /* its last words */
	p->pid = 0;
	loop_watch_free(&p->on_end);
	loop_watch_free(&p->on_leash);
	say_how(&info, how, sizeof how);
	p->calls->ended(p->ctx, how);
}

/* Everything but the process itself. */
static enum err watch(struct loop *l, struct process *p)
{
	p->pidfd = pidfd_open(p->pid, 0); /* close-on-exec by itself */
	if (p->pidfd < 0)
		return ERR_IO;
	enum err e = loop_watch(l, p->pidfd, LOOP_READ, on_end, p, &p->on_end);
	return e ? e : loop_watch(l, p->leash, LOOP_READ, on_leash, p, &p->on_leash);
}

enum err process_start(struct loop *l, const struct process_plan *plan,
                       const struct process_calls *calls, void *ctx, struct process **ret)
{
	int leash[2];
	struct process *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_MEMORY;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, leash)) {
		free(p);
		return ERR_IO;
	}
	*p = (struct process){ .pidfd = -1, .leash = leash[0], .calls = calls, .ctx = ctx };
	pid_t parent = getpid();
	p->pid = fork();
	if (!p->pid)
		become(leash[1], plan, parent);
	(void)close(leash[1]);
	enum err e = p->pid > 0 ? watch(l, p) : ERR_IO;
	if (e) {
		process_free(&p);
		return e;
	}
	*ret = p;
	return OK;
}

void process_free(struct process **p)
{
	struct process *x = *p;
	if (!x)
		return;
	loop_watch_free(&x->on_end);
	loop_watch_free(&x->on_leash);
	if (x->pid > 0) {
		(void)kill(x->pid, SIGKILL);
		(void)waitpid(x->pid, NULL, 0);
	}
	if (x->pidfd >= 0)
		(void)close(x->pidfd);
	(void)close(x->leash);
	free(x);
	*p = NULL;
}
