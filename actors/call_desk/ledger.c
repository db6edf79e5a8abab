#include "actors/call_desk/ledger.h"
#include <stdlib.h>

enum err ledger_init(struct ledger *l, uint32_t most)
{
	*l = (struct ledger){ .most = most, .calls = calloc(most, sizeof *l->calls) };
	return l->calls ? OK : ERR_MEMORY;
}

void ledger_done(struct ledger *l)
{
	for (uint32_t i = 0; i < l->n_others; i++)
		free(l->others[i].lines);
	free(l->calls);
	*l = (struct ledger){ 0 };
}

/* ---- ours --------------------------------------------------------------------------------- */

static struct ledger_call *find(const struct ledger *l, struct str call)
{
	for (uint32_t i = 0; i < l->n; i++)
		if (str_is(call, l->calls[i].call))
			return &l->calls[i];
	return NULL;
}

const struct ledger_call *ledger_find(const struct ledger *l, struct str call)
{
	return find(l, call);
}

static struct ledger_call *add(struct ledger *l, struct str call, uint64_t business,
                               uint64_t connector)
{
	if (l->n == l->most)
		return NULL;
	struct ledger_call *c = &l->calls[l->n++];
	*c = (struct ledger_call){ .business = business, .connector = connector };
	str_keep(c->call, sizeof c->call, call);
	return c;
}

static void drop(struct ledger *l, struct ledger_call *c)
{
	l->live -= !c->until_us;
	*c = l->calls[--l->n];
}

enum err ledger_promise(struct ledger *l, struct str call, uint64_t business, uint64_t connector,
                        uint64_t until_us)
{
	struct ledger_call *c = find(l, call);
	if (!c && !(c = add(l, call, business, connector)))
		return ERR_FULL;
	if (c->until_us || !c->session.gen)
		c->until_us = until_us;
	return OK;
}

enum err ledger_arrive(struct ledger *l, struct str call, uint64_t business, uint64_t connector,
                       struct ref session)
{
	struct ledger_call *c = find(l, call);
	bool fresh = !c;
	if (!c && !(c = add(l, call, business, connector)))
		return ERR_FULL;
	l->live += fresh || c->until_us;
	c->until_us = 0;
	c->session = session;
	return OK;
}

bool ledger_left(struct ledger *l, uint32_t slot, uint32_t gen)
{
	for (uint32_t i = 0; i < l->n; i++) {
		struct ledger_call *c = &l->calls[i];
		if (!c->until_us && c->session.slot == slot && c->session.gen == gen) {
			drop(l, c);
			return true;
		}
	}
	return false;
}

void ledger_withdraw(struct ledger *l, struct str call)
{
	struct ledger_call *c = find(l, call);
	if (c && c->until_us)
		drop(l, c);
}

void ledger_expire(struct ledger *l, uint64_t now_us)
{
	for (uint32_t i = 0; i < l->n;) {
		if (l->calls[i].until_us && l->calls[i].until_us <= now_us)
			drop(l, &l->calls[i]);
		else
			i++;
	}
}

uint32_t ledger_lines(const struct ledger *l, struct call_line *ret)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < l->n; i++) {
		const struct ledger_call *c = &l->calls[i];
		uint32_t at = 0;
		while (at < n &&
		       (ret[at].business != c->business || ret[at].connector != c->connector))
			at++;
		if (at == n && n == LEDGER_LINES)
			continue;
		if (at == n)
			ret[n++] = (struct call_line){ .business = c->business,
				                       .connector = c->connector };
		ret[at].live++;
	}
	return n;
}

/* ---- others' ------------------------------------------------------------------------------ */

static struct ledger_other *other_of(struct ledger *l, struct str desk)
{
	struct ledger_other *oldest = &l->others[0];
	for (uint32_t i = 0; i < l->n_others; i++) {
		if (str_is(desk, l->others[i].desk))
			return &l->others[i];
		if (l->others[i].heard_us < oldest->heard_us)
			oldest = &l->others[i];
	}
	struct ledger_other *o = l->n_others < LEDGER_OTHERS ? &l->others[l->n_others++] : oldest;
	free(o->lines);
	*o = (struct ledger_other){ 0 };
	str_keep(o->desk, sizeof o->desk, desk);
	return o;
}

enum err ledger_heard(struct ledger *l, const struct call_busy *said, uint64_t now_us)
{
	struct ledger_other *o = other_of(l, said->desk);
	struct call_line *lines = realloc(o->lines, (said->lines.n + 1) * sizeof *lines);
	if (!lines)
		return ERR_MEMORY; /* what it said before goes stale by itself */
	o->lines = lines;
	o->n = said->lines.n;
	o->heard_us = now_us;
	if (o->n)
		memcpy(o->lines, said->lines.at, o->n * sizeof *o->lines);
	return OK;
}

uint32_t ledger_busy(const struct ledger *l, uint64_t business, uint64_t connector, uint64_t now_us)
{
	uint32_t sum = 0;
	for (uint32_t i = 0; i < l->n; i++)
		sum += l->calls[i].business == business && l->calls[i].connector == connector;
	for (uint32_t i = 0; i < l->n_others; i++) {
		const struct ledger_other *o = &l->others[i];
		for (uint32_t k = 0; o->heard_us + LEDGER_FRESH_US > now_us && k < o->n; k++)
			if (o->lines[k].business == business && o->lines[k].connector == connector)
				sum += o->lines[k].live;
	}
	return sum;
}
