/*
 * roster.c — who else is on the bus, as the hubs tell: rows, keys, revocations, and who of two that
 * gave each other up is the one that was cut off.
 *
 *     hub ─ changed, left ─▶ told, by name ─▶ who may be a peer, who is dialled
 *         ─ revoked ───────▶ buried, its connections are dropped
 *         ─ wanted ────────▶ which events leave this node
 */
#include "bus/roster.h"
#include "proto/codec.h"
#include <stdio.h>

struct hub_line *roster_hub_of(struct bus *b, const struct peer *p)
{
	for (uint32_t i = 0; i < b->n_hubs; i++)
		if (b->hubs[i].peer == p->number)
			return &b->hubs[i];
	return NULL;
}

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
enum err roster_admit(void *ctx, struct row *row, struct str key)
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

void roster_joined(struct bus *b, struct hub_line *h, bool joined)
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

void roster_control(struct bus *b, struct hub_line *h, struct str record)
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
		roster_joined(b, h, true);
	else if (type == &bus_refused_desc)
		on_refused(b, &c.refused);
	else if (type == &bus_wanted_desc)
		on_wanted(h, &c.wanted);
	else if (type == &bus_missed_desc)
		b->stats.events_missed += c.missed.count;
	else
		on_revoked(b, &c.revoked);
}

/* ---- who is let in, who is lost ------------------------------------------------------------ */

/* Whoever had the name may have just ended, a key may be that new: only what is still so after the
 * time in which a node would be suspect is worth a word. A key that was good is a revoked one. */
void roster_unwelcome(void *ctx, struct peer *p, enum err e)
{
	struct bus *b = ctx;
	struct hub_line *h = roster_hub_of(b, p);
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

/* A cable was cut, and both ends gave each other up. Who is still with a hub that has lost the
 * other one stays: else one host that comes back would end all the others. */
bool roster_is_cut_off(void *ctx, const struct peer *p)
{
	const struct bus *b = ctx;
	const struct told *t = p->row.hub ? NULL : told_of_name(b, p->row.name);
	return b->n_joined && t && t->left && t->row.epoch == p->row.epoch;
}

/* A hub hears one that we buried: perhaps it has buried us, too. One of the two asks. */
void roster_probe(struct bus *b)
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
