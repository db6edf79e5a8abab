/*
 * whatsapp_alias.c — which phone address belongs to a LID: a gateway's short memory of pairs.
 */
#include "gateway/whatsapp_alias.h"

static struct alias_pair *set_of(const struct alias_cache *c, uint64_t business, struct str lid)
{
	uint64_t h =
		0xcbf29ce484222325ULL ^ business; /* FNV-1a; a crowded set only forgets sooner */
	for (uint32_t i = 0; i < lid.len; i++)
		h = (h ^ (unsigned char)lid.at[i]) * 0x100000001b3ULL;
	return (struct alias_pair *)(uintptr_t)c->at[(h >> 20) & (ALIAS_SETS - 1)];
}

struct str alias_find(const struct alias_cache *c, uint64_t business, struct str lid)
{
	const struct alias_pair *set = set_of(c, business, lid);
	for (int way = 0; way < ALIAS_WAYS; way++)
		if (set[way].business == business && str_is(lid, set[way].lid))
			return str_of(set[way].pn);
	return (struct str){ 0 };
}

void alias_keep(struct alias_cache *c, uint64_t business, struct str lid, struct str pn)
{
	struct alias_pair *set = set_of(c, business, lid), put = { .business = business };
	int way = 0;
	if (!str_keep(put.lid, sizeof put.lid, lid) || !str_keep(put.pn, sizeof put.pn, pn))
		return;
	while (way < ALIAS_WAYS - 1 &&
	       !(set[way].business == business && str_is(lid, set[way].lid)))
		way++;
	memmove(set + 1, set, (size_t)way * sizeof *set);
	set[0] = put;
}

static bool is_lid(struct str jid)
{
	return jid.len > 4 && !memcmp(jid.at + jid.len - 4, "@lid", 4);
}

static bool among(const struct str *list, uint32_t n, struct str s)
{
	while (n--)
		if (str_eq(list[n], s))
			return true;
	return false;
}

static uint32_t resolve_one(const struct alias_cache *c, uint64_t business,
                            struct whatsapp_parsed *p, struct arena *a, struct str lid,
                            struct str *lids, uint32_t n)
{
	struct str pn = alias_find(c, business, lid), kept;
	if (pn.len && arena_keep(a, pn, &kept))
		whatsapp_resolve(p, lid, kept);
	else if (!among(lids, n, lid))
		lids[n++] = lid;
	return n;
}

uint32_t alias_resolve(struct alias_cache *c, uint64_t business, struct whatsapp_parsed *p,
                       struct arena *a, struct str *lids)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < p->n_rows; i++) {
		const struct wa_row *r = &p->rows[i];
		if (r->chat_lid.len)
			alias_keep(c, business, r->chat_lid, r->chat);
		if (r->sender_lid.len)
			alias_keep(c, business, r->sender_lid, r->sender);
	}
	for (uint32_t i = 0; i < p->n_rows; i++) {
		const struct wa_row *r = &p->rows[i];
		if (is_lid(r->chat) && n < WHATSAPP_ROWS)
			n = resolve_one(c, business, p, a, r->chat, lids, n);
		if (is_lid(r->sender) && n < WHATSAPP_ROWS)
			n = resolve_one(c, business, p, a, r->sender, lids, n);
	}
	return n;
}
