/*
 * source.c — source.h.
 */
#include "gateway/source.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static bool address_read(const char *text, uint8_t ret[16], bool *ret_v4)
{
	memcpy(ret, mapped, sizeof mapped);
	*ret_v4 = inet_pton(AF_INET, text, ret + 12) == 1;
	if (*ret_v4)
		return true;
	if (strcmp(text, "unix") == 0)
		return address_read("127.0.0.1", ret, ret_v4);
	return inet_pton(AF_INET6, text, ret) == 1;
}

static enum err net_read(struct str text, struct source_net *ret)
{
	char copy[SOURCE_TEXT + 8], *end;
	bool v4;
	if (!str_keep(copy, sizeof copy, text))
		return ERR_INVALID;
	char *slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	if (!address_read(copy, ret->address, &v4))
		return ERR_INVALID;
	unsigned long most = v4 ? 32 : 128, bits = most;
	if (slash) {
		bits = strtoul(slash, &end, 10);
		if (!*slash || *end || bits > most)
			return ERR_INVALID;
	}
	ret->bits = (uint8_t)(bits + (v4 ? 96 : 0));
	return OK;
}

static struct str word(struct str *list)
{
	while (list->len && strchr(" ,\t", *list->at))
		*list = str_n(list->at + 1, list->len - 1);
	uint32_t n = 0;
	while (n < list->len && !strchr(" ,\t", list->at[n]))
		n++;
	struct str w = str_n(list->at, n);
	*list = str_n(list->at + n, list->len - n);
	return w;
}

enum err source_nets_read(struct str text, struct source_nets *ret)
{
	struct source_nets nets = { 0 };
	for (struct str w; (w = word(&text)).len;) {
		if (nets.n == SOURCE_NETS)
			return ERR_TOO_LARGE;
		enum err e = net_read(w, &nets.at[nets.n++]);
		if (e)
			return e;
	}
	*ret = nets;
	return OK;
}

static bool in_net(const struct source_net *net, const uint8_t address[16])
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;
	if (memcmp(net->address, address, whole) != 0)
		return false;
	return !rest || (net->address[whole] ^ address[whole]) >> (8 - rest) == 0;
}

bool source_in(const struct source_nets *nets, const char *address)
{
	uint8_t bytes[16];
	bool v4;
	if (!address_read(address, bytes, &v4))
		return false;
	for (uint32_t i = 0; i < nets->n; i++)
		if (in_net(&nets->at[i], bytes))
			return true;
	return false;
}

bool source_is_loopback(const char *address)
{
	uint8_t bytes[16];
	bool v4;
	static const uint8_t one[16] = { [15] = 1 };
	if (!address_read(address, bytes, &v4))
		return false;
	return memcmp(bytes, mapped, sizeof mapped) != 0 ? !memcmp(bytes, one, sizeof one)
	                                                 : bytes[12] == 127;
}

/* The last entry of the list, cut off it. */
static struct str last_entry(struct str *list)
{
	uint32_t n = list->len;
	while (n && list->at[n - 1] != ',')
		n--;
	struct str entry = str_n(list->at + n, list->len - n);
	list->len = n ? n - 1 : 0;
	while (entry.len && (*entry.at == ' ' || *entry.at == '\t'))
		entry = str_n(entry.at + 1, entry.len - 1);
	while (entry.len && (entry.at[entry.len - 1] == ' ' || entry.at[entry.len - 1] == '\t'))
		entry.len--;
	return entry;
}

void source_of(const struct source_nets *trusted, const char *peer, struct str forwarded,
               char ret[SOURCE_TEXT])
{
	(void)snprintf(ret, SOURCE_TEXT, "%s", peer);
	while (forwarded.len && source_in(trusted, ret)) {
		char next[SOURCE_TEXT];
		uint8_t bytes[16];
		bool v4;
		if (!str_keep(next, sizeof next, last_entry(&forwarded)) || !strcmp(next, "unix") ||
		    !address_read(next, bytes, &v4))
			return;
		memcpy(ret, next, SOURCE_TEXT);
	}
}

struct str source_bucket(const char *address, char room[SOURCE_TEXT])
{
	uint8_t bytes[16];
	bool v4;
	if (!address_read(address, bytes, &v4))
		return str_of(address);
	if (memcmp(bytes, mapped, sizeof mapped) != 0) {
		memcpy(room, bytes, 8);
		return str_n(room, 8);
	}
	memcpy(room, bytes + 12, 4);
	return str_n(room, 4);
}
