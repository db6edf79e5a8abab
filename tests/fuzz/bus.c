/*
 * bus — frames from authenticated peers and hubs that mean ill: whatever they say, nothing breaks,
 * nothing leaks, and the books of held messages are right.
 *
 *     input: chunks [who and kind 1][length 2][payload], each a frame that is in order
 */
#include "bus/bus.h"
#include "bus/peers.h"
#include "proto/beat.h"
#include "proto/codec.h"
#include "tests/fuzz/fake_link.h"
#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ME = 1, HUB = 5, PEER = 7 };

static void deliver(void *ctx, struct msg *m)
{
	(void)ctx;
	msg_unref(m);
}

static void lost(void *ctx, const struct msg *m, enum err why)
{
	(void)m;
	(void)why;
	++*(uint32_t *)ctx;
}

static void gone(void *ctx, uint32_t peer)
{
	(void)ctx;
	(void)peer;
}

static void nothing(void *ctx)
{
	(void)ctx;
}

static void refused(void *ctx, enum err e, struct str why)
{
	(void)ctx;
	(void)e;
	(void)why;
}

static const struct bus_calls calls = { deliver, lost, gone, nothing, nothing, refused };

struct day {
	struct fake fake;
	struct bus *bus;
	uint64_t now_us, seq[2];
};

static void turn(struct day *d)
{
	d->now_us += 1000;
	bus_drain(d->bus, d->now_us);
	bus_flush(d->bus, d->now_us, true);
}

static void event(struct day *d, enum link_what what, uint32_t line)
{
	d->fake.event = (struct link_event){ .what = what, .line = line };
	d->fake.has = true;
	turn(d);
}

static void frame(struct day *d, struct frame_head h, uint32_t line, const void *payload, size_t n)
{
	fake_frame(&d->fake, h, line, payload, n);
	turn(d);
}

static void hello(struct day *d, const char *name, uint64_t epoch, bool hub, uint32_t line)
{
	char body[ROW_BODY_BYTES];
	size_t n = 0;
	struct str at = str_of("fake://x");
	struct bus_hello h = {
		.row = { .name = str_of(name), .epoch = epoch, .hub = hub, .endpoints = { &at, 1 } }
	};
	enum err e = proto_encode(&bus_hello_desc, &h, body, sizeof body, &n, NULL);
	assert(!e);
	frame(d, (struct frame_head){ FRAME_HELLO, 0, epoch, ME, d->now_us, 0 }, line, body, n);
}

static uint32_t send_some(struct day *d)
{
	struct bus_peer p;
	struct beat_alive alive = { .name = str_of("x"), .every_ms = 1000 };
	struct msg *m;
	uint32_t sent = 0;
	if (msg_new(&beat_alive_desc, &alive, &m, NULL))
		abort();
	for (uint32_t i = 0; bus_peer_at(d->bus, i, &p); i++)
		sent += bus_send(d->bus, p.peer, m) == OK;
	msg_unref(m);
	return sent;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const hubs[] = { "fake://hub", NULL };
	struct day *d = calloc(1, sizeof *d);
	uint32_t n_lost = 0, sent = 0;
	uint64_t held = 0;
	d->fake.link.ops = &fake_ops;
	d->now_us = 1000000;
	struct bus_config config = {
		.name = "me", .epoch = ME, .hubs = hubs, .calls = &calls, .ctx = &n_lost
	};
	if (!d || bus_new(&config, &d->fake.link, d->now_us, &d->bus))
		abort();
	turn(d);
	event(d, LINK_UP, 1);
	hello(d, "hub", HUB, true, 1);
	hello(d, "hub", HUB, true, 0);
	hello(d, "peer", PEER, false, 0);
	event(d, LINK_UP, 2);
	hello(d, "peer", PEER, false, 2);
	sent = send_some(d);
	while (size >= 3) {
		bool peer = data[0] & 1;
		uint8_t kind = (uint8_t)(1 + (data[0] >> 1 & 15) % FRAME_TAKEN);
		uint32_t line = data[0] & 32 ? 1 + peer : 0;
		size_t n = (size_t)data[1] | (size_t)data[2] << 8;
		uint32_t flags = (data[0] >> 6) * 0x0203u << (data[0] >> 6 & 2 ? 7 : 0);
		data += 3;
		size -= 3;
		n = n < size ? n : size;
		d->seq[peer] += frame_numbered(kind);
		frame(d,
		      (struct frame_head){ kind, flags, peer ? PEER : HUB, ME, d->seq[peer],
		                           n % 3 },
		      line, data, n);
		data += n;
		size -= n;
	}
	struct bus_peer p;
	for (uint32_t i = 0; bus_peer_at(d->bus, i, &p); i++)
		held += p.held;
	assert(held + n_lost <= sent);
	bus_free(&d->bus);
	free(d);
	assert(msg_stats().blocks == 0);
	return 0;
}
