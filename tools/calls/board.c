/*
 * board.c — board.h.
 */
#include "tools/calls/board.h"
#include "proto/json.h"
#include <stdio.h>
#include <stdlib.h>

enum { CELL = 24 };

enum err board_init(struct board *b)
{
	*b = (struct board){ .rows = calloc(BOARD_ROWS, sizeof *b->rows) };
	return b->rows ? OK : ERR_MEMORY;
}

void board_done(struct board *b)
{
	free(b->rows);
	*b = (struct board){ 0 };
}

static struct board_row *row_of(struct board *b, uint64_t business, struct str call)
{
	for (uint32_t i = 0; i < b->n; i++)
		if (b->rows[i].business == business && str_is(call, b->rows[i].call))
			return &b->rows[i];
	if (b->n == BOARD_ROWS)
		return NULL;
	struct board_row *r = &b->rows[b->n++];
	*r = (struct board_row){ .business = business, .fresh = true };
	str_keep(r->call, sizeof r->call, call);
	return r;
}

static bool same(const struct call_pulse *a, const struct call_pulse *b)
{
	return a->state == b->state && a->turns == b->turns && a->barge_ins == b->barge_ins &&
	       a->dropped == b->dropped && a->first_audio_ms == b->first_audio_ms;
}

void board_heard(struct board *b, uint64_t business, const char *name, const struct call_pulse *p,
                 uint64_t now_us)
{
	struct board_row *r = row_of(b, business, p->call);
	if (!r)
		return;
	/* Of several gateways one answered the webhook and waits, another has the stream. */
	if (p->state == CALL_STATE_EXPECTED && r->now.state == CALL_STATE_LIVE)
		return;
	struct str party = p->direction == CALL_DIRECTION_OUTBOUND ? p->to : p->from;
	str_keep(r->party, sizeof r->party, party.len ? party : str_of("withheld"));
	str_keep(r->node, sizeof r->node, p->node);
	str_keep(r->name, sizeof r->name, str_of(name));
	r->heard_us = now_us;
	r->now = *p;
	r->now.call = r->now.from = r->now.to = r->now.node = (struct str){ 0 };
	r->changed = r->changed || !same(&r->now, &r->told);
}

static const char *age_text(uint64_t ms, char out[CELL])
{
	(void)snprintf(out, CELL, "%llu:%02llu", (unsigned long long)(ms / 60000),
	               (unsigned long long)(ms / 1000 % 60));
	return out;
}

static const char *ms_text(uint32_t ms, char out[CELL])
{
	if (ms)
		(void)snprintf(out, CELL, "%u ms", ms);
	else
		(void)snprintf(out, CELL, "-");
	return out;
}

/* ---- redrawn
 * -------------------------------------------------------------------------------------- */

static void draw_row(const struct board_row *r, struct buf *out)
{
	char age[CELL], first[CELL], median[CELL], worst[CELL];
	const struct call_pulse *p = &r->now;
	buf_printf(out, "%-16.16s %-16.16s %-3s %7s %5u %6llu %5u %9s %9s %9s\n", r->party, r->name,
	           p->state == CALL_STATE_EXPECTED           ? "…"
	           : p->direction == CALL_DIRECTION_OUTBOUND ? "out"
	                                                     : "in",
	           age_text(p->age_ms, age), p->turns, (unsigned long long)p->dropped, p->barge_ins,
	           ms_text(p->first_audio_ms, first), ms_text(p->turn_p50_ms, median),
	           ms_text(p->turn_worst_ms, worst));
}

void board_draw(struct board *b, uint32_t lines, const char *clock, struct buf *out)
{
	uint64_t drops = 0;
	for (uint32_t i = 0; i < b->n; i++)
		drops += b->rows[i].now.dropped;
	buf_printf(out, "%u live · %llu frames dropped · %llu ended since · %s\n", b->n,
	           (unsigned long long)drops, (unsigned long long)b->ended, clock);
	buf_printf(out, "%-16s %-16s %-3s %7s %5s %6s %5s %9s %9s %9s\n", "NUMBER", "BUSINESS",
	           "DIR", "AGE", "TURNS", "DROPS", "BARGE", "1ST AUDIO", "LATENCY", "WORST");
	uint32_t room = lines > 3 ? lines - 3 : 1;
	for (uint32_t i = 0; i < b->n && i < room; i++)
		draw_row(&b->rows[i], out);
	if (b->n > room)
		buf_printf(out, "… and %u more\n", b->n - room);
}

/* ---- told
 * ----------------------------------------------------------------------------------------- */

static void tell(const struct board_row *r, const char *word, const char *clock, struct buf *out)
{
	char age[CELL], first[CELL], median[CELL];
	const struct call_pulse *p = &r->now;
	buf_printf(out,
	           "%s %-6s %s %s business=%s age=%s turns=%u drops=%llu barge_ins=%u "
	           "first_audio=%s latency=%s\n",
	           clock, word, r->call, r->party, r->name, age_text(p->age_ms, age), p->turns,
	           (unsigned long long)p->dropped, p->barge_ins, ms_text(p->first_audio_ms, first),
	           ms_text(p->turn_p50_ms, median));
}

static void tell_json(const struct board_row *r, const char *word, const char *clock,
                      struct buf *out)
{
	struct call_pulse p = r->now;
	buf_text(out, "{\"change\":");
	json_put_text(out, word);
	buf_text(out, ",\"at\":");
	json_put_text(out, clock);
	buf_text(out, ",\"business\":");
	json_put_text(out, r->name);
	p.call = str_of(r->call);
	p.node = str_of(r->node);
	*(p.direction == CALL_DIRECTION_OUTBOUND ? &p.to : &p.from) = str_of(r->party);
	buf_text(out, ",\"call\":");
	(void)!json_write(out, &call_pulse_desc, &p, 0);
	buf_text(out, "}\n");
}

static const char *change_of(const struct board_row *r)
{
	return r->fresh                                ? "began"
	       : r->now.dropped != r->told.dropped     ? "drops"
	       : r->now.state != r->told.state         ? "live"
	       : r->now.turns != r->told.turns         ? "turn"
	       : r->now.barge_ins != r->told.barge_ins ? "barge"
	                                               : "audio";
}

static bool over(const struct board_row *r, uint64_t now_us)
{
	return now_us - r->heard_us >= BOARD_GONE_US;
}

void board_trim(struct board *b, uint64_t now_us)
{
	uint32_t n = 0;
	for (uint32_t i = 0; i < b->n; i++)
		if (!over(&b->rows[i], now_us))
			b->rows[n++] = b->rows[i];
	b->ended += b->n - n;
	b->n = n;
}

void board_changes(struct board *b, uint64_t now_us, const char *clock, bool json, struct buf *out)
{
	void (*say)(const struct board_row *, const char *, const char *, struct buf *) =
		json ? tell_json : tell;
	for (uint32_t i = 0; i < b->n; i++) {
		struct board_row *r = &b->rows[i];
		if (r->fresh || r->changed)
			say(r, change_of(r), clock, out);
		r->fresh = r->changed = false;
		r->told = r->now;
		if (over(r, now_us))
			say(r, "ended", clock, out);
	}
	board_trim(b, now_us);
}
