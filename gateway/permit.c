/*
 * permit.c — who may: default deny; a key is looked up by its hash and believed for a few seconds.
 *
 *     Authorization: Bearer KEY ─sha256─▶ cache ─miss─▶ ask store tenant.key_find ─▶ business,
 * scopes
 */
#include "gateway/inside.h"
#include "proto/digest.h"
#include "proto/tenant.h"

static enum err deny(struct exchange *x, enum err why, const char *detail)
{
	return x->denied(x, why, detail);
}

static enum err decide(struct exchange *x, const struct key *key)
{
	struct gateway *g = x->visit.gateway;
	if (!key->id) {
		exchange_blame(x);
		return deny(x, ERR_UNAUTHENTICATED, NULL);
	}
	if (!key_may(key, x->scope))
		return deny(x, ERR_DENIED, "the key does not have the scope this needs");
	exchange_act_for(x, key->business, key->id);
	struct str id = str_n((const char *)&key->id, sizeof key->id);
	x->visit.budget = spend(g, LIMITS_KEY, id, 1);
	x->visit.budget_name = "key";
	x->visit.budget_rate = g->key_rate;
	if (!x->visit.budget.ok)
		return deny(x, ERR_LIMIT, NULL);
	return x->granted(x);
}

static enum err on_key(struct actor *self, const struct msg *m)
{
	struct gateway *g = actor_state(self);
	struct exchange *x = exchange_of(self, m);
	enum err e = msg_err(m);
	const struct key *key;
	if (!x)
		return OK;
	if (e == OK) {
		const struct tenant_key *found = tenant_key_of(m);
		key = key_cache_put(g->keys, x->key_hash, found->id, found->business,
		                    found->scopes.at, found->scopes.n, loop_now_us(g->loop));
	} else if (e == ERR_UNAUTHENTICATED || e == ERR_NOT_FOUND) {
		key = key_cache_put(g->keys, x->key_hash, 0, 0, NULL, 0, loop_now_us(g->loop));
	} else {
		return deny(x, e, "the key could not be checked");
	}
	e = decide(x, key);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

static enum err look_up(struct exchange *x)
{
	struct gateway *g = x->visit.gateway;
	struct str token = key_bearer(exchange_header(x, "authorization"));
	if (!token.len || http_header_count(&x->visit.request->head, "authorization") != 1)
		return deny(x, ERR_UNAUTHENTICATED, NULL);
	enum err e = digest_sha256(token, x->key_hash);
	if (e)
		return e;
	const struct key *key = key_cache_find(g->keys, x->key_hash, loop_now_us(g->loop));
	if (key)
		return decide(x, key);
	return exchange_ask(
		x, "store", on_key, 0,
		MSG(tenant_key_find, .hash = str_n((const char *)x->key_hash, sizeof x->key_hash)));
}

enum err permit_check(struct exchange *x, const struct permit *p, exchange_fn *granted,
                      exchange_denied_fn *denied)
{
	x->granted = granted;
	x->denied = denied;
	x->scope = p->scope;
	switch (p->kind) {
	case PERMIT_KIND_OPEN:
	case PERMIT_KIND_SIGNED: /* its function verifies before it acts for anybody */
		return granted(x);
	case PERMIT_KIND_LOOPBACK_OR:
		if (source_is_loopback(x->visit.source))
			return granted(x);
		return look_up(x);
	case PERMIT_KIND_KEY:
		return look_up(x);
	}
	return deny(x, ERR_DENIED, NULL);
}
