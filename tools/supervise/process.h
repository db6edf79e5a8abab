/*
 * process.h — one child process of the supervisor: started, heard, ended.
 *
 *     supervisor ══ leash (fd 3, a socket pair) ══ child      "ready\n" ──▶ said()
 *         │                                          │
 *         └── pidfd: its end, without SIGCHLD        └── fds 4, 5, … as handed over
 *
 * A child never outlives the supervisor: the kernel kills it when the supervisor dies
 * (PR_SET_PDEATHSIG), and the leash ends. It has a process group of its own, so that Ctrl-C reaches
 * the supervisor alone, which then ends everything in order.
 */
#pragma once
#include "bus/loop.h"
#include "proto/str.h"
#include <sys/types.h>

enum { PROCESS_LEASH = 3, PROCESS_FDS = 8 };

struct process_limits {
	uint64_t memory_bytes; /* address space; 0: none */
	uint64_t files;        /* 0: as it is */
	int nice;
	const char *cgroup; /* its cgroup.procs; NULL: the supervisor's own */
};

struct process_plan {
	const char *program; /* path */
	char *const *argv, *const *env;
	const int *fds; /* become 4, 5, … in the child */
	uint32_t n_fds; /* PROCESS_FDS at the most */
	struct process_limits limits;
};

struct process_calls {
	void (*said)(void *ctx, struct str line);  /* on the leash, without its newline */
	void (*ended)(void *ctx, const char *how); /* last call: "exit 1", "killed by SIGKILL" */
};

struct process;

/* ERR_MEMORY, ERR_IO: there is no process and no call follows. */
MUST enum err process_start(struct loop *l, const struct process_plan *plan,
                            const struct process_calls *calls, void *ctx, struct process **ret);
/* Frees what is left of it; one that still lives is killed, and waited for. NULLs *p. Safe within
 * ended(), not within said(). */
void process_free(struct process **p);

pid_t process_pid(const struct process *p);
void process_signal(const struct process *p, int signum);
