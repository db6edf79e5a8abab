/*
 * proto_sample.h — one table with a field of every kind, made by hand: what the tests and the fuzz
 * targets of the readers and writers of tables walk.
 */
#pragma once
#include "proto/desc.h"

enum sample_codec { SAMPLE_CODEC_PCMU, SAMPLE_CODEC_OPUS };

struct sample_leg {
	struct str id;
	uint32_t ms;
	bool on;
};

struct sample_all {
	struct str call;
	uint32_t rate;
	bool yes;
	uint8_t small;
	uint16_t port;
	uint64_t big;
	int32_t temp;
	int64_t at;
	double gain;
	struct str bytes;
	struct str extra;
	enum sample_codec codec;
	struct sample_leg leg;
	struct {
		const struct str *at;
		uint32_t n;
	} tags;
	struct {
		const uint32_t *at;
		uint32_t n;
	} counts;
	struct {
		const struct sample_leg *at;
		uint32_t n;
	} legs;
	struct str pin;
	struct str from_date;
	int64_t sent_at;
};

static const struct proto_enum_value sample_codec_values[] = {
	{ "pcmu", "G.711 mu-law", 0 },
	{ "opus", "Opus", 1 },
};

static const struct proto_enum sample_codec_enum = {
	.group = "sample", .name = "codec", .values = sample_codec_values, .n_values = 2
};

#define SAMPLE_FIELD(type, member, num, of_kind, ...)                                              \
	{                                                                                          \
		.name = #member, .json = #member, .doc = "the " #member, .number = (num),          \
		.kind = (of_kind), .offset = offsetof(struct type, member), __VA_ARGS__            \
	}

#define SAMPLE_ANY_I64 .least = INT64_MIN, .highest = INT64_MAX

static const struct proto_field sample_leg_fields[] = {
	SAMPLE_FIELD(sample_leg, id, 1, PROTO_STR, .max = 16),
	SAMPLE_FIELD(sample_leg, ms, 2, PROTO_U32, .to = UINT32_MAX, .optional = true),
	SAMPLE_FIELD(sample_leg, on, 3, PROTO_BOOL, .optional = true),
};

static const struct proto_desc sample_leg_desc = { .group = "sample",
	                                           .name = "leg",
	                                           .full = "sample.leg",
	                                           .doc = "One leg.",
	                                           .size = sizeof(struct sample_leg),
	                                           .n_fields = 3,
	                                           .fields = sample_leg_fields };

static const struct proto_field sample_all_fields[] = {
	SAMPLE_FIELD(sample_all, call, 1, PROTO_STR, .max = 64),
	SAMPLE_FIELD(sample_all, rate, 2, PROTO_U32, .from = 8000, .to = 48000),
	SAMPLE_FIELD(sample_all, yes, 3, PROTO_BOOL, .optional = true),
	SAMPLE_FIELD(sample_all, small, 4, PROTO_U8, .to = UINT8_MAX, .optional = true),
	SAMPLE_FIELD(sample_all, port, 5, PROTO_U16, .to = UINT16_MAX, .optional = true),
	SAMPLE_FIELD(sample_all, big, 6, PROTO_U64, .to = UINT64_MAX, .optional = true),
	SAMPLE_FIELD(sample_all, temp, 7, PROTO_I32, .least = -40, .highest = 85, .optional = true),
	SAMPLE_FIELD(sample_all, at, 8, PROTO_I64, SAMPLE_ANY_I64, .optional = true),
	SAMPLE_FIELD(sample_all, gain, 9, PROTO_F64, SAMPLE_ANY_I64, .optional = true),
	SAMPLE_FIELD(sample_all, bytes, 10, PROTO_BIN, .max = 32, .optional = true),
	SAMPLE_FIELD(sample_all, extra, 11, PROTO_JSON, .max = 256, .optional = true),
	SAMPLE_FIELD(sample_all, codec, 12, PROTO_ENUM, .of_enum = &sample_codec_enum,
	             .optional = true),
	SAMPLE_FIELD(sample_all, leg, 13, PROTO_RECORD, .of_record = &sample_leg_desc,
	             .optional = true),
	SAMPLE_FIELD(sample_all, tags, 14, PROTO_STR, .max = 16, .list = true, .most = 4,
	             .optional = true),
	SAMPLE_FIELD(sample_all, counts, 15, PROTO_U32, .to = UINT32_MAX, .list = true, .most = 8,
	             .optional = true),
	SAMPLE_FIELD(sample_all, legs, 16, PROTO_RECORD, .of_record = &sample_leg_desc,
	             .list = true, .most = 3, .optional = true),
	SAMPLE_FIELD(sample_all, pin, 17, PROTO_STR, .max = 32, .secret = true, .optional = true),
	SAMPLE_FIELD(sample_all, from_date, 18, PROTO_STR, .max = 40, .optional = true),
	{ .name = "sent_at",
	  .json = "sentAt",
	  .doc = "us since the epoch",
	  .number = 19,
	  .kind = PROTO_I64,
	  .offset = offsetof(struct sample_all, sent_at),
	  SAMPLE_ANY_I64,
	  .optional = true },
};

static const struct proto_desc sample_all_desc = { .group = "sample",
	                                           .name = "all",
	                                           .full = "sample.all",
	                                           .doc = "A field of every kind.",
	                                           .number = 99 << 16 | 1,
	                                           .size = sizeof(struct sample_all),
	                                           .n_fields = sizeof sample_all_fields /
	                                                       sizeof *sample_all_fields,
	                                           .fields = sample_all_fields };
