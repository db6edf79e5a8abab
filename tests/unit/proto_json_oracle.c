/*
 * proto_json_oracle — our reader and jansson take and refuse the same documents, and read the same
 * values.
 *
 * Deliberate differences, each named where it is let pass: we bound depth at 32 (jansson: 2048); we
 * pass over numbers no double holds, and refuse them only when they are read; we take U+0000 in a
 * member's name.
 */
#include "proto/json.h"
#include "tests/unit/jansson_oracle.h"
#include "tests/unit/proto_sample_random.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DOCUMENTS = 60000, DEEPEST = 6 };

static void put_space(struct buf *b, uint64_t *seed)
{
	if (draw(seed) % 8 == 0)
		buf_char(b, " \t\r\n"[draw(seed) % 4]);
}

static void put_text(struct buf *b, uint64_t *seed)
{
	static const char *const pieces[] = { "a",
		                              "rate",
		                              "\\n",
		                              "\\\"",
		                              "\\\\",
		                              "\\/",
		                              "\\u0041",
		                              "\\u00e9",
		                              "\\u20ac",
		                              "\\u0000",
		                              "\\ud83d\\ude00",
		                              "\xc3\xa9",
		                              "\x7f",
		                              " ",
		                              "\xf0\x9f\x98\x80",
		                              "\xe2\x82\xac",
		                              "{[,]}:",
		                              "0123456789abcdef" };
	buf_char(b, '"');
	for (uint64_t n = draw(seed) % 5; n; n--)
		buf_text(b, pieces[draw(seed) % (sizeof pieces / sizeof *pieces)]);
	buf_char(b, '"');
}

static void put_number(struct buf *b, uint64_t *seed)
{
	static const char *const odd[] = {
		"0",    "-0",   "-1",   "9007199254740993", "9223372036854775807",    "1.5",
		"-0.0", "1e22", "1E-7", "4.9e-324",         "1.7976931348623157e308", "123.456e+3"
	};
	if (draw(seed) & 1)
		buf_text(b, odd[draw(seed) % (sizeof odd / sizeof *odd)]);
	else
		buf_i64(b, (int64_t)draw(seed) >> draw(seed) % 64);
}

static void put_value(struct buf *b, uint64_t *seed, int depth)
{
	uint64_t kind = draw(seed) % (depth < DEEPEST ? 9 : 5), n = draw(seed) % 4;
	put_space(b, seed);
	if (kind < 2) {
		put_text(b, seed);
	} else if (kind < 4) {
		put_number(b, seed);
	} else if (kind == 4) {
		buf_text(b, n == 0 ? "true" : n == 1 ? "false" : "null");
	} else {
		bool object = kind < 7;
		buf_char(b, object ? '{' : '[');
		for (uint64_t i = 0; i < n; i++) {
			buf_text(b, i ? "," : "");
			if (object) {
				put_space(b, seed);
				put_text(b, seed);
				put_space(b, seed);
				buf_char(b, ':');
			}
			put_value(b, seed, depth + 1);
		}
		put_space(b, seed);
		buf_char(b, object ? '}' : ']');
	}
	put_space(b, seed);
}

/* One small damage: a byte changed, removed, put in, or the end cut off. */
static void mutate(struct buf *b, uint64_t *seed)
{
	static const char bytes[] = "{}[],:\"\\u0dDeE+-.tfn \n\x01\x80\xc3\xed\xa0\xff/";
	size_t at = b->len ? draw(seed) % b->len : 0;
	char c = bytes[draw(seed) % (sizeof bytes - 1)];
	switch (draw(seed) % 4) {
	case 0:
		if (b->len)
			b->at[at] = c;
		break;
	case 1:
		if (b->len) {
			memmove(b->at + at, b->at + at + 1, b->len - at - 1);
			b->len--;
		}
		break;
	case 2:
		buf_char(b, c);
		memmove(b->at + at + 1, b->at + at, b->len - at - 1);
		b->at[at] = c;
		break;
	default:
		b->len = at;
	}
}

static void same_value(struct json *j, const struct oracle *v);

static void same_object(struct json *j, const struct oracle *v)
{
	struct json all = *j;
	struct str key;
	size_t members = 0;
	assert_true(json_object(&all));
	for (; json_key(&all, &key); members++)
		json_skip(&all);
	if (members != oracle_size(v)) { /* a name given twice: jansson keeps the last */
		json_skip(j);
		return;
	}
	char name[1024];
	json_object(j);
	while (json_key(j, &key)) {
		assert_true(str_keep(name, sizeof name, key));
		const struct oracle *member = oracle_member(v, name);
		if (member)
			same_value(j, member);
		else { /* its name had too many escapes to be unescaped */
			assert_non_null(memchr(key.at, '\\', key.len));
			json_skip(j);
		}
	}
}

static void same_value(struct json *j, const struct oracle *v)
{
	static char room[1 << 16];
	struct arena a = ARENA_OVER(room);
	struct str s = { 0 };
	double d = 0, theirs;
	bool yes = false;
	size_t i = 0;
	switch (json_peek(j)) {
	case JSON_OBJECT:
		assert_int_equal(oracle_type(v), '{');
		same_object(j, v);
		break;
	case JSON_ARRAY:
		assert_int_equal(oracle_type(v), '[');
		for (json_array(j); json_item(j); i++)
			same_value(j, oracle_item(v, i));
		assert_int_equal(i, oracle_size(v));
		break;
	case JSON_STRING:
		assert_true(oracle_type(v) == '"' && json_string(j, &a, &s));
		assert_true(str_eq(s, oracle_text(v)));
		break;
	case JSON_NUMBER:
		assert_true(oracle_type(v) == '0' && json_f64(j, &d));
		theirs = oracle_number(v);
		assert_memory_equal(&d, &theirs, sizeof d);
		break;
	case JSON_BOOL:
		assert_true(json_bool(j, &yes) && oracle_type(v) == (yes ? 't' : 'f'));
		break;
	default:
		assert_true(oracle_type(v) == 'n' && json_null(j));
	}
}

/* 1: both took it, 0: both refused it, -1: one of the named differences. */
static int compare(struct str doc)
{
	const char *why;
	bool meant;
	char *copy = malloc(doc.len ? doc.len : 1);
	assert_non_null(copy);
	if (doc.len)
		memcpy(copy, doc.at, doc.len);
	doc.at = copy;
	struct oracle *tree = oracle_load(doc, &why, &meant);
	enum err e = json_check(doc);
	int verdict = !e;
	if (meant)
		verdict = -1;
	else if (!tree != !!e)
		fail_msg("jansson %s (%s), we %s: %.*s", tree ? "takes" : "refuses", why,
		         err_info(e)->name, STR(doc));
	if (tree) {
		struct json j;
		json_init(&j, doc, 0);
		same_value(&j, tree);
		assert_int_equal(json_end(&j), OK);
	}
	oracle_free(tree);
	free(copy);
	return verdict;
}

static void both_read_drawn_documents_alike(void **state)
{
	unsigned taken = 0, refused = 0;
	(void)state;
	for (uint64_t n = 0; n < DOCUMENTS; n++) {
		uint64_t seed = n;
		struct buf b;
		buf_init(&b, 1 << 20);
		put_value(&b, &seed, 0);
		assert_int_equal(buf_err(&b), OK);
		assert_int_not_equal(compare(buf_view(&b)), 0);
		for (int i = 0; i < 3; i++) {
			mutate(&b, &seed);
			int verdict = compare(buf_view(&b));
			taken += verdict == 1;
			refused += verdict == 0;
		}
		buf_done(&b);
	}
	/* Both answers must be common, or the mutations prove nothing. */
	assert_true(taken > DOCUMENTS / 4 && refused > DOCUMENTS / 4);
}

static void jansson_reads_what_we_write(void **state)
{
	(void)state;
	for (uint64_t n = 0; n < 5000; n++) {
		static char drawn[8192] __attribute__((aligned(8))),
			room[16384] __attribute__((aligned(8)));
		struct arena from = ARENA_OVER(drawn), to = ARENA_OVER(room);
		uint64_t seed = n;
		struct sample_all s = draw_sample(&seed, &from), back;
		struct json_error error;
		const char *why;
		bool meant;
		struct buf b;
		buf_init(&b, 1 << 16);
		assert_int_equal(json_write(&b, &sample_all_desc, &s, 0), OK);
		struct oracle *tree = oracle_load(buf_view(&b), &why, &meant);
		if (!tree)
			fail_msg("%s: %.*s", why, STR(buf_view(&b)));
		assert_true((uint32_t)oracle_number(oracle_member(tree, "rate")) == s.rate);
		oracle_free(tree);
		if (json_decode(&sample_all_desc, buf_view(&b), JSON_CLOSED, &to, &back, &error))
			fail_msg("%s: expected %s, received %s", error.pointer, error.expected,
			         error.received);
		assert_true(same_sample(&s, &back));
		buf_done(&b);
	}
}

static void schemas_are_json_to_jansson(void **state)
{
	static const struct proto_desc *const descs[] = { &sample_all_desc, &sample_leg_desc };
	struct buf b;
	const char *why;
	bool meant;
	(void)state;
	buf_init(&b, 1 << 16);
	json_components(&b, descs, 2);
	struct oracle *tree = oracle_load(buf_view(&b), &why, &meant);
	assert_non_null(tree);
	assert_int_equal(oracle_size(tree), 2);
	const struct oracle *all = oracle_member(oracle_member(tree, "sample.all"), "properties");
	assert_int_equal(oracle_size(all), sample_all_desc.n_fields);
	const struct oracle *items = oracle_member(oracle_member(all, "legs"), "items");
	assert_true(str_is(oracle_text(oracle_member(items, "$ref")),
	                   "#/components/schemas/sample.leg"));
	oracle_free(tree);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_read_drawn_documents_alike),
		cmocka_unit_test(jansson_reads_what_we_write),
		cmocka_unit_test(schemas_are_json_to_jansson),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
