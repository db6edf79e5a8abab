/* small.h — made by msgc from small.msg: change that. */
#pragma once
#include "proto/msg.h"
#include <assert.h>

/* What it looks like. */
enum small_colour {
	SMALL_COLOUR_RED = 0, /* the first * / and not the end of a comment */
	SMALL_COLOUR_BLUE = 7, /* a gap before it */
};
extern const struct proto_enum small_colour_enum;

/* Where it is. */
struct small_point {
	/* to the right, mm; -100..100 */
	int32_t x;
	/* optional: up, mm */
	int32_t y;
};
extern const struct proto_desc small_point_desc;

/* With views inside. */
struct small_tagged {
	/* its name; 16 bytes at the most */
	struct str name;
	/* optional: words; 8 bytes at the most each, 4 items at the most */
	struct {
		const struct str *at;
		uint32_t n;
	} tags;
};
enum {
	SMALL_TAGGED_NAME_MAX = 16,
	SMALL_TAGGED_TAGS_MAX = 8,
	SMALL_TAGGED_TAGS_MOST = 4,
};
extern const struct proto_desc small_tagged_desc;

/* A question with a "quoted" word and a \ in it, long enough that the text must be wrapped in
 * the header, which happens here.
 * Answered by small.answer.
 * Blob: pixels; 1000 bytes at the most. */
struct small_ask {
	/* which one */
	uint64_t id;
	/* optional: what it should look like */
	enum small_colour colour;
	/* where, mm */
	struct small_point at;
	/* optional: several; 3 items at the most */
	struct {
		const struct small_tagged *at;
		uint32_t n;
	} all;
	/* optional: secret: not to be shown; 32 bytes at the most */
	struct str secret;
	/* optional: between the ends; -1..1 */
	double ratio;
	/* optional: truths; 8 items at the most */
	struct {
		const bool *at;
		uint32_t n;
	} flags;
};
enum {
	SMALL_ASK_ALL_MOST = 3,
	SMALL_ASK_SECRET_MAX = 32,
	SMALL_ASK_FLAGS_MOST = 8,
	SMALL_ASK_BLOB_MAX = 1000,
};
extern const struct proto_desc small_ask_desc;
static inline const struct small_ask *small_ask_of(const struct msg *m)
{
	assert(m->type == &small_ask_desc);
	return msg_body(m);
}

/* Nothing but that it was heard. */
struct small_answer {
};
extern const struct proto_desc small_answer_desc;
static inline const struct small_answer *small_answer_of(const struct msg *m)
{
	assert(m->type == &small_answer_desc);
	return msg_body(m);
}
