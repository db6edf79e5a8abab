/*
 * days.h — from_date and to_date of a request become moments, in the zone of its business.
 *
 *     days_ask ──▶ what is wrong in any zone is said at once
 *              ──▶ zone (cached; else tenant.business_find ──▶ store) ──▶ then(x, range)
 *
 * The route's exchange_state() begins with a struct days.
 */
#pragma once
#include "gateway/exchange.h"
#include "proto/date.h"

typedef enum err days_fn(struct exchange *x, const struct date_range *range);

struct days {
	struct str from, to; /* as they came; either may be empty */
	days_fn *then;
};

/* Calls d->then, now or later; or answers what is wrong. */
enum err days_ask(struct exchange *x, const struct days *d);
