/*
 * proto_codec.c — bodies to bytes and back, with msgpack-c as the oracle: what we write it reads
 * and writes again byte for byte; what it writes, shuffled and with fields of a newer schema, we
 * read.
 */
#include "proto/codec.h"
#include "proto/test.h"
#include "tests/schema/any.h"
#include <math.h>
#include <msgpack.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { SEEDS = 300, ROOM = 1 << 16 };

static const struct proto_desc *const types[] = {
	&test_ping_desc,  &test_usual_desc, &test_frame_desc, &test_every_desc,
	&test_maybe_desc, &test_lists_desc, &test_empty_desc, &test_masked_desc,
};
enum { TYPES = sizeof types / sizeof types[0] };

static max_align_t arena_bytes[ROOM], other_bytes[ROOM];

struct sample {
	const struct proto_desc *type;
	max_align_t body[64]; /* the struct */
	char wire[ROOM];
	size_t len;
};

/* The n-th random body of each type in turn, and what it looks like on the wire. */
static void draw(struct sample *s, uint64_t seed)
{
	struct arena arena = ARENA_OVER(arena_bytes);
	struct any a = { .state = seed * 2654435761u + 1, .arena = &arena };
	const struct proto_field *field = NULL;
	s->type = types[seed % TYPES];
	assert_true(s->type->size <= sizeof s->body);
	assert_true(any_body(&a, s->type, s->body));
	assert_int_equal(proto_encode(s->type, s->body, s->wire, ROOM, &s->len, &field), OK);
}

/* A copy that ends where the bytes end, so that a sanitizer sees the first byte too far. */
static struct str exact(const void *at, size_t len)
{
	char *copy = malloc(len ? len : 1);
	if (len)
		memcpy(copy, at, len);
	return str_n(copy, len);
}

static enum err decode(const struct proto_desc *type, struct str wire, void *body,
                       const struct proto_field **field)
{
	struct arena arena = ARENA_OVER(other_bytes);
	struct str own = exact(wire.at, wire.len);
	enum err e = proto_decode_kept(type, own, body, &arena, field);
	free((char *)(uintptr_t)own.at);
	return e;
}

static void reads_what_it_writes(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct sample s;
		max_align_t back[64];
		draw(&s, seed);
		assert_int_equal(decode(s.type, str_n(s.wire, s.len), back, NULL), OK);
		assert_true(same_body(s.type, s.body, back));
	}
}

static void oracle_writes_the_same(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct sample s;
		draw(&s, seed);
		msgpack_unpacked u;
		msgpack_unpacked_init(&u);
		size_t off = 0;
		assert_int_equal(msgpack_unpack_next(&u, s.wire, s.len, &off),
		                 MSGPACK_UNPACK_SUCCESS);
		assert_int_equal(off, s.len);
		msgpack_sbuffer out;
		msgpack_sbuffer_init(&out);
		msgpack_packer p;
		msgpack_packer_init(&p, &out, msgpack_sbuffer_write);
		assert_int_equal(msgpack_pack_object(&p, u.data), 0);
		assert_int_equal(out.size, s.len);
		assert_memory_equal(out.data, s.wire, s.len);
		msgpack_sbuffer_destroy(&out);
		msgpack_unpacked_destroy(&u);
	}
}

/* A value that no schema knows: nested as deep as `depth`. */
static void pack_strange(msgpack_packer *p, struct any *a, uint32_t depth)
{
	switch (any_below(a, depth ? 8 : 5)) {
	case 0:
		msgpack_pack_nil(p);
		break;
	case 1:
		msgpack_pack_int64(p, (int64_t)any_u64(a));
		break;
	case 2:
		msgpack_pack_float(p, 1.5f);
		break;
	case 3:
		msgpack_pack_ext(p, 3, 7);
		msgpack_pack_ext_body(p, "ext", 3);
		break;
	case 4:
		msgpack_pack_str(p, 40);
		msgpack_pack_str_body(p, "forty bytes that nobody here understands", 40);
		break;
	case 5:
		msgpack_pack_array(p, 20);
		for (int i = 0; i < 20; i++)
			pack_strange(p, a, 0);
		break;
	case 6:
		msgpack_pack_array(p, 1);
		pack_strange(p, a, depth - 1);
		break;
	default:
		msgpack_pack_map(p, 1);
		msgpack_pack_str(p, 1);
		msgpack_pack_str_body(p, "k", 1);
		pack_strange(p, a, depth - 1);
		break;
	}
}

/* Maps lose their order and gain a field; all else stays. */
static void pack_shuffled(msgpack_packer *p, struct any *a, const msgpack_object *o)
{
	if (o->type == MSGPACK_OBJECT_ARRAY) {
		msgpack_pack_array(p, o->via.array.size);
		for (uint32_t i = 0; i < o->via.array.size; i++)
			pack_shuffled(p, a, &o->via.array.ptr[i]);
		return;
	}
	if (o->type != MSGPACK_OBJECT_MAP) {
		msgpack_pack_object(p, *o);
		return;
	}
	uint32_t n = o->via.map.size, order[64], strange = any_below(a, n + 1);
	for (uint32_t i = 0; i < n; i++) {
		uint32_t j = any_below(a, i + 1);
		order[i] = order[j];
		order[j] = i;
	}
	msgpack_pack_map(p, n + 1);
	for (uint32_t i = 0; i <= n; i++) {
		if (i == strange) {
			msgpack_pack_uint64(p, 200 + any_below(a, 3) * 100000);
			pack_strange(p, a, 30);
		}
		if (i == n)
			break;
		msgpack_pack_object(p, o->via.map.ptr[order[i]].key);
		pack_shuffled(p, a, &o->via.map.ptr[order[i]].val);
	}
}

static void reads_any_order_and_newer_fields(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct sample s;
		struct any a = { .state = seed + 77 };
		max_align_t back[64];
		draw(&s, seed);
		msgpack_unpacked u;
		msgpack_unpacked_init(&u);
		assert_int_equal(msgpack_unpack_next(&u, s.wire, s.len, NULL),
		                 MSGPACK_UNPACK_SUCCESS);
		msgpack_sbuffer out;
		msgpack_sbuffer_init(&out);
		msgpack_packer p;
		msgpack_packer_init(&p, &out, msgpack_sbuffer_write);
		pack_shuffled(&p, &a, &u.data);
		const struct proto_field *field = NULL;
		enum err e = decode(s.type, str_n(out.data, out.size), back, &field);
		assert_int_equal(e, OK);
		assert_true(same_body(s.type, s.body, back));
		msgpack_sbuffer_destroy(&out);
		msgpack_unpacked_destroy(&u);
	}
}

static void refuses_every_cut(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 3 * TYPES; seed++) {
		struct sample s;
		max_align_t back[64];
		draw(&s, seed);
		for (size_t n = 0; n < s.len; n++)
			assert_int_equal(decode(s.type, str_n(s.wire, n), back, NULL),
			                 ERR_MALFORMED);
		s.wire[s.len] = 0;
		assert_int_equal(decode(s.type, str_n(s.wire, s.len + 1), back, NULL),
		                 ERR_MALFORMED);
	}
}

static void fills_a_room_exactly(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 4 * TYPES; seed++) {
		struct sample s;
		draw(&s, seed);
		for (size_t room = 0; room <= s.len; room++) {
			size_t len = 0;
			char *to = malloc(room ? room : 1);
			enum err e = proto_encode(s.type, s.body, to, room, &len, NULL);
			assert_int_equal(e, room < s.len ? ERR_FULL : OK);
			assert_int_equal(len, s.len);
			if (!e)
				assert_memory_equal(to, s.wire, len);
			free(to);
		}
	}
}

/* ---- one wrong thing at a time --------------------------------------------------------------- */

#define BYTES(text)                                                                                \
	{                                                                                          \
		.at = (text), .len = sizeof(text) - 1                                              \
	}

static void says_what_is_wrong(void **state)
{
	(void)state;
	static const struct {
		const struct proto_desc *type;
		struct str wire;
		enum err err;
		const char *field;
	} rows[] = {
		{ &test_ping_desc, BYTES("\x81\x01\x05"), OK, NULL },
		{ &test_ping_desc, BYTES(""), ERR_MALFORMED, NULL },
		{ &test_ping_desc, BYTES("\x80"), ERR_MISSING, "n" },
		{ &test_ping_desc, BYTES("\x81\x01\xff"), ERR_RANGE, "n" },
		{ &test_ping_desc, BYTES("\x81\x01\xd0\x05"), OK, NULL }, /* wider than needed */
		{ &test_ping_desc, BYTES("\x81\x01\xd3\xff\xff\xff\xff\xff\xff\xff\xff"), ERR_RANGE,
		  "n" },
		{ &test_ping_desc, BYTES("\x81\x01\xa1\x35"), ERR_MALFORMED, "n" },
		{ &test_ping_desc, BYTES("\x81\x01\xc0"), ERR_MALFORMED, "n" },
		{ &test_ping_desc, BYTES("\x82\x01\x05\x01\x05"), ERR_MALFORMED, "n" }, /* twice */
		{ &test_ping_desc, BYTES("\x81\xa1n\x05"), ERR_MALFORMED, NULL },
		{ &test_ping_desc, BYTES("\x91\x05"), ERR_MALFORMED, NULL },
		{ &test_ping_desc, BYTES("\x81\x01\xc1"), ERR_MALFORMED, "n" },
		/* counts beyond the bytes: the two bombs of msgpack-c, as field, as unknown, as
		   body */
		{ &test_ping_desc, BYTES("\x82\x01\x05\x7f\xdd\x04\x00\x00\x00"), ERR_MALFORMED,
		  NULL },
		{ &test_ping_desc, BYTES("\x82\x01\x05\x7f\xdd\xff\xff\xff\xff"), ERR_MALFORMED,
		  NULL },
		{ &test_ping_desc, BYTES("\xdf\xff\xff\xff\xff"), ERR_MALFORMED, NULL },
		{ &test_ping_desc, BYTES("\xdd\xff\xff\xff\xff"), ERR_MALFORMED, NULL },
		{ &test_lists_desc, BYTES("\x81\x01\xdd\xff\xff\xff\xff"), ERR_MALFORMED, "b" },
		{ &test_lists_desc, BYTES("\x81\x01\xdc\x00\x06\xc2\xc2\xc2\xc2\xc2\xc2"),
		  ERR_TOO_LARGE, "b" },
		{ &test_lists_desc, BYTES("\x82\x01\x90\x0e\xdf\x7f\xff\xff\xff"), ERR_MALFORMED,
		  "legs" },
		{ &test_lists_desc, BYTES("\x82\x01\x90\x0e\x91\x81\x01\xdb\xff\xff\xff\xff"),
		  ERR_MALFORMED, "name" },
		{ &test_lists_desc, BYTES("\x82\x01\x90\x0e\x91\x80"), ERR_MISSING, "name" },
		{ &test_lists_desc, BYTES("\x82\x01\x90\x02\x91\x00"), ERR_RANGE, "u8" },
		{ &test_masked_desc, BYTES("\x82\x01\xa2\xc3\x28\x02\xa0"), ERR_MALFORMED, "who" },
		{ &test_masked_desc, BYTES("\x82\x01\xa1\x00\x02\xa0"), OK, NULL },
		{ &test_masked_desc,
		  BYTES("\x82\x01\xd9\x21"
		        "123456789012345678901234567890123\x02\xa0"),
		  ERR_TOO_LARGE, "who" },
		{ &test_maybe_desc, BYTES("\x80"), OK, NULL },
		{ &test_maybe_desc, BYTES("\x81\x04\x00"), OK, NULL }, /* a zero is an absent one */
		{ &test_maybe_desc, BYTES("\x81\x04\xcd\x1f\x3f"), ERR_RANGE, "u32" },
		{ &test_maybe_desc, BYTES("\x81\x06\xfe"), ERR_RANGE, "i32" },
		{ &test_maybe_desc, BYTES("\x81\x07\xcf\x80\x00\x00\x00\x00\x00\x00\x00"),
		  ERR_RANGE, "i64" },
		{ &test_maybe_desc, BYTES("\x81\x08\x03"), OK, NULL }, /* 3.0, written as 3 */
		{ &test_maybe_desc, BYTES("\x81\x08\xca\x3f\xc0\x00\x00"), OK, NULL },
		{ &test_maybe_desc, BYTES("\x81\x08\xcb\x7f\xf0\x00\x00\x00\x00\x00\x00"),
		  ERR_RANGE, "f64" },
		{ &test_maybe_desc, BYTES("\x81\x08\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00"),
		  ERR_RANGE, "f64" },
		{ &test_maybe_desc, BYTES("\x81\x0c\x01"), ERR_RANGE, "colour" },
		{ &test_maybe_desc, BYTES("\x81\x0c\x04"), OK, NULL },
		{ &test_maybe_desc, BYTES("\x81\x01\x01"), ERR_MALFORMED, "b" },
		{ &test_maybe_desc, BYTES("\x81\x0a\xa1x"), ERR_MALFORMED, "bin" },
		{ &test_maybe_desc, BYTES("\x81\x09\xc4\x01x"), ERR_MALFORMED, "str" },
		{ &test_empty_desc, BYTES("\x80"), OK, NULL },
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		max_align_t body[64];
		const struct proto_field *field = NULL;
		enum err e = decode(rows[i].type, rows[i].wire, body, &field);
		if (e != rows[i].err || (rows[i].field && !field) ||
		    (rows[i].field && strcmp(rows[i].field, field->name) != 0))
			fail_msg("row %zu: %s at %s", i, err_info(e)->name,
			         field ? field->name : "-");
	}
}

static void writes_nothing_wrong(void **state)
{
	(void)state;
	char to[512], long_text[65] = { 0 };
	size_t len = 0;
	const struct proto_field *field = NULL;
	memset(long_text, 'x', 64);
	struct test_maybe low = { .u32 = 7999 }, nan = { .f64 = NAN }, gap = { .colour = 1 };
	struct test_maybe text = { .str = str_of(long_text) };
	struct test_maybe inner = { .leg = { .name = str_of(long_text) } };
	static const bool six[6] = { 0 };
	struct test_lists many = { .b = { six, 6 } };
	assert_int_equal(proto_encode(&test_maybe_desc, &low, to, 512, &len, &field), ERR_RANGE);
	assert_string_equal(field->name, "u32");
	assert_int_equal(proto_encode(&test_maybe_desc, &nan, to, 512, &len, &field), ERR_RANGE);
	assert_int_equal(proto_encode(&test_maybe_desc, &gap, to, 512, &len, &field), ERR_RANGE);
	assert_int_equal(proto_encode(&test_maybe_desc, &text, to, 512, &len, &field),
	                 ERR_TOO_LARGE);
	assert_int_equal(proto_encode(&test_maybe_desc, &inner, to, 512, &len, &field),
	                 ERR_TOO_LARGE);
	assert_string_equal(field->name, "name");
	assert_int_equal(proto_encode(&test_lists_desc, &many, to, 512, &len, &field),
	                 ERR_TOO_LARGE);
	assert_string_equal(field->name, "b");
}

/* A value nested as deep as the bytes allow is passed over without a stack. */
static void passes_deep_nesting(void **state)
{
	(void)state;
	enum { DEEP = 1 << 20 };
	char *wire = malloc(DEEP + 5);
	memcpy(wire, "\x82\x7f", 2);
	memset(wire + 2, '\x91', DEEP);
	memcpy(wire + 2 + DEEP - 1, "\xc0\x01\x05", 3);
	struct test_ping ping = { 0 };
	assert_int_equal(proto_decode(&test_ping_desc, str_n(wire, DEEP + 4), &ping, NULL, NULL),
	                 OK);
	assert_int_equal(ping.n, 5);
	free(wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(oracle_writes_the_same),
		cmocka_unit_test(reads_any_order_and_newer_fields),
		cmocka_unit_test(refuses_every_cut),
		cmocka_unit_test(fills_a_room_exactly),
		cmocka_unit_test(says_what_is_wrong),
		cmocka_unit_test(writes_nothing_wrong),
		cmocka_unit_test(passes_deep_nesting),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
