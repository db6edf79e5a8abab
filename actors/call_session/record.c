/*
 * record.c — see record.h.
 */
#include "actors/call_session/record.h"
#include "proto/utf8.h"
#include <stdlib.h>

void record_done(struct record *r)
{
	for (uint32_t i = 0; i < r->n; i++)
		free(r->notes[i].text);
	free(r->notes);
	*r = (struct record){ 0 };
}

static void remove_at(struct record *r, uint32_t i)
{
	r->bytes -= r->notes[i].len;
	free(r->notes[i].text);
	r->n--;
	memmove(&r->notes[i], &r->notes[i + 1], (r->n - i) * sizeof r->notes[0]);
}

static bool is_words(const struct record_note *n)
{
	return n->kind == CALL_HAPPENING_HEARD || n->kind == CALL_HAPPENING_SAID;
}

/* Those on their way stay: the store may have them already. */
static bool make_room(struct record *r)
{
	uint32_t i = r->in_flight;
	if (i >= r->n)
		return false;
	while (i < r->n && !is_words(&r->notes[i]))
		i++;
	remove_at(r, i < r->n ? i : r->in_flight);
	r->lost++;
	return true;
}

static bool grow(struct record *r)
{
	uint32_t cap = r->cap ? r->cap * 2 : 16;
	struct record_note *more = realloc(r->notes, cap * sizeof *more);
	if (!more)
		return false;
	r->notes = more;
	r->cap = cap;
	return true;
}

void record_note(struct record *r, uint64_t wall_us, enum call_happening kind, int64_t ms,
                 struct str text)
{
	struct record_note note = { .at_us = wall_us, .kind = kind, .ms = ms };
	note.len = utf8_cut(text, RECORD_TEXT);
	note.seq = ++r->last_seq;
	while (r->n && (r->n == RECORD_NOTES || r->bytes + note.len > RECORD_BYTES))
		if (!make_room(r))
			break;
	if (r->n == RECORD_NOTES || (r->n == r->cap && !grow(r))) {
		r->lost++;
		return;
	}
	note.text = note.len ? malloc(note.len) : NULL;
	if (!note.text)
		note.len = 0;
	for (uint32_t i = 0; i < note.len; i++) /* PostgreSQL keeps no NUL in a text */
		note.text[i] = text.at[i] ? text.at[i] : ' ';
	r->bytes += note.len;
	r->notes[r->n++] = note;
}

uint32_t record_send(struct record *r, struct call_noted ret[RECORD_SEND])
{
	r->in_flight = r->n < RECORD_SEND ? r->n : RECORD_SEND;
	for (uint32_t i = 0; i < r->in_flight; i++) {
		const struct record_note *n = &r->notes[i];
		ret[i] = (struct call_noted){ .seq = n->seq,
			                      .at_us = n->at_us,
			                      .kind = n->kind,
			                      .ms = n->ms,
			                      .text = str_n(n->text, n->len) };
	}
	return r->in_flight;
}

void record_stored(struct record *r)
{
	while (r->in_flight) {
		r->in_flight--;
		remove_at(r, 0);
	}
}

void record_unsent(struct record *r)
{
	r->in_flight = 0;
}

void record_turn(struct record *r, uint32_t latency_ms)
{
	r->latencies[r->turns++ % RECORD_TURNS] = latency_ms;
	if (latency_ms > r->worst_ms)
		r->worst_ms = latency_ms;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

uint32_t record_median(const struct record *r)
{
	uint32_t sorted[RECORD_TURNS], n = r->turns < RECORD_TURNS ? r->turns : RECORD_TURNS;
	memcpy(sorted, r->latencies, sizeof sorted);
	qsort(sorted, n, sizeof sorted[0], by_size);
	return n ? sorted[n / 2] : 0;
}
