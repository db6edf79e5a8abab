/*
 * zpl.c — one pass over the lines; every property is one node in one block.
 */
#include "tools/config/zpl.h"
#include <stdlib.h>

enum { INDENT = 4 };

struct reader {
	struct zpl *nodes;
	uint32_t n;
	struct zpl *last[ZPL_DEPTH + 1]; /* the open section of each level; [0] is the root */
	uint32_t depth;                  /* levels that are open */
	struct zpl_fault *fault;
};

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("$-_@.&+/", c));
}

static struct str skip_blanks(struct str s)
{
	while (s.len && (*s.at == ' ' || *s.at == '\t'))
		s = str_n(s.at + 1, s.len - 1);
	return s;
}

static enum err fail(struct reader *r, uint32_t line, const char *what)
{
	*r->fault = (struct zpl_fault){ .line = line, .what = what };
	return ERR_MALFORMED;
}

/* A quoted value ends at its quote, a bare one before " #" or the end of the line. */
static const char *read_value(struct str s, struct str *ret)
{
	char quote = s.len ? *s.at : '\0';
	if (quote == '"' || quote == '\'') {
		const char *end = memchr(s.at + 1, quote, s.len - 1);
		if (!end)
			return "the quote is not closed";
		struct str rest = skip_blanks(str_n(end + 1, (size_t)(s.at + s.len - end - 1)));
		if (rest.len && *rest.at != '#')
			return "something stands after the closing quote";
		*ret = str_n(s.at + 1, (size_t)(end - s.at - 1));
		return NULL;
	}
	uint32_t len = 0;
	while (len < s.len &&
	       !(s.at[len] == '#' && (len == 0 || s.at[len - 1] == ' ' || s.at[len - 1] == '\t')))
		len++;
	while (len && (s.at[len - 1] == ' ' || s.at[len - 1] == '\t'))
		len--;
	*ret = str_n(s.at, len);
	return NULL;
}

/* Hang the node into the tree at this depth, last among its siblings. */
static void hang(struct reader *r, struct zpl *node, uint32_t depth)
{
	struct zpl *parent = r->last[depth];
	node->parent = parent;
	struct zpl **end = &parent->child;
	if (depth < r->depth) /* a sibling is open: it is the last one */
		end = &r->last[depth + 1]->next;
	*end = node;
	r->last[depth + 1] = node;
	r->depth = depth + 1;
}

static enum err read_line(struct reader *r, struct str s, uint32_t line)
{
	if (s.len && s.at[s.len - 1] == '\r')
		s.len--;
	struct str rest = skip_blanks(s);
	if (!rest.len || *rest.at == '#')
		return OK;
	uint32_t blanks = (uint32_t)(rest.at - s.at);
	if (memchr(s.at, '\t', blanks))
		return fail(r, line, "indented with a tab: ZPL takes four blanks a level");
	if (blanks % INDENT)
		return fail(r, line, "indented by something else than four blanks a level");
	uint32_t depth = blanks / INDENT;
	if (depth > r->depth)
		return fail(r, line, "indented deeper than the section it could belong to");
	if (depth >= ZPL_DEPTH)
		return fail(r, line, "nested too deep");
	if (depth == r->depth && r->last[depth]->has_value)
		return fail(r, line, "indented below a property that has a value");

	struct zpl *node = &r->nodes[r->n];
	*node = (struct zpl){ .line = line };
	uint32_t len = 0;
	while (len < rest.len && is_name(rest.at[len]))
		len++;
	if (!len)
		return fail(r, line, "no name: a line is \"name\" or \"name = value\"");
	node->name = str_n(rest.at, len);
	rest = skip_blanks(str_n(rest.at + len, rest.len - len));
	if (rest.len && *rest.at == '=') {
		node->has_value = true;
		const char *what =
			read_value(skip_blanks(str_n(rest.at + 1, rest.len - 1)), &node->value);
		if (what)
			return fail(r, line, what);
	} else if (rest.len && *rest.at != '#') {
		return fail(r, line, "a name is followed by \"=\" or by nothing");
	}
	r->n++;
	hang(r, node, depth);
	return OK;
}

enum err zpl_parse(struct str text, struct zpl **ret, struct zpl_fault *ret_fault)
{
	uint32_t lines = 1;
	for (uint32_t i = 0; i < text.len; i++)
		lines += text.at[i] == '\n';
	struct reader r = { .fault = ret_fault, .n = 1 };
	if (lines > ZPL_LINES) {
		(void)fail(&r, ZPL_LINES, "too many lines");
		return ERR_TOO_LARGE;
	}
	r.nodes = calloc(lines + 1, sizeof *r.nodes);
	if (!r.nodes)
		return ERR_MEMORY;
	r.last[0] = r.nodes;
	enum err e = OK;
	if (text.len && memchr(text.at, '\0', text.len))
		e = fail(&r, 1, "this is no text file");
	for (uint32_t line = 1; e == OK && text.len; line++) {
		const char *end = memchr(text.at, '\n', text.len);
		uint32_t len = end ? (uint32_t)(end - text.at) : text.len;
		e = read_line(&r, str_n(text.at, len), line);
		len += end ? 1 : 0;
		text = str_n(text.at + len, text.len - len);
	}
	if (e != OK) {
		free(r.nodes);
		return e;
	}
	*ret = r.nodes;
	return OK;
}
