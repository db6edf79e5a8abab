/*
 * sequence.c — lanes of equal width; an arrow is drawn over the lanes between its two ends.
 */
#include "tools/tap/sequence.h"
#include <stdlib.h>

enum { LANE_LEAST = 15 };

enum err sequence_init(struct sequence *s)
{
	*s = (struct sequence){ .steps = calloc(SEQUENCE_STEPS, sizeof *s->steps) };
	return s->steps ? OK : ERR_MEMORY;
}

void sequence_done(struct sequence *s)
{
	free(s->steps);
	s->steps = NULL;
}

static uint8_t lane_of(struct sequence *s, struct str name)
{
	char cut[SEQUENCE_NAME];
	str_keep(cut, sizeof cut, name.len ? name : str_of("(node)"));
	for (uint32_t i = 0; i < s->n_lanes; i++)
		if (!strcmp(s->lanes[i], cut))
			return (uint8_t)i;
	if (s->n_lanes == SEQUENCE_LANES) {
		str_keep(s->lanes[SEQUENCE_LANES - 1], SEQUENCE_NAME, str_of("others"));
		return SEQUENCE_LANES - 1;
	}
	memcpy(s->lanes[s->n_lanes], cut, sizeof cut);
	return (uint8_t)s->n_lanes++;
}

void sequence_add(struct sequence *s, struct str from, struct str to, struct str label, uint64_t id,
                  uint64_t re)
{
	if (s->n_steps == SEQUENCE_STEPS) {
		s->left_out++;
		return;
	}
	struct sequence_step *step = &s->steps[s->n_steps++];
	*step = (struct sequence_step){ .answer = re != 0, .id = id, .re = re };
	step->from = lane_of(s, from);
	step->to = lane_of(s, to);
	str_keep(step->label, sizeof step->label, label);
}

/* ---- text ---------------------------------------------------------------------------------- */

static uint32_t lane_width(const struct sequence *s)
{
	size_t most = LANE_LEAST;
	for (uint32_t i = 0; i < s->n_lanes; i++)
		most = strlen(s->lanes[i]) + 2 > most ? strlen(s->lanes[i]) + 2 : most;
	for (uint32_t i = 0; i < s->n_steps; i++)
		most = strlen(s->steps[i].label) + 5 > most ? strlen(s->steps[i].label) + 5 : most;
	return (uint32_t)most;
}

static void repeat(struct buf *out, const char *what, uint32_t n)
{
	while (n-- > 0)
		buf_text(out, what);
}

/* The stretch between two neighbouring lanes that an arrow crosses; `label` is set in the last one
 * before its head, or the first one behind it, where it reads best. */
static void stretch(struct buf *out, const char *label, uint32_t width, bool head_left,
                    bool head_right)
{
	uint32_t used = (uint32_t)strlen(label) + (head_left || head_right);
	uint32_t before = (width - used) / 2;
	if (head_left)
		buf_text(out, "◀");
	repeat(out, "─", before);
	buf_text(out, label);
	repeat(out, "─", width - used - before);
	if (head_right)
		buf_text(out, "▶");
}

static void draw_step(const struct sequence *s, const struct sequence_step *t, uint32_t width,
                      struct buf *out)
{
	uint32_t left = t->from < t->to ? t->from : t->to,
		 right = t->from < t->to ? t->to : t->from;
	bool rightwards = t->from < t->to;
	for (uint32_t i = 0; i < s->n_lanes; i++) {
		bool start = i == left && left != right, end = i == right && left != right;
		buf_text(out, start && rightwards ? "├" : end && !rightwards ? "┤" : "│");
		if (i + 1 == s->n_lanes)
			break;
		if (i < left || i >= right)
			repeat(out, " ", width - 1);
		else
			stretch(out, i == left ? t->label : "", width - 1, i == left && !rightwards,
			        i + 1 == right && rightwards);
	}
	if (left == right)
		buf_printf(out, "  %s (to itself)", t->label);
	buf_printf(out, "  #%llu", (unsigned long long)t->id);
	if (t->re)
		buf_printf(out, " re %llu", (unsigned long long)t->re);
	buf_char(out, '\n');
}

void sequence_text(const struct sequence *s, struct buf *out)
{
	uint32_t width = lane_width(s);
	for (uint32_t i = 0; i < s->n_lanes; i++) {
		buf_text(out, s->lanes[i]);
		if (i + 1 < s->n_lanes)
			repeat(out, " ", width - (uint32_t)strlen(s->lanes[i]));
	}
	buf_char(out, '\n');
	for (uint32_t i = 0; i < s->n_steps; i++)
		draw_step(s, &s->steps[i], width, out);
	if (s->left_out)
		buf_printf(out, "… and %u more\n", s->left_out);
}

/* ---- mermaid: https://mermaid.js.org/syntax/sequenceDiagram.html ---------------------------- */

void sequence_mermaid(const struct sequence *s, struct buf *out)
{
	buf_text(out, "sequenceDiagram\n");
	for (uint32_t i = 0; i < s->n_lanes; i++)
		buf_printf(out, "  participant p%u as %s\n", i, s->lanes[i]);
	for (uint32_t i = 0; i < s->n_steps; i++) {
		const struct sequence_step *t = &s->steps[i];
		buf_printf(out, "  p%u%sp%u: %s", t->from, t->answer ? "-->>" : "->>", t->to,
		           t->label);
		buf_printf(out, t->re ? " re %llu\n" : " #%llu\n",
		           (unsigned long long)(t->re ? t->re : t->id));
	}
	if (s->left_out)
		buf_printf(out, "  Note over p0: and %u more\n", s->left_out);
}
