/*
 * json.c — any bytes as JSON: walked, skipped and decoded by a table; what is taken is written, and
 * what is written is taken again as the same. The first byte chooses the reader's flags.
 */
#include "proto/json.h"
#include "proto/json_js.h"
#include "proto/utf8.h"
#include "tests/unit/proto_sample.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static char room[1 << 16] __attribute__((aligned(8)));
static char again[1 << 16] __attribute__((aligned(8)));

static void must(bool held)
{
	if (!held)
		abort();
}

/* Read everything with the reader's own calls, as a hand-written walk would. */
static void walk(struct json *j, struct arena *a)
{
	struct str s;
	double d;
	bool yes;
	switch (json_peek(j)) {
	case JSON_OBJECT:
		json_object(j);
		while (json_key(j, &s)) {
			must(utf8_valid(s));
			walk(j, a);
		}
		break;
	case JSON_ARRAY:
		json_array(j);
		while (json_item(j))
			walk(j, a);
		break;
	case JSON_STRING:
		if (json_string(j, a, &s))
			must(utf8_valid(s));
		break;
	case JSON_NUMBER: {
		struct json same = *j;
		int64_t i;
		if (!json_f64(&same, &d) || !json_i64(j, &i))
			*j = same.err ? *j : same;
		if (j->err)
			break;
		if (same.err)
			json_skip(j);
		break;
	}
	case JSON_BOOL:
		json_bool(j, &yes);
		break;
	case JSON_NULL:
		must(json_null(j) || j->err);
		break;
	default:
		json_skip(j);
	}
}

static void check_walk(struct str doc, unsigned flags)
{
	struct json j, skip;
	struct arena a = ARENA_OVER(room);
	json_init(&j, doc, flags);
	json_init(&skip, doc, flags);
	walk(&j, &a);
	json_skip(&skip);
	enum err walked = json_end(&j), skipped = json_end(&skip);
	if (skipped)
		must(walked != OK);
	else /* a walk may only stop at a number that no type of ours holds */
		must(walked == OK || walked == ERR_RANGE || walked == ERR_TYPE ||
		     walked == ERR_TOO_LARGE);
}

static void check_error(const struct json_error *e)
{
	must(e->err != OK && memchr(e->pointer, 0, sizeof e->pointer) &&
	     memchr(e->expected, 0, sizeof e->expected) &&
	     memchr(e->received, 0, sizeof e->received));
	must(utf8_valid(str_of(e->pointer)) && utf8_valid(str_of(e->expected)) &&
	     utf8_valid(str_of(e->received)));
	must(strlen(e->expected) > 0);
}

static void check_table(struct str doc, unsigned flags)
{
	struct sample_all s, t;
	struct json_error error;
	struct arena a = ARENA_OVER(room), b = ARENA_OVER(again);
	struct buf one, two;
	if (json_decode(&sample_all_desc, doc, flags, &a, &s, &error)) {
		check_error(&error);
		return;
	}
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	must(json_write(&one, &sample_all_desc, &s, 0) == OK);
	must(json_decode(&sample_all_desc, buf_view(&one), flags, &b, &t, &error) == OK);
	must(json_write(&two, &sample_all_desc, &t, 0) == OK);
	must(str_eq(buf_view(&one), buf_view(&two)));
	buf_done(&one);
	buf_done(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	if (!len)
		return 0;
	unsigned flags = at[0] & (JSON_LONE | JSON_JS | JSON_CLOSED | JSON_NO_NUL);
	struct str doc = str_n((const char *)at + 1, len - 1);
	check_walk(doc, flags);
	check_table(doc, flags);
	return 0;
}
