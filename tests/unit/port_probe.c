/*
 * port_probe.c — a child that tries what it must not, and tells on its socket what came of it: one
 * line `name errno` for each try.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

static void tell(const char *name, long result)
{
	(void)dprintf(3, "%s %d\n", name, result < 0 ? errno : 0);
}

static void try_files(const char *writable)
{
	char path[256];
	tell("read-shadow", open("/etc/shadow", O_RDONLY));
	tell("read-passwd", open("/etc/passwd", O_RDONLY));
	tell("read-proc", open("/proc/1/environ", O_RDONLY));
	tell("write-tmp", open("/tmp/port-probe-was-here", O_WRONLY | O_CREAT, 0600));
	(void)snprintf(path, sizeof path, "%s/allowed", writable);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	tell("write-granted", fd);
	char block[8192] = { 0 };
	ssize_t first = write(fd, block, sizeof block);
	tell("file-small", first);
	tell("file-large", write(fd, block, sizeof block));
}

static void try_kernel(void)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(9) };
	inet_pton(AF_INET, "127.0.0.1", &to.sin_addr);
	int s = socket(AF_INET, SOCK_STREAM, 0);
	tell("network", s < 0 ? s : connect(s, (struct sockaddr *)&to, sizeof to));
	tell("packet", socket(AF_PACKET, SOCK_RAW, 0));
	tell("unix", socket(AF_UNIX, SOCK_STREAM, 0));
	tell("ptrace", ptrace(PTRACE_ATTACH, getppid(), NULL, NULL));
	tell("mount", mount("none", "/mnt", "tmpfs", 0, NULL));
	/* These the filter alone refuses: the kernel would allow the first two, and complain of the
	 * pointer of the third before it asks who may. */
	tell("filter-traceme", ptrace(PTRACE_TRACEME, 0, NULL, NULL));
	tell("filter-unshare", unshare(0));
	tell("filter-mount", syscall(SYS_mount, 1L, 1L, 1L, 0L, 1L));
	tell("setuid", setuid(0));
	tell("kill-parent", kill(getppid(), 0));
}

int main(int argc, char **argv)
{
	(void)signal(SIGXFSZ, SIG_IGN);
	struct rlimit nofile;
	getrlimit(RLIMIT_NOFILE, &nofile);
	tell("uid-root", getuid() == 0 ? 0 : (errno = EPERM, -1));
	tell("stray-descriptor", fcntl(20, F_GETFD));
	try_files(argc > 1 ? argv[1] : "/");
	try_kernel();
	void *big = mmap(NULL, 1UL << 30, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	tell("memory", big == MAP_FAILED ? -1 : 0);
	(void)dprintf(3, "files %d\n", (int)nofile.rlim_cur);
	(void)printf("said on stdout\n");
	(void)fflush(stdout);
	if (getenv("STAY"))
		pause();
	return 7;
}
