/*
 * kinds.c — the kinds that a node hosts, checked once and indexed for the turn.
 */
#include "actors/runtime/runtime.h"
#include <stdlib.h>

static enum err rows_new(struct rows *r, uint32_t n)
{
	uint32_t size = 2;
	while (size < 4 * n)
		size *= 2;
	r->mask = (size - 1) * (uint32_t)sizeof *r->at;
	r->at = calloc(size, sizeof *r->at);
	return r->at ? OK : ERR_MEMORY;
}

/* Where the type stands, or the empty row where it would. */
static struct row *row_of(const struct rows *r, const struct proto_desc *type)
{
	uint32_t last = r->mask / sizeof *r->at;
	struct row *row = row_at_home(r, type);
	while (row->stamp.type && row->stamp.type != type)
		row = row == &r->at[last] ? r->at : row + 1;
	return row;
}

static enum err rows_add(struct rows *r, const struct proto_desc *type, actor_fn *run)
{
	struct row *row = row_of(r, type);
	if (row->stamp.type)
		return ERR_INVALID; /* twice */
	*row = (struct row){ .stamp = msg_stamp_of(type), .run = run };
	return OK;
}

const struct row *rows_seek(const struct rows *r, const struct proto_desc *type)
{
	const struct row *row = row_of(r, type);
	return row->stamp.type ? row : NULL;
}

static enum err index_types(struct hosted *h)
{
	const struct actor_kind *k = h->kind;
	uint32_t takes = 0, sends = 0;
	while (k->takes && k->takes[takes].type)
		takes++;
	while (k->sends && k->sends[sends])
		sends++;
	enum err e = rows_new(&h->takes, takes);
	h->sends_any = !k->sends;
	if (!e)
		e = rows_new(&h->sends, sends);
	for (uint32_t i = 0; i < takes && !e; i++)
		e = k->takes[i].run ? rows_add(&h->takes, k->takes[i].type, k->takes[i].run)
		                    : ERR_INVALID;
	for (uint32_t i = 0; i < sends && !e; i++)
		e = rows_add(&h->sends, k->sends[i], NULL);
	return e;
}

/* What it hears it must take, or each event would be refused. */
static enum err check_hears(const struct hosted *h)
{
	uint32_t n = 0;
	for (const struct proto_desc *const *t = h->kind->hears; t && *t; t++) {
		if ((!h->kind->any && !rows_find(&h->takes, *t)) || ++n > SUBS_MOST)
			return ERR_INVALID;
	}
	return OK;
}

static enum err hosted_init(struct node *n, struct hosted *h, const struct actor_kind *k)
{
	struct str name = str_of(k->name), kind, key;
	h->kind = k;
	h->stats.kind = k;
	h->name_len = (uint16_t)name.len;
	enum err e = name_check(name, &kind, &key);
	if (!e && (key.len || k->restart.times > RESTARTS_MOST || hosted_of(n, name) != h))
		e = ERR_INVALID;
	if (!e)
		e = index_types(h);
	if (!e)
		e = check_hears(h);
	h->needs_tenant = k->needs_tenant;
	h->depth = k->mailbox.depth ? k->mailbox.depth : DEPTH_DEFAULT;
	h->asks = k->asks ? k->asks : ASKS_DEFAULT;
	h->holds = k->holds ? k->holds : HOLDS_DEFAULT;
	h->times = k->restart.times ? k->restart.times : 3;
	h->within_ms = k->restart.within_ms ? k->restart.within_ms : 60000;
	h->name_at = (uint32_t)(offsetof(struct actor, state) + k->state);
	return e;
}

enum err hosted_new(struct node *n, const struct actor_kind *const *kinds)
{
	uint32_t count = 0;
	while (kinds && kinds[count])
		count++;
	n->hosted = calloc(count + 1, sizeof *n->hosted);
	if (!n->hosted)
		return ERR_MEMORY;
	for (uint32_t i = 0; i <= count; i++) {
		const struct actor_kind *k = i < count ? kinds[i] : &node_actor; /* last: its own */
		n->n_hosted = i + 1;
		enum err e = hosted_init(n, &n->hosted[i], k);
		if (e) {
			node_log(n, NULL, LOG_ERROR, "kind_invalid kind=%s err=%s",
			         k->name ? k->name : "?", err_info(e)->name);
			return e;
		}
	}
	return OK;
}

void hosted_free(struct node *n)
{
	for (uint32_t i = 0; i < n->n_hosted; i++) {
		free(n->hosted[i].takes.at);
		free(n->hosted[i].sends.at);
	}
	free(n->hosted);
	n->hosted = NULL;
	n->n_hosted = 0;
}

/* A node hosts some twenty kinds: lengths and first letters decide nearly always. */
struct hosted *hosted_of(const struct node *n, struct str kind)
{
	for (uint32_t i = 0; i < n->n_hosted; i++) {
		const struct hosted *h = &n->hosted[i];
		if (h->name_len == kind.len && h->kind->name[0] == kind.at[0] &&
		    !memcmp(h->kind->name, kind.at, kind.len))
			return &n->hosted[i];
	}
	return NULL;
}
