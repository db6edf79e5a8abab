#include "gateway/twilio_line.h"
#include "gateway/inside.h"
#include "gateway/twilio_sign.h"
#include "proto/digest.h"
#include "proto/query.h"
#include "proto/tenant.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { LINES = 256, LINE_US = 10 * 1000000 };

struct lines {
	struct line cells[LINES]; /* a set of one for each hash of an account */
};

static const char owner;

static void lines_done(void *at)
{
	digest_forget(at, sizeof(struct lines));
}

static struct line *cell_of(struct exchange *x, struct str account)
{
	struct lines *l = exchange_shared(x, &owner, sizeof *l, lines_done);
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (uint32_t i = 0; i < account.len; i++)
		hash = (hash ^ (unsigned char)account.at[i]) * 16777619u;
	return l ? &l->cells[hash % LINES] : NULL;
}

/* ---- the form ----------------------------------------------------------------------------- */

static bool is_form(const struct exchange *x)
{
	return str_starts(exchange_header(x, "content-type"), "application/x-www-form-urlencoded");
}

struct str line_field(struct exchange *x, struct line_visit *v, const char *name)
{
	struct str raw = is_form(x) ? exchange_body(x) : x->visit.request->head.query;
	struct query q = query_of(raw);
	struct str key, value;
	while (query_next(&q, &key, &value))
		if (str_is(key, name))
			return query_decode(value, &v->a, &value) ? (struct str){ 0 } : value;
	return (struct str){ 0 };
}

/* ---- the address -------------------------------------------------------------------------- */

struct str line_url(struct exchange *x, bool socket, struct str target, char *room, size_t cap)
{
	const char *set = actor_setting(exchange_actor(x), "public_url");
	bool secure = *set ? !strncmp(set, "https:", 6) : x->visit.request->secure;
	const char *scheme = socket ? (secure ? "wss" : "ws") : secure ? "https" : "http";
	const char *host = strstr(set, "://");
	struct str named = host ? str_of(host + 3) : exchange_header(x, "host");
	while (named.len && named.at[named.len - 1] == '/')
		named.len--;
	int n = snprintf(room, cap, "%s://%.*s%.*s", scheme, STR(named), STR(target));
	return n > 0 && (size_t)n < cap ? str_n(room, (size_t)n) : (struct str){ 0 };
}

static struct str called_url(struct exchange *x, char *room, size_t cap)
{
	char target[TWILIO_URL_MAX];
	const struct http_head *h = &x->visit.request->head;
	int n = snprintf(target, sizeof target, "%.*s%s%.*s", STR(h->path), h->query.len ? "?" : "",
	                 STR(h->query));
	if (n < 0 || (size_t)n >= sizeof target)
		return (struct str){ 0 };
	return line_url(x, false, str_n(target, (size_t)n), room, cap);
}

/* ---- who sends ---------------------------------------------------------------------------- */

static enum err refuse(struct exchange *x)
{
	exchange_blame(x);
	return exchange_refuse(x, ERR_DENIED,
	                       "X-Twilio-Signature is not that of the account for this address: is "
	                       "public_url the one the carrier calls?");
}

static enum err verify(struct exchange *x, struct line_visit *v)
{
	char url[TWILIO_URL_MAX];
	struct str tokens[] = { str_of(v->line.tokens.auth), str_of(v->line.tokens.old) };
	struct twilio_request r = { .url = called_url(x, url, sizeof url),
		                    .body = exchange_body(x),
		                    .form = is_form(x) };
	enum err e = twilio_verify(&r, exchange_header(x, "x-twilio-signature"), tokens, 2, &v->a);
	digest_forget(&v->line.tokens, sizeof v->line.tokens);
	if (e == ERR_UNAUTHENTICATED)
		return refuse(x);
	if (e)
		return exchange_refuse(x, e, e == ERR_MISSING ? "X-Twilio-Signature" : NULL);
	exchange_act_for(x, v->line.business, 0);
	e = v->known(x);
	return e ? exchange_refuse(x, e, NULL) : OK;
}

static enum err on_line(struct actor *self, const struct msg *m)
{
	struct exchange *x = exchange_of(self, m);
	if (!x)
		return OK;
	if (msg_err(m) == ERR_NOT_FOUND)
		return refuse(x);
	if (msg_err(m))
		return exchange_refuse(x, ERR_UNAVAILABLE, NULL);
	const struct tenant_connector *got = tenant_connector_of(m);
	struct line_visit *v = x->state;
	char plain[SEAL_PLAIN_MAX + 1];
	struct line *cell = cell_of(x, got->account);
	if (!cell)
		return exchange_refuse(x, ERR_MEMORY, NULL);
	enum err e = exchange_unseal(x, got->business, "connector.secret", got->secret, plain);
	*cell = (struct line){ .id = got->id,
		               .business = got->business,
		               .until_us = actor_now_us(self) + LINE_US };
	str_keep(cell->account, sizeof cell->account, got->account);
	if (!e)
		e = twilio_secret_read(str_of(plain), &cell->tokens);
	digest_forget(plain, sizeof plain);
	if (e) {
		actor_log(self, LOG_ERROR, "secret_sealed connector=%" PRIu64 " err=%s", got->id,
		          err_info(e)->name);
		*cell = (struct line){ 0 };
		return exchange_refuse(x, ERR_UNAVAILABLE, NULL);
	}
	v->line = *cell;
	return verify(x, v);
}

enum err line_verify(struct exchange *x, struct line_visit *v, exchange_fn *known)
{
	v->a = (struct arena)ARENA_OVER(v->room);
	v->known = known;
	if (!exchange_header(x, "x-twilio-signature").len)
		return exchange_refuse(x, ERR_MISSING, "X-Twilio-Signature");
	struct str account = line_field(x, v, "AccountSid");
	if (!account.len || account.len > 64)
		return exchange_refuse(x, ERR_MISSING, "AccountSid");
	const struct line *cell = cell_of(x, account);
	if (cell && str_is(account, cell->account) &&
	    cell->until_us > actor_now_us(exchange_actor(x))) {
		v->line = *cell;
		return verify(x, v);
	}
	return exchange_ask(x, "store", on_line, 0,
	                    MSG(tenant_connector_of_account, .account = account));
}
