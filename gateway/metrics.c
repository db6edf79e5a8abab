/*
 * metrics.c — metrics.h.
 */
#include "gateway/metrics.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { CODES = 40, BOUNDS = 13 };

/* Upper bounds of the histogram, us; Prometheus' own default buckets. */
static const uint32_t bounds_us[BOUNDS] = { 1000,    2500,    5000,    10000,  25000,
	                                    50000,   100000,  250000,  500000, 1000000,
	                                    2500000, 5000000, 10000000 };

struct series {
	struct {
		uint16_t status;
		uint64_t n;
	} codes[CODES];
	uint64_t buckets[BOUNDS + 1], sum_us;
};

struct metrics {
	struct series *routes; /* one more than there are: the last for requests that fit none */
};

enum err metrics_new(struct metrics **ret)
{
	struct metrics *m = calloc(1, sizeof *m);
	if (m)
		m->routes = calloc(routes_n + 1, sizeof *m->routes);
	if (!m || !m->routes) {
		metrics_free(&m);
		return ERR_MEMORY;
	}
	*ret = m;
	return OK;
}

void metrics_free(struct metrics **m)
{
	if (*m)
		free((*m)->routes);
	free(*m);
	*m = NULL;
}

void metrics_count(struct metrics *m, const struct route *route, int status, uint64_t took_us)
{
	struct series *s = &m->routes[route ? (uint32_t)(route - routes) : routes_n];
	unsigned i = 0;
	while (i < CODES - 1 && s->codes[i].status && s->codes[i].status != status)
		i++;
	s->codes[i].status = (uint16_t)status;
	s->codes[i].n++;
	s->sum_us += took_us;
	for (i = 0; i < BOUNDS && took_us > bounds_us[i];)
		i++;
	s->buckets[i]++;
}

void metrics_family(struct buf *b, const char *name, const char *type, const char *help)
{
	buf_printf(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void write_counts(const struct metrics *m, struct buf *b)
{
	metrics_family(b, "http_requests_total", "counter",
	               "Requests answered; code 499: the client left first.");
	for (uint32_t r = 0; r <= routes_n; r++)
		for (unsigned i = 0; i < CODES && m->routes[r].codes[i].status; i++)
			buf_printf(b,
			           "http_requests_total{route=\"%s\",method=\"%s\",code=\"%u\"} "
			           "%llu\n",
			           r < routes_n ? routes[r].path : "none",
			           r < routes_n ? routes[r].method_name : "none",
			           m->routes[r].codes[i].status,
			           (unsigned long long)m->routes[r].codes[i].n);
}

static void write_histogram(const char *route, const char *method, const struct series *s,
                            struct buf *b)
{
	uint64_t n = 0;
	for (unsigned i = 0; i <= BOUNDS; i++) {
		n += s->buckets[i];
		buf_printf(b,
		           "http_request_duration_seconds_bucket{route=\"%s\",method=\"%s\",le=\"",
		           route, method);
		if (i < BOUNDS)
			buf_printf(b, "%g\"} %llu\n", bounds_us[i] / 1e6, (unsigned long long)n);
		else
			buf_printf(b, "+Inf\"} %llu\n", (unsigned long long)n);
	}
	buf_printf(b,
	           "http_request_duration_seconds_sum{route=\"%s\",method=\"%s\"} %.6f\n"
	           "http_request_duration_seconds_count{route=\"%s\",method=\"%s\"} %llu\n",
	           route, method, (double)s->sum_us / 1e6, route, method, (unsigned long long)n);
}

void metrics_write(const struct metrics *m, struct buf *b)
{
	write_counts(m, b);
	metrics_family(b, "http_request_duration_seconds", "histogram",
	               "From a request's first byte to its answer.");
	for (uint32_t r = 0; r < routes_n; r++)
		write_histogram(routes[r].path, routes[r].method_name, &m->routes[r], b);
}

/* ---- this process ------------------------------------------------------------------------------
 */

static unsigned open_files(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");
	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n > 3 ? n - 3 : 0; /* ".", ".." and the directory itself */
}

/* Start time in clock ticks since boot, virtual size in bytes, resident size in pages: proc(5),
 * fields 22 to 24 of stat. */
static void sizes(unsigned long long ret[3])
{
	char line[1024];
	FILE *f = fopen("/proc/self/stat", "re");
	memset(ret, 0, 3 * sizeof *ret);
	char *at =
		f && fgets(line, sizeof line, f) ? strrchr(line, ')') : NULL; /* behind the name */
	for (unsigned field = 3; at && field <= 24; field++) {
		at = strchr(at + 1, ' ');
		if (at && field >= 22)
			ret[field - 22] = strtoull(at + 1, NULL, 10);
	}
	if (f)
		(void)fclose(f);
}

static double boot_s(void)
{
	struct timespec wall, boot;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (double)(wall.tv_sec - boot.tv_sec) + (double)(wall.tv_nsec - boot.tv_nsec) / 1e9;
}

void metrics_write_process(struct buf *b)
{
	struct timespec cpu;
	struct rlimit files = { 0 };
	unsigned long long size[3]; /* start, bytes, pages */
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	getrlimit(RLIMIT_NOFILE, &files);
	sizes(size);
	metrics_family(b, "process_cpu_seconds_total", "counter", "CPU time used.");
	buf_printf(b, "process_cpu_seconds_total %.6f\n",
	           (double)cpu.tv_sec + (double)cpu.tv_nsec / 1e9);
	metrics_family(b, "process_resident_memory_bytes", "gauge", "Memory in use.");
	buf_printf(b, "process_resident_memory_bytes %llu\n",
	           size[2] * (unsigned long long)sysconf(_SC_PAGESIZE));
	metrics_family(b, "process_virtual_memory_bytes", "gauge", "Address space.");
	buf_printf(b, "process_virtual_memory_bytes %llu\n", size[1]);
	metrics_family(b, "process_open_fds", "gauge", "Open descriptors.");
	buf_printf(b, "process_open_fds %u\n", open_files());
	metrics_family(b, "process_max_fds", "gauge", "Most descriptors it may open.");
	buf_printf(b, "process_max_fds %llu\n", (unsigned long long)files.rlim_cur);
	metrics_family(b, "process_start_time_seconds", "gauge",
	               "When it started, since the epoch.");
	buf_printf(b, "process_start_time_seconds %.2f\n",
	           boot_s() + (double)size[0] / (double)sysconf(_SC_CLK_TCK));
}
