/*
 * replay_main.c — runs a fuzz target over its kept inputs, once each: a plain test for every
 * compiler.
 *
 *     replay_json tests/fuzz/corpus/json …        files, or folders of files
 */
#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static unsigned runs;

static void die(const char *what, const char *path)
{
	(void)fprintf(stderr, "replay: cannot %s %s\n", what, path);
	exit(1);
}

static void run_file(const char *path, size_t len)
{
	uint8_t *at = malloc(len ? len : 1); /* exactly as long, so that ASan sees a read past it */
	FILE *f = fopen(path, "rb");
	if (!at || !f || fread(at, 1, len, f) != len)
		die("read", path);
	(void)fclose(f);
	(void)fprintf(stderr, "replay: %s\n",
	              path); /* the last line names the input that crashed */
	LLVMFuzzerTestOneInput(at, len);
	free(at);
	runs++;
}

static void run_path(const char *path)
{
	struct stat st;
	char inner[4096];
	if (stat(path, &st))
		die("find", path);
	if (S_ISREG(st.st_mode)) {
		run_file(path, (size_t)st.st_size);
		return;
	}
	DIR *dir = opendir(path);
	if (!dir)
		die("open", path);
	for (struct dirent *e; (e = readdir(dir));) {
		if (*e->d_name == '.')
			continue;
		if (snprintf(inner, sizeof inner, "%s/%s", path, e->d_name) < (int)sizeof inner)
			run_path(inner);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%u inputs\n", runs);
	return runs ? 0 : 1; /* nothing replayed proves nothing */
}
