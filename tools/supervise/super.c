/*
 * super.c — the supervisor as an actor: what an operator asks of it, over the bus like anything
 * else.
 */
#include "proto/super.h"
#include "proto/call.h"
#include "proto/tenant.h"
#include "tools/audit/deeds.h"
#include "tools/supervise/pulses.h"
#include "tools/supervise/up.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WAITING_MOST = 8, TICK_MS = 200, DEEDS_MS = 1000, NOTE_MS = 5000, DOWN_MS = 1000 };

/* Who wants to hear how a restart goes on. */
struct waiting {
	const struct msg *asks[WAITING_MOST];
	uint64_t until_us[WAITING_MOST];
	uint32_t n;
	struct deed deed; /* on its way into the audit trail, while `noting` */
	bool noting, down;
};

/* ---- status ------------------------------------------------------------------------------ */

/* The second number of statm is what is in memory, in pages (proc(5)). */
static uint32_t rss_kb(uint32_t pid)
{
	char path[64], text[128] = "";
	(void)snprintf(path, sizeof path, "/proc/%u/statm", pid);
	FILE *f = pid ? fopen(path, "re") : NULL;
	if (!f)
		return 0;
	const char *blank = fgets(text, sizeof text, f) ? strchr(text, ' ') : NULL;
	(void)fclose(f);
	unsigned long pages = blank ? strtoul(blank + 1, NULL, 10) : 0;
	return (uint32_t)(pages * (unsigned long)sysconf(_SC_PAGESIZE) / 1024);
}

static const struct config_group *group_of(const struct up *u, const struct member *m)
{
	for (uint32_t i = 0; i < u->n_workers; i++)
		if (u->workers[i]->member == m)
			return u->workers[i]->group;
	return NULL;
}

static struct super_child child_of(const struct up *u, const struct member *m, struct str *hosts)
{
	const struct config_group *g = group_of(u, m);
	uint32_t n = 0, pid = child_alive(&m->child) ? m->ops->pid(m->owner) : 0;
	for (; g && g->hosts[n]; n++)
		hosts[n] = str_of(g->hosts[n]);
	struct super_child k = { .name = str_of(m->name),
		                 .group = str_of(m->group),
		                 .state = (enum super_state)m->child.state,
		                 .pid = pid,
		                 .since_us = m->since_us,
		                 .restarts = m->child.restarts,
		                 .deaths = child_deaths(&m->child, loop_now_us(u->loop)),
		                 .last = str_of(m->how),
		                 .last_us = m->how_us,
		                 .hosts = { .at = hosts, .n = n },
		                 .rss_kb = rss_kb(pid) };
	if (u->drain.member == m && m->settling) {
		k.state = SUPER_STATE_DRAINING;
		k.calls = u->drain.calls;
	}
	k.awaited = crew_awaited(m);
	if (pid)
		pulses_add(u->pulses, loop_now_us(u->loop), &k);
	return k;
}

static enum err reply_tree(struct actor *self, const struct msg *m)
{
	const struct up *u = actor_kind_data(self);
	uint32_t n = crew_count(u->crew);
	struct super_child *rows = calloc(n + 1, sizeof *rows);
	struct str(*hosts)[CONFIG_HOSTS] = calloc(n + 1, sizeof *hosts);
	struct super_guest guests[PULSES_MOST];
	enum err e = ERR_MEMORY;
	if (rows && hosts) {
		for (uint32_t i = 0; i < n; i++)
			rows[i] = child_of(u, crew_at(u->crew, i), hosts[i]);
		e = actor_reply(self, m,
		                MSG(super_tree, .version = str_of(SWITCHBOARD_VERSION),
		                    .since_us = u->since_us, .ready = crew_is_ready(u->crew),
		                    .stopping = crew_stopping(u->crew), .listen = str_of(u->listen),
		                    .state = str_of(u->state.dir),
		                    .children = { .at = rows, .n = n },
		                    .guests = { .at = guests,
		                                .n = pulses_guests(u->pulses, loop_now_us(u->loop),
		                                                   rows, n, guests) }));
	}
	free(rows);
	free(hosts);
	return e;
}

static enum err on_status(struct actor *self, const struct msg *m)
{
	return reply_tree(self, m);
}

/* ---- orders ------------------------------------------------------------------------------ */

static struct up *up_of(const struct actor *self)
{
	return (struct up *)(uintptr_t)actor_kind_data(self);
}

/* ---- the audit trail --------------------------------------------------------------------- */

/* Once for each order: a second call is haste. */
static enum err on_go_down(struct actor *self)
{
	struct waiting *w = actor_state(self);
	if (w->down)
		up_down(up_of(self));
	w->down = false;
	return OK;
}

static enum err on_deeds(struct actor *self);

static enum err on_noted(struct actor *self, const struct msg *m)
{
	struct waiting *w = actor_state(self);
	enum err e = msg_err(m);
	bool never = e == ERR_INVALID || e == ERR_MALFORMED || e == ERR_RANGE;
	w->noting = false;
	if (!e)
		deeds_drop(&w->deed);
	if (never) {
		deeds_refuse(&w->deed);
		actor_log(self, LOG_ERROR, "audit_refused err=%s file=%s", err_info(e)->name,
		          w->deed.file);
	}
	if (w->down && e)
		return on_go_down(self); /* the next `up` brings it */
	return e && !never ? OK : on_deeds(self);
}

/* One after the other, the oldest first; what cannot be brought now is tried again in a second. */
static enum err on_deeds(struct actor *self)
{
	struct waiting *w = actor_state(self);
	actor_after(self, DEEDS_MS, on_deeds);
	if (w->noting)
		return OK;
	if (!deeds_next(up_of(self)->state.dir, &w->deed))
		return w->down ? on_go_down(self) : OK;
	enum err e =
		actor_ask(self, "store", NOTE_MS, on_noted,
	                  MSG(tenant_audit_add, .action = str_of(w->deed.action),
	                      .subject = str_of(w->deed.subject), .detail = str_of(w->deed.detail),
	                      .once = str_n((const char *)w->deed.once, DEED_ONCE)));
	w->noting = !e;
	return e && w->down ? on_go_down(self) : OK;
}

/* Before the order is answered. A full disk stops no order. */
static void note(struct actor *self, const struct msg *m, const char *action, struct str subject,
                 const char *more)
{
	char by[160];
	actor_sender(self, m, by, sizeof by);
	enum err e = deeds_put(up_of(self)->state.dir, action, subject, by, more);
	if (e)
		actor_log(self, LOG_ERROR, "audit_unwritten action=%s subject=%.*s by=%s err=%s",
		          action, STR(subject), by, err_info(e)->name);
	actor_after(self, 1, on_deeds);
}

/* ---- orders, followed -------------------------------------------------------------------- */

/* A restart is under way: its drain goes on, and who waits for news of it has it. */
static enum err on_tick(struct actor *self)
{
	struct up *u = up_of(self);
	struct waiting *w = actor_state(self);
	enum err e = drain_tick(self, u);
	bool awaited = u->drain.member;
	for (uint32_t i = 0; i < crew_count(u->crew); i++)
		awaited |= crew_awaited(crew_at(u->crew, i));
	bool news = u->drain.again || !awaited;
	u->drain.again = false;
	for (uint32_t i = w->n; i--;) {
		if (!news && actor_now_us(self) < w->until_us[i])
			continue;
		const struct msg *m = w->asks[i];
		w->asks[i] = w->asks[--w->n];
		w->until_us[i] = w->until_us[w->n];
		if (!e)
			e = reply_tree(self, m);
	}
	if (awaited || w->n)
		actor_after(self, TICK_MS, on_tick);
	return e;
}

static enum err on_await(struct actor *self, const struct msg *m)
{
	struct waiting *w = actor_state(self);
	const struct msg *held = w->n < WAITING_MOST ? msg_hold(self, m) : NULL;
	if (!held)
		return ERR_BUSY;
	w->until_us[w->n] = actor_now_us(self) + 1000000;
	w->asks[w->n++] = held;
	actor_after(self, TICK_MS, on_tick);
	return OK;
}

static enum err on_busy(struct actor *self, const struct msg *m)
{
	drain_hear(up_of(self), call_busy_of(m));
	return OK;
}

static enum err on_restart(struct actor *self, const struct msg *m)
{
	const struct super_restart *ask = super_restart_of(m);
	struct up *u = up_of(self);
	if (ask->drain)
		u->drain.within_ms = ask->within_ms ? ask->within_ms : u->with.config->calls_ms;
	uint32_t n = crew_restart(u->crew, ask->pattern, ask->drain);
	if (!n)
		return ERR_NOT_FOUND;
	actor_after(self, TICK_MS, on_tick);
	note(self, m, "system.restart", ask->pattern, ask->drain ? ",\"drain\":true" : "");
	actor_log(self, LOG_INFO, "restart pattern=%.*s processes=%u", STR(ask->pattern), n);
	return actor_reply(self, m, MSG(super_done, .touched = n));
}

static enum err on_scale(struct actor *self, const struct msg *m)
{
	const struct super_scale *ask = super_scale_of(m);
	enum err e = up_scale(up_of(self), ask->group, ask->count);
	if (e)
		return e;
	char more[32];
	(void)snprintf(more, sizeof more, ",\"count\":%u", ask->count);
	note(self, m, "system.scale", ask->group, more);
	actor_log(self, LOG_INFO, "scale group=%.*s count=%u", STR(ask->group), ask->count);
	return actor_reply(self, m, MSG(super_done, .touched = ask->count));
}

static enum err on_down(struct actor *self, const struct msg *m)
{
	uint32_t n = 0;
	const struct up *u = up_of(self);
	for (uint32_t i = 0; i < crew_count(u->crew); i++)
		n += child_alive(&crew_at(u->crew, i)->child);
	((struct waiting *)actor_state(self))->down = true;
	note(self, m, "system.down", (struct str){ 0 },
	     "");                               /* goes down when that is in the trail, */
	actor_after(self, DOWN_MS, on_go_down); /* or now: the answer leaves first */
	return actor_reply(self, m, MSG(super_done, .touched = n));
}

/* From the crew, by way of our own mailbox: only actors publish. */
static enum err on_gave_up(struct actor *self, const struct msg *m)
{
	return actor_publish(self, &super_gave_up_desc, super_gave_up_of(m));
}

static enum err on_pulse(struct actor *self, const struct msg *m)
{
	const struct up *u = up_of(self);
	pulses_hear(u->pulses, loop_now_us(u->loop), (int64_t)actor_wall_us(self),
	            beat_pulse_of(m));
	return OK;
}

static const struct actor_on takes[] = {
	{ &beat_pulse_desc, on_pulse },
	{ &call_busy_desc, on_busy },
	{ &super_status_desc, on_status },
	{ &super_restart_desc, on_restart },
	{ &super_await_desc, on_await },
	{ &super_scale_desc, on_scale },
	{ &super_down_desc, on_down },
	{ &super_gave_up_desc, on_gave_up },
	{ 0 },
};
static const struct proto_desc *const sends[] = { &super_tree_desc,       &super_done_desc,
	                                          &super_gave_up_desc,    &call_drain_desc,
	                                          &tenant_audit_add_desc, NULL };

static const struct proto_desc *const hears[] = { &beat_pulse_desc, &call_busy_desc, NULL };

const struct actor_kind supervisor_actor = {
	.name = "supervisor",
	.doc = "starts, restarts and stops the processes",
	.state = sizeof(struct waiting),
	.start = on_deeds,
	.takes = takes,
	.sends = sends,
	.hears = hears,
	.place = PLACE_SINGLE,
	.mailbox = { .depth = 64, .full = FULL_REFUSE },
	.restart = { RESTART_ALWAYS, .times = 10, .within_ms = 60000, .pause_ms = 100 },
	.at_start = true,
};

/* ---- its node ---------------------------------------------------------------------------- */

static void on_joined(void *ctx)
{
	struct up *u = ctx;
	u->joined = true;
	up_tell_ready(u);
}

static void on_broken(void *ctx, const char *why)
{
	const struct up *u = ctx;
	say(&u->with.say, LOG_ERROR, "no orders can be taken: %s", why);
}

enum err super_open(struct up *u)
{
	char endpoints[STATE_HUBS][STATE_ENDPOINT];
	const char *hubs[STATE_HUBS + 1];
	char key[PATH_MAX + 64], address[STATE_ENDPOINT] = "", tcp[STATE_ENDPOINT + 16];
	bool far = far_node(u, u->with.say.node, key, sizeof key, address, sizeof address);
	enum err e = state_hubs(&u->state, endpoints, hubs);
	if (!e)
		e = pulses_new(&u->pulses);
	(void)snprintf(tcp, sizeof tcp, strchr(address, ':') ? "tcp://[%s]:0" : "tcp://%s:0",
	               address);
	u->kind = supervisor_actor;
	u->kind.data = u;
	const struct actor_kind *kinds[16] = { &u->kind };
	uint32_t n = 1;
	for (const struct actor_kind *const *k = u->with.kinds; *k && n < 15; k++)
		if ((*k)->place == PLACE_EVERY)
			kinds[n++] = *k;
	struct seat_config config = { .loop = u->loop,
		                      .name = u->with.say.node,
		                      .kinds = kinds,
		                      .known = u->with.kinds,
		                      .hubs = hubs,
		                      .dir = u->state.run,
		                      .tcp = far ? tcp : NULL,
		                      .key = far ? key : NULL,
		                      .log_format = u->with.say.format,
		                      .log_level = u->with.say.level,
		                      .joined = on_joined,
		                      .broken = on_broken,
		                      .ctx = u };
	if (!e)
		e = seat_new(&config, &u->seat);
	return e;
}

void super_gave_up(struct up *u, const struct member *m)
{
	enum err e = u->seat ? node_send(seat_node(u->seat), "supervisor",
	                                 MSG(super_gave_up, .name = str_of(m->name),
	                                     .last = str_of(m->how)))
	                     : OK;
	if (e)
		say(&u->with.say, LOG_WARN, "nobody hears of it err=%s", err_info(e)->name);
}
