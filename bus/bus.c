/*
 * bus.c — one node's place on the bus: its peers, its hubs, its topics.
 *
 *     runtime ─ bus_send ───────────────▶ peer_send ─▶ the peer
 *             ─ bus_publish ─▶ first hub that lives ─▶ those who hear the type
 *             ◀─ deliver, lost, gone ──── peers
 *     hub ─ changed, left, wanted ─▶ roster here
 */
#include "bus/bus.h"
#include "bus/peers.h"
#include "bus/place.h"
#include "proto/codec.h"
#include "proto/envelope.h"
#include <stdio.h>
#include <stdlib.h>

enum { HUBS_MOST = 4, TYPES_MOST = 1024, WANTED_MOST = 4096, TOLD_MOST = 1024, REVOKED_MOST = 16 };

struct hub_line {
	char endpoint[128];
	uint32_t peer; /* 0: to be dialled */
	uint64_t redial_us;
	bool joined;
	bool was_joined, told_refused;
	uint64_t refused_us;                    /* since when it does not let us in; 0: it does */
	uint32_t wanted[WANTED_MOST], n_wanted; /* types that others hear, rising */
};

/* What the hubs told of a name last. It stays when its node has left: a link may outlive the hub's
 * patience, and its key is good until it is revoked. */
struct told {
	struct row row;
	bool left;
	uint64_t probe_us, pause_us; /* when to ask one that is buried here, and how long between */
};

struct bus {
	struct peers *peers;
	struct bus_config config;
	char hub_key[LINK_KEY_BYTES + 1];
	struct row self;
	struct hub_line hubs[HUBS_MOST];
	uint32_t n_hubs, n_joined;
	struct {
		uint32_t type, times;
	} heard[TYPES_MOST]; /* by rising type */
	uint32_t n_heard;
	bool tell_heard; /* some hub has not been told all of them */
	struct told *told;
	uint32_t n_told;
	char revoked[REVOKED_MOST][LINK_KEY_BYTES + 1], revoked_out[LINK_KEY_BYTES + 1];
	uint32_t n_revoked;
	uint64_t now_us, probe_us;
	struct bus_stats stats;
};

static struct hub_line *hub_of(struct bus *b, const struct peer *p)
{
	for (uint32_t i = 0; i < b->n_hubs; i++)
		if (b->hubs[i].peer == p->number)
			return &b->hubs[i];
	return NULL;
}

/* ---- keys ----------------------------------------------------------------------------------- */

static struct told *told_of_key(const struct bus *b, const char *key)
{
	for (uint32_t i = 0; *key && i < b->n_told; i++)
		if (!strcmp(b->told[i].row.key, key))
			return &b->told[i];
	return NULL;
}

static struct told *told_of_name(const struct bus *b, const char *name)
{
	for (uint32_t i = 0; i < b->n_told; i++)
		if (!strcmp(b->told[i].row.name, name))
			return &b->told[i];
	return NULL;
}

/* The place of a name; when all are taken, one that has left makes room. */
static struct told *told_place(struct bus *b, const char *name)
{
	struct told *t = told_of_name(b, name);
	if (!t && b->n_told < TOLD_MOST)
		return &b->told[b->n_told++];
	for (uint32_t i = 0; !t && i < b->n_told; i++)
		t = b->told[i].left ? &b->told[i] : NULL;
	return t;
}

bool bus_knows_key(const struct bus *b, const char *key)
{
	return *key && (!strcmp(key, b->hub_key) || told_of_key(b, key));
}

const char *bus_revoked(struct bus *b)
{
	if (!b->n_revoked)
		return NULL;
	memcpy(b->revoked_out, b->revoked[--b->n_revoked], sizeof b->revoked_out);
	return b->revoked_out;
}

static bool hosts_all(const struct row *may, const struct row *claims)
{
	for (uint32_t i = 0; i < claims->n_kinds; i++)
		if (!row_hosts(may, str_of(claims->kinds[i])))
			return false;
	return true;
}

/* On ipc the folder's mode has let it in. With a key: what the hub says of it counts, not what it
 * says itself. Who it is, is its name and epoch; the key only says what it may, and several nodes
 * may share one. */
static enum err on_admit(void *ctx, struct row *row, struct str key)
{
	struct bus *b = ctx;
	row->limited = false;
	if (row->hub)
		return key.len && !str_is(key, b->hub_key) ? ERR_DENIED : OK;
	if (!key.len)
		return OK;
	struct told *k = told_of_name(b, row->name);
	if (!k || strcmp(k->row.key, row->key) || !hosts_all(&k->row, row))
		return ERR_DENIED;
	row->limited = k->row.limited;
	memcpy(row->groups, k->row.groups, sizeof row->groups);
	return OK;
}

/* ---- messages ------------------------------------------------------------------------------- */

static void refuse(struct bus *b, struct peer *p, const struct packet *k, enum err why)
{
	struct msg *m;
	if (!(k->envelope.flags & MSG_ASK) || msg_new(NULL, NULL, &m, NULL))
		return;
	m->flags = MSG_ANSWER;
	m->err = (uint16_t)why;
	m->re = k->envelope.id;
	m->to = (struct ref){ .slot = k->envelope.from_slot, .gen = k->envelope.from_gen };
	if (peer_send(b->peers, p, FRAME_DATA, m))
		b->stats.unknown++; /* no room: the asker's deadline answers */
	msg_unref(m);
}

static bool hears(const struct bus *b, uint32_t type)
{
	for (uint32_t i = 0; i < b->n_heard && b->heard[i].type <= type; i++)
		if (b->heard[i].type == type)
			return true;
	return false;
}

static void on_message(struct bus *b, struct peer *p, bool event, struct str record)
{
	struct packet k;
	struct msg *m;
	enum err e = packet_next(&record, &k);
	if (e == ERR_MALFORMED) {
		b->stats.unknown++;
		return;
	}
	if (event && (!hub_of(b, p) || !hears(b, k.envelope.type)))
		return;
	if (!e && !event && k.type && !row_may_send(&p->row, k.type->number)) {
		b->stats.denied++;
		e = ERR_DENIED;
	} else if (!e && (e = packet_open(&k, b->now_us, &m, NULL)) != OK) {
		b->stats.unknown++;
	}
	if (e) {
		refuse(b, p, &k, e);
		return;
	}
	if (event) /* its slots are of a node that the hub did not name: nobody to answer */
		m->from = (struct ref){ 0 };
	else
		m->from.node = p->number;
	b->config.calls->deliver(b->config.ctx, m);
}

static void on_lost(void *ctx, const struct msg *m, enum err why)
{
	struct bus *b = ctx;
	if (m->flags & MSG_EVENT)
		b->stats.events_lost++;
	else
		b->config.calls->lost(b->config.ctx, m, why);
}

/* ---- the hub's word ------------------------------------------------------------------------- */

static void on_changed(struct bus *b, const struct bus_changed *c)
{
	struct row row;
	struct peer *p;
	if (row_keep(&c->row, &row) || row.hub)
		return;
	if (!strcmp(row.name, b->self.name)) {
		if (row.epoch > b->self.epoch)
			peers_end(b->peers);
		return;
	}
	struct told *t = told_place(b, row.name);
	if (t)
		*t = (struct told){ .row = row };
	if (peers_meet(b->peers, &row, &p) == OK)
		b->config.calls->roster(b->config.ctx);
}

/* Whether it is gone we judge ourselves; but one that never answered here is not waited for. */
static void on_left(struct bus *b, const struct bus_left *l)
{
	for (uint32_t i = 0; i < b->n_told; i++)
		b->told[i].left |= b->told[i].row.epoch == l->epoch;
	for (uint32_t i = 0; peers_at(b->peers, i); i++) {
		struct peer *p = peers_at(b->peers, i);
		if (p->row.epoch == l->epoch && !p->told_up && !p->row.hub) {
			peers_bury(b->peers, p);
			return;
		}
	}
}

static void on_wanted(struct hub_line *h, const struct bus_wanted *w)
{
	h->n_wanted = 0;
	for (uint32_t i = 0; i < w->types.n && i < WANTED_MOST; i++)
		h->wanted[h->n_wanted++] = w->types.at[i];
}

static void on_revoked(struct bus *b, const struct bus_revoked *r)
{
	char key[LINK_KEY_BYTES + 1];
	if (r->key.len != LINK_KEY_BYTES || !str_keep(key, sizeof key, r->key))
		return;
	struct told *t;
	while ((t = told_of_key(b, key)) != NULL)
		*t = b->told[--b->n_told];
	if (b->n_revoked < REVOKED_MOST)
		memcpy(b->revoked[b->n_revoked++], key, sizeof key);
	for (uint32_t i = 0; peers_at(b->peers, i);) {
		struct peer *p = peers_at(b->peers, i);
		if (strcmp(p->key, key) || p->row.hub)
			i++;
		else
			peers_bury(b->peers, p);
	}
}

static void set_joined(struct bus *b, struct hub_line *h, bool joined)
{
	b->n_joined += joined - h->joined;
	h->joined = joined;
	if (joined) {
		h->was_joined = true;
		h->told_refused = false;
		h->refused_us = 0;
	}
	b->tell_heard |= joined;
}

static void on_refused(struct bus *b, const struct bus_refused *r)
{
	if (b->config.calls->refused)
		b->config.calls->refused(b->config.ctx, (enum err)r->err, r->text);
}

union control {
	struct bus_changed changed;
	struct bus_left left;
	struct bus_joined joined;
	struct bus_refused refused;
	struct bus_wanted wanted;
	struct bus_missed missed;
	struct bus_revoked revoked;
};

static void on_control(struct bus *b, struct hub_line *h, struct str record)
{
	static const struct proto_desc *const types[] = {
		&bus_changed_desc, &bus_left_desc,   &bus_joined_desc,  &bus_refused_desc,
		&bus_wanted_desc,  &bus_missed_desc, &bus_revoked_desc,
	};
	uint32_t number = record.len >= 8 ? (uint32_t)le_get(record.at + 4, 4) : 0;
	const struct proto_desc *type = NULL;
	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		type = types[i]->number == number ? types[i] : type;
	char room[WANTED_MOST * sizeof(uint32_t) + 64];
	struct arena arena = ARENA_OVER(room);
	union control c;
	if (!type || proto_decode(type, str_n(record.at + 8, record.len - 8), &c, &arena, NULL))
		b->stats.unknown++;
	else if (type == &bus_changed_desc)
		on_changed(b, &c.changed);
	else if (type == &bus_left_desc)
		on_left(b, &c.left);
	else if (type == &bus_joined_desc)
		set_joined(b, h, true);
	else if (type == &bus_refused_desc)
		on_refused(b, &c.refused);
	else if (type == &bus_wanted_desc)
		on_wanted(h, &c.wanted);
	else if (type == &bus_missed_desc)
		b->stats.events_missed += c.missed.count;
	else
		on_revoked(b, &c.revoked);
}

/* ---- what the peers tell -------------------------------------------------------------------- */

static void on_record(void *ctx, struct peer *p, enum frame_kind kind, struct str record)
{
	struct bus *b = ctx;
	struct hub_line *h = p->row.hub ? hub_of(b, p) : NULL;
	if (kind == FRAME_CONTROL && h)
		on_control(b, h, record);
	else if (kind == FRAME_DATA || kind == FRAME_EVENT)
		on_message(b, p, kind == FRAME_EVENT, record);
}

static void on_up(void *ctx, struct peer *p)
{
	struct bus *b = ctx;
	if (!p->row.hub)
		b->config.calls->roster(b->config.ctx);
}

static void on_gone(void *ctx, struct peer *p)
{
	struct bus *b = ctx;
	struct hub_line *h = hub_of(b, p);
	if (h) {
		set_joined(b, h, false);
		h->peer = 0;
		h->n_wanted = 0;
		return;
	}
	b->config.calls->gone(b->config.ctx, p->number);
	b->config.calls->roster(b->config.ctx);
}

/* Whoever had the name may have just ended, a key may be that new: only what is still so after the
 * time in which a node would be suspect is worth a word. A key that was good is a revoked one. */
static void on_unwelcome(void *ctx, struct peer *p, enum err e)
{
	struct bus *b = ctx;
	struct hub_line *h = hub_of(b, p);
	if (!h || h->told_refused || !b->config.calls->refused)
		return;
	bool revoked = e == ERR_DENIED && h->was_joined;
	h->refused_us = h->refused_us ? h->refused_us : b->now_us;
	if (!revoked && b->now_us - h->refused_us < PEER_SUSPECT_US)
		return;
	char why[BUS_ROW_NAME_MAX + 96];
	int n = e == ERR_CONFLICT ? snprintf(why, sizeof why,
	                                     "a node called %s is alive on this bus: end it, or "
	                                     "take another name",
	                                     b->self.name)
	                          : snprintf(why, sizeof why, "the key of this node %s",
	                                     revoked ? "was revoked" : "is not known here");
	h->told_refused = true;
	b->config.calls->refused(b->config.ctx, e, str_n(why, (uint32_t)n));
}

static void on_stale(void *ctx)
{
	struct bus *b = ctx;
	b->config.calls->stale(b->config.ctx);
}

/* A cable was cut, and both ends gave each other up. Who is still with a hub that has lost the
 * other one stays: else one host that comes back would end all the others. */
static bool is_cut_off(void *ctx, const struct peer *p)
{
	const struct bus *b = ctx;
	const struct told *t = p->row.hub ? NULL : told_of_name(b, p->row.name);
	return b->n_joined && t && t->left && t->row.epoch == p->row.epoch;
}

static const struct peers_calls peers_calls = {
	.admit = on_admit,
	.up = on_up,
	.record = on_record,
	.lost = on_lost,
	.gone = on_gone,
	.stale = on_stale,
	.is_cut_off = is_cut_off,
	.refused = on_unwelcome,
};

/* ---- turns ---------------------------------------------------------------------------------- */

static void dial_hubs(struct bus *b)
{
	enum { AGAIN_US = 100000 };
	for (uint32_t i = 0; i < b->n_hubs; i++) {
		struct hub_line *h = &b->hubs[i];
		if (h->peer || b->now_us < h->redial_us)
			continue;
		const char *endpoints[] = { h->endpoint, NULL };
		struct link_addr to = { .endpoints = endpoints, .key = b->hub_key };
		struct peer *p;
		h->redial_us = b->now_us + AGAIN_US;
		if (peers_dial(b->peers, &to, &p) == OK)
			h->peer = p->number;
	}
}

static void tell_heard(struct bus *b)
{
	uint32_t types[TYPES_MOST];
	struct bus_hear hear = { .types = { types, b->n_heard } };
	if (!b->tell_heard)
		return;
	b->tell_heard = false;
	for (uint32_t i = 0; i < b->n_heard; i++)
		types[i] = b->heard[i].type;
	for (uint32_t i = 0; i < b->n_hubs; i++) {
		struct peer *p = b->hubs[i].joined ? peers_of(b->peers, b->hubs[i].peer) : NULL;
		if (p && peer_control(b->peers, p, &bus_hear_desc, &hear))
			b->tell_heard = true; /* its window is closed: next turn */
	}
}

/* A hub hears one that we buried: perhaps it has buried us, too. One of the two asks. */
static void probe_buried(struct bus *b)
{
	enum { PAUSE_MOST_US = 60000000 };
	if (b->now_us < b->probe_us)
		return;
	b->probe_us = b->now_us + PEER_PROBE_US;
	for (uint32_t i = 0; i < b->n_told; i++) {
		struct told *t = &b->told[i];
		if (t->left || strcmp(b->self.name, t->row.name) > 0 || b->now_us < t->probe_us ||
		    !peers_buried(b->peers, t->row.epoch))
			continue;
		peers_probe(b->peers, &t->row);
		t->pause_us = t->pause_us ? t->pause_us * 2 : PEER_PROBE_US;
		t->pause_us = t->pause_us < PAUSE_MOST_US ? t->pause_us : PAUSE_MOST_US;
		t->probe_us = b->now_us + t->pause_us;
	}
}

bool bus_drain(struct bus *b, uint64_t now_us)
{
	b->now_us = now_us;
	return peers_drain(b->peers, now_us);
}

bool bus_flush(struct bus *b, uint64_t now_us, bool actors_idle)
{
	b->now_us = now_us;
	dial_hubs(b);
	tell_heard(b);
	probe_buried(b);
	return peers_flush(b->peers, now_us, actors_idle);
}

uint64_t bus_next_us(const struct bus *b)
{
	uint64_t next = peers_next_us(b->peers);
	for (uint32_t i = 0; i < b->n_hubs; i++)
		if (!b->hubs[i].peer && b->hubs[i].redial_us < next)
			next = b->hubs[i].redial_us;
	return next;
}

/* ---- speaking ------------------------------------------------------------------------------- */

enum err bus_send(struct bus *b, uint32_t peer, const struct msg *m)
{
	struct peer *p = peers_of(b->peers, peer);
	return p ? peer_send(b->peers, p, FRAME_DATA, m) : ERR_GONE;
}

enum err bus_send_body(struct bus *b, uint32_t peer, const struct msg *head, const void *body)
{
	struct peer *p = peers_of(b->peers, peer);
	return p ? peer_send_body(b->peers, p, FRAME_DATA, head, body) : ERR_GONE;
}

static bool wanted_at(const struct hub_line *h, uint32_t type)
{
	uint32_t low = 0, high = h->n_wanted;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (h->wanted[mid] < type)
			low = mid + 1;
		else
			high = mid;
	}
	return low < h->n_wanted && h->wanted[low] == type;
}

static const struct hub_line *first_hub(const struct bus *b)
{
	for (uint32_t i = 0; i < b->n_hubs; i++)
		if (b->hubs[i].joined)
			return &b->hubs[i];
	return NULL;
}

bool bus_wanted(const struct bus *b, const struct proto_desc *type)
{
	const struct hub_line *h = first_hub(b);
	return h && h->n_wanted && wanted_at(h, type->number);
}

enum err bus_publish(struct bus *b, const struct msg *m)
{
	const struct hub_line *h = first_hub(b);
	if (!h)
		return b->n_hubs ? (b->stats.events_lost++, ERR_UNAVAILABLE) : OK;
	if (!wanted_at(h, m->type->number))
		return OK;
	enum err e = peer_send(b->peers, peers_of(b->peers, h->peer), FRAME_EVENT, m);
	b->stats.events_lost += e != OK;
	return e;
}

void bus_subscribe(struct bus *b, const struct proto_desc *type)
{
	uint32_t i = 0;
	while (i < b->n_heard && b->heard[i].type < type->number)
		i++;
	if (i < b->n_heard && b->heard[i].type == type->number) {
		b->heard[i].times++;
		return;
	}
	if (b->n_heard == TYPES_MOST)
		return; /* more types than this program could have */
	memmove(&b->heard[i + 1], &b->heard[i], (b->n_heard++ - i) * sizeof *b->heard);
	b->heard[i].type = type->number;
	b->heard[i].times = 1;
	b->tell_heard = true;
}

void bus_unsubscribe(struct bus *b, const struct proto_desc *type)
{
	for (uint32_t i = 0; i < b->n_heard; i++) {
		if (b->heard[i].type != type->number || --b->heard[i].times)
			continue;
		memmove(&b->heard[i], &b->heard[i + 1], (--b->n_heard - i) * sizeof *b->heard);
		b->tell_heard = true;
		return;
	}
}

/* ---- where ---------------------------------------------------------------------------------- */

/* Suspects lose no hashed actor: half a second of doubt is cheaper than two owners. Only what is
 * born anew (here) goes elsewhere. */
enum err bus_place(const struct bus *b, struct str kind, struct str key, enum bus_place how,
                   uint32_t *ret_peer)
{
	bool found = row_hosts(&b->self, kind);
	uint32_t best = 0;
	if (how == BUS_SINGLE)
		key = (struct str){ 0 };
	uint64_t weight = found ? place_weight(str_of(b->self.name), kind, key) : 0;
	uint64_t load = UINT64_MAX;
	if (found && how == BUS_HERE) {
		*ret_peer = 0;
		return OK;
	}
	for (uint32_t i = 0; peers_at(b->peers, i); i++) {
		const struct peer *p = peers_at(b->peers, i);
		if (p->row.hub || !row_hosts(&p->row, kind))
			continue;
		uint64_t w = place_weight(str_of(p->row.name), kind, key);
		uint64_t l = p->row.load + (p->state == BUS_PEER_UP ? 0 : UINT32_MAX);
		if (!found ||
		    (how == BUS_HERE ? l < load || (l == load && w > weight) : w > weight)) {
			best = p->number;
			weight = w;
			load = l;
		}
		found = true;
	}
	if (!found)
		return ERR_NO_ROUTE;
	*ret_peer = best;
	return OK;
}

bool bus_peer_at(const struct bus *b, uint32_t i, struct bus_peer *ret)
{
	for (uint32_t k = 0;; k++) {
		const struct peer *p = peers_at(b->peers, k);
		if (!p)
			return false;
		if (p->row.hub || i--)
			continue;
		*ret = (struct bus_peer){
			.peer = p->number,
			.name = p->row.name,
			.epoch = p->row.epoch,
			.state = p->state,
			.sent = p->n_sent,
			.received = p->n_received,
			.held = p->n_held,
			.load = p->row.load,
			.kinds = p->kinds,
		};
		return true;
	}
}

const char *bus_peer_name(const struct bus *b, uint32_t peer)
{
	return peers_name(b->peers, peer);
}

bool bus_joined(const struct bus *b)
{
	return b->n_joined > 0;
}

uint32_t bus_last_peer(const struct bus *b)
{
	return peers_last_number(b->peers);
}

void bus_load(struct bus *b, uint32_t actors)
{
	peers_load(b->peers, actors);
}

struct bus_stats bus_stats(const struct bus *b)
{
	struct bus_stats s = b->stats;
	const struct peers_stats *p = peers_stats(b->peers);
	s.frames_in = p->frames_in;
	s.frames_out = p->frames_out;
	s.resent = p->resent;
	s.twins = p->twins;
	s.holes = p->holes;
	s.malformed = p->malformed;
	s.stale = p->stale;
	s.strangers = p->strangers;
	s.denied += p->denied;
	return s;
}

/* ---- life ----------------------------------------------------------------------------------- */

static enum err bus_init(struct bus *b, struct link *link, uint64_t now_us)
{
	const struct bus_config *c = &b->config;
	b->told = calloc(TOLD_MOST, sizeof *b->told);
	if (!b->told)
		return ERR_MEMORY;
	if (c->hub_key && !str_keep(b->hub_key, sizeof b->hub_key, str_of(c->hub_key)))
		return ERR_RANGE;
	for (uint32_t i = 0; c->hubs && c->hubs[i]; i++)
		if (b->n_hubs == HUBS_MOST ||
		    !str_keep(b->hubs[b->n_hubs++].endpoint, sizeof b->hubs->endpoint,
		              str_of(c->hubs[i])))
			return ERR_RANGE;
	enum err e = row_init(&b->self, c->name, c->epoch, c->kinds, link);
	return e ? e
	         : peers_new(&b->self, link, &peers_calls, b, c->peers_after, now_us, &b->peers);
}

enum err bus_new(const struct bus_config *config, struct link *link, uint64_t now_us,
                 struct bus **ret)
{
	struct bus *b = calloc(1, sizeof *b);
	if (!b)
		return ERR_MEMORY;
	b->config = *config;
	enum err e = bus_init(b, link, now_us);
	if (e) {
		bus_free(&b);
		return e;
	}
	b->config.name = b->self.name;
	b->config.kinds = b->config.hubs = NULL; /* copied */
	*ret = b;
	return OK;
}

void bus_free(struct bus **b)
{
	if (!*b)
		return;
	peers_free(&(*b)->peers);
	free((*b)->told);
	free(*b);
	*b = NULL;
}
