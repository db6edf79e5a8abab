/* registry.c — find a message type by its number or its name. */
#include "proto/registry.h"

/* Types learned while running, by rising number. */
enum { LATE_MOST = 1024 };
static const struct proto_desc *late[LATE_MOST];
static uint32_t late_n;

/* The first of `late` that is not below. */
static uint32_t late_at(uint32_t number)
{
	uint32_t low = 0, high = late_n;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (late[middle]->number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static const struct proto_desc *late_by_number(uint32_t number)
{
	uint32_t i = late_at(number);
	return i < late_n && late[i]->number == number ? late[i] : NULL;
}

const struct proto_desc *proto_by_number(uint32_t number)
{
	uint32_t group = number >> 16, slot = number & 0xffff;
	if (group >= PROTO_GROUPS || slot >= proto_slots[group].n)
		return late_by_number(number);
	const struct proto_desc *found = proto_slots[group].at[slot];
	return found ? found : late_by_number(number);
}

enum err proto_add(const struct proto_desc *type)
{
	if (!type->number)
		return ERR_INVALID;
	if (proto_by_number(type->number) || proto_by_name(str_of(type->full)))
		return ERR_CONFLICT;
	if (late_n == LATE_MOST)
		return ERR_LIMIT;
	uint32_t i = late_at(type->number);
	memmove(&late[i + 1], &late[i], (late_n++ - i) * sizeof(const struct proto_desc *));
	late[i] = type;
	return OK;
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
	for (uint32_t i = 0; i < late_n; i++)
		if (str_is(full, late[i]->full))
			return late[i];
	return NULL;
}
