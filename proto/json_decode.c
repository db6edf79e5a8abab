/*
 * json_decode.c — a JSON object into the struct of a table, in one pass, or one precise error.
 *
 *     {"rows":[{"body":"x"}]}        path of an error:  member "rows" ◀─ item 0 ◀─ member "body"
 *
 * The path lives on the C stack, one step per level, and is only written out when something is
 * wrong.
 */
#include "proto/field.h"
#include "proto/json_js.h"
#include "proto/utf8.h"

enum { EXCERPT_BYTES = 40 };

struct step {
	const struct step *up;
	struct str name; /* a member; empty `at` for an item of a list */
	uint32_t index;
	bool secret; /* here or above: no byte of it may reach an error */
};

struct walk {
	struct json *j;
	struct arena *a;
	struct json_error *error; /* may be NULL */
};

static void pointer_of(struct buf *b, const struct step *s)
{
	if (!s)
		return;
	pointer_of(b, s->up);
	buf_char(b, '/');
	if (!s->name.at) {
		buf_u64(b, s->index);
		return;
	}
	for (uint32_t i = 0; i < s->name.len; i++) {
		char c = s->name.at[i];
		if (c == '~' || c == '/')
			buf_text(b, c == '~' ? "~0" : "~1"); /* RFC 6901, section 3 */
		else
			buf_char(b, (unsigned char)c < 0x20 ? '?' : c);
	}
}

/* End a text that may have been cut where its room ended: a NUL, and no half character before it.
 */
static void finish(struct buf *b, char *room)
{
	size_t len = b->len < b->max - 1 ? b->len : b->max - 1;
	room[utf8_prefix(room, len)] = '\0';
}

/* The bytes found, up to EXCERPT_BYTES, fit to print. */
static void excerpt(char *out, size_t cap, struct str found)
{
	struct buf b;
	uint32_t n = utf8_cut(found, EXCERPT_BYTES);
	n = (uint32_t)utf8_prefix(found.at, n);
	buf_over(&b, out, cap);
	for (uint32_t i = 0; i < n; i++)
		buf_char(&b, (unsigned char)found.at[i] < 0x20 || found.at[i] == 0x7f
		                     ? ' '
		                     : found.at[i]);
	if (n < found.len)
		buf_text(&b, n ? "\xe2\x80\xa6" : "?");
	finish(&b, out);
}

static void received_value(const struct walk *w, const char *at, bool secret, char *out, size_t cap)
{
	struct json j;
	struct str raw;
	json_init(&j, str_n(at, (size_t)(w->j->end - at)), w->j->flags);
	enum json_type t = json_peek(&j);
	if (secret || !json_raw(&j, &raw))
		str_keep(out, cap, str_of(json_type_name(t)));
	else
		excerpt(out, cap, raw);
}

/* Where the syntax broke only one character is shown: what stands behind it may be a secret. */
static void received_byte(const struct json *j, char *out, size_t cap)
{
	struct str rest = str_n(j->at, (size_t)(j->end - j->at));
	if (!rest.len) {
		str_keep(out, cap, str_of("the end of the document"));
		return;
	}
	uint32_t n = 1;
	while (n < rest.len && n < 4 && ((unsigned char)rest.at[n] & 0xc0) == 0x80)
		n++;
	excerpt(out, cap, str_n(rest.at, n));
}

void json_error_of(const struct json *j, struct json_error *ret)
{
	*ret = (struct json_error){ .err = j->err, .offset = (uint32_t)(j->at - j->start) };
	str_keep(ret->expected, sizeof ret->expected, str_of(j->expected));
	received_byte(j, ret->received, sizeof ret->received);
}

static void start_error(struct walk *w, const struct step *s, enum err e, const char *at)
{
	struct json_error *error = w->error;
	struct buf b;
	*error = (struct json_error){ .err = e, .offset = (uint32_t)(at - w->j->start) };
	buf_over(&b, error->pointer, sizeof error->pointer);
	pointer_of(&b, s);
	finish(&b, error->pointer);
}

/* The value that starts at `at` is not what field `f` takes. NULL for `at`: there is none. */
static enum err refuse(struct walk *w, const struct step *s, enum err e,
                       const struct proto_field *f, bool item, const char *at)
{
	struct json_error *error = w->error;
	struct buf b;
	json_fail(w->j, e, "another value");
	if (!error)
		return e;
	start_error(w, s, e, at ? at : w->j->at);
	buf_over(&b, error->expected, sizeof error->expected);
	field_expects(&b, f, item);
	finish(&b, error->expected);
	if (at)
		received_value(w, at, s->secret, error->received, sizeof error->received);
	else
		str_keep(error->received, sizeof error->received, str_of("nothing"));
	return e;
}

/* The same, in words of one's own. */
static enum err refuse_as(struct walk *w, const struct step *s, enum err e, const char *expected,
                          const char *at)
{
	json_fail(w->j, e, expected);
	if (!w->error)
		return e;
	start_error(w, s, e, at);
	str_keep(w->error->expected, sizeof w->error->expected, str_of(expected));
	received_value(w, at, s->secret, w->error->received, sizeof w->error->received);
	return e;
}

/* The document itself is broken. */
static enum err broken(struct walk *w, const struct step *s)
{
	if (!w->error)
		return w->j->err;
	struct json_error at_byte;
	json_error_of(w->j, &at_byte);
	start_error(w, s, w->j->err, w->j->at);
	memcpy(w->error->expected, at_byte.expected, sizeof at_byte.expected);
	memcpy(w->error->received, at_byte.received, sizeof at_byte.received);
	return w->j->err;
}

static bool u64_next(struct json *j, uint64_t *ret)
{
	struct str digits;
	if (j->flags & JSON_JS)
		return json_js_u64(j, ret);
	if (json_peek(j) != JSON_STRING)
		return json_u64(j, ret);
	return json_string(j, NULL, &digits) &&
	       (field_read_u64(digits, ret) || json_fail(j, ERR_TYPE, "a whole number"));
}

static bool i64_next(struct json *j, int64_t *ret)
{
	struct str digits;
	if (j->flags & JSON_JS)
		return json_js_i64(j, ret);
	if (json_peek(j) != JSON_STRING)
		return json_i64(j, ret);
	return json_string(j, NULL, &digits) &&
	       (field_read_i64(digits, ret) || json_fail(j, ERR_TYPE, "a whole number"));
}

static enum err decode_number(struct json *j, const struct proto_field *f, void *at)
{
	uint64_t u;
	int64_t i;
	double d;
	if (f->kind == PROTO_F64)
		return json_f64(j, &d) ? field_set_f64(f, at, d) : j->err;
	bool loose = f->kind == PROTO_U64 || f->kind == PROTO_I64 || j->flags & JSON_JS;
	if (field_is_signed(f)) {
		bool good = loose ? i64_next(j, &i) : json_i64(j, &i);
		return good ? field_set_i64(f, at, i) : j->err;
	}
	bool good = loose ? u64_next(j, &u) : json_u64(j, &u);
	return good ? field_set_u64(f, at, u) : j->err;
}

static enum err decode_enum(struct json *j, struct arena *a, const struct proto_field *f, void *at)
{
	struct str name;
	uint64_t number;
	uint32_t known;
	if (j->flags & JSON_JS && json_peek(j) == JSON_NUMBER) {
		if (!json_u64(j, &number))
			return j->err;
		if (number > UINT32_MAX || !proto_enum_has(f->of_enum, (uint32_t)number))
			return ERR_RANGE;
		*(uint32_t *)at = (uint32_t)number;
		return OK;
	}
	if (!json_string(j, a, &name))
		return j->err;
	if (!field_enum_number(f->of_enum, name, &known))
		return ERR_RANGE;
	*(uint32_t *)at = known;
	return OK;
}

static enum err decode_bytes(struct json *j, struct arena *a, const struct proto_field *f,
                             struct str *at)
{
	struct str v;
	bool good = f->kind == PROTO_STR        ? json_string(j, a, &v)
	            : f->kind == PROTO_JSON     ? json_raw(j, &v)
	            : (j->flags & JSON_JS) != 0 ? json_js_bytes(j, a, &v)
	                                        : json_base64(j, a, &v);
	if (!good)
		return j->err;
	if (v.len > f->max)
		return ERR_TOO_LARGE;
	*at = v;
	return OK;
}

static enum err decode_record(struct walk *w, const struct proto_desc *d, char *body,
                              const struct step *s);

static enum err decode_one(struct walk *w, const struct proto_field *f, bool item, void *at,
                           const struct step *s)
{
	struct json *j = w->j;
	enum err e = OK;
	bool odd_before = j->odd;
	json_peek(j); /* past white space, so that errors point at the value */
	const char *from = j->at;
	if (f->kind == PROTO_RECORD) {
		if (json_peek(j) != JSON_OBJECT && json_peek(j) != JSON_NONE)
			return refuse(w, s, ERR_TYPE, f, item, from);
		return decode_record(w, f->of_record, at, s);
	}
	j->odd = false;
	if (f->kind == PROTO_BOOL)
		e = json_bool(j, at) ? OK : j->err;
	else if (f->kind == PROTO_ENUM)
		e = decode_enum(j, w->a, f, at);
	else if (f->kind >= PROTO_STR && f->kind <= PROTO_JSON)
		e = decode_bytes(j, w->a, f, at);
	else
		e = decode_number(j, f, at);
	if (e == ERR_MALFORMED)
		return broken(w, s);
	if (j->err == ERR_TOO_LARGE) /* not the field's bound, the arena's */
		return refuse_as(w, s, e, j->expected, from);
	if (e)
		return refuse(w, s, e, f, item, from);
	if (j->odd && j->flags & JSON_NO_NUL)
		return refuse_as(w, s, ERR_INVALID, "text without U+0000", from);
	j->odd |= odd_before;
	return OK;
}

/* How many items the list that comes next has, a broken one included; counting ends above `most`.
 */
static uint32_t count_items(const struct json *here, uint32_t most)
{
	struct json ahead = *here;
	uint32_t n = 0;
	json_array(&ahead);
	while (n <= most && json_item(&ahead)) {
		n++;
		if (!json_skip(&ahead))
			break;
	}
	return n;
}

static enum err decode_list(struct walk *w, const struct proto_field *f, struct field_list *ret,
                            const struct step *s)
{
	struct json *j = w->j;
	if (json_peek(j) != JSON_ARRAY)
		return j->err || json_peek(j) == JSON_NONE
		               ? (json_fail(j, ERR_MALFORMED, "a value"), broken(w, s))
		               : refuse(w, s, ERR_TYPE, f, false, j->at);
	uint32_t n = count_items(j, f->most);
	if (n > f->most)
		return refuse(w, s, ERR_TOO_LARGE, f, false, j->at);
	size_t size = proto_item_size(f);
	char *items = n ? arena_take(w->a, n * size, 8) : NULL;
	if (n && !items)
		return refuse_as(w, s, ERR_TOO_LARGE, "less than there is room for", j->at);
	if (n)
		memset(items, 0, n * size);
	uint32_t i = 0;
	json_array(j);
	for (; json_item(j); i++) {
		struct step item = { .up = s, .index = i, .secret = s->secret };
		if (i == n) /* not what was counted: cannot be, but memory hangs on it */
			return refuse(w, s, ERR_TOO_LARGE, f, false, j->at);
		enum err e = decode_one(w, f, true, items + i * size, &item);
		if (e)
			return e;
	}
	if (j->err)
		return broken(w, s);
	*ret = (struct field_list){ .at = items, .n = n };
	return OK;
}

/* Members mostly come in the table's order: the search starts behind the last one found. */
static const struct proto_field *field_of(const struct proto_desc *d, struct str key,
                                          uint16_t *hint)
{
	for (uint16_t tried = 0; tried < d->n_fields; tried++) {
		const struct proto_field *f = &d->fields[*hint];
		*hint = *hint + 1 < d->n_fields ? (uint16_t)(*hint + 1) : 0;
		if (key.len && *f->json == *key.at && str_is(key, f->json))
			return f;
	}
	return NULL;
}

static enum err unknown_member(struct walk *w, struct str key, const struct step *up)
{
	/* Its value stays hidden: it may be a secret under a misspelt name. */
	struct step s = { .up = up, .name = key.len ? key : str_of(""), .secret = true };
	if (w->j->flags & JSON_CLOSED) {
		json_peek(w->j);
		return refuse_as(w, &s, ERR_INVALID, "no such member", w->j->at);
	}
	return json_skip(w->j) ? OK : broken(w, up);
}

static enum err decode_member(struct walk *w, const struct proto_field *f, char *body,
                              const struct step *s)
{
	if (f->optional && json_null(w->j))
		return OK;
	if (w->j->err)
		return broken(w, s);
	if (json_peek(w->j) == JSON_NULL && f->kind != PROTO_JSON)
		return refuse(w, s, ERR_MISSING, f, false, w->j->at);
	return f->list ? decode_list(w, f, (struct field_list *)(void *)(body + f->offset), s)
	               : decode_one(w, f, false, body + f->offset, s);
}

static enum err all_there(struct walk *w, const struct proto_desc *d, uint64_t seen,
                          const struct step *up)
{
	for (uint16_t i = 0; i < d->n_fields; i++) {
		const struct proto_field *f = &d->fields[i];
		if (f->optional || seen >> i & 1)
			continue;
		struct step s = { .up = up, .name = str_of(f->json) };
		return refuse(w, &s, ERR_MISSING, f, false, NULL);
	}
	return OK;
}

/* `seen`: the fields given before, and those given here. */
static enum err decode_members(struct walk *w, const struct proto_desc *d, char *body,
                               const struct step *up, uint64_t *seen)
{
	uint16_t hint = 0;
	struct str key;
	json_object(w->j);
	while (json_key(w->j, &key)) {
		const struct proto_field *f = field_of(d, key, &hint);
		enum err e;
		if (f) {
			struct step s = { .up = up,
				          .name = str_of(f->json),
				          .secret = f->secret || (up && up->secret) };
			uint64_t bit = UINT64_C(1) << (f - d->fields); /* at most 64 (desc.h) */
			json_peek(w->j);
			e = *seen & bit
			            ? refuse_as(w, &s, ERR_INVALID, "each member once", w->j->at)
			            : decode_member(w, f, body, &s);
			*seen |= bit;
		} else {
			e = unknown_member(w, key, up);
		}
		if (e)
			return e;
	}
	return w->j->err ? broken(w, up) : OK;
}

static enum err decode_record(struct walk *w, const struct proto_desc *d, char *body,
                              const struct step *up)
{
	uint64_t seen = 0;
	enum err e = decode_members(w, d, body, up, &seen);
	return e ? e : all_there(w, d, seen, up);
}

/* Is it an object at all? */
static enum err wants_object(struct walk *w)
{
	struct json *j = w->j;
	struct step none = { .name = str_of("") };
	enum json_type t = json_peek(j);
	if (!j->err && t == JSON_OBJECT)
		return OK;
	if (j->err || t == JSON_NONE) {
		json_fail(j, ERR_MALFORMED, "an object");
		return broken(w, NULL);
	}
	refuse_as(w, &none, ERR_TYPE, "an object", j->at);
	if (w->error)
		w->error->pointer[0] = '\0'; /* the document itself */
	return ERR_TYPE;
}

enum err json_decode_onto(struct json *j, const struct proto_desc *d, struct arena *a, void *body,
                          uint64_t *given, struct json_error *ret_error)
{
	struct walk w = { .j = j, .a = a, .error = ret_error };
	enum err e = wants_object(&w);
	return e ? e : decode_members(&w, d, body, NULL, given);
}

enum err json_decode_next(struct json *j, const struct proto_desc *d, struct arena *a, void *ret,
                          struct json_error *ret_error)
{
	struct walk w = { .j = j, .a = a, .error = ret_error };
	memset(ret, 0, d->size);
	enum err e = wants_object(&w);
	if (!e)
		e = decode_record(&w, d, ret, NULL);
	if (e)
		memset(ret, 0, d->size);
	return e;
}

enum err json_decode(const struct proto_desc *d, struct str doc, unsigned flags, struct arena *a,
                     void *ret, struct json_error *ret_error)
{
	struct json j;
	json_init(&j, doc, flags);
	enum err e = json_decode_next(&j, d, a, ret, ret_error);
	if (e || !json_end(&j))
		return e;
	if (ret_error)
		json_error_of(&j, ret_error);
	memset(ret, 0, d->size);
	return j.err;
}
