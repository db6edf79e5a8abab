/* lex.c — bytes to words. Lines are the grammar's unit, so one bad line never hides the next. */
#include "proto/msgc/lex.h"
#include <string.h>

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *keep(struct schema *s, const char *at, size_t n)
{
	char *text = schema_alloc(s, n + 1);
	memcpy(text, at, n);
	return text;
}

/* "…" with \" and \\ ; returns the byte after it, NULL when it is not closed on this line. */
static const char *lex_text(struct schema *s, const char *p, const char *end, struct token *ret)
{
	char *text = schema_alloc(s, (size_t)(end - p));
	size_t n = 0;
	for (p++; p < end && *p != '"'; p++) {
		if (*p == '\\' && p + 1 < end && (p[1] == '"' || p[1] == '\\'))
			p++;
		text[n++] = *p;
	}
	ret->kind = TOKEN_TEXT;
	ret->text = text;
	return p < end ? p + 1 : NULL;
}

static const char *lex_number(struct schema *s, struct place at, const char *p, const char *end,
                              struct token *ret)
{
	const char *start = p;
	ret->negative = *p == '-';
	p += ret->negative;
	bool fits = true;
	for (; p < end && is_digit(*p); p++)
		fits = fits && !__builtin_mul_overflow(ret->number, 10, &ret->number) &&
		       !__builtin_add_overflow(ret->number, (uint64_t)(*p - '0'), &ret->number);
	ret->kind = TOKEN_NUMBER;
	ret->text = keep(s, start, (size_t)(p - start));
	if (!fits)
		schema_error(s, at, "the number %s does not fit in 64 bits", ret->text);
	return p;
}

/* A name, or group.name: a dot belongs to the word when a letter stands on both sides. */
static const char *lex_word(struct schema *s, const char *p, const char *end, struct token *ret)
{
	const char *start = p;
	while (p < end && (is_word(*p) || (*p == '.' && p + 1 < end && is_word(p[1]))))
		p++;
	ret->kind = TOKEN_WORD;
	ret->text = keep(s, start, (size_t)(p - start));
	return p;
}

static const char *lex_token(struct schema *s, struct place at, const char *p, const char *end,
                             struct token *ret)
{
	*ret = (struct token){ 0 };
	if (*p == '"')
		return lex_text(s, p, end, ret);
	if (is_digit(*p) || (*p == '-' && p + 1 < end && is_digit(p[1])))
		return lex_number(s, at, p, end, ret);
	if (is_word(*p))
		return lex_word(s, p, end, ret);
	static const struct {
		const char text[3];
		enum token_kind kind;
	} marks[] = { { "->", TOKEN_ARROW }, { "..", TOKEN_DOTS }, { "?", TOKEN_MARK } };
	for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++) {
		size_t n = strlen(marks[i].text);
		if ((size_t)(end - p) >= n && !memcmp(p, marks[i].text, n)) {
			ret->kind = marks[i].kind;
			ret->text = marks[i].text;
			return p + n;
		}
	}
	return NULL;
}

static bool lex_cut(struct schema *s, const char *p, const char *end, struct line *ret)
{
	bool space = true;
	while (p < end) {
		if (*p == ' ' || *p == '\t' || *p == '\r') {
			p++;
			space = true;
			continue;
		}
		if (*p == '#')
			break;
		if (ret->n == LEX_TOKENS_MAX) {
			schema_error(s, ret->at, "too many words on one line");
			return false;
		}
		char first = *p;
		p = lex_token(s, ret->at, p, end, &ret->tokens[ret->n]);
		if (!p) {
			if (first == '"')
				schema_error(s, ret->at, "the text is not closed on its line");
			else if (first > ' ' && first < 0x7f)
				schema_error(s, ret->at, "unexpected `%c`", first);
			else
				schema_error(s, ret->at, "unexpected byte 0x%02x",
				             (unsigned char)first);
			return false;
		}
		ret->tokens[ret->n++].glued = !space;
		space = false;
	}
	ret->tokens[ret->n] = (struct token){ .kind = TOKEN_END, .text = "end of line" };
	return true;
}

bool lex_line(struct schema *s, struct place *at, const char **text, const char *end,
              struct line *ret)
{
	while (*text < end) {
		const char *p = *text;
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		if (!stop)
			stop = end;
		*text = stop < end ? stop + 1 : end;
		at->line++;
		ret->at = *at;
		ret->n = 0;
		ret->indented = p < stop && (*p == ' ' || *p == '\t');
		if (lex_cut(s, p, stop, ret) && ret->n)
			return true;
	}
	return false;
}
