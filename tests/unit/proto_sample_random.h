/*
 * proto_sample_random.h — any struct sample_all there can be, from a seed.
 */
#pragma once
#include "proto/arena.h"
#include "proto/utf8.h"
#include "tests/unit/proto_sample.h"
#include <math.h>

static uint64_t draw(uint64_t *seed) /* splitmix64, Steele et al. 2014 */
{
	uint64_t z = *seed += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static struct str draw_text(uint64_t *seed, struct arena *a, uint32_t max)
{
	uint32_t most = (uint32_t)(draw(seed) % (max + 1)), n = 0;
	char *at = arena_take(a, max, 1);
	while (at && n + 4 <= most) {
		uint64_t kind = draw(seed) % 8;
		uint32_t code = kind < 4    ? (uint32_t)(draw(seed) % 95 + 32)
		                : kind == 4 ? (uint32_t)(draw(seed) % 160)
		                : kind == 5 ? (uint32_t)(0x2020 + draw(seed) % 80)
		                : kind == 6 ? (uint32_t)(0x5d0 + draw(seed) % 27)
		                            : (uint32_t)(0x1f600 + draw(seed) % 64);
		n += (uint32_t)utf8_put(at + n, code);
	}
	return (struct str){ .at = at, .len = n };
}

static struct str draw_bytes(uint64_t *seed, struct arena *a, uint32_t max)
{
	uint32_t n = (uint32_t)(draw(seed) % (max + 1));
	char *at = arena_take(a, max, 1);
	for (uint32_t i = 0; at && i < n; i++)
		at[i] = (char)draw(seed);
	return (struct str){ .at = at, .len = at ? n : 0 };
}

static double draw_f64(uint64_t *seed)
{
	uint64_t bits = draw(seed);
	double v;
	if (bits % 3 == 0)
		return (double)(int64_t)(bits >> 40) / 8;
	memcpy(&v, &bits, sizeof v);
	return isfinite(v) ? v : 0;
}

static struct sample_leg draw_leg(uint64_t *seed, struct arena *a)
{
	return (struct sample_leg){ .id = draw_text(seed, a, 16),
		                    .ms = (uint32_t)draw(seed),
		                    .on = draw(seed) & 1 };
}

static void draw_lists(uint64_t *seed, struct arena *a, struct sample_all *s)
{
	s->tags.n = (uint32_t)(draw(seed) % 5);
	struct str *tags = arena_take(a, 4 * sizeof *tags, 8);
	for (uint32_t i = 0; i < s->tags.n; i++)
		tags[i] = draw_text(seed, a, 16);
	s->tags.at = tags;
	s->counts.n = (uint32_t)(draw(seed) % 9);
	uint32_t *counts = arena_take(a, 8 * sizeof *counts, 8);
	for (uint32_t i = 0; i < s->counts.n; i++)
		counts[i] = (uint32_t)draw(seed);
	s->counts.at = counts;
	s->legs.n = (uint32_t)(draw(seed) % 4);
	struct sample_leg *legs = arena_take(a, 3 * sizeof *legs, 8);
	for (uint32_t i = 0; i < s->legs.n; i++)
		legs[i] = draw_leg(seed, a);
	s->legs.at = legs;
}

/* The arena must hold 4 KiB. */
static struct sample_all draw_sample(uint64_t *seed, struct arena *a)
{
	static const char *const extras[] = { "",
		                              "null",
		                              "{\"a\":[1,\"]} \\\" #\"]}",
		                              "\"\\u0000\xc2\x9b\"",
		                              "[1, {\"b\":2.5e3}]",
		                              "-1" };
	struct sample_all s = {
		.call = draw_text(seed, a, 64),
		.rate = (uint32_t)(8000 + draw(seed) % 40001),
		.yes = draw(seed) & 1,
		.small = (uint8_t)draw(seed),
		.port = (uint16_t)draw(seed),
		.big = draw(seed) >> draw(seed) % 64,
		.temp = (int32_t)(draw(seed) % 126) - 40,
		.at = (int64_t)draw(seed) >> draw(seed) % 64,
		.gain = draw_f64(seed),
		.bytes = draw_bytes(seed, a, 32),
		.extra = str_of(extras[draw(seed) % 6]),
		.codec = (enum sample_codec)(draw(seed) & 1),
		.pin = draw_text(seed, a, 32),
		.from_date = draw_text(seed, a, 40),
		.sent_at = (int64_t)draw(seed),
	};
	if (draw(seed) & 1)
		s.leg = draw_leg(seed, a);
	draw_lists(seed, a, &s);
	return s;
}

/* Field by field, since a struct's views point elsewhere after a trip. */
static bool same_leg(const struct sample_leg *a, const struct sample_leg *b)
{
	return str_eq(a->id, b->id) && a->ms == b->ms && a->on == b->on;
}

static bool same_sample(const struct sample_all *a, const struct sample_all *b)
{
	bool same = str_eq(a->call, b->call) && a->rate == b->rate && a->yes == b->yes &&
	            a->small == b->small && a->port == b->port && a->big == b->big &&
	            a->temp == b->temp && a->at == b->at && a->gain == b->gain &&
	            str_eq(a->bytes, b->bytes) && a->codec == b->codec && str_eq(a->pin, b->pin) &&
	            str_eq(a->from_date, b->from_date) && a->sent_at == b->sent_at &&
	            same_leg(&a->leg, &b->leg) && a->tags.n == b->tags.n &&
	            a->counts.n == b->counts.n && a->legs.n == b->legs.n;
	for (uint32_t i = 0; same && i < a->tags.n; i++)
		same = str_eq(a->tags.at[i], b->tags.at[i]);
	for (uint32_t i = 0; same && i < a->counts.n; i++)
		same = a->counts.at[i] == b->counts.at[i];
	for (uint32_t i = 0; same && i < a->legs.n; i++)
		same = same_leg(&a->legs.at[i], &b->legs.at[i]);
	return same;
}
