/*
 * webhook_whatsapp.c — POST /webhook/incoming: a bridge's messages in, counts out, after the
 * commit.
 *
 *     body ─▶ connector ─▶ signature ─▶ parse ─▶ addresses ─▶ dedupe/0 … dedupe/63 ─▶ sum ─▶ answer
 *             (cached)     raw bytes    pure     (cached)     store (quarantine)
 *
 * If any part fails the answer is 503 and the sender repeats all of it: what was stored is then a
 * duplicate of layer 1. Nothing is acknowledged that is not committed.
 */
#include "gateway/exchange.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "gateway/whatsapp_alias.h"
#include "proto/digest.h"
#include "proto/tenant.h"
#include "proto/utf8.h"

enum {
	PARTITIONS = 64,              /* as many as there are leases dedupe/0 … */
	CONNECTORS = 256,             /* remembered, in sets of one */
	CONNECTOR_US = 10 * 1000000,  /* how long a revoked one may still be believed. Ours */
	QUARANTINE_RAW = 65536,       /* bytes kept of a message that is not understood */
	PART_QUARANTINE = PARTITIONS, /* parts of one POST: its partitions, and this */
};

struct connector {
	uint64_t id, business, until_us;
	enum tenant_dedupe policy;
	char secret[SEAL_PLAIN_MAX + 1];
};

/* Of all POSTs of this gateway. */
struct shared {
	struct connector connectors[CONNECTORS];
	struct alias_cache aliases;
	struct arena scratch; /* of the POST in hand: what is asked is copied before the next one */
	struct str lids[WHATSAPP_ROWS];
	struct wa_row rows[WHATSAPP_ROWS];
};

/* Of one POST. */
struct post {
	struct connector connector;
	int64_t now_us;
	uint32_t left; /* parts not answered yet */
	uint32_t accepted, duplicates, ignored, rejected;
	enum err err;
	bool asked_aliases;
};

static const char owner; /* its address names the shared block */

static void shared_done(void *at)
{
	struct shared *s = at;
	free(s->scratch.at);
	digest_forget(s->connectors, sizeof s->connectors);
}

static struct shared *shared(struct exchange *x)
{
	return exchange_shared(x, &owner, sizeof(struct shared), shared_done);
}

static struct post *post_of(struct exchange *x)
{
	return exchange_state(x, sizeof(struct post));
}

static uint64_t now_us(const struct exchange *x)
{
	return actor_now_us(exchange_actor(x));
}

/* In an answer function nobody else turns an error into an answer. */
static enum err refuse_if(struct exchange *x, enum err e)
{
	return e ? exchange_refuse(x, e, NULL) : OK;
}

/* ---- the end
 * ----------------------------------------------------------------------------------------- */

static enum err answer(struct exchange *x)
{
	const struct post *p = post_of(x);
	if (p->err) {
		actor_log(exchange_actor(x), LOG_WARN,
		          "webhook_failed connector=%" PRIu64 " err=%s", p->connector.id,
		          err_info(p->err)->name);
		return exchange_refuse(x, p->err == ERR_TIMEOUT ? ERR_TIMEOUT : ERR_UNAVAILABLE,
		                       "not all of it is stored: send it again");
	}
	return exchange_reply(x, 200,
	                      MSG(wa_done, .accepted = p->accepted, .duplicates = p->duplicates,
	                          .ignored = p->ignored, .rejected = p->rejected));
}

static enum err part_done(struct exchange *x)
{
	struct post *p = post_of(x);
	return --p->left ? OK : answer(x);
}

static enum err on_done(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK; /* the sender has left: it will send again */
	struct post *p = post_of(x);
	if (msg_err(m)) {
		p->err = msg_err(m);
	} else if (exchange_part(m) != PART_QUARANTINE) {
		const struct wa_done *d = wa_done_of(m);
		p->accepted += d->accepted;
		p->duplicates += d->duplicates;
	}
	return part_done(x);
}

/* ---- to the partitions
 * --------------------------------------------------------------------------------- */

static uint32_t partition_of(uint64_t business, struct str chat)
{
	char at[sizeof business + WA_ROW_CHAT_MAX];
	uint8_t digest[DIGEST_BYTES] = { 0 };
	memcpy(at, &business, sizeof business);
	memcpy(at + sizeof business, chat.at, chat.len);
	if (digest_sha256(str_n(at, sizeof business + chat.len), digest))
		return 0;
	return digest[0] % PARTITIONS;
}

static void ask_failed(struct post *p, enum err e)
{
	if (!e) {
		p->left++;
		return;
	}
	p->err = e;
}

static void ask_quarantine(struct exchange *x, const struct whatsapp_parsed *in, struct arena *a)
{
	struct post *p = post_of(x);
	size_t n = in->n_rejects;
	struct str *at = arena_take(a, 3 * n * sizeof *at, _Alignof(struct str));
	uint8_t *prints = arena_take(a, n * DIGEST_BYTES, 1);
	enum err e = at && prints ? OK : ERR_MEMORY;
	for (size_t i = 0; !e && i < n; i++) {
		struct str raw = in->rejects[i].raw;
		e = digest_sha256(raw, prints + i * DIGEST_BYTES);
		at[i] = str_of(in->rejects[i].reason);
		at[n + i] = str_n(raw.at, raw.len < QUARANTINE_RAW ? raw.len : QUARANTINE_RAW);
		at[2 * n + i] = str_n((const char *)prints + i * DIGEST_BYTES, DIGEST_BYTES);
	}
	if (!e)
		e = exchange_ask(x, "store", on_done, PART_QUARANTINE,
		                 MSG(wa_quarantine, .connector = p->connector.id,
		                     .reasons = { at, in->n_rejects },
		                     .raws = { at + n, in->n_rejects },
		                     .prints = { at + 2 * n, in->n_rejects }));
	ask_failed(p, e);
}

static void ask_partition(struct exchange *x, uint32_t partition, const struct wa_row *rows,
                          uint32_t n)
{
	struct post *p = post_of(x);
	char to[16];
	snprintf(to, sizeof to, "dedupe/%u", partition);
	ask_failed(p, exchange_ask(x, to, on_done, (uint16_t)partition,
	                           MSG(wa_batch, .rows = { rows, n }, .connector = p->connector.id,
	                               .policy = p->connector.policy)));
}

/* Rows of one partition stand together, in the order they came. */
static void ask_partitions(struct exchange *x, const struct whatsapp_parsed *in)
{
	struct shared *s = shared(x);
	uint8_t of[WHATSAPP_ROWS];
	uint32_t first[PARTITIONS + 1] = { 0 }, at[PARTITIONS];
	for (uint32_t i = 0; i < in->n_rows; i++) {
		of[i] = (uint8_t)partition_of(exchange_business(x), in->rows[i].chat);
		first[of[i] + 1]++;
	}
	for (uint32_t i = 0; i < PARTITIONS; i++) {
		first[i + 1] += first[i];
		at[i] = first[i];
	}
	for (uint32_t i = 0; i < in->n_rows; i++)
		s->rows[at[of[i]]++] = in->rows[i];
	for (uint32_t i = 0; i < PARTITIONS; i++)
		if (first[i + 1] > first[i])
			ask_partition(x, i, s->rows + first[i], first[i + 1] - first[i]);
}

static enum err send(struct exchange *x, struct whatsapp_parsed *in, struct arena *a)
{
	struct post *p = post_of(x);
	p->ignored = in->ignored;
	p->rejected = in->n_rejects;
	p->left = 1; /* this function: so that no answer comes before all is asked */
	ask_partitions(x, in);
	if (in->n_rejects)
		ask_quarantine(x, in, a);
	return part_done(x);
}

/* ---- addresses
 * ----------------------------------------------------------------------------------------- */

static enum err read_body(struct exchange *x);

static enum err on_aliased(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, ERR_UNAVAILABLE, NULL);
	const struct wa_aliased *got = wa_aliased_of(m);
	for (uint32_t i = 0; i < got->pairs.n; i++)
		alias_keep(&shared(x)->aliases, exchange_business(x), got->pairs.at[i].lid,
		           got->pairs.at[i].pn);
	return refuse_if(x, read_body(x));
}

/* The arena of the POST in hand, large enough for its body. */
static struct arena *scratch(struct exchange *x)
{
	struct shared *s = shared(x);
	size_t room = s ? whatsapp_room(exchange_body(x).len) : 0;
	if (!s || room > UINT32_MAX)
		return NULL;
	if (s->scratch.len < room) {
		free(s->scratch.at);
		s->scratch = (struct arena){ .at = malloc(room) };
		if (!s->scratch.at)
			return NULL;
		s->scratch.len = (uint32_t)room;
	}
	s->scratch.used = 0;
	return &s->scratch;
}

static enum err read_body(struct exchange *x)
{
	struct post *p = post_of(x);
	struct arena *a = scratch(x);
	struct whatsapp_parsed in;
	struct json_error error;
	if (!a)
		return exchange_refuse(x, ERR_MEMORY, NULL);
	enum err e = whatsapp_parse(exchange_body(x), p->now_us, a, &in, &error);
	if (e)
		return exchange_refuse(x, e, "expected %s at byte %u, received %s", error.expected,
		                       error.offset, error.received);
	struct shared *s = shared(x);
	uint32_t unknown = alias_resolve(&s->aliases, exchange_business(x), &in, a, s->lids);
	if (unknown && !p->asked_aliases) {
		p->asked_aliases = true;
		return exchange_ask(x, "store", on_aliased, 0,
		                    MSG(wa_aliases, .lids = { s->lids, unknown }));
	}
	return send(x, &in, a);
}

/* ---- who sends
 * -------------------------------------------------------------------------------------------- */

/* The same for an unknown connector as for a wrong signature: no one learns which ids exist. */
static enum err refuse_signature(struct exchange *x)
{
	exchange_blame(x);
	return exchange_refuse(x, ERR_UNAUTHENTICATED,
	                       "X-Hub-Signature-256 must be sha256= and the HMAC of the raw body");
}

static bool signature_fits(struct exchange *x, const struct connector *c)
{
	struct str given = exchange_header(x, "x-hub-signature-256");
	uint8_t want[DIGEST_BYTES], got[DIGEST_BYTES];
	if (!str_starts(given, "sha256=") ||
	    digest_unhex(str_n(given.at + 7, given.len - 7), got, sizeof got) ||
	    digest_hmac_sha256(str_of(c->secret), exchange_body(x), want))
		return false;
	return digest_eq(want, got, sizeof want);
}

static enum err known(struct exchange *x, const struct connector *c)
{
	struct post *p = post_of(x);
	if (!p)
		return exchange_refuse(x, ERR_MEMORY, NULL);
	if (!signature_fits(x, c))
		return refuse_signature(x);
	p->connector = *c;
	digest_forget(p->connector.secret, sizeof p->connector.secret);
	p->now_us = (int64_t)actor_wall_us(exchange_actor(x));
	exchange_act_for(x, c->business, 0);
	return read_body(x);
}

static enum err on_connector(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m) == ERR_NOT_FOUND)
		return refuse_signature(x);
	if (msg_err(m))
		return exchange_refuse(x, ERR_UNAVAILABLE, NULL);
	const struct tenant_connector *got = tenant_connector_of(m);
	struct connector *c = &shared(x)->connectors[got->id % CONNECTORS];
	*c = (struct connector){ .id = got->id,
		                 .business = got->business,
		                 .policy = got->dedupe,
		                 .until_us = now_us(x) + CONNECTOR_US };
	enum err e = exchange_unseal(x, got->business, "connector.secret", got->secret, c->secret);
	if (e) {
		*c = (struct connector){ 0 };
		actor_log(self, LOG_ERROR, "secret_sealed connector=%" PRIu64 " err=%s", got->id,
		          err_info(e)->name);
		return exchange_refuse(x, ERR_UNAVAILABLE, NULL);
	}
	return refuse_if(x, known(x, c));
}

static bool read_id(struct str s, uint64_t *ret)
{
	*ret = 0;
	if (!s.len || s.len > 18)
		return false;
	for (uint32_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return false;
		*ret = *ret * 10 + (uint64_t)(s.at[i] - '0');
	}
	return *ret > 0;
}

enum err webhook_whatsapp(struct exchange *x)
{
	struct str named = exchange_header(x, "x-connector");
	uint64_t id;
	if (!named.len)
		(void)exchange_query(x, "connector", &named);
	if (!named.len)
		return exchange_refuse(x, ERR_MISSING,
		                       "name the connector: X-Connector or ?connector=");
	if (!read_id(named, &id))
		return refuse_signature(x);
	struct shared *s = shared(x);
	if (!s)
		return exchange_refuse(x, ERR_MEMORY, NULL);
	const struct connector *c = &s->connectors[id % CONNECTORS];
	if (c->id == id && c->until_us > now_us(x))
		return known(x, c);
	return exchange_ask(x, "store", on_connector, 0, MSG(tenant_connector_find, .id = id));
}
