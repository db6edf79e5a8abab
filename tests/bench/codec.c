/*
 * codec.c — what a message costs: copied into a block, encoded, decoded; msgpack-c beside it.
 *
 *     build/tests/bench/bench_codec [WORD]      ns per message, median of 7 rounds, on one core
 */
#include "proto/codec.h"
#include "proto/envelope.h"
#include "proto/test.h"
#include <msgpack.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { ROUNDS = 7, TIMES = 1000000, PACK = 1 << 16 };

static struct test_ping ping = { .n = 123456789 };
static struct test_frame frame = { .call = STR_LIT("CA7f0123456789abcdef0123456789ab"),
	                           .seq = 4711,
	                           .at = 1700000000000000 };
/* Five fields, two of them text, 136 bytes of it. */
static struct test_usual usual = {
	.call = STR_LIT("CA7f0123456789abcdef0123456789ab"),
	.seq = 4711,
	.at = 1700000000000000,
	.kind = 3,
	.from = STR_LIT(
		"+15550100 a caller whose name takes one hundred and four bytes of text, as "
		"names of actors and people do..."),
};

static char pack[PACK];
static size_t pack_len;
static struct msg *sample;

static void must(enum err e)
{
	if (e) {
		fprintf(stderr, "bench: %s\n", err_info(e)->text);
		exit(1);
	}
}

static void copy(const struct proto_desc *type, const void *body)
{
	struct msg *m = NULL;
	must(msg_new(type, body, &m, NULL));
	__asm__ volatile("" ::"r"(m) : "memory");
	msg_unref(m);
}

static void copy_ping(void)
{
	copy(&test_ping_desc, &ping);
}

static void copy_usual(void)
{
	copy(&test_usual_desc, &usual);
}

static void encode(const struct proto_desc *type, const void *body)
{
	must(proto_encode(type, body, pack, PACK, &pack_len, NULL));
	__asm__ volatile("" ::: "memory");
}

static void encode_frame(void)
{
	encode(&test_frame_desc, &frame);
}

static void encode_usual(void)
{
	encode(&test_usual_desc, &usual);
}

static void decode_frame(void)
{
	struct test_frame f;
	must(proto_decode(&test_frame_desc, str_n(pack, pack_len), &f, NULL, NULL));
	__asm__ volatile("" ::"r"(&f) : "memory");
}

static void decode_usual(void)
{
	struct test_usual u;
	must(proto_decode(&test_usual_desc, str_n(pack, pack_len), &u, NULL, NULL));
	__asm__ volatile("" ::"r"(&u) : "memory");
}

static void block_usual(void)
{
	struct msg *m = NULL;
	struct str none = { 0 };
	must(msg_decode(&test_usual_desc, str_n(pack, pack_len), none, none, &m, NULL));
	msg_unref(m);
}

/* An ask between two actors that know each other's place, with business, deadline and trace. */
static void packet_write(void)
{
	must(packet_put(sample, 1000000, pack, PACK, &pack_len));
	__asm__ volatile("" ::: "memory");
}

static void packet_read(void)
{
	struct str rest = str_n(pack, pack_len);
	struct packet p;
	struct msg *m = NULL;
	must(packet_next(&rest, &p));
	must(packet_open(&p, 1000000, &m, NULL));
	msg_unref(m);
}

static void packet_peek(void)
{
	struct str rest = str_n(pack, pack_len);
	struct packet p;
	must(packet_next(&rest, &p));
	__asm__ volatile("" ::"r"(&p) : "memory");
}

/* ---- msgpack-c, by hand, as a program without a schema would -------------------------------- */

static void theirs_encode(void)
{
	static msgpack_sbuffer out;
	msgpack_packer p;
	msgpack_sbuffer_clear(&out);
	msgpack_packer_init(&p, &out, msgpack_sbuffer_write);
	msgpack_pack_map(&p, 3);
	msgpack_pack_uint64(&p, 1);
	msgpack_pack_str(&p, frame.call.len);
	msgpack_pack_str_body(&p, frame.call.at, frame.call.len);
	msgpack_pack_uint64(&p, 2);
	msgpack_pack_uint64(&p, frame.seq);
	msgpack_pack_uint64(&p, 3);
	msgpack_pack_uint64(&p, frame.at);
	__asm__ volatile("" ::: "memory");
}

static void theirs_decode(void)
{
	msgpack_unpacked u;
	msgpack_unpacked_init(&u);
	if (msgpack_unpack_next(&u, pack, pack_len, NULL) != MSGPACK_UNPACK_SUCCESS)
		exit(1);
	msgpack_unpacked_destroy(&u);
}

/* ---- the clock ----------------------------------------------------------------------------------
 */

static double now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* other work on the machine does not count */
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static const char *only; /* measure what has this in its name */

static void measure(const char *what, void (*run)(void))
{
	double rounds[ROUNDS];
	run(); /* what follows may need what this leaves in the pack */
	if (only && !strstr(what, only))
		return;
	for (int r = 0; r < ROUNDS; r++) {
		double start = now_ns();
		for (int i = 0; i < TIMES; i++)
			run();
		rounds[r] = (now_ns() - start) / TIMES;
	}
	qsort(rounds, ROUNDS, sizeof rounds[0], by_size);
	printf("%-44s %7.1f ns  %7.1f M/s  %4zu bytes\n", what, rounds[ROUNDS / 2],
	       1e3 / rounds[ROUNDS / 2], pack_len);
}

int main(int argc, char **argv)
{
	only = argc > 1 ? argv[1] : NULL;
	measure("copy and free, one u64", copy_ping);
	measure("copy and free, 5 fields, 136 bytes of text", copy_usual);
	measure("encode a frame's body", encode_frame);
	measure("decode a frame's body", decode_frame);
	measure("  msgpack-c packs it", theirs_encode);
	measure("  msgpack-c unpacks it to a tree", theirs_decode);
	measure("encode 5 fields, 136 bytes of text", encode_usual);
	measure("decode it", decode_usual);
	measure("decode it into a block", block_usual);
	must(msg_new(&test_usual_desc, &usual, &sample, NULL));
	sample->flags = MSG_ASK;
	sample->id = 123456;
	sample->from = (struct ref){ 0, 17, 3 };
	sample->to = (struct ref){ 1, 200, 1 };
	sample->business = 42;
	sample->deadline_us = 3000000;
	memcpy(sample->trace.id, "0123456789abcdef", 16);
	sample->trace.span = UINT64_C(0x1122334455667788);
	measure("packet of it, written", packet_write);
	measure("packet read, envelope only", packet_peek);
	measure("packet read into a block", packet_read);
	msg_unref(sample);
	return 0;
}
