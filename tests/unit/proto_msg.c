/* proto_msg.c — a block holds all that its message says, counts its holders, and ends once. */
#include "proto/codec.h"
#include "proto/test.h"
#include "tests/schema/any.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static max_align_t arena_bytes[1 << 15];

static const struct proto_desc *const types[] = {
	&test_ping_desc,  &test_usual_desc, &test_every_desc,
	&test_maybe_desc, &test_lists_desc, &test_empty_desc,
};
enum { TYPES = sizeof types / sizeof types[0], SEEDS = 300 };

static int nothing_lives(void **state)
{
	(void)state;
	return msg_stats().blocks || msg_stats().bytes;
}

/* Views point into the block: what they were copied from may go. */
static void copies_all_views(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct arena arena = ARENA_OVER(arena_bytes);
		struct any a = { .state = seed + 1, .arena = &arena };
		const struct proto_desc *type = types[seed % TYPES];
		max_align_t body[64];
		struct msg *m = NULL, *twin = NULL;
		assert_true(any_body(&a, type, body));
		assert_int_equal(msg_new(type, body, &m, NULL), OK);
		assert_true(same_body(type, body, msg_body(m)));
		assert_int_equal(msg_new(type, body, &twin, NULL), OK);
		memset(arena_bytes, 0x55, arena.used);
		assert_true(same_body(type, msg_body(twin), msg_body(m)));
		msg_unref(m);
		msg_unref(twin);
	}
	assert_int_equal(msg_stats().blocks, 0);
}

static void decodes_into_a_block(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct arena arena = ARENA_OVER(arena_bytes);
		struct any a = { .state = seed + 1, .arena = &arena };
		const struct proto_desc *type = types[seed % TYPES];
		max_align_t body[64];
		char wire[1 << 14];
		size_t len = 0;
		struct msg *m = NULL;
		assert_true(any_body(&a, type, body));
		assert_int_equal(proto_encode(type, body, wire, sizeof wire, &len, NULL), OK);
		assert_int_equal(
			msg_decode(type, str_n(wire, len), str_of("a/1"), str_of("b"), &m, NULL),
			OK);
		memset(wire, 0x55, len);
		assert_true(same_body(type, body, msg_body(m)));
		assert_true(str_is(m->from_name, "a/1") && str_is(m->to_name, "b"));
		msg_unref(m);
	}
	assert_int_equal(msg_stats().blocks, 0);
}

static void refuses_what_is_over_its_bound(void **state)
{
	(void)state;
	char text[300];
	struct msg *m = NULL;
	const struct proto_field *field = NULL;
	struct str over = str_n(text, 65);
	memset(text, 'x', sizeof text);
	assert_int_equal(
		msg_new(&test_usual_desc, &(struct test_usual){ .call = over }, &m, &field),
		ERR_TOO_LARGE);
	assert_string_equal(field->name, "call");
	struct test_leg leg = { .name = over };
	assert_int_equal(
		msg_new(&test_lists_desc, &(struct test_lists){ .legs = { &leg, 1 } }, &m, &field),
		ERR_TOO_LARGE);
	assert_string_equal(field->name, "name");
	assert_int_equal(
		msg_new(&test_lists_desc, &(struct test_lists){ .str = { &over, 1 } }, &m, &field),
		ERR_TOO_LARGE);
	assert_string_equal(field->name, "str");
	assert_int_equal(msg_new(&test_every_desc, &(struct test_every){ .leg = leg }, &m, &field),
	                 ERR_TOO_LARGE);
	assert_string_equal(field->name, "name");
	assert_int_equal(msg_new(&test_lists_desc,
	                         &(struct test_lists){ .u64 = { (uint64_t[6]){ 0 }, 6 } }, &m,
	                         &field),
	                 ERR_TOO_LARGE);
	assert_null(m);
	/* A bad body costs its block and gives it back. */
	assert_int_equal(msg_decode(&test_ping_desc, str_n("\x80", 1), (struct str){ 0 },
	                            (struct str){ 0 }, &m, &field),
	                 ERR_MISSING);
	assert_int_equal(msg_stats().blocks, 0);
}

static void counts_its_holders(void **state)
{
	(void)state;
	struct msg *m = NULL;
	assert_int_equal(msg_new(&test_ping_desc, &(struct test_ping){ 7 }, &m, NULL), OK);
	assert_ptr_equal(msg_ref(m), m);
	assert_int_equal(msg_stats().blocks, 1);
	msg_unref(m);
	assert_int_equal(test_ping_of(m)->n, 7);
	m->blob = blob_copy("samples", 7);
	struct blob *held = blob_ref(m->blob);
	msg_unref(m);
	assert_int_equal(msg_stats().blocks, 0);
	assert_memory_equal(held->at, "samples", 7);
	blob_unref(held);
	msg_unref(NULL);
	blob_unref(NULL);
}

/* A bare answer has an envelope and no body; a large message is not of any size class. */
static void comes_in_all_sizes(void **state)
{
	(void)state;
	struct msg *bare = NULL, *many[64] = { 0 };
	assert_int_equal(msg_new(&test_pong_desc, NULL, &bare, NULL), OK);
	assert_int_equal(bare->size, sizeof *bare);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < 64; i++) {
			assert_int_equal(
				msg_new(&test_ping_desc, &(struct test_ping){ i }, &many[i], NULL),
				OK);
			for (size_t j = 0; j < i; j++)
				assert_ptr_not_equal(many[i], many[j]);
		}
		for (size_t i = 0; i < 64; i++) {
			assert_int_equal(test_ping_of(many[i])->n, i);
			msg_unref(many[i]);
		}
	}
	msg_unref(bare);
	struct test_bulk bulk = { .page = str_n(calloc(1, TEST_BULK_PAGE_MAX),
		                                TEST_BULK_PAGE_MAX) };
	assert_int_equal(msg_new(&test_bulk_desc, &bulk, &bare, NULL), OK);
	assert_true(msg_stats().bytes > TEST_BULK_PAGE_MAX);
	assert_true(same_body(&test_bulk_desc, &bulk, msg_body(bare)));
	msg_unref(bare);
	free((char *)(uintptr_t)bulk.page.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(copies_all_views, nothing_lives),
		cmocka_unit_test_teardown(decodes_into_a_block, nothing_lives),
		cmocka_unit_test_teardown(refuses_what_is_over_its_bound, nothing_lives),
		cmocka_unit_test_teardown(counts_its_holders, nothing_lives),
		cmocka_unit_test_teardown(comes_in_all_sizes, nothing_lives),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
