/*
 * names.c — from "kind/key" to its actor: open addressing, eight bytes a row.
 *
 * The hash is seeded by the node, so that keys which a peer may choose cannot be made to collide.
 */
#include "actors/runtime/runtime.h"
#include <stdlib.h>

enum { FEWEST = 64, KIND_LONGEST = 48, NAME_LONGEST = 240 };

static inline uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t r = (__uint128_t)a * b;
	return (uint64_t)r ^ (uint64_t)(r >> 64);
}

static inline uint64_t read64(const char *p)
{
	uint64_t v;
	memcpy(&v, p, sizeof v);
	return v;
}

/* Eight bytes a step, multiplied into each other; the scheme and constants are wyhash's. */
uint64_t name_hash(const struct node *n, struct str name)
{
	uint64_t h = n->names_seed ^ 0xa0761d6478bd642fu, tail = 0;
	const char *p = name.at;
	size_t left = name.len;
	for (; left > 8; p += 8, left -= 8)
		h = mix(h ^ read64(p), 0xe7037ed1a0b428dbu);
	if (left)
		memcpy(&tail, p, left);
	return mix(h ^ tail, 0x8ebc6af09c88c6e3u ^ name.len);
}

static void put(struct node *n, uint32_t hash, uint32_t slot)
{
	uint32_t i = hash & n->names_mask;
	while (n->names[i].slot)
		i = (i + 1) & n->names_mask;
	n->names[i] = (struct name_row){ .hash = hash, .slot = slot };
}

static enum err grow(struct node *n)
{
	uint32_t old = n->names ? n->names_mask + 1 : 0, rows = old ? old * 2 : FEWEST;
	struct name_row *was = n->names, *fresh = calloc(rows, sizeof *fresh);
	if (!fresh)
		return ERR_MEMORY;
	n->names = fresh;
	n->names_mask = rows - 1;
	for (uint32_t i = 0; i < old; i++)
		if (was[i].slot)
			put(n, was[i].hash, was[i].slot);
	free(was);
	return OK;
}

enum err name_put(struct node *n, struct actor *a)
{
	if (!n->names || n->names_n >= (n->names_mask + 1) / 4 * 3) {
		enum err e = grow(n);
		if (e)
			return e;
	}
	put(n, a->hash, a->ref.slot + 1);
	n->names_n++;
	return OK;
}

struct actor *name_find(const struct node *n, struct str name, uint64_t hash)
{
	if (!n->names)
		return NULL;
	uint32_t h = (uint32_t)hash;
	for (uint32_t i = h & n->names_mask; n->names[i].slot; i = (i + 1) & n->names_mask) {
		if (n->names[i].hash != h)
			continue;
		struct actor *a = n->slots[n->names[i].slot - 1].actor;
		if (str_eq(name_of(a), name))
			return a;
	}
	return NULL;
}

void name_take(struct node *n, struct actor *a)
{
	uint32_t mask = n->names_mask, hole = a->hash & mask;
	while (n->names[hole].slot != a->ref.slot + 1)
		hole = (hole + 1) & mask;
	for (uint32_t i = (hole + 1) & mask; n->names[i].slot; i = (i + 1) & mask) {
		if (((i - n->names[i].hash) & mask) >= ((i - hole) & mask)) {
			n->names[hole] = n->names[i];
			hole = i;
		}
	}
	n->names[hole] = (struct name_row){ 0 };
	n->names_n--;
}

/* Eight letters at a time: below a space, or DEL (Mycroft's test for a byte less than n). */
static bool has_control(struct str s)
{
	const uint64_t ones = 0x0101010101010101u, highs = ones << 7;
	for (uint32_t i = 0; i < s.len; i += 8) {
		uint64_t word = ones * ' ';
		memcpy(&word, s.at + i, s.len - i < 8 ? s.len - i : 8);
		uint64_t del = word ^ ones * 0x7f;
		if ((((word - ones * ' ') & ~word) | ((del - ones) & ~del)) & highs)
			return true;
	}
	return false;
}

/* Peers choose keys: a key is any text without control characters, a kind an identifier. */
enum err name_check(struct str name, struct str *ret_kind, struct str *ret_key)
{
	if (!name.len)
		return ERR_INVALID;
	if (name.len > NAME_LONGEST)
		return ERR_TOO_LARGE;
	const char *slash = memchr(name.at, '/', name.len);
	size_t kind = slash ? (size_t)(slash - name.at) : name.len;
	if (!kind || kind > KIND_LONGEST || kind + 1 == name.len)
		return ERR_INVALID;
	if (has_control(name))
		return ERR_INVALID;
	*ret_kind = str_n(name.at, kind);
	*ret_key = slash ? str_n(slash + 1, name.len - kind - 1) : (struct str){ 0 };
	return OK;
}
