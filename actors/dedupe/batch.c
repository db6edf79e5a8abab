/*
 * batch.c — a batch's rows: made ready when it comes, counted and answered when all are done.
 */
#include "actors/dedupe/part.h"

#include <stdlib.h>

#include "proto/digest.h"

enum { HASH_BYTES = 2048 };

/* The first 128 bits of the SHA-256 of some pieces, each after its length. */
static struct window_key hash(char what, const struct str *pieces, int n)
{
	char at[HASH_BYTES];
	uint8_t digest[DIGEST_BYTES];
	struct window_key key = { 0 };
	size_t len = 0;
	at[len++] = what;
	for (int i = 0; i < n; i++) {
		if (len + sizeof pieces[i].len + pieces[i].len > sizeof at)
			return key; /* the bounds of wa.row forbid it */
		memcpy(at + len, &pieces[i].len, sizeof pieces[i].len);
		len += sizeof pieces[i].len;
		if (pieces[i].len)
			memcpy(at + len, pieces[i].at, pieces[i].len);
		len += pieces[i].len;
	}
	if (!digest_sha256(str_n(at, len), digest))
		memcpy(&key, digest, sizeof key);
	return key;
}

static struct str bytes_of(const uint64_t *n)
{
	return str_n((const char *)n, sizeof *n);
}

static struct window_key print_of(const struct wa_row *r, enum tenant_dedupe policy)
{
	if (r->class != WA_CLASS_CONTENT || (policy == TENANT_DEDUPE_LITERAL && r->from_me))
		return (struct window_key){ 0 };
	struct str print = policy == TENANT_DEDUPE_LITERAL ? r->body_print : r->fingerprint;
	if (!print.len)
		return (struct window_key){ 0 };
	return hash('p', (struct str[]){ r->sender, print }, 2);
}

struct window_row part_row(const struct wa_row *r, enum tenant_dedupe policy)
{
	struct window_row row = {
		.t_us = r->t_us,
		.own = r->from_me && r->class != WA_CLASS_EVENT,
		.print = print_of(r, policy),
	};
	if (policy == TENANT_DEDUPE_LITERAL)
		row.place = hash('j', &r->remote_jid, 1);
	return row;
}

/* ---- ids on their way --------------------------------------------------------------------------
 */

static uint32_t slot_of(struct window_key id)
{
	return (uint32_t)(id.lo >> 32) & (PART_FLIES - 1);
}

bool part_flies(const struct part *p, struct window_key id)
{
	const struct work *w = p->flying[slot_of(id)];
	while (w && !window_key_eq(w->id, id))
		w = w->flies;
	return w && !window_key_none(id);
}

void part_fly(struct part *p, struct batch *b, struct work *w)
{
	w->state = WORK_FLYING;
	b->flying++;
	if (window_key_none(w->id))
		return;
	w->flies = p->flying[slot_of(w->id)];
	p->flying[slot_of(w->id)] = w;
}

void part_land(struct part *p, struct batch *b, struct work *w)
{
	struct work **at = &p->flying[slot_of(w->id)];
	w->state = WORK_WAITING;
	b->flying--;
	if (window_key_none(w->id))
		return;
	while (*at != w)
		at = &(*at)->flies;
	*at = w->flies;
}

/* ---- a batch
 * ------------------------------------------------------------------------------------- */

/* The conversation of a row: mostly that of the row before. */
static bool find_talk(struct part *p, struct batch *b, struct window_key key, uint32_t *ret)
{
	struct window_talk *t = window_talk(p->window, key);
	if (!t)
		return false;
	for (uint32_t i = b->n_talks; i-- > 0;) {
		if (b->talks[i].talk == t) {
			*ret = i;
			return true;
		}
	}
	window_pin(t);
	b->talks[b->n_talks] = (struct batch_talk){ .talk = t };
	*ret = b->n_talks++;
	return true;
}

static bool make_work(struct part *p, struct batch *b, uint32_t i)
{
	const struct wa_row *r = &b->body->rows.at[i];
	struct work *w = &b->work[i];
	uint64_t business = b->held->business, policy = b->body->policy;
	struct str who = bytes_of(&business);
	if (r->provider_id.len && r->class != WA_CLASS_UPDATE)
		w->id = hash('i', (struct str[]){ who, r->provider_id, r->chat, r->sender }, 4);
	if (r->chat_lid.len)
		w->pairs[0] = hash('l', (struct str[]){ who, r->chat_lid, r->chat }, 3);
	if (r->sender_lid.len)
		w->pairs[1] = hash('l', (struct str[]){ who, r->sender_lid, r->sender }, 3);
	w->row = part_row(r, b->body->policy);
	/* The old system knew no events: policy literal takes them for messages. */
	w->windowed =
		policy != TENANT_DEDUPE_OFF && r->source != WA_SOURCE_HISTORY &&
		r->class != WA_CLASS_UPDATE &&
		(r->class != WA_CLASS_EVENT || policy == TENANT_DEDUPE_LITERAL) &&
		(w->row.own || !window_key_none(w->row.print) || !window_key_none(w->row.place));
	b->history |= r->source == WA_SOURCE_HISTORY;
	struct window_key talk = hash('t', (struct str[]){ who, bytes_of(&policy), r->chat }, 3);
	return find_talk(p, b, talk, &w->talk);
}

MUST enum err batch_new(struct actor *self, const struct msg *m, struct batch **ret)
{
	struct part *p = actor_state(self);
	const struct wa_batch *body = wa_batch_of(m);
	uint32_t n = body->rows.n;
	struct batch *b = calloc(1, sizeof *b + n * sizeof *b->work);
	if (!b)
		return ERR_MEMORY;
	b->talks = calloc(n ? n : 1, sizeof *b->talks);
	b->held = m;
	b->body = body;
	b->n = b->waiting = n;
	bool good = b->talks != NULL;
	for (uint32_t i = 0; good && i < n; i++)
		good = make_work(p, b, i);
	b->held = good ? msg_hold(self, m) : NULL;
	if (!b->held) {
		batch_free(NULL, b);
		return ERR_BUSY; /* all conversations there is room for are in use */
	}
	b->prev = p->last;
	*(p->last ? &p->last->next : &p->first) = b;
	p->last = b;
	p->n_batches++;
	p->n_history += b->history;
	*ret = b;
	return OK;
}

void batch_free(struct part *p, struct batch *b)
{
	if (p) {
		*(b->prev ? &b->prev->next : &p->first) = b->next;
		*(b->next ? &b->next->prev : &p->last) = b->prev;
		p->n_batches--;
		p->n_history -= b->history;
	}
	for (uint32_t i = 0; i < b->n_talks; i++)
		window_unpin(b->talks[i].talk);
	free(b->talks);
	free(b);
}

void batch_done(struct batch *b, struct work *w, enum wa_outcome outcome)
{
	w->state = WORK_DONE;
	w->outcome = (uint8_t)outcome;
	b->waiting--;
}

enum err batch_settle(struct actor *self, struct batch *b)
{
	struct part *p = actor_state(self);
	uint32_t accepted = 0, duplicates = 0;
	if (b->asks || (b->waiting && !b->err))
		return OK;
	for (uint32_t i = 0; i < b->n; i++) {
		bool copy = b->work[i].outcome == WA_OUTCOME_DUPLICATE ||
		            b->work[i].outcome == WA_OUTCOME_SUPPRESSED;
		*(copy ? &duplicates : &accepted) += 1;
	}
	enum err why = b->err;
	const struct msg *held = b->held;
	batch_free(p, b);
	if (why)
		return actor_refuse(self, held, why);
	return actor_reply(self, held,
	                   MSG(wa_done, .accepted = accepted, .duplicates = duplicates));
}

void batch_fail_all(struct actor *self, enum err why)
{
	struct part *p = actor_state(self);
	for (struct batch *b = p->first, *next; b; b = next) {
		next = b->next;
		b->err = b->err ? b->err : why;
		(void)!batch_settle(self, b);
	}
}
