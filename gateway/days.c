/*
 * days.c — days.h.
 */
#include "gateway/days.h"
#include "proto/tenant.h"
#include "proto/zone.h"

enum { ZONES = 16, ZONE_US = 60000000 };

struct zones {
	struct {
		uint64_t business, until_us;
		struct zone zone;
	} cells[ZONES];
};

static const char zones_owner;

static struct zones *zones_of(struct exchange *x)
{
	return exchange_shared(x, &zones_owner, sizeof(struct zones), NULL);
}

static enum err with_zone(struct exchange *x, const struct days *d, const struct zone *zone)
{
	struct date_range range;
	char why[128], from[DATE_TEXT_MAX] = "-", to[DATE_TEXT_MAX] = "-";
	enum err e = date_read_range(d->from, d->to, zone, &range, why);
	if (e)
		return exchange_refuse(x, e, "%s", why);
	if (range.from_us != INT64_MIN)
		date_write(range.from_us, from);
	if (range.to_us != INT64_MAX)
		date_write(range.to_us, to);
	if (d->from.len || d->to.len)
		actor_log(exchange_actor(x), LOG_INFO,
		          "date_filter RAW from_date=%.*s to_date=%.*s PARSED from=%s to=%s",
		          STR(d->from), STR(d->to), from, to);
	return d->then(x, &range);
}

static enum err on_business(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	char name[65];
	if (!x)
		return OK;
	if (msg_err(m))
		return exchange_refuse(x, msg_err(m), NULL);
	struct zones *z = zones_of(x);
	uint64_t business = exchange_business(x), at = business % ZONES;
	str_keep(name, sizeof name, tenant_business_of(m)->timezone);
	z->cells[at].business = 0;
	if (zone_load(&z->cells[at].zone, name))
		return exchange_refuse(x, ERR_UNAVAILABLE, "the time zone %s cannot be read", name);
	z->cells[at].business = business;
	z->cells[at].until_us = actor_now_us(self) + ZONE_US;
	/* Made by its route, before it asked. */
	enum err e = with_zone(x, exchange_state(x, sizeof(struct days)), &z->cells[at].zone);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

enum err days_ask(struct exchange *x, const struct days *d)
{
	struct date_range range;
	char why[128];
	if (!d->from.len && !d->to.len)
		return with_zone(x, d, NULL);
	/* What is wrong with a date is so in every zone: said before the store is asked. */
	enum err e = date_read_range(d->from, d->to, NULL, &range, why);
	if (e)
		return exchange_refuse(x, e, "%s", why);
	struct zones *z = zones_of(x);
	uint64_t business = exchange_business(x), at = business % ZONES;
	if (!z)
		return ERR_MEMORY;
	if (z->cells[at].business == business &&
	    z->cells[at].until_us > actor_now_us(exchange_actor(x)))
		return with_zone(x, d, &z->cells[at].zone);
	return exchange_ask(x, "store", on_business, 0, MSG(tenant_business_find, .id = business));
}
