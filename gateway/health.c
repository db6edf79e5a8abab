/*
 * health.c — is it alive, is it ready, and its figures: /api/health, /livez, /readyz, /metrics.
 *
 *     /readyz ─┬▶ store tenant.schema_find ─▶ database, migrations     both within the time limit
 *              └▶ heartbeat beat.list ──────▶ bus
 */
#include "gateway/wire.h"
#include "proto/beat.h"
#include "proto/http.h"
#include "proto/tenant.h"
#include <stdio.h>

enum { METRICS_MAX = 4 << 20, NODES_MAX = 1024 };

enum err health_route(struct exchange *x)
{
	return exchange_reply(x, 200, MSG(http_health, .status = str_of("ok")));
}

/* ---- ready -------------------------------------------------------------------------------------
 */

enum { ASK_STORE, ASK_HEARTBEAT, ASKS };

struct ready {
	unsigned pending;
	enum err err[ASKS];
	uint32_t applied, wanted; /* migrations, by number: of the database, of its store */
};

/* A migration run is a process of its own: a store can be there before it, or without it. */
static bool migrated(const struct ready *r)
{
	return !r->err[ASK_STORE] && r->applied >= r->wanted;
}

static bool all_pass(const struct ready *r)
{
	return migrated(r) && !r->err[ASK_HEARTBEAT];
}

static struct http_check check_of(const char *name, bool pass, const char *detail)
{
	return (struct http_check){ .name = str_of(name),
		                    .status = str_of(pass ? "pass" : "fail"),
		                    .detail = pass ? (struct str){ 0 } : str_of(detail) };
}

static enum err reply_bare(struct exchange *x, enum err why, const char *detail)
{
	const struct ready *r = exchange_state(x, sizeof *r);
	(void)why;
	(void)detail;
	return exchange_reply(x, all_pass(r) ? 200 : 503,
	                      MSG(http_ready, .status = str_of(all_pass(r) ? "pass" : "fail")));
}

static enum err reply_verbose(struct exchange *x)
{
	const struct ready *r = exchange_state(x, sizeof *r);
	enum err store = r->err[ASK_STORE], bus = r->err[ASK_HEARTBEAT];
	char behind[64];
	(void)snprintf(behind, sizeof behind, "applied up to %u of %u", r->applied, r->wanted);
	struct http_check rows[] = {
		check_of("database", !store, err_info(store)->text),
		check_of("migrations", migrated(r), store ? err_info(store)->text : behind),
		check_of("bus", !bus, err_info(bus)->text),
	};
	return exchange_reply(x, all_pass(r) ? 200 : 503,
	                      MSG(http_ready, .status = str_of(all_pass(r) ? "pass" : "fail"),
	                          .checks = { rows, sizeof rows / sizeof *rows }));
}

static enum err ready_reply(struct exchange *x)
{
	static const struct permit may = { PERMIT_KIND_LOOPBACK_OR, "metrics.read" };
	struct str verbose;
	if (!exchange_query(x, "verbose", &verbose))
		return reply_bare(x, OK, NULL);
	return permit_check(x, &may, reply_verbose, reply_bare);
}

static enum err on_ready(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	struct ready *r = exchange_state(x, sizeof *r);
	r->err[exchange_part(m)] = msg_err(m);
	if (exchange_part(m) == ASK_STORE && !msg_err(m)) {
		const struct tenant_schema *schema = tenant_schema_of(m);
		r->applied = schema->number;
		r->wanted = schema->wanted; /* 0 of a store older than this field */
	}
	enum err e = --r->pending ? OK : ready_reply(x);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

enum err ready_route(struct exchange *x)
{
	struct ready *r = exchange_state(x, sizeof *r);
	if (!r)
		return ERR_MEMORY;
	r->err[ASK_STORE] = exchange_ask(x, "store", on_ready, ASK_STORE, MSG(tenant_schema_find));
	r->pending += !r->err[ASK_STORE];
	r->err[ASK_HEARTBEAT] = exchange_ask(x, "heartbeat", on_ready, ASK_HEARTBEAT,
	                                     MSG(beat_list, .prefix = str_of("?")));
	r->pending += !r->err[ASK_HEARTBEAT];
	return r->pending ? OK : ready_reply(x);
}

/* ---- metrics ------------------------------------------------------------------------------------
 */

struct node_row {
	char name[65];
	uint64_t actors, waiting, handled, dead, restarts, silences;
	bool up;
};

struct figures {
	uint32_t n;
	struct node_row nodes[NODES_MAX];
};

/* Text between quotes: the exposition format's three escapes. Names have none of them. */
static void put_label(struct buf *b, const char *name)
{
	for (; *name; name++)
		buf_char(b, *name == '"' || *name == '\\' || *name == '\n' ? '_' : *name);
}

static void write_nodes(const struct figures *f, struct buf *b)
{
	static const struct {
		const char *name, *type, *help;
		size_t offset;
	} families[] = {
		{ "switchboard_actors", "gauge", "Actors alive.",
		  offsetof(struct node_row, actors) },
		{ "switchboard_mailbox_depth", "gauge", "Messages that wait in mailboxes.",
		  offsetof(struct node_row, waiting) },
		{ "switchboard_messages_handled_total", "counter", "Messages dealt with.",
		  offsetof(struct node_row, handled) },
		{ "switchboard_dead_letters_total", "counter", "Messages nobody could take.",
		  offsetof(struct node_row, dead) },
		{ "switchboard_actor_restarts_total", "counter", "Actors begun anew.",
		  offsetof(struct node_row, restarts) },
		{ "switchboard_node_silences_total", "counter", "Times a node fell silent.",
		  offsetof(struct node_row, silences) },
	};
	metrics_family(b, "switchboard_node_up", "gauge", "Was heard of within its time.");
	for (uint32_t i = 0; i < f->n; i++) {
		buf_text(b, "switchboard_node_up{node=\"");
		put_label(b, f->nodes[i].name);
		buf_printf(b, "\"} %d\n", f->nodes[i].up);
	}
	for (size_t k = 0; k < sizeof families / sizeof *families; k++) {
		metrics_family(b, families[k].name, families[k].type, families[k].help);
		for (uint32_t i = 0; i < f->n; i++) {
			uint64_t value;
			memcpy(&value, (const char *)&f->nodes[i] + families[k].offset,
			       sizeof value);
			buf_printf(b, "%s{node=\"", families[k].name);
			put_label(b, f->nodes[i].name);
			buf_printf(b, "\"} %llu\n", (unsigned long long)value);
		}
	}
}

static void write_own(const struct gateway *g, struct buf *b)
{
	struct http_server_stats s = http_server_stats(g->http);
	const struct {
		const char *name, *type, *help;
		uint64_t value;
	} rows[] = {
		{ "http_connections", "gauge", "Connections open.", s.connections },
		{ "http_connections_total", "counter", "Connections accepted.", s.accepted },
		{ "http_requests_in_flight", "gauge", "Requests under way.", g->n_live },
		{ "http_refused_total", "counter",
		  "Requests that broke the grammar or a limit of size "
		  "or time.",
		  s.refused },
		{ "http_timeouts_total", "counter", "Peers that were too slow.", s.timeouts },
		{ "http_resets_total", "counter", "Requests whose peer left first.", s.resets },
		{ "http_accept_stalls_total", "counter", "Times no connection could be accepted.",
		  s.stalls },
		{ "http_access_lines_lost_total", "counter",
		  "Access lines that could not be written.", access_lost(g->access) },
	};
	metrics_family(b, "switchboard_build_info", "gauge", "Constant 1; what runs.");
	buf_text(b, "switchboard_build_info{version=\"" SWITCHBOARD_VERSION "\"} 1\n");
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		metrics_family(b, rows[i].name, rows[i].type, rows[i].help);
		buf_printf(b, "%s %llu\n", rows[i].name, (unsigned long long)rows[i].value);
	}
}

static enum err metrics_reply(struct exchange *x)
{
	const struct gateway *g = x->visit.gateway;
	const struct figures *f = x->state;
	struct buf b;
	buf_init(&b, METRICS_MAX);
	write_own(g, &b);
	wires_write(g->wires, &b);
	metrics_write(g->metrics, &b);
	write_nodes(f, &b);
	metrics_write_process(&b);
	enum err e = buf_err(&b);
	if (!e)
		e = exchange_answer(x, 200, str_of("text/plain; version=0.0.4; charset=utf-8"),
		                    buf_view(&b));
	buf_done(&b);
	return e;
}

static bool is_node(const struct beat_entry *e)
{
	return e->up_ms || e->rss_kb;
}

static enum err on_beats(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	struct figures *f = x ? x->state : NULL;
	const struct beat_page *page = x && !msg_err(m) ? beat_page_of(m) : NULL;
	struct str last = { 0 };
	if (!x)
		return OK;
	for (uint32_t i = 0; page && i < page->entries.n; i++) {
		const struct beat_entry *e = &page->entries.at[i];
		last = e->name;
		if (!is_node(e) || f->n == NODES_MAX)
			continue;
		struct node_row *row = &f->nodes[f->n++];
		*row = (struct node_row){ .actors = e->actors,
			                  .waiting = e->waiting,
			                  .handled = e->handled,
			                  .dead = e->dead,
			                  .restarts = e->restarts,
			                  .silences = e->silences,
			                  .up = e->state == BEAT_STATE_ALIVE };
		str_keep(row->name, sizeof row->name, e->name);
	}
	if (page && page->more && last.len &&
	    !exchange_ask(x, "heartbeat", on_beats, 0, MSG(beat_list, .after = last)))
		return OK;
	enum err e = metrics_reply(x); /* without a heartbeat: this gateway's own figures alone */
	return e ? exchange_refuse(x, e, NULL) : OK;
}

enum err metrics_route(struct exchange *x)
{
	if (!exchange_state(x, sizeof(struct figures)))
		return ERR_MEMORY;
	if (exchange_ask(x, "heartbeat", on_beats, 0, MSG(beat_list)))
		return metrics_reply(x);
	return OK;
}
