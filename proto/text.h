/*
 * text.h — the one text form of a message: the tap prints it, `send` reads it, scenarios are made
 * of it.
 *
 *     12:00:01.250 gateway > call_session/CA7f  call.open{call="CA7f" rate=8000} #41
 *     12:00:01.262 call_session/CA7f > gateway  call.opened{call="CA7f"} #57 re 41
 *     12:00:01.270 store > dedupe/17  wa.inserted #58 re 42 err=STALE
 *     12:00:01.280 heartbeat > *  beat.silent{actor="dedupe/17"} #59 business=7 blob=160
 *
 *     text     "a\"b\n"      \" \\ \n \r \t \xHH (below 80) \uHHHH; what could fool a terminal is
 * escaped bytes    x"0a0b"       json     as it stands, on one line      number, true, enum name
 * bare list     [1, 2]        record   {id="a" ms=7}                  secret                   ***
 *
 * Absent optional fields are left out. What is printed parses to the same message; a secret printed
 * as
 * *** parses as empty. One line always: no byte of a message can end it.
 */
#pragma once
#include "proto/arena.h"
#include "proto/buf.h"
#include "proto/desc.h"

enum text_flags { TEXT_REVEAL = 1 /* secret fields too */ };

/* What was wrong, and where: the column counts bytes from 1. */
struct text_error {
	uint32_t column;
	char expected[64];
	char received[48];
	enum err err;
};

void text_put_body(struct buf *b, const struct proto_desc *d, const void *body, unsigned flags);
void text_put(struct buf *b, const struct proto_desc *d, const void *body,
              unsigned flags);                     /* name{…} */
void text_put_quoted(struct buf *b, struct str s); /* "…", on one line, fit for a terminal */

/* Printed on one line, what a terminal may not see becomes an escape, also inside json: a json
 * value of such characters grows by it, and one near its bound is refused when its print is read.
 */

/* `{…}` into the struct of a table; bytes are copied into the arena only where they had escapes. On
 * failure the struct is zero. Fields the table does not know are refused. ret_error may be NULL. */
MUST enum err text_read_body(const struct proto_desc *d, struct str text, struct arena *a,
                             void *ret, struct text_error *ret_error);

/* `name{…}`; the struct is taken from the arena. ERR_TYPE: no such message. */
MUST enum err text_read(struct str text, struct arena *a, const struct proto_desc **ret_type,
                        const void **ret_body, struct text_error *ret_error);

/* One line of a tap. */
struct text_line {
	uint64_t time_us;    /* printed: time of day, UTC, to the ms; parsed: us since midnight */
	struct str from, to; /* actors; `from` empty: nobody ("-"), `to` empty: published ("*") */
	const struct proto_desc *type;
	const void *body; /* NULL: none, which only an answer with `err` may have */
	uint64_t id, re;  /* 0: none */
	uint64_t business;
	uint32_t blob; /* bytes beside it; the bytes themselves are not in the text */
	enum err err;
};

void text_put_line(struct buf *b, const struct text_line *line,
                   unsigned flags); /* without its end */
MUST enum err text_read_line(struct str text, struct arena *a, struct text_line *ret,
                             struct text_error *ret_error);
