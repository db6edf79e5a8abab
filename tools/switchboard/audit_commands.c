/*
 * audit_commands.c — audit list, verify: what was done, by whom, and whether that still stands.
 *
 *     list     --business ─▶ its id ─▶ tenant.audit_list, page by page ─▶ a line each
 *     verify   tenant.audit_heads ─▶ each trail: tenant.audit_chain, page by page ─▶ chain.h
 */
#include "proto/json.h"
#include "tools/audit/chain.h"
#include "tools/switchboard/client.h"
#include "tools/switchboard/commands.h"
#include "tools/switchboard/rows.h"
#include "tools/switchboard/since.h"
#include <inttypes.h>
#include <time.h>

enum { ANSWER_MS = 30000, PAGE = 500, TRAILS = 500 };

static enum exit_code on_business(void *ctx, const struct cli *c, const struct msg *m)
{
	(void)c;
	*(uint64_t *)ctx = tenant_business_of(m)->id;
	return EXIT_DONE;
}

static enum exit_code business_id(const struct cli *c, uint64_t *ret)
{
	const char *name = cli_text(c, "business");
	return name ? client_ask(c, "store", ANSWER_MS, on_business, ret,
	                         MSG(tenant_business_find, .name = str_of(name)))
	            : EXIT_DONE;
}

/* ---- list ------------------------------------------------------------------------------------ */

struct listing {
	const struct cli *cli;
	struct tenant_audit_list ask;
	bool over;
	enum exit_code code;
};

static void print_row(const struct cli *c, const struct tenant_audit_row *r)
{
	char when[32] = "", whose[24] = "-", by[32] = "";
	time_t s = (time_t)(r->at_us / 1000000);
	struct tm tm;
	if (c->json) {
		cli_print_json(&tenant_audit_row_desc, r);
		return;
	}
	if (localtime_r(&s, &tm))
		(void)strftime(when, sizeof when, "%Y-%m-%d %H:%M:%S", &tm);
	if (r->business)
		(void)snprintf(whose, sizeof whose, "%" PRIu64, r->business);
	if (r->principal)
		(void)snprintf(by, sizeof by, "key %" PRIu64 ", ", r->principal);
	(void)printf("%-6" PRIu64 " %-19s %4s %-17.*s %-22.*s %s%.*s%s%.*s\n", r->id, when, whose,
	             STR(r->action), STR(r->subject), by, STR(r->asker), r->detail.len ? "  " : "",
	             STR(r->detail));
}

static bool next_page(void *ctx, struct client_turn *ret)
{
	struct listing *l = ctx;
	*ret = (struct client_turn){ .to = str_of("store"),
		                     .type = &tenant_audit_list_desc,
		                     .body = &l->ask,
		                     .ask = true,
		                     .within_ms = ANSWER_MS };
	return !l->over;
}

static void on_page(void *ctx, enum err e, const struct msg *m)
{
	struct listing *l = ctx;
	e = e || !m ? e : msg_err(m);
	if (e) {
		l->over = true;
		l->code = client_refused(l->cli, str_of("store"), ANSWER_MS, e);
		return;
	}
	const struct tenant_audit_rows *page = tenant_audit_rows_of(m);
	for (uint32_t i = 0; i < page->rows.n; i++) {
		print_row(l->cli, &page->rows.at[i]);
		l->ask.after = page->rows.at[i].id;
	}
	l->over = page->rows.n < PAGE;
}

enum exit_code cmd_audit_list(struct cli *c)
{
	struct listing l = { .cli = c, .ask.limit = PAGE };
	enum exit_code code = since_of(c, &l.ask.since_us);
	if (!code)
		code = business_id(c, &l.ask.business_id);
	if (!code)
		code = client_run(c, &(struct client_talk){ next_page, on_page, &l });
	return code ? code : l.code;
}

/* ---- verify ---------------------------------------------------------------------------------- */

struct trail {
	uint64_t id, seq, rows;
	char hash[CHAIN_HEX + 1], name[201];
};

struct verifying {
	const struct cli *cli;
	uint64_t only; /* this business; 0: all */
	struct tenant_audit_heads heads;
	struct tenant_audit_chain ask;
	struct trail trails[TRAILS];
	uint32_t n, at; /* of these; verified: those before `at` */
	bool last;      /* there are no others */
	struct chain chain;
	uint64_t rows, good, bad;
	enum exit_code code;
};

static const char *name_of(const struct trail *t)
{
	return *t->name ? t->name : t->id ? "a business that is gone" : "the system";
}

static void tell_json(const struct verifying *v, const struct trail *t)
{
	struct buf b;
	const struct chain *k = &v->chain;
	buf_init(&b, 4096);
	buf_printf(&b, "{\"business\":%" PRIu64 ",\"name\":", t->id);
	json_put_text(&b, t->name);
	buf_printf(&b, ",\"rows\":%" PRIu64 ",\"hash\":\"%s\",\"ok\":%s", t->rows, t->hash,
	           k->why ? "false" : "true");
	if (k->why)
		buf_printf(&b, ",\"seq\":%" PRIu64 ",\"id\":%" PRIu64 ",\"why\":\"%s\"", k->wrong,
		           k->row_id, k->why);
	(void)printf("%.*s}\n", STR(buf_view(&b)));
	buf_done(&b);
}

static void tell(struct verifying *v, const struct trail *t)
{
	const struct chain *k = &v->chain;
	char id[40] = "";
	v->rows += k->seq;
	v->good += !k->why;
	v->bad += k->why != NULL;
	if (k->row_id)
		(void)snprintf(id, sizeof id, " (id %" PRIu64 ")", k->row_id);
	if (v->cli->json)
		tell_json(v, t);
	else if (k->why)
		(void)printf("%s: row %" PRIu64 "%s %s\n", name_of(t), k->wrong, id, k->why);
	else
		(void)printf("%s: %" PRIu64 " row%s, ends with %.16s\n", name_of(t), t->rows,
		             t->rows == 1 ? "" : "s", t->hash);
}

/* All rows of it were read, or one does not fit. */
static void end_trail(struct verifying *v)
{
	const struct trail *t = &v->trails[v->at++];
	(void)chain_end(&v->chain, &(struct tenant_audit_head){ .id = t->id,
	                                                        .seq = t->seq,
	                                                        .rows = t->rows,
	                                                        .hash = str_of(t->hash) });
	tell(v, t);
	v->chain = (struct chain){ 0 };
}

static bool next_ask(void *ctx, struct client_turn *ret)
{
	struct verifying *v = ctx;
	*ret = (struct client_turn){ .to = str_of("store"), .ask = true, .within_ms = ANSWER_MS };
	if (v->code)
		return false;
	if (v->at < v->n) {
		const struct trail *t = &v->trails[v->at];
		v->ask = (struct tenant_audit_chain){
			.chain = t->id, .after = v->chain.seq, .until = t->seq, .limit = PAGE
		};
		ret->type = &tenant_audit_chain_desc;
		ret->body = &v->ask;
		return true;
	}
	if (v->last)
		return false;
	v->heads.from = v->n ? v->trails[v->n - 1].id + 1 : v->only;
	v->heads.limit = v->only ? 1 : TRAILS;
	ret->type = &tenant_audit_heads_desc;
	ret->body = &v->heads;
	return true;
}

static void on_heads(struct verifying *v, const struct tenant_audit_ends *ends)
{
	v->n = v->at = 0;
	v->last = v->only || ends->rows.n < TRAILS;
	for (uint32_t i = 0; i < ends->rows.n && i < TRAILS; i++) {
		const struct tenant_audit_head *h = &ends->rows.at[i];
		struct trail *t = &v->trails[v->n];
		*t = (struct trail){ .id = h->id, .seq = h->seq, .rows = h->rows };
		str_keep(t->hash, sizeof t->hash, h->hash);
		str_keep(t->name, sizeof t->name, h->name);
		v->n += !v->only || h->id == v->only;
	}
}

static void on_rows(struct verifying *v, const struct tenant_audit_rows *page)
{
	bool fits = true;
	for (uint32_t i = 0; fits && i < page->rows.n; i++)
		fits = chain_row(&v->chain, v->trails[v->at].id, &page->rows.at[i]);
	if (!fits || page->rows.n < PAGE)
		end_trail(v);
}

static void on_answer(void *ctx, enum err e, const struct msg *m)
{
	struct verifying *v = ctx;
	e = e || !m ? e : msg_err(m);
	if (e)
		v->code = client_refused(v->cli, str_of("store"), ANSWER_MS, e);
	else if (m->type == &tenant_audit_ends_desc)
		on_heads(v, tenant_audit_ends_of(m));
	else
		on_rows(v, tenant_audit_rows_of(m));
}

enum exit_code cmd_audit_verify(struct cli *c)
{
	static struct verifying v;
	v = (struct verifying){ .cli = c };
	enum exit_code code = business_id(c, &v.only);
	if (!code)
		code = client_run(c, &(struct client_talk){ next_ask, on_answer, &v });
	code = code ? code : v.code;
	if (!code && !c->json)
		(void)printf("%" PRIu64 " rows in %" PRIu64
		             " trails stand as they were written%s\n",
		             v.rows, v.good + v.bad, v.bad ? ", up to those named" : "");
	return code ? code : v.bad ? EXIT_PROBLEM : EXIT_DONE;
}
