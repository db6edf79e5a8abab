/*
 * dedupe — a flood into one partition, drawn from a seed: copies of all sorts, a store that
 * refuses, is late or loses its word, owners that are killed or move, senders that repeat what was
 * not answered.
 *
 *     usage: dedupe SEEDS [FIRST]
 *
 * Held at the end, by loops over the table and the senders' own books:
 *   1. each (id, sender, chat) is stored once, and all of them are: every answered batch is
 * present;
 *   2. no two accepted rows of one sender and text within 1 s, nor within 10 s unless one of ours
 * lies between; each suppressed row names an accepted one of its sender and text within 10 s;
 *   3. accepted + duplicates of each answer are the rows of its batch; with no faults the accepted
 * of all answers are exactly the accepted rows of the table, and with faults never more;
 *   4. a placeholder that was followed by content is content;
 *   5. every batch is answered in the end.
 */
#include "actors/kinds.h"
#include "proto/test.h"
#include "tests/sim/alone.h"
#include "tests/sim/wa_door.h"
#include "tests/sim/wa_store.h"

#include <stdio.h>
#include <stdlib.h>

enum { SENDERS = 6, BATCHES = 14, EACH = 6, SECOND = 1000000, BUSINESSES = 2 };
static const int64_t BASE = 1767225600LL * SECOND;

extern const struct actor_kind dedupe_actor;

struct mail { /* one message as a sender holds it */
	char id[24], chat[24], sender[24], jid[24];
	uint8_t print[32], body[16];
	bool has_print, own;
	uint8_t class, source;
	int64_t t_us;
};

struct sender {
	struct world *w;
	struct mail mail[BATCHES][EACH];
	uint32_t n[BATCHES], at; /* rows of each batch; the batch it is at */
	uint64_t business;
	bool asking;
	uint64_t again_us;
	uint64_t accepted, duplicates;
};

struct world {
	struct alone *alone;
	struct sender senders[SENDERS];
	uint64_t seed;
	bool faults;
	uint32_t serial;
};

static uint32_t draw(struct world *w, uint32_t below)
{
	w->seed ^= w->seed << 13; /* xorshift64, Marsaglia 2003 */
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return (uint32_t)(w->seed >> 20) % below;
}

/* ---- the killer: parent of both owners
 * -------------------------------------------------------------- */

static struct actor_kind owner_a, owner_b;
struct killer {
	struct ref child[2];
};

static enum err spawn(struct actor *self, int i)
{
	struct killer *k = actor_state(self);
	return actor_spawn(self, i ? &owner_b : &owner_a, str_of("1"), &k->child[i]);
}

static enum err on_killer_start(struct actor *self)
{
	enum err e = spawn(self, 0);
	return e ? e : spawn(self, 1);
}

static enum err on_kill(struct actor *self, const struct msg *m)
{
	struct killer *k = actor_state(self);
	int i = test_ping_of(m)->n % 2 ? 1 : 0;
	enum err e = actor_stop_child(self, k->child[i]);
	return e ? e : spawn(self, i);
}

static const struct actor_on killer_takes[] = { { &test_ping_desc, on_kill }, { 0 } };
static const struct proto_desc *const killer_sends[] = { NULL };
static const struct actor_kind killer_actor = {
	.name = "killer",
	.doc = "parent of both owners",
	.state = sizeof(struct killer),
	.start = on_killer_start,
	.takes = killer_takes,
	.sends = killer_sends,
	.at_start = true,
};

/* ---- what is sent
 * ------------------------------------------------------------------------------------- */

static struct mail new_mail(struct world *w)
{
	struct mail m = { .t_us = BASE + (int64_t)draw(w, 40) * SECOND };
	uint32_t text = draw(w, 5), chat = draw(w, 4);
	snprintf(m.id, sizeof m.id, "ID%u", ++w->serial);
	snprintf(m.chat, sizeof m.chat, "c%u", chat);
	snprintf(m.jid, sizeof m.jid, "j%u", chat);
	m.own = draw(w, 6) == 0;
	snprintf(m.sender, sizeof m.sender, m.own ? "me" : "p%u", draw(w, 2));
	m.has_print = draw(w, 6) != 0;
	memset(m.print, (int)text + 1, sizeof m.print);
	memset(m.body, (int)text + 1, sizeof m.body);
	m.class = draw(w, 12) == 0 ? WA_CLASS_EVENT : WA_CLASS_CONTENT;
	m.source = draw(w, 25) == 0 ? WA_SOURCE_HISTORY : WA_SOURCE_NOTIFY;
	if (draw(w, 10) == 0)
		m.t_us -= 3600LL * SECOND; /* backlog */
	return m;
}

static struct mail repeat(struct world *w, struct mail was)
{
	struct mail m = was;
	switch (draw(w, 4)) {
	case 0: /* the same again */
		break;
	case 1: /* the same under another id, a little earlier or later */
		snprintf(m.id, sizeof m.id, "ID%u", ++w->serial);
		m.t_us += ((int64_t)draw(w, 25) - 12) * SECOND;
		break;
	case 2: /* somebody else takes the id */
		snprintf(m.sender, sizeof m.sender, "evil%u", draw(w, 2));
		m.own = false;
		break;
	default: /* not readable yet, or readable now */
		m.class = WA_CLASS_PLACEHOLDER;
		break;
	}
	return m;
}

static void write_mail(struct world *w, struct sender *s)
{
	for (uint32_t b = 0; b < BATCHES; b++) {
		s->n[b] = 1 + draw(w, EACH);
		for (uint32_t i = 0; i < s->n[b]; i++) {
			struct mail *m = &s->mail[b][i];
			struct sender *other = &w->senders[draw(w, (uint32_t)(s - w->senders) + 1)];
			uint32_t from = other == s ? b : BATCHES - 1;
			struct mail *was = &other->mail[draw(w, from + 1)][0];
			*m = draw(w, 2) && was != m && was->id[0] && other->business == s->business
			             ? repeat(w, *was)
			             : new_mail(w);
		}
	}
}

/* ---- sending
 * ------------------------------------------------------------------------------------------ */

static void on_answer(void *ctx, const struct msg *m)
{
	struct sender *s = ctx;
	s->asking = false;
	if (msg_err(m)) {
		CHECK(s->w->faults || msg_err(m) == ERR_BUSY || msg_err(m) == ERR_CONFLICT);
		s->again_us = s->w->alone->now_us + 50000 + draw(s->w, 400000);
		return;
	}
	const struct wa_done *d = wa_done_of(m);
	CHECK(d->accepted + d->duplicates == s->n[s->at]);
	s->accepted += d->accepted;
	s->duplicates += d->duplicates;
	s->at++;
	if (s->w->faults && draw(s->w, 3) == 0) /* a life long enough for owners to come and go */
		s->again_us = s->w->alone->now_us + draw(s->w, 2500) * 1000;
}

static void post(struct world *w, struct sender *s)
{
	struct wa_row rows[EACH];
	for (uint32_t i = 0; i < s->n[s->at]; i++) {
		struct mail *m = &s->mail[s->at][i];
		rows[i] = (struct wa_row){
			.provider_id = str_of(m->id),
			.chat = str_of(m->chat),
			.sender = str_of(m->sender),
			.remote_jid = str_of(m->jid),
			.from_me = m->own,
			.class = m->class,
			.source = m->source,
			.kind = WA_KIND_TEXT,
			.t_us = m->t_us,
			.raw = str_of("{}"),
		};
		if (m->has_print && m->class == WA_CLASS_CONTENT) {
			rows[i].fingerprint = str_n((const char *)m->print, 32);
			rows[i].body_print = str_n((const char *)m->body, 16);
		}
	}
	enum err e = node_ask(w->alone->node, "door", 30000, on_answer, s,
	                      MSG(wa_batch, .rows = { rows, s->n[s->at] }, .connector = s->business,
	                          .policy = TENANT_DEDUPE_SUPPRESS));
	s->asking = e == OK;
	if (e)
		s->again_us = w->alone->now_us + 50000;
}

/* ---- what must hold
 * -------------------------------------------------------------------------------------- */

static bool same_print(const struct wa_store_row *a, const struct wa_store_row *b)
{
	return a->business == b->business && a->has_fingerprint && b->has_fingerprint &&
	       !strcmp(a->chat, b->chat) && !strcmp(a->sender, b->sender) &&
	       !memcmp(a->fingerprint, b->fingerprint, 32);
}

static int64_t apart(int64_t a, int64_t b)
{
	return a > b ? a - b : b - a;
}

static bool own_between(const struct wa_store_row *a, const struct wa_store_row *b)
{
	int64_t lo = a->t_us < b->t_us ? a->t_us : b->t_us;
	int64_t hi = a->t_us < b->t_us ? b->t_us : a->t_us;
	for (uint32_t i = 0; i < wa_store.n; i++) {
		const struct wa_store_row *r = &wa_store.rows[i];
		/* One that became something else was a message of ours as long as it was
		 * unreadable. */
		bool was_own = r->was_placeholder || (!r->layer && r->class != WA_CLASS_EVENT);
		if (r->business == a->business && r->from_me && was_own &&
		    r->source != WA_SOURCE_HISTORY && !strcmp(r->chat, a->chat) && r->t_us > lo &&
		    r->t_us < hi)
			return true;
	}
	return false;
}

static bool windowed(const struct wa_store_row *r)
{
	return r->class == WA_CLASS_CONTENT && r->source != WA_SOURCE_HISTORY && r->has_fingerprint;
}

static void check_table(void)
{
	for (uint32_t i = 0; i < wa_store.n; i++) {
		const struct wa_store_row *a = &wa_store.rows[i];
		CHECK(a->id == i + 1);
		if (a->layer) {
			CHECK(windowed(a) && a->dup_of && a->dup_of <= wa_store.n);
			const struct wa_store_row *of = &wa_store.rows[a->dup_of - 1];
			CHECK(!of->layer && same_print(a, of));
			CHECK(apart(a->t_us, of->t_us) <= (a->layer == 2 ? 1 : 10) * SECOND);
		}
		for (uint32_t k = 0; k < i; k++) {
			const struct wa_store_row *b = &wa_store.rows[k];
			CHECK(a->business != b->business ||
			      strcmp(a->provider_id, b->provider_id) || strcmp(a->chat, b->chat) ||
			      strcmp(a->sender, b->sender));
			if (a->layer || b->layer || !windowed(a) || !windowed(b) ||
			    !same_print(a, b))
				continue;
			CHECK(apart(a->t_us, b->t_us) > SECOND);
			CHECK(apart(a->t_us, b->t_us) > 10 * SECOND || own_between(a, b));
		}
	}
}

static const struct wa_store_row *find(uint64_t business, const struct mail *m)
{
	for (uint32_t i = 0; i < wa_store.n; i++) {
		const struct wa_store_row *r = &wa_store.rows[i];
		if (r->business == business && !strcmp(r->provider_id, m->id) &&
		    !strcmp(r->chat, m->chat) && !strcmp(r->sender, m->sender))
			return r;
	}
	return NULL;
}

static void check_books(const struct world *w)
{
	uint64_t accepted = 0, sent = 0, upgrades = 0, stored = 0, layered = 0;
	for (int i = 0; i < SENDERS; i++) {
		const struct sender *s = &w->senders[i];
		CHECK(s->at == BATCHES);
		accepted += s->accepted;
		for (uint32_t b = 0; b < BATCHES; b++) {
			sent += s->n[b];
			for (uint32_t k = 0; k < s->n[b]; k++) {
				const struct wa_store_row *r = find(s->business, &s->mail[b][k]);
				CHECK(r);
				CHECK(s->mail[b][k].class == WA_CLASS_PLACEHOLDER ||
				      r->class != WA_CLASS_PLACEHOLDER);
			}
		}
	}
	for (uint32_t i = 0; i < wa_store.n; i++)
		layered += wa_store.rows[i].layer != 0;
	stored = wa_store.n;
	upgrades = wa_store.upgrades;
	CHECK(stored <= sent && stored > sent / 4 && layered > 0);
	/* An upgrade that turned out a copy took its row from the accepted ones. */
	if (w->faults)
		CHECK(accepted <= stored - layered + upgrades + wa_store.hidden);
	else
		CHECK(accepted == stored - layered + upgrades + wa_store.hidden);
}

/* ---- one life
 * -------------------------------------------------------------------------------------------- */

static void faults(struct world *w)
{
	wa_store.delay_ms = draw(w, 30);
	wa_store.again = 20 + draw(w, 40);
	if (!w->faults)
		return;
	wa_store.refuse = 5 + draw(w, 60);
	wa_store.lose_before = 5 + draw(w, 60);
	wa_store.lose_after = 5 + draw(w, 60);
	wa_store.late = 10 + draw(w, 100);
}

static bool all_sent(const struct world *w)
{
	bool all = true;
	for (int i = 0; i < SENDERS; i++)
		all &= w->senders[i].at == BATCHES;
	return all;
}

static void drive(struct world *w)
{
	for (uint32_t step = 0; !all_sent(w); step++) {
		CHECK(step < 60000);
		if (w->faults && step < 20000 && draw(w, 120) == 0)
			wa_door_to = draw(w, 2) ? "dedupe/1" : "dedupe_b/1";
		if (w->faults && step < 20000 && draw(w, 250) == 0)
			(void)!node_send(w->alone->node, "killer", MSG(test_ping, .n = draw(w, 2)));
		if (step == 20000) { /* the storm is over: now it must come to an end */
			wa_store.refuse = wa_store.lose_before = wa_store.lose_after = 0;
			wa_store.late = 0;
		}
		for (int i = 0; i < SENDERS; i++) {
			struct sender *s = &w->senders[i];
			if (!s->asking && s->at < BATCHES && s->again_us <= w->alone->now_us)
				post(w, s);
		}
		alone_run(w->alone, 1 + draw(w, 25));
	}
}

static uint64_t run(uint64_t seed)
{
	static struct world world;
	struct world *w = &world;
	static const struct actor_kind *const kinds[] = { &owner_a,        &owner_b,
		                                          &wa_door_actor,  &killer_actor,
		                                          &wa_store_actor, NULL };
	owner_a = owner_b = dedupe_actor;
	owner_b.name = "dedupe_b";
	memset(w, 0, sizeof *w);
	wa_store_reset();
	w->seed = seed * 0x9e3779b97f4a7c15ULL + 1;
	w->faults = seed % 4 != 0;
	wa_door_to = "dedupe/1";
	w->alone = alone_new(kinds, seed);
	for (int i = 0; i < SENDERS; i++) {
		w->senders[i].w = w;
		w->senders[i].business = 1 + draw(w, BUSINESSES);
		write_mail(w, &w->senders[i]);
	}
	faults(w);
	drive(w);
	check_table();
	check_books(w);
	uint64_t hash = w->alone->hash;
	alone_free(&w->alone);
	return hash;
}

int main(int argc, char **argv)
{
	return alone_seeds(argc, argv, "dedupe", run);
}
