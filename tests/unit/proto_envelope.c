/* proto_envelope.c — messages survive the wire; a pack survives a bad message in it. */
#include "proto/envelope.h"
#include "proto/test.h"
#include "tests/schema/any.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NOW = 5000000 };

static struct msg *usual(void)
{
	struct msg *m = NULL;
	assert_int_equal(msg_new(&test_usual_desc,
	                         &(struct test_usual){ .call = str_of("CA7f"), .seq = 9, .at = 77 },
	                         &m, NULL),
	                 OK);
	m->flags = MSG_ASK | MSG_FAR;
	m->id = 41;
	m->re = 40;
	m->from = (struct ref){ 0, 3, 4 };
	m->to = (struct ref){ 2, 5, 6 };
	m->business = UINT64_MAX;
	m->principal = 8;
	m->deadline_us = NOW + 1500;
	memcpy(m->trace.id, "0123456789abcdef", 16);
	m->trace.span = 0x1122334455667788;
	m->trace.sampled = true;
	m->from_name = str_of("gateway");
	m->to_name = str_of("call_session/CA7f");
	return m;
}

static void keeps_everything(void **state)
{
	(void)state;
	char pack[512];
	size_t len = 0;
	struct msg *m = usual(), *back = NULL;
	struct packet p;
	assert_int_equal(packet_put(m, NOW, pack, sizeof pack, &len), OK);
	struct str rest = str_n(pack, len);
	assert_int_equal(packet_next(&rest, &p), OK);
	assert_int_equal(rest.len, 0);
	assert_ptr_equal(p.type, &test_usual_desc);
	assert_int_equal(packet_open(&p, NOW + 100, &back, NULL), OK);
	memset(pack, 0x55, sizeof pack);
	assert_true(same_body(m->type, msg_body(m), msg_body(back)));
	assert_int_equal(back->flags, MSG_ASK | MSG_FAR);
	assert_int_equal(back->id, 41);
	assert_int_equal(back->re, 40);
	assert_true(ref_eq(back->from, (struct ref){ 0, 3, 4 }));
	assert_true(ref_eq(back->to, (struct ref){ 0, 5, 6 }));
	assert_true(back->business == UINT64_MAX && back->principal == 8);
	assert_int_equal(back->deadline_us, NOW + 100 + 2000); /* rounded up to ms */
	assert_memory_equal(&back->trace, &m->trace, sizeof m->trace);
	assert_true(str_is(back->from_name, "gateway"));
	assert_true(str_is(back->to_name, "call_session/CA7f"));
	msg_unref(m);
	msg_unref(back);
	assert_int_equal(msg_stats().blocks, 0);
}

static void carries_blobs_and_bare_answers(void **state)
{
	(void)state;
	char pack[512];
	size_t one = 0, two = 0;
	struct msg *frame = NULL, *bare = NULL, *back = NULL;
	struct packet p;
	assert_int_equal(msg_new(&test_frame_desc, &(struct test_frame){ .seq = 1 }, &frame, NULL),
	                 OK);
	assert_int_equal(msg_new(&test_pong_desc, NULL, &bare, NULL), OK);
	frame->blob = blob_copy("samples", 7);
	bare->err = ERR_GONE;
	bare->flags = MSG_ANSWER;
	assert_int_equal(packet_put(frame, NOW, pack, sizeof pack, &one), OK);
	assert_int_equal(packet_put(bare, NOW, pack + one, sizeof pack - one, &two), OK);
	struct str rest = str_n(pack, one + two);
	assert_int_equal(packet_next(&rest, &p), OK);
	assert_int_equal(packet_open(&p, NOW, &back, NULL), OK);
	assert_true(str_is(str_n(back->blob->at, back->blob->len), "samples"));
	msg_unref(back);
	assert_int_equal(packet_next(&rest, &p), OK);
	assert_int_equal(packet_open(&p, NOW, &back, NULL), OK);
	assert_int_equal(back->err, ERR_GONE);
	assert_int_equal(back->size, sizeof *back);
	assert_int_equal(back->deadline_us, 0);
	assert_int_equal(rest.len, 0);
	msg_unref(back);
	msg_unref(bare);
	/* A blob over the type's bound, or of a type that has none, does not leave. */
	blob_unref(frame->blob);
	char *large = calloc(1, TEST_FRAME_BLOB_MAX + 1);
	frame->blob = blob_copy(large, TEST_FRAME_BLOB_MAX + 1);
	assert_int_equal(packet_put(frame, NOW, pack, sizeof pack, &one), ERR_TOO_LARGE);
	free(large);
	msg_unref(frame);
}

static void needs_its_room(void **state)
{
	(void)state;
	char whole[512];
	size_t len = 0;
	struct msg *m = usual();
	assert_int_equal(packet_put(m, NOW, whole, sizeof whole, &len), OK);
	for (size_t room = 0; room <= len; room++) {
		char *to = malloc(room ? room : 1);
		size_t needs = 0;
		enum err e = packet_put(m, NOW, to, room, &needs);
		assert_int_equal(e, room < len ? ERR_FULL : OK);
		assert_int_equal(needs, len);
		if (!e)
			assert_memory_equal(to, whole, len);
		free(to);
	}
	msg_unref(m);
}

/* Each cut of the bytes is an error, and none is read past its end. */
static void refuses_every_cut(void **state)
{
	(void)state;
	char whole[512];
	size_t len = 0;
	struct msg *m = usual();
	struct packet p;
	assert_int_equal(packet_put(m, NOW, whole, sizeof whole, &len), OK);
	for (size_t n = 0; n < len; n++) {
		char *cut = malloc(n ? n : 1);
		memcpy(cut, whole, n);
		struct str rest = str_n(cut, n);
		assert_int_equal(packet_next(&rest, &p), ERR_MALFORMED);
		assert_int_equal(rest.len, 0);
		if (n > 4) { /* the length agrees, the content is cut */
			cut[0] = (char)(n - 4);
			cut[1] = 0;
			rest = str_n(cut, n);
			struct msg *back = NULL;
			enum err e = packet_next(&rest, &p);
			if (!e)
				e = packet_open(&p, NOW, &back, NULL);
			assert_int_equal(e, ERR_MALFORMED);
			assert_null(back);
		}
		free(cut);
	}
	msg_unref(m);
}

static void one_bad_packet_takes_no_other(void **state)
{
	(void)state;
	/* No map; a blob of 9 bytes that are not there; a type nobody knows; test.ping{n=5}. */
	static const char pack[] = "\x01\0\0\0\x05"
				   "\x0a\0\0\0\x82\x01\xce\0\x63\0\x04\x12\x09\x80"
				   "\x08\0\0\0\x81\x01\xce\0\x63\x03\xe7\x80"
				   "\x0a\0\0\0\x81\x01\xce\0\x63\0\x01\x81\x01\x05";
	struct str rest = str_n(pack, sizeof pack - 1);
	struct packet p;
	struct msg *m = NULL;
	assert_int_equal(packet_next(&rest, &p), ERR_MALFORMED);
	assert_int_equal(packet_next(&rest, &p), ERR_MALFORMED);
	assert_int_equal(packet_next(&rest, &p), OK);
	assert_null(p.type);
	assert_int_equal(packet_open(&p, NOW, &m, NULL), ERR_TYPE);
	assert_int_equal(packet_next(&rest, &p), OK);
	assert_int_equal(packet_open(&p, NOW, &m, NULL), OK);
	assert_int_equal(test_ping_of(m)->n, 5);
	assert_int_equal(rest.len, 0);
	msg_unref(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_everything),
		cmocka_unit_test(carries_blobs_and_bare_answers),
		cmocka_unit_test(needs_its_room),
		cmocka_unit_test(refuses_every_cut),
		cmocka_unit_test(one_bad_packet_takes_no_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
