/*
 * hub.c — frames from nodes that mean ill, to the hub: whatever they say nothing breaks and nothing
 * leaks, no more are in the roster than came, and its numbers only grow.
 *
 *     input: chunks [who and kind 1][length 2][payload], each a frame that is in order
 */
#include "bus/hub.h"
#include "proto/codec.h"
#include "tests/fuzz/fake_link.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HUB = 5, NODE = 7 };

struct day {
	struct fake fake;
	struct hub *hub;
	uint64_t now_us, seq[2];
};

static void must(bool held)
{
	if (!held)
		abort();
}

static void turn(struct day *d)
{
	d->now_us += 1000;
	hub_drain(d->hub, d->now_us);
	hub_flush(d->hub, d->now_us);
}

static void hello(struct day *d, const char *name, uint64_t epoch)
{
	char body[ROW_BODY_BYTES];
	size_t n = 0;
	struct str at = str_of("fake://x"), kind = str_of("dedupe");
	struct bus_hello h = { .row = { .name = str_of(name),
		                        .epoch = epoch,
		                        .endpoints = { &at, 1 },
		                        .kinds = { &kind, 1 } } };
	must(!proto_encode(&bus_hello_desc, &h, body, sizeof body, &n, NULL));
	fake_frame(&d->fake, (struct frame_head){ FRAME_HELLO, 0, epoch, HUB, d->now_us, 0 }, 0,
	           body, n);
	turn(d);
}

static void said(struct day *d, uint8_t how, const uint8_t *at, size_t n)
{
	bool second = how & 1;
	uint8_t kind = (uint8_t)(1 + (how >> 1 & 15) % FRAME_TAKEN);
	uint32_t line = how & 32 ? 1u + second : 0;
	d->seq[second] += frame_numbered(kind);
	fake_frame(&d->fake,
	           (struct frame_head){ kind, how >> 6, NODE + second, HUB, d->seq[second], n % 3 },
	           line, at, n);
	turn(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct day *d = calloc(1, sizeof *d);
	struct hub_config config = { .name = "hub", .epoch = HUB };
	must(d != NULL);
	d->fake.link.ops = &fake_ops;
	d->now_us = 1000000;
	must(!hub_new(&config, &d->fake.link, d->now_us, &d->hub));
	hello(d, "one", NODE);
	hello(d, "two", NODE + 1);
	uint64_t frames = 2, version = 0;
	while (size >= 3) {
		size_t n = (size_t)data[1] | (size_t)data[2] << 8;
		n = n < size - 3 ? n : size - 3;
		said(d, data[0], data + 3, n);
		struct hub_stats s = hub_stats(d->hub);
		must(s.nodes <= ++frames && s.version >= version);
		version = s.version;
		data += 3 + n;
		size -= 3 + n;
	}
	hub_free(&d->hub);
	free(d);
	must(!msg_stats().blocks);
	return 0;
}
