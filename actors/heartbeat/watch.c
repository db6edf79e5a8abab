/*
 * watch.c — a sorted array: a few hundred names, looked up by halves, listed in order.
 */
#include "actors/heartbeat/watch.h"
#include <stdlib.h>

static int compare(const struct watched *e, struct str name)
{
	size_t len = strlen(e->name), n = len < name.len ? len : name.len;
	int d = n ? memcmp(e->name, name.at, n) : 0;
	return d ? d : (len > name.len) - (len < name.len);
}

/* First index whose name is not less. */
static uint32_t lower(const struct watch *w, struct str name)
{
	uint32_t from = 0, to = w->n;
	while (from < to) {
		uint32_t mid = from + (to - from) / 2;
		if (compare(w->all[mid], name) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	return from;
}

static struct watched *find(const struct watch *w, struct str name)
{
	uint32_t at = lower(w, name);
	return at < w->n && !compare(w->all[at], name) ? w->all[at] : NULL;
}

void watch_done(struct watch *w)
{
	for (uint32_t i = 0; i < w->n; i++)
		free(w->all[i]);
	free(w->all);
	*w = (struct watch){ 0 };
}

static void take_out(struct watch *w, uint32_t at)
{
	free(w->all[at]);
	memmove(w->all + at, w->all + at + 1, (w->n - at - 1) * sizeof(struct watched *));
	w->n--;
}

/* The one that is not alive and was heard of the longest time ago makes room. */
static bool evict(struct watch *w)
{
	uint32_t oldest = UINT32_MAX;
	for (uint32_t i = 0; i < w->n; i++)
		if (w->all[i]->state != BEAT_STATE_ALIVE &&
		    (oldest == UINT32_MAX || w->all[i]->heard_us < w->all[oldest]->heard_us))
			oldest = i;
	if (oldest == UINT32_MAX)
		return false;
	take_out(w, oldest);
	return true;
}

static enum err add(struct watch *w, struct str name, struct watched **ret)
{
	if (w->n == WATCH_MOST && !evict(w))
		return ERR_FULL;
	if (w->n == w->cap) {
		uint32_t cap = w->cap ? w->cap * 2 : 16;
		struct watched **all = realloc(w->all, cap * sizeof(struct watched *));
		if (!all)
			return ERR_MEMORY;
		w->all = all;
		w->cap = cap;
	}
	struct watched *e = calloc(1, sizeof *e);
	if (!e)
		return ERR_MEMORY;
	str_keep(e->name, sizeof e->name, name);
	uint32_t at = lower(w, name);
	memmove(w->all + at + 1, w->all + at, (w->n - at) * sizeof(struct watched *));
	w->all[at] = e;
	w->n++;
	*ret = e;
	return OK;
}

enum err watch_heard(struct watch *w, struct str name, uint32_t every_ms, uint64_t now_us,
                     int64_t wall_us, struct watched **ret, uint64_t *ret_silent_us)
{
	struct watched *e = find(w, name);
	if (!e) {
		enum err err = add(w, name, &e);
		if (err)
			return err;
		e->heard_us = now_us;
	}
	*ret_silent_us = e->state == BEAT_STATE_SILENT ? now_us - e->heard_us : 0;
	e->state = BEAT_STATE_ALIVE;
	e->every_ms = every_ms;
	e->heard_us = now_us;
	e->last_us = wall_us;
	*ret = e;
	return OK;
}

void watch_ended(struct watch *w, struct str name)
{
	struct watched *e = find(w, name);
	if (e)
		e->state = BEAT_STATE_ENDED;
}

static uint64_t due_us(const struct watched *e)
{
	return e->heard_us + (uint64_t)e->every_ms * 1000 * WATCH_MISSES;
}

struct watched *watch_silent(struct watch *w, uint64_t now_us)
{
	for (uint32_t i = 0; i < w->n; i++) {
		struct watched *e = w->all[i];
		if (e->state == BEAT_STATE_ALIVE && now_us >= due_us(e)) {
			e->state = BEAT_STATE_SILENT;
			e->silences++;
			return e;
		}
	}
	return NULL;
}

uint64_t watch_next_us(const struct watch *w)
{
	uint64_t next = UINT64_MAX;
	for (uint32_t i = 0; i < w->n; i++)
		if (w->all[i]->state == BEAT_STATE_ALIVE && due_us(w->all[i]) < next)
			next = due_us(w->all[i]);
	return next;
}

uint32_t watch_after(const struct watch *w, struct str after)
{
	uint32_t at = lower(w, after);
	return at < w->n && !compare(w->all[at], after) ? at + 1 : at;
}
