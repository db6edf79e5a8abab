/*
 * bus.c — one node's place on the bus: its peers, its hubs, its topics.
 *
 *     runtime ─ bus_send ───────────────▶ peer_send ─▶ the peer
 *             ─ bus_publish ─▶ first hub that lives ─▶ those who hear the type
 *             ◀─ deliver, lost, gone ──── peers
 *     hub ─ changed, left, wanted ─▶ roster here
 */
#include "bus/place.h"
#include "bus/roster.h"
#include "proto/codec.h"
#include "proto/envelope.h"
#include <stdlib.h>

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
	if (event && (!roster_hub_of(b, p) || !hears(b, k.envelope.type)))
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

/* ---- what the peers tell -------------------------------------------------------------------- */

static void on_record(void *ctx, struct peer *p, enum frame_kind kind, struct str record)
{
	struct bus *b = ctx;
	struct hub_line *h = p->row.hub ? roster_hub_of(b, p) : NULL;
	if (kind == FRAME_CONTROL && h)
		roster_control(b, h, record);
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
	struct hub_line *h = roster_hub_of(b, p);
	if (h) {
		roster_joined(b, h, false);
		h->peer = 0;
		h->n_wanted = 0;
		return;
	}
	b->config.calls->gone(b->config.ctx, p->number);
	b->config.calls->roster(b->config.ctx);
}

static void on_stale(void *ctx)
{
	struct bus *b = ctx;
	b->config.calls->stale(b->config.ctx);
}

static const struct peers_calls peers_calls = {
	.admit = roster_admit,
	.up = on_up,
	.record = on_record,
	.lost = on_lost,
	.gone = on_gone,
	.stale = on_stale,
	.is_cut_off = roster_is_cut_off,
	.refused = roster_unwelcome,
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
	roster_probe(b);
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
