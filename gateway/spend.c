/*
 * spend.c — several gateways, one budget: what each has let pass is told to the others.
 *
 *     limits_take() ──▶ told within 50 ms, as http.spent ──▶ limits_charge() at every other gateway
 *
 * So a source that spreads over N doors has one budget. The error: within one such interval each
 * door knows only what it has let pass itself, so a sudden crowd may pass N bursts instead of one;
 * what was too much is owed, and is refused until it is paid back. Over time the rate holds.
 */
#include "gateway/inside.h"
#include "proto/http.h"

enum { SPEND_MS = 50 };

static struct limits_rate rate_of(const struct gateway *g, uint32_t kind)
{
	return kind == LIMITS_SOURCE ? g->source_rate
	       : kind == LIMITS_KEY  ? g->key_rate
	                             : g->blame_rate;
}

static void note(struct gateway *g, uint32_t kind, struct str who, uint32_t tokens)
{
	struct spend *s = g->spent;
	for (uint32_t i = 0; i < g->n_spent; i++, s++) {
		if (s->kind != kind || !str_eq(str_n(s->who, s->len), who))
			continue;
		s->tokens += tokens;
		return;
	}
	if (g->n_spent == SPEND_MOST || who.len > SPEND_WHO)
		return; /* a flood of strangers: each is counted here alone */
	*s = (struct spend){ .kind = kind, .tokens = tokens, .len = who.len };
	memcpy(s->who, who.at, who.len);
	if (!g->n_spent++)
		actor_wake(g->waker);
}

struct limits_verdict spend(struct gateway *g, uint32_t kind, struct str who, uint32_t tokens)
{
	struct limits_verdict v = limits_take(g->limits, limits_key(g->limits, kind, who),
	                                      rate_of(g, kind), tokens, loop_now_us(g->loop));
	if (v.ok && tokens && rate_of(g, kind).per_s)
		note(g, kind, who, tokens);
	return v;
}

static enum err on_tell(struct actor *self)
{
	struct gateway *g = actor_state(self);
	struct http_spend rows[SPEND_MOST];
	for (uint32_t i = 0; i < g->n_spent; i++)
		rows[i] = (struct http_spend){ .kind = g->spent[i].kind,
			                       .who = str_n(g->spent[i].who, g->spent[i].len),
			                       .tokens = g->spent[i].tokens };
	uint32_t n = g->n_spent;
	g->n_spent = 0;
	g->tells = false;
	return n ? actor_publish(self, MSG(http_spent, .rows = { rows, n })) : OK;
}

void spend_due(struct gateway *g)
{
	if (!g->n_spent || g->tells)
		return;
	g->tells = true;
	actor_after(g->self, SPEND_MS, on_tell);
}

enum err spend_heard(struct actor *self, const struct msg *m)
{
	struct gateway *g = actor_state(self);
	const struct http_spent *h = http_spent_of(m);
	if (!(m->flags & MSG_FAR))
		return OK; /* our own */
	for (uint32_t i = 0; i < h->rows.n; i++) {
		const struct http_spend *r = &h->rows.at[i];
		limits_charge(g->limits, limits_key(g->limits, r->kind, r->who),
		              rate_of(g, r->kind), r->tokens, loop_now_us(g->loop));
	}
	return OK;
}
