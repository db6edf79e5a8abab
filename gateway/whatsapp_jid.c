/*
 * whatsapp_jid.c — addresses of WhatsApp in their canonical form.
 */
#include "gateway/whatsapp_jid.h"

static const struct server {
	const char *name, *canonical;
	enum whatsapp_place place;
	bool person; /* may carry a device and an agent */
} servers[] = {
	{ "s.whatsapp.net", "s.whatsapp.net", WHATSAPP_PHONE, true },
	{ "c.us", "s.whatsapp.net", WHATSAPP_PHONE, true },
	{ "hosted", "s.whatsapp.net", WHATSAPP_PHONE, true },
	{ "lid", "lid", WHATSAPP_LID, true },
	{ "hosted.lid", "lid", WHATSAPP_LID, true },
	{ "g.us", "g.us", WHATSAPP_GROUP, false },
	{ "broadcast", "broadcast", WHATSAPP_LIST, false },
	{ "newsletter", "newsletter", WHATSAPP_CHANNEL, false },
};

static uint32_t index_of(struct str s, char c)
{
	const char *at = s.len ? memchr(s.at, c, s.len) : NULL;
	return at ? (uint32_t)(at - s.at) : s.len;
}

static struct str join(struct str user, const char *server, struct arena *a)
{
	uint32_t n = (uint32_t)strlen(server);
	char *at = arena_take(a, user.len + 1 + n, 1);
	if (!at)
		return (struct str){ 0 };
	memcpy(at, user.at, user.len);
	at[user.len] = '@';
	memcpy(at + user.len + 1, server, n);
	return str_n(at, user.len + 1 + n);
}

enum whatsapp_place whatsapp_jid(struct str jid, struct arena *a, struct str *ret)
{
	*ret = (struct str){ 0 };
	uint32_t at = index_of(jid, '@');
	if (!at || at + 1 >= jid.len || jid.len > WHATSAPP_JID_MAX)
		return WHATSAPP_NOWHERE;
	struct str user = str_n(jid.at, at), name = str_n(jid.at + at + 1, jid.len - at - 1);
	const struct server *s = servers, *end = servers + sizeof servers / sizeof *servers;
	while (s < end && !str_is(name, s->name))
		s++;
	if (s == end) {
		*ret = jid;
		return WHATSAPP_OTHER;
	}
	if (s->place == WHATSAPP_LIST && str_is(user, "status")) {
		*ret = jid;
		return WHATSAPP_STATUS;
	}
	if (s->person) {
		user.len = index_of(user, ':');
		user.len = index_of(user, '_');
	}
	if (!user.len)
		return WHATSAPP_NOWHERE;
	*ret = user.len == at && str_is(name, s->canonical) ? jid : join(user, s->canonical, a);
	return ret->len ? s->place : WHATSAPP_NOWHERE;
}
