/*
 * port_child.c — the walls of a port's child hold: each thing it must not do is tried from inside.
 */
#include "actors/port/child.h"
#include <setjmp.h>
#include <stdarg.h>
/* cmocka wants those first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *probe; /* path of the port_probe program */
static char folder[] = "/tmp/port-child-XXXXXX";

static struct child_spec spec_of(const char *const *argv)
{
	static const char *read_paths[4];
	static const char *const write_paths[] = { folder, NULL };
	read_paths[0] = "/usr";
	read_paths[1] = "/lib";
	read_paths[2] = probe;
	return (struct child_spec){ .argv = argv,
		                    .read = read_paths,
		                    .write = write_paths,
		                    .memory_bytes = 512UL << 20,
		                    .files = 32,
		                    .file_bytes = 8192,
		                    .cpu_s = 5,
		                    .uid = 61999 };
}

/* All that comes on fd until it ends. */
static void read_all(int fd, char *at, size_t cap)
{
	size_t n = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	while (n + 1 < cap && poll(&p, 1, 10000) == 1) {
		ssize_t got = read(fd, at + n, cap - 1 - n);
		if (got <= 0 && !(got < 0 && errno == EAGAIN))
			break;
		n += got > 0 ? (size_t)got : 0;
	}
	at[n] = '\0';
}

static int told(const char *report, const char *name)
{
	char key[64];
	(void)snprintf(key, sizeof key, "%s ", name);
	for (const char *line = report; line && *line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, strlen(key)))
			return (int)strtol(line + strlen(key), NULL, 10);
	}
	fail_msg("the probe did not tell about %s:\n%s", name, report);
	return -1;
}

static void walls_hold(void **state)
{
	(void)state;
	const char *argv[] = { probe, folder, NULL };
	struct child_spec spec = spec_of(argv);
	struct child c;
	char why[128], report[4096], printed[256];
	assert_true(dup2(2, 20) == 20); /* must not be seen inside */
	assert_int_equal(child_start(&spec, &c, why), OK);
	close(20);
	read_all(c.fd, report, sizeof report);
	read_all(c.log_fd, printed, sizeof printed);

	static const char *const refused[] = { "read-shadow",      "read-passwd", "read-proc",
		                               "write-tmp",        "network",     "packet",
		                               "ptrace",           "mount",       "memory",
		                               "stray-descriptor", "file-large" };
	static const char *const allowed[] = { "write-granted", "file-small", "unix" };
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
		if (!told(report, refused[i]))
			fail_msg("%s was possible", refused[i]);
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (told(report, allowed[i]))
			fail_msg("%s was refused: %d", allowed[i], told(report, allowed[i]));
	static const char *const filtered[] = { "filter-traceme", "filter-unshare",
		                                "filter-mount" };
	for (size_t i = 0; i < sizeof filtered / sizeof *filtered; i++)
		assert_int_equal(told(report, filtered[i]), EPERM);
	assert_int_equal(told(report, "files"), 32);
	if (geteuid() == 0) {
		assert_int_not_equal(told(report, "uid-root"), 0);
		assert_int_not_equal(told(report, "setuid"), 0);
		assert_int_not_equal(told(report, "kill-parent"), 0);
		assert_true(c.layers & CHILD_UID && c.layers & CHILD_NETNS);
	}
	assert_true(c.layers & CHILD_LANDLOCK && c.layers & CHILD_SECCOMP);
	assert_string_equal(printed, "said on stdout\n");

	struct pollfd ended = { .fd = c.pidfd, .events = POLLIN };
	assert_int_equal(poll(&ended, 1, 10000), 1);
	int status;
	child_end(&c, &status);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
	assert_int_equal(c.fd, -1);
}

static void a_living_child_is_ended(void **state)
{
	(void)state;
	const char *argv[] = { probe, folder, NULL };
	static const char *const env[] = { "STAY=1", NULL };
	struct child_spec spec = spec_of(argv);
	spec.env = env;
	struct child c;
	char why[128], line[64];
	assert_int_equal(child_start(&spec, &c, why), OK);
	struct pollfd p = { .fd = c.log_fd, .events = POLLIN };
	assert_int_equal(poll(&p, 1, 10000), 1); /* it has come as far as pause() */
	assert_true(read(c.log_fd, line, sizeof line) > 0);
	int status;
	child_end(&c, &status);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	child_end(&c, NULL); /* nothing is left to end */
}

static void what_cannot_start_says_why(void **state)
{
	(void)state;
	const char *argv[] = { "/nowhere/at-all", NULL };
	struct child_spec spec = spec_of(argv);
	struct child c;
	char why[128];
	assert_int_equal(child_start(&spec, &c, why), ERR_NOT_FOUND);
	assert_non_null(strstr(why, "exec"));
	static const char *const nothing[] = { NULL };
	const char *outside[] = { probe, folder, NULL };
	spec = spec_of(outside);
	spec.read = nothing; /* not even its own program */
	assert_int_equal(child_start(&spec, &c, why), ERR_NOT_FOUND);
}

/* The tree may lie where another uid may not look: the probe is run from a place open to all. */
static bool install(const char *from, const char *to)
{
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755);
	ssize_t n = 1;
	while (in >= 0 && out >= 0 && n > 0)
		n = copy_file_range(in, NULL, out, NULL, 1 << 20, 0);
	return !close(in) && !close(out) && !n && !chmod(to, 0755);
}

int main(int argc, char **argv)
{
	static char path[64];
	if (argc != 2 || !mkdtemp(folder) || chmod(folder, 0777))
		return 1;
	(void)snprintf(path, sizeof path, "%s/probe", folder);
	probe = path;
	if (!install(argv[1], probe))
		return 1;
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(walls_hold),
		cmocka_unit_test(a_living_child_is_ended),
		cmocka_unit_test(what_cannot_start_says_why),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	(void)unlink(probe);
	(void)snprintf(path, sizeof path, "%s/allowed", folder);
	(void)unlink(path);
	rmdir(folder);
	return failed;
}
