/*
 * query.c — any bytes as the query of an address, filled into a message; the first byte chooses
 * flags.
 */
#include "proto/query.h"
#include "proto/fill.h"
#include "proto/utf8.h"
#include "tests/unit/proto_sample.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

static char room[1 << 14] __attribute__((aligned(8)));

static void must(bool held)
{
	if (!held)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	if (!len)
		return 0;
	struct sample_all s;
	struct json_error error = { .err = OK };
	struct arena a = ARENA_OVER(room);
	struct str raw = str_n((const char *)at + 1, len - 1), key, value, text;
	enum err e = fill_from_query(&sample_all_desc, raw, at[0] & JSON_REQUEST, &a, &s, &error);
	must(error.err == e);
	if (e) {
		must(*error.pointer == '/' && *error.expected);
		must(utf8_valid(str_of(error.pointer)) && utf8_valid(str_of(error.expected)) &&
		     utf8_valid(str_of(error.received)));
	} else {
		must(s.rate >= 8000 && s.rate <= 48000 && utf8_valid(s.call) && utf8_valid(s.pin));
		must(s.tags.n <= 4 && s.counts.n <= 8 && s.call.len <= 64);
	}
	struct query q = query_of(raw);
	while (query_next(&q, &key, &value)) {
		a.used = 0;
		if (!query_decode_path(value, &a, &text))
			must(utf8_valid(text) && text.len <= value.len);
	}
	return 0;
}
