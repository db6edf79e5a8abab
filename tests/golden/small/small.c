/* small.c — made by msgc from small.msg: change that. */
#include "proto/small.h"

static const struct proto_enum_value small_colour_values[] = {
	{ .name = "red", .doc = "the first */ and not the end of a comment", .number = 0 },
	{ .name = "blue", .doc = "a gap before it", .number = 7 },
};

const struct proto_enum small_colour_enum = {
	.group = "small",
	.name = "colour",
	.doc = "What it looks like.",
	.values = small_colour_values,
	.n_values = 2,
};

static const struct proto_field small_point_fields[] = {
	{ .name = "x", .json = "x", .doc = "to the right, mm",
	  .number = 1, .kind = PROTO_I32, .offset = offsetof(struct small_point, x), .least = INT64_C(-100), .highest = INT64_C(100) },
	{ .name = "y", .json = "y", .doc = "up, mm",
	  .number = 2, .kind = PROTO_I32, .offset = offsetof(struct small_point, y), .optional = true, .least = INT64_C(-2147483648), .highest = INT64_C(2147483647) },
};

const struct proto_desc small_point_desc = {
	.group = "small",
	.name = "point",
	.full = "small.point",
	.doc = "Where it is.",
	.size = sizeof(struct small_point),
	.n_fields = 2,
	.required = UINT64_C(0x1),
	.fields = small_point_fields,
};

static const struct proto_field small_tagged_fields[] = {
	{ .name = "name", .json = "name", .doc = "its name",
	  .number = 1, .kind = PROTO_STR, .offset = offsetof(struct small_tagged, name), .max = 16 },
	{ .name = "tags", .json = "tags", .doc = "words",
	  .number = 2, .kind = PROTO_STR, .offset = offsetof(struct small_tagged, tags), .optional = true, .list = true, .most = 4, .max = 8 },
};

static const struct proto_view small_tagged_views[] = {
	{ .offset = (uint32_t)(offsetof(struct small_tagged, name)), .item = 1, .max = 16 },
	{ .offset = (uint32_t)(offsetof(struct small_tagged, tags)), .item = sizeof(struct str), .max = 4, .of_str = true, .each = 8 },
};

const struct proto_desc small_tagged_desc = {
	.group = "small",
	.name = "tagged",
	.full = "small.tagged",
	.doc = "With views inside.",
	.size = sizeof(struct small_tagged),
	.n_fields = 2,
	.required = UINT64_C(0x1),
	.fields = small_tagged_fields,
	.n_views = 2,
	.views = small_tagged_views,
	.lists = true,
};

static const struct proto_field small_ask_fields[] = {
	{ .name = "id", .json = "id", .doc = "which one",
	  .number = 1, .kind = PROTO_U64, .offset = offsetof(struct small_ask, id), .from = UINT64_C(0), .to = UINT64_C(18446744073709551615) },
	{ .name = "colour", .json = "colour", .doc = "what it should look like",
	  .number = 2, .kind = PROTO_ENUM, .offset = offsetof(struct small_ask, colour), .optional = true, .of_enum = &small_colour_enum },
	{ .name = "at", .json = "at", .doc = "where, mm",
	  .number = 3, .kind = PROTO_RECORD, .offset = offsetof(struct small_ask, at), .of_record = &small_point_desc },
	{ .name = "all", .json = "all", .doc = "several",
	  .number = 4, .kind = PROTO_RECORD, .offset = offsetof(struct small_ask, all), .optional = true, .list = true, .most = 3, .of_record = &small_tagged_desc },
	{ .name = "secret", .json = "theSecret", .doc = "not to be shown",
	  .number = 5, .kind = PROTO_STR, .offset = offsetof(struct small_ask, secret), .optional = true, .secret = true, .max = 32 },
	{ .name = "ratio", .json = "ratio", .doc = "between the ends",
	  .number = 6, .kind = PROTO_F64, .offset = offsetof(struct small_ask, ratio), .optional = true, .least = INT64_C(-1), .highest = INT64_C(1) },
	{ .name = "flags", .json = "flags", .doc = "truths",
	  .number = 7, .kind = PROTO_BOOL, .offset = offsetof(struct small_ask, flags), .optional = true, .list = true, .most = 8 },
};

static const struct proto_view small_ask_views[] = {
	{ .offset = (uint32_t)(offsetof(struct small_ask, all)), .item = sizeof(struct small_tagged), .max = 3, .of_record = &small_tagged_desc },
	{ .offset = (uint32_t)(offsetof(struct small_ask, secret)), .item = 1, .max = 32 },
	{ .offset = (uint32_t)(offsetof(struct small_ask, flags)), .item = sizeof(bool), .max = 8 },
};

const struct proto_desc small_ask_desc = {
	.group = "small",
	.name = "ask",
	.full = "small.ask",
	.doc = "A question with a \"quoted\" word and a \\ in it, long enough that the text must be wrapped in the header, which happens here.",
	.number = 42u << 16 | 1,
	.size = sizeof(struct small_ask),
	.n_fields = 7,
	.required = UINT64_C(0x5),
	.fields = small_ask_fields,
	.n_views = 3,
	.views = small_ask_views,
	.lists = true,
	.blob = 1000,
	.reply = &small_answer_desc,
};

const struct proto_desc small_answer_desc = {
	.group = "small",
	.name = "answer",
	.full = "small.answer",
	.doc = "Nothing but that it was heard.",
	.number = 42u << 16 | 2,
	.size = sizeof(struct small_answer),
};
