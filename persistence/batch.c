/*
 * batch.c — the planner of batch.h.
 */
#include "persistence/batch.h"
#include <assert.h>
#include <stdlib.h>

void batch_push(struct batch_queue *q, struct batch_ask *a)
{
	assert(!q->last || q->last->seq < a->seq);
	a->next = NULL;
	if (q->last)
		q->last->next = a;
	else
		q->first = a;
	q->last = a;
	q->n++;
	q->bytes += a->m->size;
}

struct batch_ask *batch_pop(struct batch_queue *q)
{
	struct batch_ask *a = q->first;
	if (!a)
		return NULL;
	q->first = a->next;
	if (!q->first)
		q->last = NULL;
	q->n--;
	q->bytes -= a->m->size;
	a->next = NULL;
	return a;
}

void batch_merge(struct batch_queue *q, struct batch_queue *from)
{
	struct batch_queue both = { 0 };
	while (q->first || from->first) {
		bool ours = !from->first || (q->first && q->first->seq < from->first->seq);
		batch_push(&both, batch_pop(ours ? q : from));
	}
	*q = both;
}

/* The step this ask can join, or a new one; NULL when there is no room for one. */
static struct batch_step *step_for(struct batch *b, const struct batch_ask *a, uint32_t rows_most)
{
	for (uint32_t i = b->n; i-- > 0 && a->s->bulk >= 0;) {
		struct batch_step *step = &b->steps[i];
		if (step->s == a->s && step->business == a->m->business)
			if (step->rows + a->rows <= rows_most)
				return step;
	}
	if (b->n == BATCH_STEPS)
		return NULL;
	b->steps[b->n] = (struct batch_step){ .s = a->s,
		                              .business = a->m->business,
		                              .order = (uint16_t)b->n };
	return &b->steps[b->n++];
}

static int by_business(const void *x, const void *y)
{
	const struct batch_step *a = x, *b = y;
	if (a->business != b->business)
		return a->business < b->business ? -1 : 1;
	return (int)a->order - (int)b->order;
}

void batch_plan(struct batch *b, struct batch_queue *q, const struct batch_limits *most)
{
	uint64_t bytes = 0;
	b->n = b->asks = b->rows = 0;
	while (q->first) {
		struct batch_ask *a = q->first;
		uint32_t rows = a->rows ? a->rows : 1;
		bool full = b->asks == most->asks || b->rows + rows > most->rows ||
		            bytes + a->m->size > most->bytes || a->alone;
		struct batch_step *step = full && b->asks ? NULL : step_for(b, a, most->rows);
		if (!step)
			break;
		bytes += a->m->size;
		batch_push(&step->asks, batch_pop(q));
		step->rows += a->rows;
		b->rows += rows;
		b->asks++;
		if (a->alone)
			break;
	}
	qsort(b->steps, b->n, sizeof *b->steps, by_business);
}

void batch_release(struct batch *b, struct batch_queue *ret)
{
	*ret = (struct batch_queue){ 0 };
	for (uint32_t i = 0; i < b->n; i++)
		batch_merge(ret, &b->steps[i].asks);
	b->n = b->asks = b->rows = 0;
}
