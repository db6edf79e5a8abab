/*
 * cgroup.h — a share of the processor for each node of a group, by the kernel's control groups.
 *
 *     v2   BASE/switchboard.PID/NAME/cpu.max              BASE: where this process is
 *     v1   BASE/switchboard.PID/NAME/cpu.cfs_quota_us     BASE: the same, below the controller cpu
 *
 * Only root, or who was given a part of the tree (systemd: Delegate=yes), may make them.
 */
#pragma once
#include "proto/err.h"
#include <stdint.h>

enum { CGROUP_PATH = 512 };

struct cgroups;

/* ERR_UNSUPPORTED: none can be made here. */
MUST enum err cgroups_new(struct cgroups **ret);
void cgroups_free(struct cgroups **c); /* removes what was made and is empty */

/* A group of this name with so many percent of one core; ret_procs: the file into which a process
 * writes "0" to be in it. The same name again alters the limit. */
MUST enum err cgroups_limit(struct cgroups *c, const char *name, uint32_t cpu_percent,
                            char ret_procs[CGROUP_PATH]);
