/*
 * wa_store.c — a store in memory, for the simulation of dedupe.
 */
#include "tests/sim/wa_store.h"
#include "tests/sim/alone.h"

#include "proto/lease.h"

#include <stdlib.h>

enum { PENDING = 4096 };

struct wa_store wa_store;

/* One ask: it is carried out at `do_us` and answered at `say_us`. */
struct job {
	const struct msg *held;
	uint64_t do_us, say_us;
	bool done, mute;
	enum err err, say; /* say: an error to answer although it was carried out */
	struct wa_stored stored[WA_INSERT_ROWS_MOST];
	uint64_t epoch;
	struct wa_past *past; /* wa.window: the snapshot, taken when it is carried out */
	uint32_t n_past;
};

struct fake {
	struct job *jobs[PENDING];
	uint32_t n;
};

static void job_free(struct job *job)
{
	free(job->past);
	free(job);
}

void wa_store_reset(void)
{
	memset(&wa_store, 0, sizeof wa_store);
}

static bool one_in(struct actor *self, uint32_t n)
{
	return n && actor_random(self) % n == 0;
}

static bool is(const char *a, struct str b)
{
	return str_eq(str_of(a), b);
}

/* ---- wa.insert, by loops
 * -------------------------------------------------------------------------- */

static void learn(struct str lid, struct str pn)
{
	for (uint32_t i = 0; i < wa_store.n_pairs; i++)
		if (is(wa_store.pairs[i].lid, lid))
			return;
	if (!lid.len)
		return;
	CHECK(wa_store.n_pairs < WA_STORE_PAIRS);
	str_keep(wa_store.pairs[wa_store.n_pairs].lid, 48, lid);
	str_keep(wa_store.pairs[wa_store.n_pairs++].pn, 48, pn);
}

/* The phone's address of a stored one, as far as any row has shown it. */
static const char *phone(const char *jid)
{
	for (uint32_t i = 0; i < wa_store.n_pairs; i++)
		if (!strcmp(wa_store.pairs[i].lid, jid))
			return wa_store.pairs[i].pn;
	return jid;
}

static bool same_who(const char *stored, struct str jid, struct str lid)
{
	return is(phone(stored), jid) || (lid.len && is(stored, lid));
}

static void put_row(struct wa_store_row *to, const struct wa_row *r)
{
	to->kind = (uint8_t)r->kind;
	to->class = (uint8_t)r->class;
	to->source = (uint8_t)r->source;
	to->layer = (uint8_t)r->layer;
	to->dup_of = r->dup_of;
	to->from_me = r->from_me;
	to->t_us = r->t_us;
	to->has_fingerprint = r->fingerprint.len == 32;
	if (to->has_fingerprint)
		memcpy(to->fingerprint, r->fingerprint.at, 32);
	to->has_body_print = r->body_print.len == 16;
	if (to->has_body_print)
		memcpy(to->body_print, r->body_print.at, 16);
	str_keep(to->provider_id, sizeof to->provider_id, r->provider_id);
	str_keep(to->chat, sizeof to->chat, r->chat);
	str_keep(to->sender, sizeof to->sender, r->sender);
	str_keep(to->remote_jid, sizeof to->remote_jid, r->remote_jid);
}

static struct wa_store_row *twin_of(uint64_t business, const struct wa_row *r, uint32_t *ret_same)
{
	struct wa_store_row *twin = NULL;
	*ret_same = 0;
	for (uint32_t i = 0; r->provider_id.len && i < wa_store.n; i++) {
		struct wa_store_row *s = &wa_store.rows[i];
		if (s->business != business || !is(s->provider_id, r->provider_id))
			continue;
		++*ret_same;
		if (same_who(s->chat, r->chat, r->chat_lid) &&
		    same_who(s->sender, r->sender, r->sender_lid))
			twin = s;
	}
	return twin;
}

static struct wa_stored insert_one(struct actor *self, const struct job *job,
                                   const struct wa_insert *in, uint32_t i)
{
	const struct wa_row *r = &in->rows.at[i];
	struct wa_row row = *r;
	uint32_t same;
	struct wa_store_row *twin = twin_of(job->held->business, r, &same);
	if (r->class == WA_CLASS_UPDATE)
		return (struct wa_stored){ .outcome = WA_OUTCOME_APPLIED };
	bool upgrade =
		twin && twin->class == WA_CLASS_PLACEHOLDER && r->class < WA_CLASS_PLACEHOLDER;
	if (twin && !upgrade)
		return (struct wa_stored){ .outcome = WA_OUTCOME_DUPLICATE, .id = twin->id };
	if (one_in(self, wa_store.again))
		return (struct wa_stored){ .outcome = WA_OUTCOME_AGAIN };
	if (r->dup_in) { /* it repeats a row of this insert: only if that one was stored by it */
		const struct wa_stored *base = &job->stored[r->dup_in - 1];
		if (upgrade ||
		    (base->outcome != WA_OUTCOME_INSERTED && base->outcome != WA_OUTCOME_UPGRADED &&
		     base->outcome != WA_OUTCOME_COLLISION))
			return (struct wa_stored){ .outcome = WA_OUTCOME_AGAIN };
		row.dup_of = base->id;
	}
	struct wa_store_row *to = upgrade ? twin : &wa_store.rows[wa_store.n++];
	uint64_t id = upgrade ? twin->id : wa_store.n;
	alone_check(wa_store.n < WA_STORE_ROWS, "the table is large enough", __FILE__, __LINE__);
	wa_store.upgrades += upgrade && !r->layer;
	wa_store.hidden += upgrade && r->layer;
	put_row(to, &row);
	to->id = id;
	to->was_placeholder |= upgrade;
	to->business = job->held->business;
	to->collision = upgrade ? twin->collision : same;
	return (struct wa_stored){ .id = id,
		                   .outcome = r->layer  ? WA_OUTCOME_SUPPRESSED
		                              : upgrade ? WA_OUTCOME_UPGRADED
		                              : same    ? WA_OUTCOME_COLLISION
		                                        : WA_OUTCOME_INSERTED };
}

static void insert(struct actor *self, struct job *job)
{
	const struct wa_insert *in = wa_insert_of(job->held);
	bool held = false;
	for (int i = 0; i < WA_STORE_LEASES; i++)
		held |= is(wa_store.leases[i].name, in->lease) &&
		        wa_store.leases[i].epoch == in->epoch;
	if (!held) {
		wa_store.stale++;
		job->err = ERR_STALE;
		return;
	}
	wa_store.inserts++;
	for (uint32_t i = 0; i < in->rows.n; i++) {
		learn(in->rows.at[i].chat_lid, in->rows.at[i].chat);
		learn(in->rows.at[i].sender_lid, in->rows.at[i].sender);
	}
	for (uint32_t i = 0; i < in->rows.n; i++) {
		CHECK(in->rows.at[i].place == i + 1);
		CHECK(in->rows.at[i].dup_in <= i);
		for (uint32_t k = 0; k < i; k++) /* of one sender in one chat, an id comes once */
			CHECK(!in->rows.at[i].provider_id.len ||
			      !str_eq(in->rows.at[i].provider_id, in->rows.at[k].provider_id) ||
			      !str_eq(in->rows.at[i].sender, in->rows.at[k].sender) ||
			      !str_eq(in->rows.at[i].chat, in->rows.at[k].chat));
		job->stored[i] = insert_one(self, job, in, i);
	}
}

/* ---- leases
 * ----------------------------------------------------------------------------------------- */

static void take(struct actor *self, struct job *job)
{
	const struct lease_take *t = lease_take_of(job->held);
	uint64_t now = actor_now_us(self);
	int i = 0;
	while (i < WA_STORE_LEASES && wa_store.leases[i].name[0] &&
	       !is(wa_store.leases[i].name, t->name))
		i++;
	CHECK(i < WA_STORE_LEASES);
	bool mine = is(wa_store.leases[i].owner, t->owner);
	if (!mine && wa_store.leases[i].until_us >= now) {
		job->err = ERR_CONFLICT;
		return;
	}
	str_keep(wa_store.leases[i].name, 64, t->name);
	str_keep(wa_store.leases[i].owner, 128, t->owner);
	wa_store.leases[i].epoch += !mine;
	wa_store.leases[i].until_us = now + t->ttl_ms * 1000ULL;
	job->epoch = wa_store.leases[i].epoch;
}

static void keep_or_drop(struct actor *self, struct job *job, struct str name, struct str owner,
                         uint64_t epoch, uint32_t ttl_ms)
{
	job->err = ERR_STALE;
	for (int i = 0; i < WA_STORE_LEASES; i++) {
		if (!is(wa_store.leases[i].name, name) || !is(wa_store.leases[i].owner, owner) ||
		    wa_store.leases[i].epoch != epoch)
			continue;
		job->err = OK;
		job->epoch = epoch;
		wa_store.leases[i].until_us = ttl_ms ? actor_now_us(self) + ttl_ms * 1000ULL : 0;
		if (!ttl_ms)
			wa_store.leases[i].owner[0] = '\0';
	}
}

/* ---- wa.window
 * ---------------------------------------------------------------------------------------- */

static int by_time(const void *a, const void *b)
{
	const struct wa_past *x = a, *y = b;
	if (x->t_us != y->t_us)
		return x->t_us < y->t_us ? -1 : 1;
	return x->id < y->id ? -1 : x->id > y->id;
}

/* Addresses just learned come with the ask. */
static struct str phone_by(const struct wa_window *w, const char *jid)
{
	for (uint32_t i = 0; i < w->lids.n; i++)
		if (is(jid, w->lids.at[i]))
			return w->pns.at[i];
	return str_of(phone(jid));
}

static uint32_t span_rows(uint64_t business, const struct wa_window *w, uint32_t at,
                          struct wa_past *out)
{
	const struct wa_span *s = &w->spans.at[at];
	uint32_t n = 0;
	for (uint32_t i = 0; i < wa_store.n; i++) {
		const struct wa_store_row *r = &wa_store.rows[i];
		if (r->business != business || r->layer || r->source == WA_SOURCE_HISTORY ||
		    !same_who(r->chat, s->chat, s->lid) || r->t_us < s->from_us ||
		    r->t_us > s->to_us)
			continue;
		out[n++] = (struct wa_past){
			.span = at,
			.id = r->id,
			.t_us = r->t_us,
			.sender = phone_by(w, r->sender),
			.own = r->from_me && r->class != WA_CLASS_EVENT,
			.remote_jid = str_of(r->remote_jid),
		};
		if (r->has_fingerprint && r->class == WA_CLASS_CONTENT)
			out[n - 1].fingerprint = str_n((const char *)r->fingerprint, 32);
		if (r->has_body_print && r->class == WA_CLASS_CONTENT)
			out[n - 1].body_print = str_n((const char *)r->body_print, 16);
	}
	qsort(out, n, sizeof *out, by_time);
	return n;
}

static void window(struct job *job)
{
	static struct wa_past rows[WA_STORE_ROWS];
	const struct wa_window *w = wa_window_of(job->held);
	uint32_t n = 0;
	wa_store.loads++;
	for (uint32_t i = 0; i < w->spans.n; i++) {
		uint32_t found = span_rows(job->held->business, w, i, rows + n);
		n += found < w->most ? found : w->most;
	}
	job->past = malloc((n + 1) * sizeof *rows);
	CHECK(job->past);
	memcpy(job->past, rows, n * sizeof *rows);
	job->n_past = n;
}

static void carry_out(struct actor *self, struct job *job)
{
	const struct proto_desc *type = job->held->type;
	job->done = true;
	if (type == &wa_insert_desc) {
		insert(self, job);
	} else if (type == &wa_window_desc) {
		window(job);
	} else if (type == &lease_take_desc) {
		take(self, job);
	} else if (type == &lease_keep_desc) {
		const struct lease_keep *k = lease_keep_of(job->held);
		keep_or_drop(self, job, k->name, k->owner, k->epoch, k->ttl_ms);
	} else if (type == &lease_drop_desc) {
		const struct lease_drop *d = lease_drop_of(job->held);
		keep_or_drop(self, job, d->name, d->owner, d->epoch, 0);
	}
}

/* ---- as a database in time
 * ------------------------------------------------------------------------------- */

static enum err answer(struct actor *self, struct job *job)
{
	const struct msg *m = job->held;
	if (job->say || job->err)
		return actor_refuse(self, m, job->say ? job->say : job->err);
	if (m->type == &wa_insert_desc)
		return actor_reply(
			self, m,
			MSG(wa_inserted, .stored = { job->stored, wa_insert_of(m)->rows.n }));
	if (m->type == &wa_window_desc)
		return actor_reply(self, m, MSG(wa_windows, .rows = { job->past, job->n_past }));
	if (m->type == &lease_drop_desc)
		return actor_reply(self, m, MSG(lease_dropped, .epoch = job->epoch));
	return actor_reply(self, m, MSG(lease_taken, .epoch = job->epoch));
}

static enum err on_due(struct actor *self)
{
	struct fake *f = actor_state(self);
	uint64_t now = actor_now_us(self), next = UINT64_MAX;
	for (uint32_t i = 0; i < f->n;) {
		struct job *job = f->jobs[i];
		if (!job->done && job->do_us <= now)
			carry_out(self, job);
		if (job->done && job->say_us <= now) {
			enum err e = job->mute ? OK : answer(self, job);
			job_free(job);
			f->jobs[i] = f->jobs[--f->n];
			if (e)
				return e;
			continue;
		}
		uint64_t due = job->done ? job->say_us : job->do_us;
		next = due < next ? due : next;
		i++;
	}
	actor_after(self, next == UINT64_MAX ? 0 : (uint32_t)((next - now + 999) / 1000), on_due);
	return OK;
}

static enum err on_ask(struct actor *self, const struct msg *m)
{
	struct fake *f = actor_state(self);
	uint64_t now = actor_now_us(self);
	if (one_in(self, wa_store.refuse))
		return ERR_BUSY;
	struct job *job = calloc(1, sizeof *job);
	CHECK(job && f->n < PENDING);
	job->held = msg_hold(self, m);
	job->do_us = now + actor_random(self) % (wa_store.delay_ms * 1000 + 1);
	job->say_us = job->do_us + actor_random(self) % (wa_store.delay_ms * 1000 + 1);
	if (one_in(self, wa_store.late)) /* long after everybody has given it up */
		job->do_us += 6000000 + actor_random(self) % 6000000;
	if (one_in(self, wa_store.lose_before)) {
		job->done = true;
		job->say = ERR_UNAVAILABLE;
	}
	if (one_in(self, wa_store.lose_after))
		job->say = actor_random(self) % 2 ? ERR_UNAVAILABLE : ERR_GONE;
	if (job->say_us < job->do_us)
		job->say_us = job->do_us;
	f->jobs[f->n++] = job;
	return on_due(self);
}

static enum err stop(struct actor *self)
{
	struct fake *f = actor_state(self);
	while (f->n)
		job_free(f->jobs[--f->n]);
	return OK;
}

static const struct actor_on takes[] = {
	{ &wa_insert_desc, on_ask },  { &wa_window_desc, on_ask },  { &lease_take_desc, on_ask },
	{ &lease_keep_desc, on_ask }, { &lease_drop_desc, on_ask }, { 0 },
};
static const struct proto_desc *const sends[] = {
	&wa_inserted_desc, &wa_windows_desc, &lease_taken_desc, &lease_dropped_desc, NULL,
};

const struct actor_kind wa_store_actor = {
	.name = "store",
	.doc = "a store in memory",
	.state = sizeof(struct fake),
	.stop = stop,
	.takes = takes,
	.sends = sends,
	.mailbox = { .depth = 4096, .full = FULL_REFUSE },
	.holds = PENDING,
};
