/*
 * wa_lines.c — see wa_lines.h.
 */
#include "tests/unit/wa_lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { LINES = 1024, TOGETHER_BYTES = 1 << 20 };

struct line {
	struct str text, want, type, messages; /* messages: inside the brackets */
};

static struct line read_line(struct str text)
{
	struct line l = { .text = text };
	struct json j;
	struct str key;
	json_init(&j, text, 0);
	json_object(&j);
	while (json_key(&j, &key)) {
		if (str_is(key, "want"))
			json_string(&j, NULL, &l.want);
		else if (str_is(key, "type"))
			json_string(&j, NULL, &l.type);
		else if (str_is(key, "messages") && json_raw(&j, &l.messages))
			l.messages = str_n(l.messages.at + 1, l.messages.len - 2);
		else
			json_skip(&j);
	}
	assert_int_equal(json_end(&j), OK);
	assert_true(l.want.len && l.type.len && l.messages.len);
	return l;
}

static uint32_t read_file(const char *path, char **ret_text, struct line *lines)
{
	FILE *f = fopen(path, "r");
	size_t cap = 1 << 20;
	char *text = malloc(cap);
	uint32_t n = 0;
	assert_non_null(f);
	assert_non_null(text);
	size_t len = fread(text, 1, cap, f);
	assert_true(len < cap);
	fclose(f);
	for (char *at = text, *end; at < text + len; at = end + 1) {
		end = memchr(at, '\n', (size_t)(text + len - at));
		assert_non_null(end);
		assert_true(n < LINES);
		lines[n++] = read_line(str_n(at, (size_t)(end - at)));
	}
	*ret_text = text;
	return n;
}

static void count(struct wa_counts *c, struct str want)
{
	for (uint32_t i = 0; i < want.len; i++) {
		uint32_t *to = want.at[i] == 'a'   ? &c->accepted
		               : want.at[i] == 'd' ? &c->duplicates
		               : want.at[i] == 'i' ? &c->ignored
		                                   : &c->rejected;
		++*to;
	}
}

static void post(struct str body, int64_t now_us, struct alias_cache *aliases, wa_ingest_fn *ingest,
                 void *ctx, struct wa_counts *ret)
{
	static struct str lids[WHATSAPP_ROWS];
	size_t room = whatsapp_room(body.len);
	struct arena a = { .at = malloc(room), .len = (uint32_t)room };
	struct whatsapp_parsed p;
	assert_non_null(a.at);
	assert_int_equal(whatsapp_parse(body, now_us, &a, &p, NULL), OK);
	(void)alias_resolve(aliases, 1, &p, &a, lids);
	*ret = (struct wa_counts){ .ignored = p.ignored, .rejected = p.n_rejects };
	if (p.n_rows)
		ingest(ctx, p.rows, p.n_rows, ret);
	free(a.at);
}

void wa_lines(const char *path, uint32_t together, wa_ingest_fn *ingest, wa_between_fn *between,
              void *ctx)
{
	static struct line lines[LINES];
	static char body[TOGETHER_BYTES];
	struct alias_cache *aliases = calloc(1, sizeof *aliases);
	char *text;
	uint32_t n = read_file(path, &text, lines);
	int64_t now_us = 1700000500 * 1000000LL;
	assert_true(n >= 80);
	assert_non_null(aliases);
	for (uint32_t i = 0, k; i < n; i = k) {
		struct wa_counts want = { 0 }, got;
		size_t len = (size_t)snprintf(
			body, sizeof body, "{\"type\":\"%.*s\",\"messages\":[", STR(lines[i].type));
		for (k = i; k < n && k < i + together && str_eq(lines[k].type, lines[i].type);
		     k++) {
			len += (size_t)snprintf(body + len, sizeof body - len, "%s%.*s",
			                        k > i ? "," : "", STR(lines[k].messages));
			count(&want, lines[k].want);
		}
		len += (size_t)snprintf(body + len, sizeof body - len, "]}");
		assert_true(len < sizeof body);
		post(str_n(body, len), now_us, aliases, ingest, ctx, &got);
		if (memcmp(&want, &got, sizeof got) != 0)
			fail_msg("line %u and %u more: want a %u d %u i %u r %u, got a %u d %u i "
			         "%u r "
			         "%u\n%.*s",
			         i + 1, k - i - 1, want.accepted, want.duplicates, want.ignored,
			         want.rejected, got.accepted, got.duplicates, got.ignored,
			         got.rejected, STR(lines[i].text));
		if (between)
			between(ctx);
		now_us += 1000000;
	}
	free(aliases);
	free(text);
}
