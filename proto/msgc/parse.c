/*
 * parse.c — lines to the tree. Each line stands alone: a wrong one is reported and left out, and
 * the next is read as if nothing had happened.
 *
 *     group call 2                         column 0 declares
 *     message open 1 -> opened
 *       "what it is for"                   indented lines belong to what stands above
 *       1 rate? u32 8000..48000 "Hz"
 */
#include "proto/msgc/lex.h"
#include <string.h>

struct parser {
	struct schema *s;
	struct line line;
	uint32_t next; /* token */
	bool failed;   /* this line is reported already */
	bool borrowed;
	struct group *group;
	struct decl *decl;
	struct decl **decl_tail;
	struct field **field_tail;
	struct value **value_tail;
};

static const struct token *peek(const struct parser *p)
{
	return &p->line.tokens[p->next];
}

static bool take(struct parser *p, enum token_kind kind)
{
	if (peek(p)->kind != kind)
		return false;
	p->next++;
	return true;
}

static bool take_word(struct parser *p, const char *word)
{
	if (peek(p)->kind != TOKEN_WORD || strcmp(peek(p)->text, word) != 0)
		return false;
	p->next++;
	return true;
}

static void expected(struct parser *p, const char *what)
{
	if (!p->failed)
		schema_error(p->s, p->line.at, "expected %s, found `%s`", what, peek(p)->text);
	p->failed = true;
}

static bool is_name(const char *t)
{
	if (*t < 'a' || *t > 'z' || strlen(t) > SCHEMA_NAME_MAX)
		return false;
	for (; *t; t++)
		if (!((*t >= 'a' && *t <= 'z') || (*t >= '0' && *t <= '9') || *t == '_'))
			return false;
	return true;
}

/* Words that C, or a program that includes the header, already uses. */
static bool is_reserved(const char *name)
{
	static const char *const words[] = {
		"alignas", "alignof", "asm",      "auto",     "bool",   "break",         "case",
		"char",    "const",   "continue", "default",  "do",     "double",        "else",
		"enum",    "extern",  "false",    "float",    "for",    "goto",          "if",
		"inline",  "int",     "long",     "register", "return", "restrict",      "short",
		"signed",  "sizeof",  "static",   "struct",   "switch", "static_assert", "true",
		"typedef", "typeof",  "union",    "unsigned", "void",   "volatile",      "while",
		"linux",   "unix",    "errno",    "stdin",    "stdout", "stderr",        "assert",
		"NULL",
	};
	for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
		if (!strcmp(name, words[i]))
			return true;
	return false;
}

static const char *name(struct parser *p, const char *what)
{
	const struct token *t = peek(p);
	if (t->kind != TOKEN_WORD) {
		expected(p, what);
		return "";
	}
	p->next++;
	if (!is_name(t->text) && !p->failed) {
		schema_error(p->s, p->line.at,
		             "`%s` is not a name: [a-z][a-z0-9_]*, at most %d bytes", t->text,
		             SCHEMA_NAME_MAX);
		p->failed = true;
	} else if (is_reserved(t->text) && !p->failed) {
		schema_error(p->s, p->line.at, "`%s` is a word of C: take another name", t->text);
		p->failed = true;
	}
	return t->text;
}

static uint32_t number(struct parser *p, const char *what, uint32_t least, uint32_t most)
{
	const struct token *t = peek(p);
	if (!take(p, TOKEN_NUMBER)) {
		expected(p, what);
		return 0;
	}
	if (t->negative || t->number < least || t->number > most) {
		if (!p->failed)
			schema_error(p->s, p->line.at, "%s must be %u to %u, found %s", what, least,
			             most, t->text);
		p->failed = true;
		return 0;
	}
	return (uint32_t)t->number;
}

/* Every message, field and value says what it is: an empty text is none. */
static const char *text(struct parser *p, const char *what)
{
	const struct token *t = peek(p);
	if (!take(p, TOKEN_TEXT)) {
		if (!p->failed)
			schema_error(p->s, p->line.at, "%s has no text: say what it is, in quotes",
			             what);
		p->failed = true;
		return "";
	}
	if (!t->text[0] && !p->failed) {
		schema_error(p->s, p->line.at, "the text of %s is empty", what);
		p->failed = true;
	}
	return t->text;
}

static void end(struct parser *p)
{
	if (!p->failed && peek(p)->kind != TOKEN_END)
		expected(p, "end of line");
}

/* ---- column 0 ------------------------------------------------------------------------------- */

static void parse_group(struct parser *p)
{
	struct group *g = schema_alloc(p->s, sizeof *g);
	g->at = p->line.at;
	g->borrowed = p->borrowed;
	g->name = name(p, "the group's name");
	g->number = number(p, "the group's number", 1, SCHEMA_GROUPS_MAX);
	g->foreign = take_word(p, "foreign");
	end(p);
	if (p->group) {
		schema_error(p->s, p->line.at, "a second group: one file is one group");
		return;
	}
	struct group **tail = &p->s->groups;
	while (*tail)
		tail = &(*tail)->next;
	*tail = p->group = g;
	p->decl_tail = &g->decls;
}

static void parse_retired(struct parser *p, struct retired **list, uint32_t most)
{
	struct retired *r = schema_alloc(p->s, sizeof *r);
	r->at = p->line.at;
	r->number = number(p, "the retired number", 0, most);
	r->doc = text(p, "a retired number");
	end(p);
	if (p->failed)
		return;
	r->next = *list;
	*list = r;
}

static void parse_decl(struct parser *p, enum decl_kind kind, const char *what)
{
	struct decl *d = schema_alloc(p->s, sizeof *d);
	d->at = p->line.at;
	d->kind = kind;
	d->group = p->group;
	d->name = name(p, what);
	if (kind == DECL_MESSAGE) {
		d->number = number(p, "the message's number", 1, SCHEMA_MESSAGES_MAX);
		if (take(p, TOKEN_ARROW)) {
			d->reply_name = peek(p)->text;
			if (!take(p, TOKEN_WORD))
				expected(p, "the name of the reply");
		}
	}
	if (peek(p)->kind == TOKEN_TEXT)
		d->doc = text(p, d->name);
	end(p);
	/* Even a broken declaration takes its lines, or each of them would be an error too. */
	p->decl = d;
	p->field_tail = &d->fields;
	p->value_tail = &d->values;
	if (!p->failed) {
		*p->decl_tail = d;
		p->decl_tail = &d->next;
	}
}

static void parse_top(struct parser *p)
{
	static const char *const words[] = { "group", "enum", "record", "message", "retired" };
	p->decl = NULL;
	if (take_word(p, "group")) {
		parse_group(p);
		return;
	}
	if (!p->group) {
		if (peek(p)->kind != TOKEN_END)
			schema_error(p->s, p->line.at,
			             "the file must begin with `group NAME NUMBER`");
		p->group = schema_alloc(p->s, sizeof *p->group); /* said once */
		p->group->name = "";
		p->decl_tail = &p->group->decls;
	}
	if (take_word(p, "enum"))
		parse_decl(p, DECL_ENUM, "the enum's name");
	else if (take_word(p, "record"))
		parse_decl(p, DECL_RECORD, "the record's name");
	else if (take_word(p, "message"))
		parse_decl(p, DECL_MESSAGE, "the message's name");
	else if (take_word(p, "retired"))
		parse_retired(p, &p->group->retired, SCHEMA_MESSAGES_MAX);
	else
		schema_error(
			p->s, p->line.at, "expected enum, record, message or retired, found `%s`%s",
			peek(p)->text,
			schema_near(p->s, peek(p)->text, words, sizeof words / sizeof words[0]));
}

/* ---- fields --------------------------------------------------------------------------------- */

static const char *const kind_names[] = { "bool", "u8",  "u16", "u32", "u64", "i32",
	                                  "i64",  "f64", "str", "bin", "json" };

static enum kind kind_of(const char *type)
{
	for (uint32_t k = 0; k < sizeof kind_names / sizeof kind_names[0]; k++)
		if (!strcmp(type, kind_names[k]))
			return (enum kind)k;
	return KIND_NAMED;
}

/* What the C type holds; 0..0 where a bound makes no sense. f64: any number. */
static void widest(struct field *f)
{
	static const uint64_t tops[] = {
		[KIND_U8] = UINT8_MAX,
		[KIND_U16] = UINT16_MAX,
		[KIND_U32] = UINT32_MAX,
		[KIND_U64] = UINT64_MAX,
	};
	if (f->kind >= KIND_U8 && f->kind <= KIND_U64)
		f->to = tops[f->kind];
	if (f->kind == KIND_I32) {
		f->least = INT32_MIN;
		f->highest = INT32_MAX;
	}
	if (f->kind == KIND_I64 || f->kind == KIND_F64) {
		f->least = INT64_MIN;
		f->highest = INT64_MAX;
	}
}

static void unsigned_range(struct parser *p, struct field *f, const struct token *low,
                           const struct token *high)
{
	if (low->negative || low->number > high->number || high->negative || high->number > f->to)
		schema_error(p->s, p->line.at, "%s..%s is no range of %s", low->text, high->text,
		             f->type);
	f->from = low->number;
	f->to = high->number;
}

static bool signed_of(const struct token *t, int64_t *ret)
{
	if (t->number > (uint64_t)INT64_MAX + t->negative)
		return false;
	*ret = (int64_t)(t->negative ? 0 - t->number : t->number);
	return true;
}

static void signed_range(struct parser *p, struct field *f, const struct token *low,
                         const struct token *high)
{
	int64_t least = 0, highest = 0;
	if (!signed_of(low, &least) || !signed_of(high, &highest) || least > highest ||
	    least < f->least || highest > f->highest)
		schema_error(p->s, p->line.at, "%s..%s is no range of %s", low->text, high->text,
		             f->type);
	f->least = least;
	f->highest = highest;
}

static void parse_range(struct parser *p, struct field *f)
{
	const struct token *low = peek(p);
	p->next++;
	if (!take(p, TOKEN_DOTS)) {
		expected(p, "a range LOW..HIGH, or the text");
		return;
	}
	const struct token *high = peek(p);
	if (!take(p, TOKEN_NUMBER)) {
		expected(p, "the range's upper end");
		return;
	}
	f->bounded = true;
	if (f->kind >= KIND_U8 && f->kind <= KIND_U64)
		unsigned_range(p, f, low, high);
	else if (f->kind >= KIND_I32 && f->kind <= KIND_F64)
		signed_range(p, f, low, high);
	else if (f->kind != KIND_NAMED) /* those are said when they are resolved */
		schema_error(p->s, p->line.at, "`%s` takes no range", f->type);
}

static void parse_type(struct parser *p, struct field *f)
{
	const struct token *t = peek(p);
	if (!take(p, TOKEN_WORD)) {
		expected(p, "the field's type");
		return;
	}
	if (!strcmp(t->text, "enum") || !strcmp(t->text, "record")) {
		if (!p->failed)
			schema_error(p->s, p->line.at, "write the %s's name alone, without `%s`",
			             t->text, t->text);
		p->failed = true;
		return;
	}
	f->type = t->text;
	f->kind = kind_of(t->text);
	widest(f);
	if (f->kind >= KIND_STR && f->kind <= KIND_JSON) {
		if (peek(p)->kind != TOKEN_NUMBER && !p->failed) {
			schema_error(p->s, p->line.at, "`%s` needs its bound in bytes: `%s 64`",
			             f->type, f->type);
			p->failed = true;
			return;
		}
		f->max = number(p, "the bound in bytes", 1, SCHEMA_BYTES_MAX);
	} else if (peek(p)->kind == TOKEN_NUMBER) {
		parse_range(p, f);
	}
	if (take_word(p, "list")) {
		f->list = true;
		f->most = number(p, "the bound of the list in items", 1, SCHEMA_ITEMS_MAX);
	}
}

static void parse_field(struct parser *p)
{
	struct field *f = schema_alloc(p->s, sizeof *f);
	f->at = p->line.at;
	f->number = number(p, "the field's number", 1, SCHEMA_NUMBER_MAX);
	f->json = f->name = name(p, "the field's name");
	f->optional = take(p, TOKEN_MARK);
	parse_type(p, f);
	for (bool more = !p->failed; more;) {
		if (take_word(p, "json"))
			f->json = text(p, "the JSON name");
		else if (take_word(p, "secret"))
			f->secret = true;
		else
			more = false;
	}
	f->doc = text(p, f->name);
	end(p);
	if (p->failed)
		return;
	*p->field_tail = f;
	p->field_tail = &f->next;
	p->decl->n_fields++;
}

/* ---- indented ------------------------------------------------------------------------------- */

static void parse_value(struct parser *p)
{
	struct value *v = schema_alloc(p->s, sizeof *v);
	v->at = p->line.at;
	v->number = number(p, "the value's number", 0, INT32_MAX);
	v->name = name(p, "the value's name");
	v->doc = text(p, v->name);
	end(p);
	if (p->failed)
		return;
	*p->value_tail = v;
	p->value_tail = &v->next;
	p->decl->n_values++;
}

static void parse_doc(struct parser *p)
{
	struct decl *d = p->decl;
	const char *more = text(p, d->name);
	end(p);
	if (d->fields || d->values || d->blob)
		schema_error(p->s, p->line.at, "the text of `%s` belongs above its first line",
		             d->name);
	d->doc = d->doc ? schema_printf(p->s, "%s %s", d->doc, more) : more;
}

static void parse_blob(struct parser *p)
{
	struct decl *d = p->decl;
	if (d->kind != DECL_MESSAGE || d->blob)
		schema_error(p->s, p->line.at, "only a message has a blob, and only one");
	d->blob = number(p, "the bound of the blob in bytes", 1, SCHEMA_BLOB_MAX);
	d->blob_doc = text(p, "the blob");
	end(p);
}

static void parse_member(struct parser *p)
{
	struct decl *d = p->decl;
	if (!d) {
		schema_error(p->s, p->line.at, "an indented line under nothing");
		return;
	}
	if (peek(p)->kind == TOKEN_TEXT)
		parse_doc(p);
	else if (take_word(p, "retired"))
		parse_retired(p, &d->retired, INT32_MAX);
	else if (take_word(p, "blob"))
		parse_blob(p);
	else if (peek(p)->kind != TOKEN_NUMBER)
		expected(p, d->kind == DECL_ENUM ? "NUMBER NAME \"text\""
		                                 : "NUMBER NAME TYPE \"text\", or blob");
	else if (d->kind == DECL_ENUM)
		parse_value(p);
	else
		parse_field(p);
}

void schema_parse(struct schema *s, const char *file, const char *bytes, size_t len, bool borrowed)
{
	struct parser p = { .s = s, .borrowed = borrowed };
	struct place at = { file, 0 };
	const char *stop = bytes + len;
	while (lex_line(s, &at, &bytes, stop, &p.line)) {
		p.next = 0;
		p.failed = false;
		if (p.line.indented)
			parse_member(&p);
		else
			parse_top(&p);
	}
	if (!p.group)
		schema_error(s, (struct place){ file, 1 },
		             "the file must begin with `group NAME NUMBER`");
}
