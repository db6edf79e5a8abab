/*
 * playback.c — see playback.h.
 */
#include "tools/load/playback.h"
#include <stdlib.h>

enum { US_A_BYTE = 125 };

void playback_init(struct playback *p)
{
	*p = (struct playback){ 0 };
}

void playback_done(struct playback *p)
{
	free(p->marks);
	p->marks = NULL;
}

bool playback_is_playing(const struct playback *p, uint64_t now_us)
{
	return p->done_us > now_us;
}

static void note_run(struct playback *p, uint32_t item, uint32_t ms, uint64_t begin, uint64_t end)
{
	struct playback_run *last = p->n_runs ? &p->runs[p->n_runs - 1] : NULL;
	if (last && last->item == item && last->end_us == begin &&
	    last->ms + (last->end_us - last->begin_us) / 1000 == ms) {
		last->end_us = end;
		return;
	}
	if (p->n_runs == PLAYBACK_RUNS)
		memmove(p->runs, p->runs + 1, --p->n_runs * sizeof *p->runs);
	p->runs[p->n_runs++] =
		(struct playback_run){ .item = item, .ms = ms, .begin_us = begin, .end_us = end };
}

void playback_put(struct playback *p, uint64_t now_us, uint32_t bytes, uint32_t item, uint32_t ms)
{
	uint64_t begin = p->done_us > now_us ? p->done_us : now_us;
	p->done_us = begin + (uint64_t)bytes * US_A_BYTE;
	p->played_us += (uint64_t)bytes * US_A_BYTE;
	if (item)
		note_run(p, item, ms, begin, p->done_us);
}

MUST enum err playback_mark(struct playback *p, uint64_t now_us, struct str name)
{
	if (!p->marks)
		p->marks = calloc(PLAYBACK_MARKS, sizeof *p->marks);
	if (!p->marks)
		return ERR_MEMORY;
	if (p->n_marks == PLAYBACK_MARKS)
		return ERR_FULL;
	struct playback_mark *m = &p->marks[(p->first_mark + p->n_marks) % PLAYBACK_MARKS];
	if (!str_keep(m->name, sizeof m->name, name))
		return ERR_TOO_LARGE;
	m->due_us = p->done_us > now_us ? p->done_us : now_us;
	p->n_marks++;
	return OK;
}

bool playback_due(struct playback *p, uint64_t now_us, char ret[PLAYBACK_NAME])
{
	if (!p->n_marks || p->marks[p->first_mark].due_us > now_us)
		return false;
	memcpy(ret, p->marks[p->first_mark].name, PLAYBACK_NAME);
	p->first_mark = (p->first_mark + 1) % PLAYBACK_MARKS;
	p->n_marks--;
	return true;
}

uint64_t playback_next_us(const struct playback *p)
{
	return p->n_marks ? p->marks[p->first_mark].due_us : 0;
}

struct playback_heard playback_clear(struct playback *p, uint64_t now_us)
{
	struct playback_heard ret = { 0 };
	for (uint32_t i = 0; i < p->n_runs && p->runs[i].begin_us <= now_us; i++) {
		const struct playback_run *r = &p->runs[i];
		uint64_t end = r->end_us < now_us ? r->end_us : now_us;
		ret = (struct playback_heard){ .known = true,
			                       .item = r->item,
			                       .ms = r->ms +
			                             (uint32_t)((end - r->begin_us) / 1000) };
	}
	if (p->done_us > now_us) {
		p->played_us -= p->done_us - now_us;
		p->done_us = now_us;
	}
	for (uint32_t i = 0; i < p->n_marks; i++)
		p->marks[(p->first_mark + i) % PLAYBACK_MARKS].due_us = now_us;
	p->n_runs = 0;
	return ret;
}
