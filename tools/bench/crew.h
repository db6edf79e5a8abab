/*
 * crew.h — programs that a benchmark starts: each on a core of its own choice, heard on its stdout,
 * ended by its pid; by the kernel when we end.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct crew_member {
	pid_t pid; /* 0: none */
	int out;   /* its stdout */
};

/* core -1: any. argv ends with NULL; stderr goes to `log`, a file that is added to. */
bool crew_start(struct crew_member *m, int core, const char *log, char *const argv[]);
/* Up to the line that begins with `word`, which is kept; false: it ended, or was silent so long. */
bool crew_line(struct crew_member *m, const char *word, int within_s, char *ret, size_t cap);
/* Its last line; its exit code, -1 when it did not end in time. */
int crew_result(struct crew_member *m, int within_s, char *ret, size_t cap);
void crew_end(struct crew_member *m, int within_s); /* SIGTERM, then SIGKILL */
