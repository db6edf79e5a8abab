/*
 * view.c — decodes the body by its type's table; one arena, used again for each copy.
 */
#include "tools/tap/view.h"
#include "proto/codec.h"
#include "proto/digest.h"
#include "proto/json.h"
#include "proto/text.h"
#include <stdlib.h>

enum { LIMIT = 1000, ROOM = 1 << 20 };

enum err view_init(struct view *v, enum view_form form, bool reveal, uint64_t limit)
{
	*v = (struct view){ .form = form, .reveal = reveal, .limit = limit ? limit : LIMIT };
	return form == VIEW_SEQUENCE || form == VIEW_MERMAID ? sequence_init(&v->sequence) : OK;
}

void view_done(struct view *v)
{
	sequence_done(&v->sequence);
}

/* The struct, from memory of ours; NULL when there is no body, or it cannot be read. */
static const void *body_of(struct view *v, const struct proto_desc *type, struct str bytes)
{
	static _Alignas(16) char room[ROOM];
	struct arena a = ARENA_OVER(room);
	void *body = type && bytes.len ? arena_take(&a, type->size, 16) : NULL;
	if (!body)
		return NULL;
	memset(body, 0, type->size);
	if (!proto_decode(type, bytes, body, &a, NULL))
		return body;
	v->unread++;
	return NULL;
}

static void put_text(struct view *v, const struct tap_seen *s, const struct proto_desc *type,
                     const void *body, struct buf *out)
{
	struct text_line line = {
		.time_us = (uint64_t)s->at_us,
		.from = s->from,
		.type = type,
		.body = body,
		.to = s->event ? (struct str){ 0 } : s->to,
		.id = s->id,
		.re = s->re,
		.business = s->business,
		.err = (enum err)s->err,
	};
	if (type && (body || s->err))
		text_put_line(out, &line, v->reveal ? TEXT_REVEAL : 0);
	else
		buf_printf(out, "# %.*s > %.*s  %s: %u bytes, not shown", STR(s->from), STR(s->to),
		           type ? type->full : "a type unknown here", s->size);
	buf_char(out, '\n');
}

static void put_json(struct view *v, const struct tap_seen *s, const struct proto_desc *type,
                     const void *body, struct buf *out)
{
	char trace[33] = "";
	struct buf json;
	buf_init(&json, TAP_LINE_BODY_MAX);
	if (s->trace.len == 16)
		digest_hex(s->trace.at, s->trace.len, trace);
	if (body && json_write(&json, type, body, v->reveal ? 0 : JSON_MASK))
		buf_clear(&json);
	struct tap_line line = {
		.at_us = s->at_us,
		.node = s->node,
		.from = s->from,
		.to = s->to,
		.type = str_of(type ? type->full : "?"),
		.id = s->id,
		.re = s->re,
		.error = s->err ? str_of(err_info((enum err)s->err)->name) : (struct str){ 0 },
		.event = s->event,
		.business = s->business,
		.trace = str_of(trace),
		.size = s->size,
		.body = buf_view(&json),
		.lost = s->lost,
		.slow = v->unsaid,
	};
	if (json_write(out, &tap_line_desc, &line, 0))
		v->unread++;
	buf_char(out, '\n');
	buf_done(&json);
}

static void note_step(struct view *v, const struct tap_seen *s, const struct proto_desc *type)
{
	struct str label = str_of(type ? type->full : "?");
	if (s->err)
		label = str_of(err_info((enum err)s->err)->name);
	sequence_add(&v->sequence, s->from, s->to, label, s->id, s->re);
}

bool view_show(struct view *v, const struct tap_seen *s, struct buf *out)
{
	const struct proto_desc *type = proto_by_number(s->type);
	if (s->lost) {
		v->lost += s->lost;
		if (v->form == VIEW_TEXT)
			buf_printf(out, "# %llu more on %.*s, over the rate\n",
			           (unsigned long long)s->lost, STR(s->node));
	}
	if (v->unsaid && v->form == VIEW_TEXT)
		buf_printf(out, "# %llu more, which this output was read too slowly for\n",
		           (unsigned long long)v->unsaid);
	v->shown++;
	if (v->form == VIEW_SEQUENCE || v->form == VIEW_MERMAID)
		note_step(v, s, type);
	else if (v->form == VIEW_JSON)
		put_json(v, s, type, body_of(v, type, s->body), out);
	else
		put_text(v, s, type, body_of(v, type, s->body), out);
	v->unsaid = 0;
	return v->shown < v->limit;
}

void view_skip(struct view *v, const struct tap_seen *s)
{
	v->lost += s->lost;
	v->skipped++;
	v->unsaid++;
}

void view_end(struct view *v, uint64_t lasted_us, struct buf *out, struct buf *summary)
{
	if (v->form == VIEW_SEQUENCE)
		sequence_text(&v->sequence, out);
	else if (v->form == VIEW_MERMAID)
		sequence_mermaid(&v->sequence, out);
	buf_printf(summary, "%llu messages in %.1f s, %llu left out (over the rate)",
	           (unsigned long long)v->shown, (double)lasted_us / 1e6,
	           (unsigned long long)v->lost);
	if (v->skipped)
		buf_printf(summary, ", %llu left out (read too slowly)",
		           (unsigned long long)v->skipped);
	buf_printf(summary, "%s\n",
	           v->shown >= v->limit ? "; the limit is met: --limit for more" : "");
}
