/*
 * schema.c — any text as a schema: it is refused with a place and a reason, or all files can be
 * written. What stands behind a form feed is the number lock.
 */
#include "proto/msgc/emit.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static void write_all(struct schema *s)
{
	static emit_all_fn *const emitters[] = { emit_registry, emit_reference, emit_dictionary,
		                                 emit_js, emit_dts };
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);
	if (!to)
		abort();
	emit_header(s, s->groups, to);
	emit_tables(s, s->groups, to);
	for (size_t i = 0; i < sizeof emitters / sizeof emitters[0]; i++)
		emitters[i](s, to);
	fclose(to);
	free(text);
}

/* The file must be named after its group: found out as msgc's user would. */
static const char *file_of(const char *text, char name[static 128])
{
	const char *at = strstr(text, "group ");
	char group[64];
	if (!at || sscanf(at, "group %60[a-z0-9_]", group) != 1)
		return "fuzz.msg";
	snprintf(name, 128, "%s.msg", group);
	return name;
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	char *text = malloc(len + 1), name[128];
	if (!text)
		return 0;
	memcpy(text, at, len);
	text[len] = '\0';
	char *lock = memchr(text, '\f', len);
	size_t n = lock ? (size_t)(lock - text) : len;
	if (lock)
		*lock++ = '\0';
	struct schema s;
	const char *grown = NULL;
	schema_init(&s);
	schema_parse(&s, file_of(text, name), text, n, false);
	schema_check(&s);
	if (!s.n_errors)
		schema_lock(&s, "numbers", lock ? lock : "", &grown);
	if (!s.n_errors && grown) { /* what was written is complete */
		const char *more = NULL;
		schema_lock(&s, "numbers", grown, &more);
		if (s.n_errors || more)
			abort();
	}
	if (!s.n_errors)
		write_all(&s);
	schema_done(&s);
	free(text);
	return 0;
}
