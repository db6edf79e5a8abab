/*
 * plan.c — see plan.h.
 */
#include "tools/load/plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAR_POSTS = 16, NEAR = 40, COPY_S = 9, PER_SECOND = 200 };

static uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL; /* Knuth's MMIX */
	return (uint32_t)((*seed >> 33) % below);
}

static uint32_t share(uint32_t n, uint32_t per_cent)
{
	return (uint32_t)((uint64_t)n * per_cent / 100);
}

/* An item that repeats one of the last ones: at least `least` back, where there is one. */
static uint32_t earlier(uint64_t *seed, uint32_t at, uint32_t least, uint32_t most)
{
	uint32_t back = least + draw(seed, most - least + 1);
	return at >= back ? at - back : draw(seed, at);
}

static void copy_under_new_id(struct plan *p, uint64_t *seed, uint32_t at, uint32_t of,
                              uint32_t *ids)
{
	uint32_t id = (*ids)++, was = p->seconds[p->items[of].content];
	p->items[at] = (struct plan_item){ p->items[of].content, id };
	p->seconds[id] = was - draw(seed, was < COPY_S ? was + 1 : COPY_S + 1);
	p->copies++;
}

/* Ids below `contents` are those of the contents, the copies' come after. */
static void fill(struct plan *p, uint64_t *seed)
{
	const struct plan_config *c = &p->config;
	uint32_t exact = share(c->n, c->exact), together = share(c->n, c->concurrent);
	uint32_t newid = share(c->n, c->newid), next = 0, ids = p->contents;
	for (uint32_t i = 0; i < c->n; i++) {
		uint32_t left = c->n - i, at = draw(seed, left);
		if (!i || at >= exact + together + newid) {
			/* Newer contents have later times: PER_SECOND of them in a second. */
			p->seconds[next] = (p->contents - next) / PER_SECOND + COPY_S;
			p->items[i] = (struct plan_item){ next, next };
			next++;
		} else if (at < exact) {
			p->items[i] = p->items[earlier(seed, i, FAR_POSTS * c->batch,
			                               FAR_POSTS * c->batch * 4)];
			exact--;
		} else if (at < exact + together) {
			p->items[i] = p->items[earlier(seed, i, c->batch, c->batch)];
			together--;
		} else {
			copy_under_new_id(p, seed, i, earlier(seed, i, 1, c->batch * 2), &ids);
			newid--;
		}
	}
}

static void shuffle(struct plan *p, uint64_t *seed)
{
	for (uint32_t i = 0; i < p->config.n; i++) {
		uint32_t with = i + draw(seed, NEAR);
		if (draw(seed, 100) >= p->config.reorder || with >= p->config.n)
			continue;
		struct plan_item was = p->items[i];
		p->items[i] = p->items[with];
		p->items[with] = was;
	}
}

MUST enum err plan_new(const struct plan_config *c, struct plan **ret)
{
	uint32_t copies =
		share(c->n, c->exact) + share(c->n, c->concurrent) + share(c->n, c->newid);
	if (!c->n || !c->batch || !c->chats || c->exact + c->concurrent + c->newid > 99 ||
	    copies >= c->n)
		return ERR_INVALID;
	struct plan *p = calloc(1, sizeof *p);
	uint64_t seed = c->seed;
	if (!p)
		return ERR_MEMORY;
	p->config = *c;
	p->contents = c->n - copies;
	p->posts = (c->n + c->batch - 1) / c->batch;
	p->items = calloc(c->n, sizeof *p->items);
	p->seconds = calloc(c->n, sizeof *p->seconds);
	if (!p->items || !p->seconds) {
		plan_free(&p);
		return ERR_MEMORY;
	}
	fill(p, &seed);
	shuffle(p, &seed);
	*ret = p;
	return OK;
}

void plan_free(struct plan **pp)
{
	struct plan *p = *pp;
	*pp = NULL;
	if (!p)
		return;
	free(p->items);
	free(p->seconds);
	free(p);
}

void plan_id(const struct plan *p, uint32_t id, char ret[32])
{
	snprintf(ret, 32, "L%08" PRIX32 "-%08" PRIX32, (uint32_t)p->config.seed, id);
}

bool plan_id_read(const struct plan *p, struct str text, uint32_t *ret)
{
	char want[32], *end;
	if (text.len != 18)
		return false;
	char digits[9] = { 0 };
	memcpy(digits, text.at + 10, 8);
	uint32_t id = (uint32_t)strtoul(digits, &end, 16);
	plan_id(p, id, want);
	if (id >= p->config.n || !str_is(text, want))
		return false;
	*ret = id;
	return true;
}

uint32_t plan_items(const struct plan *p, uint32_t post)
{
	uint32_t first = post * p->config.batch, left = p->config.n - first;
	return left < p->config.batch ? left : p->config.batch;
}

/* About 600 bytes, as a text of a bridge has them. */
static void write_item(const struct plan *p, const struct plan_item *i, struct buf *b)
{
	char id[32];
	uint32_t chat = i->content % p->config.chats;
	plan_id(p, i->id, id);
	buf_printf(b,
	           "{\"key\":{\"remoteJid\":\"1555%07u@s.whatsapp.net\",\"fromMe\":false,\"id\":\"%"
	           "s\","
	           "\"participant\":\"\"},\"messageTimestamp\":%" PRId64 ",\"pushName\":\"Load "
	           "%u\",\"broadcast\":false,\"message\":{\"extendedTextMessage\":{"
	           "\"text\":\"load %" PRIu64
	           " text %u, which is as long as a customer's message to a "
	           "shop mostly is, give or take\",\"contextInfo\":{\"expiration\":0,"
	           "\"forwardingScore\":0,\"isForwarded\":false}},\"messageContextInfo\":{"
	           "\"deviceListMetadata\":{\"senderKeyHash\":\"AAECAwQFBgcICQ==\","
	           "\"senderTimestamp\":\"1700000000\",\"recipientKeyHash\":\"AAECAwQFBgcICQ==\","
	           "\"recipientTimestamp\":\"1700000000\"},\"deviceListMetadataVersion\":2}}}",
	           chat, id, p->config.now_us / 1000000 - p->seconds[i->id], chat, p->config.seed,
	           i->content);
}

void plan_write(const struct plan *p, uint32_t post, struct buf *b)
{
	uint32_t first = post * p->config.batch, n = plan_items(p, post);
	buf_text(b, "{\"messages\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			buf_char(b, ',');
		write_item(p, &p->items[first + i], b);
	}
	buf_text(b, "],\"type\":\"notify\"}");
}
