/*
 * link_sim.c — a net under a fake clock (link_sim.h draws it).
 */
#include "tests/sim/link_sim.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { HOSTS = 32, LINE_FRAMES = 16, REDIAL_US = 50000, BREAK_MOST_US = 10000 };

enum due_what { DUE_FRAME, DUE_ANSWER, DUE_CONNECT, DUE_BREAK };

/* One thing that will happen. Links and lines are named, not pointed to: they may be gone by then.
 */
struct due {
	uint64_t at_us, serial;
	enum due_what what;
	uint32_t link, line; /* whom it happens to; of a FRAME: whence */
	uint32_t to;         /* FRAME: the link it reaches */
	struct frame *frame;
};

struct item {
	struct item *next;
	struct link_event event;
	uint32_t back_link, back_line; /* where an answer goes */
	struct frame *frame;
};

struct line {
	uint32_t number, to; /* 0: its end is not there */
	char endpoint[128];
	bool up;
	uint32_t in_flight;
	uint64_t last_due_us; /* frames of one line come in order, unless one is late */
};

struct sim_link {
	struct link link;
	struct sim_net *net;
	uint32_t id, host;
	char at[128], by_name[128];
	struct line *lines;
	uint32_t n_lines, cap_lines, last_line;
	struct item *first, **end, *lent;
	bool killed;
};

struct sim_net {
	uint64_t random, now_us, serial, trace;
	struct sim_weather weather;
	struct due *heap;
	uint32_t n_heap, cap_heap;
	struct sim_link **links;
	uint32_t n_links, last_link;
	bool cut[HOSTS][HOSTS];
};

/* ---- chance and time ------------------------------------------------------------------------ */

uint64_t sim_random(struct sim_net *n) /* splitmix64 */
{
	uint64_t x = n->random += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

uint64_t sim_below(struct sim_net *n, uint64_t bound)
{
	return bound ? sim_random(n) % bound : 0;
}

bool sim_chance(struct sim_net *n, uint32_t ppm)
{
	return ppm && sim_below(n, 1000000) < ppm;
}

uint64_t sim_now_us(const struct sim_net *n)
{
	return n->now_us;
}

uint64_t sim_trace(const struct sim_net *n)
{
	return n->trace;
}

void sim_trace_add(struct sim_net *n, uint64_t what)
{
	n->trace = (n->trace ^ what) * 0x100000001b3u + n->now_us;
}

static bool before(const struct due *a, const struct due *b)
{
	return a->at_us < b->at_us || (a->at_us == b->at_us && a->serial < b->serial);
}

static void heap_put(struct sim_net *n, struct due d)
{
	if (n->n_heap == n->cap_heap) {
		n->cap_heap = n->cap_heap ? n->cap_heap * 2 : 256;
		n->heap = realloc(n->heap, n->cap_heap * sizeof *n->heap);
		assert(n->heap);
	}
	d.serial = ++n->serial;
	uint32_t i = n->n_heap++;
	for (; i && before(&d, &n->heap[(i - 1) / 2]); i = (i - 1) / 2)
		n->heap[i] = n->heap[(i - 1) / 2];
	n->heap[i] = d;
}

static struct due heap_take(struct sim_net *n)
{
	struct due top = n->heap[0], last = n->heap[--n->n_heap];
	uint32_t i = 0;
	for (uint32_t k = 1; k < n->n_heap; k = 2 * i + 1) {
		if (k + 1 < n->n_heap && before(&n->heap[k + 1], &n->heap[k]))
			k++;
		if (!before(&n->heap[k], &last))
			break;
		n->heap[i] = n->heap[k];
		i = k;
	}
	n->heap[i] = last;
	return top;
}

uint64_t sim_next_us(const struct sim_net *n)
{
	return n->n_heap ? n->heap[0].at_us : UINT64_MAX;
}

/* ---- look-up -------------------------------------------------------------------------------- */

static struct sim_link *link_of(const struct sim_net *n, uint32_t id)
{
	for (uint32_t i = 0; i < n->n_links; i++)
		if (n->links[i]->id == id)
			return n->links[i];
	return NULL;
}

static struct sim_link *link_at(const struct sim_net *n, const char *endpoint)
{
	for (uint32_t i = 0; i < n->n_links; i++)
		if (!strcmp(n->links[i]->at, endpoint) || !strcmp(n->links[i]->by_name, endpoint))
			return n->links[i];
	return NULL;
}

static struct line *line_of(struct sim_link *l, uint32_t number)
{
	for (uint32_t i = 0; l && i < l->n_lines; i++)
		if (l->lines[i].number == number)
			return &l->lines[i];
	return NULL;
}

static bool is_cut(const struct sim_net *n, const struct sim_link *a, const struct sim_link *b)
{
	return n->cut[a->host][b->host];
}

void sim_cut(struct sim_net *n, uint32_t a, uint32_t b, bool cut)
{
	n->cut[a][b] = n->cut[b][a] = cut;
}

/* ---- what happens --------------------------------------------------------------------------- */

static struct item *inbox_put(struct sim_link *l, enum link_what what, uint32_t line,
                              struct frame *f)
{
	struct item *i = calloc(1, sizeof *i);
	assert(i);
	i->event = (struct link_event){ .what = what, .line = line };
	i->frame = f;
	if (f)
		i->event.bytes = str_n(f->at, f->len);
	*l->end = i;
	l->end = &i->next;
	sim_trace_add(l->net, (uint64_t)l->id << 32 | (uint64_t)what << 24 | line);
	if (f)
		sim_trace_add(l->net, (uint64_t)(unsigned char)f->at[3] << 32 | f->len);
	return i;
}

static void line_down(struct sim_net *n, struct sim_link *l, struct line *line)
{
	if (line->up)
		inbox_put(l, LINK_DOWN, line->number, NULL);
	line->up = false;
	line->to = 0;
	line->in_flight = 0;
	heap_put(n, (struct due){ .at_us = n->now_us + REDIAL_US,
	                          .what = DUE_CONNECT,
	                          .link = l->id,
	                          .line = line->number });
}

static void on_connect(struct sim_net *n, struct sim_link *l, struct line *line)
{
	struct sim_link *to = link_at(n, line->endpoint);
	if (line->up)
		return;
	if (!to || is_cut(n, l, to)) {
		heap_put(n, (struct due){ .at_us = n->now_us + REDIAL_US,
		                          .what = DUE_CONNECT,
		                          .link = l->id,
		                          .line = line->number });
		return;
	}
	line->up = true;
	line->to = to->id;
	line->in_flight = 0;
	line->last_due_us = n->now_us;
	inbox_put(l, LINK_UP, line->number, NULL);
}

/* A frame of a line that has broken or been closed since is gone with it. */
static void on_frame(struct sim_net *n, struct due *d)
{
	struct sim_link *from = link_of(n, d->link), *to = link_of(n, d->to);
	struct line *line = line_of(from, d->line);
	if (!to || (from && is_cut(n, from, to))) {
		if (line && line->in_flight)
			line->in_flight--;
		frame_unref(d->frame);
		return;
	}
	struct item *i = inbox_put(to, LINK_FRAME, 0, d->frame);
	i->back_link = d->link;
	i->back_line = d->line;
}

static void happen(struct sim_net *n, struct due d)
{
	struct sim_link *l = link_of(n, d.link);
	struct line *line = line_of(l, d.line);
	if (d.what == DUE_FRAME)
		on_frame(n, &d);
	else if (d.what == DUE_CONNECT && line)
		on_connect(n, l, line);
	else if (d.what == DUE_BREAK && line && line->to == d.to)
		line_down(n, l, line);
	else if (d.what == DUE_ANSWER && line && line->up)
		inbox_put(l, LINK_FRAME, line->number, d.frame);
	else
		frame_unref(d.frame);
}

void sim_advance(struct sim_net *n, uint64_t to_us)
{
	while (sim_next_us(n) <= to_us) {
		struct due d = heap_take(n);
		n->now_us = d.at_us > n->now_us ? d.at_us : n->now_us;
		happen(n, d);
	}
	n->now_us = to_us > n->now_us ? to_us : n->now_us;
}

/* ---- the link ------------------------------------------------------------------------------- */

static struct sim_link *own(struct link *l)
{
	return (struct sim_link *)l;
}

static enum err on_dial(struct link *link, const struct link_addr *to, uint32_t *ret)
{
	struct sim_link *l = own(link);
	if (l->n_lines == l->cap_lines) {
		l->cap_lines = l->cap_lines ? l->cap_lines * 2 : 8;
		l->lines = realloc(l->lines, l->cap_lines * sizeof *l->lines);
		assert(l->lines);
	}
	struct line *line = &l->lines[l->n_lines++];
	*line = (struct line){ .number = ++l->last_line };
	str_keep(line->endpoint, sizeof line->endpoint, str_of(to->endpoints[0]));
	heap_put(l->net, (struct due){ .at_us = l->net->now_us + 1 + sim_below(l->net, 1000),
	                               .what = DUE_CONNECT,
	                               .link = l->id,
	                               .line = line->number });
	*ret = line->number;
	return OK;
}

static void on_close(struct link *link, uint32_t number)
{
	struct sim_link *l = own(link);
	struct line *line = line_of(l, number);
	if (line)
		*line = l->lines[--l->n_lines];
}

static uint64_t delay_us(struct sim_net *n)
{
	const struct sim_weather *w = &n->weather;
	return w->delay_least_us + sim_below(n, w->delay_most_us - w->delay_least_us + 1);
}

static void put_frame(struct sim_link *l, struct line *line, struct frame *f, bool late)
{
	struct sim_net *n = l->net;
	uint64_t at_us = n->now_us + delay_us(n) + (late ? 4 * delay_us(n) : 0);
	if (!late) {
		at_us = at_us > line->last_due_us ? at_us : line->last_due_us;
		line->last_due_us = at_us;
	}
	line->in_flight++;
	heap_put(n, (struct due){ .at_us = at_us,
	                          .what = DUE_FRAME,
	                          .link = l->id,
	                          .line = line->number,
	                          .to = line->to,
	                          .frame = frame_ref(f) });
}

static enum err on_send(struct link *link, uint32_t number, struct frame *f)
{
	struct sim_link *l = own(link);
	struct line *line = line_of(l, number);
	const struct sim_weather *w = &l->net->weather;
	if (!line)
		return ERR_GONE;
	if (l->killed || !line->up || line->in_flight >= LINE_FRAMES)
		return ERR_FULL;
	if (!sim_chance(l->net, w->loss))
		put_frame(l, line, f, sim_chance(l->net, w->late));
	if (sim_chance(l->net, w->twin))
		put_frame(l, line, f, true);
	if (sim_chance(l->net, w->breaks))
		line_down(l->net, l, line);
	return OK;
}

static enum err on_answer(struct link *link, struct frame *f)
{
	struct sim_link *l = own(link);
	struct sim_link *to = l->lent ? link_of(l->net, l->lent->back_link) : NULL;
	if (!to || l->killed || !l->lent->back_line || is_cut(l->net, l, to))
		return ERR_NO_ROUTE;
	if (sim_chance(l->net, l->net->weather.loss))
		return OK;
	heap_put(l->net, (struct due){ .at_us = l->net->now_us + delay_us(l->net),
	                               .what = DUE_ANSWER,
	                               .link = to->id,
	                               .line = l->lent->back_line,
	                               .frame = frame_ref(f) });
	return OK;
}

static void give_back(struct sim_link *l)
{
	if (l->lent)
		frame_unref(l->lent->frame);
	free(l->lent);
	l->lent = NULL;
}

static bool on_next(struct link *link, struct link_event *ret)
{
	struct sim_link *l = own(link);
	give_back(l);
	while (l->first) {
		struct item *i = l->first;
		l->first = i->next;
		if (!l->first)
			l->end = &l->first;
		l->lent = i;
		struct line *back = line_of(link_of(l->net, i->back_link), i->back_line);
		if (back && back->in_flight)
			back->in_flight--;
		if (i->event.line && !line_of(l, i->event.line)) { /* closed meanwhile */
			give_back(l);
			continue;
		}
		*ret = i->event;
		return true;
	}
	return false;
}

static bool on_turn(struct link *link, uint64_t now_us)
{
	(void)now_us;
	return own(link)->first != NULL;
}

static const char *on_endpoint(struct link *link, uint32_t i)
{
	return i ? NULL : own(link)->at;
}

static const char *on_key(struct link *link)
{
	(void)link;
	return "";
}

/* Whoever had a connection here sees it break within 10 ms, as after kill -9. */
static void on_free(struct link *link)
{
	struct sim_link *l = own(link);
	struct sim_net *n = l->net;
	for (uint32_t i = 0; i < n->n_links; i++) {
		for (uint32_t k = 0; k < n->links[i]->n_lines; k++)
			if (n->links[i]->lines[k].to == l->id && !is_cut(n, n->links[i], l))
				heap_put(n, (struct due){ .at_us = n->now_us +
				                                   sim_below(n, BREAK_MOST_US),
				                          .what = DUE_BREAK,
				                          .link = n->links[i]->id,
				                          .line = n->links[i]->lines[k].number,
				                          .to = l->id });
	}
	for (uint32_t i = 0; i < n->n_links; i++)
		if (n->links[i] == l)
			n->links[i] = n->links[--n->n_links];
	give_back(l);
	while (l->first) {
		struct item *i = l->first;
		l->first = i->next;
		frame_unref(i->frame);
		free(i);
	}
	free(l->lines);
	free(l);
}

static const struct link_ops ops = {
	.dial = on_dial,
	.close = on_close,
	.send = on_send,
	.answer = on_answer,
	.next = on_next,
	.turn = on_turn,
	.endpoint = on_endpoint,
	.key = on_key,
	.free = on_free,
};

struct link *sim_link_new(struct sim_net *n, const char *name, uint64_t epoch, uint32_t host,
                          bool by_name)
{
	struct sim_link *l = calloc(1, sizeof *l);
	n->links = realloc(n->links, (n->n_links + 1) * sizeof *n->links);
	assert(l && n->links && host < HOSTS);
	l->link.ops = &ops;
	l->net = n;
	l->id = ++n->last_link;
	l->host = host;
	l->end = &l->first;
	snprintf(l->at, sizeof l->at, "sim://%s-%llx", name, (unsigned long long)epoch);
	if (by_name)
		snprintf(l->by_name, sizeof l->by_name, "sim://%s", name);
	n->links[n->n_links++] = l;
	return &l->link;
}

void sim_link_kill(struct link *l)
{
	own(l)->killed = true;
}

bool sim_link_ready(const struct link *l)
{
	return ((const struct sim_link *)l)->first != NULL;
}

/* ---- the net -------------------------------------------------------------------------------- */

struct sim_net *sim_net_new(uint64_t seed)
{
	struct sim_net *n = calloc(1, sizeof *n);
	assert(n);
	n->random = seed;
	n->now_us = 1000000;
	n->weather = (struct sim_weather){ .delay_least_us = 50, .delay_most_us = 500 };
	return n;
}

void sim_net_weather(struct sim_net *n, const struct sim_weather *w)
{
	n->weather = *w;
}

void sim_net_free(struct sim_net **net)
{
	struct sim_net *n = *net;
	*net = NULL;
	while (n->n_links) {
		struct link *l = &n->links[0]->link;
		link_free(&l);
	}
	for (uint32_t i = 0; i < n->n_heap; i++)
		frame_unref(n->heap[i].frame);
	free(n->heap);
	free(n->links);
	free(n);
}
