/* emit.c — how texts look in the languages we write. */
#include "proto/msgc/emit.h"
#include <inttypes.h>
#include <string.h>

void emit_quoted(FILE *to, const char *text)
{
	putc('"', to);
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', to);
		putc(*text, to);
	}
	putc('"', to);
}

void emit_comment(FILE *to, const char *text)
{
	for (; *text; text++) {
		putc(*text, to);
		if (*text == '*' && text[1] == '/')
			putc(' ', to);
	}
}

void emit_upper(FILE *to, const char *name)
{
	for (; *name; name++)
		putc(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name, to);
}

void emit_wrapped(FILE *to, const char *text, const char *prefix, size_t width)
{
	size_t column = 0;
	while (*text) {
		size_t n = strcspn(text, " ");
		if (column && column + 1 + n > width) {
			fprintf(to, "\n%s", prefix);
			column = 0;
		} else if (column) {
			putc(' ', to);
			column++;
		}
		for (size_t i = 0; i < n; i++) {
			putc(text[i], to);
			if (text[i] == '*' && text[i + 1] == '/')
				putc(' ', to);
		}
		column += n;
		text += n + strspn(text + n, " ");
	}
}

const char *emit_bounds(struct schema *s, const struct field *f)
{
	const char *one = "", *list = "";
	if (f->max)
		one = schema_printf(s, "%u bytes at the most", f->max);
	else if (f->bounded && f->kind <= KIND_U64)
		one = schema_printf(s, "%" PRIu64 "..%" PRIu64, f->from, f->to);
	else if (f->bounded)
		one = schema_printf(s, "%" PRId64 "..%" PRId64, f->least, f->highest);
	if (f->list)
		list = schema_printf(s, "%s%u items at the most", one[0] ? " each, " : "", f->most);
	return schema_printf(s, "%s%s", one, list);
}
