/*
 * log.c — what is written and what is held back; and the lines of actors and of the node itself.
 */
#include "actors/runtime/log.h"
#include "actors/runtime/redact.h"
#include "actors/runtime/runtime.h"
#include <stdarg.h>
#include <stdio.h>

enum { WINDOW_US = 1000000 };

static void begin(struct log_row *r, uint64_t now_us)
{
	r->since_us = now_us;
	r->n = r->held = 0;
}

/* By the texts, not by where they lie: the same seed is the same log in every process. FNV-1a. */
static uint32_t row_of(const char *what, const char *kind)
{
	uint32_t hash = 2166136261u;
	for (; *what; what++)
		hash = (hash ^ (unsigned char)*what) * 16777619u;
	for (; kind && *kind; kind++)
		hash = (hash ^ (unsigned char)*kind) * 16777619u;
	return (hash ^ hash >> 16) % LOG_ROWS;
}

/* Two that share a row are told apart: the newcomer takes it over unless lines are held there. */
bool log_admit(struct log *l, uint64_t now_us, const char *what, const char *kind,
               enum actor_level level)
{
	struct log_row *r = &l->rows[row_of(what, kind)];
	if (r->what != what || r->kind != kind) {
		if (r->held)
			return true; /* rare: two texts in one row, both at once */
		*r = (struct log_row){ .what = what, .kind = kind, .level = level };
		begin(r, now_us);
		size_t n = strcspn(what, " ");
		str_keep(r->event, sizeof r->event, str_n(what, n));
	}
	if (now_us >= r->since_us + WINDOW_US && !r->held)
		begin(r, now_us);
	if (r->n < LOG_BURST) {
		r->n++;
		l->lines++;
		return true;
	}
	r->held++;
	l->held++;
	if (r->since_us + WINDOW_US < l->next_us)
		l->next_us = r->since_us + WINDOW_US;
	return false;
}

bool log_held(struct log *l, uint64_t now_us, struct log_row *ret)
{
	if (now_us < l->next_us)
		return false;
	l->next_us = UINT64_MAX;
	for (uint32_t i = 0; i < LOG_ROWS; i++) {
		struct log_row *r = &l->rows[i];
		if (!r->held)
			continue;
		if (now_us >= r->since_us + WINDOW_US) {
			*ret = *r;
			begin(r, now_us);
			l->next_us = 0; /* there may be more: come again */
			return true;
		}
		if (r->since_us + WINDOW_US < l->next_us)
			l->next_us = r->since_us + WINDOW_US;
	}
	return false;
}

static void write_line(struct node *n, const struct actor *about, enum actor_level level,
                       struct str text)
{
	char line[LOG_LINE];
	const struct hand *hand = about ? hand_of(about) : NULL;
	struct log_line l = {
		.level = level, .wall_us = n->wall_us, .node = str_of(n->name), .text = text
	};
	if (about)
		l.actor = name_of(about);
	if (hand) {
		l.business = hand->about->business;
		l.trace = hand->about->trace;
	}
	uint32_t len = log_format(n->config.log_format, &l, line, sizeof line);
	n->config.log(n->config.ctx, level, str_n(line, len));
}

static void write_args(struct node *n, const struct actor *about, enum actor_level level,
                       const char *fmt, va_list args)
{
	char text[LOG_TEXT];
	if (!n->config.log || level > n->config.log_level)
		return;
	if (!log_admit(&n->log, n->now_us, fmt, about ? about->hosted->kind->name : NULL, level))
		return;
	int len = vsnprintf(text, sizeof text, fmt, args);
	size_t used = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
	write_line(n, about, level, str_n(text, redact(text, used)));
}

void log_turn(struct node *n)
{
	struct log_row r;
	char text[LOG_TEXT];
	while (n->config.log && log_held(&n->log, n->now_us, &r)) {
		int len =
			snprintf(text, sizeof text, "repeated event=%s times=%u", r.event, r.held);
		write_line(n, NULL, r.level, str_n(text, (size_t)len));
	}
}

void node_log(struct node *n, const struct actor *about, enum actor_level level, const char *fmt,
              ...)
{
	va_list args;
	va_start(args, fmt);
	write_args(n, about, level, fmt, args);
	va_end(args);
}

void actor_log(struct actor *self, enum actor_level level, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	write_args(self->node, self, level, fmt, args);
	va_end(args);
}

static void note_trouble(struct actor *self, const char *fmt, va_list args)
{
	char *at = self->node->trouble;
	size_t room = sizeof self->node->trouble;
	struct str name = name_of(self);
	int n = snprintf(at, room, "%.*s: ", STR(name));
	if (n > 0 && (size_t)n < room)
		vsnprintf(at + n, room - (size_t)n, fmt, args);
}

enum err actor_fault(struct actor *self, const char *fmt, ...)
{
	va_list args;
	if (self->end != END_FAULT) {
		va_start(args, fmt);
		write_args(self->node, self, LOG_ERROR, fmt, args);
		va_end(args);
		va_start(args, fmt);
		note_trouble(self, fmt, args);
		va_end(args);
	}
	if (self->life == LIFE_ENDS) /* in stop: there is no more to end */
		return ERR_FAULT;
	self->end = END_FAULT;
	ready(self);
	return ERR_FAULT;
}
