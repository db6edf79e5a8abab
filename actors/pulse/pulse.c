/*
 * pulse — a node's sign of life: what it did and how it fares, published each second.
 *
 * One of the two kinds that look at the node itself (the other is the mirror): it reads node.h's
 * figures, which no message carries to it, and changes nothing.
 */
#include "actors/node.h"
#include "proto/beat.h"
#include "proto/sys.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { EVERY_MS = 1000 };

struct pulse {
	uint64_t born_us, faults;
	int64_t trouble_us;
};

/* Resident set, KiB: the second number of /proc/self/statm, in pages (proc(5)); 0 where there is
 * none. */
static uint32_t rss_kb(void)
{
	char line[128] = "", *at = line;
	FILE *f = fopen("/proc/self/statm", "re");
	if (!f)
		return 0;
	if (!fgets(line, sizeof line, f))
		line[0] = '\0';
	(void)fclose(f);
	(void)strtoul(at, &at, 10);
	return (uint32_t)(strtoul(at, NULL, 10) * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

static const char *deepest(struct node *n, uint64_t *ret_depth)
{
	const char *name = "";
	struct node_kind_stats k;
	*ret_depth = 0;
	for (uint32_t i = 0; node_kind_at(n, i, &k); i++) {
		if (k.queued > *ret_depth) {
			*ret_depth = k.queued;
			name = k.kind->name;
		}
	}
	return name;
}

static enum err on_due(struct actor *self)
{
	struct pulse *p = actor_state(self);
	struct node *n = actor_host(self);
	struct node_stats s = node_stats(n);
	uint64_t depth;
	const char *where = deepest(n, &depth);
	if (s.faults > p->faults)
		p->trouble_us = (int64_t)actor_wall_us(self);
	p->faults = s.faults;
	actor_after(self, EVERY_MS, on_due);
	return actor_publish(
		self, MSG(beat_pulse, .node = str_of(actor_node(self)), .epoch = node_epoch(n),
	                  .up_ms = (actor_now_us(self) - p->born_us) / 1000, .actors = s.actors,
	                  .waiting = (uint32_t)s.queued, .deepest = str_of(where),
	                  .depth = (uint32_t)depth, .handled = s.handled, .dead = s.dead,
	                  .restarts = (uint32_t)s.restarts, .rss_kb = rss_kb(),
	                  .trouble = str_of(node_trouble(n)), .trouble_us = p->trouble_us));
}

static enum err on_start(struct actor *self)
{
	struct pulse *p = actor_state(self);
	p->born_us = actor_now_us(self);
	return on_due(self);
}

static const struct actor_on takes[] = { { 0 } };
static const struct proto_desc *const sends[] = { &beat_pulse_desc, NULL };

const struct actor_kind pulse_actor = {
	.name = "pulse",
	.doc = "publishes the node's sign of life",
	.state = sizeof(struct pulse),
	.start = on_start,
	.takes = takes,
	.sends = sends,
	.place = PLACE_EVERY,
	.restart = { RESTART_ON_FAULT, .times = 10, .within_ms = 60000, .pause_ms = 1000 },
	.at_start = true,
};
