/*
 * parse.c — a statement file: its header lines, and its text with :names turned into $numbers.
 */
#include "persistence/sqlc/sqlc.h"
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct sqlc_statement *to;
	const char *path;
	const char *text, *at; /* the whole file; where we are */
	char *out; /* the statement, growing; never longer than the file and its casts */
	size_t out_len;
	bool saw_read, saw_write, saw_none, saw_ord;
	struct str bulk; /* name in the header, checked once all is read */
	int bulk_line;
};

static int line_of(const struct reader *r, const char *at)
{
	int line = 1;
	for (const char *c = r->text; c < at; c++)
		line += *c == '\n';
	return line;
}

static bool wrong(const struct reader *r, int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static bool wrong(const struct reader *r, int line, const char *fmt, ...)
{
	va_list ap;
	fprintf(stderr, "%s:%d: ", r->path, line);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return false;
}

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	char *text = f ? malloc(SQLC_FILE_MAX) : NULL;
	size_t n = text ? fread(text, 1, SQLC_FILE_MAX, f) : 0;
	if (f)
		(void)fclose(f);
	if (!text || n == SQLC_FILE_MAX || memchr(text, '\0', n)) {
		fprintf(stderr, "%s:1: %s\n", path,
		        text ? "too large, or not text" : "cannot be read");
		free(text);
		return NULL;
	}
	text[n] = '\0';
	return text;
}

/* "dir/lease_take.sql" -> "lease_take" */
static struct str stem_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	return str_n(name, dot ? (size_t)(dot - name) : strlen(name));
}

/* The message whose full name, with '_' for '.', is the file's. */
static const struct proto_desc *request_of(struct str stem)
{
	for (uint32_t i = 0; i < proto_all_n; i++) {
		const char *full = proto_all[i]->full;
		bool same = strlen(full) == stem.len;
		for (uint32_t c = 0; same && c < stem.len; c++)
			same = (full[c] == '.' ? '_' : full[c]) == stem.at[c];
		if (same)
			return proto_all[i];
	}
	return NULL;
}

/* ---- header ------------------------------------------------------------------------------------
 */

static struct str word(const char **at, const char *end)
{
	while (*at < end && (**at == ' ' || **at == '\t'))
		++*at;
	const char *from = *at;
	while (*at < end && **at != ' ' && **at != '\t')
		++*at;
	return str_n(from, (size_t)(*at - from));
}

static bool read_timeout(struct reader *r, int line, struct str text)
{
	char *unit;
	char copy[32];
	str_keep(copy, sizeof copy, text);
	unsigned long n = strtoul(copy, &unit, 10);
	unsigned long ms = !strcmp(unit, "ms") ? n : !strcmp(unit, "s") ? n * 1000 : 0;
	if (!isdigit((unsigned char)copy[0]) || !ms || ms > 600000)
		return wrong(r, line, "timeout: '%s' is not like 500ms or 2s, up to 600s", copy);
	r->to->s.timeout_ms = (uint32_t)ms;
	return true;
}

static bool read_none(struct reader *r, int line, struct str name)
{
	static const struct {
		const char *name;
		enum err e;
	} errs[] = {
#define ERR(name, number, text, http, retry) { #name, ERR_##name },
#include "proto/err.def"
#undef ERR
	};
	for (size_t i = 1; i < sizeof errs / sizeof *errs; i++)
		if (str_is(name, errs[i].name)) {
			r->to->s.none = errs[i].e;
			r->saw_none = true;
			return true;
		}
	return wrong(r, line, "none: '%.*s' is no error of proto/err.def", STR(name));
}

/* A line is prose if it starts with a capital letter, goes on from such a line, or has three words.
 */
static bool header_line(struct reader *r, int line, const char *at, const char *end)
{
	struct str key = word(&at, end), value = word(&at, end), more = word(&at, end);
	if (!key.len || more.len || isupper((unsigned char)*key.at))
		return true;
	if (str_is(key, "read") && !value.len) {
		r->saw_read = true;
	} else if (str_is(key, "write") && !value.len) {
		r->saw_write = r->to->s.write = true;
	} else if (str_is(key, "system") && !value.len) {
		r->to->s.system = true;
	} else if (str_is(key, "timeout") && value.len) {
		return read_timeout(r, line, value);
	} else if (str_is(key, "none") && value.len) {
		return read_none(r, line, value);
	} else if (str_is(key, "bulk") && value.len) {
		r->bulk = value;
		r->bulk_line = line;
	} else if (key.at[key.len - 1] != '.' && (!value.len || value.at[value.len - 1] != '.')) {
		return wrong(r, line, "'%.*s' is no header line", STR(key));
	}
	return true;
}

static bool read_header(struct reader *r)
{
	int line = 1;
	for (; !strncmp(r->at, "--", 2); line++) {
		const char *end = r->at + strcspn(r->at, "\n");
		if (!header_line(r, line, r->at + 2, end))
			return false;
		r->at = *end ? end + 1 : end;
	}
	if (r->saw_read == r->saw_write)
		return wrong(r, line, "says neither or both of '-- read' and '-- write'");
	return true;
}

/* ---- parameters ---------------------------------------------------------------------------------
 */

static int field_named(const struct proto_desc *type, struct str name)
{
	for (uint16_t i = 0; i < type->n_fields; i++)
		if (str_is(name, type->fields[i].name))
			return i;
	return -1;
}

static struct str identifier(const char **at)
{
	const char *from = *at;
	while (isalnum((unsigned char)**at) || **at == '_')
		++*at;
	return str_n(from, (size_t)(*at - from));
}

/* What the cast right behind a parameter names, when it is a type we can bind the field as. */
static void heed_cast(const char *at, const struct proto_field *f, struct statement_param *p)
{
	if (strncmp(at, "::", 2))
		return;
	at += 2;
	struct str name = identifier(&at);
	bool array = !strncmp(at, "[]", 2);
	for (int i = 0; i < SQL_TYPES; i++) {
		const char *names = sql_types[i].names, *end = names + strlen(names);
		for (struct str one; (one = word(&names, end)).len;)
			if (str_eq(one, name) && array == p->array &&
			    sql_type_fits((enum sql_type)i, f))
				p->type = (enum sql_type)i;
	}
}

static bool from_envelope(struct reader *r, struct str name, struct statement_param *p)
{
	p->type = SQL_INT8;
	if (str_is(name, "business")) {
		p->source = FROM_BUSINESS;
	} else if (str_is(name, "now_us")) {
		static const struct proto_field time = { .kind = PROTO_I64 };
		p->source = FROM_NOW;
		heed_cast(r->at, &time, p);
	} else if (str_is(name, "schema_number")) {
		p->source = FROM_SCHEMA; /* which number: known when all files are, emit.c */
		p->type = SQL_INT4;
	} else if (str_is(name, "principal")) {
		p->source = FROM_PRINCIPAL;
		p->array = r->bulk.len;
	} else if (str_is(name, "trace") && !r->bulk.len) {
		p->source = FROM_TRACE;
		p->type = SQL_BYTEA;
	} else if (str_is(name, "asker") && !r->bulk.len) {
		p->source = FROM_ASKER;
		p->type = SQL_TEXT;
		r->to->s.asker = true;
	} else if (str_is(name, "ord") && r->bulk.len) {
		p->source = FROM_ORD;
		p->type = SQL_INT4;
		p->array = r->saw_ord = true;
	} else {
		return false;
	}
	return true;
}

static bool from_field(struct reader *r, int line, struct str name, struct statement_param *p)
{
	const struct proto_desc *request = r->to->s.request;
	int at = field_named(request, name);
	if (at < 0)
		return wrong(r, line, ":%.*s is no field of %s", STR(name), request->full);
	const struct proto_field *f = &request->fields[at];
	bool row = r->bulk.len && str_is(r->bulk, f->name);
	p->source = FROM_FIELD;
	p->field = (uint16_t)at;
	p->array = f->list || r->bulk.len;
	if (f->kind == PROTO_RECORD) {
		if (*r->at != '.')
			return wrong(r, line, ":%s is a record: say :%s.member", f->name, f->name);
		++r->at;
		struct str member = identifier(&r->at);
		at = field_named(f->of_record, member);
		if (at < 0)
			return wrong(r, line, ":%s.%.*s is no member of %s", f->name, STR(member),
			             f->of_record->full);
		p->source = FROM_MEMBER;
		p->member = (uint16_t)at;
		f = &f->of_record->fields[at];
		if (f->list && p->array)
			return wrong(r, line, ":%.*s.%s is a list within a list", STR(name),
			             f->name);
		p->array |= f->list;
	}
	if (r->bulk.len && !row && (request->fields[p->field].list || f->list))
		return wrong(r, line, ":%.*s is a list: a bulk statement repeats it for each row",
		             STR(name));
	p->type = sql_type_of(f);
	heed_cast(r->at, f, p);
	return true;
}

/* The same value in the same type is the same parameter. */
static bool number_of(struct reader *r, int line, const struct statement_param *p, int *ret)
{
	struct statement *s = &r->to->s;
	for (uint16_t i = 0; i < s->pg.n_types; i++) {
		const struct statement_param *q = &r->to->params[i];
		if (q->source == p->source && q->field == p->field && q->member == p->member &&
		    q->type == p->type) {
			*ret = i + 1;
			return true;
		}
	}
	if (s->pg.n_types == SQLC_PARAMS)
		return wrong(r, line, "more than %d parameters", SQLC_PARAMS);
	const struct sql_type_info *type = &sql_types[p->type];
	r->to->types[s->pg.n_types] = p->array ? type->array : type->oid;
	r->to->params[s->pg.n_types++] = *p;
	*ret = s->pg.n_types;
	return true;
}

static bool param(struct reader *r)
{
	int line = line_of(r, r->at), number = 0;
	++r->at;
	struct str name = identifier(&r->at);
	struct statement_param p = { 0 };
	if (!from_envelope(r, name, &p) && !from_field(r, line, name, &p))
		return false;
	if (!number_of(r, line, &p, &number))
		return false;
	r->out_len += (size_t)sprintf(r->out + r->out_len, "$%d", number);
	return true;
}

/* ---- the text
 * ------------------------------------------------------------------------------------- */

static void copy(struct reader *r, size_t n)
{
	memcpy(r->out + r->out_len, r->at, n);
	r->out_len += n;
	r->at += n;
}

/* What may hold a colon or a semicolon that means nothing: strings, quoted names, dollar quotes.
 * Length of what starts here, 0 if nothing does, SIZE_MAX if it does not end. */
static size_t quoted(const char *at, char before)
{
	bool word = isalnum((unsigned char)before) || before == '_',
	     escapes = toupper(before) == 'E';
	const char *end = NULL;
	if (*at == '\'' || *at == '"') {
		for (end = at + 1; *end && *end != *at; end++)
			end += escapes && *end == '\\' && end[1];
		return *end ? (size_t)(end + 1 - at) : SIZE_MAX;
	}
	if (*at == '$' && !word &&
	    (at[1] == '$' || isalpha((unsigned char)at[1]) || at[1] == '_')) {
		const char *close = at + 1;
		struct str tag = identifier(&close);
		if (*close != '$')
			return 0;
		char mark[64];
		if (snprintf(mark, sizeof mark, "$%.*s$", STR(tag)) >= (int)sizeof mark)
			return SIZE_MAX;
		end = strstr(close + 1, mark);
		return end ? (size_t)(end - at) + strlen(mark) : SIZE_MAX;
	}
	return 0;
}

static size_t comment(const char *at)
{
	const char *end;
	if (!strncmp(at, "--", 2))
		return strcspn(at, "\n");
	if (strncmp(at, "/*", 2))
		return 0;
	end = strstr(at, "*/");
	return end ? (size_t)(end + 2 - at) : SIZE_MAX;
}

static bool one_token(struct reader *r)
{
	size_t n = quoted(r->at, r->at > r->text ? r->at[-1] : ' ');
	size_t skip = comment(r->at);
	if (n == SIZE_MAX || skip == SIZE_MAX)
		return wrong(r, line_of(r, r->at),
		             "a quote or comment that starts here never ends");
	if (n) {
		copy(r, n);
	} else if (skip) {
		r->at += skip;
	} else if (!strncmp(r->at, "::", 2)) {
		copy(r, 2);
	} else if (*r->at == ':' && (isalpha((unsigned char)r->at[1]) || r->at[1] == '_')) {
		return param(r);
	} else if (*r->at == ';' && r->at[1 + strspn(r->at + 1, " \t\n")]) {
		return wrong(r, line_of(r, r->at), "one statement in a file");
	} else if (*r->at == ';') {
		r->at += strlen(r->at);
	} else {
		copy(r, 1);
	}
	return true;
}

static bool check_bulk(struct reader *r)
{
	struct statement *s = &r->to->s;
	int at = field_named(s->request, r->bulk);
	if (at < 0 || !s->request->fields[at].list || s->request->fields[at].kind != PROTO_RECORD)
		return wrong(r, r->bulk_line, "bulk: '%.*s' is no list of records of %s",
		             STR(r->bulk), s->request->full);
	if (!statement_list_of(s->request->reply))
		return wrong(r, r->bulk_line, "bulk: %s has no list of records",
		             s->request->reply->full);
	s->bulk = (int16_t)at;
	return true;
}

static bool check_reply(struct reader *r)
{
	struct statement *s = &r->to->s;
	if (!s->request->reply)
		return wrong(r, 1, "%s has no reply (-> in its declaration)", s->request->full);
	s->lists = statement_list_of(s->request->reply) && !r->saw_none;
	if (!s->lists && !r->saw_none)
		s->none = ERR_NOT_FOUND;
	return true;
}

static bool read_all(struct reader *r)
{
	struct sqlc_statement *to = r->to;
	if (!read_header(r) || !check_reply(r) || (r->bulk.len && !check_bulk(r)))
		return false;
	/* Each parameter grows by less than the digits of its number. */
	to->s.pg.sql = r->out = calloc(1, strlen(r->at) * 2 + 64);
	while (r->out && *r->at)
		if (!one_token(r))
			return false;
	while (r->out_len && isspace((unsigned char)r->out[r->out_len - 1]))
		r->out[--r->out_len] = '\0';
	if (!r->out_len)
		return wrong(r, line_of(r, r->at), "there is no statement");
	if (to->s.bulk >= 0 && !r->saw_ord)
		return wrong(r, r->bulk_line, "bulk: the statement does not use :ord");
	return true;
}

bool sqlc_read_statement(const char *path, struct sqlc_statement *ret)
{
	char *text = read_file(path);
	if (!text)
		return false;
	*ret = (struct sqlc_statement){ .path = path, .s = { .bulk = -1 } };
	struct reader r = { .to = ret, .path = path, .text = text, .at = text };
	struct str stem = stem_of(path);
	ret->s.request = request_of(stem);
	str_keep(ret->symbol, sizeof ret->symbol, stem);
	bool good = ret->s.request ? read_all(&r)
	                           : wrong(&r, 1, "no message is called '%.*s'", STR(stem));
	if (good)
		ret->s.pg.name = ret->s.request->full;
	free(text);
	return good;
}

bool sqlc_read_schema(const char *path, struct sqlc_schema *ret)
{
	char *text = read_file(path), *end;
	if (!text)
		return false;
	struct str stem = stem_of(path);
	unsigned long number = strtoul(stem.at, &end, 10);
	struct reader r = { .path = path, .text = text };
	if (end != stem.at + 4 || *end != '_' || !number) {
		free(text);
		return wrong(&r, 1, "a schema file is called NNNN_name.sql");
	}
	*ret = (struct sqlc_schema){ path, { (uint32_t)number, str_dup(stem), text } };
	return true;
}
