/*
 * envelope.c — any bytes as a pack: each packet that opens is written, and what is written opens as
 * the same. A walk ends, whatever the lengths claim. The envelope read by hand is what the tables
 * read.
 */
#include "proto/envelope.h"
#include "proto/codec.h"
#include "proto/envelope_fast.h"
#include "tests/unit/proto_envelope_same.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len);

enum { ROOM = 1 << 22, NOW_US = 1000000 };

static void must(bool held)
{
	if (!held)
		abort();
}

static size_t write_packet(const struct msg *m, char *to)
{
	size_t len = 0;
	must(packet_put(m, NOW_US, to, ROOM, &len) == OK);
	return len;
}

static void check_packet(const struct packet *p)
{
	static char one[ROOM], two[ROOM];
	struct msg *m = NULL, *again = NULL;
	struct packet q;
	if (packet_open(p, NOW_US, &m, NULL))
		return;
	must(m->size < ROOM / 2);
	size_t len = write_packet(m, one);
	struct str pack = str_n(one, len);
	must(packet_next(&pack, &q) == OK && !pack.len);
	must(packet_open(&q, NOW_US, &again, NULL) == OK);
	must(write_packet(again, two) == len && !memcmp(one, two, len));
	msg_unref(m);
	msg_unref(again);
}

static void check_by_tables(struct str bytes)
{
	struct packet_envelope fast = { 0 }, slow;
	struct str rest = bytes;
	if (!envelope_read(&rest, &fast))
		return;
	must(proto_decode_first(&packet_envelope_desc, &bytes, &slow, NULL, NULL) == OK);
	must(envelope_same(&fast, &slow) && rest.at == bytes.at && rest.len == bytes.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *at, size_t len)
{
	check_by_tables(str_n((const char *)at, len));
	struct str pack = str_n((const char *)at, len);
	while (pack.len) {
		struct packet p;
		uint32_t before = pack.len;
		check_by_tables(str_n(pack.at + 4, before > 4 ? before - 4 : 0));
		enum err e = packet_next(&pack, &p);
		must(pack.len < before);
		if (!e)
			check_packet(&p);
	}
	must(!msg_stats().blocks);
	return 0;
}
