/*
 * access.c — roles of keys.
 */
#include "bus/access.h"
#include <stdio.h>
#include <stdlib.h>

bool access_lists(const char *list, struct str word)
{
	while (*list) {
		size_t n = strcspn(list, " ,\t");
		if (n && (str_eq(str_n(list, n), word) || (n == 1 && *list == '*')))
			return true;
		list += n + (list[n] != '\0');
	}
	return false;
}

/* A key named ingest serves the nodes ingest, ingest#1, ingest.berlin. */
static bool name_fits(const char *card, const char *node)
{
	size_t n = strlen(card);
	return !strncmp(card, node, n) && (!node[n] || node[n] == '#' || node[n] == '.');
}

/* Groups of programs outside the tree stand as their numbers: no hub knows their names. */
static void allow_numbers(const char *list, struct row *row)
{
	while (*list) {
		char *end;
		unsigned long number = *list >= '0' && *list <= '9' ? strtoul(list, &end, 10) : 0;
		if (number && number < ROW_GROUPS && strchr(" ,\t", *end))
			row_allow(row, (uint8_t)number);
		list += strcspn(list, " ,\t");
		list += strspn(list, " ,\t");
	}
}

static void allow_groups(const char *list, struct row *row)
{
	row->limited = !access_lists(list, (struct str){ 0 });
	if (row->limited)
		allow_numbers(list, row);
	for (uint32_t i = 0; row->limited && i < proto_all_n; i++)
		if (access_lists(list, str_of(proto_all[i]->group)))
			row_allow(row, (uint8_t)(proto_all[i]->number >> 16));
}

enum err access_admit(const struct key_card *card, struct row *row, char why[ACCESS_WHY_BYTES])
{
	memset(row->groups, 0, sizeof row->groups);
	if (!name_fits(card->name, row->name)) {
		snprintf(why, ACCESS_WHY_BYTES, "the key %s is not for a node called %s",
		         card->name, row->name);
		return ERR_DENIED;
	}
	for (uint32_t i = 0; i < row->n_kinds; i++) {
		if (access_lists(card->host, str_of(row->kinds[i])))
			continue;
		snprintf(why, ACCESS_WHY_BYTES, "the key %s may not host %s", card->name,
		         row->kinds[i]);
		return ERR_DENIED;
	}
	allow_groups(card->send, row);
	return OK;
}
