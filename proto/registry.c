/* registry.c — find a message type by its number or its name. */
#include "proto/registry.h"

const struct proto_desc *proto_by_number(uint32_t number)
{
	uint32_t group = number >> 16, slot = number & 0xffff;
	if (group >= PROTO_GROUPS || slot >= proto_slots[group].n)
		return NULL;
	return proto_slots[group].at[slot];
}

static int compare(struct str a, const char *b)
{
	size_t n = strlen(b);
	size_t common = a.len < n ? a.len : n;
	int c = common ? memcmp(a.at, b, common) : 0;
	return c ? c : (a.len > n) - (a.len < n);
}

const struct proto_desc *proto_by_name(struct str full)
{
	uint32_t low = 0, high = proto_all_n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int c = compare(full, proto_sorted[middle]->full);
		if (!c)
			return proto_sorted[middle];
		if (c < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}
