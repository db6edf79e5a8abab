/*
 * main.c — sqlc NAME OUT.c OUT_TAKES.c FILE.sql …: statement files and schema files (NNNN_name.sql)
 * in any order. A .sql file beside one of them that is not given is an error: a forgotten line in
 * meson.build would otherwise be a statement that nobody answers.
 */
#include "persistence/sqlc/sqlc.h"
#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static const char *base(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static bool given(const char *dir, size_t dir_len, const char *name, char **paths, int n)
{
	for (int i = 0; i < n; i++)
		if ((size_t)(base(paths[i]) - paths[i]) == dir_len &&
		    !strncmp(paths[i], dir, dir_len) && !strcmp(base(paths[i]), name))
			return true;
	return false;
}

/* Everything that lies beside this file is given too. */
static bool all_given(const char *path, char **paths, int n)
{
	char dir[4096];
	size_t len = (size_t)(base(path) - path);
	if (snprintf(dir, sizeof dir, "%.*s", (int)len, len ? path : "./") >= (int)sizeof dir)
		return false;
	DIR *d = opendir(len ? dir : ".");
	bool good = d;
	for (struct dirent *e; d && (e = readdir(d));) {
		size_t end = strlen(e->d_name);
		if (end < 4 || strcmp(e->d_name + end - 4, ".sql"))
			continue;
		if (!given(path, len, e->d_name, paths, n)) {
			fprintf(stderr, "%s%s:1: is not in meson.build\n", dir, e->d_name);
			good = false;
		}
	}
	if (d)
		closedir(d);
	return good;
}

static int by_number(const void *a, const void *b)
{
	const struct sqlc_statement *x = a, *y = b;
	return (x->s.request->number > y->s.request->number) -
	       (x->s.request->number < y->s.request->number);
}

static int by_schema(const void *a, const void *b)
{
	const struct sqlc_schema *x = a, *y = b;
	return (x->m.number > y->m.number) - (x->m.number < y->m.number);
}

static bool numbers_rise(const struct sqlc_schema *schemas, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (schemas[i].m.number != i + 1) {
			fprintf(stderr, "%s:1: its number should be %04zu\n", schemas[i].path,
			        i + 1);
			return false;
		}
	return true;
}

static bool write_out(const char *path, const char *name, const struct sqlc_statement *statements,
                      size_t n, const struct sqlc_schema *schemas, size_t n_schemas, bool takes)
{
	FILE *out = fopen(path, "w");
	if (!out) {
		perror(path);
		return false;
	}
	if (takes)
		sqlc_emit_takes(out, name, statements, n);
	else
		sqlc_emit(out, name, statements, n, schemas, n_schemas);
	return !fclose(out);
}

int main(int argc, char **argv)
{
	if (argc < 5) {
		fprintf(stderr, "usage: sqlc NAME OUT.c OUT_TAKES.c FILE.sql ...\n");
		return 2;
	}
	char **paths = argv + 4;
	int n_paths = argc - 4;
	size_t n = 0, n_schemas = 0;
	/* both live until the process ends, where a leak check can still see them */
	static struct sqlc_statement *statements;
	static struct sqlc_schema *schemas;
	statements = calloc((size_t)n_paths, sizeof *statements);
	schemas = calloc((size_t)n_paths, sizeof *schemas);
	bool good = statements && schemas;
	for (int i = 0; statements && schemas && i < n_paths; i++) {
		bool schema = isdigit((unsigned char)*base(paths[i]));
		if (i == 0 || strncmp(paths[i - 1], paths[i], (size_t)(base(paths[i]) - paths[i])))
			good &= all_given(paths[i], paths, n_paths);
		if (schema ? sqlc_read_schema(paths[i], &schemas[n_schemas])
		           : sqlc_read_statement(paths[i], &statements[n]))
			schema ? n_schemas++ : n++;
		else
			good = false; /* go on: say all that is wrong at once */
	}
	for (size_t i = 0; i < n; i++) { /* moved by the sort */
		statements[i].s.params = NULL;
		statements[i].s.pg.types = NULL;
	}
	if (good) {
		qsort(statements, n, sizeof *statements, by_number);
		qsort(schemas, n_schemas, sizeof *schemas, by_schema);
		good = numbers_rise(schemas, n_schemas) &&
		       write_out(argv[2], argv[1], statements, n, schemas, n_schemas, false) &&
		       write_out(argv[3], argv[1], statements, n, schemas, n_schemas, true);
	}
	return good ? 0 : 1;
}
