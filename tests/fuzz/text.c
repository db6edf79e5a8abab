/*
 * text.c — any bytes as the text form: a body, then a tap line. What is taken prints to what is
 * taken as the same, and is one line.
 */
#include "proto/text.h"
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

static void check_error(const struct text_error *e, struct str text)
{
	must(e->err != OK && e->column >= 1 && e->column <= text.len + 1);
	must(utf8_valid(str_of(e->expected)) && utf8_valid(str_of(e->received)));
}

static void one_line(const struct buf *b)
{
	must(b->err == OK && utf8_valid(buf_view(b)));
	for (size_t i = 0; i < b->len; i++)
		must((unsigned char)b->at[i] >= 0x20 && b->at[i] != 0x7f);
}

static void check_body(struct str text)
{
	struct sample_all s, t;
	struct text_error error;
	struct arena a = ARENA_OVER(room), b = ARENA_OVER(again);
	struct buf one, two;
	if (text_read_body(&sample_all_desc, text, &a, &s, &error)) {
		check_error(&error, text);
		return;
	}
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	text_put_body(&one, &sample_all_desc, &s, TEXT_REVEAL);
	one_line(&one);
	enum err e = text_read_body(&sample_all_desc, buf_view(&one), &b, &t, &error);
	if (e == ERR_TOO_LARGE && 6 * s.extra.len > 256) { /* text.h says so */
		buf_done(&one);
		buf_done(&two);
		return;
	}
	must(e == OK);
	text_put_body(&two, &sample_all_desc, &t, TEXT_REVEAL);
	must(str_eq(buf_view(&one), buf_view(&two)));
	buf_done(&one);
	buf_done(&two);
}

static void check_line(struct str text)
{
	struct text_line s, t;
	struct text_error error;
	struct arena a = ARENA_OVER(room), b = ARENA_OVER(again);
	struct buf one, two;
	if (text_read_line(text, &a, &s, &error)) {
		check_error(&error, text);
		return;
	}
	buf_init(&one, 1 << 20);
	buf_init(&two, 1 << 20);
	text_put_line(&one, &s, TEXT_REVEAL);
	one_line(&one);
	must(text_read_line(buf_view(&one), &b, &t, &error) == OK);
	text_put_line(&two, &t, TEXT_REVEAL);
	must(str_eq(buf_view(&one), buf_view(&two)));
	buf_done(&one);
	buf_done(&two);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	struct str text = str_n((const char *)at, len);
	check_body(text);
	check_line(text);
	return 0;
}
