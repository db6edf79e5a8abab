/*
 * host.c — a node on a loop. The node counts messages, the host looks at the clock: so a turn stays
 * short whatever handlers cost, and a busy node does not enter the kernel for each thousand
 * messages.
 */
#include "actors/host.h"
#include <stdlib.h>

enum { RUN_US = 2000 }; /* of one loop turn for the actors; turns are to stay under 10 ms */

struct host {
	struct loop *loop;
	struct node *node;
	struct bus *bus;
	struct loop_stage *drain, *run, *flush;
	struct loop_timer *timer;
};

static bool on_drain(void *ctx)
{
	struct host *h = ctx;
	return bus_drain(h->bus, loop_now_us(h->loop));
}

static bool on_run(void *ctx)
{
	struct host *h = ctx;
	uint64_t now = loop_now_us(h->loop), until = now + RUN_US;
	bool more;
	do {
		more = node_turn(h->node, now, loop_wall_us(h->loop));
		if (more)
			now = loop_now_us(h->loop);
	} while (more && now < until);
	return more;
}

/* Last, and asked after everything else: what the flush itself brought counts, too. */
static bool on_flush(void *ctx)
{
	struct host *h = ctx;
	uint64_t now = loop_now_us(h->loop), next = node_next_us(h->node), bus_next = UINT64_MAX;
	bool more = false;
	if (h->bus) {
		more = bus_flush(h->bus, now, !node_busy(h->node));
		bus_next = bus_next_us(h->bus);
	}
	next = bus_next < next ? bus_next : next;
	if (next == UINT64_MAX)
		loop_timer_clear(h->timer);
	else
		loop_timer_set(h->timer, next > now ? next - now : 0);
	return more || node_busy(h->node);
}

static void on_timer(void *ctx)
{
	(void)ctx; /* it has woken the loop: the turn does the work */
}

enum err host_new(struct loop *loop, struct node *node, struct bus *bus, struct host **ret)
{
	struct host *h = calloc(1, sizeof *h);
	if (!h)
		return ERR_MEMORY;
	*h = (struct host){ .loop = loop, .node = node, .bus = bus };
	enum err e = loop_timer_new(loop, on_timer, h, &h->timer);
	if (!e && bus) {
		node_join(node, bus);
		e = loop_on_turn(loop, LOOP_DRAIN, on_drain, h, &h->drain);
	}
	if (!e)
		e = loop_on_turn(loop, LOOP_RUN, on_run, h, &h->run);
	if (!e)
		e = loop_on_turn(loop, LOOP_FLUSH, on_flush, h, &h->flush);
	if (e) {
		host_free(&h);
		return e;
	}
	*ret = h;
	return OK;
}

void host_free(struct host **ret)
{
	struct host *h = *ret;
	*ret = NULL;
	if (!h)
		return;
	loop_stage_free(&h->drain);
	loop_stage_free(&h->run);
	loop_stage_free(&h->flush);
	loop_timer_free(&h->timer);
	free(h);
}
