/*
 * filter.c — what a sandboxed child may not ask of the kernel.
 *
 * A deny list: the children are whole language runtimes (Node.js, Chromium's helpers, MuPDF), whose
 * needs change with each release; what they must never do is stable. Denied calls answer EPERM, so
 * a program that merely probes goes on.
 */
#include "actors/port/filter.h"
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

/* After the list of Docker's default profile and systemd's @privileged set, names from seccomp's
 * own table; those unknown to this architecture are passed over. */
static const char *const denied[] = {
	"acct",
	"add_key",
	"adjtimex",
	"bpf",
	"chroot",
	"clock_adjtime",
	"clock_settime",
	"create_module",
	"delete_module",
	"fanotify_init",
	"finit_module",
	"fsconfig",
	"fsmount",
	"fsopen",
	"fspick",
	"init_module",
	"io_uring_enter",
	"io_uring_register",
	"io_uring_setup",
	"ioperm",
	"iopl",
	"kcmp",
	"kexec_file_load",
	"kexec_load",
	"keyctl",
	"lookup_dcookie",
	"mbind",
	"migrate_pages",
	"mount",
	"mount_setattr",
	"move_mount",
	"move_pages",
	"name_to_handle_at",
	"nfsservctl",
	"open_by_handle_at",
	"open_tree",
	"perf_event_open",
	"pivot_root",
	"process_vm_readv",
	"process_vm_writev",
	"ptrace",
	"quotactl",
	"reboot",
	"request_key",
	"set_mempolicy",
	"setdomainname",
	"sethostname",
	"setns",
	"settimeofday",
	"swapoff",
	"swapon",
	"sysfs",
	"syslog",
	"umount",
	"umount2",
	"unshare",
	"userfaultfd",
	"vhangup",
};

static int deny_all(scmp_filter_ctx ctx)
{
	for (size_t i = 0; i < sizeof denied / sizeof *denied; i++) {
		int nr = seccomp_syscall_resolve_name(denied[i]);
		if (nr == __NR_SCMP_ERROR)
			continue;
		int rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), nr, 0);
		if (rc && rc != -EDOM)
			return rc;
	}
	return 0;
}

static int deny_network(scmp_filter_ctx ctx)
{
	return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket), 1,
	                        SCMP_A0(SCMP_CMP_NE, AF_UNIX));
}

/* libseccomp writes a filter only to a descriptor: take it back from memory. */
static enum err exported(scmp_filter_ctx ctx, struct sock_fprog *ret)
{
	int fd = memfd_create("filter", MFD_CLOEXEC);
	if (fd < 0)
		return ERR_IO;
	enum err e = ERR_IO;
	off_t size = seccomp_export_bpf(ctx, fd) ? -1 : lseek(fd, 0, SEEK_END);
	struct sock_filter *code = size > 0 ? malloc((size_t)size) : NULL;
	if (code && pread(fd, code, (size_t)size, 0) == size) {
		*ret = (struct sock_fprog){ .len = (unsigned short)((size_t)size / sizeof *code),
			                    .filter = code };
		code = NULL;
		e = OK;
	}
	free(code);
	close(fd);
	return e;
}

enum err filter_new(bool network, struct sock_fprog *ret)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return ERR_MEMORY;
	enum err e = ERR_UNSUPPORTED;
	if (!deny_all(ctx) && (network || !deny_network(ctx)))
		e = exported(ctx, ret);
	seccomp_release(ctx);
	return e;
}

void filter_free(struct sock_fprog *f)
{
	free(f->filter);
	f->filter = NULL;
}
