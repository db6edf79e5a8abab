/* lex.h — one line of a schema file, cut into words. */
#pragma once
#include "proto/msgc/schema.h"

enum token_kind {
	TOKEN_END, /* of the line */
	TOKEN_WORD,
	TOKEN_NUMBER,
	TOKEN_TEXT,  /* "…", unescaped */
	TOKEN_ARROW, /* -> */
	TOKEN_DOTS,  /* .. */
	TOKEN_MARK,  /* ? */
};

enum { LEX_TOKENS_MAX = 16 };

struct token {
	enum token_kind kind;
	const char *text; /* as written; of TEXT: its content */
	bool negative;
	bool glued;      /* no space before it */
	uint64_t number; /* magnitude */
};

struct line {
	struct place at;
	bool indented;
	uint32_t n;
	struct token tokens[LEX_TOKENS_MAX + 1]; /* ends with TOKEN_END */
};

/* The next line that says anything: comments and empty ones are passed over. false at the end.
 * A line that cannot be cut is reported and passed over too. */
bool lex_line(struct schema *s, struct place *at, const char **text, const char *end,
              struct line *ret);
