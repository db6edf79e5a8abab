/*
 * cost.h — what some processes have cost: CPU time and memory, as the kernel counts them.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

enum { COST_PIDS = 32 };

struct cost {
	double cpu_s;   /* user and system time of all of them */
	uint64_t bytes; /* resident; shared pages count for each */
	uint32_t there; /* how many of them live */
};

struct cost cost_of(const pid_t *pids, uint32_t n);
