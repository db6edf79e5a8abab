/*
 * row.c — rows of the roster.
 */
#include "bus/row.h"

static_assert(sizeof((struct row){ 0 }.endpoints[0]) == 127 + 1, "as bus.msg bounds it");
static_assert(sizeof((struct row){ 0 }.kinds[0]) == 31 + 1, "as bus.msg bounds it");

bool row_name_ok(struct str name)
{
	if (!name.len || name.len > BUS_ROW_NAME_MAX)
		return false;
	for (uint32_t i = 0; i < name.len; i++) {
		char c = name.at[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && !(c && strchr("_.#-", c)))
			return false;
	}
	return true;
}

enum err row_init(struct row *r, const char *name, uint64_t epoch, const char *const *kinds,
                  struct link *link)
{
	*r = (struct row){ .epoch = epoch };
	if (!epoch || !row_name_ok(str_of(name)) ||
	    !str_keep(r->key, sizeof r->key, str_of(link_key(link))))
		return ERR_RANGE;
	str_keep(r->name, sizeof r->name, str_of(name));
	for (uint32_t i = 0; link_endpoint(link, i); i++)
		if (i == ROW_ENDPOINTS ||
		    !str_keep(r->endpoints[r->n_endpoints++], sizeof *r->endpoints,
		              str_of(link_endpoint(link, i))))
			return ERR_RANGE;
	for (; kinds && *kinds; kinds++)
		if (r->n_kinds == ROW_KINDS || !**kinds ||
		    !str_keep(r->kinds[r->n_kinds++], sizeof *r->kinds, str_of(*kinds)))
			return ERR_RANGE;
	return OK;
}

bool row_hosts(const struct row *r, struct str kind)
{
	for (uint32_t i = 0; i < r->n_kinds; i++)
		if (str_is(kind, r->kinds[i]))
			return true;
	return false;
}

bool row_may_send(const struct row *r, uint32_t type_number)
{
	uint32_t group = type_number >> 16;
	return !r->limited || (group < ROW_GROUPS && r->groups[group / 8] >> group % 8 & 1);
}

void row_allow(struct row *r, uint8_t group)
{
	r->groups[group / 8] |= (uint8_t)(1 << group % 8);
}

void row_view(const struct row *r, struct row_views *store, struct bus_row *ret)
{
	uint32_t n_groups = 0;
	for (uint32_t i = 0; i < r->n_endpoints; i++)
		store->endpoints[i] = str_of(r->endpoints[i]);
	for (uint32_t i = 0; i < r->n_kinds; i++)
		store->kinds[i] = str_of(r->kinds[i]);
	for (uint32_t g = 0; g < ROW_GROUPS && n_groups < 64; g++)
		if (r->groups[g / 8] >> g % 8 & 1)
			store->groups[n_groups++] = g;
	*ret = (struct bus_row){
		.name = str_of(r->name),
		.epoch = r->epoch,
		.hub = r->hub,
		.key = str_of(r->key),
		.endpoints = { store->endpoints, r->n_endpoints },
		.kinds = { store->kinds, r->n_kinds },
		.limited = r->limited,
		.groups = { store->groups, n_groups },
	};
}

/* A NUL inside would make two different texts compare equal later. */
static bool keep(char *dst, size_t cap, struct str s)
{
	return !(s.len && memchr(s.at, 0, s.len)) && str_keep(dst, cap, s);
}

enum err row_keep(const struct bus_row *in, struct row *ret)
{
	struct row r = { .epoch = in->epoch, .hub = in->hub, .limited = in->limited };
	if (!in->epoch || !row_name_ok(in->name) ||
	    (in->key.len && in->key.len != LINK_KEY_BYTES) || in->endpoints.n > ROW_ENDPOINTS ||
	    in->kinds.n > ROW_KINDS)
		return ERR_MALFORMED;
	if (!keep(r.name, sizeof r.name, in->name) || !keep(r.key, sizeof r.key, in->key))
		return ERR_MALFORMED;
	for (; r.n_endpoints < in->endpoints.n; r.n_endpoints++)
		if (!keep(r.endpoints[r.n_endpoints], sizeof *r.endpoints,
		          in->endpoints.at[r.n_endpoints]))
			return ERR_MALFORMED;
	for (; r.n_kinds < in->kinds.n; r.n_kinds++)
		if (!in->kinds.at[r.n_kinds].len ||
		    !keep(r.kinds[r.n_kinds], sizeof *r.kinds, in->kinds.at[r.n_kinds]))
			return ERR_MALFORMED;
	for (uint32_t i = 0; i < in->groups.n; i++)
		if (in->groups.at[i] < ROW_GROUPS)
			row_allow(&r, (uint8_t)in->groups.at[i]);
	*ret = r;
	return OK;
}
