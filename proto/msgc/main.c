/*
 * msgc — the schema compiler: the files of proto/schema to C, JavaScript and pages for people.
 *
 *     msgc [--lock FILE] [--out DIR] [--borrow FILE.msg|DIR]… FILE.msg…
 *
 * All files are read together, as messages answer and use each other. --borrow names files that
 * another run emits: they are known, and stand in the registry; a folder stands for all of its
 * files. Without --out it only checks. Ends with 1 and `file:line: what` for each thing wrong, and
 * writes nothing then.
 */
#include "proto/msgc/emit.h"
#include "proto/msgc/files.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool end_file(FILE *f, const char *name)
{
	bool good = !ferror(f);
	if (fclose(f) != 0 || !good) {
		fprintf(stderr, "msgc: %s: %s\n", name, strerror(errno));
		return false;
	}
	return true;
}

static bool update_lock(struct schema *s, const char *name)
{
	char *text = NULL;
	size_t len = 0;
	const char *grown = NULL;
	if (!schema_text(name, stderr, &text, &len))
		return false;
	schema_lock(s, name, text, &grown);
	free(text);
	if (!grown)
		return true;
	FILE *f = fopen(name, "wb");
	if (!f) {
		fprintf(stderr, "msgc: %s lacks new numbers and cannot be written: %s\n", name,
		        strerror(errno));
		return false;
	}
	fputs(grown, f);
	return end_file(f, name);
}

static bool emit_group(struct schema *s, const struct group *g, const char *dir, const char *suffix,
                       emit_group_fn *emit)
{
	const char *name = schema_printf(s, "%s/%s%s", dir, g->name, suffix);
	FILE *f = fopen(name, "wb");
	if (!f) {
		fprintf(stderr, "msgc: %s: %s\n", name, strerror(errno));
		return false;
	}
	emit(s, g, f);
	return end_file(f, name);
}

static bool emit_all(struct schema *s, const char *dir)
{
	static const struct {
		const char *name;
		emit_all_fn *emit;
	} files[] = {
		{ "all.c", emit_registry },           { "messages.md", emit_reference },
		{ "messages.dict", emit_dictionary }, { "messages.mjs", emit_js },
		{ "messages.d.ts", emit_dts },
	};
	bool good = true;
	for (const struct group *g = s->groups; g; g = g->next)
		if (!g->borrowed)
			good = emit_group(s, g, dir, ".h", emit_header) &&
			       emit_group(s, g, dir, ".c", emit_tables) && good;
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
		const char *name = schema_printf(s, "%s/%s", dir, files[i].name);
		FILE *f = fopen(name, "wb");
		if (!f) {
			fprintf(stderr, "msgc: %s: %s\n", name, strerror(errno));
			return false;
		}
		files[i].emit(s, f);
		good = end_file(f, name) && good;
	}
	return good;
}

static int usage(void)
{
	fputs("usage: msgc [--lock FILE] [--out DIR] [--borrow FILE.msg|DIR]... FILE.msg...\n",
	      stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *lock = NULL, *out = NULL;
	struct schema s;
	bool good = true;
	schema_init(&s);
	for (int i = 1; i < argc; i++) {
		const char **option = !strcmp(argv[i], "--lock")  ? &lock
		                      : !strcmp(argv[i], "--out") ? &out
		                                                  : NULL;
		bool borrowed = !strcmp(argv[i], "--borrow");
		if ((option || borrowed) && i + 1 == argc)
			return usage();
		if (option)
			*option = argv[++i];
		else if (borrowed)
			good = schema_read(&s, argv[++i], true, stderr) && good;
		else if (argv[i][0] == '-')
			return usage();
		else
			good = schema_read(&s, argv[i], false, stderr) && good;
	}
	if (good && !s.groups && !s.n_errors)
		return usage();
	schema_check(&s);
	if (good && lock && !s.n_errors)
		good = update_lock(&s, lock);
	if (good && out && !s.n_errors)
		good = emit_all(&s, out);
	schema_print_errors(&s, stderr);
	good = good && !s.n_errors;
	schema_done(&s);
	return good ? 0 : 1;
}
