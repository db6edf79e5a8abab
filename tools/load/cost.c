/*
 * cost.c — see cost.h; /proc/PID/stat (proc(5)).
 */
#include "tools/load/cost.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct cost cost_of(const pid_t *pids, uint32_t n)
{
	struct cost sum = { 0 };
	for (uint32_t i = 0; i < n; i++) {
		char path[32], text[1024];
		uint64_t user = 0, system = 0;
		int64_t pages = 0;
		(void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pids[i]);
		FILE *f = fopen(path, "re");
		if (!f)
			continue;
		size_t len = fread(text, 1, sizeof text - 1, f);
		(void)fclose(f);
		text[len] = '\0';
		const char *after = strrchr(text, ')'); /* the name may hold anything */
		/* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers that fit */
		if (!after || sscanf(after + 2,
		                     "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNu64
		                     " %" SCNu64 " %*d %*d %*d %*d %*d %*d %*u %*u %" SCNd64,
		                     &user, &system, &pages) != 3)
			continue;
		sum.cpu_s += (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
		sum.bytes += (uint64_t)pages * (uint64_t)sysconf(_SC_PAGESIZE);
		sum.there++;
	}
	return sum;
}
