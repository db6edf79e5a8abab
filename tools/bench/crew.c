/*
 * crew.c — see crew.h.
 */
#include "tools/bench/crew.h"
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now_s(void)
{
	struct timespec t;
	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void become(int core, const char *log, int out, char *const argv[])
{
	cpu_set_t one;
	sigset_t none;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	CPU_ZERO(&one);
	if (core >= 0) {
		CPU_SET((size_t)core, &one);
		(void)sched_setaffinity(0, sizeof one, &one);
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
	int null = open("/dev/null", O_RDONLY);
	int err = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
	if (null < 0 || err < 0 || dup2(null, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0)
		_exit(127);
	(void)execvp(argv[0], argv);
	_exit(127);
}

bool crew_start(struct crew_member *m, int core, const char *log, char *const argv[])
{
	int ends[2];
	*m = (struct crew_member){ .out = -1 };
	if (pipe2(ends, O_CLOEXEC))
		return false;
	m->pid = fork();
	if (!m->pid)
		become(core, log, ends[1], argv);
	(void)close(ends[1]);
	m->out = ends[0];
	if (m->pid > 0)
		return true;
	m->pid = 0;
	(void)close(ends[0]);
	return false;
}

/* One line without its end; false: no more, or not in time. */
static bool read_line(struct crew_member *m, double until, char *ret, size_t cap)
{
	size_t n = 0;
	for (;;) {
		struct pollfd p = { .fd = m->out, .events = POLLIN };
		double left = until - now_s();
		char c;
		if (left <= 0 || poll(&p, 1, (int)(left * 1000) + 1) <= 0)
			return false;
		if (read(m->out, &c, 1) != 1)
			return false;
		if (c == '\n')
			break;
		if (n + 1 < cap)
			ret[n++] = c;
	}
	ret[n] = '\0';
	return true;
}

bool crew_line(struct crew_member *m, const char *word, int within_s, char *ret, size_t cap)
{
	double until = now_s() + within_s;
	while (read_line(m, until, ret, cap))
		if (!strncmp(ret, word, strlen(word)))
			return true;
	return false;
}

/* Is it over within that? Its code, -1 for a signal. */
static bool reap(struct crew_member *m, double until, int *ret_code)
{
	int status = 0;
	while (waitpid(m->pid, &status, WNOHANG) != m->pid) {
		struct timespec pause = { .tv_nsec = 10000000 };
		if (now_s() > until)
			return false;
		(void)nanosleep(&pause, NULL);
	}
	*ret_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	m->pid = 0;
	(void)close(m->out);
	return true;
}

int crew_result(struct crew_member *m, int within_s, char *ret, size_t cap)
{
	double until = now_s() + within_s;
	int code = -1;
	*ret = '\0';
	while (read_line(m, until, ret, cap))
		;
	if (!reap(m, until, &code))
		crew_end(m, 1);
	return code;
}

void crew_end(struct crew_member *m, int within_s)
{
	int code;
	if (!m->pid)
		return;
	(void)kill(m->pid, SIGTERM);
	if (!reap(m, now_s() + within_s, &code)) {
		(void)kill(m->pid, SIGKILL);
		(void)reap(m, now_s() + 5, &code);
	}
}
