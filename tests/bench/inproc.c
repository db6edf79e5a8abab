/*
 * inproc.c — the benchmark within one node as a program of its own:
 *
 *     build/tests/bench/bench_inproc [--json] [--rounds N] [--ms N] [--only TEXT]
 *
 */
#include "tools/bench/inproc.h"
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct bench_how how = { .rounds = 5, .round_ms = 200 };
	struct bench_row rows[BENCH_ROWS];
	bool json = false;
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--json"))
			json = true;
		else if (!strcmp(argv[i], "--rounds") && i + 1 < argc)
			how.rounds = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--ms") && i + 1 < argc)
			how.round_ms = (uint32_t)strtoul(argv[++i], NULL, 10);
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			how.only = argv[++i];
		else
			return fprintf(stderr, "usage: see the head of tests/bench/inproc.c\n"), 2;
	}
	if (!how.rounds)
		how.rounds = 1;
	uint32_t n = bench_inproc(&how, rows, NULL);
	if (json)
		bench_json(stdout, rows, n);
	else
		bench_table(stdout, rows, n);
	return 0;
}
