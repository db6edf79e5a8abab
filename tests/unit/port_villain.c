/*
 * port_villain.c — a child behind a port that behaves as its first argument says: well, or in one
 * of the ways in which children go wrong.
 */
#include "proto/codec.h"
#include "proto/envelope.h"
#include "proto/port.h"
#include "proto/test.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SOCKET = 3 };

/* As an actor writes it. */
#define MSG(type, ...)                                                                             \
	&type##_desc, &(struct type)                                                               \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}

static const char *mode;

static void put(const void *at, size_t n)
{
	for (const char *p = at; n;) {
		ssize_t w = write(SOCKET, p, n);
		if (w <= 0)
			exit(3);
		p += w;
		n -= (size_t)w;
	}
}

static void say(struct packet_envelope e, const struct proto_desc *type, const void *body)
{
	char bytes[2048];
	size_t head, len = 0;
	e.type = e.type ? e.type : type->number;
	if (proto_encode(&packet_envelope_desc, &e, bytes + 4, 1024, &head, NULL) ||
	    proto_encode(type, body, bytes + 4 + head, 1000, &len, NULL))
		exit(4);
	uint32_t all = (uint32_t)(head + len);
	memcpy(bytes, &all, 4); /* little-endian, as all our machines */
	put(bytes, 4 + all);
}

static bool is(const char *name)
{
	return !strcmp(mode, name);
}

static void hello(void)
{
	static const struct str kinds[] = { STR_LIT("player") };
	if (is("mute"))
		pause();
	if (is("wrong-kind")) {
		static const struct str other[] = { STR_LIT("other") };
		say((struct packet_envelope){ 0 },
		    MSG(port_hello, .version = 1, .name = str_of("villain"),
		        .kinds = { other, 1 }));
		return;
	}
	if (is("no-packet"))
		put("\x05\x00\x00\x00hello", 9);
	if (is("endless"))
		put("\xff\xff\xff\xff", 4);
	if (is("early"))
		say((struct packet_envelope){ .flags = MSG_ASK, .id = 1 }, MSG(test_ping, .n = 1));
	say((struct packet_envelope){ 0 }, MSG(port_hello, .version = is("version") ? 7 : 1,
	                                       .name = str_of("villain"), .kinds = { kinds, 1 }));
}

/* How each mode treats what it is asked. */
static void asked(const struct packet *p, struct packet_envelope answer)
{
	struct test_ping ping;
	if (proto_decode(&test_ping_desc, p->body, &ping, NULL, NULL))
		exit(5);
	if (is("crash"))
		abort();
	if (is("deaf")) /* alive, never answers */
		return;
	if (is("impostor"))
		say((struct packet_envelope){ .id = 1, .from_name = str_of("store") },
		    MSG(test_ping, .n = 1));
	if (is("other-tenant"))
		say((struct packet_envelope){ .id = 1,
		                              .from_name = str_of("player/a"),
		                              .business = 99 },
		    MSG(test_ping, .n = 1));
	if (is("wrong-type")) {
		say(answer, MSG(test_usual, .seq = 1));
		return;
	}
	if (is("garbage")) { /* a body that is no test.pong */
		answer.type = test_pong_desc.number;
		say(answer, &port_pong_desc, &(struct port_pong){});
		return;
	}
	for (int i = 0; is("unasked") && i < 100; i++)
		say((struct packet_envelope){ .flags = MSG_ANSWER, .re = 77 },
		    MSG(test_pong, .n = 1));
	for (int i = 0; is("chatter") && i < 100000; i++)
		say((struct packet_envelope){ .id = 1000,
		                              .flags = MSG_ASK,
		                              .from_name = str_of("player/a"),
		                              .to_name = str_of("nobody") },
		    MSG(test_ping, .n = 1));
	for (int i = 0; is("printer") && i < 20000; i++)
		(void)printf("line %d of far too many\n", i);
	(void)fflush(stdout);
	say(answer, MSG(test_pong, .n = ping.n + 1));
}

static void take(struct str frame)
{
	struct packet p;
	if (packet_next(&frame, &p))
		exit(6);
	if (p.type == &port_ping_desc && !is("silent"))
		say((struct packet_envelope){ 0 }, MSG(port_pong));
	if (p.type == &test_ping_desc)
		asked(&p, (struct packet_envelope){ .flags = MSG_ANSWER, .re = p.envelope.id });
}

int main(int argc, char **argv)
{
	static char in[1 << 20];
	size_t have = 0;
	mode = argc > 1 ? argv[1] : "well";
	hello();
	if (is("blocked")) /* never reads */
		pause();
	for (;;) {
		ssize_t n = read(SOCKET, in + have, sizeof in - have);
		if (n <= 0)
			return 0;
		have += (size_t)n;
		for (uint32_t len; have >= 4; have -= 4 + len) {
			memcpy(&len, in, 4);
			if (have < 4 + len)
				break;
			take(str_n(in, 4 + len));
			memmove(in, in + 4 + len, have - 4 - len);
		}
	}
}
