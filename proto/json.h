/*
 * json.h — JSON in and out: a bounded pull reader, and the tables walked both ways.
 *
 *     bytes ──▶ struct json ──▶ a hand-written walk          (Baileys' wrappers, odd shapes)
 *                    └────────▶ json_decode(desc) ──▶ struct (requests, foreign events)
 *     struct ──▶ json_write(desc) ──▶ struct buf             json_schema(desc) ──▶ OpenAPI 3.1
 *
 * No tree and no allocation. The reader takes exactly RFC 8259 and refuses everything else:
 * trailing bytes, bad escapes, unpaired surrogates, bytes that are not UTF-8, more than JSON_DEPTH
 * levels or JSON_BYTES bytes. Text without escapes is a view into the document, other text is
 * unescaped into the caller's arena; so the document must live as long as what was read from it.
 */
#pragma once
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/desc.h"

enum { JSON_DEPTH = 32, JSON_BYTES = 64 << 20 }; /* ours: a gateway bounds bodies far below */

enum json_flags {
	JSON_LONE = 1,   /* an unpaired surrogate escape reads as U+FFFD: JavaScript writes them for
	                  * text it has cut inside an emoji, and a message must not be lost for it */
	JSON_JS = 2,     /* numbers and bytes also in the forms JavaScript libraries give them
	                    (json_js.h) */
	JSON_CLOSED = 4, /* json_decode: members the table does not know are refused, not skipped */
	JSON_NO_NUL = 8, /* json_decode: text with U+0000 is refused (PostgreSQL can keep none) */
	JSON_REQUEST = JSON_CLOSED | JSON_NO_NUL, /* our own API */
	JSON_FOREIGN = JSON_LONE | JSON_JS,       /* what others send */
	JSON_MASK = 16,                           /* json_write: secret fields as "***" */
};

enum json_type {
	JSON_NONE, /* the end of the document, or an error */
	JSON_NULL,
	JSON_BOOL,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

/* A place in a document. The first failure sticks: every later call answers false or that error, so
 * a walk asks json_end once. A plain value: a copy of it looks ahead and leaves the original in
 * place. */
struct json {
	const char *start, *at, *end;
	uint32_t objects; /* one bit per open level: is it an object */
	uint8_t depth;
	uint8_t flags;
	bool first; /* nothing yet read of the level just opened */
	bool odd; /* an escape was passed that PostgreSQL keeps in no text: U+0000, half a surrogate
	             pair */
	enum err err;
	const char *expected; /* with err: what would have been right at `at` */
	char key[64];         /* a member's name that had escapes */
};

/*
 *     json_init(&j, doc, 0);
 *     json_object(&j);
 *     while (json_key(&j, &key)) {
 *             if (str_is(key, "low"))
 *                     json_i64(&j, &low);
 *             else
 *                     json_skip(&j);
 *     }
 *     return json_end(&j);
 *
 * After json_key or json_item said true, exactly one value must be read or skipped. A value of
 * another type than asked for is ERR_TYPE; who wants to be tolerant asks json_peek first.
 */
void json_init(struct json *j, struct str doc, unsigned flags);
enum json_type json_peek(struct json *j); /* of the value that comes next */
bool json_object(struct json *j);         /* into it */
bool json_key(struct json *j,
              struct str *ret_key); /* next member; false at the end, which is passed */
bool json_array(struct json *j);
bool json_item(struct json *j); /* is there another item; false at the end, which is passed */
bool json_skip(struct json *j);
bool json_raw(struct json *j, struct str *ret); /* the value's bytes, checked but not changed */
bool json_null(struct json *j);                 /* true, and passed, if null comes next */
bool json_bool(struct json *j, bool *ret);
bool json_i64(struct json *j,
              int64_t *ret); /* exact or ERR_RANGE; 1e3 and 2.0 are whole, 1.5 is not */
bool json_u64(struct json *j, uint64_t *ret);
bool json_f64(struct json *j, double *ret);
bool json_string(struct json *j, struct arena *a,
                 struct str *ret); /* `a` may be NULL: then no escapes */
enum err
json_end(struct json *j); /* nothing but white space may follow; the walk's error if it had one */

/* In the object that comes next: go to the value of its first member `name`. False when it has none
 * (the object is then passed) or is no object. For looking ahead on a copy. */
bool json_find(struct json *j, const char *name);

/* Fail the walk with an error of one's own, at the place reached. */
bool json_fail(struct json *j, enum err e, const char *expected);

/* OK when `doc` is exactly one JSON value; ERR_MALFORMED, ERR_TOO_LARGE. */
MUST enum err json_check(struct str doc);

/* Can PostgreSQL keep it as jsonb, once it is mended? As json_check, but unpaired surrogate escapes
 * are no reason to lose it; ERR_RANGE: a number that numeric cannot hold. */
MUST enum err json_keeps(struct str doc);
/* In a document that keeps: \u0000 and unpaired surrogates, which no text of PostgreSQL takes,
 * become \ufffd, in place and of the same length. */
void json_mend(char *doc, size_t len);

const char *json_type_name(enum json_type t);

/* What was wrong, for a person and for RFC 9457. All bounded, always ending in NUL, all UTF-8. */
struct json_error {
	char pointer[128]; /* RFC 6901: "/rows/3/body"; "" is the whole document */
	char expected[64]; /* "a whole number 8000..48000" */
	char received[48]; /* the bytes found, up to 40, or only their type for a secret field */
	uint32_t offset;   /* in the document, bytes */
	enum err err;
};

/* Where and why a walk failed; `pointer` stays empty, the walker knows it better. */
void json_error_of(const struct json *j, struct json_error *ret);

/* A whole document, or the value that comes next in a walk, into the struct of a table.
 *
 *     str     string                                u64 i64  number, or string of decimal digits
 *     bin     string: base64, either alphabet       enum     its name
 *     json    any value, its bytes as they stand    record   object          list   array
 *
 * null stands for an absent optional field. A member given twice is refused. Errors: ERR_MALFORMED
 * (no JSON), ERR_TYPE, ERR_RANGE, ERR_TOO_LARGE (over a field's bound, or the arena is full),
 * ERR_MISSING, ERR_INVALID (twice, unknown). On failure the struct is zero. ret_error may be NULL.
 */
MUST enum err json_decode(const struct proto_desc *d, struct str doc, unsigned flags,
                          struct arena *a, void *ret, struct json_error *ret_error);
MUST enum err json_decode_next(struct json *j, const struct proto_desc *d, struct arena *a,
                               void *ret, struct json_error *ret_error);

/* The same onto a struct that is filled in part: bits of *given are the fields it has (bit i:
 * fields[i]), giving one again is refused, those of the object are added. Whether all required ones
 * are there is for the caller to ask; see fill.h. On failure the struct is half filled. */
MUST enum err json_decode_onto(struct json *j, const struct proto_desc *d, struct arena *a,
                               void *body, uint64_t *given, struct json_error *ret_error);

/* The struct as a JSON object; absent optional fields are left out. Numbers beyond 2^53 are written
 * as strings, which is what a JavaScript reader can take. Fails in the buf: ERR_RANGE for NaN and
 * infinity, ERR_MALFORMED for a json field that is none. */
MUST enum err json_write(struct buf *b, const struct proto_desc *d, const void *body,
                         unsigned flags);

/* Pieces, for what has no table. A comma is put where one is due: before a key or a value that does
 * not follow '{', '[', ':', ',' or a line's end. */
void json_put_open(struct buf *b, char c); /* '{' or '[' */
void json_put_close(struct buf *b, char c);
void json_put_key(struct buf *b, const char *key);
void json_put_str(struct buf *b, struct str s); /* bytes that are not UTF-8 become U+FFFD */
void json_put_text(struct buf *b, const char *s);
void json_put_u64(struct buf *b, uint64_t v); /* above 2^53 as a string */
void json_put_i64(struct buf *b, int64_t v);
void json_put_f64(struct buf *b, double v); /* the shortest that reads back the same */
void json_put_bool(struct buf *b, bool v);
void json_put_null(struct buf *b);
void json_put_base64(struct buf *b, struct str bytes);
void json_put_raw(struct buf *b, struct str json); /* checked: ERR_MALFORMED */

/* The JSON Schema (2020-12, as OpenAPI 3.1 takes it) of a table; records are "$ref"s to
 * "#/components/schemas/GROUP.NAME". json_components writes the object of all of these and of
 * every record they reach, each once. */
void json_schema(struct buf *b, const struct proto_desc *d);
void json_components(struct buf *b, const struct proto_desc *const *descs, size_t n);
