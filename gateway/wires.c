/*
 * wires.c — all wires of a gateway: whose they are, whose turn it is, what actors say to them.
 */
#include "gateway/wire.h"
#include "proto/sys.h"
#include <stdlib.h>

static void on_owner_gone(struct wires *all, uint64_t tag, enum err why);

/* ---- the set --------------------------------------------------------------------------------- */

struct wires *wires_of(struct actor *self)
{
	struct gateway *g = actor_state(self);
	return g->wires;
}

static enum err on_tick(struct actor *self);

static struct wire **bucket(struct wires *all, uint64_t number)
{
	return &all->buckets[number % WIRE_BUCKETS];
}

/* NULL: too many, or out of memory. */
struct wire *wire_new(struct wires *all, bool client)
{
	struct wire *w = all->n < all->config.most ? calloc(1, sizeof *w) : NULL;
	if (!w)
		return NULL;
	w->all = all;
	w->fd = -1;
	w->client = client;
	w->state = client ? WIRE_DIALLING : WIRE_TAKING;
	w->number = ++all->numbers;
	w->begin_us = loop_now_us(all->loop);
	w->link = all->last;
	*all->last = w;
	all->last = &w->next;
	w->next_here = *bucket(all, w->number);
	*bucket(all, w->number) = w;
	all->n++;
	if (!all->ticking)
		actor_after(all->self, WIRE_TICK_MS, on_tick);
	all->ticking = true;
	return w;
}

void wire_remove(struct wire *w)
{
	struct wires *all = w->all;
	struct wire **at = bucket(all, w->number);
	while (*at != w)
		at = &(*at)->next_here;
	*at = w->next_here;
	*w->link = w->next;
	*(w->next ? &w->next->link : &all->last) = w->link;
	wire_disown(w);
	all->n--;
	w->state = WIRE_OVER;
	w->next_here = all->dead;
	all->dead = w;
	if (!all->n) /* a drain may wait for that */
		actor_wake(((struct gateway *)actor_state(all->self))->waker);
}

struct wire *wires_find(const struct wires *all, uint64_t number)
{
	struct wire *w = all->buckets[number % WIRE_BUCKETS];
	while (w && w->number != number)
		w = w->next_here;
	return w;
}

uint32_t wires_live(const struct wires *all)
{
	return all->n;
}

/* ---- turns ----------------------------------------------------------------------------------- */

void wire_wake(struct wire *w, int events)
{
	struct wires *all = w->all;
	w->events = (uint8_t)(w->events | events);
	if (w->ready)
		return;
	w->ready = true;
	w->next_ready = NULL;
	*all->ready_last = w;
	all->ready_last = &w->next_ready;
	actor_wake(all->waker);
}

void wire_soil(struct wire *w)
{
	if (w->dirty)
		return;
	w->dirty = true;
	w->next_dirty = w->all->dirty;
	w->all->dirty = w;
}

static struct wire *take_ready(struct wires *all)
{
	struct wire *w = all->ready;
	if (!w)
		return NULL;
	all->ready = w->next_ready;
	if (!all->ready)
		all->ready_last = &all->ready;
	w->ready = false;
	return w;
}

/* A TLS handshake takes a millisecond of work: hundreds at once must not hold the loop. Those that
 * are too many wait for the loop's next turn. */
static void turn_of(struct wires *all, struct wire *w)
{
	int events = w->events;
	w->events = 0;
	if (w->state == WIRE_TAKING) {
		wire_arrived(w);
	} else if (w->state == WIRE_DIALLING) {
		uint64_t from = loop_now_us(all->loop);
		dial_turn(w, events);
		all->spent_us += loop_now_us(all->loop) - from;
	} else {
		wire_turn(w, events);
	}
}

static enum err on_wake(struct actor *self)
{
	struct wires *all = wires_of(self);
	struct wire *w;
	all->now_us = loop_now_us(all->loop);
	for (unsigned i = 0; i < WIRE_PER_TURN && all->spent_us < WIRE_TLS_TURN_US; i++) {
		if (!(w = take_ready(all)))
			return OK;
		turn_of(all, w);
	}
	if (all->ready && all->spent_us < WIRE_TLS_TURN_US)
		actor_wake(all->waker);
	return OK;
}

static enum err on_tick(struct actor *self)
{
	struct wires *all = wires_of(self);
	struct wire *next;
	all->now_us = loop_now_us(all->loop);
	for (struct wire *w = all->first; w; w = next) {
		next = w->next;
		wire_tick(w);
	}
	access_flush(all->access);
	all->ticking = all->n > 0;
	if (all->ticking)
		actor_after(self, WIRE_TICK_MS, on_tick);
	return OK;
}

static void bury(struct wires *all)
{
	for (struct wire *w = all->dead, *next; w; w = next) {
		next = w->next_here;
		free(w->kept);
		free(w);
	}
	all->dead = NULL;
}

/* In no list any more: those that died in this turn may be in both. */
static void forget_dead(struct wires *all)
{
	struct wire **at = &all->ready;
	if (!all->dead)
		return;
	while (*at) {
		if ((*at)->state == WIRE_OVER)
			*at = (*at)->next_ready;
		else
			at = &(*at)->next_ready;
	}
	all->ready_last = at;
	bury(all);
}

static bool on_flush(void *ctx)
{
	struct wires *all = ctx;
	struct wire *w;
	all->spent_us = 0;
	while ((w = all->dirty)) {
		all->dirty = w->next_dirty;
		w->dirty = false;
		wire_flush(w);
	}
	forget_dead(all);
	if (all->ready)
		actor_wake(all->waker);
	return all->ready != NULL;
}

/* ---- owners ---------------------------------------------------------------------------------- */

static enum err on_gone(struct actor *self, const struct msg *m)
{
	const struct sys_gone *gone = msg_err(m) ? NULL : sys_gone_of(m);
	struct wires *all = wires_of(self);
	all->now_us = loop_now_us(all->loop);
	on_owner_gone(all, msg_tag(m), gone ? (enum err)gone->why : ERR_GONE);
	return OK;
}

static struct wire_owner *find_owner(struct wires *all, const struct to *to)
{
	for (struct wire_owner *o = all->owners; o; o = o->next)
		if (to->name.len ? str_is(to->name, o->name)
		                 : o->ref.gen && ref_eq(o->ref, to->ref) && !*o->name)
			return o;
	return NULL;
}

static enum err owner_new(struct wires *all, const struct to *to, struct wire_owner **ret)
{
	struct wire_owner *o = calloc(1, sizeof *o);
	if (!o)
		return ERR_MEMORY;
	o->ref = to->ref;
	o->tag = ++all->tags;
	if (!str_keep(o->name, sizeof o->name, to->name)) {
		free(o);
		return ERR_TOO_LARGE;
	}
	enum err e = actor_watch_tag_to(all->self, to, on_gone, o->tag);
	if (e) {
		free(o);
		return e;
	}
	o->next = all->owners;
	o->link = &all->owners;
	if (o->next)
		o->next->link = &o->next;
	all->owners = o;
	*ret = o;
	return OK;
}

static void owner_free(struct wire_owner *o)
{
	*o->link = o->next;
	if (o->next)
		o->next->link = o->link;
	free(o);
}

enum err wire_own(struct wire *w, const struct to *to)
{
	struct wire_owner *o = find_owner(w->all, to);
	enum err e = o ? OK : owner_new(w->all, to, &o);
	if (e)
		return e;
	w->owner = o;
	o->wires++;
	return OK;
}

void wire_disown(struct wire *w)
{
	struct wire_owner *o = w->owner;
	w->owner = NULL;
	if (!o || --o->wires)
		return;
	if (*o->name)
		actor_unwatch(w->all->self, (const char *)o->name);
	else
		actor_unwatch(w->all->self, o->ref);
	owner_free(o);
}

/* Its wires end with it: going away when it ended well, an internal error when it broke. */
static void on_owner_gone(struct wires *all, uint64_t tag, enum err why)
{
	struct wire_owner *o = all->owners;
	struct wire *next;
	while (o && o->tag != tag)
		o = o->next;
	if (!o)
		return;
	for (struct wire *w = all->first; w; w = next) {
		next = w->next;
		if (w->owner != o)
			continue;
		w->owner = NULL;
		if (w->state == WIRE_OVER)
			wire_remove(w);
		else
			wire_close(w, why == ERR_FAULT ? CLOSE_FAULT : CLOSE_AWAY,
			           str_of(why == ERR_FAULT ? "internal error" : ""), true);
	}
	owner_free(o);
}

/* ---- what owners say ------------------------------------------------------------------------- */

/* Whose wire is it? A stranger's number, or one that has ended, finds none: what crosses the end of
 * a wire is dropped. The first who speaks on a wire given to a name is who goes by that name. */
static struct wire *wire_for(struct wires *all, const struct msg *m, uint64_t number)
{
	struct wire *w = wires_find(all, number);
	struct ref from = msg_from(m);
	if (w && w->owner && *w->owner->name && !w->owner->ref.gen)
		w->owner->ref = from;
	if (w && w->owner && ref_eq(w->owner->ref, from))
		return w;
	all->stats.late++;
	return NULL;
}

enum err wires_on_send(struct actor *self, const struct msg *m)
{
	const struct wire_send *send = wire_send_of(m);
	struct wire *w = wire_for(wires_of(self), m, send->wire);
	if (w)
		wire_say(w, send->binary, msg_blob(m), send->audio_ms);
	return OK;
}

enum err wires_on_close(struct actor *self, const struct msg *m)
{
	const struct wire_close *close = wire_close_of(m);
	struct wires *all = wires_of(self);
	struct wire *w = wire_for(all, m, close->wire);
	if (!ws_code_ok(close->code))
		return ERR_RANGE;
	all->now_us = loop_now_us(all->loop);
	if (w)
		wire_close(w, close->code, close->reason, true);
	return OK;
}

enum err wires_on_look(struct actor *self, const struct msg *m)
{
	struct wire *w = wire_for(wires_of(self), m, wire_look_of(m)->wire);
	uint32_t queued, unsent;
	if (!w)
		return ERR_NOT_FOUND;
	wire_queued(w, &queued, &unsent);
	return actor_reply(self, m,
	                   MSG(wire_level, .wire = w->number, .queued = queued, .unsent = unsent));
}

/* ---- birth and end --------------------------------------------------------------------------- */

enum err wires_new(struct actor *self, struct access *a, const struct wires_config *config,
                   struct wires **ret)
{
	struct wires *all = calloc(1, sizeof *all);
	if (!all)
		return ERR_MEMORY;
	all->self = self;
	all->access = a;
	all->loop = actor_loop(self);
	all->config = *config;
	all->last = &all->first;
	all->ready_last = &all->ready;
	all->keys_used = sizeof all->keys;
	*ret = all;
	enum err e = tls_trust_new(config->ca_file, &all->trust);
	if (e && config->ca_file)
		return e;
	e = actor_waker_new(self, on_wake, &all->waker);
	return e ? e : loop_on_turn(all->loop, LOOP_FLUSH, on_flush, all, &all->flush);
}

uint32_t wires_cut(struct wires *all, unsigned code)
{
	uint32_t n = 0;
	struct wire *next;
	all->now_us = loop_now_us(all->loop);
	for (struct wire *w = all->first; w; w = next) {
		next = w->next;
		n += w->state <= WIRE_OPEN;
		wire_close(w, code, str_of("restarting"), true);
		wire_flush(w);
	}
	all->cut = true;
	return n;
}

/* One last write each; whoever owned it is told. */
void wires_free(struct wires **ret)
{
	struct wires *all = *ret;
	*ret = NULL;
	if (!all)
		return;
	wires_cut(all, CLOSE_RESTART);
	while (all->first) {
		struct wire *w = all->first;
		if (w->state == WIRE_DIALLING) {
			dial_drop(w);
			continue;
		}
		w->unsent = 0; /* let the kernel send the close frame */
		if (w->state != WIRE_OVER)
			wire_finish(w, w->code ? w->code : CLOSE_RESTART, "restarting");
		if (all->first == w)
			wire_remove(w);
	}
	bury(all);
	loop_stage_free(&all->flush);
	actor_waker_free(&all->waker);
	tls_trust_free(&all->trust);
	while (all->n_spares)
		buf_done(&all->spares[--all->n_spares]);
	free(all);
}

/* ---- figures --------------------------------------------------------------------------------- */

void wires_write(const struct wires *all, struct buf *b)
{
	static const char *const others[] = { "3xxx", "4xxx", "other" };
	const struct wires_stats *s = &all->stats;
	uint32_t dialled = 0;
	for (const struct wire *w = all->first; w; w = w->next)
		dialled += w->client;
	const struct {
		const char *name, *type, *help, *label;
		uint64_t value;
	} rows[] = {
		{ "wire_live", "gauge", "WebSockets open.", "{by=\"peer\"}", all->n - dialled },
		{ "wire_live", NULL, NULL, "{by=\"us\"}", dialled },
		{ "wire_opened_total", "counter", "WebSockets opened.", "{by=\"peer\"}",
		  s->accepted },
		{ "wire_opened_total", NULL, NULL, "{by=\"us\"}", s->dialled },
		{ "wire_dial_failures_total", "counter", "Dials that led to none.", "",
		  s->dial_failed },
		{ "wire_messages_total", "counter", "Messages.", "{way=\"in\"}", s->received },
		{ "wire_messages_total", NULL, NULL, "{way=\"out\"}", s->sent },
		{ "wire_bytes_total", "counter", "Bytes of messages.", "{way=\"in\"}",
		  s->received_bytes },
		{ "wire_bytes_total", NULL, NULL, "{way=\"out\"}", s->sent_bytes },
		{ "wire_shed_total", "counter", "Messages to peers that do not read.", "",
		  s->shed },
		{ "wire_ghosts_total", "counter", "Streams that never said whose they are.", "",
		  s->ghosts },
		{ "wire_late_total", "counter", "Messages to wires that had ended.", "", s->late },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		if (rows[i].type)
			metrics_family(b, rows[i].name, rows[i].type, rows[i].help);
		buf_printf(b, "%s%s %llu\n", rows[i].name, rows[i].label,
		           (unsigned long long)rows[i].value);
	}
	metrics_family(b, "wire_shed_audio_seconds_total", "counter", "Audio in what was shed.");
	buf_printf(b, "wire_shed_audio_seconds_total %.3f\n", (double)s->shed_audio_ms / 1000);
	metrics_family(b, "wire_closed_total", "counter", "WebSockets ended, by close code.");
	for (unsigned i = 0; i < 18; i++) {
		if (!s->closed[i])
			continue;
		if (i < 15)
			buf_printf(b, "wire_closed_total{code=\"%u\"} ", 1000 + i);
		else
			buf_printf(b, "wire_closed_total{code=\"%s\"} ", others[i - 15]);
		buf_printf(b, "%llu\n", (unsigned long long)s->closed[i]);
	}
}
