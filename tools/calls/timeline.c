/*
 * timeline.c — timeline.h.
 */
#include "tools/calls/timeline.h"
#include <stdio.h>
#include <stdlib.h>

enum { LANE = 42, TIME = 10, TEXT = 512, LINES = 8 };

enum side { CALLER, AI };

void timeline_done(struct timeline *t)
{
	for (uint32_t i = 0; i < t->n; i++)
		free(t->events[i].text);
	free(t->events);
	*t = (struct timeline){ 0 };
}

static enum err add(struct timeline *t, struct timeline_event e, struct str text)
{
	if (t->n == TIMELINE_EVENTS) {
		t->left_out++;
		return OK;
	}
	if (t->n == t->cap) {
		uint32_t cap = t->cap ? t->cap * 2 : 64;
		struct timeline_event *more = realloc(t->events, cap * sizeof *more);
		if (!more)
			return ERR_MEMORY;
		t->events = more;
		t->cap = cap;
	}
	e.text = str_dup(text);
	if (!e.text)
		return ERR_MEMORY;
	t->events[t->n++] = e;
	return OK;
}

enum err timeline_add(struct timeline *t, const struct call_event *e)
{
	return add(t,
	           (struct timeline_event){ .at_us = e->at_us,
	                                    .epoch = e->epoch,
	                                    .seq = e->seq,
	                                    .kind = e->kind,
	                                    .ms = e->ms },
	           e->text);
}

enum err timeline_message(struct timeline *t, uint64_t at_us, bool ours, struct str text)
{
	return add(
		t,
		(struct timeline_event){ .at_us = at_us,
	                                 .kind = ours ? CALL_HAPPENING_SAID : CALL_HAPPENING_HEARD,
	                                 .written = true },
		text);
}

/* ---- one event in words -------------------------------------------------------------------------
 */

static bool is_word_of(const struct proto_enum *e, const char *text)
{
	for (uint32_t i = 0; i < e->n_values; i++)
		if (!strcmp(e->values[i].name, text))
			return true;
	return false;
}

static const char *doc_of(const struct proto_enum *e, const char *name)
{
	for (uint32_t i = 0; i < e->n_values; i++)
		if (!strcmp(e->values[i].name, name))
			return e->values[i].doc;
	return name;
}

static enum side down(const struct timeline_event *e, char ret[TEXT])
{
	bool over = is_word_of(&call_cause_enum, e->text);
	(void)snprintf(ret, TEXT, over ? "the call is over: %s" : "wire closes: %s",
	               over ? doc_of(&call_cause_enum, e->text) : e->text);
	return over ? CALLER : AI;
}

static enum side dropped(const struct timeline_event *e, char ret[TEXT])
{
	if (e->ms)
		(void)snprintf(ret, TEXT, "✗ %lld ms of audio dropped: %s", (long long)e->ms,
		               e->text);
	else
		(void)snprintf(ret, TEXT, "✗ audio dropped: %s", e->text);
	return strstr(e->text, "AI") ? AI : CALLER;
}

static enum side in_words(const struct timeline_event *e, char ret[TEXT])
{
	const char *text = e->text;
	bool carrier = !strcmp(text, "carrier");
	switch (e->kind) {
	case CALL_HAPPENING_WIRE_UP:
		(void)snprintf(ret, TEXT, "wire opens");
		return carrier ? CALLER : AI;
	case CALL_HAPPENING_WIRE_DOWN:
		return down(e, ret);
	case CALL_HAPPENING_SESSION:
		(void)snprintf(ret, TEXT, "has taken our settings%s%s", *text ? ": " : "", text);
		return AI;
	case CALL_HAPPENING_HEARD:
	case CALL_HAPPENING_SAID:
		(void)snprintf(ret, TEXT, "%s“%.480s”", e->written ? "✉ " : "", text);
		return e->kind == CALL_HAPPENING_HEARD ? CALLER : AI;
	case CALL_HAPPENING_TURN:
		(void)snprintf(ret, TEXT, "▶ answers after %lld ms", (long long)e->ms);
		return AI;
	case CALL_HAPPENING_BARGE_IN:
		(void)snprintf(ret, TEXT, "■ breaks in, %lld ms of the answer heard",
		               (long long)e->ms);
		return CALLER;
	case CALL_HAPPENING_DROPPED:
		return dropped(e, ret);
	case CALL_HAPPENING_DTMF:
		(void)snprintf(ret, TEXT, "presses %.32s", text);
		return CALLER;
	case CALL_HAPPENING_TOOL:
		(void)snprintf(ret, TEXT, "⚙ %.480s", text);
		return AI;
	case CALL_HAPPENING_FAILURE:
		(void)snprintf(ret, TEXT, "✗ %.480s", text);
		return AI;
	case CALL_HAPPENING_ROLLOVER:
		(void)snprintf(ret, TEXT, "a fresh session takes over");
		return AI;
	case CALL_HAPPENING_STATUS:
		(void)snprintf(ret, TEXT, "the carrier: %.480s", text);
		return CALLER;
	}
	(void)snprintf(ret, TEXT, "%.480s", text); /* of a newer switchboard */
	return AI;
}

/* ---- lanes
 * ---------------------------------------------------------------------------------------- */

static bool leads(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

uint32_t timeline_width(struct str text)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < text.len; i++)
		n += leads(text.at[i]);
	return n;
}

/* The longest start of the text that fits the lane, cut between words where it can be. */
static struct str next_line(struct str *left)
{
	uint32_t n = 0, at = 0, space = 0;
	while (at < left->len && (n < LANE || !leads(left->at[at]))) {
		if (left->at[at] == ' ' || left->at[at] == '\n')
			space = at;
		if (left->at[at] == '\n')
			break;
		n += leads(left->at[at++]);
	}
	uint32_t end = at == left->len ? at : space ? space : at;
	struct str line = str_n(left->at, end);
	while (end < left->len && (left->at[end] == ' ' || left->at[end] == '\n'))
		end++;
	*left = str_n(left->at + end, left->len - end);
	return line;
}

static void blanks(struct buf *out, uint32_t n)
{
	while (n--)
		buf_text(out, " ");
}

static void put(struct buf *out, const struct timeline_event *e, uint64_t start_us)
{
	char words[TEXT], time[32];
	enum side side = in_words(e, words);
	struct str left = str_of(words);
	int64_t ms = ((int64_t)e->at_us - (int64_t)start_us) / 1000;
	const char *sign = ms < 0 ? "-" : "";
	ms = ms < 0 ? -ms : ms;
	(void)snprintf(time, sizeof time, "%s%lld:%02lld.%03lld", sign, (long long)(ms / 60000),
	               (long long)(ms / 1000 % 60), (long long)(ms % 1000));
	for (uint32_t i = 0; left.len && i < LINES; i++) {
		struct str line = next_line(&left);
		if (side == CALLER) {
			blanks(out, LANE - timeline_width(line));
			buf_printf(out, "%.*s %*s %s\n", STR(line), TIME, i ? "" : time,
			           i ? "│" : "┤");
		} else {
			blanks(out, LANE);
			buf_printf(out, " %*s %s %.*s\n", TIME, i ? "" : time, i ? "│" : "├",
			           STR(line));
		}
	}
}

static int by_time(const void *a, const void *b)
{
	const struct timeline_event *x = a, *y = b;
	if (x->at_us != y->at_us)
		return x->at_us < y->at_us ? -1 : 1;
	if (x->epoch != y->epoch)
		return x->epoch < y->epoch ? -1 : 1;
	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

void timeline_write(struct timeline *t, uint64_t start_us, struct buf *out)
{
	if (t->n)
		qsort(t->events, t->n, sizeof *t->events, by_time);
	blanks(out, LANE - 6);
	buf_printf(out, "caller %*s │ AI\n", TIME, "time");
	for (uint32_t i = 0; i < t->n; i++)
		put(out, &t->events[i], start_us);
	if (t->left_out)
		buf_printf(out, "… and %u more events\n", t->left_out);
}
