/*
 * child.h — start a program in a sandbox, with one socket to us and nothing else.
 *
 *     owner ── fd ◀────── unix stream ──────▶ fd 3 ── program        (PORT_FD=3 in its environment)
 *     owner ── log_fd ◀── pipe ─────────────── 1, 2
 *                         /dev/null ─────────▶ 0
 *
 * The program gets: no privilege (another uid when we are root, no_new_privs, no capability), no
 * network unless granted (own network namespace when we may make one, and in any case no socket but
 * AF_UNIX), no file but what is named (Landlock), limits on memory, CPU, descriptors, processes and
 * file size, and a system-call filter that leaves out what no program of ours needs (ptrace, mount,
 * modules, keyrings, bpf, …). It dies with us (PDEATHSIG).
 *
 * A layer that the kernel does not offer is an error, not a silent gap, unless `weak` names it.
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>
#include <sys/types.h>

enum child_layer {
	CHILD_UID = 1,      /* only when started as root */
	CHILD_NETNS = 2,    /* only when started as root and no network was granted */
	CHILD_LANDLOCK = 4, /* Linux 5.13 */
	CHILD_SECCOMP = 8,
};

struct child_spec {
	const char *const *argv; /* argv[0] is looked up in PATH; ends with NULL */
	const char *const *env;  /* whole environment beside PATH and PORT_FD; NULL-ended or NULL */
	const char *const *read; /* files and folders it may read and execute, NULL-ended */
	const char *const *write; /* folders it may also write; NULL for none */
	const char *folder;       /* where it starts; NULL: "/" */
	uint64_t memory_bytes;    /* address space (RLIMIT_AS); 0: no limit */
	uint64_t data_bytes; /* RLIMIT_DATA: for programs that reserve far more than they use */
	uint32_t cpu_s, files, processes; /* 0: 1 hour, 64, 64 */
	uint32_t uid; /* when we are root; 0: nobody's. RLIMIT_NPROC counts per uid: give each its
	                 own */
	uint64_t file_bytes; /* largest file it may write; 0: none at all */
	bool network;
	uint32_t weak; /* enum child_layer that may be absent */
};

struct child {
	pid_t pid;
	int pidfd;       /* readable when it has ended */
	int fd;          /* our end of its socket, non-blocking */
	int log_fd;      /* what it prints, non-blocking */
	uint32_t layers; /* enum child_layer in force */
};

/* ERR_NOT_FOUND: no such program; ERR_UNSUPPORTED: a layer is missing (ret_why says which);
 * ERR_IO: fork, exec or a limit failed. why: at least 128 bytes. The caller closes the descriptors.
 */
MUST enum err child_start(const struct child_spec *spec, struct child *ret, char *ret_why);

/* Kill it and all it started (its process group), reap it, close the descriptors. Any state is
 * fine; ret_status, if not NULL, is that of waitpid. */
void child_end(struct child *c, int *ret_status);
