/*
 * hub.c — directory and topics (hub.h draws it).
 */
#include "bus/hub.h"
#include "bus/peers.h"
#include "proto/codec.h"
#include "proto/envelope.h"
#include <stdlib.h>

enum { TYPES_MOST = 1024, WANTED_MOST = 4096 };

/* A node as this hub sees it. */
struct member {
	bool joined;
	bool owes_roster; /* a change did not fit its window: it gets the whole roster again */
	bool owes_wanted;
	uint32_t n_types, types[TYPES_MOST]; /* it hears, rising */
	uint64_t missed;                     /* not yet told */
};

struct hub {
	struct peers *peers;
	struct hub_config config;
	struct row self;
	uint64_t version;
	uint32_t wanted[WANTED_MOST], n_wanted; /* types with a subscriber, rising */
	bool stale;
	struct hub_stats stats;
};

static struct member *member_of(const struct peer *p)
{
	return p->upper;
}

static struct peer *joined_at(const struct hub *h, uint32_t *at)
{
	struct peer *p;
	while ((p = peers_at(h->peers, (*at)++)) != NULL)
		if (p->upper && member_of(p)->joined)
			return p;
	return NULL;
}

/* ---- directory ------------------------------------------------------------------------------ */

static enum err tell_row(struct hub *h, struct peer *to, const struct row *row)
{
	struct row_views views;
	struct bus_changed c = { .version = h->version };
	row_view(row, &views, &c.row);
	return peer_control(h->peers, to, &bus_changed_desc, &c);
}

/* All rows, then joined. When it does not fit it comes again, whole. */
static void tell_roster(struct hub *h, struct peer *to)
{
	struct member *m = member_of(to);
	struct peer *p;
	uint32_t at = 0;
	enum err e = OK;
	while (!e && (p = joined_at(h, &at)) != NULL)
		if (p != to)
			e = tell_row(h, to, &p->row);
	struct bus_joined j = { .version = h->version };
	if (!e)
		e = peer_control(h->peers, to, &bus_joined_desc, &j);
	m->owes_roster = e != OK;
}

static void tell_wanted(struct hub *h, struct peer *to)
{
	struct bus_wanted w = { .types = { h->wanted, h->n_wanted } };
	member_of(to)->owes_wanted = peer_control(h->peers, to, &bus_wanted_desc, &w) != OK;
}

static void announce(struct hub *h, const struct peer *about, bool left)
{
	struct peer *p;
	uint32_t at = 0;
	struct bus_left l = { .version = ++h->version,
		              .name = str_of(about->row.name),
		              .epoch = about->row.epoch };
	while ((p = joined_at(h, &at)) != NULL) {
		if (p == about)
			continue;
		enum err e = left ? peer_control(h->peers, p, &bus_left_desc, &l)
		                  : tell_row(h, p, &about->row);
		member_of(p)->owes_roster |= e != OK;
	}
}

/* ---- topics --------------------------------------------------------------------------------- */

static bool has(const uint32_t *types, uint32_t n, uint32_t type)
{
	uint32_t low = 0;
	while (low < n) {
		uint32_t mid = (low + n) / 2;
		if (types[mid] < type)
			low = mid + 1;
		else if (types[mid] > type)
			n = mid;
		else
			return true;
	}
	return false;
}

static int rising(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return (x > y) - (x < y);
}

static void count_wanted(struct hub *h)
{
	uint32_t types[WANTED_MOST], n = 0, at = 0;
	struct peer *p;
	while ((p = joined_at(h, &at)) != NULL)
		for (uint32_t i = 0; i < member_of(p)->n_types && n < WANTED_MOST; i++) {
			uint32_t type = member_of(p)->types[i], k = 0;
			while (k < n && types[k] != type)
				k++;
			types[k] = type;
			n += k == n;
		}
	qsort(types, n, sizeof *types, rising);
	if (n == h->n_wanted && !memcmp(types, h->wanted, n * sizeof *types))
		return;
	memcpy(h->wanted, types, n * sizeof *types);
	h->n_wanted = n;
	for (at = 0; (p = joined_at(h, &at)) != NULL;)
		tell_wanted(h, p);
}

static void on_hear(struct hub *h, struct peer *p, struct str record)
{
	char room[TYPES_MOST * sizeof(uint32_t) + 64];
	struct arena arena = ARENA_OVER(room);
	struct bus_hear hear;
	struct member *m = member_of(p);
	if (record.len < 8 || le_get(record.at + 4, 4) != bus_hear_desc.number ||
	    proto_decode(&bus_hear_desc, str_n(record.at + 8, record.len - 8), &hear, &arena,
	                 NULL)) {
		h->stats.malformed++;
		return;
	}
	m->n_types = 0;
	for (uint32_t i = 0; i < hear.types.n && i < TYPES_MOST; i++)
		m->types[m->n_types++] = hear.types.at[i];
	qsort(m->types, m->n_types, sizeof *m->types, rising);
	count_wanted(h);
}

/* The bytes go on as they came: the envelope is read, the body never. */
static void on_event(struct hub *h, struct peer *from, struct str record)
{
	struct str rest = record;
	struct packet k;
	if (packet_next(&rest, &k)) {
		h->stats.malformed++;
		return;
	}
	if (!row_may_send(&from->row, k.envelope.type)) {
		h->stats.denied++;
		return;
	}
	h->stats.events++;
	struct peer *p;
	for (uint32_t at = 0; (p = joined_at(h, &at)) != NULL;) {
		struct member *m = member_of(p);
		if (p == from || !has(m->types, m->n_types, k.envelope.type))
			continue;
		bool taken = peer_put(h->peers, p, FRAME_EVENT, record) == OK;
		h->stats.copies += taken;
		h->stats.missed += !taken;
		m->missed += !taken;
	}
}

/* ---- what the peers tell -------------------------------------------------------------------- */

/* What its key says of this row; without anybody to ask, all is allowed. */
static enum err judge(struct hub *h, struct row *row, struct str key, char why[HUB_WHY_BYTES])
{
	const struct hub_calls *calls = h->config.calls;
	row->limited = false;
	return calls && calls->admit ? calls->admit(h->config.ctx, row, key, why) : OK;
}

/* The link let it in. One that may not join is heard all the same, so that it can be told why; it
 * may send nothing. */
static enum err on_admit(void *ctx, struct row *row, struct str key)
{
	char why[HUB_WHY_BYTES];
	if (row->hub)
		return ERR_DENIED;
	if (judge(ctx, row, key, why)) {
		row->limited = true;
		memset(row->groups, 0, sizeof row->groups);
	}
	return OK;
}

static void on_up(void *ctx, struct peer *p)
{
	struct hub *h = ctx;
	const struct hub_calls *calls = h->config.calls;
	char why[HUB_WHY_BYTES] = "";
	struct row row = p->row;
	enum err e = judge(h, &row, str_of(p->key), why);
	if (e) {
		struct bus_refused r = { .err = e, .text = str_of(why) };
		h->stats.refused++;
		if (peer_control(h->peers, p, &bus_refused_desc, &r))
			h->stats.malformed++; /* cannot be: the window is new */
		return;
	}
	p->upper = calloc(1, sizeof(struct member));
	if (!p->upper)
		return;
	member_of(p)->joined = true;
	h->stats.nodes++;
	announce(h, p, false);
	tell_roster(h, p);
	tell_wanted(h, p);
	if (calls && calls->joined)
		calls->joined(h->config.ctx, &p->row);
}

static void on_record(void *ctx, struct peer *p, enum frame_kind kind, struct str record)
{
	struct hub *h = ctx;
	if (!p->upper)
		return;
	if (kind == FRAME_CONTROL)
		on_hear(h, p, record);
	else if (kind == FRAME_EVENT)
		on_event(h, p, record);
}

static void on_gone(void *ctx, struct peer *p)
{
	struct hub *h = ctx;
	if (!p->upper)
		return;
	announce(h, p, true);
	h->stats.nodes--;
	free(p->upper);
	p->upper = NULL;
	count_wanted(h);
	if (h->config.calls && h->config.calls->left)
		h->config.calls->left(h->config.ctx, &p->row);
}

static void on_lost(void *ctx, const struct msg *m, enum err why)
{
	(void)ctx; /* a hub sends no messages of its own */
	(void)m;
	(void)why;
}

/* Some node gave us up, or a younger hub has our name. */
static void on_stale(void *ctx)
{
	struct hub *h = ctx;
	h->stale = true;
}

static void on_refused(void *ctx, struct peer *p, enum err why)
{
	(void)ctx; /* only nodes dial hubs */
	(void)p;
	(void)why;
}

static bool is_cut_off(void *ctx, const struct peer *p)
{
	(void)ctx; /* who was stopped would think so of everybody */
	(void)p;
	return false;
}

static const struct peers_calls peers_calls = {
	.admit = on_admit,
	.up = on_up,
	.record = on_record,
	.lost = on_lost,
	.gone = on_gone,
	.stale = on_stale,
	.is_cut_off = is_cut_off,
	.refused = on_refused,
};

/* ---- turns ---------------------------------------------------------------------------------- */

bool hub_drain(struct hub *h, uint64_t now_us)
{
	return peers_drain(h->peers, now_us);
}

static void pay(struct hub *h, struct peer *p)
{
	struct member *m = member_of(p);
	struct bus_missed missed = { .count = m->missed };
	if (m->owes_roster)
		tell_roster(h, p);
	if (m->owes_wanted)
		tell_wanted(h, p);
	if (m->missed && peer_control(h->peers, p, &bus_missed_desc, &missed) == OK)
		m->missed = 0;
}

bool hub_flush(struct hub *h, uint64_t now_us)
{
	struct peer *p;
	for (uint32_t at = 0; (p = joined_at(h, &at)) != NULL;)
		if (member_of(p)->owes_roster || member_of(p)->owes_wanted || member_of(p)->missed)
			pay(h, p);
	return peers_flush(h->peers, now_us, true);
}

bool hub_stale(const struct hub *h)
{
	return h->stale;
}

uint64_t hub_next_us(const struct hub *h)
{
	return peers_next_us(h->peers);
}

void hub_revoke(struct hub *h, const char *key)
{
	struct bus_revoked r = { .key = str_of(key) };
	struct peer *p;
	for (uint32_t at = 0; (p = joined_at(h, &at)) != NULL;)
		if (strcmp(p->key, key) && peer_control(h->peers, p, &bus_revoked_desc, &r))
			member_of(p)->owes_roster = true;
	for (uint32_t at = 0; (p = peers_at(h->peers, at)) != NULL;) {
		at += strcmp(p->key, key) != 0;
		if (!strcmp(p->key, key))
			peers_bury(h->peers, p);
	}
}

struct hub_stats hub_stats(const struct hub *h)
{
	struct hub_stats s = h->stats;
	s.version = h->version;
	s.malformed += peers_stats(h->peers)->malformed;
	return s;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum err hub_new(const struct hub_config *config, struct link *link, uint64_t now_us,
                 struct hub **ret)
{
	struct hub *h = calloc(1, sizeof *h);
	if (!h)
		return ERR_MEMORY;
	h->config = *config;
	enum err e = row_init(&h->self, config->name, config->epoch, NULL, link);
	h->self.hub = true;
	if (!e)
		e = peers_new(&h->self, link, &peers_calls, h, 0, now_us, &h->peers);
	if (e) {
		free(h);
		return e;
	}
	*ret = h;
	return OK;
}

void hub_free(struct hub **h)
{
	if (!*h)
		return;
	struct peer *p;
	for (uint32_t i = 0; (p = peers_at((*h)->peers, i)) != NULL; i++) {
		free(p->upper);
		p->upper = NULL;
	}
	peers_free(&(*h)->peers);
	free(*h);
	*h = NULL;
}
