/*
 * peers.c — who is known, and the judgement who is gone.
 */
#include "bus/peer.h"
#include "proto/codec.h"
#include <stdlib.h>

/* ---- look-up -------------------------------------------------------------------------------- */

/* Most messages go where the last one went. */
struct peer *peers_of(struct peers *ps, uint32_t number)
{
	if (ps->latest && ps->latest->number == number && ps->latest->state != BUS_PEER_GONE)
		return ps->latest;
	uint32_t low = 0, high = ps->n_live;
	while (low < high) {
		uint32_t mid = (low + high) / 2;
		if (ps->live[mid]->number < number)
			low = mid + 1;
		else
			high = mid;
	}
	struct peer *p = low < ps->n_live ? ps->live[low] : NULL;
	if (!p || p->number != number || p->state == BUS_PEER_GONE)
		return NULL;
	ps->latest = p;
	return p;
}

struct peer *peers_at(const struct peers *ps, uint32_t i)
{
	for (uint32_t k = 0; k < ps->n_live; k++)
		if (ps->live[k]->state != BUS_PEER_GONE && !i--)
			return ps->live[k];
	return NULL;
}

struct peer *peers_by_epoch(const struct peers *ps, uint64_t epoch)
{
	for (uint32_t i = 0; i < ps->n_live; i++)
		if (ps->live[i]->row.epoch == epoch && ps->live[i]->state != BUS_PEER_GONE)
			return ps->live[i];
	return NULL;
}

struct peer *peers_by_name(const struct peers *ps, const char *name)
{
	for (uint32_t i = 0; i < ps->n_live; i++)
		if (!strcmp(ps->live[i]->row.name, name) && ps->live[i]->state != BUS_PEER_GONE)
			return ps->live[i];
	return NULL;
}

struct peer *peers_by_line(const struct peers *ps, uint32_t line)
{
	for (uint32_t i = 0; i < ps->n_live; i++)
		if (ps->live[i]->line == line && ps->live[i]->state != BUS_PEER_GONE)
			return ps->live[i];
	return NULL;
}

bool peers_buried(const struct peers *ps, uint64_t epoch)
{
	uint32_t n = ps->n_graves < PEERS_GRAVES ? ps->n_graves : PEERS_GRAVES;
	for (uint32_t i = 0; i < n; i++)
		if (ps->graves[i].epoch == epoch)
			return true;
	return false;
}

const char *peers_name(struct peers *ps, uint32_t number)
{
	if (number == 0)
		return ps->self.name;
	struct peer *p = peers_of(ps, number);
	if (p)
		return p->row.name;
	uint32_t n = ps->n_graves < PEERS_GRAVES ? ps->n_graves : PEERS_GRAVES;
	for (uint32_t i = 0; i < n; i++)
		if (ps->graves[i].number == number)
			return ps->graves[i].name;
	return "?";
}

uint32_t peers_last_number(const struct peers *ps)
{
	return ps->last_number;
}

const struct peers_stats *peers_stats(const struct peers *ps)
{
	return &ps->stats;
}

/* ---- meeting -------------------------------------------------------------------------------- */

void peer_rename(struct peer *p, const struct row *row)
{
	p->row = *row;
	for (uint32_t i = 0; i < row->n_kinds; i++)
		p->kinds[i] = p->row.kinds[i];
	p->kinds[row->n_kinds] = NULL;
}

static enum err peer_add(struct peers *ps, const struct row *row, const struct link_addr *to,
                         struct peer **ret)
{
	if (ps->n_live == PEERS_MOST)
		return ERR_FULL;
	struct peer *p = calloc(1, sizeof *p);
	if (!p)
		return ERR_MEMORY;
	enum err e = link_dial(ps->link, to, &p->line);
	if (e) {
		free(p);
		return e;
	}
	peer_rename(p, row);
	p->number = ++ps->last_number;
	p->state = BUS_PEER_JOINING;
	p->bulk_end = &p->bulk;
	p->doubt = ps->doubt;
	p->heard_looked_us = p->mute_looked_us = ps->looked_us;
	p->out_us = ps->now_us;
	ps->live[ps->n_live++] = p;
	*ret = p;
	return OK;
}

static void addr_of(const struct row *row, const char *endpoints[ROW_ENDPOINTS + 1],
                    struct link_addr *ret)
{
	for (uint32_t i = 0; i < row->n_endpoints; i++)
		endpoints[i] = row->endpoints[i];
	endpoints[row->n_endpoints] = NULL;
	*ret = (struct link_addr){ .endpoints = endpoints, .key = row->key };
}

enum err peers_meet(struct peers *ps, const struct row *row, struct peer **ret)
{
	if (ps->ended || peers_buried(ps, row->epoch) || row->epoch == ps->self.epoch)
		return ERR_STALE;
	struct peer *p = peers_by_epoch(ps, row->epoch);
	if (p) {
		*ret = p;
		return OK;
	}
	struct peer *was = peers_by_name(ps, row->name);
	if (was && was->row.epoch > row->epoch)
		return ERR_STALE;
	const char *endpoints[ROW_ENDPOINTS + 1];
	struct link_addr to;
	addr_of(row, endpoints, &to);
	enum err e = peer_add(ps, row, &to, ret);
	if (!e && was && was->row.epoch)
		peers_bury(ps, was);
	return e;
}

enum err peers_dial(struct peers *ps, const struct link_addr *to, struct peer **ret)
{
	struct row unknown = { .hub = true };
	if (ps->ended)
		return ERR_STALE;
	str_keep(unknown.name, sizeof unknown.name, str_of("?"));
	return peer_add(ps, &unknown, to, ret);
}

/* ---- burying -------------------------------------------------------------------------------- */

/* First what was lost, then that it is gone: so an asker is answered once, by its own message. */
void peers_bury(struct peers *ps, struct peer *p)
{
	if (p->state == BUS_PEER_GONE)
		return;
	p->state = BUS_PEER_GONE;
	if (p->line)
		link_close(ps->link, p->line);
	p->line = 0;
	if (p->row.epoch) {
		struct grave *g = &ps->graves[ps->n_graves++ % PEERS_GRAVES];
		*g = (struct grave){ .epoch = p->row.epoch, .number = p->number };
		str_keep(g->name, sizeof g->name, str_of(p->row.name));
	}
	peer_out_done(ps, p, true);
	ps->calls->gone(ps->ctx, p);
	ps->dead = true;
}

static void peer_free(struct peers *ps, struct peer *p)
{
	peer_out_done(ps, p, false);
	ps->latest = ps->latest == p ? NULL : ps->latest;
	free(p->whole);
	free(p);
}

static void sweep(struct peers *ps)
{
	if (!ps->dead)
		return;
	ps->dead = false;
	uint32_t kept = 0;
	for (uint32_t i = 0; i < ps->n_live; i++) {
		if (ps->live[i]->state == BUS_PEER_GONE)
			peer_free(ps, ps->live[i]);
		else
			ps->live[kept++] = ps->live[i];
	}
	ps->n_live = kept;
}

/* First everybody is gone, then we are told to be so ourselves: what was asked is answered. */
void peers_end(struct peers *ps)
{
	if (ps->ended)
		return;
	ps->ended = true;
	for (uint32_t i = 0; i < ps->n_live; i++)
		peers_bury(ps, ps->live[i]);
	ps->calls->stale(ps->ctx);
}

/* ---- probes --------------------------------------------------------------------------------- */

struct probe *peers_probe_of(struct peers *ps, uint32_t line)
{
	for (uint32_t i = 0; i < ps->n_probes; i++)
		if (ps->probes[i].line == line)
			return &ps->probes[i];
	return NULL;
}

void peers_probe(struct peers *ps, const struct row *row)
{
	struct probe b = { .epoch = row->epoch, .until_us = ps->now_us + PEER_PROBE_US };
	struct link_addr to;
	const char *endpoints[ROW_ENDPOINTS + 1];
	addr_of(row, endpoints, &to);
	for (uint32_t i = 0; i < ps->n_probes; i++)
		if (ps->probes[i].epoch == row->epoch)
			return;
	if (ps->n_probes < PEERS_PROBES && link_dial(ps->link, &to, &b.line) == OK)
		ps->probes[ps->n_probes++] = b;
}

static void probes_turn(struct peers *ps)
{
	for (uint32_t i = 0; i < ps->n_probes;) {
		if (ps->now_us < ps->probes[i].until_us) {
			i++;
			continue;
		}
		link_close(ps->link, ps->probes[i].line);
		ps->probes[i] = ps->probes[--ps->n_probes];
	}
}

/* ---- turns ---------------------------------------------------------------------------------- */

/* A line that broke has less time to be answered anew than one that was never up. */
static void judge(struct peers *ps, struct peer *p)
{
	if (p->state == BUS_PEER_GONE) /* by what was just read: it stays so until it is swept */
		return;
	if (!p->row.epoch) /* a hub that never answered cannot be gone */
		return;
	uint64_t silent_us = ps->looked_us - p->heard_looked_us;
	uint64_t mute_us = p->mute_looked_us ? ps->looked_us - p->mute_looked_us : 0;
	if (p->bye || silent_us >= PEER_SILENT_US ||
	    mute_us >= (p->down ? PEER_DOWN_US : PEER_SILENT_US))
		peers_bury(ps, p);
	else if (p->state != BUS_PEER_JOINING)
		p->state = p->mute_looked_us || silent_us >= PEER_SUSPECT_US ? BUS_PEER_SUSPECT
		                                                             : BUS_PEER_UP;
}

/* We were stopped, or stuck, for so long that others may have given us up, and told those who asked
 * that it is lost. What lies in the inbox is from before: it is not opened until each peer has said
 * that we are still somebody. Its frames come again then; from the others comes STALE. */
static void doubt(struct peers *ps)
{
	ps->doubt = true; /* also of whoever says HELLO from this inbox, until it is empty */
	for (uint32_t i = 0; i < ps->n_live; i++) {
		struct peer *p = ps->live[i];
		p->doubt = true;
		peer_mute(ps, p);
		if (p->connected)
			peer_hello(ps, p, FRAME_ASK);
	}
}

/* Only a turn that emptied the inbox may count silence: what is still in there may be the very beat
 * that is missed. */
bool peers_drain(struct peers *ps, uint64_t now_us)
{
	enum { MOST = 32 };
	uint64_t passed_us = now_us > ps->now_us ? now_us - ps->now_us : 0;
	ps->now_us = now_us;
	if (passed_us >= PEER_DOUBT_US)
		doubt(ps);
	struct link_event ev;
	int n = 0;
	while (n < MOST && link_next(ps->link, &ev)) {
		peers_event(ps, &ev);
		n++;
	}
	if (n < MOST) {
		ps->doubt = false;
		ps->looked_us += passed_us < PEER_LOOK_US ? passed_us : PEER_LOOK_US;
		for (uint32_t i = 0; i < ps->n_live; i++)
			judge(ps, ps->live[i]);
	}
	sweep(ps);
	return n == MOST;
}

static uint64_t due_us(const struct peers *ps, const struct peer *p)
{
	uint64_t due = p->out_us + PEER_BEAT_US;
	if (p->received > p->ack_told && p->ack_since_us + PEER_ACK_US < due)
		due = p->ack_since_us + PEER_ACK_US;
	if (due <= ps->now_us) /* blocked: the link wakes us */
		due = ps->now_us + PEER_ACK_US;
	return due;
}

bool peers_flush(struct peers *ps, uint64_t now_us, bool idle)
{
	bool more = false;
	ps->now_us = now_us > ps->now_us ? now_us : ps->now_us;
	ps->next_us = UINT64_MAX;
	for (uint32_t i = 0; i < ps->n_live; i++) {
		struct peer *p = ps->live[i];
		if (p->state == BUS_PEER_GONE)
			continue;
		more |= peer_pump(ps, p, idle);
		uint64_t due = due_us(ps, p);
		ps->next_us = due < ps->next_us ? due : ps->next_us;
	}
	if (ps->n_live && ps->next_us > ps->now_us + PEER_LOOK_US)
		ps->next_us = ps->now_us + PEER_LOOK_US;
	sweep(ps);
	probes_turn(ps);
	more |= link_turn(ps->link, ps->now_us);
	return more;
}

void peers_load(struct peers *ps, uint32_t actors)
{
	enum { MOST = (1 << 24) - 1 }; /* what a beat's flags have room for */
	ps->load = actors < MOST ? actors : MOST;
}

uint64_t peers_next_us(const struct peers *ps)
{
	return ps->next_us;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum err peers_new(const struct row *self, struct link *link, const struct peers_calls *calls,
                   void *ctx, uint32_t numbers_after, uint64_t now_us, struct peers **ret)
{
	struct peers *ps = calloc(1, sizeof *ps);
	if (!ps)
		return ERR_MEMORY;
	ps->self = *self;
	struct row_views views;
	struct bus_hello hello;
	size_t n;
	row_view(self, &views, &hello.row);
	enum err e = proto_encode(&bus_hello_desc, &hello, ps->hello, sizeof ps->hello, &n, NULL);
	if (e) {
		free(ps);
		return e == ERR_FULL ? ERR_RANGE : e;
	}
	ps->hello_len = (uint32_t)n;
	ps->link = link;
	ps->calls = calls;
	ps->ctx = ctx;
	ps->last_number = numbers_after;
	ps->now_us = now_us;
	ps->looked_us = 1; /* so that 0 can mean never */
	ps->next_us = now_us;
	*ret = ps;
	return OK;
}

void peers_free(struct peers **peers)
{
	struct peers *ps = *peers;
	*peers = NULL;
	if (!ps)
		return;
	for (uint32_t i = 0; i < ps->n_live; i++) {
		struct peer *p = ps->live[i];
		if (p->state == BUS_PEER_GONE)
			continue;
		peer_pump(ps, p, true);
		if (p->answered)
			peer_say(ps, p, FRAME_BYE, 0);
	}
	link_turn(ps->link, ps->now_us);
	for (uint32_t i = 0; i < ps->n_live; i++)
		peer_free(ps, ps->live[i]);
	while (ps->n_spare)
		frame_unref(ps->spare[--ps->n_spare]);
	free(ps);
}
