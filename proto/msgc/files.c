/* files.c — schema files and folders of them into the tree. */
#include "proto/msgc/files.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool schema_text(const char *name, FILE *complaints, char **ret, size_t *ret_len)
{
	FILE *f = fopen(name, "rb");
	char *text = malloc(SCHEMA_FILE_MAX + 1);
	if (!f || !text) {
		fprintf(complaints, "msgc: %s: %s\n", name, strerror(errno));
		free(text);
		if (f)
			(void)fclose(f);
		return false;
	}
	size_t n = fread(text, 1, SCHEMA_FILE_MAX, f);
	bool whole = !ferror(f) && n < SCHEMA_FILE_MAX;
	(void)fclose(f);
	if (!whole) {
		fprintf(complaints, "msgc: %s: cannot be read, or is above %d bytes\n", name,
		        SCHEMA_FILE_MAX);
		free(text);
		return false;
	}
	text[n] = '\0';
	*ret = text;
	*ret_len = n;
	return true;
}

static bool read_one(struct schema *s, const char *name, bool borrowed, FILE *complaints)
{
	char *text = NULL;
	size_t len = 0;
	if (!schema_text(name, complaints, &text, &len))
		return false;
	schema_parse(s, name, text, len, borrowed);
	free(text);
	return true;
}

static int is_schema(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 4 && !strcmp(d->d_name + n - 4, ".msg");
}

bool schema_read(struct schema *s, const char *path, bool borrowed, FILE *complaints)
{
	struct dirent **list;
	struct stat st;
	if (stat(path, &st) || !S_ISDIR(st.st_mode))
		return read_one(s, path, borrowed, complaints);
	int n = scandir(path, &list, is_schema, alphasort);
	if (n < 0) {
		fprintf(complaints, "msgc: %s: %s\n", path, strerror(errno));
		return false;
	}
	bool good = true;
	for (int i = 0; i < n; i++) {
		const char *name = schema_printf(s, "%s/%s", path, list[i]->d_name);
		good = read_one(s, name, borrowed, complaints) && good;
		free(list[i]);
	}
	free(list);
	return good;
}
