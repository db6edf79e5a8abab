/*
 * place.c — weights of rendezvous hashing.
 */
#include "bus/place.h"

/* FNV-1a, 64 bits (Fowler, Noll, Vo), one text after the other with a byte that is in none of them
 * between. */
static uint64_t fnv(uint64_t h, struct str s)
{
	for (uint32_t i = 0; i < s.len; i++)
		h = (h ^ (unsigned char)s.at[i]) * 0x100000001b3u;
	return (h ^ 0xff) * 0x100000001b3u;
}

/* The finaliser of splitmix64 (Steele, Lea, Flood, 2014): FNV alone leaves the high bits of short
 * texts alike. */
static uint64_t mix(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t place_weight(struct str node, struct str kind, struct str key)
{
	return mix(fnv(fnv(fnv(0xcbf29ce484222325u, kind), key), node));
}
