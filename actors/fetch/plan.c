/*
 * plan.c — see plan.h.
 */
#include "actors/fetch/plan.h"

bool plan_is_repeatable(enum fetch_method method, bool repeatable)
{
	return repeatable || (method != FETCH_METHOD_POST && method != FETCH_METHOD_PATCH);
}

/* What may be gone the next time. Not TLS and not the guard: they are as they are. */
static bool passes(const struct plan_try *t)
{
	switch (t->trouble) {
	case FETCH_TROUBLE_NONE:
		return t->status == 429 || t->status == 500 || t->status == 502 ||
		       t->status == 503 || t->status == 504;
	case FETCH_TROUBLE_RESOLVE:
	case FETCH_TROUBLE_CONNECT:
	case FETCH_TROUBLE_BROKEN:
		return true;
	default:
		return false;
	}
}

bool plan_again(const struct plan_try *t, uint64_t random, uint32_t *ret_pause_ms)
{
	uint32_t doubled = t->tries - 1 < 6 ? t->tries - 1 : 6;
	uint64_t most_ms = (uint64_t)PLAN_PAUSE_MS << doubled;
	uint64_t pause_ms;
	if (t->tries >= t->tries_most || !passes(t))
		return false;
	if (t->reached && !plan_is_repeatable(t->method, t->repeatable))
		return false;
	if (most_ms > PLAN_PAUSE_MOST_MS)
		most_ms = PLAN_PAUSE_MOST_MS;
	pause_ms = 1 + random % most_ms; /* full jitter: those that failed together come apart */
	if (t->retry_after)
		pause_ms += (uint64_t)t->retry_after_s * 1000;
	*ret_pause_ms = (uint32_t)(pause_ms < UINT32_MAX ? pause_ms : UINT32_MAX);
	return pause_ms * 1000 < t->left_us; /* else what came is the answer */
}

bool plan_redirect(uint32_t status, enum fetch_method method, enum fetch_method *ret)
{
	*ret = method;
	switch (status) {
	case 301: /* what every client does with a POST, and RFC 9110 15.4.2 allows */
	case 302:
		if (method == FETCH_METHOD_POST)
			*ret = FETCH_METHOD_GET;
		return true;
	case 303:
		if (method != FETCH_METHOD_HEAD)
			*ret = FETCH_METHOD_GET;
		return true;
	case 307:
	case 308:
		return true;
	default:
		return false;
	}
}

/* Of two hosts in one cell the newer one has it: a fresh budget is the worst that comes of it. */
static void belong(struct plan_budget *b, uint64_t host)
{
	if (b->host != host)
		*b = (struct plan_budget){ .host = host };
}

void plan_earn(struct plan_budget *b, uint64_t host)
{
	belong(b, host);
	b->spent -= b->spent > 0;
}

bool plan_spend(struct plan_budget *b, uint64_t host)
{
	belong(b, host);
	if (b->spent + BUDGET_PRICE > BUDGET_MOST)
		return false;
	b->spent += BUDGET_PRICE;
	return true;
}
