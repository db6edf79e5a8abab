/*
 * proto_envelope_fast.c — the envelope by hand and the envelope by tables are one: equal bytes,
 * equal structs, for random envelopes and for broken ones.
 */
#include "proto/codec.h"
#include "proto/envelope_fast.h"
#include "tests/unit/proto_envelope_same.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

enum { ENVELOPES = 20000, CHANGES = 8, ROOM = 1024 };

static uint64_t seed = 20260731;

static uint64_t draw(void) /* splitmix64, Steele et al. 2014 */
{
	uint64_t z = seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* Zero half of the time, else of any width. */
static uint64_t draw_number(uint64_t most)
{
	uint64_t v = draw() >> draw() % 64;
	return draw() % 2 ? 0 : v % most + (most == UINT64_MAX);
}

static struct str draw_name(char room[256])
{
	static const char text[] = "kind/key-\xc3\xa9\xe2\x82\xac#";
	uint32_t n = (uint32_t)(draw() % 3 ? draw() % 40 : draw() % 256), len = 0;
	if (draw() % 2)
		return (struct str){ 0 };
	while (len + sizeof text - 1 <= n) {
		memcpy(room + len, text, sizeof text - 1);
		len += sizeof text - 1;
	}
	while (len < n)
		room[len++] = (char)('a' + draw() % 26);
	return str_n(len ? room : NULL, len);
}

static struct packet_envelope draw_envelope(void)
{
	static char from[256], to[256], trace[16];
	for (uint32_t i = 0; i < sizeof trace; i++)
		trace[i] = (char)draw();
	return (struct packet_envelope){
		.type = (uint32_t)draw_number(UINT32_MAX),
		.flags = (uint32_t)draw_number(256),
		.id = draw_number(UINT64_MAX),
		.re = draw_number(UINT64_MAX),
		.err = (uint32_t)draw_number(65536),
		.from_slot = (uint32_t)draw_number(UINT32_MAX),
		.from_gen = (uint32_t)draw_number(UINT32_MAX),
		.to_slot = (uint32_t)draw_number(UINT32_MAX),
		.to_gen = (uint32_t)draw_number(UINT32_MAX),
		.from_name = draw_name(from),
		.to_name = draw_name(to),
		.business = draw_number(UINT64_MAX),
		.principal = draw_number(UINT64_MAX),
		.deadline_ms = (uint32_t)draw_number(UINT32_MAX),
		.trace_id = draw() % 2 ? str_n(trace, sizeof trace) : (struct str){ 0 },
		.span = draw_number(UINT64_MAX),
		.sampled = draw() % 2,
		.blob_len = (uint32_t)draw_number(UINT32_MAX),
	};
}

/* Bytes that stand at the end of their own memory, so that a step beyond shows under ASan. */
static char *alone(const char *bytes, size_t n)
{
	char *at = malloc(n ? n : 1);
	assert_non_null(at);
	memcpy(at, bytes, n);
	return at;
}

static void writes_the_same_bytes(void **state)
{
	(void)state;
	for (int i = 0; i < ENVELOPES; i++) {
		struct packet_envelope e = draw_envelope();
		char slow[ROOM], *fast = malloc(ENVELOPE_BYTES_MOST);
		size_t len;
		assert_non_null(fast);
		assert_int_equal(proto_encode(&packet_envelope_desc, &e, slow, ROOM, &len, NULL),
		                 OK);
		char *end = envelope_write(&e, fast, ENVELOPE_BYTES_MOST);
		assert_ptr_equal(end, fast + len);
		assert_memory_equal(fast, slow, len);
		free(fast);
	}
}

static void reads_the_same_struct(void **state)
{
	(void)state;
	for (int i = 0; i < ENVELOPES; i++) {
		struct packet_envelope e = draw_envelope(), back = { 0 };
		char slow[ROOM];
		size_t len;
		assert_int_equal(proto_encode(&packet_envelope_desc, &e, slow, ROOM, &len, NULL),
		                 OK);
		uint32_t behind = (uint32_t)(draw() % 12); /* of a body */
		memset(slow + len, 'b', behind);
		char *bytes = alone(slow, len + behind);
		struct str rest = str_n(bytes, len + behind);
		assert_true(envelope_read(&rest, &back));
		assert_true(envelope_same(&e, &back));
		assert_ptr_equal(rest.at, bytes + len);
		assert_int_equal(rest.len, behind);
		free(bytes);
	}
}

/* What the hand takes, the tables take, as the same: of broken bytes too. */
static void takes_nothing_else(void **state)
{
	uint32_t taken = 0;
	(void)state;
	for (int i = 0; i < ENVELOPES; i++) {
		struct packet_envelope e = draw_envelope(), fast = { 0 };
		char slow[ROOM];
		size_t len;
		assert_int_equal(proto_encode(&packet_envelope_desc, &e, slow, ROOM, &len, NULL),
		                 OK);
		for (int change = 0; change < CHANGES; change++) {
			size_t n = draw() % 4 ? len : draw() % (len + 1);
			char *bytes = alone(slow, n);
			if (n)
				bytes[draw() % 2 ? draw() % n : draw() % n % 8] = (char)draw();
			struct str rest = str_n(bytes, n);
			if (envelope_read(&rest, &fast)) {
				struct str tables = str_n(bytes, n);
				assert_int_equal(proto_decode_first(&packet_envelope_desc, &tables,
				                                    &e, NULL, NULL),
				                 OK);
				assert_true(envelope_same(&e, &fast));
				assert_ptr_equal(rest.at, tables.at);
				taken++;
			}
			free(bytes);
		}
	}
	assert_true(taken > ENVELOPES); /* else nothing was tried */
}

static void leaves_the_unusual_to_the_tables(void **state)
{
	(void)state;
	static char text[300];
	char to[ROOM];
	memset(text, 'x', sizeof text);
	struct packet_envelope usual = { .type = 7 };
	assert_non_null(envelope_write(&usual, to, ENVELOPE_BYTES_MOST));
	assert_null(envelope_write(&usual, to, ENVELOPE_BYTES_MOST - 1));
	assert_null(envelope_write(&(struct packet_envelope){ .flags = 256 }, to, ROOM));
	assert_null(envelope_write(&(struct packet_envelope){ .err = 65536 }, to, ROOM));
	assert_null(
		envelope_write(&(struct packet_envelope){ .to_name = { text, 256 } }, to, ROOM));
	assert_null(
		envelope_write(&(struct packet_envelope){ .from_name = { text, 256 } }, to, ROOM));
	assert_null(
		envelope_write(&(struct packet_envelope){ .trace_id = { text, 15 } }, to, ROOM));
}

static void knows_every_field(void **state)
{
	(void)state;
	static const char *const names[] = {
		"type",      "flags",       "id",       "re",        "err",     "from_slot",
		"from_gen",  "to_slot",     "to_gen",   "from_name", "to_name", "business",
		"principal", "deadline_ms", "trace_id", "span",      "sampled", "blob_len",
	};
	assert_int_equal(packet_envelope_desc.n_fields, ENVELOPE_FIELDS);
	assert_int_equal(packet_envelope_desc.required, 1);
	for (uint32_t i = 0; i < ENVELOPE_FIELDS; i++) {
		assert_int_equal(packet_envelope_desc.fields[i].number, i + 1);
		assert_string_equal(packet_envelope_desc.fields[i].name, names[i]);
	}
	assert_int_equal(packet_envelope_desc.fields[ENVELOPE_FLAGS - 1].to, ENVELOPE_FLAGS_MOST);
	assert_int_equal(packet_envelope_desc.fields[ENVELOPE_ERR - 1].to, ENVELOPE_ERR_MOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_every_field),
		cmocka_unit_test(writes_the_same_bytes),
		cmocka_unit_test(reads_the_same_struct),
		cmocka_unit_test(takes_nothing_else),
		cmocka_unit_test(leaves_the_unusual_to_the_tables),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
