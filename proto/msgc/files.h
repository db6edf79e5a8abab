/* files.h — schema files and folders of them into the tree. */
#pragma once
#include "proto/msgc/schema.h"

/* One file's text, to be freed; false: said on `complaints`. */
bool schema_text(const char *name, FILE *complaints, char **ret, size_t *ret_len);

/* Parse a file, or all *.msg of a folder in order of their names. `path` must outlive the schema.
 */
bool schema_read(struct schema *s, const char *path, bool borrowed, FILE *complaints);
